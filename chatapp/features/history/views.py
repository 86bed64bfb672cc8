"""REST endpoints of single messages, files and mentions."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page
from chatapp.features.history import actions
from chatapp.features.history.schemas import FilesQuery, MentionsQuery
from chatapp.representations.message import Message, MessageSchema
from chatapp.rest.resource import NOT_VISIBLE, Resource

PARTS = {
    "chatId": {"description": "A chat of which the caller is a member."},
    "messageId": {"description": "A message of the chat."},
}

resource = Resource("history", "/chats", "Single messages and files of a chat.", PARTS)
mentions_resource = Resource("mentions", "/users/me/mentions", "Messages that mention the caller.")


@resource.endpoint("GET", "/<uuid:chatId>/messages/<uuid:messageId>", returns=MessageSchema, errors=NOT_VISIBLE)
def get_message(actor: Actor, chat_id: str, message_id: str) -> Message:
    """Get a message.

    It becomes DELIVERED for the caller.
    """
    return actions.fetch_message(actor, chat_id, message_id)


@resource.endpoint(
    "GET", "/<uuid:chatId>/files", query=FilesQuery, returns=MessageSchema, many=True, errors=NOT_VISIBLE
)
def list_files(actor: Actor, chat_id: str, query: Json) -> Page:
    """List the files of a chat.

    Returns the messages with a file, newest first, without deleted ones. They become DELIVERED for the caller.
    """
    return actions.fetch_files(actor, chat_id, **query)


@mentions_resource.endpoint("GET", "", query=MentionsQuery, returns=MessageSchema, many=True)
def list_mentions(actor: Actor, query: Json) -> Page:
    """List the messages that mention the caller.

    Returns messages of the caller's chats that name the caller in `mentions.userIds`, read or not, newest first. Those
    that mention all members are not included. They become DELIVERED for the caller.
    """
    return actions.fetch_mentions(actor, **query)
