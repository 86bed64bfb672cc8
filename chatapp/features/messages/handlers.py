"""Socket.IO events of messages, receipts and sync."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.features.chats.schemas import MessageSchema
from chatapp.features.messages import actions
from chatapp.features.messages.schemas import (
    DeleteMessageSchema,
    EditMessageSchema,
    MessageDeletedSchema,
    MessagesReadSchema,
    ReadMessagesSchema,
    SendMessageSchema,
    SyncAnswerSchema,
    SyncSchema,
)
from chatapp.features.messages.sending import PendingMessage
from chatapp.sockets.client_events import ClientEvent


def send_message(actor: Actor, payload: Json) -> PendingMessage:
    """Send a message. The ack contains the stored message."""
    return actions.send_message(actor, **payload)


def edit_message(actor: Actor, payload: Json) -> Json:
    """Edit a message that the caller sent."""
    return actions.edit_message(actor, **payload)


def delete_message(actor: Actor, payload: Json) -> Json:
    """Delete a message."""
    return actions.delete_message(actor, **payload)


def mark_read(actor: Actor, payload: Json) -> Json:
    """Mark messages as read."""
    return actions.mark_read(actor, **payload)


def sync(actor: Actor, payload: Json) -> Json:
    """Get all changes since the client was last connected."""
    return actions.sync(actor, **payload)


EVENTS = (
    ClientEvent("message:send", SendMessageSchema, send_message, returns=MessageSchema, pipelined=True),
    ClientEvent("message:edit", EditMessageSchema, edit_message, returns=MessageSchema),
    ClientEvent("message:delete", DeleteMessageSchema, delete_message, returns=MessageDeletedSchema),
    ClientEvent("messages:read", ReadMessagesSchema, mark_read, returns=MessagesReadSchema),
    ClientEvent("sync", SyncSchema, sync, returns=SyncAnswerSchema),
)
