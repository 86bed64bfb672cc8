"""Emits changed profiles. Changes of a user within `COALESCE_SECONDS` are one event."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gevent.event import Event

from chatapp.core.application import PerApplication
from chatapp.core.events import Subscriber
from chatapp.fanout import broadcast
from chatapp.fanout.rooms import rooms
from chatapp.features.users import queries
from chatapp.features.users.events import ProfileChanged
from chatapp.features.users.schemas import UserUpdated

COALESCE_SECONDS = 2.0
# How often the changed profiles are looked through.
CHECK_SECONDS = 0.1


@dataclass
class _Pending:
    """A changed profile, to be emitted to these chats."""

    due: float = field(default_factory=lambda: time.monotonic() + COALESCE_SECONDS)
    chat_ids: set[str] = field(default_factory=set)


# By user.
_pending = PerApplication[dict[str, _Pending]](dict)
_noted = PerApplication(Event)


def note_profile(event: ProfileChanged) -> None:
    """Emit the profile soon."""
    _pending.get().setdefault(event.user_id, _Pending()).chat_ids.update(event.chat_ids)
    _noted.get().set()


def emit_due() -> None:
    """Emit the profiles that are due, once there are changed ones (a background task)."""
    pending, noted = _pending.get(), _noted.get()
    if not pending:
        noted.clear()
        noted.wait()
    now = time.monotonic()
    due = {user_id: each.chat_ids for user_id, each in pending.items() if each.due <= now}
    here = [user_id for user_id, chat_ids in due.items() if _has_recipients(user_id, chat_ids)]
    # As they are now, for changes until now: later ones follow.
    payloads = queries.user_events(here) if here else {}
    for user_id, chat_ids in due.items():
        del pending[user_id]
        if user_id in payloads:
            payload: UserUpdated = {"user": payloads[user_id]}
            gets = broadcast.profile_of(user_id)
            broadcast.to_user_and_chats(user_id, chat_ids, "user:updated", payload, gets=gets)


def _has_recipients(user_id: str, chat_ids: set[str]) -> bool:
    return bool(rooms().of_users((user_id,))) or any(rooms().of_chat(chat_id) for chat_id in chat_ids)


SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = {ProfileChanged: (note_profile,)}
TASKS = ((CHECK_SECONDS, emit_due),)
