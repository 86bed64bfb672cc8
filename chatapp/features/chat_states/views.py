"""REST endpoints of the personal state of chats."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.features.chat_states import actions, queries
from chatapp.features.chat_states.schemas import ClearChatSchema, HideMessagesSchema, PatchChatStateSchema
from chatapp.representations.chat import UnreadSums, UnreadSumsSchema
from chatapp.representations.chat_state import ChatState, ChatStateSchema
from chatapp.rest.resource import NOT_VISIBLE, Resource

PARTS = {"chatId": {"description": "A chat of which the caller is a member."}}

resource = Resource("personal state", "", "What the caller alone sees of chats and messages.", PARTS)


@resource.endpoint(
    "PATCH",
    "/chats/<uuid:chatId>/me",
    body=PatchChatStateSchema,
    returns=ChatStateSchema,
    errors=NOT_VISIBLE | {409: "The caller pinned 20 chats (`limit_reached`)."},
)
def update_chat_state(actor: Actor, chat_id: str, body: Json) -> ChatState:
    """Mute, archive, hide, pin or mark a chat as unread.

    Changes only what the caller sees, and emits `me:chat` to their sockets. The fields of a request are one change; values
    that are as requested already change nothing. A message returns an archived chat to the list unless it is muted, and a
    hidden chat always: nothing is written or emitted then, since clients compare the positions with `lastSeq`. A mark as
    unread moves no receipt, and ends when the caller reads the chat or sends a message into it.
    """
    return actions.update_chat_state(actor, chat_id, **body)


@resource.endpoint(
    "POST",
    "/messages/hide",
    body=HideMessagesSchema,
    status=204,
    errors=NOT_VISIBLE | {409: "The caller hid 10,000 messages of a chat (`limit_reached`): clear the chat."},
)
def hide_messages(actor: Actor, body: Json) -> None:
    """Delete messages for oneself.

    They become tombstones with `isHidden` for the caller; other users see no change. Emits `me:hidden` to the caller's
    sockets, once for each chat. Hides all of the messages or none. Hiding a message again changes nothing.
    """
    actions.hide_messages(actor, **body)


@resource.endpoint(
    "POST", "/chats/<uuid:chatId>/clear", body=ClearChatSchema, returns=ChatStateSchema, errors=NOT_VISIBLE
)
def clear_chat(actor: Actor, chat_id: str, body: Json) -> ChatState:
    """Clear a chat for oneself.

    Deletes its messages for the caller, up to `upTo` or all, which can't be undone: the history starts after `clearedSeq`.
    They count as read. Emits `me:chat` to the caller's sockets. A lower `upTo` than before changes nothing.
    """
    return actions.clear_chat(actor, chat_id, **body)


@resource.endpoint("GET", "/users/me/unread", returns=UnreadSumsSchema)
def count_own_unread(actor: Actor) -> UnreadSums:
    """Count the caller's unread messages.

    Chats that the caller muted, archived or hid do not count.
    """
    return queries.count_unread(actor)
