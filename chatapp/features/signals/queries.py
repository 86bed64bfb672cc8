"""Queries of signals."""

from chatapp.core.errors import NotFound
from chatapp.core.identity import Actor
from chatapp.core.prepared import Prepared
from chatapp.features.chats.permissions import closed
from chatapp.features.chats.queries import BLOCKS_PEER, NOT_VISIBLE

_IS_CLOSED = Prepared(
    "signal",
    f"""
    SELECT c.is_closed, c.is_closed AND {BLOCKS_PEER} FROM members me JOIN chats c ON c.id = me.chat_id
    WHERE me.chat_id = :chat_id AND me.user_id = :user_id
    """,
)


def require_open(actor: Actor, chat_id: str) -> None:
    """Raise NotFound for non-members, Forbidden (`you_blocked`, `cannot_send`) in a closed chat."""
    rows = _IS_CLOSED.read({"chat_id": chat_id, "user_id": actor.user_id})
    if not rows:
        raise NotFound(NOT_VISIBLE)
    is_closed, blocks = rows[0]
    if is_closed:
        raise closed(blocks=blocks)
