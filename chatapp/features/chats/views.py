"""REST endpoints of chats and their members."""

from uuid import UUID

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, page_query
from chatapp.features.chats import actions, queries
from chatapp.features.chats.schemas import (
    ChatDetailSchema,
    ChatSchema,
    MemberSchema,
    NewDirectChatSchema,
    NewGroupSchema,
    NewMemberSchema,
    NewRoleSchema,
    PatchChatSchema,
)
from chatapp.rest.resource import NOT_VISIBLE, Resource

PARTS = {
    "chatId": {"description": "A chat of which the caller is a member."},
    "userId": {"description": "A member of the chat."},
}

resource = Resource("chats", "/chats", "Direct chats, groups and their members.", PARTS)
# Errors of every change of a group.
GROUP_ONLY = NOT_VISIBLE | {409: "The chat is a direct chat (`not_a_group`)."}
ADMIN_ONLY = GROUP_ONLY | {403: "The caller is not an ADMIN of the group (`forbidden`)."}


@resource.endpoint("GET", "", query=page_query(int, UUID), returns=ChatSchema, many=True)
def list_chats(actor: Actor, query: Json) -> Page:
    """List the caller's chats.

    Sorted by latest activity, newest first. Each chat has its last message and the number of unread messages, but no
    members.
    """
    return queries.list_chats(actor, **query)


@resource.endpoint(
    "POST",
    "/direct",
    body=NewDirectChatSchema,
    returns=ChatDetailSchema,
    status=201,
    also={200: "The direct chat already exists."},
    errors={404: "The user does not exist (`not_found`)."},
)
def create_direct_chat(actor: Actor, body: Json) -> tuple[Json, int]:
    """Create or get a direct chat.

    Two users have exactly one direct chat, whichever of them creates it. A chat with oneself is refused (422).
    """
    chat, created = actions.create_direct_chat(actor, **body)
    return chat, 201 if created else 200


@resource.endpoint("GET", "/<uuid:chatId>", returns=ChatDetailSchema, errors=NOT_VISIBLE)
def get_chat(actor: Actor, chat_id: str) -> Json:
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
    errors={404: "A user in `memberIds` does not exist (`not_found`)."},
)
def create_group(actor: Actor, body: Json) -> Json:
    """Create a group.

    The caller becomes its ADMIN. Up to 200 other users can be added with the request.
    """
    return actions.create_group(actor, **body)


@resource.endpoint("PATCH", "/<uuid:chatId>", body=PatchChatSchema, returns=ChatSchema, errors=ADMIN_ONLY)
def update_chat(actor: Actor, chat_id: str, body: Json) -> Json:
    """Update a group.

    Changes its name, description or avatar. Requires the member role ADMIN. Absent fields stay as they are.
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
def add_member(actor: Actor, chat_id: str, body: Json) -> Json:
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
def set_member_role(actor: Actor, chat_id: str, user_id: str, body: Json) -> Json:
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
