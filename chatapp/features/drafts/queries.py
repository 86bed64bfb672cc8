"""Queries of drafts."""

from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.errors import Json, NotFound
from chatapp.core.identity import Actor
from chatapp.features.chats.queries import require_member
from chatapp.representations.draft import DRAFT_OBJECT, Draft

_WHOSE = "d.user_id = :user_id AND d.chat_id = :chat_id AND NOT d.is_gone"
_DRAFT = text(
    f"""
    SELECT {DRAFT_OBJECT} FROM drafts d JOIN members me ON me.chat_id = d.chat_id AND me.user_id = d.user_id WHERE {_WHOSE}
    """
)
# The live draft, if it is the same.
_IS_SAME = text(
    f"""
    SELECT d.content = :content AND d.reply_to IS NOT DISTINCT FROM CAST(:reply_to AS uuid)
           AND d.metadata IS NOT DISTINCT FROM CAST(:metadata AS jsonb)
    FROM drafts d WHERE {_WHOSE}
    """
)
_LIVE = text("SELECT count(*) FROM drafts WHERE user_id = :user_id AND NOT is_gone")
_IN_CHAT = text("SELECT true FROM messages WHERE id = :id AND chat_id = :chat_id")


def find_draft(db: Connection, actor: Actor, chat_id: str) -> Draft | None:
    """The actor's draft in a chat of which they are a member."""
    return db.execute(_DRAFT, {"user_id": actor.user_id, "chat_id": chat_id}).scalar()


def read_draft(actor: Actor, chat_id: str) -> Draft:
    """The actor's draft in a chat; raises NotFound without one, and for non-members."""
    with reading() as db:
        draft = find_draft(db, actor, chat_id)
    if draft is None:
        require_member(actor, chat_id)
        raise NotFound("Draft not found.")
    return draft


def is_same(db: Connection, values: Json) -> bool | None:
    """True if the draft has these values, None if there is none."""
    return db.execute(_IS_SAME, values).scalar()


def count_drafts(db: Connection, actor: Actor) -> int:
    """The number of chats with a draft of the actor."""
    return db.execute(_LIVE, {"user_id": actor.user_id}).scalar_one()  # type: ignore[no-any-return]


def is_in_chat(db: Connection, chat_id: str, message_id: str) -> bool:
    """True for a message of the chat, deleted or not."""
    return db.execute(_IN_CHAT, {"id": message_id, "chat_id": chat_id}).scalar() is not None
