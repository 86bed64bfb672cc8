"""Searches messages: candidates of the index are read with the reader's rights, and checked against the query."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import gevent
from orjson import Fragment
from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import DBAPIError

from chatapp.core import limits, metrics, settings
from chatapp.core.application import PerApplication
from chatapp.core.clock import now
from chatapp.core.db import LOCKED, writing
from chatapp.core.errors import Forbidden, Json, RateLimited, Unavailable
from chatapp.core.identity import Actor
from chatapp.core.ids import first_id_at
from chatapp.core.limits import Limit
from chatapp.core.objects import build_object
from chatapp.core.pagination import Listing, Page
from chatapp.core.turns import Turns
from chatapp.features.chats.queries import require_member
from chatapp.features.search.candidates import (
    BOUNDED,
    CLOCKS_DIFFER,
    EPOCH,
    FIRST_ID,
    LAST_ID,
    Scope,
    bounded,
    slices,
    unbound,
)
from chatapp.features.search.indexer import HAS_FILE, HAS_IMAGE, HAS_LINK, LINK, MENTIONS_ALL
from chatapp.features.search.schemas import BEST, ChatName
from chatapp.features.search.terms import Found, Terms
from chatapp.representations.message import IS_FOUND_MESSAGE, MESSAGE_JOINS, MESSAGE_TEXT

# A page is searched for so many seconds; reading its messages is the rest of 200 ms.
SEARCH_SECONDS = 0.14
# Texts are compared for so many seconds before the event loop continues.
TURN_SECONDS = 0.005
# Matches that `sort=best` compares.
MAX_RANKED = 1000
# One search at a time for a user, on all workers, and a few for a worker; others wait for a second.
MAX_AT_ONCE = 4
MAX_WAIT = 1.0
_of_user = PerApplication(lambda: Turns(1, MAX_WAIT, lambda: RateLimited(1, 1, "Another search is running.")))
_of_worker = PerApplication(
    lambda: Turns(MAX_AT_ONCE, MAX_WAIT, lambda: Unavailable("The server is busy.", code="busy", retry_after=1))
)

_LOCK_WAIT = text("SELECT set_config('lock_timeout', :timeout, true)")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('search ' || :user_id, 0))")
_UNLOCK_WAIT = text("SET LOCAL lock_timeout = 0")
# The messages with these ids that the reader finds now.
_FOUND = f"""
    FROM unnest(CAST(:ids AS uuid[])) named (id) JOIN messages m ON m.id = named.id
         JOIN members me ON me.chat_id = m.chat_id AND me.user_id = :user_id
         JOIN chats c ON c.id = m.chat_id AND NOT c.is_deleted {MESSAGE_JOINS}
    WHERE m.deleted_at IS NULL AND m.type <> 'SYSTEM' AND {IS_FOUND_MESSAGE}
    ORDER BY m.id DESC
"""
_COMPARED = """m.id::text, coalesce(m.content, '') AS content, f.file_name, m.type, m.created_at,
    coalesce(m.mentions_all, false) OR CAST(:user_id AS uuid) = ANY(coalesce(m.mention_ids, '{}')) AS is_mentioned"""
_COMPARED_COLUMNS = 6
_TEXTS = text(f"{BOUNDED} SELECT {_COMPARED} {_FOUND}")
_HITS = text(f"SELECT {_COMPARED}, {MESSAGE_TEXT} AS message, {build_object(ChatName)} AS chat {_FOUND}")


class _Match(NamedTuple):
    id: str
    # What was compared.
    compared: Sequence[Any]
    found: Found


class _Filter:
    """The conditions on a message besides its words."""

    def __init__(self, user_id: str, has: str | None, before: datetime | None, after: datetime | None) -> None:
        self._has, self._before, self._after = has, before, after
        marks = {
            "file": f" & '{HAS_FILE}'",
            "image": f" & '{HAS_IMAGE}'",
            "link": f" & '{HAS_LINK}'",
            "mention": f" & ('{MENTIONS_ALL}' | ' @{user_id}')",
        }
        # For the index; the exact conditions are those of `accepts`.
        self.condition = marks[has] if has else ""
        self.first_id = first_id_at(after - CLOCKS_DIFFER) if after and after > EPOCH else FIRST_ID
        self.last_id = first_id_at(before + CLOCKS_DIFFER) if before and before < now() else LAST_ID

    def accepts(self, message: Row[Any]) -> bool:
        """True if a message fulfils them."""
        if (self._before and message.created_at >= self._before) or (self._after and message.created_at <= self._after):
            return False
        if self._has == "link":
            return LINK.search(message.content) is not None
        if self._has == "mention":
            return bool(message.is_mentioned)
        return self._has is None or bool(message.type == self._has.upper())


def search_messages(
    actor: Actor,
    *,
    q: str,
    sort: str,
    limit: int,
    chat_id: str | None = None,
    from_id: str | None = None,
    has: str | None = None,
    before: datetime | None = None,
    after: datetime | None = None,
    cursor: str | None = None,
) -> Page:
    """A page of the messages in the actor's chats that match `q`.

    Raises Forbidden (`search_off`), Invalid, Malformed (`cursor_invalid`), NotFound for a chat that is not the actor's,
    RateLimited, Unavailable (`busy`).
    """
    if not settings.current().has_search:
        raise Forbidden("The search is turned off.", code="search_off")
    terms = Terms.parse(q)
    listing = Listing("search", actor.user_id, q, chat_id, from_id, has, before, after, sort)
    (position,) = listing.start(cursor) or (LAST_ID,)
    limits.hit(Limit(settings.current().rate_search, "search", actor.user_id, exact=True))
    if chat_id:
        require_member(actor, chat_id)
    conditions = _Filter(actor.user_id, has, before, after)
    scope = Scope(
        actor.user_id,
        f"{terms.condition}{conditions.condition}",
        chat_id,
        from_id,
        conditions.first_id,
        min(position, conditions.last_id),
    )
    search = _Search(terms, conditions, scope)
    wanted = MAX_RANKED if sort == BEST else limit + 1
    waiting = time.monotonic()
    with _of_user.get().turn(actor.user_id), _of_worker.get().turn(""), writing() as db:
        _lock(db, actor.user_id, MAX_WAIT - (time.monotonic() - waiting))
        began = time.monotonic()
        matches, reached = search.matches(db, wanted, began + SEARCH_SECONDS)
        unbound(db)
        is_partial = reached != FIRST_ID and len(matches) < wanted
        if sort == BEST:
            matches.sort(key=lambda match: (match.found.is_prefix, match.found.distance))
        hits = search.hits(db, matches[:limit])
    metrics.search_seconds.observe(time.monotonic() - began)
    metrics.search_partial.inc(by=is_partial)
    if sort == BEST:
        return Page(hits, None, is_partial=is_partial)
    end = matches[limit - 1].id if len(matches) > limit else reached if is_partial else None
    return Page(hits, listing.cursor([end]) if end else None, is_partial=is_partial)


def _lock(db: Connection, user_id: str, seconds: float) -> None:
    """Wait for the end of a search of the user on another worker; raises RateLimited."""
    try:
        db.execute(_LOCK_WAIT, {"timeout": f"{max(1, int(seconds * 1000))}ms"})
        db.execute(_LOCK, {"user_id": user_id})
        db.execute(_UNLOCK_WAIT)
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) == LOCKED:
            raise RateLimited(1, 1, "Another search is running.") from None
        raise


class _Search:
    """A search, in a transaction."""

    def __init__(self, terms: Terms, conditions: _Filter, scope: Scope) -> None:
        self._terms, self._conditions, self._scope = terms, conditions, scope

    def matches(self, db: Connection, wanted: int, deadline: float) -> tuple[list[_Match], str]:
        """The first `wanted` matches, newest first, and the id down to which all messages were examined."""
        matches: list[_Match] = []
        reached = self._scope.before
        for part in slices(db, self._scope, wanted, deadline):
            rows = self._read(db, part.ids, deadline)
            if rows is None:
                break
            for row in _until(deadline, rows):
                if found := self._found(row):
                    matches.append(_Match(row.id, row[:_COMPARED_COLUMNS], found))
                reached = row.id
                if len(matches) == wanted:
                    return matches, reached
            if rows and reached != rows[-1].id:
                break
            reached = part.position
        return matches, reached

    def hits(self, db: Connection, matches: Sequence[_Match]) -> list[Json]:
        """The messages as results, in this order, without those that changed meanwhile so that they do not match."""
        if not matches:
            return []
        values = {"ids": [match.id for match in matches], "user_id": self._scope.user_id}
        rows = {row.id: row for row in db.execute(_HITS, values)}
        hits: list[Json] = []
        for match in matches:
            row = rows.get(match.id)
            # To compare a text again costs more than to read it again.
            if row and (found := match.found if row[:_COMPARED_COLUMNS] == match.compared else self._found(row)):
                highlights = (
                    {"highlights": [[start, end - start] for start, end in found.ranges]} if found.ranges else {}
                )
                hits.append({"message": Fragment(row.message), "chat": row.chat} | highlights)
        return hits

    def _read(self, db: Connection, ids: Sequence[str], deadline: float) -> Sequence[Row[Any]] | None:
        """What is compared of those candidates that the user may find, newest first; None if the time is over."""
        values = {"ids": list(ids), "user_id": self._scope.user_id}
        return bounded(db, _TEXTS, values, deadline) if ids else []

    def _found(self, message: Row[Any]) -> Found | None:
        """How a message matches; None if it does not."""
        if not self._conditions.accepts(message):
            return None
        return self._terms.match(message.content, message.file_name)


def _until(deadline: float, rows: Sequence[Row[Any]]) -> Iterator[Row[Any]]:
    """The rows up to `deadline` (time.monotonic()), at least one; other requests get turns in between."""
    since = time.monotonic()
    for row in rows:
        yield row
        if time.monotonic() >= deadline:
            return
        if time.monotonic() > since + TURN_SECONDS:
            gevent.sleep(0)
            since = time.monotonic()
