"""REST endpoints of messages, receipts and sync."""

from uuid import UUID

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import HistoryMetaSchema, Page, page_query
from chatapp.features.chats.queries import require_member
from chatapp.features.files.quota import UploadInProgress
from chatapp.features.messages import actions, queries
from chatapp.features.messages.schemas import (
    HistoryFields,
    MessagesRead,
    MessagesReadSchema,
    MessageStatusSchema,
    PatchMessageSchema,
    ReadReceiptSchema,
    SendFileSchema,
    SendMessageSchema,
    SyncResponse,
    SyncResponseSchema,
    SyncSchema,
)
from chatapp.representations.message import Message, MessageSchema
from chatapp.rest.resource import DATABASE_UNAVAILABLE, FORM_ERRORS, NOT_VISIBLE, Resource

PARTS = {
    "chatId": {"description": "A chat of which the caller is a member."},
    "messageId": {"description": "A message of a chat of which the caller is a member."},
    # OpenAPI treats paths that differ only in the names of their parameters as the same path.
    "id": {"description": "For GET, the id of a chat. For PATCH and DELETE, the id of a message."},
}
SENT_BEFORE = {200: "A message with this `clientId` was already sent; it is returned unchanged."}
NOT_ALL = "The group is too large for the caller to mention all members (`mention_all_forbidden`)."
NOT_CLOSED = (
    "The caller blocks the other user of the direct chat (`you_blocked`), or that user cannot receive messages "
    "(`cannot_send`)."
)
CLOSED = {403: f"{NOT_CLOSED} {NOT_ALL}"}
REUSED = {
    422: "A field is not valid (`validation_error`). The `clientId` was used for another message (`client_id_reused`)."
}

resource = Resource("messages", "/messages", "Send, list, edit and delete messages, and mark them as read.", PARTS)
sync_resource = Resource("sync", "/sync", "Catch up after a disconnection.")


class HistoryQuery(HistoryFields, page_query(str, int)):  # type: ignore[misc]
    """Page of a chat's messages."""


@resource.endpoint(
    "POST",
    "",
    body=SendMessageSchema,
    returns=MessageSchema,
    status=201,
    also=SENT_BEFORE,
    errors=NOT_VISIBLE | CLOSED | REUSED,
)
def send_message(actor: Actor, body: Json) -> tuple[Message, int]:
    """Send a message.

    Same as the event `message:send`. A request with a `clientId` can safely be repeated at any time: the response is
    then 200 with the existing message.
    """
    pending = actions.send_message(actor, **body)
    return pending.get(), 201 if pending.is_new else 200


def _authorize_upload(actor: Actor, known: Json) -> UploadInProgress:
    if "chat_id" in known:
        require_member(actor, known["chat_id"])
    return UploadInProgress(actor.user_id)


@resource.endpoint(
    "POST",
    "/upload",
    form=SendFileSchema,
    authorize_upload=_authorize_upload,
    returns=MessageSchema,
    status=201,
    also=SENT_BEFORE,
    errors=NOT_VISIBLE
    | CLOSED
    | REUSED
    | {
        429: "A rate limit is exceeded (`rate_limited`): requests, uploads in progress, or uploaded bytes per day. "
        "Retry after `Retry-After` seconds.",
        415: f"{FORM_ERRORS[415]} "
        "The type of the file is not accepted, its content does not match its name or declared type, "
        "or it is too expensive to decode (`unsupported_file_type`).",
        503: f"{DATABASE_UNAVAILABLE} The server is busy (`busy`). The file storage is unavailable (`storage_unavailable`).",
    },
)
def send_file(actor: Actor, body: Json) -> tuple[Message, int]:
    """Upload and send a file.

    Accepted types: .jpg .jpeg .png .gif .webp .pdf .doc .docx .zip. The content of the file determines whether the
    message is an IMAGE or a FILE. The server removes metadata from images, except their orientation, and creates a
    thumbnail.
    """
    message, sent = actions.send_file(actor, **body)
    return message, 201 if sent else 200


@resource.endpoint(
    "GET",
    "/<uuid:id>",
    query=HistoryQuery,
    returns=MessageSchema,
    many=True,
    meta=HistoryMetaSchema,
    errors=NOT_VISIBLE,
)
def list_messages(actor: Actor, id: str, query: Json) -> Page:
    """List the messages of a chat.

    Sorted newest first; `cursor` continues with older messages. With `after`, returns what changed since. With `around`,
    returns the messages on both sides of one: `nextCursor` continues with older messages, `prevCursor` with newer ones.
    The returned messages become DELIVERED for the caller.
    """
    return actions.fetch_messages(actor, id, **query)


@resource.endpoint(
    "PATCH",
    "/<uuid:id>",
    body=PatchMessageSchema,
    returns=MessageSchema,
    errors=NOT_VISIBLE
    | {
        403: f"The caller is not the sender (`forbidden`). {NOT_CLOSED} {NOT_ALL}",
        409: "The message was deleted (`conflict`), can no longer be edited (`edit_window_over`), or was edited 100 times "
        "(`too_many_edits`).",
        429: "A rate limit is exceeded (`rate_limited`): requests, or mentions of all members of this chat. Retry after "
        "`Retry-After` seconds.",
    },
)
def edit_message(actor: Actor, id: str, body: Json) -> Message:
    """Edit a message.

    Same as the event `message:edit`. Only the sender can edit a message. A change of `content` emits `message:edited` and
    sets `isEdited`; other changes emit `message:changed`. Fields that have their value already are not changed.
    """
    return actions.edit_message(actor, id, **body)


@resource.endpoint(
    "DELETE",
    "/<uuid:id>",
    status=204,
    errors=NOT_VISIBLE
    | {403: "The caller is neither the sender, nor an ADMIN of the group, nor a moderator (`forbidden`)."},
)
def delete_message(actor: Actor, id: str) -> None:
    """Delete a message.

    Same as the event `message:delete`. Allowed for the sender, an ADMIN of the group, and the server roles MODERATOR and
    ADMIN. The message stays in the history without its content (`isDeleted`). Deleting it again changes nothing.
    """
    actions.delete_message(actor, id)


@resource.endpoint(
    "POST", "/<uuid:chatId>/read", body=ReadReceiptSchema, returns=MessagesReadSchema, errors=NOT_VISIBLE
)
def mark_read(actor: Actor, chat_id: str, body: Json) -> MessagesRead:
    """Mark messages as read.

    Same as the event `messages:read`. All earlier messages of the chat become read too.
    """
    return actions.mark_read(actor, chat_id, **body)


@resource.endpoint(
    "GET",
    "/<uuid:messageId>/statuses",
    query=page_query(UUID),
    returns=MessageStatusSchema,
    many=True,
    errors=NOT_VISIBLE,
)
def list_statuses(actor: Actor, message_id: str, query: Json) -> Page:
    """List the delivery statuses of a message.

    Returns one status for each other user who was a member when the message was sent.
    """
    return queries.list_statuses(actor, message_id, **query)


@sync_resource.endpoint("POST", "", body=SyncSchema, returns=SyncResponseSchema)
def sync(actor: Actor, body: Json) -> SyncResponse:
    """Get all changes since the client was last connected.

    Same as the event `sync`, for clients without a socket. The returned messages become DELIVERED for the caller.
    """
    return actions.sync(actor, **body)
