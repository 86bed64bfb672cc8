"""Queries of users."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, TextClause, text

from chatapp.core import jobs
from chatapp.core.db import reading
from chatapp.core.errors import Conflict, Json, NotFound
from chatapp.core.identity import Actor
from chatapp.core.names import WORD_MARK, email_key, fold, search_key
from chatapp.core.pagination import Page, page
from chatapp.core.references import Reference
from chatapp.models.enums import UserRole
from chatapp.models.user import GRAMS, SYSTEM_ID, USERNAME_KEY
from chatapp.representations.privacy import finds
from chatapp.representations.user import ME, SERVER_USER, USER_EVENT, Me, ServerUser, User, visible_to_reader

# The type of jobs that erase users.
ERASURE = "user_erasure"
# The row `u` is an account that was not erased, and not the sender of system messages.
IS_ACCOUNT = f"u.deleted_at IS NULL AND u.id <> '{SYSTEM_ID}'"
_VISIBLE_USER = visible_to_reader(User)
_FINDS = finds(":reader_id")
_ME = text(f"SELECT {ME} FROM users u WHERE u.id = :id")
_BY_USERNAME = text(
    f"""
    SELECT {_VISIBLE_USER} FROM users u
    WHERE {USERNAME_KEY} = lower(:username COLLATE "C") AND u.is_active AND {_FINDS}
    """
)
# A shorter query matches prefixes only: no index finds one or two characters inside of names.
_MIN_INSIDE = 3
_IN_USERNAME = re.compile("[a-z0-9_]+")
# Before the first page.
_NO_GROUP, _NO_ID = -1, "00000000-0000-0000-0000-000000000000"


def _search(*, is_inside: bool) -> TextClause:
    """Finds users group by group, and reads no further group when the page is full; parts of words only if `is_inside`."""
    other = f"{USERNAME_KEY} NOT LIKE {':inside' if is_inside else ':prefix'}"
    word = f"{GRAMS} @> name_grams(:word_key) AND u.display_key LIKE :word"
    part = f"{GRAMS} @> name_grams(:part_key) AND u.display_key LIKE :part"
    groups = {
        0: (USERNAME_KEY, f"{USERNAME_KEY} LIKE :prefix"),
        1: (USERNAME_KEY, f"{USERNAME_KEY} LIKE :inside AND {USERNAME_KEY} NOT LIKE :prefix") if is_inside else None,
        # The index on display names has those that begin with the query in order.
        2: ("u.display_key", f"u.display_key LIKE :name AND {other}"),
        3: ("u.display_key", f"{word} AND u.display_key NOT LIKE :name AND {other}"),
        4: ("u.display_key", f"{part} AND u.display_key NOT LIKE :word AND {other}") if is_inside else None,
    }
    parts: list[str] = []
    found, count = [], ["0"]
    for number, group in groups.items():
        if group is None:
            continue
        key, condition = group
        parts.append(
            f"""group_{number} AS MATERIALIZED (
                SELECT {number} AS number, {key} AS key, u.id FROM users u
                WHERE {number} >= :first AND {" + ".join(count)} < :limit AND u.is_active AND {condition}
                AND ({number} > :number OR ({key}, u.id) > (:key, CAST(:id AS uuid))) AND {_FINDS}
                ORDER BY {key}, u.id LIMIT :limit
            )"""
        )
        found.append(f"SELECT * FROM group_{number}")
        count.append(f"(SELECT count(*) FROM group_{number})")
    return text(
        f"""
        WITH {", ".join(parts)}
        SELECT {_VISIBLE_USER}, f.number, f.key, f.id::text
        FROM ({" UNION ALL ".join(found)} ORDER BY number, key, id LIMIT :limit) f JOIN users u ON u.id = f.id
        ORDER BY f.number, f.key, f.id
        """
    )


_SEARCH, _SEARCH_BEGINNINGS = _search(is_inside=True), _search(is_inside=False)
# Each with the reference that names it: a UUID or an external id.
_REFERRED = text(
    f"""
    SELECT r.place, u.id::text, u.role, u.is_active, u.external_id
    FROM unnest(CAST(:ids AS uuid[]), CAST(:external_ids AS text[])) WITH ORDINALITY r (id, external_id, place)
         JOIN users u ON u.id = r.id OR u.external_id = r.external_id
    WHERE {IS_ACCOUNT}
    """
)
_EVENTS = text(f"SELECT u.id::text, {USER_EVENT} FROM users u WHERE u.id = ANY(CAST(:ids AS uuid[]))")
_SERVER_USER = text(f"SELECT {SERVER_USER} FROM users u WHERE u.id = :id")
# Data of any content is compared as PostgreSQL compares it: 1 and 1.0 are the same.
_LOCK = f"""
    SELECT u.id::text, u.role, u.is_active, u.is_bot,
           u.data IS DISTINCT FROM CAST(:data AS jsonb) AS other_data,
           u.private_data IS DISTINCT FROM CAST(:private_data AS jsonb) AS other_private_data,
           to_jsonb(u) - ARRAY['data', 'private_data', 'password_hash'] AS columns
    FROM users u WHERE %s AND {IS_ACCOUNT} FOR NO KEY UPDATE
"""
_LOCK_BY_ID = text(_LOCK % "u.id = :name")
_LOCK_BY_EXTERNAL_ID = text(_LOCK % "u.external_id = :name")
_VIOLATED = text(
    f"""
    SELECT CASE
        WHEN EXISTS (SELECT FROM users WHERE external_id = :external_id) THEN 'users_external_id_key'
        WHEN EXISTS (SELECT FROM users WHERE {USERNAME_KEY} = lower(:username COLLATE "C")) THEN 'users_username_key'
        WHEN EXISTS (SELECT FROM users WHERE email_key = :email_key) THEN 'users_email_key' END
    """
)


@dataclass(frozen=True, slots=True)
class FoundUser:
    """A user whom a server names; never an erased one."""

    id: str
    role: str
    is_active: bool
    external_id: str | None


@dataclass(frozen=True, slots=True)
class LockedUser:
    """A user whose row is locked for a change, and whether the new data, if any, differs."""

    id: str
    role: str
    is_active: bool
    is_bot: bool
    other_data: bool
    other_private_data: bool
    columns: Json

    @property
    def is_administrator(self) -> bool:
        """True if the server relies on this ADMIN."""
        return self.role == UserRole.ADMIN and self.is_active

    def differs(self, column: str, value: object) -> bool:
        """True if `value`, given to the lock for data, is not what the column has."""
        if column == "data":
            return self.other_data
        return self.other_private_data if column == "private_data" else bool(self.columns[column] != value)


def lock_user(db: Connection, reference: Reference, changes: Json) -> LockedUser | None:
    """The user whom a reference names, locked for `changes`; None for an unknown or erased one."""
    data = {key: changes.get(key) for key in ("data", "private_data")}
    values = {key: orjson.dumps(value).decode() if value else None for key, value in data.items()}
    statement = _LOCK_BY_ID if reference.id else _LOCK_BY_EXTERNAL_ID
    row = db.execute(statement, {"name": reference.id or reference.external_id, **values}).first()
    return LockedUser(*row) if row else None


def violated(db: Connection, external_id: str, username: str, email: str | None) -> str | None:
    """The unique index that a new user with these names would violate, or None."""
    values = {"external_id": external_id, "username": username, "email_key": email_key(email) if email else None}
    return db.execute(_VIOLATED, values).scalar()


def find_user(db: Connection, reference: Reference) -> FoundUser:
    """The user whom a reference names, also a deactivated one; raises NotFound, which names the reference."""
    return find_users(db, [reference])[0]


def find_users(db: Connection, references: Sequence[Reference]) -> list[FoundUser]:
    """The users whom these references name, in their order; raises NotFound, which names the first unknown one."""
    found = known_users(db, references)
    for reference in references:
        if reference not in found:
            raise NotFound(f"User not found: {reference}.")
    return [found[reference] for reference in references]


def find_user_to_change(db: Connection, reference: Reference) -> FoundUser:
    """Like `find_user`; raises Conflict (`job_running`) for a user who is being erased."""
    require_not_erasing(db, reference)
    return find_user(db, reference)


def require_not_erasing(db: Connection, reference: Reference) -> None:
    """Raise Conflict (`job_running`) for a user whom a job is erasing."""
    if reference.id and jobs.find_open(db, ERASURE, reference.id):
        raise Conflict("A job is erasing the user.", code="job_running")


def known_users(db: Connection, references: Sequence[Reference]) -> dict[Reference, FoundUser]:
    """The users whom these references name; unknown ones are left out."""
    ids, external_ids = [each.id for each in references], [each.external_id for each in references]
    rows = db.execute(_REFERRED, {"ids": ids, "external_ids": external_ids})
    return {references[place - 1]: FoundUser(*user) for place, *user in rows}


def user_events(user_ids: Sequence[str]) -> dict[str, User]:
    """These users as events have them: without presence."""
    with reading() as db:
        return dict(db.execute(_EVENTS, {"ids": list(user_ids)}).all())


def server_user(db: Connection, user_id: str) -> ServerUser:
    """An existing user, as servers see them."""
    return db.execute(_SERVER_USER, {"id": user_id}).scalar_one()  # type: ignore[no-any-return]


def me(db: Connection, user_id: str) -> Me:
    """The `Me` of an existing user."""
    return db.execute(_ME, {"id": user_id}).scalar_one()  # type: ignore[no-any-return]


def read_me(actor: Actor) -> Me:
    """The actor's `Me`."""
    with reading() as db:
        return me(db, actor.user_id)


def read_user(actor: Actor, username: str) -> User:
    """The `User` of that name, in any case; raises NotFound, also for one whom the actor does not find."""
    # PostgreSQL's text can't contain NUL, nor can usernames, so that removing it finds no other user.
    with reading() as db:
        user: User | None = db.execute(
            _BY_USERNAME, {"username": username.replace("\0", ""), "reader_id": actor.user_id}
        ).scalar()
    if user is None:
        raise NotFound("User not found.")
    return user


def search_users(actor: Actor, q: str, limit: int, cursor: tuple[int, str, str] | None) -> Page:
    """Users whose username or display name contains `q`, in any case, or has words that begin with it if it has one or two
    characters. The cursor names the group, the name and the user where a page ended."""
    folded, word_key = fold(q), search_key(q)
    # PostgreSQL would read all usernames for a text of other characters.
    number, key, id = cursor or (_NO_GROUP, "", _NO_ID)
    first = number if cursor else 0 if _IN_USERNAME.fullmatch(folded) else 2
    part_key = word_key.removeprefix(WORD_MARK)
    username, word, part = map(like_pattern, (folded, word_key, part_key))
    values = {"reader_id": actor.user_id, "first": first, "number": number, "key": key, "id": id, "limit": limit + 1}
    values |= {"prefix": f"{username}%", "inside": f"%{username}%"}
    values |= {"name": f"{word}%", "word": f"%{word}%", "word_key": word_key, "part": f"%{part}%", "part_key": part_key}
    with reading() as db:
        found = db.execute(_SEARCH if len(folded) >= _MIN_INSIDE else _SEARCH_BEGINNINGS, values).all()
    return page([(user, position) for user, *position in found], limit)


def like_pattern(words: str) -> str:
    """Escape `words` for LIKE."""
    return words.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
