"""Queries of users."""

from typing import Any

from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.errors import Json, NotFound
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, page
from chatapp.models.user import USERNAME_KEY

_IS_ONLINE = """EXISTS (
        SELECT FROM presence p JOIN workers w ON w.id = p.worker_id AND w.expires_at > now() WHERE p.user_id = u.id
    )"""
# Whether the reader sees the presence of `u`: their own, and that of users who share a chat with them.
_SEES_PRESENCE = """(u.id = :reader_id OR EXISTS (
        SELECT FROM members theirs JOIN members mine ON mine.chat_id = theirs.chat_id AND mine.user_id = :reader_id
        WHERE theirs.user_id = u.id
    ))"""
_USER_FIELDS = """
    'id', u.id, 'username', u.username, 'avatar', u.avatar, 'isOnline', {is_online},
    'lastSeen', {last_seen}, 'createdAt', wire_time(u.created_at)
"""
# Arguments of json_build_object for a `User` from a row `u`, for themselves or a reader who shares a chat with them.
USER_FIELDS = _USER_FIELDS.format(is_online=_IS_ONLINE, last_seen="wire_time(u.last_seen)")
# The same for any reader, whose id is `:reader_id`.
VISIBLE_USER_FIELDS = _USER_FIELDS.format(
    is_online=f"{_IS_ONLINE} AND {_SEES_PRESENCE}",
    last_seen=f"CASE WHEN u.last_seen IS NOT NULL AND {_SEES_PRESENCE} THEN wire_time(u.last_seen) END",
)

ME_FIELDS = f"{USER_FIELDS}, 'email', u.email, 'role', u.role"
VISIBLE_ME_FIELDS = f"{VISIBLE_USER_FIELDS}, 'email', u.email, 'role', u.role"
_ME = text(f"SELECT json_build_object({ME_FIELDS}) FROM users u WHERE u.id = :id")
_BY_USERNAME = text(
    f"""
    SELECT json_build_object({VISIBLE_USER_FIELDS}) FROM users u
    WHERE {USERNAME_KEY} = lower(:username COLLATE "C") AND u.is_active
    """
)
# Usernames that begin with the query, by name: the index on names gives them in that order.
_SEARCH_PREFIX = text(
    f"""
    SELECT json_build_object({VISIBLE_USER_FIELDS}), 0, {USERNAME_KEY}
    FROM users u WHERE u.is_active AND {USERNAME_KEY} LIKE :prefix AND {USERNAME_KEY} > :key
    ORDER BY {USERNAME_KEY} LIMIT :limit
    """
)
# Usernames that contain it elsewhere, by name.
_SEARCH_INSIDE = text(
    f"""
    SELECT json_build_object({VISIBLE_USER_FIELDS}), 1, {USERNAME_KEY}
    FROM users u WHERE u.is_active AND {USERNAME_KEY} LIKE :inside AND {USERNAME_KEY} NOT LIKE :prefix AND {USERNAME_KEY} > :key
    ORDER BY {USERNAME_KEY} LIMIT :limit
    """
)
# A shorter query matches prefixes only: no index finds one or two characters inside of names.
_MIN_INSIDE = 3


def me(db: Connection, user_id: str) -> Json:
    """The `Me` of an existing user."""
    return db.execute(_ME, {"id": user_id}).scalar_one()  # type: ignore[no-any-return]


def read_me(actor: Actor) -> Json:
    """The actor's `Me`."""
    with reading() as db:
        return me(db, actor.user_id)


def read_user(actor: Actor, username: str) -> Json:
    """The `User` of that name, in any case; raises NotFound."""
    # PostgreSQL's text can't contain NUL, nor can usernames, so that removing it finds no other user.
    with reading() as db:
        user: Json | None = db.execute(
            _BY_USERNAME, {"username": username.replace("\0", ""), "reader_id": actor.user_id}
        ).scalar()
    if user is None:
        raise NotFound("User not found.")
    return user


def search_users(actor: Actor, q: str, limit: int, cursor: tuple[int, str] | None) -> Page:
    """Users whose username contains `q`, in any case, or begins with it if it has one or two characters; prefix matches
    come first. The cursor names the half and the name where a page ended."""
    half, key = cursor or (0, "")
    pattern = like_pattern(q)
    values = {"reader_id": actor.user_id, "prefix": f"{pattern}%", "inside": f"%{pattern}%"}
    found: list[Any] = []
    with reading() as db:
        if half == 0:
            found += db.execute(_SEARCH_PREFIX, values | {"key": key, "limit": limit + 1}).all()
            key = ""
        if len(found) <= limit and len(q) >= _MIN_INSIDE:
            found += db.execute(_SEARCH_INSIDE, values | {"key": key, "limit": limit + 1 - len(found)}).all()
        return page([(user, (half, key)) for user, half, key in found], limit)


def like_pattern(words: str) -> str:
    """Escape `words`, in lower case, for LIKE."""
    return words.lower().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
