"""Queries of accounts and sessions."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.names import email_key
from chatapp.models.user import USERNAME_KEY

_ACCOUNT = "SELECT u.id::text AS user_id, u.password_hash, u.is_active, u.role FROM users u"
_BY_EMAIL = text(f"{_ACCOUNT} WHERE u.email_key = :name")
_BY_USERNAME = text(f'{_ACCOUNT} WHERE {USERNAME_KEY} = lower(:name COLLATE "C")')
# The lock on the session serialises everything that uses a token of its chain.
_REFRESHABLE = text(
    """
    SELECT s.id::text AS session_id, s.user_id::text AS user_id, s.ended_at IS NOT NULL AS ended, u.is_active,
           t.expires_at <= now() AS expired, t.rotated_at IS NOT NULL AS rotated,
           t.rotated_at > now() - interval '10 seconds' AS in_grace
    FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id
    WHERE t.hash = :hash
    """
)
_LOCK_SESSION = text(
    "SELECT FROM sessions s JOIN refresh_tokens t ON t.session_id = s.id WHERE t.hash = :hash FOR UPDATE OF s"
)
# How long the tokens of an ended session are distinguished from unknown ones.
REMEMBERED = "interval '1 day'"
# How long a successful login from an address exempts it from the limit over all addresses.
KNOWN_ADDRESS = "interval '30 days'"
_PRUNABLE = text(
    f"""
    SELECT (SELECT count(*) FROM refresh_tokens WHERE expires_at < now())
         + (SELECT count(*) FROM sessions WHERE coalesce(expires_at, ended_at) < now() - {REMEMBERED})
         + (SELECT count(*) FROM login_addresses WHERE last_login_at < now() - {KNOWN_ADDRESS})
    """
)
_IS_KNOWN_ADDRESS = text(
    f"""
    SELECT FROM login_addresses
    WHERE user_id = :user_id AND address_hash = :address_hash AND last_login_at > now() - {KNOWN_ADDRESS}
    """
)
_UNUSED = text("SELECT FROM refresh_tokens WHERE hash = :hash AND rotated_at IS NULL")


@dataclass(frozen=True, slots=True)
class Account:
    """The data that a login is checked against."""

    user_id: str
    password_hash: str | None
    is_active: bool
    role: str


@dataclass(frozen=True, slots=True)
class Refreshable:
    """A refresh token that was issued once, and its session."""

    session_id: str
    user_id: str
    ended: bool
    is_active: bool
    expired: bool
    rotated: bool
    in_grace: bool | None


def count_prunable() -> int:
    """The approximate number of rows that `actions.prune_tokens` would delete."""
    with reading() as db:
        return int(db.execute(_PRUNABLE).scalar_one())


def find_account(*, email: str | None = None, username: str | None = None) -> Account | None:
    """The account of that email address or username, in any equivalent spelling."""
    name = username if email is None else email_key(email)
    with reading() as db:
        row = db.execute(_BY_USERNAME if email is None else _BY_EMAIL, {"name": name}).first()
    return Account(**row._mapping) if row else None


def is_known_address(user_id: str, address_hash: bytes) -> bool:
    """True if the user logged in from that address during the last 30 days."""
    with reading() as db:
        return db.execute(_IS_KNOWN_ADDRESS, {"user_id": user_id, "address_hash": address_hash}).first() is not None


def lock_refreshable(db: Connection, token_hash: bytes) -> Refreshable | None:
    """The record of a refresh token, with its session locked until the end of the transaction."""
    db.execute(_LOCK_SESSION, {"hash": token_hash})
    row = db.execute(_REFRESHABLE, {"hash": token_hash}).first()
    return Refreshable(**row._mapping) if row else None


def is_unused(db: Connection, token_hash: bytes) -> bool:
    """True if that refresh token was issued and not used yet."""
    return db.execute(_UNUSED, {"hash": token_hash}).first() is not None
