"""The audit log: changes by API keys, moderators and operators, written in the transaction of the change.

An entry names the changed fields. It never contains content, tokens or secrets.
"""

from collections.abc import Mapping
from contextvars import ContextVar

import orjson
from sqlalchemy import Connection, text

from chatapp.core.identity import Actor, Principal
from chatapp.core.ids import new_id

# The address of the client that sent the current request or event.
caller_address: ContextVar[str | None] = ContextVar("caller_address", default=None)
_RECORD = text(
    """
    INSERT INTO audit_log (id, actor_type, actor_id, actor_name, acting_as, action, target_type, target_id, address,
                           details)
    VALUES (:id, :type, :actor_id, :name, :acting_as, :action, :target_type, :target_id, :address,
            CAST(:details AS jsonb))
    """
)


def record(
    db: Connection, principal: Principal, action: str, target: tuple[str, str] | None = None, **details: object
) -> None:
    """Write an entry about a change of `target` (its type and its id), for example `("user", user_id)`."""
    _write(db, principal, None, action, target, details)


def principal_of(actor: Actor) -> Principal:
    """The user, or the API key that acts as the user."""
    return actor.acting or Principal("user", actor.user_id, actor.username, address=caller_address.get())


def record_action(db: Connection, actor: Actor, action: str, target: tuple[str, str], **details: object) -> None:
    """Write an entry about a change by a user, or by the API key that acts as the user."""
    _write(db, principal_of(actor), actor.user_id if actor.acting else None, action, target, details)


def record_acting(db: Connection, actor: Actor, action: str, target: tuple[str, str], **details: object) -> None:
    """Write an entry if the actor is an API key that acts as a user; users leave none."""
    if actor.acting:
        record_action(db, actor, action, target, **details)


def _write(
    db: Connection,
    principal: Principal,
    acting_as: str | None,
    action: str,
    target: tuple[str, str] | None,
    details: Mapping[str, object],
) -> None:
    target_type, target_id = target or (None, None)
    values = {
        "id": new_id(),
        "type": principal.type,
        "actor_id": principal.id,
        "name": principal.name,
        "acting_as": acting_as,
        "action": action,
        "target_type": target_type,
        "target_id": target_id,
        "address": principal.address,
        "details": orjson.dumps(details).decode() if details else None,
    }
    db.execute(_RECORD, values)
