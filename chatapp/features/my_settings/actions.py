"""Actions on settings."""

from typing import Any

import orjson
from sqlalchemy import text

from chatapp.core import audit
from chatapp.core.identity import Actor
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.my_settings import queries
from chatapp.features.own_state.changes import announce, take_me_rev
from chatapp.features.presence.events import UserOffline, UserOnline
from chatapp.features.users.events import PrivacyChanged
from chatapp.representations.my_settings import DEFAULTS, MySettings

# Those that decide which events the sockets of the user get, and which ones of the user others get.
OF_SOCKETS = {"readReceipts", "lastSeen", "typing"}
_LOCK_MEMBERS = text("SELECT FROM members WHERE user_id = :user_id ORDER BY chat_id FOR NO KEY UPDATE")
_COPY = text("UPDATE members SET reads_privately = :private WHERE user_id = :user_id AND reads_privately <> :private")
_STORE = text("UPDATE users SET settings = CAST(:settings AS jsonb), settings_rev = :me_rev WHERE id = :user_id")


def update_settings(actor: Actor, **changes: Any) -> MySettings:
    """Change settings of the actor; returns all of them. Values that are set already change nothing.

    When it returns, every worker applies them to the events of the actor, and to those for the actor.
    """
    with unit_of_work() as work:
        if "readReceipts" in changes:
            # Before the row of the user, as all actions lock them.
            work.db.execute(_LOCK_MEMBERS, {"user_id": actor.user_id})
        before = queries.lock_settings(work.db, actor.user_id, set(changes))
        changed = {name: value for name, value in changes.items() if before[name] != value}
        if changed:
            _store(work, actor, before | changed, changed)
        return queries.settings_of(work.db, actor.user_id)


def _store(work: UnitOfWork, actor: Actor, after: dict[str, Any], changed: dict[str, Any]) -> None:
    differing = {name: value for name, value in after.items() if value != DEFAULTS[name]}
    me_rev = take_me_rev(work, actor.user_id)
    stored = orjson.dumps(differing).decode() if differing else None
    work.db.execute(_STORE, {"user_id": actor.user_id, "settings": stored, "me_rev": me_rev})
    if "readReceipts" in changed:
        work.db.execute(_COPY, {"user_id": actor.user_id, "private": not changed["readReceipts"]})
    settings = queries.settings_of(work.db, actor.user_id)
    announce(work, actor.user_id, me_rev, "me:settings", settings)
    if OF_SOCKETS & changed.keys():
        work.announce(PrivacyChanged([actor.user_id]))
    if "lastSeen" in changed:
        _announce_presence(work, actor.user_id, is_shown=changed["lastSeen"] != "nobody")
    audit.record_acting(work.db, actor, "settings.updated", ("user", actor.user_id), fields=sorted(changed))


def _announce_presence(work: UnitOfWork, user_id: str, *, is_shown: bool) -> None:
    """Announce to others that the user appears offline, or is online after all; once every worker applies the change."""
    presence = queries.presence_of(work.db, user_id)
    if not is_shown:
        work.announce(UserOffline(user_id, None, presence.chat_ids))
    elif presence.is_online:
        work.announce(UserOnline(user_id, presence.chat_ids))
