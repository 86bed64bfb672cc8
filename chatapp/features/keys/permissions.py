"""What the scopes of API keys allow."""

from collections.abc import Collection, Mapping, Set

from chatapp.core.errors import Forbidden
from chatapp.core.identity import Principal

# What a scope includes. Every key may read the jobs that it created.
_INCLUDED: Mapping[str, Set[str]] = {
    "users": {"users:read"},
    "chats": {"chats:read"},
    "messages": {"messages:read"},
    "tokens": {"tokens:revoke"},
}
_EVERY_KEY = frozenset({"jobs:read"})


def granted(scopes: Collection[str]) -> frozenset[str]:
    """All scopes of a key that was given these."""
    return _EVERY_KEY.union(scopes, *(_INCLUDED.get(scope, ()) for scope in scopes))


def require_no_more(principal: Principal, scopes: Collection[str], *, acts_as: str | None) -> None:
    """Raise Forbidden if `principal` is a key that lacks rights of another key, which it can't manage then.

    A key that acts as a user has the right of `act`, which the managing key needs.
    """
    missing = sorted({*scopes, *({"act"} if acts_as else ())} - principal.scopes)
    if principal.type == "key" and missing:
        raise Forbidden(
            f"The API key lacks the scopes {', '.join(missing)}, which the other key has.",
            code="scope_missing",
            errors={"scope": missing},
        )
