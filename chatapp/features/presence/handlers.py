"""Socket.IO events of typing."""

from chatapp.fanout.rooms import Connection, rooms
from chatapp.features.chats.queries import require_member
from chatapp.features.presence import typing
from chatapp.features.presence.schemas import TypingSchema
from chatapp.sockets.client_events import ClientEvent


def start_typing(connection: Connection, *, chat_id: str) -> None:
    """Show that the user is typing, unless their settings forbid it."""
    _require_subscriber(connection, chat_id)
    if rooms().privacy(connection.actor.user_id).shows_typing:
        typing.start(connection.actor, connection.id, chat_id)


def stop_typing(connection: Connection, *, chat_id: str) -> None:
    """Show that the user stopped typing."""
    _require_subscriber(connection, chat_id)
    if rooms().privacy(connection.actor.user_id).shows_typing:
        typing.stop(chat_id, connection.actor.user_id)


def _require_subscriber(connection: Connection, chat_id: str) -> None:
    """Raise NotFound unless the user is a member; only asks the database if the socket is not subscribed to the chat."""
    if chat_id not in connection.chats:
        require_member(connection.actor, chat_id)


EVENTS = (
    ClientEvent(
        "typing:start",
        TypingSchema,
        "Show the other members of a chat that the user is typing. Repeat it every few seconds while they type.",
        start_typing,
        about_socket=True,
    ),
    ClientEvent(
        "typing:stop",
        TypingSchema,
        "Show the other members of a chat that the user stopped typing.",
        stop_typing,
        about_socket=True,
    ),
)
