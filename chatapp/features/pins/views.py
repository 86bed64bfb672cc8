"""REST endpoints of pinned messages."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, list_query
from chatapp.features.pins import actions
from chatapp.representations.message import Message, MessageSchema
from chatapp.rest.resource import NOT_VISIBLE, Resource

PARTS = {
    "chatId": {"description": "A chat of which the caller is a member."},
    "messageId": {"description": "A message of a chat of which the caller is a member."},
}
FORBIDDEN = {
    403: "The caller is not an ADMIN of the group (`forbidden`). The caller blocks the other user of the direct chat "
    "(`you_blocked`), or that user cannot receive messages (`cannot_send`)."
}

resource = Resource("pins", "", "Pin messages of a chat, and list the pinned ones.", PARTS)


@resource.endpoint(
    "PUT",
    "/messages/<uuid:messageId>/pin",
    returns=MessageSchema,
    errors=NOT_VISIBLE
    | FORBIDDEN
    | {409: "The message was deleted (`message_deleted`). The chat has 100 pinned messages (`too_many_pins`)."},
)
def pin_message(actor: Actor, message_id: str) -> Message:
    """Pin a message.

    In a group only ADMINs can pin messages, in a direct chat both users. Emits `message:changed`. Pinning a pinned message
    again changes nothing. Deleting a message unpins it.
    """
    return actions.pin_message(actor, message_id)


@resource.endpoint("DELETE", "/messages/<uuid:messageId>/pin", returns=MessageSchema, errors=NOT_VISIBLE | FORBIDDEN)
def unpin_message(actor: Actor, message_id: str) -> Message:
    """Unpin a message.

    Users who can pin messages can also unpin those that other users pinned. Emits `message:changed`. Unpinning it again changes nothing.
    """
    return actions.unpin_message(actor, message_id)


@resource.endpoint(
    "GET", "/chats/<uuid:chatId>/pins", query=list_query(), returns=MessageSchema, many=True, errors=NOT_VISIBLE
)
def list_pins(actor: Actor, chat_id: str, query: Json) -> Page:
    """List the pinned messages of a chat.

    Last pinned first. The returned messages become DELIVERED for the caller.
    """
    return actions.fetch_pins(actor, chat_id, **query)
