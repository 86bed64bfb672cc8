"""Queries of API keys, and of the users as whom they act."""

import math
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, text

from chatapp.core.db import Row, reading
from chatapp.core.objects import encode_object
from chatapp.core.pagination import Listing, Page
from chatapp.core.prepared import Prepared, array
from chatapp.core.references import PREFIX, Reference
from chatapp.features.keys.permissions import granted
from chatapp.features.keys.schemas import ApiKey, NewApiKey
from chatapp.models.user import SYSTEM_ID

_VALID_KEYS = Prepared(
    "valid_keys",
    """
    SELECT k.id::text, k.name, k.hash, k.previous_hash, extract(epoch FROM k.previous_until)::float8, k.scopes,
           k.acts_as::text, extract(epoch FROM k.expires_at)::float8,
           k.last_used_at >= date_trunc('hour', now()) AS used_this_hour
    FROM api_keys k WHERE k.id = ANY(CAST(:ids AS uuid[])) AND k.revoked_at IS NULL
    """,
)
_ACTING = "u.id::text, u.username, u.avatar, u.role, u.is_active FROM users u WHERE u.deleted_at IS NULL"
_USERS = Prepared(
    "users_of_keys",
    f"""
    SELECT u.id::text AS reference, {_ACTING} AND u.id = ANY(CAST(:ids AS uuid[])) AND u.id <> '{SYSTEM_ID}'
    UNION ALL
    SELECT '{PREFIX}' || u.external_id, {_ACTING}
    AND u.external_id = ANY(CAST(:external_ids AS text[])) AND u.external_id IS NOT NULL
    """,
)
_KEY = encode_object(ApiKey)
# How long a revoked key is listed.
LISTED = "interval '90 days'"
_IS_LISTED = f"(k.revoked_at IS NULL OR k.revoked_at > now() - {LISTED})"
_LIST = text(
    f"""
    SELECT {_KEY}, k.id::text FROM api_keys k
    WHERE {_IS_LISTED} AND (CAST(:before AS uuid) IS NULL OR k.id < CAST(:before AS uuid))
    ORDER BY k.id DESC LIMIT :limit
    """
)
_ONE = text(f"SELECT CAST({_KEY} AS json) FROM api_keys k WHERE k.id = :id")
_NEW = text(f"SELECT CAST({encode_object(NewApiKey)} AS json) FROM api_keys k WHERE k.id = :id")
_LOCK = text(
    f"""
    SELECT k.scopes, k.acts_as::text AS acts_as, k.revoked_at IS NOT NULL AS is_revoked, coalesce(k.expires_at <= now(), false) AS is_expired
    FROM api_keys k WHERE k.id = :id AND {_IS_LISTED} FOR UPDATE
    """
)
_COUNT = text("SELECT count(*) FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())")


@dataclass(frozen=True, slots=True)
class Key:
    """A key that is not revoked. Times are in seconds since the epoch."""

    id: str
    name: str
    hash: bytes
    previous_hash: bytes | None
    previous_until: float
    scopes: frozenset[str]
    acts_as: str | None
    expires_at: float
    used_this_hour: bool


@dataclass(frozen=True, slots=True)
class ActingUser:
    """A user as whom a key may act."""

    id: str
    username: str
    avatar: str | None
    role: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class Locked:
    """A key whose row is locked until the end of the transaction."""

    scopes: list[str]
    acts_as: str | None
    is_revoked: bool
    is_expired: bool


def find_keys(ids: list[str]) -> list[Key | None]:
    """The keys with these ids, None for an unknown or revoked one."""
    found = {key.id: key for key in map(_key, _VALID_KEYS.read({"ids": array(ids)}))}
    return [found.get(id) for id in ids]


def _key(row: Row) -> Key:
    id, name, hash, previous_hash, previous_until, scopes, acts_as, expires_at, used = row
    return Key(
        id,
        name,
        bytes(hash),
        bytes(previous_hash) if previous_hash else None,
        previous_until or 0.0,
        granted(scopes),
        acts_as,
        math.inf if expires_at is None else expires_at,
        bool(used),
    )


def find_users(references: list[Reference]) -> list[ActingUser | None]:
    """The users that these references name; None for an unknown or erased one, and for `system`."""
    ids = array([each.id for each in references if each.id])
    external_ids = [each.external_id for each in references if each.external_id]
    rows = _USERS.read({"ids": ids, "external_ids": external_ids})
    found = {reference: ActingUser(*fields) for reference, *fields in rows}
    return [found.get(str(reference)) for reference in references]


def list_keys(*, limit: int, cursor: str | None = None) -> Page:
    """Keys, newest first; revoked ones for 90 days."""
    listing = Listing("keys")
    before, *_ = listing.start(cursor) or (None,)
    with reading() as db:
        rows = db.execute(_LIST, {"before": before, "limit": limit + 1})
        return listing.page([(orjson.Fragment(key), (id,)) for key, id in rows], limit)


def lock_key(db: Connection, id: str) -> Locked | None:
    """The state of a listed key, locked until the end of the transaction."""
    row = db.execute(_LOCK, {"id": id}).first()
    return Locked(**row._mapping) if row else None


def count_keys(db: Connection) -> int:
    """The number of keys that are neither revoked nor expired."""
    return int(db.execute(_COUNT).scalar_one())


def key(db: Connection, id: str) -> ApiKey:
    """An existing key."""
    return db.execute(_ONE, {"id": id}).scalar_one()  # type: ignore[no-any-return]


def key_with_secret(db: Connection, id: str, secret: str) -> NewApiKey:
    """An existing key with its complete text."""
    return db.execute(_NEW, {"id": id, "secret": secret}).scalar_one()  # type: ignore[no-any-return]
