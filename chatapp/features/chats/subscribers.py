"""Keeps the subscriptions of this worker's sockets in step with memberships, and emits changes of chats and members."""

from collections.abc import Iterable, Mapping, Sequence

from chatapp.core.events import Subscriber
from chatapp.fanout import broadcast
from chatapp.fanout.broadcast import emit_change
from chatapp.fanout.rooms import MAX_REV, Connection, rooms
from chatapp.features.chats import schemas
from chatapp.features.chats.events import (
    ChatCreated,
    ChatDeleted,
    ChatEntered,
    ChatUpdated,
    MemberJoined,
    MemberLeft,
    MemberUpdated,
)
from chatapp.representations.chat import NewChatEvent


def enter_room(event: ChatCreated) -> None:
    """Subscribe the members of a new chat."""
    rooms().join(event.chat_id, event.member_ids, event.rev, event.payload["lastSeq"])


def on_chat_entered(event: ChatEntered) -> None:
    """Subscribe new members, and emit the chat to them: it has what happened up to the last of them."""
    entered = rooms().join(event.chat_id, event.user_ids, event.rev, event.chat["lastSeq"])
    emit_new_chat(entered, event.chat, event.online)


def emit_new_chat(connections: Sequence[Connection], chat: NewChatEvent, online: Iterable[str]) -> None:
    """Send sockets a chat that is new to them, and which of its members are online."""
    broadcast.to_connections(connections, "chat:new", chat)
    for user_id in online:
        others = [connection for connection in connections if connection.actor.user_id != user_id]
        broadcast.to_connections(others, "user:online", {"userId": user_id}, gets=broadcast.presence_of(user_id))


def emit_online_members(event: ChatCreated) -> None:
    """Emit the presence of the members that `chat:new` lists: change events carry none."""
    for user_id in event.online:
        gets = broadcast.presence_of(user_id)
        broadcast.to_chat(event.chat_id, "user:online", {"userId": user_id}, exclude=user_id, gets=gets)


def emit_joined(event: MemberJoined) -> None:
    """Emit a new member to the chat in order, then the presence of the member: change events carry none."""

    def emitted(connections: Sequence[Connection]) -> None:
        if event.is_online:
            others = [c for c in connections if c.actor.user_id != event.user_id]
            gets = broadcast.presence_of(event.user_id)
            broadcast.to_connections(others, "user:online", {"userId": event.user_id}, gets=gets)

    broadcast.to_chat_in_order(event.chat_id, event.rev, "chat:member_joined", event.payload, emitted)


def on_member_left(event: MemberLeft) -> None:
    """Unsubscribe the member at once; emit `chat:member_left` to the others in order."""
    evict_member(event.chat_id, event.user_id, event.rev)
    payload: schemas.MemberLeft = {"chatId": event.chat_id, "userId": event.user_id, "rev": event.rev}
    broadcast.to_chat_in_order(event.chat_id, event.rev, "chat:member_left", payload)


def close_room(event: ChatDeleted) -> None:
    """Unsubscribe all members of a deleted chat, and inform them."""
    for user_id in {connection.actor.user_id for connection in rooms().of_chat(event.chat_id)}:
        evict_member(event.chat_id, user_id, None)


def evict_member(chat_id: str, user_id: str, rev: int | None) -> None:
    """Unsubscribe a user who left a chat with its change `rev` (None: the chat was deleted), and inform their sockets."""
    gone = rooms().leave(chat_id, [user_id], MAX_REV if rev is None else rev)
    if rev is None:
        broadcast.to_connections(gone, "chat:deleted", {"chatId": chat_id})
    else:
        payload: schemas.MemberLeft = {"chatId": chat_id, "userId": user_id, "rev": rev}
        broadcast.to_connections(gone, "chat:member_left", payload)


SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = {
    ChatCreated: (enter_room, emit_change("chat:new"), emit_online_members),
    ChatUpdated: (emit_change("chat:updated"),),
    ChatDeleted: (close_room,),
    ChatEntered: (on_chat_entered,),
    MemberJoined: (emit_joined,),
    MemberUpdated: (emit_change("chat:member_updated"),),
    MemberLeft: (on_member_left,),
}
