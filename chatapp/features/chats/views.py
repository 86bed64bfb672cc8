"""REST endpoints of chats and their members."""

from uuid import UUID

from chatapp import representations
from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, page_query
from chatapp.features.chats import actions, queries
from chatapp.features.chats.schemas import (
    ChatFilters,
    NewDirectChatSchema,
    NewGroupSchema,
    NewMemberSchema,
    NewRoleSchema,
    PatchChatSchema,
)
from chatapp.representations.chat import ChatDetailSchema, ChatSchema
from chatapp.representations.member import MemberSchema
from chatapp.rest.resource import NOT_VISIBLE, Resource

PARTS = {
    "chatId": {"description": "A chat of which the caller is a member."},
    "userId": {"description": "A member of the chat."},
}

resource = Resource("chats", "/chats", "Direct chats, groups and their members.", PARTS)
# Errors of every change of a group.
GROUP_ONLY = NOT_VISIBLE | {409: "The chat is a direct chat (`not_a_group`)."}
DATA_MANAGED = {403: "The app of this server manages the data of chats (`chat_data_managed`)."}
ADMIN_ONLY = GROUP_ONLY | {403: "The caller is not an ADMIN of the group (`forbidden`)."}


class ListChatsQuery(ChatFilters, page_query(int, UUID, str)):  # type: ignore[misc]
    """Filters and page of the caller's chats."""


@resource.endpoint("GET", "", query=ListChatsQuery, returns=ChatSchema, many=True)
def list_chats(actor: Actor, query: Json) -> Page:
    """List the caller's chats.

    Sorted by latest activity, newest first. Each chat has its last message and the number of unread messages, but no
    members. Pinned chats are not moved to the front. Chats that the caller hid are left out, unless `hidden` is true.
    """
    return queries.list_chats(actor, **query)


@resource.endpoint(
    "POST",
    "/direct",
    body=NewDirectChatSchema,
    returns=ChatDetailSchema,
    status=201,
    also={200: "The direct chat already exists."},
    errors={
        403: "The caller blocks the user, and there is no direct chat with them yet (`you_blocked`).",
        404: "The user does not exist, or the caller cannot open a direct chat with them (`not_found`).",
    },
)
def create_direct_chat(actor: Actor, body: Json) -> tuple[representations.ChatDetail, int]:
    """Create or get a direct chat.

    Two users have exactly one direct chat, whichever of them creates it. A chat with oneself is refused (422).
    """
    chat, created = actions.create_direct_chat(actor, **body)
    return chat, 201 if created else 200


@resource.endpoint("GET", "/<uuid:chatId>", returns=ChatDetailSchema, errors=NOT_VISIBLE)
def get_chat(actor: Actor, chat_id: str) -> representations.ChatDetail:
    """Get a chat.

    Returns the chat with its first 100 members. `GET /chats/{chatId}/members` lists all members.
    """
    return queries.read_chat(actor, chat_id)


@resource.endpoint(
    "GET",
    "/<uuid:chatId>/members",
    query=page_query(int, UUID),
    returns=MemberSchema,
    many=True,
    errors=NOT_VISIBLE,
)
def list_members(actor: Actor, chat_id: str, query: Json) -> Page:
    """List the members of a chat.

    Sorted by the time of joining, earliest first.
    """
    return queries.list_members(actor, chat_id, **query)


@resource.endpoint(
    "POST",
    "/groups",
    body=NewGroupSchema,
    returns=ChatDetailSchema,
    status=201,
    errors={404: "A user in `memberIds` does not exist (`not_found`)."} | DATA_MANAGED,
)
def create_group(actor: Actor, body: Json) -> representations.ChatDetail:
    """Create a group.

    The caller becomes its ADMIN. Up to 200 other users can be added with the request.
    """
    return actions.create_group(actor, **body)


@resource.endpoint(
    "PATCH",
    "/<uuid:chatId>",
    body=PatchChatSchema,
    returns=ChatSchema,
    errors=ADMIN_ONLY | {403: f"{ADMIN_ONLY[403]} {DATA_MANAGED[403]}"},
)
def update_chat(actor: Actor, chat_id: str, body: Json) -> representations.Chat:
    """Update a group.

    Changes its name, description, avatar or data. Requires the member role ADMIN. Absent fields stay as they are. A
    request that changes nothing has no effect.
    """
    return actions.update_chat(actor, chat_id, **body)


@resource.endpoint("DELETE", "/<uuid:chatId>", status=204, errors=ADMIN_ONLY)
def delete_chat(actor: Actor, chat_id: str) -> None:
    """Delete a group and its messages.

    Requires the member role ADMIN. A deletion can't be undone.
    """
    actions.delete_chat(actor, chat_id)


@resource.endpoint(
    "POST",
    "/<uuid:chatId>/members",
    body=NewMemberSchema,
    returns=MemberSchema,
    status=201,
    errors=ADMIN_ONLY
    | {
        404: "The chat does not exist or the caller is not a member, or the user does not exist (`not_found`).",
        409: "The user is already a member (`conflict`). The group has 1,000 members (`group_full`). "
        "The chat is a direct chat (`not_a_group`).",
    },
)
def add_member(actor: Actor, chat_id: str, body: Json) -> representations.Member:
    """Add a member to a group.

    Requires the member role ADMIN. The new member can read the history; earlier messages do not count as unread.
    """
    return actions.add_member(actor, chat_id, **body)


@resource.endpoint("DELETE", "/<uuid:chatId>/members/<uuid:userId>", status=204, errors=ADMIN_ONLY)
def remove_member(actor: Actor, chat_id: str, user_id: str) -> None:
    """Remove a member from a group.

    Requires the member role ADMIN. After the response, the removed user's sockets receive no more events of the group.
    """
    actions.remove_member(actor, chat_id, user_id)


@resource.endpoint(
    "PATCH",
    "/<uuid:chatId>/members/<uuid:userId>/role",
    body=NewRoleSchema,
    returns=MemberSchema,
    errors=ADMIN_ONLY
    | {409: "The member is the last ADMIN of the group (`last_admin`). The chat is a direct chat (`not_a_group`)."},
)
def set_member_role(actor: Actor, chat_id: str, user_id: str, body: Json) -> representations.Member:
    """Change the role of a member.

    Requires the member role ADMIN. A group always keeps one ADMIN: promote another member before you demote the last one.
    """
    return actions.set_member_role(actor, chat_id, user_id, **body)


@resource.endpoint("DELETE", "/<uuid:chatId>/leave", status=204, errors=GROUP_ONLY)
def leave_chat(actor: Actor, chat_id: str) -> None:
    """Leave a group.

    When the last ADMIN leaves, the member who joined first becomes ADMIN. When the last member leaves, the group is
    deleted.
    """
    actions.leave(actor, chat_id)
