"""Actions on sessions: open, use and end them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from chatapp.core import audit, settings
from chatapp.core.errors import Json, NotFound, Unauthenticated
from chatapp.core.identity import Actor, Client, Principal
from chatapp.core.ids import new_id
from chatapp.core.references import Reference
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.sessions import queries
from chatapp.features.sessions.events import SessionEnded
from chatapp.features.sessions.queries import MAX_SESSIONS
from chatapp.features.sessions.schemas import LAST_USED_AT
from chatapp.features.sessions.tokens import address_hash, new_refresh_token, token_hash
from chatapp.representations.user import ME, Me

# The lock on the user's row, so that two sessions for one device are opened one after the other.
_LOG_IN = text(
    """
    UPDATE users SET last_login_at = now()
    WHERE id = :user_id AND is_active AND (CAST(:password_hash AS text) IS NULL OR password_hash = :password_hash)
    RETURNING id
    """
)
# The earlier session of the device, and those beyond the maximum without the new one, the least recently used first.
_REPLACE = text(
    f"""
    UPDATE sessions s SET ended_at = now()
    WHERE s.user_id = :user_id AND s.ended_at IS NULL AND (s.device_id = :device_id OR s.id IN (
        SELECT s.id FROM sessions s
        WHERE s.user_id = :user_id AND s.ended_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > now())
        AND (s.device_id = :device_id) IS NOT TRUE
        ORDER BY {LAST_USED_AT} DESC, s.id DESC OFFSET {MAX_SESSIONS - 1}
    )) RETURNING s.id::text
    """
)
_INSERT = text(
    """
    INSERT INTO sessions (id, user_id, kind, device_id, device_name, user_agent, address, last_used_at, expires_at,
                          app_token_hash, token_issued_at)
    VALUES (:id, :user_id, :kind, :device_id, :device_name, :user_agent, :address, now(),
            now() + CAST(:lifetime AS interval), :token_hash, :token_issued_at)
    """
)
_KEEP_TOKEN = text("INSERT INTO refresh_tokens (hash, session_id, expires_at) VALUES (:hash, :id, now() + :lifetime)")
_KNOW_ADDRESS = text(
    """
    INSERT INTO login_addresses (user_id, address_hash) VALUES (:user_id, :address_hash)
    ON CONFLICT (user_id, address_hash) DO UPDATE SET last_login_at = now()
    """
)
_ME = text(f"SELECT {ME} FROM users u WHERE u.id = :user_id")
# Several workers may record the same sessions: a locked one is being recorded or ended, and is not waited for.
_USE = text(
    """
    UPDATE sessions SET last_used_at = now() WHERE id IN (
        SELECT id FROM sessions
        WHERE id = ANY(CAST(:ids AS uuid[])) AND (last_used_at IS NULL OR last_used_at < now() - interval '1 hour')
        FOR NO KEY UPDATE SKIP LOCKED
    )
    """
)
_END_ONE = text(
    """
    UPDATE sessions SET ended_at = now() WHERE id = :id AND user_id = :user_id AND ended_at IS NULL
    RETURNING id::text
    """
)
_END_ALL = text(
    """
    UPDATE sessions SET ended_at = now()
    WHERE user_id = :user_id AND ended_at IS NULL AND id IS DISTINCT FROM CAST(:kept AS uuid)
    AND (CAST(:before AS timestamptz) IS NULL OR created_at < :before
         OR app_token_hash IS NOT NULL AND coalesce(token_issued_at, '-infinity') <= :before) RETURNING id::text
    """
)
_REVOKE = text(
    """
    UPDATE users SET tokens_after = greatest(tokens_after, least(coalesce(CAST(:before AS timestamptz), now()), now())) WHERE id = :user_id
    """
)


@dataclass(frozen=True, slots=True)
class Device:
    """The device for which a session is opened."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class AppTokenOf:
    """The token of the app that is used in place of the access tokens of a session."""

    hash: bytes
    issued_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenPair:
    """A session of a user, and its newest refresh token; without one, the session ends after `lifetime`."""

    user_id: str
    session_id: str
    refresh_token: str | None
    lifetime: timedelta | None = None


def open_session(
    work: UnitOfWork,
    user_id: str,
    *,
    client: Client | None = None,
    kind: str = "password",
    device: Device | None = None,
    lifetime: timedelta | None = None,
    password_hash: str | None = None,
    app_token: AppTokenOf | None = None,
) -> tuple[Me, TokenPair]:
    """Open a session in the transaction of an action; returns the `Me` of the user and the tokens.

    `client` is None if the request came from a server: the device is known once it refreshes. With `lifetime` there is no refresh token, and the session ends with its access token. The earlier session of the same
    device ends, and the least recently used ones beyond `MAX_SESSIONS`. Raises Unauthenticated if the account was
    deactivated meanwhile, or its password, which was verified with `password_hash`, was changed.
    """
    device = device or Device()
    if work.db.scalar(_LOG_IN, {"user_id": user_id, "password_hash": password_hash}) is None:
        raise Unauthenticated("The account was changed. Log in again.", code="invalid_credentials")
    for ended in work.db.scalars(_REPLACE, {"user_id": user_id, "device_id": device.id}).all():
        work.announce(SessionEnded(ended, user_id))
    tokens = TokenPair(user_id, new_id(), new_refresh_token() if lifetime is None else None, lifetime)
    session: Json = {"id": tokens.session_id, "user_id": user_id, "kind": kind, "lifetime": lifetime}
    session |= {"device_id": device.id, "device_name": device.name}
    session |= {"user_agent": client.user_agent if client else None, "address": client.address if client else None}
    session |= {"token_hash": app_token and app_token.hash, "token_issued_at": app_token and app_token.issued_at}
    work.db.execute(_INSERT, session)
    if tokens.refresh_token:
        token = {"hash": token_hash(tokens.refresh_token), "lifetime": settings.current().refresh_lifetime}
        work.db.execute(_KEEP_TOKEN, token | {"id": tokens.session_id})
    if kind == "password" and client:
        known = {"user_id": user_id, "address_hash": address_hash(user_id, client.address)}
        work.db.execute(_KNOW_ADDRESS, known)
    return work.db.execute(_ME, {"user_id": user_id}).scalar_one(), tokens


def end_sessions(
    work: UnitOfWork, user_id: str, *, kept: str | None = None, before: datetime | None = None
) -> Sequence[str]:
    """End the sessions of a user in the transaction of an action, except `kept`, or only those opened before a time;
    returns their ids."""
    ended = work.db.scalars(_END_ALL, {"user_id": user_id, "kept": kept, "before": before}).all()
    for session_id in ended:
        work.announce(SessionEnded(session_id, user_id))
    return ended


def end_one(work: UnitOfWork, user_id: str, session_id: str) -> bool:
    """End a session of a user in the transaction of an action; False if it had ended, or is unknown."""
    ended = work.db.scalar(_END_ONE, {"id": session_id, "user_id": user_id}) is not None
    if ended:
        work.announce(SessionEnded(session_id, user_id))
    return ended


def logout(actor: Actor) -> None:
    """End the actor's session: its refresh token becomes invalid and its sockets close."""
    with unit_of_work() as work:
        end_one(work, actor.user_id, actor.session_id)


def end_session(actor: Actor, session_id: str) -> None:
    """End a session of the actor; raises NotFound."""
    with unit_of_work() as work:
        if not end_one(work, actor.user_id, session_id):
            raise NotFound("Session not found.")


def end_other_sessions(actor: Actor) -> None:
    """End all sessions of the actor except the current one."""
    with unit_of_work() as work:
        end_sessions(work, actor.user_id, kept=actor.session_id)


def end_session_of(principal: Principal, user: Reference, session_id: str) -> None:
    """End a session of a user; raises NotFound, Forbidden (`scope_missing`)."""
    with unit_of_work() as work:
        target = queries.find_target(work.db, principal, user)
        if not end_one(work, target.id, session_id):
            raise NotFound("Session not found.")
        audit.record(work.db, principal, "session.ended", ("user", target.id), sessionId=session_id)


def end_sessions_of(principal: Principal, user: Reference) -> None:
    """End all sessions of a user; raises NotFound, Forbidden (`scope_missing`)."""
    with unit_of_work() as work:
        target = queries.find_target(work.db, principal, user)
        if ended := end_sessions(work, target.id):
            audit.record(work.db, principal, "session.ended", ("user", target.id), sessionIds=list(ended))


def revoke_tokens(principal: Principal, user: Reference, *, before: datetime | None = None) -> None:
    """End the sessions of a user that were opened before a time (default: now), and refuse the app's tokens that were
    issued until then. Raises NotFound, Forbidden (`scope_missing`)."""
    with unit_of_work() as work:
        target = queries.find_target(work.db, principal, user)
        work.db.execute(_REVOKE, {"user_id": target.id, "before": before})
        end_sessions(work, target.id, before=before)
        audit.record(work.db, principal, "user.tokens_revoked", ("user", target.id))


def note_used(session_ids: Sequence[str]) -> None:
    """Record that sessions are used, at most once an hour each."""
    with unit_of_work(single=True) as work:
        work.db.execute(_USE, {"ids": list(session_ids)})
