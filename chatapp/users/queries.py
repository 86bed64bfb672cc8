"""Reads people."""

from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.errors import Json, NotFound
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page, page
from chatapp.models.user import USERNAME_KEY

# What json_build_object needs to make a `User` of a row `u`.
USER_FIELDS = """
    'id', u.id, 'username', u.username, 'avatar', u.avatar,
    'isOnline', EXISTS (
        SELECT FROM presence p JOIN workers w ON w.id = p.worker_id AND w.expires_at > now() WHERE p.user_id = u.id
    ),
    'lastSeen', wire_time(u.last_seen), 'createdAt', wire_time(u.created_at)
"""

ME_FIELDS = f"{USER_FIELDS}, 'email', u.email, 'role', u.role"
_ME = text(f"SELECT json_build_object({ME_FIELDS}) FROM users u WHERE u.id = :id")
_BY_USERNAME = text(
    f"""
    SELECT json_build_object({USER_FIELDS}) FROM users u
    WHERE {USERNAME_KEY} = lower(:username COLLATE "C") AND u.is_active
    """
)
# Prefix matches come first, each half by name; the cursor names the half and the name where a page ended.
_SEARCH = text(
    f"""
    SELECT json_build_object({USER_FIELDS}), half, key
    FROM users u,
         LATERAL (
             SELECT {USERNAME_KEY} AS key, (NOT starts_with({USERNAME_KEY}, lower(:q COLLATE "C")))::int AS half
         ) k
    WHERE u.is_active AND {USERNAME_KEY} LIKE :pattern AND (half, key) > (:half, :key)
    ORDER BY half, key
    LIMIT :limit
    """
)


def me(db: Connection, user_id: str) -> Json:
    """The `Me` of a person who exists."""
    return db.execute(_ME, {"id": user_id}).scalar_one()  # type: ignore[no-any-return]


def read_me(actor: Actor) -> Json:
    """The caller's `Me`."""
    with reading() as db:
        return me(db, actor.user_id)


def read_user(actor: Actor, username: str) -> Json:
    """The `User` of that name, in any case; raises NotFound."""
    # PostgreSQL's text holds no NUL; no name does either, so that dropping it finds nobody else.
    with reading() as db:
        user: Json | None = db.execute(_BY_USERNAME, {"username": username.replace("\0", "")}).scalar()
    if user is None:
        raise NotFound("There is no such user.")
    return user


def search_users(actor: Actor, q: str, limit: int, cursor: tuple[int, str] | None) -> Page:
    """People whose username contains `q`, in any case; those that it begins come first."""
    half, key = cursor or (-1, "")
    with reading() as db:
        found = db.execute(
            _SEARCH, {"q": q, "pattern": f"%{like_pattern(q)}%", "half": half, "key": key, "limit": limit + 1}
        )
        return page([(user, (half, key)) for user, half, key in found], limit)


def like_pattern(words: str) -> str:
    """`words` in lower case for LIKE, every character of which stands for itself."""
    return words.lower().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
