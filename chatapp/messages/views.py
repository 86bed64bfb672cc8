"""Messages, over REST."""

from uuid import UUID

from marshmallow import validate

from chatapp.chats.schemas import MessageSchema
from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import LARGEST_KEY, Page, page_query
from chatapp.core.schemas import Digits, absent
from chatapp.files.quota import UploadInProgress
from chatapp.messages import actions, queries
from chatapp.messages.schemas import (
    MessagesReadSchema,
    MessageStatusSchema,
    NewContentSchema,
    ReadReceiptSchema,
    SendFileSchema,
    SendMessageSchema,
    SyncAnswerSchema,
    SyncSchema,
)
from chatapp.rest.door import FORM_REFUSALS, NOT_VISIBLE, UNAVAILABLE, Door

PARTS = {
    "chatId": {"description": "A chat that the caller is in."},
    "messageId": {"description": "A message of a chat that the caller is in."},
    # OpenAPI takes paths that differ in the names of their parameters alone for one.
    "id": {"description": "To GET: a chat that the caller is in. To PATCH and DELETE: a message of such a chat."},
}
SENT_BEFORE = {200: "The message that was sent under this `clientId` before."}
REUSED = {
    422: "A field is not valid (`validation_error`). "
    "This `clientId` stands for a message with another chat, content or file (`client_id_reused`)."
}

door = Door("messages", "/messages", "Messages: send them, read them back, change them, note how far one got.", PARTS)
sync_door = Door("sync", "/sync", "The way back after an absence.")


class HistoryQuery(page_query(str, int)):  # type: ignore[misc]
    """Which page of a chat's messages."""

    after = Digits(
        load_default=absent,
        validate=validate.Range(0, LARGEST_KEY),
        metadata={
            "description": "A `rev`: instead, all messages created or changed since, in the order of `rev`.",
            "example": 0,
        },
    )


@door.endpoint(
    "POST",
    "",
    body=SendMessageSchema,
    returns=MessageSchema,
    status=201,
    also=SENT_BEFORE,
    errors=NOT_VISIBLE | REUSED,
)
def send_message(actor: Actor, body: Json) -> tuple[Json, int]:
    """Send a message.

    The same as the event `message:send`. With a `clientId` it can be repeated safely, however much later: the answer
    is then 200 and the message that exists.
    """
    sending = actions.send_message(actor, **body)
    return sending.get(), 201 if sending.is_new else 200


def _admit(actor: Actor, known: Json) -> UploadInProgress:
    if "chat_id" in known:
        queries.require_member(actor, known["chat_id"])
    return UploadInProgress(actor)


@door.endpoint(
    "POST",
    "/upload",
    form=SendFileSchema,
    admit=_admit,
    returns=MessageSchema,
    status=201,
    also=SENT_BEFORE,
    errors=NOT_VISIBLE
    | REUSED
    | {
        429: "A limit is used up (`rate_limited`): of requests, of uploads in progress, or of uploaded bytes a day. "
        "`Retry-After` says when to come back.",
        415: f"{FORM_REFUSALS[415]} "
        "The file is of no type that is accepted, is not what its name or the declared type says, "
        "or would take too much to unpack or to decode (`unsupported_file_type`).",
        503: f"{UNAVAILABLE} The server is busy (`busy`). The file can't be stored (`storage_unavailable`).",
    },
)
def send_file(actor: Actor, body: Json) -> tuple[Json, int]:
    """Send a file.

    The types that are taken: .jpg .jpeg .png .gif .webp .pdf .doc .docx .zip. The message is an IMAGE or a FILE, by
    what the bytes are. Images lose what their cameras wrote, other than which side is up, and get a thumbnail.
    """
    message, sent = actions.send_file(actor, **body)
    return message, 201 if sent else 200


@door.endpoint("GET", "/<uuid:id>", query=HistoryQuery, returns=MessageSchema, many=True, errors=NOT_VISIBLE)
def list_messages(actor: Actor, id: str, query: Json) -> Page:
    """A chat's messages.

    The newest come first, and `cursor` goes back in time; with `after`, what changed since. Messages are delivered to
    the caller by this.
    """
    return actions.fetch_messages(actor, id, **query)


@door.endpoint(
    "PATCH",
    "/<uuid:id>",
    body=NewContentSchema,
    returns=MessageSchema,
    errors=NOT_VISIBLE | {403: "The caller did not send it (`forbidden`).", 409: "It was deleted (`conflict`)."},
)
def edit_message(actor: Actor, id: str, body: Json) -> Json:
    """Have a message say something else.

    The same as the event `message:edit`. For its sender.
    """
    return actions.edit_message(actor, id, **body)


@door.endpoint(
    "DELETE",
    "/<uuid:id>",
    status=204,
    errors=NOT_VISIBLE | {403: "The caller is neither its sender nor in authority (`forbidden`)."},
)
def delete_message(actor: Actor, id: str) -> None:
    """Leave nothing of a message but a tombstone.

    The same as the event `message:delete`. For its sender, an ADMIN of its group, and whoever moderates this server.
    To delete it again changes nothing.
    """
    actions.delete_message(actor, id)


@door.endpoint("POST", "/<uuid:chatId>/read", body=ReadReceiptSchema, returns=MessagesReadSchema, errors=NOT_VISIBLE)
def mark_read(actor: Actor, chat_id: str, body: Json) -> Json:
    """Note how far the caller read a chat.

    The same as the event `messages:read`. What marks a message as read marks all earlier ones of its chat.
    """
    return actions.mark_read(actor, chat_id, **body)


@door.endpoint(
    "GET",
    "/<uuid:messageId>/statuses",
    query=page_query(UUID),
    returns=MessageStatusSchema,
    many=True,
    errors=NOT_VISIBLE,
)
def list_statuses(actor: Actor, message_id: str, query: Json) -> Page:
    """What became of a message.

    One status for each other member who was in the chat when it was sent.
    """
    return queries.list_statuses(actor, message_id, **query)


@sync_door.endpoint("POST", "", body=SyncSchema, returns=SyncAnswerSchema)
def sync(actor: Actor, body: Json) -> Json:
    """All that changed since the client was last here.

    The same as the event `sync`, for clients without a socket. Messages are delivered to the caller by this.
    """
    return actions.sync(actor, **body)
