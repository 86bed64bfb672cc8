"""Event type → subscribers, in order, on every worker."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from chatapp.core import events
from chatapp.core.errors import Json
from chatapp.core.events import Announced, Subscriber
from chatapp.fanout import broadcast
from chatapp.fanout.rooms import Connection, rooms
from chatapp.features.auth.events import SessionEnded
from chatapp.features.auth.sessions import sessions
from chatapp.features.chats.events import ChatCreated, ChatDeleted, ChatUpdated, MemberJoined, MemberLeft, MemberUpdated
from chatapp.features.messages.actions import mark_delivered_soon
from chatapp.features.messages.deliveries import Deliveries
from chatapp.features.messages.events import MessageDeleted, MessageEdited, MessagesDelivered, MessageSent, MessagesRead
from chatapp.features.messages.group_receipts import GroupReceipts
from chatapp.features.presence import typing
from chatapp.features.presence.events import TypingStarted, TypingStopped, UserOffline, UserOnline
from chatapp.features.users.events import AccountChanged
from chatapp.replay import Replay, emit_new_chat, evict
from chatapp.sockets.actors import refresh_actor

deliveries = Deliveries(mark_delivered_soon)
replay = Replay()
# Changes are stored for a day: a worker that was disconnected for longer than this can't replay all of them.
MAX_OUTAGE = 12 * 3600
# Own events that wait while rooms are loaded from the database.
MAX_EARLY = 10_000


class ChatChanged(Protocol):
    """A change of a chat that is emitted to its members."""

    chat_id: str
    rev: int
    payload: Json


def emit_change(name: str) -> Subscriber:
    """A subscriber that emits an event's payload as `name` to the members of its chat, in the order of `rev`."""

    def subscriber(event: ChatChanged) -> None:
        broadcast.to_chat_in_order(event.chat_id, event.rev, name, event.payload)

    subscriber.__name__ = f"emit_{name}"
    return subscriber


def close_sockets(event: SessionEnded) -> None:
    """Close the sockets of an ended session."""
    rooms.epoch += 1
    sessions.forget(event.user_id)
    for connection in rooms.of_session(event.user_id, event.session_id):
        connection.close("session ended")


def refresh_actors(event: AccountChanged) -> None:
    """Reload the actor of a user's sockets."""
    rooms.epoch += 1
    sessions.forget(event.user_id)
    for connection in rooms.of_users([event.user_id]):
        refresh_actor(connection, sessions.find_actor)


def enter_room(event: ChatCreated) -> None:
    """Subscribe the members of a new chat."""
    rooms.join(event.chat_id, event.member_ids, event.rev, event.payload["lastSeq"])


def on_member_joined(event: MemberJoined) -> None:
    """Subscribe a new member, and emit the chat to them."""
    entered = rooms.join(event.chat_id, [event.user_id], event.rev, event.chat["lastSeq"])
    emit_new_chat(entered, event.chat, event.online)


def emit_online_members(event: ChatCreated) -> None:
    """Emit the presence of the members that `chat:new` lists: change events carry none."""
    for user_id in event.online:
        broadcast.to_chat(event.chat_id, "user:online", {"userId": user_id}, exclude=user_id)


def emit_joined(event: MemberJoined) -> None:
    """Emit a new member to the chat in order, then the presence of the member: change events carry none."""

    def emitted(connections: Sequence[Connection]) -> None:
        if event.is_online:
            others = [c for c in connections if c.actor.user_id != event.user_id]
            broadcast.to_connections(others, "user:online", {"userId": event.user_id})

    broadcast.to_chat_in_order(event.chat_id, event.rev, "chat:member_joined", event.payload, emitted)


def on_member_left(event: MemberLeft) -> None:
    """Unsubscribe the member at once; emit `chat:member_left` to the others in order."""
    evict(event.chat_id, [event.user_id], event.rev)
    payload = {"chatId": event.chat_id, "userId": event.user_id}
    broadcast.to_chat_in_order(event.chat_id, event.rev, "chat:member_left", payload)


def close_room(event: ChatDeleted) -> None:
    """Unsubscribe all members of a deleted chat, and inform them."""
    evict(event.chat_id, {connection.actor.user_id for connection in rooms.of_chat(event.chat_id)}, None)


def emit_message(event: MessageSent) -> None:
    """Emit a new message to the chat in order, and record its delivery."""

    def emitted(connections: Sequence[Connection]) -> None:
        rooms.order.seqs[event.chat_id] = event.payload["seq"]
        if not rooms.bus_disconnected and (
            users := {c.actor.user_id for c in connections} - {event.payload["senderId"]}
        ):
            deliveries.add(event.chat_id, event.payload["seq"], users)

    broadcast.to_chat_in_order(event.chat_id, event.rev, "message:new", event.payload, emitted)


def emit_read(event: MessagesRead) -> None:
    """Emit a read receipt to the chat, or to its audience in a large group."""
    if event.audience is None:
        broadcast.to_chat(event.chat_id, "messages:read", event.payload)
    else:
        broadcast.to_members(event.chat_id, event.audience, "messages:read", event.payload)


def emit_delivered(event: MessagesDelivered) -> None:
    """Emit delivery receipts at once in a direct chat, coalesced in a group."""
    if not rooms.has_subscribers(event.chat_id):
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
    """The sender has stopped typing."""
    typing.stop_in(event.chat_id, event.payload["senderId"])


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
    SessionEnded: (close_sockets,),
    AccountChanged: (refresh_actors,),
    ChatCreated: (enter_room, emit_change("chat:new"), emit_online_members),
    ChatUpdated: (emit_change("chat:updated"),),
    ChatDeleted: (close_room,),
    MemberJoined: (on_member_joined, emit_joined),
    MemberUpdated: (emit_change("chat:member_updated"),),
    MemberLeft: (on_member_left,),
    MessageSent: (emit_message, stop_typing),
    MessageEdited: (emit_change("message:edited"),),
    MessageDeleted: (emit_change("message:deleted"),),
    MessagesRead: (emit_read,),
    MessagesDelivered: (emit_delivered,),
    TypingStarted: (emit_typing,),
    TypingStopped: (emit_typing_stopped,),
    UserOnline: (emit_online,),
    UserOffline: (emit_offline,),
}
# Dispatched whatever the state of the bus: these events only take access away.
_ALWAYS: Mapping[type, Sequence[Subscriber]] = {kind: SUBSCRIBERS[kind] for kind in (SessionEnded, AccountChanged)}
# Own events that were committed while rooms were loaded from the database.
_early: list[Announced] = []


def _keep(event: Announced) -> None:
    if len(_early) < MAX_EARLY:
        _early.append(event)


_DURING_READ: Mapping[type, Sequence[Subscriber]] = {**dict.fromkeys(SUBSCRIBERS, (_keep,)), **_ALWAYS}


def on_bus_state(connected: bool, seconds_disconnected: float = 0) -> None:
    """Called when the bus disconnects, and before anything is received once it is connected again.

    Stops delivery while disconnected; afterwards rooms are loaded from the database and the replay starts. Own events
    of that moment wait. Raises Unavailable.
    """
    if not connected:
        sessions.remember(False)
        rooms.bus_disconnected = True
        events.dispatch_by(_ALWAYS)
        replay.stop()
        return
    _early.clear()
    events.dispatch_by(_DURING_READ)
    replay.reconcile(resync_all=seconds_disconnected > MAX_OUTAGE)
    events.dispatch_by(SUBSCRIBERS)
    sessions.remember(True)
    for event in _early:
        events.redeliver(event)
    if len(_early) == MAX_EARLY:
        replay.request()
    _early.clear()
