"""Actions of servers on users."""

from collections.abc import Sequence

from chatapp.core.errors import ChatError, Conflict, Invalid, Json, NotFound
from chatapp.core.identity import Principal
from chatapp.core.permissions import require_admin_scope, require_scope
from chatapp.core.references import Reference
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.sessions.actions import end_sessions
from chatapp.features.users.actions import Outcome, change_user, take_administrators_turn, upsert_user
from chatapp.features.users.queries import LockedUser, lock_user, require_not_erasing, server_user
from chatapp.representations.user import ServerUser

# The field that is to blame for a conflict.
_FIELDS = {"username_taken": "username", "email_taken": "email", "last_admin": "role"}


def put_user(principal: Principal, external_id: str, **fields: object) -> tuple[ServerUser, bool]:
    """Create or change the user with this external id; returns the user, and whether they are new.

    Raises Forbidden, Conflict and Invalid as `upsert_user` does.
    """
    with unit_of_work() as work:
        user, outcome = upsert_user(work, principal, external_id, fields)
        return user, outcome is Outcome.CREATED


def put_users(principal: Principal, users: Sequence[Json]) -> tuple[list[ServerUser], dict[str, int]]:
    """Create or change users, each with its `external_id`, all or none; returns them, and how many of each outcome.

    Errors name the user at fault by its place (`users.3.username`).
    """
    places: dict[str, int] = {}
    for place, user in enumerate(users):
        if places.setdefault(user["external_id"], place) != place:
            raise Invalid("A field is not valid.", errors={f"users.{place}.externalId": ["Occurs twice."]})
    stored: dict[int, ServerUser] = {}
    outcomes = []
    with unit_of_work() as work:
        if any("role" in user for user in users):
            take_administrators_turn(work)
        # In one order, so that two batches never deadlock.
        for external_id, place in sorted(places.items()):
            fields = {name: value for name, value in users[place].items() if name != "external_id"}
            try:
                stored[place], outcome = upsert_user(work, principal, external_id, fields)
            except (Conflict, Invalid) as error:
                raise _at(error, place) from None
            outcomes.append(outcome)
    counts = {outcome.value: outcomes.count(outcome) for outcome in Outcome}
    return [stored[place] for place in range(len(users))], counts


def update_user(principal: Principal, reference: Reference, **changes: object) -> ServerUser:
    """Change a user; returns them. Deactivating a user ends all their sessions.

    Raises NotFound, Forbidden (`scope_missing`) for a user whose role is not USER or a new role without the scope
    `admin`, and Conflict (`username_taken`, `email_taken`, `external_id_taken`, `last_admin`, `job_running`).
    """
    with unit_of_work() as work:
        if {"role", "is_active"} & set(changes):
            take_administrators_turn(work)
        if "role" in changes:
            require_scope(principal, "admin")
        user = _require_user(work, principal, reference, changes)
        changed = change_user(work, principal, user, changes)
        if "is_active" in changed and not changes["is_active"]:
            end_sessions(work, user.id)
        return server_user(work.db, user.id)


def _require_user(work: UnitOfWork, principal: Principal, reference: Reference, changes: Json) -> LockedUser:
    """The user, locked for `changes`, if the principal may change them."""
    user = lock_user(work.db, reference, changes)
    if user is None:
        require_not_erasing(work.db, reference)
        raise NotFound(f"User not found: {reference}.")
    require_admin_scope(principal, user.role)
    return user


def _at(error: ChatError, place: int) -> ChatError:
    """The error, naming the field of the user at this place of a batch."""
    errors = error.errors or {_FIELDS.get(error.code, "externalId"): [error.detail]}
    named = {f"users.{place}.{field}": messages for field, messages in errors.items()}
    return type(error)(error.detail, code=error.code, errors=named)
