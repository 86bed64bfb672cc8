"""Reads messages and records their delivery to the reader, unless that is an API key that acts as a user."""

from collections.abc import Sequence

from chatapp.core.identity import Actor
from chatapp.core.pagination import Page
from chatapp.features.history import queries
from chatapp.features.messages.actions import mark_delivered
from chatapp.representations.message import Message


def fetch_message(actor: Actor, chat_id: str, message_id: str) -> Message:
    """A message of a chat, as the actor sees it; raises NotFound."""
    message, deliveries = queries.read_message(actor, chat_id, message_id)
    _deliver(actor, deliveries)
    return message


def fetch_files(actor: Actor, chat_id: str, *, limit: int, cursor: str | None = None, type: str | None = None) -> Page:
    """A page of the messages of a chat that have a file, of one type or of both; raises NotFound."""
    fetched = queries.list_files(actor, chat_id, limit=limit, cursor=cursor, type=type)
    _deliver(actor, fetched.deliveries)
    return fetched.page


def fetch_mentions(actor: Actor, *, limit: int, cursor: str | None = None) -> Page:
    """A page of the messages that mention the actor by id."""
    fetched = queries.list_mentions(actor, limit=limit, cursor=cursor)
    _deliver(actor, fetched.deliveries)
    return fetched.page


def _deliver(actor: Actor, deliveries: Sequence[queries.Delivery]) -> None:
    if deliveries and not actor.acting:
        mark_delivered(deliveries)
