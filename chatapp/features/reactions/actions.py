"""Actions on reactions."""

from collections import defaultdict

from sqlalchemy import text

from chatapp.core import limits, settings
from chatapp.core.identity import Actor
from chatapp.core.unit_of_work import unit_of_work
from chatapp.features.messages.schemas import ReactionActor
from chatapp.features.reactions.batches import PendingReaction
from chatapp.features.reactions.batches import react as enqueue
from chatapp.features.reactions.changes import summarize
from chatapp.features.reactions.effects import Wanted
from chatapp.features.reactions.emoji import key_of

# Messages of which the reactions of an erased user are deleted per transaction.
MAX_MESSAGES_AT_ONCE = 100
_PORTION = text(
    """
    SELECT DISTINCT r.message_id::text AS message_id, m.chat_id::text AS chat_id
    FROM reactions r JOIN messages m ON m.id = r.message_id WHERE r.user_id = :user_id LIMIT :limit
    """
)
_LOCK_CHATS = text("SELECT FROM chats WHERE id = ANY(CAST(:chat_ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE")
_DELETE = text(
    """
    DELETE FROM reactions WHERE user_id = :user_id AND message_id = ANY(CAST(:message_ids AS uuid[]))
    RETURNING message_id::text, emoji
    """
)


def react(actor: Actor, *, message_id: str, emoji: str, on: bool, unique: bool = False) -> PendingReaction:
    """Give or take back a reaction; the result's value is the reactions to the message, once it is committed.

    With `unique`, a given reaction replaces the others of the actor. Raises Invalid for another text than an emoji; the
    result NotFound for non-members, Forbidden (`you_blocked`, `cannot_send`), Conflict (`message_deleted`,
    `too_many_reactions`).
    """
    wanted = Wanted(message_id, actor.user_id, emoji, key_of(emoji), on, unique)
    if actor.acting:
        # The transports count what users do themselves.
        limits.hit_user(limits.REACTIONS, f"user {actor.user_id}", settings.current().rate_reactions)
    pending = PendingReaction(actor, wanted)
    enqueue(pending)
    return pending


def delete_reactions_of(user_id: str) -> int:
    """Delete the reactions of an erased user to up to `MAX_MESSAGES_AT_ONCE` messages; returns to how many."""
    actors = defaultdict[str, list[ReactionActor]](list)
    with unit_of_work() as work:
        portion = work.db.execute(_PORTION, {"user_id": user_id, "limit": MAX_MESSAGES_AT_ONCE}).all()
        # A message that is deleted meanwhile has no reactions then.
        work.db.execute(_LOCK_CHATS, {"chat_ids": list({row.chat_id for row in portion})})
        values = {"user_id": user_id, "message_ids": [row.message_id for row in portion]}
        for message_id, emoji in work.db.execute(_DELETE, values):
            actors[message_id].append({"userId": user_id, "emoji": emoji, "on": False})
        summarize(work, actors)
    return len(portion)
