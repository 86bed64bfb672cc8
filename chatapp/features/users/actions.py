"""Actions on profiles, and changes of users as parts of other features' actions."""

from collections.abc import Collection
from enum import StrEnum

from sqlalchemy import delete, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from chatapp.core import audit, settings
from chatapp.core.errors import Conflict, Forbidden, Invalid, Json
from chatapp.core.identity import Actor, Principal
from chatapp.core.ids import new_id
from chatapp.core.names import email_key, search_key, username_from
from chatapp.core.permissions import require_admin_scope, require_scope
from chatapp.core.references import Reference
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.users import queries
from chatapp.features.users.events import AccountChanged, ProfileChanged
from chatapp.features.users.queries import LockedUser
from chatapp.models import MailCode, Member, User
from chatapp.models.enums import UserRole
from chatapp.representations.user import Me, ServerUser

TAKEN = {
    "users_email_key": ("email_taken", "This e-mail address belongs to another account."),
    "users_username_key": ("username_taken", "This username belongs to another account."),
    "users_external_id_key": ("external_id_taken", "This external id belongs to another user."),
}
# Columns of which each change is visible to other users, and those that the actors of sockets have.
PROFILE = frozenset({"username", "display_name", "avatar", "data", "deleted_at"})
ACTOR = frozenset({"username", "avatar", "role", "is_active"})
# One change of administrators at a time, so that two of them can't demote each other.
_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtext('chatapp administrators'))")


class Outcome(StrEnum):
    """What an upsert did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


def taken(error: IntegrityError) -> Conflict:
    """The Conflict for a violated unique index; re-raises other errors."""
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if constraint not in TAKEN:
        raise error
    return _taken(constraint)


def update_me(actor: Actor, **changes: object) -> Me:
    """Change the actor's `username`, `display_name`, `avatar` or `data`; returns their `Me`.

    Raises Conflict (`username_taken`), and Forbidden (`profile_managed`) if only servers change profiles.
    """
    if changes:
        require_own_profile()
    with unit_of_work() as work:
        user = queries.lock_user(work.db, Reference(actor.user_id), changes)
        if user and (changed := apply_changes(work, user, changes)):
            audit.record_acting(work.db, actor, "user.updated", ("user", user.id), fields=_names(changed))
        return queries.me(work.db, actor.user_id)


def require_own_profile() -> None:
    """Raise Forbidden if users may not change their profiles."""
    if settings.current().profiles_managed:
        raise Forbidden("The app of this server manages the profiles of users.", code="profile_managed")


def upsert_user(work: UnitOfWork, principal: Principal, external_id: str, fields: Json) -> tuple[ServerUser, Outcome]:
    """Create the user with this external id, or change these fields of them, in an open transaction.

    `fields` are those of `PutUserSchema`. Takes the lock of the user's row: call it in the order of external ids. Raises
    Forbidden (`scope_missing`) for a user whose role is not USER or a new role without the scope `admin`, Conflict
    (`username_taken`, `email_taken`, `last_admin`), and Invalid for another `is_bot`.
    """
    if "role" in fields:
        require_scope(principal, "admin")
        take_administrators_turn(work)
    while (user := queries.lock_user(work.db, Reference(external_id=external_id), fields)) is None:
        if user_id := _create(work, external_id, fields):
            audit.record(work.db, principal, "user.created", ("user", user_id), fields=_names(fields))
            return queries.server_user(work.db, user_id), Outcome.CREATED
    require_admin_scope(principal, user.role)
    changes = dict(fields)
    if changes.pop("is_bot", user.is_bot) != user.is_bot:
        raise Invalid("A field is not valid.", errors={"isBot": ["Can be set only when the user is created."]})
    changed = change_user(work, principal, user, changes)
    return queries.server_user(work.db, user.id), Outcome.UPDATED if changed else Outcome.UNCHANGED


def change_user(work: UnitOfWork, principal: Principal, user: LockedUser, changes: Json) -> set[str]:
    """Change a locked user, with entries of the audit log; returns the names of the columns that were changed.

    Raises Conflict as `apply_changes` does. Ending the sessions of a deactivated user is up to the caller.
    """
    changed = apply_changes(work, user, changes)
    target = ("user", user.id)
    if "role" in changed:
        audit.record(work.db, principal, "role.changed", target, role=changes["role"])
    if "is_active" in changed:
        action = "user.reactivated" if changes["is_active"] else "user.deactivated"
        audit.record(work.db, principal, action, target)
    if others := changed - {"role", "is_active"}:
        audit.record(work.db, principal, "user.updated", target, fields=_names(others))
    return changed


def apply_changes(work: UnitOfWork, user: LockedUser, changes: Json) -> set[str]:
    """Store what differs of `changes` (column → value), and announce it; returns the names of the changed columns.

    Raises Conflict for a name, address or external id of another user (`username_taken`, `email_taken`,
    `external_id_taken`), and for the role or deactivation of the last ADMIN (`last_admin`).
    """
    differing = {name: value for name, value in changes.items() if user.differs(name, value)}
    if not differing:
        return set()
    if user.is_administrator and {"role", "is_active"} & set(differing):
        require_other_administrator(work, user.id)
    columns = differing | {"updated_at": func.now()}
    if "email" in columns:
        columns["email_key"] = None if columns["email"] is None else email_key(columns["email"])
    if "display_name" in columns:
        columns["display_key"] = None if columns["display_name"] is None else search_key(columns["display_name"])
    try:
        work.db.execute(update(User).where(User.id == user.id).values(**columns))
    except IntegrityError as error:
        raise taken(error) from None
    if "email" in differing:
        # A link that was sent to the earlier address must not open the account.
        work.db.execute(delete(MailCode).where(MailCode.user_id == user.id, MailCode.used_at.is_(None)))
    announce_changes(work, user.id, differing)
    return set(differing)


def announce_changes(work: UnitOfWork, user_id: str, changed: Collection[str]) -> None:
    """Announce that these columns of a user were changed."""
    if ACTOR & set(changed):
        work.announce(AccountChanged(user_id))
    if PROFILE & set(changed):
        chat_ids = work.db.scalars(select(Member.chat_id).where(Member.user_id == user_id)).all()
        work.announce(ProfileChanged(user_id, list(chat_ids)))


def take_administrators_turn(work: UnitOfWork) -> None:
    """Lock out other changes of administrators, before any other lock."""
    work.db.execute(_TAKE_TURN)


def require_other_administrator(work: UnitOfWork, user_id: str) -> None:
    """Raise Conflict (`last_admin`) unless another active user has the role ADMIN; needs the administrators' turn."""
    others = exists().where(User.role == UserRole.ADMIN, User.is_active, User.id != user_id)
    if not work.db.scalar(select(others)):
        raise Conflict("The server needs an active ADMIN. Promote another user first.", code="last_admin")


def _create(work: UnitOfWork, external_id: str, fields: Json) -> str | None:
    """Create a user; returns the id, or None if there is a user with that external id by now.

    Raises Conflict (`username_taken`, `email_taken`).
    """
    account = {"id": new_id(), "external_id": external_id, **fields}
    while True:
        if "username" not in fields:
            account["username"] = username_from(fields.get("display_name"))
        created = insert(User).values(**account).on_conflict_do_nothing().returning(User.id)
        if user_id := work.db.scalar(created):
            return user_id
        constraint = queries.violated(work.db, external_id, account["username"], fields.get("email"))
        if constraint == "users_external_id_key":
            return None
        if constraint == "users_email_key" or (constraint and "username" in fields):
            raise _taken(constraint)


def _taken(constraint: str) -> Conflict:
    code, detail = TAKEN[constraint]
    return Conflict(detail, code=code)


def _names(columns: Collection[str]) -> list[str]:
    """The names of these columns in the API."""
    words = [name.split("_") for name in sorted(columns)]
    return [first + "".join(map(str.capitalize, others)) for first, *others in words]
