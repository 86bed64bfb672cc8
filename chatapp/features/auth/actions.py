"""Actions on accounts' sessions: register, log in, refresh, log out."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, text, update
from sqlalchemy.exc import IntegrityError

from chatapp.core import limits, settings
from chatapp.core.errors import ChatError, Json, RateLimited, Unauthenticated
from chatapp.core.identity import Actor
from chatapp.core.ids import new_id
from chatapp.core.limits import Hit, Limit
from chatapp.core.names import email_key, login_id
from chatapp.core.unit_of_work import unit_of_work
from chatapp.features.auth import queries
from chatapp.features.auth.events import SessionEnded
from chatapp.features.auth.passwords import hash_password, verify_password
from chatapp.features.auth.tokens import address_hash, new_refresh_token, successor, token_hash
from chatapp.features.users.actions import taken
from chatapp.features.users.queries import ME_FIELDS, me
from chatapp.models import Session, User
from chatapp.models.enums import UserRole

_PRUNE_TOKENS = text(
    """
    DELETE FROM refresh_tokens WHERE hash IN (
        SELECT hash FROM refresh_tokens WHERE expires_at < now() LIMIT :limit
    )
    """
)
_PRUNE_SESSIONS = text(
    f"""
    DELETE FROM sessions WHERE id IN (
        SELECT s.id FROM sessions s
        WHERE s.ended_at < now() - {queries.REMEMBERED}
        OR NOT EXISTS (SELECT FROM refresh_tokens t WHERE t.session_id = s.id)
        LIMIT :limit
    )
    """
)
_PRUNE_ADDRESSES = text(
    f"""
    DELETE FROM login_addresses WHERE (user_id, address_hash) IN (
        SELECT user_id, address_hash FROM login_addresses
        WHERE last_login_at < now() - {queries.KNOWN_ADDRESS} LIMIT :limit
    )
    """
)
_PRUNE = (_PRUNE_TOKENS, _PRUNE_SESSIONS, _PRUNE_ADDRESSES)
UNKNOWN_USER = "00000000-0000-0000-0000-000000000000"

# With `_stored`: a new refresh token.
_KEEP_TOKEN = """
    INSERT INTO refresh_tokens (hash, session_id, expires_at) VALUES (:hash, :session_id, now() + :lifetime)
"""
# A session, its login address, its first refresh token and its user, in one round trip.
_OPEN_SESSION = text(
    f"""
    WITH session AS (
        INSERT INTO sessions (id, user_id) VALUES (:session_id, :user_id)
    ), address AS (
        INSERT INTO login_addresses (user_id, address_hash) VALUES (:user_id, :address_hash)
        ON CONFLICT (user_id, address_hash) DO UPDATE SET last_login_at = now()
    ), token AS (
        {_KEEP_TOKEN}
    )
    SELECT json_build_object({ME_FIELDS}) FROM users u WHERE u.id = :user_id
    """
)
_ROTATE = text(
    f"""
    WITH used AS (
        UPDATE refresh_tokens SET rotated_at = now() WHERE hash = :used
    )
    {_KEEP_TOKEN}
    """
)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """A session of a user, and its newest refresh token."""

    user_id: str
    session_id: str
    refresh_token: str


def register(*, email: str, username: str, password: str, address: str) -> tuple[Json, TokenPair]:
    """Create an account and log it in from the client's `address`; returns its `Me` and its tokens.

    Raises Conflict (`email_taken`, `username_taken`).
    """
    user_id, password_hash = new_id(), hash_password(password)
    account = insert(User).values(id=user_id, email=email, username=username, password_hash=password_hash)
    try:
        with unit_of_work() as work:
            work.db.execute(account)
            return _open_session(work.db, user_id, address)
    except IntegrityError as error:
        raise taken(error) from None


def create_admin(*, email: str, username: str, password: str) -> tuple[Json, bool]:
    """Give the role ADMIN to the account of that address, or create one; returns its `Me`, and whether it is new.

    An existing account keeps its name and password. Raises Conflict (`username_taken`).
    """
    user_id, password_hash = new_id(), hash_password(password)
    account = {"email": email, "username": username, "password_hash": password_hash}
    try:
        with unit_of_work() as work:
            promoted = (
                update(User).where(User.email_key == email_key(email)).values(role=UserRole.ADMIN, is_active=True)
            )
            known = work.db.scalar(promoted.returning(User.id))
            if known is None:
                work.db.execute(insert(User).values(id=user_id, role=UserRole.ADMIN, **account))
            return me(work.db, known or user_id), known is None
    except IntegrityError as error:
        raise taken(error) from None


def login(
    *, password: str, address: str, email: str | None = None, username: str | None = None
) -> tuple[Json, TokenPair]:
    """Open a session; returns the `Me` of the account and its tokens.

    Raises Unauthenticated (`invalid_credentials`), the same for unknown and deactivated accounts and wrong passwords,
    and RateLimited after too many failures for that name, whether or not it exists. `address` is the client's, in
    canonical form.
    """
    attempt = _count_attempt(address, email=email, username=username)
    try:
        account = queries.find_account(email=email, username=username)
        correct = verify_password(password, account.password_hash if account else None)
    except ChatError:
        limits.undo(attempt)  # The password was not checked.
        raise
    if not correct or account is None or not account.is_active:
        raise Unauthenticated("Wrong username, email address or password.", code="invalid_credentials")
    limits.undo(attempt)
    with unit_of_work(single=True) as work:
        return _open_session(work.db, account.user_id, address)


def refresh(token: str) -> TokenPair:
    """Exchange a refresh token for its successor.

    For 10 s, while the successor is unused, an old token returns that same successor again: a lost response or a second
    tab logs no user out. Any other use of an old token ends the session. Raises Unauthenticated: `refresh_reused`,
    `token_expired`, or `token_invalid` for an unknown token and that of an ended session.
    """
    try:
        successor_token = successor(token)
    except ValueError:
        raise Unauthenticated("The refresh token is invalid.") from None
    with unit_of_work() as work:
        known = queries.lock_refreshable(work.db, token_hash(token))
        if known is None:
            raise Unauthenticated("The refresh token is invalid.")
        tokens = TokenPair(known.user_id, known.session_id, successor_token)
        if not known.rotated:
            if known.ended or not known.is_active:
                raise Unauthenticated("The session has ended. Log in again.")
            if known.expired:
                raise Unauthenticated("The refresh token has expired.", code="token_expired")
            values = {"used": token_hash(token), "session_id": known.session_id, **_stored(successor_token)}
            work.db.execute(_ROTATE, values)
            return tokens
        if (
            known.in_grace
            and not known.ended
            and known.is_active
            and queries.is_unused(work.db, token_hash(successor_token))
        ):
            return tokens
        if not known.ended:
            _end_session(work.db, known.session_id)
            work.announce(SessionEnded(known.session_id, known.user_id))
    # Raised only now: the end of the session had to be committed.
    raise Unauthenticated(
        "The refresh token was already used. The session has ended. Log in again.", code="refresh_reused"
    )


def logout(actor: Actor) -> None:
    """End the actor's session: its refresh token becomes invalid and its sockets close."""
    with unit_of_work() as work:
        _end_session(work.db, actor.session_id)
        work.announce(SessionEnded(actor.session_id, actor.user_id))


def prune_tokens(limit: int) -> int:
    """Delete at most `limit` expired refresh tokens, as many sessions that ended or have none, and as many addresses
    without a login for 30 days; returns their total number.

    The tokens of an ended session are deleted with it a day later: until then their use is `refresh_reused`.
    """
    with unit_of_work() as work:
        removed = (work.db.execute(statement, {"limit": limit}) for statement in _PRUNE)
        return sum(rows.rowcount for rows in removed)


def _count_attempt(address: str, **name: str | None) -> Hit | None:
    """Count a login as a failure, before its password is checked.

    Raises RateLimited if the name has failed too often from that address, or from all addresses together unless its
    account logged in from this one lately.
    """
    config, id = settings.current(), login_id(**name)
    here = Limit(config.rate_login_failures, "failed logins", f"{id} {address}")
    try:
        return limits.hit(here, Limit(config.rate_login_failures_total, "failed logins", id))
    except RateLimited:
        # An unknown name takes the same two queries.
        account = queries.find_account(**name)
        user_id = account.user_id if account else UNKNOWN_USER
        if not queries.is_known_address(user_id, address_hash(user_id, address)):
            raise
    return limits.hit(here)


def _open_session(db: Connection, user_id: str, address: str) -> tuple[Json, TokenPair]:
    tokens = TokenPair(user_id, new_id(), new_refresh_token())
    values = {"session_id": tokens.session_id, "user_id": user_id, "address_hash": address_hash(user_id, address)}
    return db.execute(_OPEN_SESSION, values | _stored(tokens.refresh_token)).scalar_one(), tokens


def _stored(token: str) -> Json:
    """The stored values of a new refresh token."""
    return {"hash": token_hash(token), "lifetime": settings.current().refresh_lifetime}


def _end_session(db: Connection, session_id: str) -> None:
    db.execute(update(Session).where(Session.id == session_id, Session.ended_at.is_(None)).values(ended_at=func.now()))
