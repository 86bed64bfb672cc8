"""Actions with tokens of the app: exchange one for a session, and use one in place of access tokens."""

import hashlib
import time
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from chatapp.core import limits, settings
from chatapp.core.db import reading
from chatapp.core.errors import Conflict, Json
from chatapp.core.identity import APP_TOKEN, Client
from chatapp.core.limits import Limit
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.app_tokens import queries
from chatapp.features.app_tokens.queries import Account, TokenSession
from chatapp.features.app_tokens.verification import NOT_ACCEPTED, AppToken, RefusedToken, verify
from chatapp.features.sessions.actions import AppTokenOf, Device, TokenPair, open_session
from chatapp.features.users.actions import upsert_user
from chatapp.representations.user import Me

log = structlog.get_logger()

KIND = "appToken"
# Names and addresses of other users are no fault of a token: its claims are ignored.
_TAKEN = {"username_taken": "username", "email_taken": "email"}


def exchange(client: Client, *, token: str, device: Device | None = None) -> tuple[Me, TokenPair]:
    """Open a session for the user of a token; returns their `Me` and the tokens.

    Raises RefusedToken, Unavailable (`issuer_unavailable`), and RateLimited.
    """
    try:
        if settings.current().app_tokens is None:
            raise RefusedToken(NOT_ACCEPTED, "issuer_unknown")
        verified = verify(token)
        _count(verified)
        with reading() as db:
            known = queries.find_session(db, verified.hash)
        if known and known.is_ended:
            raise RefusedToken("the session of the token was ended")
        _, me, tokens = _open(verified, client, device)
        assert me
        assert tokens
        return me, tokens
    except RefusedToken as error:
        note_refused(error)
        raise


def session_of(token: AppToken, client: Client) -> TokenSession:
    """The session of a token that is used in place of access tokens, opened on its first use.

    Raises RefusedToken, RateLimited.
    """
    with reading() as db:
        known = queries.find_session(db, token.hash)
    if known is None:
        _count(token, client.address)
        known, _, _ = _open(token, client, None, is_bound=True)
    if known.is_ended:
        raise RefusedToken("the session of the token was ended")
    return known


def note_refused(error: RefusedToken) -> None:
    """Log why a token was refused, without the token."""
    log.info("auth.app_token_refused", code=error.code, reason=error.reason)


def check(token: AppToken) -> str:
    """What happens when a verified token is used, as a sentence; raises RefusedToken."""
    config = settings.current().app_tokens
    with reading() as db:
        known = queries.find_session(db, token.hash)
        if known and known.is_ended:
            raise RefusedToken("the session of the token was ended")
        account = queries.find_account(db, token.external_id)
        _require_newer(token, queries.erased_at(db, token.external_id))
    if account:
        _require_current(token, account)
        return f"The user is {account.username} ({account.id})."
    if not (config and config.creates):
        raise RefusedToken("the user does not exist, and APP_JWT_CREATES is false", "user_unknown")
    return "The user does not exist yet; the first use of a token creates them."


def _count(token: AppToken, address: str | None = None) -> None:
    """Count the opening of a session, for the user and, unless the endpoint counts it, for the client's address."""
    config = settings.current()
    user = hashlib.blake2b(token.external_id.encode(), digest_size=16).hexdigest()
    found = [Limit(config.rate_exchange, "sessions by app tokens", user, exact=True)]
    if address:
        found.append(Limit(config.rate_login, "first uses of app tokens", address, exact=True))
    limits.hit(*found)


def _open(
    token: AppToken, client: Client, device: Device | None, *, is_bound: bool = False
) -> tuple[TokenSession, Me | None, TokenPair | None]:
    """Open a session for the user of a token, or find the one of a concurrent first use."""
    fields = dict(token.fields)
    while True:
        try:
            with unit_of_work() as work:
                account = _current_account(work, token, fields, client)
                if is_bound and (known := queries.find_session(work.db, token.hash)):
                    return known, None, None
                lifetime = timedelta(seconds=max(0.0, token.expires_at - time.time()))
                me, tokens = open_session(
                    work,
                    account.id,
                    client=client,
                    kind=KIND,
                    device=device,
                    lifetime=lifetime if is_bound else None,
                    app_token=AppTokenOf(token.hash, token.issued_at) if is_bound else None,
                )
                return TokenSession(tokens.session_id, account.id, is_ended=False), me, tokens
        except Conflict as error:
            if fields.pop(_TAKEN.get(error.code, ""), None) is None:
                raise


def _current_account(work: UnitOfWork, token: AppToken, fields: Json, client: Client) -> Account:
    """The user of a token, locked, created or changed by its claims; raises RefusedToken."""
    config = settings.current().app_tokens
    assert config
    account = queries.lock_account(work.db, token.external_id)
    _require_newer(token, queries.erased_at(work.db, token.external_id))
    if account is None and not config.creates:
        raise RefusedToken("the user does not exist, and APP_JWT_CREATES is false", "user_unknown")
    if account:
        _require_current(token, account)
    if account is None or (config.updates and fields):
        principal = replace(APP_TOKEN, address=client.address)
        upsert_user(work, principal, token.external_id, fields)
        account = queries.lock_account(work.db, token.external_id)
        assert account
        _require_current(token, account)
    return account


def _require_current(token: AppToken, account: Account) -> None:
    if not account.is_active:
        raise RefusedToken("the user is deactivated")
    _require_newer(token, account.tokens_after)


def _require_newer(token: AppToken, revoked_at: datetime | None) -> None:
    """Raise RefusedToken if the tokens that were issued until then were revoked, and this is one of them."""
    if revoked_at and (token.issued_at is None or token.issued_at <= revoked_at):
        raise RefusedToken("the token was issued before the tokens of the user were revoked, or has no claim iat")
