"""Actions on passwords: change, reset, and issue the code of a reset link."""

import base64
import hashlib
import secrets

from sqlalchemy import text

from chatapp.core import audit, limits, settings
from chatapp.core.errors import ChatError, Conflict, Forbidden, Invalid
from chatapp.core.identity import CLI, Actor, Client, Principal
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.auth.actions import count_attempt
from chatapp.features.auth.passwords import hash_password, verify_password
from chatapp.features.passwords import queries
from chatapp.features.sessions.actions import end_sessions
from chatapp.models.enums import UserRole

RESET = "reset"
RESET_MINUTES = 30

# The password that was verified, or none: a concurrent change wins.
_CHANGE = text("UPDATE users SET password_hash = :hash WHERE id = :id AND password_hash = :current AND is_active")
_SET = text("UPDATE users SET password_hash = :hash WHERE id = :id AND is_active RETURNING username")
_DROP_CODES = text("DELETE FROM mail_codes WHERE user_id = :user_id AND used_at IS NULL")
_DROP_CODES_OF_KIND = text("DELETE FROM mail_codes WHERE user_id = :user_id AND kind = :kind AND used_at IS NULL")
_KEEP_CODE = text(
    """
    INSERT INTO mail_codes (hash, user_id, kind, expires_at)
    VALUES (:hash, :user_id, :kind, now() + make_interval(mins => :minutes))
    """
)
_OWNER = text("SELECT user_id::text FROM mail_codes WHERE hash = :hash AND kind = :kind")
_USE_CODE = text(
    """
    UPDATE mail_codes SET used_at = now()
    WHERE hash = :hash AND kind = :kind AND used_at IS NULL AND expires_at > now()
    """
)
_WRONG_CODE = "The code is unknown, was used, or has expired."


def change_password(actor: Actor, client: Client, *, current_password: str, new_password: str) -> None:
    """Change the actor's password, and end all their other sessions.

    Raises Conflict (`no_password`), Forbidden (`password_wrong`), Invalid for the same password as before, and RateLimited
    after too many wrong passwords.
    """
    known = queries.password_hash(actor.user_id)
    if known is None:
        raise Conflict("The account has no password.", code="no_password")
    attempt = count_attempt(client.address, username=actor.username)
    try:
        is_correct = verify_password(current_password, known)
    except ChatError:
        limits.undo(attempt)  # The password was not checked.
        raise
    wrong = Forbidden("The current password is wrong.", code="password_wrong")
    if not is_correct:
        raise wrong
    limits.undo(attempt)
    if new_password == current_password:
        raise Invalid("A field is not valid.", errors={"newPassword": ["Must not be the current password."]})
    new = hash_password(new_password)
    with unit_of_work() as work:
        if not work.db.execute(_CHANGE, {"hash": new, "id": actor.user_id, "current": known}).rowcount:
            raise wrong
        work.db.execute(_DROP_CODES, {"user_id": actor.user_id})
        end_sessions(work, actor.user_id, kept=actor.session_id)
        _record(work, "password.changed", actor.user_id, actor.username, client)


def reset_password(client: Client, *, code: str, new_password: str) -> None:
    """Set the password of the account of a code, and end all its sessions; raises Invalid (`code_invalid`)."""
    # First, so that wrong codes take as long as right ones, and outside of the transaction.
    new = hash_password(new_password)
    with unit_of_work() as work:
        used = {"hash": _hash_of(code), "kind": RESET}
        user_id = work.db.scalar(_OWNER, used)
        # The account is locked before its codes, as by whatever else drops them.
        username = work.db.scalar(_SET, {"hash": new, "id": user_id}) if user_id else None
        if username is None or not work.db.execute(_USE_CODE, used).rowcount:
            raise Invalid(_WRONG_CODE, code="code_invalid")
        work.db.execute(_DROP_CODES, {"user_id": user_id})
        end_sessions(work, user_id)
        _record(work, "password.reset", user_id, username, client)


def issue_reset_link(name: str) -> str:
    """A link with which the account that `name` names gets a new password, once, within `RESET_MINUTES`.

    The link replaces earlier ones. Raises NotFound, and Conflict for an account that can't log in with a password.
    """
    code = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
    config = settings.current()
    with unit_of_work() as work:
        account = queries.find_named(work.db, name)
        if not account.is_active:
            raise Conflict("The account is deactivated. Reactivate it first.")
        if account.is_bot:
            raise Conflict("The account is a bot, which has no password.")
        if not config.has_password_login and account.role != UserRole.ADMIN:
            raise Conflict("Only administrators can log in with a password on this server (PASSWORD_LOGIN=off).")
        work.db.execute(_DROP_CODES_OF_KIND, {"user_id": account.id, "kind": RESET})
        kept = {"hash": _hash_of(code), "user_id": account.id, "kind": RESET, "minutes": RESET_MINUTES}
        work.db.execute(_KEEP_CODE, kept)
        audit.record(work.db, CLI, "password.reset_link", ("user", account.id))
    return f"{config.public_url or config.local_url}/#/reset?code={code}"


def _hash_of(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def _record(work: UnitOfWork, action: str, user_id: str, username: str, client: Client) -> None:
    user = Principal("user", user_id, username, address=client.address)
    audit.record(work.db, user, action, ("user", user_id))
