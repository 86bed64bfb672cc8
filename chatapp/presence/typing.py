"""Who is typing where, on this worker: it ends by itself, since a client that is gone tells nothing."""

import gevent
from gevent import Greenlet

from chatapp.core.events import publish
from chatapp.core.identity import Actor
from chatapp.presence.events import TypingStarted, TypingStopped

EXPIRY_SECONDS = 6.0
# (chat, login) → what will end it.
_typing: dict[tuple[str, str], tuple[Greenlet, Actor]] = {}


def start(actor: Actor, chat_id: str) -> None:
    """Somebody types: the others hear it, and hear the end of it `EXPIRY_SECONDS` after the last time."""
    key = (chat_id, actor.session_id)
    if key in _typing:
        _typing[key][0].kill(block=False)
    _typing[key] = gevent.spawn_later(EXPIRY_SECONDS, stop, actor, chat_id), actor
    publish(TypingStarted(chat_id, actor.user_id, actor.username))


def stop(actor: Actor, chat_id: str) -> None:
    """Somebody types no longer; nobody is told who did not hear that they began."""
    if begun := _typing.pop((chat_id, actor.session_id), None):
        if begun[0] is not gevent.getcurrent():
            begun[0].kill(block=False)
        publish(TypingStopped(chat_id, actor.user_id))


def stop_all(actor: Actor) -> None:
    """The last socket of a login is closed."""
    for chat_id, session_id in list(_typing):
        if session_id == actor.session_id:
            stop(actor, chat_id)


def stop_in(chat_id: str, user_id: str) -> None:
    """Somebody left a chat."""
    for (typed_in, _), (_, actor) in list(_typing.items()):
        if typed_in == chat_id and actor.user_id == user_id:
            stop(actor, chat_id)
