"""Queries of accounts and their passwords."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.errors import NotFound
from chatapp.core.names import email_key
from chatapp.core.references import PREFIX
from chatapp.features.users.queries import IS_ACCOUNT
from chatapp.models.user import USERNAME_KEY

_PASSWORD = text("SELECT password_hash FROM users WHERE id = :id")
_ACCOUNT = f"SELECT u.id::text, u.username, u.role, u.is_active, u.is_bot FROM users u WHERE {IS_ACCOUNT} AND"
_BY_ID = text(f"{_ACCOUNT} u.id = CAST(:name AS uuid)")
_BY_EXTERNAL_ID = text(f"{_ACCOUNT} u.external_id = :name")
_BY_EMAIL = text(f"{_ACCOUNT} u.email_key = :name")
_BY_USERNAME = text(f'{_ACCOUNT} {USERNAME_KEY} = lower(:name COLLATE "C")')


@dataclass(frozen=True, slots=True)
class NamedAccount:
    """An account that an operator names."""

    id: str
    username: str
    role: str
    is_active: bool
    is_bot: bool


def password_hash(user_id: str) -> str | None:
    """The hash of a user's password, None if there is no password."""
    with reading() as db:
        return db.execute(_PASSWORD, {"id": user_id}).scalar()


def find_named(db: Connection, name: str) -> NamedAccount:
    """The account of a UUID, `ext:` and an external id, an email address or a username; raises NotFound."""
    if name.startswith(PREFIX):
        statement, name = _BY_EXTERNAL_ID, name.removeprefix(PREFIX)
    elif "@" in name:
        statement, name = _BY_EMAIL, email_key(name)
    else:
        statement = _BY_ID if _is_uuid(name) else _BY_USERNAME
    row = db.execute(statement, {"name": name}).first()
    if row is None:
        raise NotFound("User not found.")
    return NamedAccount(*row)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
