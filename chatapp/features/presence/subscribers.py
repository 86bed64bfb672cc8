"""Emits presence and typing, and ends the typing of members who left."""

from collections.abc import Mapping, Sequence

from chatapp.core.events import Subscriber
from chatapp.fanout import broadcast
from chatapp.fanout.rooms import rooms
from chatapp.features.chats.events import ChatDeleted, MemberLeft
from chatapp.features.presence import schemas, typing
from chatapp.features.presence.events import TypingStarted, TypingStopped, UserOffline, UserOnline
from chatapp.features.users.events import PrivacyChanged


def stop_typing_of_member(event: MemberLeft) -> None:
    """A user who left the chat has stopped typing."""
    typing.stop_in(event.chat_id, event.user_id)


def stop_typing_in_chat(event: ChatDeleted) -> None:
    """In a deleted chat all users have stopped typing."""
    typing.forget(event.chat_id)


def stop_typing_that_is_hidden(event: PrivacyChanged) -> None:
    """Users who show no typing from now on have stopped."""
    for user_id in event.user_ids:
        if not rooms().privacy(user_id).shows_typing:
            typing.stop_of(user_id)


def emit_typing(event: TypingStarted) -> None:
    """Emit to the other members that a user is typing."""
    payload: schemas.TypingStarted = {"chatId": event.chat_id, "userId": event.user_id, "username": event.username}
    broadcast.to_chat(
        event.chat_id, "typing:start", payload, exclude=event.user_id, gets=broadcast.profile_of(event.user_id)
    )


def emit_typing_stopped(event: TypingStopped) -> None:
    """Emit to the other members that a user stopped typing."""
    payload: schemas.TypingStopped = {"chatId": event.chat_id, "userId": event.user_id}
    gets = broadcast.profile_of(event.user_id)
    broadcast.to_chat(event.chat_id, "typing:stop", payload, exclude=event.user_id, gets=gets)


def emit_online(event: UserOnline) -> None:
    """Emit to all users who share a chat with the user."""
    gets = broadcast.presence_of(event.user_id)
    broadcast.to_chats(event.chat_ids, "user:online", {"userId": event.user_id}, exclude=event.user_id, gets=gets)


def emit_offline(event: UserOffline) -> None:
    """Emit to all users who share a chat with the user."""
    payload: schemas.UserOffline = {"userId": event.user_id, "lastSeen": event.last_seen}
    gets = broadcast.presence_of(event.user_id)
    broadcast.to_chats(event.chat_ids, "user:offline", payload, exclude=event.user_id, gets=gets)


SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = {
    MemberLeft: (stop_typing_of_member,),
    ChatDeleted: (stop_typing_in_chat,),
    PrivacyChanged: (stop_typing_that_is_hidden,),
    TypingStarted: (emit_typing,),
    TypingStopped: (emit_typing_stopped,),
    UserOnline: (emit_online,),
    UserOffline: (emit_offline,),
}
