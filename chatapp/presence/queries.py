"""Reads who may type where."""

from chatapp.chats.queries import membership
from chatapp.core.db import reading
from chatapp.core.errors import NotFound
from chatapp.core.identity import Actor


def require_member(actor: Actor, chat_id: str) -> None:
    """Raise NotFound for who is not in a chat."""
    with reading() as db:
        found = membership(db, actor, chat_id)
    if found is None or not found.visible:
        raise NotFound("There is no such chat that you can see.")
