"""Emits presence and typing, and ends the typing of members who left."""

from collections.abc import Mapping, Sequence

from chatapp.core.events import Subscriber
from chatapp.fanout import broadcast
from chatapp.features.chats.events import ChatDeleted, MemberLeft
from chatapp.features.presence import typing
from chatapp.features.presence.events import TypingStarted, TypingStopped, UserOffline, UserOnline


def stop_typing_of_member(event: MemberLeft) -> None:
    """A user who left the chat has stopped typing."""
    typing.stop_in(event.chat_id, event.user_id)


def stop_typing_in_chat(event: ChatDeleted) -> None:
    """In a deleted chat all users have stopped typing."""
    typing.forget(event.chat_id)


def emit_typing(event: TypingStarted) -> None:
    """Emit to the other members that a user is typing."""
    payload = {"chatId": event.chat_id, "userId": event.user_id, "username": event.username}
    broadcast.to_chat(event.chat_id, "typing:start", payload, exclude=event.user_id)


def emit_typing_stopped(event: TypingStopped) -> None:
    """Emit to the other members that a user stopped typing."""
    payload = {"chatId": event.chat_id, "userId": event.user_id}
    broadcast.to_chat(event.chat_id, "typing:stop", payload, exclude=event.user_id)


def emit_online(event: UserOnline) -> None:
    """Emit to all users who share a chat with the user."""
    broadcast.to_chats(event.chat_ids, "user:online", {"userId": event.user_id}, exclude=event.user_id)


def emit_offline(event: UserOffline) -> None:
    """Emit to all users who share a chat with the user."""
    payload = {"userId": event.user_id, "lastSeen": event.last_seen}
    broadcast.to_chats(event.chat_ids, "user:offline", payload, exclude=event.user_id)


SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = {
    MemberLeft: (stop_typing_of_member,),
    ChatDeleted: (stop_typing_in_chat,),
    TypingStarted: (emit_typing,),
    TypingStopped: (emit_typing_stopped,),
    UserOnline: (emit_online,),
    UserOffline: (emit_offline,),
}
