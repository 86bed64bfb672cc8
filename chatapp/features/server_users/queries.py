"""Queries of users for servers."""

from collections.abc import Iterator, Sequence

from orjson import Fragment
from sqlalchemy import TextClause, text

from chatapp.core.db import reading
from chatapp.core.errors import Json
from chatapp.core.objects import encode_object
from chatapp.core.pagination import MAX_KEY, Listing, Page
from chatapp.core.references import Reference
from chatapp.features.server_users.schemas import Presence, Unread
from chatapp.features.users.queries import IS_ACCOUNT, find_user, known_users, like_pattern, server_user
from chatapp.models.user import USERNAME_KEY
from chatapp.representations.chat import UNREAD_SUMS
from chatapp.representations.chat_state import CHAT_STATE
from chatapp.representations.draft import DRAFT_OBJECT
from chatapp.representations.my_settings import MY_SETTINGS
from chatapp.representations.user import SERVER_USER_TEXT, ServerUser

_LIST = text(
    f"""
    SELECT {SERVER_USER_TEXT}, (extract(epoch FROM u.created_at) * 1000)::bigint, u.id::text
    FROM users u
    WHERE {IS_ACCOUNT}
    AND (CAST(:external_ids AS text[]) IS NULL OR u.external_id = ANY(CAST(:external_ids AS text[])))
    AND (CAST(:pattern AS text) IS NULL OR {USERNAME_KEY} LIKE :pattern)
    AND (CAST(:is_active AS bool) IS NULL OR u.is_active = :is_active)
    AND (u.created_at, u.id) < ((SELECT to_timestamp(:before / 1000.0)), CAST(:before_id AS uuid))
    ORDER BY u.created_at DESC, u.id DESC LIMIT :limit
    """
)
_BY_IDS = text(f"SELECT u.id::text, {SERVER_USER_TEXT} FROM users u WHERE u.id = ANY(CAST(:ids AS uuid[]))")
_PRESENCE = text(
    f"SELECT u.id::text, {encode_object(Presence)} FROM users u WHERE u.id = ANY(CAST(:ids AS uuid[]))",
)
_UNREAD = text(
    f"""
    SELECT u.id::text, {encode_object(Unread)}
    FROM users u, {UNREAD_SUMS}
    WHERE u.id = ANY(CAST(:ids AS uuid[]))
    """
)
EXPORTED_AT_ONCE = 5000
_NO_ID = "00000000-0000-0000-0000-000000000000"
_EXPORT_CHATS = text(
    f"""
    SELECT json_build_object('id', c.id, 'type', c.type, 'name', c.name, 'externalId', c.external_id, 'role', me.role,
        'joinedAt', wire_time(me.joined_at), 'createdAt', wire_time(c.created_at),
        'memberIds', (SELECT json_agg(o.user_id ORDER BY o.joined_at, o.user_id) FROM members o WHERE o.chat_id = c.id),
        'me', CASE WHEN me.me_rev > 0 THEN {CHAT_STATE} END,
        'draft', (SELECT {DRAFT_OBJECT} FROM drafts d
                  WHERE d.user_id = me.user_id AND d.chat_id = me.chat_id AND NOT d.is_gone))
    FROM members me JOIN chats c ON c.id = me.chat_id WHERE me.user_id = :user_id ORDER BY c.id
    """
)
_EXPORT_SETTINGS = text(
    f"""
    SELECT json_build_object('settings', {MY_SETTINGS},
        'blockedIds', ARRAY(SELECT b.blocked_id FROM blocks b WHERE b.user_id = u.id ORDER BY b.created_at))
    FROM users u WHERE u.id = :user_id
    """
)
_EXPORT_REPORTS = text(
    """
    SELECT json_build_object('id', r.id, 'target', json_build_object('type', r.target_type, 'id', r.target_id),
        'reason', r.reason, 'text', r.text, 'createdAt', wire_time(r.created_at))
    FROM reports r WHERE r.reporter_id = :user_id ORDER BY r.id
    """
)
_EXPORT_SESSIONS = text(
    """
    SELECT json_build_object('id', s.id, 'kind', s.kind, 'deviceId', s.device_id, 'deviceName', s.device_name,
        'userAgent', s.user_agent, 'address', s.address, 'createdAt', wire_time(s.created_at),
        'lastUsedAt', wire_time(s.last_used_at), 'endedAt', wire_time(s.ended_at))
    FROM sessions s WHERE s.user_id = :user_id ORDER BY s.id
    """
)
_EXPORT_MESSAGES = text(
    """
    SELECT m.id::text, json_build_object('id', m.id, 'chatId', m.chat_id, 'seq', m.seq, 'type', m.type,
        'content', m.content, 'fileName', f.file_name, 'fileSize', f.file_size, 'createdAt', wire_time(m.created_at),
        'editedAt', wire_time(m.edited_at), 'deletedAt', wire_time(m.deleted_at))::text
    FROM messages m LEFT JOIN uploads f ON f.id = m.upload_id
    WHERE m.sender_id = :user_id AND m.id > CAST(:after AS uuid) ORDER BY m.id LIMIT :limit
    """
)
# A key after all users by time of creation.
_NEWEST = (MAX_KEY, "ffffffff-ffff-ffff-ffff-ffffffffffff")
# A shorter query matches prefixes only: no index finds one or two characters inside of names.
_MIN_INSIDE = 3


def read_user(reference: Reference) -> ServerUser:
    """The user whom a reference names; raises NotFound."""
    with reading() as db:
        return server_user(db, find_user(db, reference).id)


def list_users(
    *, external_ids: list[str] | None, q: str | None, is_active: bool | None, limit: int, cursor: str | None
) -> Page:
    """Users, most recently created first; raises Malformed for a cursor of another list."""
    listing = Listing("users", external_ids, q, is_active)
    before, before_id = listing.start(cursor) or _NEWEST
    pattern = None if q is None else f"{'%' if len(q) >= _MIN_INSIDE else ''}{like_pattern(q.lower())}%"
    values: Json = {"external_ids": external_ids, "pattern": pattern, "is_active": is_active}
    values |= {"before": before, "before_id": before_id, "limit": limit + 1}
    with reading() as db:
        rows = db.execute(_LIST, values).all()
    return listing.page([(Fragment(user), key) for user, *key in rows], limit)


def look_up(external_ids: Sequence[str]) -> Page:
    """The users with these external ids, in their order; unknown ones are left out."""
    return _found([Reference(external_id=each) for each in external_ids], _BY_IDS)


def list_presence(references: Sequence[Reference]) -> Page:
    """The presence of these users, in their order; unknown ones are left out."""
    return _found(references, _PRESENCE)


def count_unread(references: Sequence[Reference]) -> Page:
    """What these users have not read, in their order; unknown ones are left out."""
    return _found(references, _UNREAD)


def export_chats(user_id: str) -> list[Json]:
    """The chats of a user, with their names, the ids of their members, and the user's own state and draft."""
    with reading() as db:
        return list(db.execute(_EXPORT_CHATS, {"user_id": user_id}).scalars())


def export_settings(user_id: str) -> Json:
    """The settings of a user, and the ids of the users whom they block."""
    with reading() as db:
        return db.execute(_EXPORT_SETTINGS, {"user_id": user_id}).scalar_one()  # type: ignore[no-any-return]


def export_sessions(user_id: str) -> list[Json]:
    """The sessions of a user, ended ones for as long as the server keeps them."""
    with reading() as db:
        return list(db.execute(_EXPORT_SESSIONS, {"user_id": user_id}).scalars())


def export_reports(user_id: str) -> list[Json]:
    """The reports that a user made, without what moderators see of them."""
    with reading() as db:
        return list(db.execute(_EXPORT_REPORTS, {"user_id": user_id}).scalars())


def export_messages(user_id: str) -> Iterator[str]:
    """The messages that a user sent, each as JSON."""
    after = _NO_ID
    while True:
        with reading() as db:
            rows = db.execute(_EXPORT_MESSAGES, {"user_id": user_id, "after": after, "limit": EXPORTED_AT_ONCE}).all()
        yield from (message for _, message in rows)
        if len(rows) < EXPORTED_AT_ONCE:
            return
        after = rows[-1][0]


def _found(references: Sequence[Reference], statement: TextClause) -> Page:
    """The objects that a statement builds of these users, each once."""
    with reading() as db:
        known = known_users(db, references)
        ids = list(dict.fromkeys(known[each].id for each in references if each in known))
        objects: dict[str, str] = dict(db.execute(statement, {"ids": ids}).all())
    return Page([Fragment(objects[id]) for id in ids], None)
