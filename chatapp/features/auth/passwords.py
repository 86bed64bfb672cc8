"""Password hashing with Argon2id (RFC 9106) and the parameters that OWASP recommends; always off the event loop."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chatapp.core import settings
from chatapp.core.offload import LowPriorityThread

_thread = LowPriorityThread()


def hash_password(password: str) -> str:
    """The hash to store for `password`; raises Unavailable if too many calls are waiting."""
    return _thread.run(_hasher(settings.current().hashes_cheaply).hash, password)


def verify_password(password: str, stored: str | None) -> bool:
    """True if `password` matches the hash `stored`. Without a hash the check takes as long and is False, so that an
    unknown account looks like a wrong password."""
    return _thread.run(_verify, _hasher(settings.current().hashes_cheaply), password, stored)


@cache
def _hasher(cheap: bool) -> PasswordHasher:
    if cheap:
        return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@cache
def _dummy_hash(hasher: PasswordHasher) -> str:
    return hasher.hash("no account has this password")


def _verify(hasher: PasswordHasher, password: str, stored: str | None) -> bool:
    try:
        return hasher.verify(stored or _dummy_hash(hasher), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
