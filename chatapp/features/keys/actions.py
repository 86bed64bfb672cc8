"""Actions on API keys."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import Connection, TextClause, text

from chatapp.core import api_keys, audit
from chatapp.core.errors import Conflict, Forbidden, Invalid, NotFound
from chatapp.core.identity import Principal
from chatapp.core.ids import new_id
from chatapp.core.references import Reference
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.keys import queries
from chatapp.features.keys.events import KeyChanged
from chatapp.features.keys.permissions import require_no_more
from chatapp.features.keys.queries import Locked
from chatapp.features.keys.schemas import ApiKey, NewApiKey
from chatapp.models.enums import UserRole

# Keys that are neither revoked nor expired.
MAX_KEYS = 100

# One change of the number of keys at a time.
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtext('chatapp api keys'))")
_INSERT = text(
    """
    INSERT INTO api_keys (id, name, hash, scopes, acts_as, created_by, expires_at)
    VALUES (:id, :name, :hash, CAST(:scopes AS varchar[]), :acts_as, :created_by, :expires_at)
    """
)
_UPDATE = text(
    """
    UPDATE api_keys SET name = CASE WHEN :has_name THEN :name ELSE name END,
                        scopes = CASE WHEN :has_scopes THEN CAST(:scopes AS varchar[]) ELSE scopes END,
                        expires_at = CASE WHEN :has_expires_at THEN CAST(:expires_at AS timestamptz) ELSE expires_at END
    WHERE id = :id
    """
)
_ROTATE = text(
    """
    UPDATE api_keys SET hash = :hash, rotated_at = now(),
        previous_hash = CASE WHEN :overlap > 0 THEN hash END,
        previous_until = CASE WHEN :overlap > 0 THEN now() + make_interval(secs => :overlap) END
    WHERE id = :id
    """
)
_REVOKE = (
    "UPDATE api_keys SET revoked_at = now(), previous_hash = NULL, previous_until = NULL WHERE %s RETURNING id::text"
)
_REVOKE_ONE = text(_REVOKE % "id = :id")
_REVOKE_OF = text(_REVOKE % "acts_as = :user_id AND revoked_at IS NULL")
_USED = text(
    """
    UPDATE api_keys SET last_used_at = date_trunc('hour', now())
    WHERE id = :id AND (last_used_at IS NULL OR last_used_at < date_trunc('hour', now()))
    """
)

# The sockets of a key are counted on one worker at a time.
_TAKE_TURN_OF_KEY = text("SELECT pg_advisory_xact_lock(hashtextextended(:key_id, 2))")
_WRITE_SOCKETS = text("UPDATE workers SET key_sockets = nullif(CAST(:sockets AS jsonb), '{}') WHERE id = :worker_id")
_OTHER_SOCKETS = text(
    """
    SELECT coalesce(sum(CAST(key_sockets->>:key_id AS integer)), 0) FROM workers
    WHERE id <> :worker_id AND expires_at > now()
    """
)


def create_key(
    principal: Principal,
    *,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
    acts_as: Reference | None = None,
) -> NewApiKey:
    """Create a key; returns it with its secret.

    Raises Forbidden (`scope_missing`) for scopes that `principal`, a key, lacks, and for a user whose role is not USER
    without the scope `admin`; NotFound and Conflict for the user; Conflict (`limit_reached`).
    """
    require_no_more(principal, scopes, acts_as=str(acts_as) if acts_as else None)
    if expires_at and expires_at <= datetime.now(UTC):
        raise Invalid("A field is not valid.", errors={"expiresAt": ["Must be in the future."]})
    user_id = _require_acting(acts_as, scopes) if acts_as else None
    id, secret = new_id(), api_keys.new_secret()
    unique = list(dict.fromkeys(scopes))
    with unit_of_work() as work:
        _require_room(work.db)
        row = {"id": id, "name": name, "hash": api_keys.hash_secret(secret), "scopes": unique, "acts_as": user_id}
        work.db.execute(_INSERT, row | {"created_by": principal.id, "expires_at": expires_at})
        audit.record(work.db, principal, "key.created", ("key", id), scopes=unique, actsAs=user_id)
        return queries.key_with_secret(work.db, id, api_keys.assemble(id, secret))


def update_key(principal: Principal, id: str, **changes: object) -> ApiKey:
    """Change `name`, `scopes` or `expires_at`; returns the key.

    Reduced scopes are in force on every worker when this returns. Raises NotFound, Conflict for a revoked key or too
    many keys, and Forbidden.
    """
    with unit_of_work() as work:
        before = _require_manageable(work, principal, id)
        scopes: list[str] = list(dict.fromkeys(changes.get("scopes", ())))  # type: ignore[call-overload]
        require_no_more(principal, scopes, acts_as=before.acts_as)
        expires_at = changes.get("expires_at")
        revives = before.is_expired and "expires_at" in changes
        if revives and (expires_at is None or expires_at > datetime.now(UTC)):  # type: ignore[operator]
            _require_room(work.db)
        if changes:
            has = {f"has_{name}": name in changes for name in ("name", "scopes", "expires_at")}
            values = {"name": changes.get("name"), "scopes": scopes, "expires_at": expires_at}
            work.db.execute(_UPDATE, {"id": id, **values, **has})
            named = {"scopes": scopes} if "scopes" in changes else {}
            fields = [{"expires_at": "expiresAt"}.get(name, name) for name in changes]
            audit.record(work.db, principal, "key.updated", ("key", id), fields=fields, **named)
            work.announce(KeyChanged(id))
        return queries.key(work.db, id)


def rotate_key(principal: Principal, id: str, *, overlap: timedelta) -> NewApiKey:
    """Replace the secret of a key, and keep the old one valid for `overlap`; the one before that ends at once.

    Raises as `update_key`.
    """
    secret = api_keys.new_secret()
    with unit_of_work() as work:
        _require_manageable(work, principal, id)
        seconds = int(overlap.total_seconds())
        work.db.execute(_ROTATE, {"id": id, "hash": api_keys.hash_secret(secret), "overlap": seconds})
        audit.record(work.db, principal, "key.rotated", ("key", id), overlap=seconds)
        work.announce(KeyChanged(id))
        return queries.key_with_secret(work.db, id, api_keys.assemble(id, secret))


def revoke_key(principal: Principal, id: str) -> None:
    """Revoke a key: every worker refuses both of its secrets when this returns. Again: no effect."""
    with unit_of_work() as work:
        before = _require_key(work, principal, id)
        if not before.is_revoked:
            _revoke(work, principal, _REVOKE_ONE, id=id)


def revoke_keys_of(work: UnitOfWork, principal: Principal, user_id: str) -> None:
    """Revoke the keys that always act as a user, in the transaction of an action."""
    _revoke(work, principal, _REVOKE_OF, user_id=user_id)


def _revoke(work: UnitOfWork, principal: Principal, statement: TextClause, **which: str) -> None:
    for id in work.db.scalars(statement, which).all():
        audit.record(work.db, principal, "key.revoked", ("key", id))
        work.announce(KeyChanged(id))


def count_sockets(worker_id: str, sockets: Mapping[str, int], key_id: str) -> int:
    """Write the sockets of keys on this worker; returns those of one key on all live workers."""
    with unit_of_work() as work:
        work.db.execute(_TAKE_TURN_OF_KEY, {"key_id": key_id})
        work.db.execute(_WRITE_SOCKETS, {"worker_id": worker_id, "sockets": orjson.dumps(sockets).decode()})
        others = work.db.execute(_OTHER_SOCKETS, {"worker_id": worker_id, "key_id": key_id}).scalar_one()
        return int(others) + sockets[key_id]


def write_sockets(worker_id: str, sockets: Mapping[str, int]) -> None:
    """Write the sockets of keys on this worker."""
    with unit_of_work(single=True) as work:
        work.db.execute(_WRITE_SOCKETS, {"worker_id": worker_id, "sockets": orjson.dumps(sockets).decode()})


def mark_used(id: str) -> None:
    """Record the hour in which a key is used."""
    with unit_of_work(single=True) as work:
        work.db.execute(_USED, {"id": id})


def _require_acting(reference: Reference, scopes: Sequence[str]) -> str:
    """The id of the user as whom a key with these scopes will act."""
    user = queries.find_users([reference])[0]
    if user is None:
        raise NotFound(f"User {reference} not found.")
    if not user.is_active:
        raise Conflict("The user is deactivated.", code="user_inactive")
    if user.role != UserRole.USER and "admin" not in scopes:
        raise Forbidden(
            "A key that acts as a user whose role is not USER needs the scope admin.",
            code="scope_missing",
            errors={"scope": ["admin"]},
        )
    return user.id


def _require_room(db: Connection) -> None:
    db.execute(_TAKE_TURN)
    if queries.count_keys(db) >= MAX_KEYS:
        raise Conflict(f"There can be {MAX_KEYS} keys. Revoke one first.", code="limit_reached")


def _require_key(work: UnitOfWork, principal: Principal, id: str) -> Locked:
    before = queries.lock_key(work.db, id)
    if before is None:
        raise NotFound("API key not found.")
    require_no_more(principal, before.scopes, acts_as=before.acts_as)
    return before


def _require_manageable(work: UnitOfWork, principal: Principal, id: str) -> Locked:
    before = _require_key(work, principal, id)
    if before.is_revoked:
        raise Conflict("The API key is revoked.")
    return before
