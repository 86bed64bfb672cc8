"""REST endpoints of chats and messages for servers."""

from chatapp.core.errors import Json
from chatapp.core.identity import Principal
from chatapp.core.pagination import HistoryMetaSchema, Page
from chatapp.core.references import PATH_SCHEMA, external_id_in_path, reference_in_path
from chatapp.features.chats.schemas import NewRoleSchema
from chatapp.features.messages.schemas import NewContentSchema
from chatapp.features.server_chats import actions, queries
from chatapp.features.server_chats.schemas import (
    AddMembersSchema,
    DirectChatSchema,
    ListChatsQuery,
    PatchServerChatSchema,
    PutChatSchema,
    ServerHistoryQuery,
    ServerMessageSchema,
)
from chatapp.representations.chat import ServerChat, ServerChatDetail, ServerChatDetailSchema, ServerChatSchema
from chatapp.representations.member import Member, MemberSchema
from chatapp.representations.message import Message, MessageSchema
from chatapp.rest.resource import Resource

PARTS: dict[str, Json] = {
    "chat": {
        "description": "A UUID, or `ext:` and the external id of a chat, percent-encoded; for PUT, an external id with or "
        "without `ext:`.",
        "schema": PATH_SCHEMA,
        "example": "ext:order-4711",
    },
    "user": {
        "description": "A UUID, or `ext:` and the external id of a user, percent-encoded.",
        "schema": PATH_SCHEMA,
        "example": "ext:4711",
    },
    "messageId": {"description": "A message."},
}
# Not `direct`: a group with this external id is `ext:direct` here.
CHAT_PATH = "/<reference(direct):chat>"
resource = Resource("server chats", "/server/chats", "Chats, their members and messages, for servers.", PARTS)
messages_resource = Resource("server messages", "/server/messages", "Messages of any sender, for servers.", PARTS)

NO_CHAT = {404: "The chat does not exist (`not_found`)."}
NO_CHAT_OR_USER = {404: "The chat or a user does not exist; the error names the user (`not_found`)."}
NOT_A_GROUP = "The chat is a direct chat (`not_a_group`)."
FULL = "The group would have more than 1,000 members (`group_full`)."


@resource.endpoint(
    "PUT",
    "/<chat>",
    scope="chats",
    body=PutChatSchema,
    returns=ServerChatDetailSchema,
    status=201,
    also={200: "The group existed; it has the given properties now."},
    errors={404: "A user does not exist; the error names them (`not_found`).", 409: f"{FULL} {NOT_A_GROUP}"},
)
def put_server_chat(principal: Principal, chat: str, body: Json) -> tuple[ServerChatDetail, int]:
    """Create or change a group by its external id.

    A repeated request has no effect. Adds the named users who are not members, and removes others only with `exactly`.
    Absent fields stay as they are; `name` is required for a new group.
    """
    group, created = actions.put_chat(principal, external_id_in_path(chat, "chat"), **body)
    return group, 201 if created else 200


@resource.endpoint(
    "POST",
    "/direct",
    scope="chats",
    body=DirectChatSchema,
    returns=ServerChatDetailSchema,
    status=201,
    also={200: "The direct chat already exists; it has the given `data` now."},
    errors={404: "A user does not exist; the error names them (`not_found`)."},
)
def create_server_direct_chat(principal: Principal, body: Json) -> tuple[ServerChatDetail, int]:
    """Create or get the direct chat of two users.

    It is the one that the users themselves would open.
    """
    chat, created = actions.open_direct_chat(principal, **body)
    return chat, 201 if created else 200


@resource.endpoint(
    "GET",
    "",
    scope="chats:read",
    query=ListChatsQuery,
    returns=ServerChatSchema,
    many=True,
    errors={404: "The user does not exist (`not_found`)."},
)
def list_server_chats(principal: Principal, query: Json) -> Page:
    """List all chats, or those of a user.

    Sorted by latest activity, newest first.
    """
    return queries.list_chats(**query)


@resource.endpoint("GET", CHAT_PATH, scope="chats:read", returns=ServerChatDetailSchema, errors=NO_CHAT)
def get_server_chat(principal: Principal, chat: str) -> ServerChatDetail:
    """Get a chat as a server.

    Returns the chat with its first 100 members.
    """
    return queries.read_chat(reference_in_path(chat))


@resource.endpoint(
    "PATCH",
    CHAT_PATH,
    scope="chats",
    body=PatchServerChatSchema,
    returns=ServerChatSchema,
    errors=NO_CHAT | {409: f"Another chat has the external id (`external_id_taken`). {NOT_A_GROUP}"},
)
def update_server_chat(principal: Principal, chat: str, body: Json) -> ServerChat:
    """Change a chat.

    Absent fields stay as they are. Only `data` and `externalId` of a direct chat can be changed.
    """
    return actions.update_chat(principal, reference_in_path(chat), **body)


@resource.endpoint("DELETE", CHAT_PATH, scope="chats", status=204, errors=NO_CHAT | {409: NOT_A_GROUP})
def delete_server_chat(principal: Principal, chat: str) -> None:
    """Delete a group and its messages.

    Its external id is free then. A deletion can't be undone.
    """
    actions.delete_chat(principal, reference_in_path(chat))


@resource.endpoint(
    "POST",
    "/<chat>/members",
    scope="chats",
    body=AddMembersSchema,
    returns=MemberSchema,
    many=True,
    errors=NO_CHAT_OR_USER | {409: f"{FULL} {NOT_A_GROUP}"},
)
def add_server_members(principal: Principal, chat: str, body: Json) -> Page:
    """Add users to a group.

    Returns the member of each named user. Users who are members already keep their role.
    """
    return Page(actions.add_members(principal, reference_in_path(chat), **body), None)


@resource.endpoint(
    "PATCH",
    "/<chat>/members/<user>",
    scope="chats",
    body=NewRoleSchema,
    returns=MemberSchema,
    errors={404: "The chat does not exist, or the user is not a member (`not_found`).", 409: NOT_A_GROUP},
)
def set_server_member_role(principal: Principal, chat: str, user: str, body: Json) -> Member:
    """Change the role of a member.

    A server can leave a group without an ADMIN.
    """
    return actions.set_member_role(principal, reference_in_path(chat), reference_in_path(user), **body)


@resource.endpoint(
    "DELETE", "/<chat>/members/<user>", scope="chats", status=204, errors=NO_CHAT_OR_USER | {409: NOT_A_GROUP}
)
def remove_server_member(principal: Principal, chat: str, user: str) -> None:
    """Remove a member from a group.

    Removing a user who is not a member changes nothing. If the member was the only ADMIN, the member who joined first
    becomes ADMIN. The group stays without its last member.
    """
    actions.remove_member(principal, reference_in_path(chat), reference_in_path(user))


@resource.endpoint(
    "GET",
    "/<chat>/messages",
    scope="messages:read",
    query=ServerHistoryQuery,
    returns=MessageSchema,
    many=True,
    meta=HistoryMetaSchema,
    errors=NO_CHAT,
)
def list_server_messages(principal: Principal, chat: str, query: Json) -> Page:
    """List the messages of a chat.

    Like `GET /messages/{chatId}`, but nothing becomes DELIVERED. The `status` of each message is the one that its sender
    sees.
    """
    return queries.list_messages(reference_in_path(chat), **query)


@resource.endpoint(
    "POST",
    "/<chat>/messages",
    scope="messages",
    body=ServerMessageSchema,
    returns=MessageSchema,
    status=201,
    also={200: "A message with this `clientId` was already sent; it is returned unchanged."},
    errors=NO_CHAT_OR_USER
    | {
        409: "The user in `senderId` is not a member of the chat (`not_a_member`), or deactivated (`user_inactive`).",
        422: "A field is not valid (`validation_error`). The `clientId` was used for a message with another chat, content, "
        "file or system object (`client_id_reused`).",
    },
)
def send_server_message(principal: Principal, chat: str, body: Json) -> tuple[Message, int]:
    """Send a message as a user, or a system message.

    With `senderId`, like `POST /messages` of that member. Without, the message has the type SYSTEM and no sender among
    the members; it counts as unread. The `clientId`s of system messages are one namespace for all API keys.
    """
    message, sent = actions.send_message(principal, reference_in_path(chat), **body)
    return message, 201 if sent else 200


@messages_resource.endpoint(
    "PATCH",
    "/<uuid:messageId>",
    scope="messages",
    body=NewContentSchema,
    returns=MessageSchema,
    errors={404: "The message does not exist (`not_found`).", 409: "The message was deleted (`conflict`)."},
)
def edit_server_message(principal: Principal, message_id: str, body: Json) -> Message:
    """Edit a message of any sender.

    System messages can be edited too.
    """
    return actions.edit_message(principal, message_id, **body)


@messages_resource.endpoint(
    "DELETE",
    "/<uuid:messageId>",
    scope="messages",
    status=204,
    errors={404: "The message does not exist (`not_found`)."},
)
def delete_server_message(principal: Principal, message_id: str) -> None:
    """Delete a message of any sender.

    The message stays in the history without its content (`isDeleted`). Deleting it again changes nothing.
    """
    actions.delete_message(principal, message_id)
