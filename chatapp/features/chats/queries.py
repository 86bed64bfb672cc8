"""Queries of chats. The database builds the JSON objects of the API: one round trip, no row objects."""

from collections.abc import Collection

from orjson import Fragment
from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.errors import Json, NotFound
from chatapp.core.identity import Actor
from chatapp.core.pagination import MAX_KEY, Page, page
from chatapp.core.prepared import Prepared, array
from chatapp.features.chats.permissions import Membership
from chatapp.features.chats.schemas import MAX_MEMBERS
from chatapp.features.users.queries import USER_FIELDS
from chatapp.models.enums import DeliveryStatus

FILE_FIELDS = """
    'fileUrl', CASE WHEN f.id IS NOT NULL THEN file_url(f.name, f.secret, m.id) END,
    'fileName', f.file_name, 'fileSize', f.file_size,
    'thumbnailUrl', CASE WHEN f.thumbnail IS NOT NULL THEN file_url(f.thumbnail, f.secret, m.id) END,
    'width', f.width, 'height', f.height
"""
# Arguments of json_build_object for a `Message` from a row `m`, its sender `s` and its upload `f`, without its status.
MESSAGE_FIELDS = f"""
    'id', m.id, 'chatId', m.chat_id, 'seq', m.seq, 'rev', m.rev, 'senderId', m.sender_id,
    'sender', json_build_object('id', s.id, 'username', s.username, 'avatar', s.avatar),
    'content', m.content, 'type', m.type, {FILE_FIELDS}, 'clientId', m.client_id,
    'isEdited', m.edited_at IS NOT NULL, 'isDeleted', m.deleted_at IS NOT NULL,
    'createdAt', wire_time(m.created_at), 'editedAt', wire_time(m.edited_at)
"""
MESSAGE_JOINS = """
    JOIN users s ON s.id = m.sender_id LEFT JOIN uploads f ON f.id = m.upload_id AND m.deleted_at IS NULL
"""


def status_field(unseen: str) -> str:
    """The status of `m` for the reader whose member row is `me`: for own messages from the others' watermarks, for
    other messages from the reader's; `unseen` if that has not reached them."""
    return f"""
    'status', CASE
        WHEN m.sender_id = me.user_id THEN CASE
            WHEN NOT EXISTS (SELECT FROM members o WHERE o.chat_id = m.chat_id AND o.user_id <> me.user_id
                             AND o.joined_seq < m.seq AND o.read_seq < m.seq) THEN 'READ'
            WHEN NOT EXISTS (SELECT FROM members o WHERE o.chat_id = m.chat_id AND o.user_id <> me.user_id
                             AND o.joined_seq < m.seq AND o.delivered_seq < m.seq) THEN 'DELIVERED'
            ELSE 'SENT' END
        WHEN me.read_seq >= m.seq THEN 'READ'
        WHEN me.delivered_seq >= m.seq THEN 'DELIVERED'
        ELSE '{unseen}' END
"""


STATUS_FIELD = status_field(DeliveryStatus.SENT)
_CHAT_FIELDS = """
    'id', c.id, 'type', c.type, 'name', c.name, 'description', c.description, 'avatar', c.avatar,
    'createdAt', wire_time(c.created_at), 'updatedAt', wire_time(c.updated_at),
    'memberCount', c.member_count, 'lastSeq', c.last_seq, 'lastRev', c.last_rev
"""
MEMBER_FIELDS = f"""
    'userId', o.user_id, 'role', o.role, 'joinedAt', wire_time(o.joined_at), 'user', json_build_object({USER_FIELDS})
"""
# The order of joining. Two members may join within a millisecond; then their ids decide.
_FIRST_MEMBERS = f"""
    'members', (SELECT json_agg(json_build_object({MEMBER_FIELDS}) ORDER BY o.joined_at, o.user_id)
                FROM (SELECT * FROM members WHERE chat_id = c.id ORDER BY joined_at, user_id LIMIT {MAX_MEMBERS}) o
                     JOIN users u ON u.id = o.user_id)
"""
# A chat `c` for the reader whose member row is `me`. seq has no gaps and tombstones stay, so the newest message is
# number last_seq.
CHAT_SEEN = f"""
    {_CHAT_FIELDS}, 'unreadCount', c.last_seq - me.read_seq,
    'lastMessage', (SELECT json_build_object({MESSAGE_FIELDS}, {STATUS_FIELD})
                    FROM messages m {MESSAGE_JOINS} WHERE m.chat_id = c.id AND m.seq = c.last_seq),
    'peer', CASE c.type WHEN 'DIRECT' THEN (
        SELECT json_build_object({USER_FIELDS}) FROM members o JOIN users u ON u.id = o.user_id
        WHERE o.chat_id = c.id AND o.user_id <> me.user_id) END
"""
_SEEN_BY_ALL = f"""
    {_CHAT_FIELDS},
    'lastMessage', (SELECT json_build_object({MESSAGE_FIELDS})
                    FROM messages m {MESSAGE_JOINS} WHERE m.chat_id = c.id AND m.seq = c.last_seq)
"""
_LIST = Prepared(
    "chat_list",
    f"""
    SELECT json_build_object({CHAT_SEEN})::text, (extract(epoch FROM c.updated_at) * 1000)::bigint, c.id::text
    FROM members me JOIN chats c ON c.id = me.chat_id
    WHERE me.user_id = :user_id AND (c.updated_at, c.id) < (to_timestamp(:before / 1000.0), CAST(:before_id AS uuid))
    ORDER BY c.updated_at DESC, c.id DESC
    LIMIT :limit
    """,
)
# A key before all chats in the order of activity.
FIRST_CHAT = (MAX_KEY, "ffffffff-ffff-ffff-ffff-ffffffffffff")
_NO_ID = "00000000-0000-0000-0000-000000000000"
_DETAIL = text(
    f"""
    SELECT json_build_object({CHAT_SEEN}, {_FIRST_MEMBERS})
    FROM members me JOIN chats c ON c.id = me.chat_id WHERE me.user_id = :user_id AND c.id = :chat_id
    """
)
_EVENT = text(f"SELECT json_build_object({_SEEN_BY_ALL}) FROM chats c WHERE c.id = :chat_id")
_EVENT_WITH_MEMBERS = text(
    f"SELECT json_build_object({_SEEN_BY_ALL}, {_FIRST_MEMBERS}) FROM chats c WHERE c.id = :chat_id"
)
_SEEN = text(
    f"""
    SELECT json_build_object({CHAT_SEEN})
    FROM members me JOIN chats c ON c.id = me.chat_id WHERE me.user_id = :user_id AND c.id = :chat_id
    """
)
_MEMBER = text(
    f"""
    SELECT json_build_object({MEMBER_FIELDS}) FROM members o JOIN users u ON u.id = o.user_id
    WHERE o.chat_id = :chat_id AND o.user_id = :user_id
    """
)
_MEMBER_PAGE = text(
    f"""
    SELECT json_build_object({MEMBER_FIELDS}), (extract(epoch FROM o.joined_at) * 1000)::bigint, o.user_id::text
    FROM (
        SELECT * FROM members
        WHERE chat_id = :chat_id AND (joined_at, user_id) > (to_timestamp(:after / 1000.0), CAST(:after_id AS uuid))
        ORDER BY joined_at, user_id LIMIT :limit
    ) o JOIN users u ON u.id = o.user_id
    ORDER BY o.joined_at, o.user_id
    """
)
_MEMBERSHIP = text(
    """
    SELECT c.id::text AS chat_id, c.type, me.role
    FROM chats c LEFT JOIN members me ON me.chat_id = c.id AND me.user_id = :user_id WHERE c.id = :chat_id
    """
)
_ROOMS = Prepared(
    "rooms",
    """
    SELECT me.user_id::text, c.id::text, c.last_rev, c.last_seq FROM members me JOIN chats c ON c.id = me.chat_id
    WHERE me.user_id = ANY(CAST(:user_ids AS uuid[]))
    """,
)
_AMONG = text(
    """
    SELECT c.id::text, c.last_rev, ARRAY(
        SELECT me.user_id::text FROM members me
        WHERE me.chat_id = c.id AND me.user_id = ANY(CAST(:user_ids AS uuid[]))
    )
    FROM chats c WHERE c.id = ANY(CAST(:chat_ids AS uuid[])) AND c.member_count > 0
    """
)


def list_chats(actor: Actor, limit: int, cursor: tuple[int, str] | None) -> Page:
    """The actor's chats, most recently active first."""
    before, before_id = cursor or FIRST_CHAT
    values = {"user_id": actor.user_id, "before": before, "before_id": before_id, "limit": limit + 1}
    with reading() as db:
        return page([(Fragment(chat), key) for chat, *key in _LIST.execute(db, values)], limit)


def read_chat(actor: Actor, chat_id: str) -> Json:
    """A chat of the actor, with its first members; raises NotFound."""
    with reading() as db:
        return chat_detail(db, actor, chat_id)


def chat_detail(db: Connection, actor: Actor, chat_id: str) -> Json:
    """A chat as the actor sees it, with its first `MAX_MEMBERS` members; raises NotFound for non-members."""
    chat: Json | None = db.execute(_DETAIL, {"user_id": actor.user_id, "chat_id": chat_id}).scalar()
    if chat is None:
        raise NotFound("Chat not found.")
    return chat


def chat_seen(db: Connection, actor: Actor, chat_id: str) -> Json:
    """A chat as the actor sees it, without its members."""
    return db.execute(_SEEN, {"user_id": actor.user_id, "chat_id": chat_id}).scalar_one()  # type: ignore[no-any-return]


def member(db: Connection, chat_id: str, user_id: str) -> Json | None:
    """The `Member` of a chat, or None."""
    return db.execute(_MEMBER, {"chat_id": chat_id, "user_id": user_id}).scalar()


def list_members(actor: Actor, chat_id: str, limit: int, cursor: tuple[int, str] | None) -> Page:
    """The members of a chat, longest-standing first; raises NotFound if the actor is not a member."""
    after, after_id = cursor or (0, _NO_ID)
    values = {"chat_id": chat_id, "after": after, "after_id": after_id, "limit": limit + 1}
    with reading() as db:
        found = membership(db, actor, chat_id)
        if found is None or not found.visible:
            raise NotFound("Chat not found.")
        return page([(member, key) for member, *key in db.execute(_MEMBER_PAGE, values)], limit)


def membership(db: Connection, actor: Actor, chat_id: str) -> Membership | None:
    """The actor's relation to a chat, None if it does not exist."""
    row = db.execute(_MEMBERSHIP, {"chat_id": chat_id, "user_id": actor.user_id}).first()
    return Membership(**row._mapping) if row else None


def chat_event(db: Connection, chat_id: str) -> Json:
    """A chat for `chat:updated`: without its members and fields that depend on the reader."""
    return db.execute(_EVENT, {"chat_id": chat_id}).scalar_one()  # type: ignore[no-any-return]


def new_chat_event(db: Connection, chat_id: str) -> tuple[Json, list[str]]:
    """A chat for `chat:new`, with its first `MAX_MEMBERS` members, and which of those are online."""
    chat: Json = db.execute(_EVENT_WITH_MEMBERS, {"chat_id": chat_id}).scalar_one()
    online = [member["userId"] for member in chat["members"] if member["user"]["isOnline"]]
    return chat | {"members": [member_event(member) for member in chat["members"]]}, online


def member_event(member: Json) -> Json:
    """A `Member` for events: without presence, since all recipients get the same bytes."""
    return member | {"user": member["user"] | {"isOnline": False, "lastSeen": None}}


def rooms_of(user_ids: list[str]) -> dict[str, dict[str, tuple[int, int]]]:
    """The chats of these users: user → chat → its `lastRev` and `lastSeq`."""
    found: dict[str, dict[str, tuple[int, int]]] = {user_id: {} for user_id in user_ids}
    with reading() as db:
        for user_id, chat_id, last_rev, last_seq in _ROOMS.execute(db, {"user_ids": array(user_ids)}):
            found[user_id][chat_id] = last_rev, last_seq
    return found


def members_among(chat_ids: Collection[str], user_ids: Collection[str]) -> dict[str, tuple[int, set[str]]]:
    """For each existing chat of these its `lastRev`, and which of these users are members."""
    with reading() as db:
        rows = db.execute(_AMONG, {"chat_ids": list(chat_ids), "user_ids": list(user_ids)})
        return {chat_id: (last_rev, set(members)) for chat_id, last_rev, members in rows}
