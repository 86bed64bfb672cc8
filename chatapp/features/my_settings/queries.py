"""Queries of settings."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from chatapp.core.db import reading
from chatapp.core.errors import Json
from chatapp.core.identity import Actor
from chatapp.representations.my_settings import DEFAULTS, MY_SETTINGS, MySettings

_READ = text(f"SELECT {MY_SETTINGS} FROM users u WHERE u.id = :user_id")
_LOCK = "SELECT coalesce(settings, '{}') FROM users WHERE id = :user_id FOR %s"
# Stronger than the lock of a new membership, which copies `readReceipts`: it either sees the change, or is seen by it.
_LOCK_RECEIPTS = text(_LOCK % "UPDATE")
_LOCK_OTHERS = text(_LOCK % "NO KEY UPDATE")
_PRESENCE = text(
    """
    SELECT EXISTS (
        SELECT FROM presence p JOIN workers w ON w.id = p.worker_id AND w.expires_at > now() WHERE p.user_id = :user_id
    ) AS is_online, ARRAY(SELECT chat_id::text FROM members WHERE user_id = :user_id) AS chat_ids
    """
)


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a user is online, and the chats whose members see it."""

    is_online: bool
    chat_ids: list[str]


def read_settings(actor: Actor) -> MySettings:
    """The actor's settings."""
    with reading() as db:
        return settings_of(db, actor.user_id)


def settings_of(db: Connection, user_id: str) -> MySettings:
    """The settings of an existing user."""
    return db.execute(_READ, {"user_id": user_id}).scalar_one()  # type: ignore[no-any-return]


def lock_settings(db: Connection, user_id: str, names: set[str]) -> Json:
    """All settings of a user, locked for a change of those in `names`."""
    lock = _LOCK_RECEIPTS if "readReceipts" in names else _LOCK_OTHERS
    differing: Json = db.execute(lock, {"user_id": user_id}).scalar_one()
    return DEFAULTS | differing


def presence_of(db: Connection, user_id: str) -> Presence:
    """The presence of a user, whatever their settings."""
    return Presence(*db.execute(_PRESENCE, {"user_id": user_id}).one())
