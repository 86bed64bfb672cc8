"""Queries of chats. The database builds the JSON objects of the API: one round trip, no row objects."""

from collections.abc import Collection, Mapping, Sequence

from orjson import Fragment
from sqlalchemy import Connection, text

from chatapp.core.db import AnyConnection, reading, reading_directly
from chatapp.core.errors import Forbidden, Json, NotFound
from chatapp.core.identity import Actor
from chatapp.core.pagination import MAX_KEY, Page, page
from chatapp.core.prepared import Prepared, array
from chatapp.core.user_state import Privacy, UserState, privacy_of
from chatapp.features.chats.permissions import Membership, closed
from chatapp.features.chats.schemas import filters_in_words
from chatapp.representations.chat import (
    CHAT,
    CHAT_DETAIL,
    CHAT_EVENT,
    CHAT_TEXT,
    NEW_CHAT_EVENT,
    Chat,
    ChatDetail,
    ChatEvent,
    NewChatEvent,
)
from chatapp.representations.chat_state import IS_ARCHIVED, IS_HIDDEN, IS_MUTED
from chatapp.representations.member import MEMBER, MEMBER_SEEN, Member, member_event
from chatapp.representations.privacy import shares_chat

# The same for a chat that does not exist and one that the actor is not in.
NOT_VISIBLE = "Chat not found."
# Rows `c` after the cursor. PostgreSQL would compute the time again for each row.
AFTER_CURSOR = "(c.updated_at, c.id) < ((SELECT to_timestamp(:before / 1000.0)), CAST(:before_id AS uuid))"
# The order depends on each of the user's chats: with their ids as an array, PostgreSQL finds them in one index scan
# instead of one for each chat. The sorted rows are narrow, since all of them are copied; those of the page are read again.
# Without LIMIT it might read all memberships of the user for each chat of the page.
_CHAT_LIST = f"""
    WITH page AS MATERIALIZED (
        SELECT c.id, c.updated_at FROM %s AND {AFTER_CURSOR}
        ORDER BY c.updated_at DESC, c.id DESC
        LIMIT :limit
    )
    SELECT {CHAT_TEXT}, (extract(epoch FROM c.updated_at) * 1000)::bigint, c.id::text
    FROM page p JOIN chats c ON c.id = p.id,
         LATERAL (SELECT * FROM members WHERE chat_id = c.id AND user_id = :user_id LIMIT 1) me
    ORDER BY c.updated_at DESC, c.id DESC
"""
# Few members have own state, and an index has them: the hidden chats cost one hash table.
CHAT_LIST = Prepared(
    "chat_list",
    _CHAT_LIST
    % """chats c WHERE c.id = ANY(ARRAY(SELECT chat_id FROM members WHERE user_id = :user_id))
        AND (c.id, c.last_seq) NOT IN (
            SELECT chat_id, hidden_seq FROM members WHERE user_id = :user_id AND me_rev > 0 AND hidden_seq IS NOT NULL
        )""",
)
_FILTERS = {
    "archived": IS_ARCHIVED,
    "hidden": IS_HIDDEN,
    "pinned": "(me.pinned_at IS NOT NULL)",
    "muted": IS_MUTED,
}
_FILTERED_LIST = Prepared(
    "filtered_chat_list",
    _CHAT_LIST
    % " AND ".join(
        [
            "members me JOIN chats c ON c.id = me.chat_id WHERE me.user_id = :user_id",
            *(f"coalesce({sql} = CAST(:{name} AS boolean), true)" for name, sql in _FILTERS.items()),
        ]
    ),
)
# A key before all chats in the order of activity.
FIRST_CHAT = (MAX_KEY, "ffffffff-ffff-ffff-ffff-ffffffffffff")
_NO_ID = "00000000-0000-0000-0000-000000000000"
_DETAIL = Prepared(
    "chat_detail",
    f"""
    SELECT {CHAT_DETAIL}
    FROM members me JOIN chats c ON c.id = me.chat_id WHERE me.user_id = :user_id AND c.id = :chat_id
    """,
)
_EVENT = Prepared("chat_event", f"SELECT {CHAT_EVENT} FROM chats c WHERE c.id = :chat_id")
_EVENT_WITH_MEMBERS = Prepared("new_chat_event", f"SELECT {NEW_CHAT_EVENT} FROM chats c WHERE c.id = :chat_id")
_SEEN = Prepared(
    "chat_seen",
    f"""
    SELECT {CHAT}
    FROM members me JOIN chats c ON c.id = me.chat_id WHERE me.user_id = :user_id AND c.id = :chat_id
    """,
)
# Without LIMIT it might read all memberships of the user for each chat.
_ALL_SEEN = text(
    f"""
    SELECT c.id::text, {CHAT_TEXT}
    FROM chats c, LATERAL (SELECT * FROM members WHERE chat_id = c.id AND user_id = :user_id LIMIT 1) me
    WHERE c.id = ANY(CAST(:chat_ids AS uuid[]))
    """
)
_MEMBERS = text(
    f"""
    SELECT o.user_id::text, {MEMBER} FROM members o JOIN users u ON u.id = o.user_id
    WHERE o.chat_id = :chat_id AND o.user_id = ANY(CAST(:user_ids AS uuid[]))
    """
)
_MEMBER_SEEN = text(
    f"""
    SELECT {MEMBER_SEEN} FROM members o JOIN users u ON u.id = o.user_id
    WHERE o.chat_id = :chat_id AND o.user_id = :member_id
    """
)
_NAMES = text("SELECT id::text, coalesce(display_name, username) FROM users WHERE id = ANY(CAST(:user_ids AS uuid[]))")
_MEMBER_PAGE = text(
    f"""
    SELECT {MEMBER_SEEN}, (extract(epoch FROM o.joined_at) * 1000)::bigint, o.user_id::text
    FROM (
        SELECT * FROM members
        WHERE chat_id = :chat_id
        AND EXISTS (SELECT FROM members me WHERE me.chat_id = :chat_id AND me.user_id = :user_id)
        AND (joined_at, user_id) > (to_timestamp(:after / 1000.0), CAST(:after_id AS uuid))
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
# The condition that the user `:user_id` blocks the other one of the direct chat `c`.
BLOCKS_PEER = """EXISTS (
    SELECT FROM members o JOIN blocks b ON b.blocked_id = o.user_id AND b.user_id = :user_id WHERE o.chat_id = c.id
)"""
_WHY_CLOSED = text(f"SELECT {BLOCKS_PEER} FROM chats c WHERE c.id = :chat_id")
_REACHABLE = text(
    f"""
    SELECT EXISTS (SELECT FROM blocks WHERE user_id = :by_id AND blocked_id = u.id) AS is_blocked,
           NOT EXISTS (SELECT FROM blocks WHERE user_id = u.id AND blocked_id = :by_id)
           AND (coalesce(u.settings ->> 'directFrom', 'everyone') <> 'contacts' OR {shares_chat(":by_id")}) AS is_reachable
    FROM users u WHERE u.id = :user_id AND u.is_active
    """
)
_ADDABLE = text(
    """
    SELECT u.id::text FROM users u
    WHERE u.id = ANY(CAST(:user_ids AS uuid[])) AND u.is_active AND NOT EXISTS (
        SELECT FROM blocks b WHERE b.user_id = u.id AND b.blocked_id = :by_id
        AND NOT EXISTS (SELECT FROM members o WHERE o.chat_id = CAST(:chat_id AS uuid) AND o.user_id = u.id)
    )
    """
)
_ROOMS = Prepared(
    "rooms",
    """
    SELECT me.user_id::text, c.id::text, c.last_rev, c.last_seq FROM members me JOIN chats c ON c.id = me.chat_id
    WHERE me.user_id = ANY(CAST(:user_ids AS uuid[]))
    """,
)
# With the users who block them or whom they block.
_OWN_STATE = Prepared(
    "own_state",
    """
    SELECT u.id::text, u.me_rev, u.settings, ARRAY(
        SELECT blocked_id::text FROM blocks WHERE user_id = u.id
        UNION SELECT user_id::text FROM blocks WHERE blocked_id = u.id
    )
    FROM users u WHERE u.id = ANY(CAST(:user_ids AS uuid[]))
    """,
)
_NEWER = Prepared(
    "newer_chats",
    """
    SELECT c.id::text, c.last_rev, c.last_seq
    FROM unnest(CAST(:chat_ids AS uuid[]), CAST(:revs AS bigint[])) known (id, rev) JOIN chats c USING (id)
    WHERE c.last_rev > known.rev
    """,
)
# Changes are kept for a day: a user who left earlier did so at `last_rev` or before.
_LEAVERS = text(
    """
    SELECT c.id::text, coalesce(json_object_agg(u.id, coalesce((
        SELECT max(h.rev) FROM chat_changes h WHERE h.chat_id = c.id AND h.kind = 'LEFT' AND h.user_id = u.id
    ), c.last_rev)) FILTER (WHERE u.id IS NOT NULL), '{}')
    FROM chats c LEFT JOIN unnest(CAST(:user_ids AS uuid[])) u (id)
         ON NOT EXISTS (SELECT FROM members me WHERE me.chat_id = c.id AND me.user_id = u.id)
    WHERE c.id = ANY(CAST(:chat_ids AS uuid[])) AND NOT c.is_deleted GROUP BY c.id
    """
)


def list_chats(actor: Actor, limit: int, cursor: tuple[int, str, str] | None, **filters: bool | None) -> Page:
    """The actor's chats, most recently active first, by their own state of them. Hidden ones only if `hidden` is true."""
    before, before_id, *_ = cursor or FIRST_CHAT
    values: Json = {"user_id": actor.user_id, "before": before, "before_id": before_id, "limit": limit + 1}
    words = filters_in_words(filters)
    if words:
        values |= filters | {"hidden": bool(filters["hidden"])}
    rows = (_FILTERED_LIST if words else CHAT_LIST).read(values)
    return page([(Fragment(chat), [*key, words]) for chat, *key in rows], limit)


def read_chat(actor: Actor, chat_id: str) -> ChatDetail:
    """A chat of the actor, with its first members; raises NotFound."""
    with reading() as db:
        return chat_detail(db, actor, chat_id)


def chat_detail(db: Connection, actor: Actor, chat_id: str) -> ChatDetail:
    """A chat as the actor sees it, with its first `MAX_MEMBERS` members; raises NotFound for non-members."""
    rows = _DETAIL.execute(db, {"user_id": actor.user_id, "chat_id": chat_id})
    if not rows:
        raise NotFound(NOT_VISIBLE)
    chat: ChatDetail = rows[0][0]
    return chat


def chat_seen(db: Connection, actor: Actor, chat_id: str) -> Chat:
    """A chat as the actor sees it, without its members."""
    ((chat,),) = _SEEN.execute(db, {"user_id": actor.user_id, "chat_id": chat_id})
    return chat  # type: ignore[no-any-return]


def chats_seen(db: Connection, actor: Actor, chat_ids: Sequence[str]) -> dict[str, str]:
    """The `Chat` of each of these that the actor is in, as JSON."""
    if not chat_ids:
        return {}
    return dict(db.execute(_ALL_SEEN, {"user_id": actor.user_id, "chat_ids": list(chat_ids)}).all())


def members(db: Connection, chat_id: str, user_ids: Sequence[str]) -> dict[str, Member]:
    """The `Member` of each of these users who is in the chat."""
    rows = db.execute(_MEMBERS, {"chat_id": chat_id, "user_ids": list(user_ids)})
    return {row[0]: row[1] for row in rows}


def member_seen(db: Connection, actor: Actor, chat_id: str, member_id: str) -> Member:
    """A member of a chat as the actor, another member, sees them."""
    values = {"chat_id": chat_id, "member_id": member_id, "user_id": actor.user_id}
    return db.execute(_MEMBER_SEEN, values).scalar_one()  # type: ignore[no-any-return]


def names_of(db: Connection, user_ids: Sequence[str]) -> dict[str, str]:
    """The name to show of each of these users."""
    return {row[0]: row[1] for row in db.execute(_NAMES, {"user_ids": list(user_ids)})}


def list_members(actor: Actor, chat_id: str, limit: int, cursor: tuple[int, str] | None) -> Page:
    """The members of a chat, longest-standing first; raises NotFound if the actor is not a member."""
    after, after_id = cursor or (0, _NO_ID)
    values = {"chat_id": chat_id, "user_id": actor.user_id, "after": after, "after_id": after_id, "limit": limit + 1}
    with reading() as db:
        rows = db.execute(_MEMBER_PAGE, values).all()
    if not rows:
        require_member(actor, chat_id)
    return page([(member, key) for member, *key in rows], limit)


def membership(db: Connection, actor: Actor, chat_id: str) -> Membership | None:
    """The actor's relation to a chat, None if it does not exist."""
    row = db.execute(_MEMBERSHIP, {"chat_id": chat_id, "user_id": actor.user_id}).first()
    return Membership(**row._mapping) if row else None


def require_member(actor: Actor, chat_id: str) -> None:
    """Raise NotFound for non-members. Statements that contain the condition need it only when they find no row."""
    with reading() as db:
        found = membership(db, actor, chat_id)
    if found is None or not found.visible:
        raise NotFound(NOT_VISIBLE)


def why_closed(db: Connection, user_id: str, chat_id: str) -> Forbidden:
    """The error for a member of a closed chat who sends, or changes what the other member sees."""
    return closed(blocks=bool(db.execute(_WHY_CLOSED, {"user_id": user_id, "chat_id": chat_id}).scalar()))


def require_reachable(db: Connection, by_id: str, user_id: str) -> None:
    """Raise Forbidden (`you_blocked`) if the user `by_id` blocks the other one, with whom they open a direct chat.

    Raises NotFound for an unknown or inactive user, and in the same way for one who blocks `by_id`, or whose setting
    `directFrom` excludes them.
    """
    row = db.execute(_REACHABLE, {"by_id": by_id, "user_id": user_id}).first()
    if row and row.is_blocked:
        raise closed(blocks=True)
    if not row or not row.is_reachable:
        raise no_user(user_id)


def require_addable(db: Connection, by_id: str, user_ids: Sequence[str], chat_id: str | None = None) -> None:
    """Raise NotFound unless all of these users are active, and none of them blocks `by_id`, who adds them to a group.

    A member of the group `chat_id` is no such user: the error would reveal the block.
    """
    values = {"user_ids": list(user_ids), "by_id": by_id, "chat_id": chat_id}
    addable = set(db.scalars(_ADDABLE, values))
    for user_id in user_ids:
        if user_id not in addable:
            raise no_user(user_id)


def no_user(user_id: str) -> NotFound:
    """The error for an unknown user."""
    return NotFound(f"User not found: {user_id}.")


def chat_event(db: Connection, chat_id: str) -> ChatEvent:
    """A chat for `chat:updated`: without its members and fields that depend on the reader."""
    ((chat,),) = _EVENT.execute(db, {"chat_id": chat_id})
    return chat  # type: ignore[no-any-return]


def new_chat_event(db: Connection, chat_id: str) -> tuple[NewChatEvent, list[str]]:
    """A chat for `chat:new`, with its first `MAX_MEMBERS` members, and which of those are online."""
    ((chat,),) = _EVENT_WITH_MEMBERS.execute(db, {"chat_id": chat_id})
    online = [member["userId"] for member in chat["members"] if member["user"]["isOnline"]]
    return chat | {"members": [member_event(member) for member in chat["members"]]}, online


def rooms_of(user_ids: list[str]) -> dict[str, UserState]:
    """What the sockets of each of these users need to know."""
    chats: dict[str, dict[str, tuple[int, int]]] = {user_id: {} for user_id in user_ids}
    with reading_directly() as db:
        for user_id, chat_id, last_rev, last_seq in _ROOMS.execute(db, {"user_ids": array(user_ids)}):
            chats[user_id][chat_id] = last_rev, last_seq
        own = _own_states(db, user_ids)
    return {user_id: UserState(chats[user_id], *own.get(user_id, ())) for user_id in user_ids}


def privacy_now(user_ids: Collection[str]) -> dict[str, Privacy]:
    """The privacy of each of these users."""
    with reading_directly() as db:
        return {user_id: privacy for user_id, (_, privacy) in _own_states(db, user_ids).items()}


def _own_states(db: AnyConnection, user_ids: Collection[str]) -> dict[str, tuple[int, Privacy]]:
    rows = _OWN_STATE.execute(db, {"user_ids": array(user_ids)})
    return {id: (me_rev, privacy_of(settings, frozenset(avoided))) for id, me_rev, settings, avoided in rows}


def leavers_among(chat_ids: Collection[str], user_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """For each existing chat of these, which of these users are not members, with the `rev` of their leaving."""
    with reading() as db:
        rows = db.execute(_LEAVERS, {"chat_ids": list(chat_ids), "user_ids": list(user_ids)})
        return dict(rows.all())


def newer_than(positions: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """`lastRev` and `lastSeq` of these chats, each with a `rev`, that have later changes."""
    with reading() as db:
        rows = _NEWER.execute(db, {"chat_ids": array(positions), "revs": array(positions.values())})
        return {chat_id: (last_rev, last_seq) for chat_id, last_rev, last_seq in rows}
