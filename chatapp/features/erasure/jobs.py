"""The job that erases users."""

import time
from collections.abc import Iterator

import gevent

from chatapp.core.jobs import Job, JobType
from chatapp.features.erasure import actions
from chatapp.features.erasure.schemas import Messages
from chatapp.features.reactions.actions import MAX_MESSAGES_AT_ONCE as MAX_REACTED_AT_ONCE
from chatapp.features.reactions.actions import delete_reactions_of
from chatapp.features.reports.actions import forget_user
from chatapp.features.users.queries import ERASURE

# Seconds that each portion takes at least: 2,000 messages a second at most.
PORTION_SECONDS = actions.MAX_MESSAGES_AT_ONCE / 2000
REACTED_SECONDS = MAX_REACTED_AT_ONCE / 2000
# A killed attempt counts too.
MAX_ATTEMPTS = 1000


def _erase(job: Job) -> None:
    """Erase the rest of a user. Each part finds what an earlier attempt left."""
    user_id, erases_messages = job.args["userId"], job.args["messages"] == Messages.ERASE
    done = job.done
    total = done + actions.count_rest(user_id, messages=erases_messages)
    job.progress(done, total)
    while changed := actions.leave_chats(user_id):
        done += changed
        job.progress(done, max(done, total))
    for deleted in _delete_messages(user_id) if erases_messages else ():
        done += deleted
        job.progress(done, max(done, total))
    # A chat that was being created or joined when the account was deactivated.
    while actions.leave_chats(user_id):
        pass
    # Without chats to react in, there are no new ones.
    for deleted in _delete_reactions(user_id):
        done += deleted
        job.progress(done, max(done, total))
    forget_user(user_id, messages=erases_messages)
    actions.delete_account_data(user_id)


def _delete_messages(user_id: str) -> Iterator[int]:
    """Delete the messages of a user in portions; the number in each."""
    # First those with a `clientId`, in their order.
    after: str | None = "00000000-0000-0000-0000-000000000000"
    while True:
        began = time.monotonic()
        deleted, last = actions.delete_messages(user_id, after)
        if deleted:
            yield deleted
            gevent.sleep(max(0.0, began + PORTION_SECONDS - time.monotonic()))
        elif after is None:
            return
        after = after and last


def _delete_reactions(user_id: str) -> Iterator[int]:
    """Delete the reactions of a user in portions; the number of messages in each."""
    while deleted := delete_reactions_of(user_id):
        yield deleted
        gevent.sleep(REACTED_SECONDS)


JOBS = (JobType(ERASURE, _erase, max_attempts=MAX_ATTEMPTS),)
