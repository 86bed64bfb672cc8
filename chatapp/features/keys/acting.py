"""Keys that act as users: who may be acted as, and whether a key still may."""

from collections.abc import Callable, Sequence

from chatapp.core.api_keys import ParsedKey
from chatapp.core.batching import Coalescer
from chatapp.core.errors import ChatError, Conflict, Forbidden, NotFound, Unauthenticated, Unavailable
from chatapp.core.identity import Actor, Principal
from chatapp.core.permissions import require_admin_scope, require_scope
from chatapp.core.references import Reference
from chatapp.features.keys import queries
from chatapp.features.keys.queries import ActingUser
from chatapp.features.keys.verification import keys, principal_of

FindUser = Callable[[Reference], ActingUser | None]


def new_find_user() -> FindUser:
    """A function that finds one user; concurrent calls share one query."""
    return Coalescer(queries.find_users)


def acting(principal: Principal, reference: Reference | None, find_user: FindUser) -> Actor:
    """The actor of a key: the user of its choice (`reference`), or the one as whom it always acts.

    Raises Forbidden, NotFound and Conflict; Unauthenticated if the latter is not active.
    """
    if principal.acts_as:
        if reference:
            raise Forbidden("This API key always acts as the same user.", code="act_as_forbidden")
        reference = Reference(id=principal.acts_as)
    elif reference is None:
        raise Forbidden("This operation is for users: name one in Act-As.", code="act_as_forbidden")
    else:
        require_scope(principal, "act")
    return _as_user(principal, find_user(reference))


def actors_now(actors: Sequence[Actor]) -> list[Actor | None]:
    """These actors of keys as they are now, None where the key may not act as the user any more; raises Unavailable."""
    references = [Reference(id=actor.user_id) for actor in actors]
    return [_now(actor, user) for actor, user in zip(actors, queries.find_users(references), strict=True)]


def _now(actor: Actor, user: ActingUser | None) -> Actor | None:
    assert actor.acting
    assert actor.acting.id
    parsed = ParsedKey(actor.acting.id, actor.acting.secret_hash)
    try:
        principal = principal_of(parsed, keys().check(parsed), actor.acting.address)
        if not principal.acts_as:
            require_scope(principal, "act")
        return _as_user(principal, user)
    except Unavailable:
        raise
    except ChatError:
        return None


def _as_user(principal: Principal, user: ActingUser | None) -> Actor:
    """The actor of a key as `user`, if the user can be acted as."""
    is_fixed = principal.acts_as is not None
    if user is None or not user.is_active:
        if is_fixed:
            raise Unauthenticated("The user of this API key is not active.", code="key_invalid")
        if user is None:
            raise NotFound("The user of Act-As does not exist.")
    require_admin_scope(principal, user.role)
    if not user.is_active:
        raise Conflict("The user of Act-As is deactivated.", code="user_inactive")
    return Actor(user.id, "", user.username, user.avatar, user.role, acting=principal)
