"""Searches the caller's chats by their names: all names are read and compared here, so that every script has its case."""

from heapq import nlargest
from typing import NamedTuple

from orjson import Fragment
from sqlalchemy import text

from chatapp.core.db import reading
from chatapp.core.identity import Actor
from chatapp.core.names import begins_word, fold
from chatapp.core.pagination import Listing, Page
from chatapp.features.chats.queries import chats_seen

# A shorter query matches only where a name or a word begins.
MIN_INSIDE = 3
# In descending order: the beginning of the name, of a word, anywhere.
_NAME, _WORD, _INSIDE = 2, 1, 0
_NAMES = text(
    """
    SELECT c.id::text, (extract(epoch FROM c.updated_at) * 1000)::bigint, c.name, u.username, u.display_name
    FROM members me JOIN chats c ON c.id = me.chat_id
         LEFT JOIN members o ON c.type = 'DIRECT' AND o.chat_id = c.id AND o.user_id <> me.user_id
         LEFT JOIN users u ON u.id = o.user_id
    WHERE me.user_id = :user_id
    """
)


class _Match(NamedTuple):
    """A chat that was found; results are in descending order of these."""

    rank: int
    updated_at: int
    id: str


def search_chats(actor: Actor, q: str, limit: int, cursor: str | None = None) -> Page:
    """The actor's chats whose name, or whose peer's username or display name, contains `q`; raises Malformed
    (`cursor_invalid`)."""
    listing = Listing("chat search", actor.user_id, q)
    position = listing.start(cursor)
    folded = fold(q)
    with reading() as db:
        rows = db.execute(_NAMES, {"user_id": actor.user_id}).all()
        matches: list[_Match] = []
        for id, updated_at, *names in rows:
            ranks = [rank for name in names if name and (rank := _rank(name, folded)) is not None]
            if ranks:
                matches.append(_Match(max(ranks), updated_at, id))
        after = _Match(*position) if position else None
        shown = nlargest(limit + 1, (match for match in matches if after is None or match < after))
        chats = chats_seen(db, actor, [match.id for match in shown[:limit]])
    # Without those that the actor left meanwhile.
    items = [Fragment(chats[match.id]) for match in shown[:limit] if match.id in chats]
    return Page(items, listing.cursor(shown[limit - 1]) if len(shown) > limit else None)


def _rank(name: str, folded: str) -> int | None:
    """Where a name has a folded text; None if it does not match."""
    folded_name = fold(name)
    at = folded_name.find(folded)
    if at <= 0:
        return _NAME if at == 0 else None
    while at > 0:
        if begins_word(folded_name, at):
            return _WORD
        at = folded_name.find(folded, at + 1)
    return _INSIDE if len(folded) >= MIN_INSIDE else None
