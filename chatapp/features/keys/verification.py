"""Verifies API keys, and caches verified ones for a moment, so that not every request queries the database.

A change of a key is applied on every worker before the action returns, and clears the cache entry. While the bus is
disconnected nothing is cached.
"""

import time
from dataclasses import dataclass
from hmac import compare_digest

import structlog

from chatapp.core import api_keys, settings
from chatapp.core.api_keys import ParsedKey
from chatapp.core.application import PerApplication
from chatapp.core.batching import Coalescer
from chatapp.core.errors import ChatError, Unauthenticated
from chatapp.core.identity import Principal
from chatapp.fanout.view import view
from chatapp.features.keys import actions, queries
from chatapp.features.keys.permissions import granted
from chatapp.features.keys.queries import Key
from chatapp.features.keys.schemas import SCOPES

log = structlog.get_logger()

# The bound on how long an entry can be out of date, whatever else fails.
REMEMBERED_SECONDS = 2.0
MAX_CACHED = 1000
NO_HASH = bytes(32)
FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Verified:
    """A key whose secret was verified. The secret is valid until `ends_at`, in seconds since the epoch."""

    key: Key
    ends_at: float


class Keys:
    """Verified keys."""

    def __init__(self) -> None:
        self._view = view()
        self._find: Coalescer[str, Key | None] = Coalescer(queries.find_keys)
        # By id and hash of the secret, so that a wrong secret takes as long as an unknown id: until when an entry counts
        # (time.monotonic()), and the outages of the bus before it was read.
        self._known: dict[ParsedKey, tuple[Verified, float, int]] = {}
        configured = settings.current().server_api_key
        self._configured = api_keys.parse(configured) if configured else None

    def verify(self, token: str, address: str | None = None) -> Principal:
        """The key of a `token` from a client's `address`; raises Unauthenticated."""
        parsed = api_keys.parse(token)
        if parsed is None:
            raise _invalid()
        return principal_of(parsed, self.check(parsed), address)

    def check(self, parsed: ParsedKey) -> Verified:
        """The key with this id and secret; raises Unauthenticated."""
        now = time.monotonic()
        known = self._known.get(parsed)
        if known and known[1] > now and known[2] == self._view.outages:
            verified = known[0]
        else:
            epoch, found = self._view.epoch, self._find(parsed.id)
            verified = self._compare(parsed, found)
            if self._view.connected and epoch == self._view.epoch:
                if len(self._known) >= MAX_CACHED:
                    self._known.clear()
                self._known[parsed] = verified, now + REMEMBERED_SECONDS, self._view.outages
            self._mark_used(verified.key)
        if verified.key.expires_at <= time.time():
            raise Unauthenticated("The API key has expired.", code="key_expired")
        if verified.ends_at <= time.time():
            raise _invalid()
        return verified

    def forget(self, key_id: str) -> None:
        """Clear the entries of a key."""
        for parsed in [parsed for parsed in self._known if parsed.id == key_id]:
            del self._known[parsed]

    def _compare(self, parsed: ParsedKey, found: Key | None) -> Verified:
        """Compare the secret, with the same work whatever is wrong with it."""
        if self._configured and parsed.id == self._configured.id:
            found = _configured_key(self._configured)
        is_current = compare_digest(parsed.hash, found.hash if found else NO_HASH)
        is_previous = compare_digest(parsed.hash, (found and found.previous_hash) or NO_HASH)
        if found is None or not (is_current or is_previous):
            raise _invalid()
        return Verified(found, found.expires_at if is_current else min(found.previous_until, found.expires_at))

    @staticmethod
    def _mark_used(key: Key) -> None:
        if not key.used_this_hour:
            try:
                actions.mark_used(key.id)
            except ChatError as error:
                log.info("key_use_not_recorded", key_id=key.id, code=error.code)


def principal_of(parsed: ParsedKey, verified: Verified, address: str | None) -> Principal:
    """The key as the caller of an endpoint."""
    key = verified.key
    return Principal("key", key.id, key.name, key.scopes, address, parsed.hash, verified.ends_at, key.acts_as)


def _configured_key(parsed: ParsedKey) -> Key:
    """The key of SERVER_API_KEY."""
    return Key(parsed.id, "SERVER_API_KEY", parsed.hash, None, 0.0, granted(SCOPES), None, FOREVER, used_this_hour=True)


def _invalid() -> Unauthenticated:
    return Unauthenticated("The API key is unknown, revoked or wrong.", code="key_invalid")


keys = PerApplication(Keys).get
