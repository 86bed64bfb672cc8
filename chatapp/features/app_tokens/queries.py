"""Queries of the users of an app's tokens, and of the sessions that these opened."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from chatapp.core.names import external_id_hash

_ACCOUNT = """
    SELECT id::text, username, is_active, tokens_after FROM users
    WHERE external_id = :external_id AND deleted_at IS NULL
"""
_FIND = text(_ACCOUNT)
_LOCK = text(f"{_ACCOUNT} FOR NO KEY UPDATE")
_ERASED_AT = text("SELECT max(deleted_at) FROM users WHERE erased_external_id_hash = :hash")
_SESSION = text(
    """
    SELECT id::text AS session_id, user_id::text, ended_at IS NOT NULL AS is_ended FROM sessions
    WHERE app_token_hash = :hash
    """
)


class Account(NamedTuple):
    """A user of the app."""

    id: str
    username: str
    is_active: bool
    tokens_after: datetime | None


class TokenSession(NamedTuple):
    """The session of a token that is used in place of access tokens."""

    session_id: str
    user_id: str
    is_ended: bool


def find_session(db: Connection, token_hash: bytes) -> TokenSession | None:
    """The session that a token has opened."""
    row = db.execute(_SESSION, {"hash": token_hash}).first()
    return TokenSession(*row) if row else None


def find_account(db: Connection, external_id: str) -> Account | None:
    """The user with this external id."""
    row = db.execute(_FIND, {"external_id": external_id}).first()
    return Account(*row) if row else None


def lock_account(db: Connection, external_id: str) -> Account | None:
    """The user with this external id, locked until the end of the transaction."""
    row = db.execute(_LOCK, {"external_id": external_id}).first()
    return Account(*row) if row else None


def erased_at(db: Connection, external_id: str) -> datetime | None:
    """When the last user with this external id was erased, if one was."""
    return db.execute(_ERASED_AT, {"hash": external_id_hash(external_id)}).scalar()
