"""Actions on accounts: register, log in, refresh tokens; issue tokens for servers."""

from datetime import timedelta

from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from chatapp.core import audit, limits, settings
from chatapp.core.errors import ChatError, Conflict, Forbidden, Json, RateLimited, Unauthenticated
from chatapp.core.identity import CLI, Client, Principal
from chatapp.core.ids import new_id
from chatapp.core.limits import Hit, Limit
from chatapp.core.names import email_key, login_id
from chatapp.core.permissions import require_scope
from chatapp.core.references import Reference
from chatapp.core.unit_of_work import unit_of_work
from chatapp.features.auth import queries
from chatapp.features.auth.passwords import hash_password, verify_password
from chatapp.features.sessions.actions import Device, TokenPair, end_one, open_session
from chatapp.features.sessions.queries import find_target
from chatapp.features.sessions.tokens import address_hash, successor, token_hash
from chatapp.features.users.actions import taken, upsert_user
from chatapp.features.users.queries import me
from chatapp.models import User
from chatapp.models.enums import UserRole
from chatapp.representations.user import Me

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
        WHERE CASE WHEN s.expires_at IS NOT NULL THEN s.expires_at < now() - {queries.REMEMBERED}
            ELSE s.ended_at < now() - {queries.REMEMBERED}
                OR NOT EXISTS (SELECT FROM refresh_tokens t WHERE t.session_id = s.id) END
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
_PRUNE_CODES = text(
    """
    DELETE FROM mail_codes WHERE hash IN (
        SELECT hash FROM mail_codes WHERE expires_at < now() - interval '1 day' LIMIT :limit
    )
    """
)
_PRUNE = (_PRUNE_TOKENS, _PRUNE_SESSIONS, _PRUNE_ADDRESSES, _PRUNE_CODES)
UNKNOWN_USER = "00000000-0000-0000-0000-000000000000"

_ROTATE = text(
    """
    WITH rotated AS (
        UPDATE refresh_tokens SET rotated_at = now() WHERE hash = :used
    ), used AS (
        UPDATE sessions SET last_used_at = now(), address = :address, user_agent = coalesce(user_agent, :user_agent)
        WHERE id = :session_id
        AND (address IS NULL OR last_used_at IS NULL OR last_used_at < now() - interval '1 hour')
    )
    INSERT INTO refresh_tokens (hash, session_id, expires_at) VALUES (:hash, :session_id, now() + :lifetime)
    """
)


def register(*, email: str, username: str, password: str, client: Client) -> tuple[Me, TokenPair]:
    """Create an account and log it in from `client`; returns its `Me` and its tokens.

    Raises Conflict (`email_taken`, `username_taken`), and Forbidden (`registration_closed`).
    """
    if not settings.current().is_registration_open:
        raise Forbidden("This server does not accept registrations.", code="registration_closed")
    user_id, password_hash = new_id(), hash_password(password)
    account = insert(User).values(id=user_id, email=email, username=username, password_hash=password_hash)
    try:
        with unit_of_work() as work:
            work.db.execute(account)
            return open_session(work, user_id, client=client)
    except IntegrityError as error:
        raise taken(error) from None


def create_admin(*, email: str, username: str, password: str) -> tuple[Me, bool]:
    """Give the role ADMIN to the account of that address, or create one; returns its `Me`, and whether it is new.

    An existing account keeps its name and password. Raises Conflict (`username_taken`).
    """
    user_id, password_hash = new_id(), hash_password(password)
    account = {"email": email, "username": username, "password_hash": password_hash}
    try:
        with unit_of_work() as work:
            has_address = User.email_key == email_key(email)
            known = work.db.execute(
                select(User.id, User.role, User.is_active).where(has_address).with_for_update()
            ).first()
            if known is None:
                work.db.execute(insert(User).values(id=user_id, role=UserRole.ADMIN, **account))
                audit.record(work.db, CLI, "user.created", ("user", user_id), role=UserRole.ADMIN)
                return me(work.db, user_id), True
            work.db.execute(update(User).where(has_address).values(role=UserRole.ADMIN, is_active=True))
            target = ("user", known.id)
            if known.role != UserRole.ADMIN:
                audit.record(work.db, CLI, "role.changed", target, role=UserRole.ADMIN)
            if not known.is_active:
                audit.record(work.db, CLI, "user.reactivated", target)
            return me(work.db, known.id), False
    except IntegrityError as error:
        raise taken(error) from None


def login(
    *, password: str, client: Client, email: str | None = None, username: str | None = None
) -> tuple[Me, TokenPair]:
    """Open a session; returns the `Me` of the account and its tokens.

    Raises Unauthenticated (`invalid_credentials`), the same for unknown and deactivated accounts and wrong passwords,
    and RateLimited after too many failures for that name, whether or not it exists. While password login is off, raises
    Forbidden (`password_login_off`) for all accounts except active administrators with the right password.
    """
    attempt = count_attempt(client.address, email=email, username=username)
    try:
        account = queries.find_account(email=email, username=username)
        correct = verify_password(password, account.password_hash if account else None)
    except ChatError:
        limits.undo(attempt)  # The password was not checked.
        raise
    is_on = settings.current().has_password_login
    if not correct or account is None or not account.is_active or not (is_on or account.role == UserRole.ADMIN):
        if not is_on:
            raise Forbidden("Users can't log in with a password on this server.", code="password_login_off")
        raise Unauthenticated("Wrong username, email address or password.", code="invalid_credentials")
    limits.undo(attempt)
    with unit_of_work() as work:
        return open_session(work, account.user_id, client=client, password_hash=account.password_hash)


def issue_tokens(
    principal: Principal,
    *,
    user_id: Reference | None = None,
    user: Json | None = None,
    device: Device | None = None,
    refresh: bool = True,
    lifetime: timedelta | None = None,
) -> tuple[Me, TokenPair]:
    """Open a session for a user, who is created or changed first if `user` has their fields; returns their `Me` and the
    tokens.

    Raises NotFound, Forbidden (`scope_missing`), Conflict (`user_inactive`), and what `upsert_user` raises.
    """
    if user is not None:
        require_scope(principal, "users")
    with unit_of_work() as work:
        if user is not None:
            fields = dict(user)
            external_id = fields.pop("external_id")
            upsert_user(work, principal, external_id, fields)
            user_id = Reference(external_id=external_id)
        assert user_id
        target = find_target(work.db, principal, user_id)
        if not target.is_active:
            raise Conflict("The user is deactivated.", code="user_inactive")
        ends = None if refresh else lifetime or settings.current().access_lifetime
        me, tokens = open_session(work, target.id, kind="server", device=device, lifetime=ends)
        audit.record(work.db, principal, "user.tokens_issued", ("user", target.id), sessionId=tokens.session_id)
        return me, tokens


def refresh(token: str, client: Client) -> TokenPair:
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
            values: Json = {"used": token_hash(token), "session_id": known.session_id}
            values |= {"address": client.address, "user_agent": client.user_agent}
            values |= {"hash": token_hash(successor_token), "lifetime": settings.current().refresh_lifetime}
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
            end_one(work, known.user_id, known.session_id)
    # Raised only now: the end of the session had to be committed.
    raise Unauthenticated(
        "The refresh token was already used. The session has ended. Log in again.", code="refresh_reused"
    )


def prune_tokens(limit: int) -> int:
    """Delete at most `limit` expired refresh tokens, as many sessions that ended or have none, addresses without a
    login for 30 days, and expired codes; returns their total number.

    The tokens of an ended session are deleted with it a day later: until then their use is `refresh_reused`. A session
    with an end of its own is kept beyond that: the token that opened it must not open another one.
    """
    with unit_of_work() as work:
        removed = (work.db.execute(statement, {"limit": limit}) for statement in _PRUNE)
        return sum(rows.rowcount for rows in removed)


def count_attempt(address: str, **name: str | None) -> Hit | None:
    """Count the use of a password as a failure, before the password is checked.

    Raises RateLimited if the name has failed too often from that address, or from all addresses together unless its
    account logged in from this one lately.
    """
    config, id = settings.current(), login_id(**name)
    here = Limit(config.rate_login_failures, "failed logins", f"{id} {address}", exact=True)
    try:
        return limits.hit(here, Limit(config.rate_login_failures_total, "failed logins", id, exact=True))
    except RateLimited:
        # An unknown name takes the same two queries.
        account = queries.find_account(**name)
        user_id = account.user_id if account else UNKNOWN_USER
        if not queries.is_known_address(user_id, address_hash(user_id, address)):
            raise
    return limits.hit(here)
