"""Emits messages and receipts, and records the delivery of messages to sockets."""

from collections.abc import Collection, Mapping, Sequence

from chatapp.core.application import PerApplication
from chatapp.core.events import Subscriber
from chatapp.fanout import broadcast
from chatapp.fanout.broadcast import emit_change
from chatapp.fanout.rooms import Connection, rooms
from chatapp.fanout.view import view
from chatapp.features.chats.events import MessageSent
from chatapp.features.messages import schemas
from chatapp.features.messages.actions import mark_delivered_soon
from chatapp.features.messages.deliveries import Deliveries
from chatapp.features.messages.events import (
    MessageChanged,
    MessageDeleted,
    MessageEdited,
    MessagesDelivered,
    MessagesRead,
)
from chatapp.features.messages.group_receipts import GroupReceipts
from chatapp.features.presence import typing

_deliveries = PerApplication(lambda: Deliveries(mark_delivered_soon))
_group_receipts = PerApplication(lambda: GroupReceipts(_emit_receipts))


def flush_deliveries() -> None:
    """Record the deliveries that are due, once there are any (a background task)."""
    deliveries = _deliveries.get()
    deliveries.wait()
    deliveries.flush()


def emit_message(event: MessageSent) -> None:
    """Emit a new message to the chat in order, and record its delivery."""

    def emitted(connections: Sequence[Connection]) -> None:
        rooms().order.seqs[event.chat_id] = event.payload["seq"]
        if view().connected and (
            users := {c.actor.user_id for c in connections if not c.actor.acting} - {event.payload["senderId"]}
        ):
            _deliveries.get().add(event.chat_id, event.payload["seq"], users)

    broadcast.to_chat_in_order(event.chat_id, event.rev, "message:new", event.payload, emitted)


def emit_read(event: MessagesRead) -> None:
    """Emit a read receipt to the chat, or to its audience in a large group."""
    user_id = event.payload["userId"]
    gets = broadcast.receipts_of(user_id)
    if event.is_private:
        broadcast.to_members(event.chat_id, [user_id], "messages:read", event.payload)
    elif event.audience is None:
        broadcast.to_chat(event.chat_id, "messages:read", event.payload, gets=gets)
    else:
        broadcast.to_members(event.chat_id, event.audience, "messages:read", event.payload, gets=gets)


def emit_delivered(event: MessagesDelivered) -> None:
    """Emit delivery receipts at once in a direct chat, coalesced in a group."""
    if not rooms().has_subscribers(event.chat_id):
        return
    if event.is_group:
        _group_receipts.get().add(event.chat_id, event.receipts, event.audience)
    else:
        _emit_receipts(event.chat_id, event.receipts, None)


def _emit_receipts(chat_id: str, delivered: Mapping[str, int], audience: Collection[str] | None) -> None:
    receipts: list[schemas.DeliveryReceipt] = [{"userId": id, "deliveredSeq": seq} for id, seq in delivered.items()]
    payload: schemas.MessagesDelivered = {"chatId": chat_id, "receipts": receipts}
    if audience is None:
        broadcast.to_chat(chat_id, "messages:delivered", payload)
    else:
        broadcast.to_members(chat_id, audience, "messages:delivered", payload)


def stop_typing(event: MessageSent) -> None:
    """The sender has stopped typing."""
    typing.stop_in(event.chat_id, event.payload["senderId"])


SUBSCRIBERS: Mapping[type, Sequence[Subscriber]] = {
    MessageSent: (emit_message, stop_typing),
    MessageEdited: (emit_change("message:edited"),),
    MessageChanged: (emit_change("message:changed"),),
    MessageDeleted: (emit_change("message:deleted"),),
    MessagesRead: (emit_read,),
    MessagesDelivered: (emit_delivered,),
}
