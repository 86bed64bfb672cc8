"""Users who are typing on this worker. Typing expires, since a lost client sends no end."""

from gevent import Greenlet

from chatapp.core.application import PerApplication, spawn_later
from chatapp.core.events import publish
from chatapp.core.identity import Actor
from chatapp.features.presence.events import TypingStarted, TypingStopped

EXPIRY_SECONDS = 6.0
# (chat, user) → socket → expiry timer.
_typing = PerApplication[dict[tuple[str, str], dict[str, Greenlet]]](dict)


def start(actor: Actor, socket_id: str, chat_id: str) -> None:
    """Announce that a user types; it expires after `EXPIRY_SECONDS`."""
    sockets = _typing.get().setdefault((chat_id, actor.user_id), {})
    if socket_id in sockets:
        sockets[socket_id].kill(block=False)
    sockets[socket_id] = spawn_later(EXPIRY_SECONDS, _cease, chat_id, actor.user_id, socket_id)
    publish(TypingStarted(chat_id, actor.user_id, actor.username))


def stop(chat_id: str, user_id: str) -> None:
    """Announce that a user stopped typing, whichever of their sockets began."""
    for ending in _typing.get().pop((chat_id, user_id), {}).values():
        ending.kill(block=False)
    publish(TypingStopped(chat_id, user_id))


def stop_in(chat_id: str, user_id: str) -> None:
    """Stop typing: the user sent the message or left the chat."""
    if (chat_id, user_id) in _typing.get():
        stop(chat_id, user_id)


def stop_of(user_id: str) -> None:
    """Stop all typing of a user."""
    for chat_id, typing_id in list(_typing.get()):
        if typing_id == user_id:
            stop(chat_id, user_id)


def forget(chat_id: str) -> None:
    """Forget who types in a deleted chat, which has no subscribers left."""
    for key in [key for key in _typing.get() if key[0] == chat_id]:
        for ending in _typing.get().pop(key).values():
            ending.kill(block=False)


def stop_on(socket_id: str) -> None:
    """Stop all typing on a closed socket."""
    for (chat_id, user_id), sockets in list(_typing.get().items()):
        if socket_id in sockets:
            sockets[socket_id].kill(block=False)
            _cease(chat_id, user_id, socket_id)


def _cease(chat_id: str, user_id: str, socket_id: str) -> None:
    """End typing on a socket, and announce it unless the user types on another one."""
    sockets = _typing.get()[chat_id, user_id]
    del sockets[socket_id]
    if not sockets:
        del _typing.get()[chat_id, user_id]
        publish(TypingStopped(chat_id, user_id))
