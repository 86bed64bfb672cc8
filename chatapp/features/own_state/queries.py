"""Queries of the changes of a user's own state."""

from collections import defaultdict
from collections.abc import Sequence
from typing import cast

from orjson import Fragment
from sqlalchemy import Connection

from chatapp.core.db import Row
from chatapp.core.objects import encode_object
from chatapp.core.prepared import Prepared
from chatapp.features.own_state.schemas import MAX_OWN_CHANGES, OwnChanges
from chatapp.representations.chat import MENTION_COUNT
from chatapp.representations.chat_state import READ_POSITION, ChatState
from chatapp.representations.draft import Draft
from chatapp.representations.my_settings import MySettings

CHAT, DRAFT, DRAFT_GONE, HIDDEN, LEFT = "CHAT", "DRAFT", "DRAFT_GONE", "HIDDEN", "LEFT"
# Quotes and separators around an id.
_ID_BYTES = 40

_USER = Prepared(
    "own_user",
    f"""
    SELECT u.me_rev, u.settings_rev, u.blocks_rev,
           CASE WHEN u.settings_rev > :since OR u.me_rev < :since THEN {encode_object(MySettings)} END,
           CASE WHEN u.blocks_rev > :since OR u.me_rev < :since THEN ARRAY(
               SELECT blocked_id::text FROM blocks WHERE user_id = u.id ORDER BY created_at DESC, blocked_id
           ) END
    FROM users u WHERE u.id = :user_id
    """,
)
# A change of several messages or chats may have one number: the page ends between two numbers.
_CHANGES = Prepared(
    "own_changes",
    f"""
    SELECT * FROM (
        (
            SELECT me.me_rev, '{CHAT}' AS kind, me.chat_id::text AS chat_id, {encode_object(ChatState)} AS object
            FROM members me JOIN chats c ON c.id = me.chat_id WHERE me.user_id = :user_id AND me.me_rev > :since
            ORDER BY me.me_rev LIMIT :limit
        ) UNION ALL (
            SELECT d.me_rev, CASE WHEN d.is_gone THEN '{DRAFT_GONE}' ELSE '{DRAFT}' END, d.chat_id::text,
                   CASE WHEN NOT d.is_gone THEN {encode_object(Draft)} END
            FROM drafts d WHERE d.user_id = :user_id AND d.me_rev > :since ORDER BY d.me_rev LIMIT :limit
        ) UNION ALL (
            SELECT h.me_rev, '{HIDDEN}', h.chat_id::text, h.message_id::text
            FROM hidden_messages h WHERE h.user_id = :user_id AND h.me_rev > :since ORDER BY h.me_rev LIMIT :limit
        ) UNION ALL (
            SELECT l.me_rev, '{LEFT}', l.chat_id::text, NULL
            FROM left_chats l WHERE l.user_id = :user_id AND l.me_rev > :since ORDER BY l.me_rev LIMIT :limit
        )
    ) changes ORDER BY me_rev LIMIT :limit
    """,
)
_MENTIONS = Prepared(
    "own_mentions",
    f"""
    SELECT me.chat_id::text, {MENTION_COUNT}
    FROM members me JOIN chats c ON c.id = me.chat_id WHERE me.user_id = :user_id AND c.last_seq > {READ_POSITION}
    """,
)


def own_changes(db: Connection, user_id: str, since: int, room: int) -> tuple[OwnChanges, int]:
    """What changed of a user's own state since `since`, about `room` bytes of JSON at most, and how many bytes it has.

    0, and a number that the user has not reached (a restored backup), stand for everything.
    """
    me_rev, settings_rev, blocks_rev, settings, blocked = _USER.execute(db, {"user_id": user_id, "since": since})[0]
    is_ahead = since > me_rev
    since = 0 if is_ahead else since
    values = {"user_id": user_id, "since": since, "limit": MAX_OWN_CHANGES + 1}
    rows = _CHANGES.execute(db, values)
    shown, size = _fitting(rows, room)
    has_more = len(shown) < len(rows)
    rev = shown[-1][0] if has_more else me_rev
    changes: OwnChanges = {"rev": rev}
    if since:
        _add(changes, "reset", [chat_id for _, kind, chat_id, _ in shown if kind == LEFT])
        _add(changes, "draftsGone", [chat_id for _, kind, chat_id, _ in shown if kind == DRAFT_GONE])
    for name, kind in (("chats", CHAT), ("drafts", DRAFT)):
        _add(changes, name, [Fragment(text) for _, each, _, text in shown if each == kind])
    hidden: dict[str, list[str]] = defaultdict(list)
    for _, kind, chat_id, message_id in shown:
        if kind == HIDDEN:
            hidden[chat_id].append(message_id)
    _add(changes, "hidden", dict(hidden))
    # Of a client that is ahead of the server, all may differ.
    if is_ahead or since < settings_rev <= rev:
        changes["settings"] = Fragment(settings)
    if is_ahead or since < blocks_rev <= rev:
        changes["blocked"] = blocked
        size += _ID_BYTES * len(blocked)
    if has_more:
        changes["more"] = True
    else:
        mentions = {chat_id: count for chat_id, count in _MENTIONS.execute(db, values) if count}
        _add(changes, "mentions", mentions)
        size += (_ID_BYTES + 4) * len(mentions)
    return changes, size


def _fitting(rows: Sequence[Row], room: int) -> tuple[Sequence[Row], int]:
    """The first changes that fit, whole numbers only, and their size."""
    size = 0
    end = len(rows)
    for number, (_, _, _, text) in enumerate(rows):
        size += len((text or "").encode()) + _ID_BYTES
        if number and (size > room or number == MAX_OWN_CHANGES):
            end = number
            break
    while 0 < end < len(rows) and rows[end - 1][0] == rows[end][0]:
        end -= 1
    return rows[:end] or rows, size


def _add(changes: OwnChanges, name: str, value: object) -> None:
    """Add a field unless it is empty."""
    if value:
        cast(dict[str, object], changes)[name] = value
