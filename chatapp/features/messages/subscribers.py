"""Emits messages and receipts, and records the delivery of messages to sockets."""

from collections.abc import Collection, Mapping, Sequence

from chatapp.core.events import Subscriber
from chatapp.fanout import broadcast
from chatapp.fanout.broadcast import emit_change
from chatapp.fanout.rooms import Connection, rooms
from chatapp.fanout.view import view
from chatapp.features.messages.actions import mark_delivered_soon
from chatapp.features.messages.deliveries import Deliveries
from chatapp.features.messages.events import (
    MessageDeleted,
    MessageEdited,
    MessagesDelivered,
    MessageSent,
    MessagesRead,
)
from chatapp.features.messages.group_receipts import GroupReceipts
from chatapp.features.presence import typing

deliveries = Deliveries(mark_delivered_soon)


def emit_message(event: MessageSent) -> None:
    """Emit a new message to the chat in order, and record its delivery."""

    def emitted(connections: Sequence[Connection]) -> None:
        rooms.order.seqs[event.chat_id] = event.payload["seq"]
        if view.connected and (users := {c.actor.user_id for c in connections} - {event.payload["senderId"]}):
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


def stop_typing(event: MessageSent) -> None:
    """The sender has stopped typing."""
    typing.stop_in(event.chat_id, event.payload["senderId"])


group_receipts = GroupReceipts(_emit_receipts)

SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = {
    MessageSent: (emit_message, stop_typing),
    MessageEdited: (emit_change("message:edited"),),
    MessageDeleted: (emit_change("message:deleted"),),
    MessagesRead: (emit_read,),
    MessagesDelivered: (emit_delivered,),
}
