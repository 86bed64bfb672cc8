"""Socket.IO events of messages, receipts and sync."""

from chatapp.features.messages import actions
from chatapp.features.messages.schemas import (
    DeleteMessageSchema,
    EditMessageSchema,
    MessageDeletedSchema,
    MessagesReadSchema,
    ReadMessagesSchema,
    SendMessageSchema,
    SyncResponseSchema,
    SyncSchema,
)
from chatapp.representations.message import MessageSchema
from chatapp.sockets.client_events import ClientEvent

EVENTS = (
    ClientEvent(
        "message:send",
        SendMessageSchema,
        "Send a message. The ack contains the stored message.",
        actions.send_message,
        returns=MessageSchema,
        pipelined=True,
    ),
    ClientEvent(
        "message:edit",
        EditMessageSchema,
        "Edit a message that the caller sent.",
        actions.edit_message,
        returns=MessageSchema,
    ),
    ClientEvent(
        "message:delete",
        DeleteMessageSchema,
        "Delete a message.",
        actions.delete_message,
        returns=MessageDeletedSchema,
    ),
    ClientEvent(
        "messages:read", ReadMessagesSchema, "Mark messages as read.", actions.mark_read, returns=MessagesReadSchema
    ),
    ClientEvent(
        "sync",
        SyncSchema,
        "Get all changes since the client was last connected.",
        actions.sync,
        returns=SyncResponseSchema,
    ),
)
