"""What happened → what happens next, in order, on every worker."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from chatapp.auth.events import SessionEnded
from chatapp.auth.queries import live_sessions
from chatapp.auth.sessions import sessions
from chatapp.chats.events import ChatCreated, ChatDeleted, ChatUpdated, MemberJoined, MemberLeft, MemberUpdated
from chatapp.chats.queries import members_among, rooms_of
from chatapp.core.errors import Json
from chatapp.core.events import Subscriber
from chatapp.messages.actions import mark_delivered
from chatapp.messages.events import MessageDeleted, MessageEdited, MessagesDelivered, MessageSent, MessagesRead
from chatapp.presence import typing
from chatapp.presence.events import TypingStarted, TypingStopped, UserOffline, UserOnline
from chatapp.realtime import broadcast
from chatapp.realtime.actors import refresh_actor
from chatapp.realtime.deliveries import Deliveries
from chatapp.realtime.group_receipts import GroupReceipts
from chatapp.realtime.rooms import rooms
from chatapp.users.events import AccountChanged

deliveries = Deliveries(mark_delivered)


class ChatChanged(Protocol):
    """An event that tells everybody in a chat of one of its changes."""

    chat_id: str
    rev: int
    payload: Json


def tell_change(name: str) -> Subscriber:
    """A subscriber that sends an event's payload, under `name`, to everybody in its chat, in the order of `rev`."""

    def subscriber(event: ChatChanged) -> None:
        broadcast.to_chat_in_order(event.chat_id, event.rev, name, event.payload)

    subscriber.__name__ = f"tell_{name}"
    return subscriber


def close_sockets(event: SessionEnded) -> None:
    """A login is over: so are its sockets."""
    rooms.endings += 1
    sessions.forget(event.user_id)
    for connection in rooms.of_session(event.user_id, event.session_id):
        connection.close("session ended")


def know_anew(event: AccountChanged) -> None:
    """Somebody's sockets act as who they are now."""
    rooms.endings += 1
    sessions.forget(event.user_id)
    for connection in rooms.of_users([event.user_id]):
        refresh_actor(connection, sessions.find_actor)


def enter_room(event: ChatCreated) -> None:
    """The members of a new chat hear it from now on."""
    rooms.join(event.chat_id, event.member_ids, event.rev)


def welcome(event: MemberJoined) -> None:
    """A new member learns of the chat, and hears it from now on."""
    rooms.join(event.chat_id, [event.user_id], event.rev)
    broadcast.to_user(event.user_id, "chat:new", event.chat)
    for user_id in event.online:
        if user_id != event.user_id:
            broadcast.to_user(event.user_id, "user:online", {"userId": user_id})


def emit_online_members(event: ChatCreated) -> None:
    """Events carry no presence: emit that of the members whom `chat:new` lists."""
    for user_id in event.online:
        broadcast.to_chat(event.chat_id, "user:online", {"userId": user_id}, besides=user_id)


def emit_online_member(event: MemberJoined) -> None:
    """Events carry no presence: emit that of the member whom `chat:member_joined` is about."""
    if event.is_online:
        broadcast.to_chat(event.chat_id, "user:online", {"userId": event.user_id}, besides=event.user_id)


def show_out(chat_id: str, user_id: str, rev: int) -> Json:
    """Somebody who has left a chat learns it, and hears nothing of it after that; what the others are told."""
    payload = {"chatId": chat_id, "userId": user_id}
    typing.stop_in(chat_id, user_id)
    broadcast.to_user(user_id, "chat:member_left", payload)
    rooms.leave(chat_id, [user_id], rev)
    return payload


def look_again(chat_id: str) -> None:
    """A change of a chat was told by nobody: perhaps somebody has left it."""
    user_ids, rev = rooms.outsiders(chat_id, members_among)
    for user_id in user_ids:
        show_out(chat_id, user_id, rev)


def see_off(event: MemberLeft) -> None:
    """Everybody learns who left; that person at once, to hear nothing of the chat after that."""
    payload = show_out(event.chat_id, event.user_id, event.rev)
    broadcast.to_chat_in_order(event.chat_id, event.rev, "chat:member_left", payload)


def close_room(event: ChatDeleted) -> None:
    """Everybody learns that a chat is gone, and nobody hears it any more."""
    broadcast.to_chat(event.chat_id, "chat:deleted", {"chatId": event.chat_id})
    rooms.close(event.chat_id)


def note_delivery(event: MessageSent) -> None:
    """Whoever has a live socket was handed the message."""
    if not rooms.deaf:
        hearers = {c.actor.user_id for c in rooms.of_chat(event.chat_id)} - {event.payload["senderId"]}
        if hearers:
            deliveries.add(event.chat_id, event.payload["seq"], hearers)


def emit_read(event: MessagesRead) -> None:
    """Emit a read receipt to the chat, or to its audience in a large group."""
    if event.audience is None:
        broadcast.to_chat(event.chat_id, "messages:read", event.payload)
    else:
        broadcast.to_members(event.chat_id, event.audience, "messages:read", event.payload)


def emit_delivered(event: MessagesDelivered) -> None:
    """Emit delivery receipts at once in a direct chat, coalesced in a group."""
    if not rooms.hears(event.chat_id):
        return
    if event.is_group:
        group_receipts.add(event.chat_id, event.receipts, event.audience)
    else:
        _emit_receipts(event.chat_id, event.receipts, None)


def _emit_receipts(chat_id: str, delivered: Mapping[str, int], audience: Collection[str] | None) -> None:
    receipts = [{"userId": user_id, "deliveredSeq": seq} for user_id, seq in delivered.items()]
    payload = {"chatId": chat_id, "receipts": receipts}
    if audience is None:
        broadcast.to_chat(chat_id, "messages:delivered", payload)
    else:
        broadcast.to_members(chat_id, audience, "messages:delivered", payload)


group_receipts = GroupReceipts(_emit_receipts)


def stop_typing(event: MessageSent) -> None:
    """Who has sent types no longer."""
    typing.stop_in(event.chat_id, event.payload["senderId"])


def tell_typing(event: TypingStarted) -> None:
    """The others in the chat learn that somebody types."""
    payload = {"chatId": event.chat_id, "userId": event.user_id, "username": event.username}
    broadcast.to_chat(event.chat_id, "typing:start", payload, besides=event.user_id)


def tell_typing_stopped(event: TypingStopped) -> None:
    """The others in the chat learn that somebody types no longer."""
    payload = {"chatId": event.chat_id, "userId": event.user_id}
    broadcast.to_chat(event.chat_id, "typing:stop", payload, besides=event.user_id)


def tell_online(event: UserOnline) -> None:
    """Who shares a chat with somebody learns that they are here."""
    broadcast.to_chats(event.chat_ids, "user:online", {"userId": event.user_id}, besides=event.user_id)


def tell_offline(event: UserOffline) -> None:
    """Who shares a chat with somebody learns that they are gone."""
    payload = {"userId": event.user_id, "lastSeen": event.last_seen}
    broadcast.to_chats(event.chat_ids, "user:offline", payload, besides=event.user_id)


def hear_others(audible: bool) -> None:
    """Whether the other workers can be heard: while not, sockets are told nothing; afterwards, and whenever something
    may not have been told, who hears what and whose session lives is read from the database."""
    sessions.remember(audible)
    if not audible:
        rooms.deaf = True
        return
    rooms.endings += 1
    for chat_id in rooms.refill(rooms_of):
        look_again(chat_id)
    asked = list(rooms)
    living = live_sessions(list({connection.actor.session_id for connection in asked}))
    for connection in asked:
        if connection.id in rooms and connection.actor.session_id not in living:
            connection.close("session ended")
    rooms.deaf = False


SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = {
    SessionEnded: (close_sockets,),
    AccountChanged: (know_anew,),
    ChatCreated: (enter_room, tell_change("chat:new"), emit_online_members),
    ChatUpdated: (tell_change("chat:updated"),),
    ChatDeleted: (close_room,),
    MemberJoined: (welcome, tell_change("chat:member_joined"), emit_online_member),
    MemberUpdated: (tell_change("chat:member_updated"),),
    MemberLeft: (see_off,),
    MessageSent: (tell_change("message:new"), note_delivery, stop_typing),
    MessageEdited: (tell_change("message:edited"),),
    MessageDeleted: (tell_change("message:deleted"),),
    MessagesRead: (emit_read,),
    MessagesDelivered: (emit_delivered,),
    TypingStarted: (tell_typing,),
    TypingStopped: (tell_typing_stopped,),
    UserOnline: (tell_online,),
    UserOffline: (tell_offline,),
}
