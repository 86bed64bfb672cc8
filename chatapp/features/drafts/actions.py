"""Actions on drafts. Each first locks the actor's member row, and takes the number of the change last."""

import orjson
from sqlalchemy import text

from chatapp.core import audit, limits, settings
from chatapp.core.errors import Conflict, Invalid, Json
from chatapp.core.identity import Actor
from chatapp.core.limits import Limit
from chatapp.core.unit_of_work import unit_of_work
from chatapp.features.drafts import queries
from chatapp.features.drafts.schemas import DraftEvent
from chatapp.features.messages.changes import lock_reader
from chatapp.features.own_state.changes import announce, take_me_rev
from chatapp.representations.draft import DRAFT_OBJECT, Draft

MAX_DRAFTS = 200
_PUT = text(
    f"""
    INSERT INTO drafts AS d (user_id, chat_id, content, reply_to, metadata, updated_at, me_rev)
    VALUES (:user_id, :chat_id, :content, :reply_to, CAST(:metadata AS jsonb), clock_timestamp(), :me_rev)
    ON CONFLICT (user_id, chat_id) DO UPDATE SET content = excluded.content, reply_to = excluded.reply_to,
        metadata = excluded.metadata, updated_at = excluded.updated_at, me_rev = excluded.me_rev, is_gone = false
    RETURNING {DRAFT_OBJECT}
    """
)
# The row stays for the user's devices that are offline.
_DELETE = text(
    """
    UPDATE drafts SET is_gone = true, content = '', reply_to = NULL, metadata = NULL, updated_at = clock_timestamp(),
                      me_rev = :me_rev
    WHERE user_id = :user_id AND chat_id = :chat_id
    """
)


def put_draft(
    actor: Actor, chat_id: str, *, content: str, reply_to_id: str | None = None, metadata: Json | None = None
) -> Draft:
    """Set the actor's draft in a chat. The same draft again changes nothing.

    Raises RateLimited, NotFound for non-members, Invalid for a reply to no message of the chat, Conflict (`limit_reached`).
    """
    limits.hit(Limit(settings.current().rate_drafts, "drafts", actor.user_id, exact=True))
    values: Json = {"user_id": actor.user_id, "chat_id": chat_id, "content": content, "reply_to": reply_to_id}
    values["metadata"] = orjson.dumps(metadata).decode() if metadata else None
    with unit_of_work() as work:
        lock_reader(work, actor, chat_id)
        is_same = queries.is_same(work.db, values)
        if is_same and (draft := queries.find_draft(work.db, actor, chat_id)):
            return draft
        if reply_to_id and not queries.is_in_chat(work.db, chat_id, reply_to_id):
            raise Invalid("Message not found in this chat.", errors={"replyToId": ["Not a message of this chat."]})
        me_rev = take_me_rev(work, actor.user_id)
        # A statement after the number is taken sees all drafts that were committed before: the limit is exact.
        if is_same is None and queries.count_drafts(work.db, actor) >= MAX_DRAFTS:
            raise Conflict(f"You can have up to {MAX_DRAFTS} drafts.", code="limit_reached")
        changed: Draft = work.db.execute(_PUT, values | {"me_rev": me_rev}).scalar_one()
        announce(work, actor.user_id, me_rev, "me:draft", changed)
        audit.record_acting(work.db, actor, "chat.draft_updated", ("chat", chat_id))
        return changed


def delete_draft(actor: Actor, chat_id: str) -> None:
    """Delete the actor's draft in a chat; without one, nothing happens. Raises RateLimited, NotFound for non-members."""
    limits.hit(Limit(settings.current().rate_drafts, "drafts", actor.user_id, exact=True))
    with unit_of_work() as work:
        lock_reader(work, actor, chat_id)
        if queries.find_draft(work.db, actor, chat_id) is None:
            return
        me_rev = take_me_rev(work, actor.user_id)
        work.db.execute(_DELETE, {"user_id": actor.user_id, "chat_id": chat_id, "me_rev": me_rev})
        gone: DraftEvent = {"chatId": chat_id, "meRev": me_rev, "isGone": True}
        announce(work, actor.user_id, me_rev, "me:draft", gone)
        audit.record_acting(work.db, actor, "chat.draft_deleted", ("chat", chat_id))
