"""Chats, over REST."""

from uuid import UUID

from chatapp.chats import actions, queries
from chatapp.chats.schemas import (
    ChatDetailSchema,
    ChatSchema,
    MemberSchema,
    NewDirectChatSchema,
    NewGroupSchema,
    NewMemberSchema,
    NewRoleSchema,
    PatchChatSchema,
)
from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, page_query
from chatapp.rest.door import NOT_VISIBLE, Door

PARTS = {"chatId": {"description": "A chat that the caller is in."}, "userId": {"description": "A member of it."}}

door = Door("chats", "/chats", "Direct chats and groups, and who is in them.", PARTS)
# What every change of a group may refuse.
GROUP_ONLY = NOT_VISIBLE | {409: "This is a direct chat (`not_a_group`)."}
ADMIN_ONLY = GROUP_ONLY | {403: "The caller is not an ADMIN of the group (`forbidden`)."}


@door.endpoint("GET", "", query=page_query(int, UUID), returns=ChatSchema, many=True)
def list_chats(actor: Actor, query: Json) -> Page:
    """The caller's chats.

    The most recently active come first: each with its newest message and how many are unread, without its members.
    """
    return queries.list_chats(actor, **query)


@door.endpoint(
    "POST",
    "/direct",
    body=NewDirectChatSchema,
    returns=ChatDetailSchema,
    status=201,
    also={200: "The chat that these two have already, with its members."},
    errors={404: "There is no such user (`not_found`)."},
)
def create_direct_chat(actor: Actor, body: Json) -> tuple[Json, int]:
    """Open the direct chat with a person.

    There is one for each pair, whoever of them asks first or again; with oneself there is none (422).
    """
    chat, created = actions.create_direct_chat(actor, **body)
    return chat, 201 if created else 200


@door.endpoint("GET", "/<uuid:chatId>", returns=ChatDetailSchema, errors=NOT_VISIBLE)
def get_chat(actor: Actor, chat_id: str) -> Json:
    """A chat of the caller's, with its first 100 members.

    It comes as in the list of chats, and says beside that who is in it. `GET /chats/{chatId}/members` lists all members.
    """
    return queries.read_chat(actor, chat_id)


@door.endpoint(
    "GET",
    "/<uuid:chatId>/members",
    query=page_query(int, UUID),
    returns=MemberSchema,
    many=True,
    errors=NOT_VISIBLE,
)
def list_members(actor: Actor, chat_id: str, query: Json) -> Page:
    """The members of a chat.

    The longest-standing come first.
    """
    return queries.list_members(actor, chat_id, **query)


@door.endpoint(
    "POST",
    "/groups",
    body=NewGroupSchema,
    returns=ChatDetailSchema,
    status=201,
    errors={404: "One of `memberIds` is no user (`not_found`)."},
)
def create_group(actor: Actor, body: Json) -> Json:
    """Make a group.

    The caller is its ADMIN; up to 200 others can be in it from the start.
    """
    return actions.create_group(actor, **body)


@door.endpoint("PATCH", "/<uuid:chatId>", body=PatchChatSchema, returns=ChatSchema, errors=ADMIN_ONLY)
def update_chat(actor: Actor, chat_id: str, body: Json) -> Json:
    """Change a group's name, description or avatar.

    For its ADMINs. What the body does not name stays as it is.
    """
    return actions.update_chat(actor, chat_id, **body)


@door.endpoint("DELETE", "/<uuid:chatId>", status=204, errors=ADMIN_ONLY)
def delete_chat(actor: Actor, chat_id: str) -> None:
    """Delete a group with all that was said in it.

    For its ADMINs. There is no way back.
    """
    actions.delete_chat(actor, chat_id)


@door.endpoint(
    "POST",
    "/<uuid:chatId>/members",
    body=NewMemberSchema,
    returns=MemberSchema,
    status=201,
    errors=ADMIN_ONLY
    | {
        404: "There is no such chat that the caller can see, or no such user (`not_found`).",
        409: "They are in it (`conflict`). It has 1000 members (`group_full`). This is a direct chat (`not_a_group`).",
    },
)
def add_member(actor: Actor, chat_id: str, body: Json) -> Json:
    """Add somebody to a group.

    For its ADMINs. Who joins may read its history, and nothing of it is unread to them.
    """
    return actions.add_member(actor, chat_id, **body)


@door.endpoint("DELETE", "/<uuid:chatId>/members/<uuid:userId>", status=204, errors=ADMIN_ONLY)
def remove_member(actor: Actor, chat_id: str, user_id: str) -> None:
    """Remove somebody from a group.

    For its ADMINs. From this answer on the sockets of who was removed hear nothing more of it.
    """
    actions.remove_member(actor, chat_id, user_id)


@door.endpoint(
    "PATCH",
    "/<uuid:chatId>/members/<uuid:userId>/role",
    body=NewRoleSchema,
    returns=MemberSchema,
    errors=ADMIN_ONLY | {409: "This is its only ADMIN (`last_admin`). This is a direct chat (`not_a_group`)."},
)
def set_member_role(actor: Actor, chat_id: str, user_id: str, body: Json) -> Json:
    """Promote or demote a member.

    For a group's ADMINs. It always keeps one: promote somebody else before you demote yourself.
    """
    return actions.set_member_role(actor, chat_id, user_id, **body)


@door.endpoint("DELETE", "/<uuid:chatId>/leave", status=204, errors=GROUP_ONLY)
def leave_chat(actor: Actor, chat_id: str) -> None:
    """Leave a group.

    Its only ADMIN is followed by its longest-standing member; with its last member a group is deleted.
    """
    actions.leave(actor, chat_id)
