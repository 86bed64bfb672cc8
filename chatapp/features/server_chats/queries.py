"""Queries of chats and messages for servers, which see all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orjson import Fragment
from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.errors import Conflict, NotFound
from chatapp.core.identity import Actor, Principal
from chatapp.core.pagination import MAX_KEY, Listing, Page
from chatapp.core.references import Reference
from chatapp.features.chats.queries import AFTER_CURSOR, FIRST_CHAT, NOT_VISIBLE
from chatapp.features.messages.pages import NEWER, Window, around_values, messages_around
from chatapp.features.messages.permissions import KnownMessage
from chatapp.features.users.queries import FoundUser, find_user, known_users
from chatapp.models.enums import ChatType
from chatapp.models.user import SYSTEM_ID
from chatapp.representations.chat import (
    SERVER_CHAT,
    SERVER_CHAT_DETAIL,
    SERVER_CHAT_TEXT,
    ServerChat,
    ServerChatDetail,
)
from chatapp.representations.message import (
    IS_REPEATED,
    MESSAGE_FOR_SERVER,
    MESSAGE_JOINS,
    MESSAGE_JOINS_BY_KEY,
    Message,
    messages_since,
)

_BY_ID = text("SELECT id::text, type FROM chats WHERE id = :name AND NOT is_deleted")
_BY_EXTERNAL_ID = text("SELECT id::text, type FROM chats WHERE external_id = :name")
_CHAT = text(f"SELECT {SERVER_CHAT} FROM chats c WHERE c.id = :chat_id")
_DETAIL = text(f"SELECT {SERVER_CHAT_DETAIL} FROM chats c WHERE c.id = :chat_id")
_LIST = """
    SELECT {chat}, (extract(epoch FROM c.updated_at) * 1000)::bigint, c.id::text
    FROM (
        SELECT * FROM chats c WHERE {whose} AND NOT c.is_deleted AND {after_cursor}
        AND (CAST(:updated_after AS timestamptz) IS NULL OR c.updated_at > :updated_after)
        ORDER BY c.updated_at DESC, c.id DESC LIMIT :limit
    ) c ORDER BY c.updated_at DESC, c.id DESC
"""
# No index has the time of the latest activity, which each send changes: a page reads all chats.
_ALL_CHATS = text(_LIST.format(chat=SERVER_CHAT_TEXT, whose="true", after_cursor=AFTER_CURSOR))
_CHATS_OF_USER = text(
    _LIST.format(
        chat=SERVER_CHAT_TEXT,
        whose="c.id = ANY(ARRAY(SELECT chat_id FROM members WHERE user_id = :user_id))",
        after_cursor=AFTER_CURSOR,
    )
)
_ROLES = text("SELECT user_id::text, role FROM members WHERE chat_id = :chat_id ORDER BY joined_at, user_id")
_MESSAGES_AROUND = text(
    f"""
    SELECT {MESSAGE_FOR_SERVER}, m.seq, named.seq
    FROM chats c {messages_around()} {MESSAGE_JOINS} WHERE c.id = :chat_id ORDER BY m.seq DESC
    """
)
_MESSAGES = f"SELECT {MESSAGE_FOR_SERVER}, m.seq, m.rev FROM %s {MESSAGE_JOINS_BY_KEY} WHERE %s LIMIT :limit"
# The page is limited before it is joined, as in `messages/pages.py`.
_BESIDE = "(SELECT * FROM messages WHERE chat_id = :chat_id AND seq %s LIMIT :limit) m"
_BACK_IN_TIME = text(_MESSAGES % (_BESIDE % "< :key ORDER BY seq DESC", "true ORDER BY m.seq DESC"))
_FORWARD_IN_TIME = text(_MESSAGES % (_BESIDE % "> :key ORDER BY seq", "true ORDER BY m.seq"))
_CHANGED_SINCE = text(
    _MESSAGES % (f"chats c CROSS JOIN LATERAL {messages_since(':key')} m", "c.id = :chat_id ORDER BY m.rev")
)
_MESSAGE = text(f"SELECT CAST({MESSAGE_FOR_SERVER} AS json) FROM messages m {MESSAGE_JOINS} WHERE m.id = :id")
_POSTED_BEFORE = text(
    f"""
    SELECT CASE WHEN {IS_REPEATED} THEN CAST({MESSAGE_FOR_SERVER} AS json) END, true
    FROM messages m {MESSAGE_JOINS} WHERE m.sender_id = '{SYSTEM_ID}' AND m.client_id = :client_id
    """
)
# The rest of a deleted group is not reachable.
_KNOWN = text(
    """
    SELECT m.id::text, m.chat_id::text, c.type AS chat_type, m.sender_id::text, m.type
    FROM messages m JOIN chats c ON c.id = m.chat_id AND NOT c.is_deleted WHERE m.id = :id
    """
)
_SENDER = text("SELECT username, avatar FROM users WHERE id = :user_id")


@dataclass(frozen=True, slots=True)
class FoundChat:
    """A chat that a server names."""

    id: str
    type: str


def known_chat(db: Connection, reference: Reference) -> FoundChat | None:
    """The chat that a reference names, or None."""
    statement = _BY_ID if reference.id else _BY_EXTERNAL_ID
    row = db.execute(statement, {"name": reference.id or reference.external_id}).first()
    return FoundChat(*row) if row else None


def find_chat(reference: Reference) -> FoundChat:
    """The chat that a reference names; raises NotFound."""
    with reading() as db:
        chat = known_chat(db, reference)
    if chat is None:
        raise NotFound(NOT_VISIBLE)
    return chat


def find_group(reference: Reference) -> str:
    """The id of the group that a reference names; raises NotFound, Conflict (`not_a_group`) for a direct chat."""
    chat = find_chat(reference)
    if chat.type != ChatType.GROUP:
        raise Conflict("This is only possible in groups.", code="not_a_group")
    return chat.id


def server_chat(db: Connection, chat_id: str) -> ServerChat:
    """A chat, as servers see it."""
    return db.execute(_CHAT, {"chat_id": chat_id}).scalar_one()  # type: ignore[no-any-return]


def server_chat_detail(db: Connection, chat_id: str) -> ServerChatDetail:
    """A chat, as servers see it, with its first members."""
    return db.execute(_DETAIL, {"chat_id": chat_id}).scalar_one()  # type: ignore[no-any-return]


def read_chat(reference: Reference) -> ServerChatDetail:
    """The chat that a reference names, with its first members; raises NotFound."""
    with reading() as db:
        chat = known_chat(db, reference)
        if chat and (detail := db.execute(_DETAIL, {"chat_id": chat.id}).scalar()):
            return detail  # type: ignore[no-any-return]
    raise NotFound(NOT_VISIBLE)


def list_chats(*, limit: int, cursor: str | None, user: Reference | None, updated_after: datetime | None) -> Page:
    """All chats, or those of a user, most recently active first; raises NotFound for an unknown user."""
    listing = Listing("server_chats", user and str(user), updated_after)
    before, before_id = listing.start(cursor) or FIRST_CHAT
    values = {"before": before, "before_id": before_id, "updated_after": updated_after, "limit": limit + 1}
    with reading() as db:
        if user:
            rows = db.execute(_CHATS_OF_USER, values | {"user_id": find_user(db, user).id}).all()
        else:
            rows = db.execute(_ALL_CHATS, values).all()
    return listing.page([(Fragment(chat), key) for chat, *key in rows], limit)


def roles(db: Connection, chat_id: str) -> dict[str, str]:
    """The members of a chat, longest-standing first, each with the role."""
    return {row[0]: row[1] for row in db.execute(_ROLES, {"chat_id": chat_id})}


def find_people(
    db: Connection, references: Sequence[Reference], field: str, present: Sequence[str] | dict[str, str] = ()
) -> list[str]:
    """The ids of these users, each once; raises NotFound, which names it, for one who is unknown, or deactivated and not
    among those who are `present`."""
    known = known_users(db, references)
    found: dict[str, FoundUser] = {}
    for reference in references:
        user = known.get(reference)
        if user is None or not (user.is_active or user.id in present):
            raise NotFound(f"User not found: {reference}.", errors={field: [f"Not a user: {reference}."]})
        found[user.id] = user
    return list(found)


def list_messages(
    reference: Reference, *, limit: int, cursor: str | None, after: int | None, around: int | str | None
) -> Page:
    """The messages of a chat, newest first; with `after` those created or changed since that `rev`, in the order of `rev`;
    with `around` those on both sides of a message. Raises NotFound."""
    chat_id = find_chat(reference).id
    listing = Listing("server_messages", chat_id, after)
    key, *directions = listing.start(cursor) or (MAX_KEY if after is None else after,)
    if around is not None or directions == [NEWER]:
        return _window(chat_id, limit, around, key).page(
            lambda direction, seq: listing.cursor([seq, direction] if direction == NEWER else [seq])
        )
    statement, place = (_BACK_IN_TIME, 0) if after is None else (_CHANGED_SINCE, 1)
    with reading() as db:
        rows = db.execute(statement, {"chat_id": chat_id, "key": key, "limit": limit + 1})
        return listing.page([(Fragment(message), [numbers[place]]) for message, *numbers in rows], limit)


def _window(chat_id: str, limit: int, around: int | str | None, key: int) -> Window:
    """The messages around one, or those next after the `seq` of a cursor; raises NotFound for an unknown id."""
    with reading() as db:
        if around is None:
            return Window.after(
                db.execute(_FORWARD_IN_TIME, {"chat_id": chat_id, "key": key, "limit": limit + 1}).all(), limit
            )
        rows = db.execute(_MESSAGES_AROUND, {"chat_id": chat_id} | around_values(around, limit)).all()
    if not rows and isinstance(around, str):
        raise NotFound("Message not found.")
    return Window.around(rows, limit)


def message(db: Connection, message_id: str) -> Message:
    """A message, as servers see it: with the status that its sender sees."""
    return db.execute(_MESSAGE, {"id": message_id}).scalar_one()  # type: ignore[no-any-return]


def known_message(db: Connection, message_id: str) -> KnownMessage:
    """What a server knows of a message; raises NotFound."""
    row = db.execute(_KNOWN, {"id": message_id}).first()
    if row is None:
        raise NotFound("Message not found.")
    return KnownMessage(**row._mapping, chat_role=None, moderated=True)


def sender(reference: Reference, principal: Principal) -> Actor:
    """The user whom a reference names, as the sender of a message for `principal`.

    Raises NotFound, Conflict (`user_inactive`).
    """
    with reading() as db:
        user = find_user(db, reference)
        username, avatar = db.execute(_SENDER, {"user_id": user.id}).one()
    if not user.is_active:
        raise Conflict("The user is deactivated.", code="user_inactive")
    return Actor(user.id, "", username, avatar, user.role, principal)


def posted_before(client_id: str, digest: bytes) -> tuple[Message | None, bool]:
    """The system message with that `clientId`, None for another one than this; and whether there is one."""
    with reading() as db:
        row = db.execute(_POSTED_BEFORE, {"client_id": client_id, "client_digest": digest}).first()
    return (row[0], True) if row else (None, False)
