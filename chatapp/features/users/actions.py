"""Actions on profiles."""

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from chatapp.core.errors import Conflict, Json
from chatapp.core.identity import Actor
from chatapp.core.unit_of_work import unit_of_work
from chatapp.features.users import queries
from chatapp.features.users.events import AccountChanged
from chatapp.models import User

TAKEN = {
    "users_email_key": ("email_taken", "This e-mail address belongs to another account."),
    "users_username_key": ("username_taken", "This username belongs to another account."),
}


def taken(error: IntegrityError) -> Conflict:
    """The Conflict for a violated unique index; re-raises other errors."""
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if constraint not in TAKEN:
        raise error
    code, detail = TAKEN[constraint]
    return Conflict(detail, code=code)


def update_me(actor: Actor, **changes: str | None) -> Json:
    """Change the actor's `username` or `avatar`; returns their `Me`. Raises Conflict (`username_taken`)."""
    try:
        with unit_of_work() as work:
            if changes:
                work.db.execute(update(User).where(User.id == actor.user_id).values(**changes))
                work.announce(AccountChanged(actor.user_id))
            return queries.me(work.db, actor.user_id)
    except IntegrityError as error:
        raise taken(error) from None
