"""What only some messages have: a reply, mentions, metadata, a format."""

from typing import TypedDict

from sqlalchemy import Connection, text

from chatapp.core import limits, settings
from chatapp.core.db import reading
from chatapp.core.errors import Forbidden, Json, NotFound
from chatapp.core.identity import Actor
from chatapp.core.limits import Limit
from chatapp.features.chats.queries import NOT_VISIBLE
from chatapp.features.messages.schemas import MAX_MENTIONED_BY_MEMBERS
from chatapp.models.enums import MemberRole

_MEMBER = text(
    """
    SELECT me.role, c.member_count FROM members me JOIN chats c ON c.id = me.chat_id
    WHERE me.chat_id = :chat_id AND me.user_id = :user_id
    """
)


class Extras(TypedDict, total=False):
    """The columns `send_statements.EXTRAS` by field, without empty values."""

    replyToId: str
    mentionIds: list[str]
    mentionsAll: bool
    metadata: Json
    format: str
    forwarded: Json


def extras(reply_to_id: str | None, mentions: Json | None, metadata: Json | None, format: str | None) -> Extras:
    """What a request says of these, without empty values and repeated mentions."""
    found: Extras = {}
    if reply_to_id:
        found["replyToId"] = reply_to_id
    if mentions and mentions["user_ids"]:
        found["mentionIds"] = list(dict.fromkeys(mentions["user_ids"]))
    if mentions and mentions["all"]:
        found["mentionsAll"] = True
    if metadata:
        found["metadata"] = metadata
    if format:
        found["format"] = format
    return found


def allow_mention_of_all(actor: Actor, chat_id: str) -> None:
    """Count a mention of all members. Raises NotFound for non-members, Forbidden (`mention_all_forbidden`), RateLimited."""
    with reading() as db:
        count_mention_of_all(db, actor, chat_id)


def count_mention_of_all(db: Connection, actor: Actor, chat_id: str) -> None:
    """Like `allow_mention_of_all`, in a transaction."""
    row = db.execute(_MEMBER, {"chat_id": chat_id, "user_id": actor.user_id}).first()
    if row is None:
        raise NotFound(NOT_VISIBLE)
    if row.member_count > MAX_MENTIONED_BY_MEMBERS and row.role != MemberRole.ADMIN:
        raise Forbidden(
            f"Only admins can mention all members of a group of more than {MAX_MENTIONED_BY_MEMBERS}.",
            code="mention_all_forbidden",
        )
    limits.hit(Limit(settings.current().rate_mention_all, "mention all", f"{actor.user_id} {chat_id}", exact=True))
