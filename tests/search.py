"""The index of the search, which follows the messages, and pages of results."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Engine, text

from chatapp.launcher.process import wait_for
from tests.people import Person, data

_BEHIND = text(
    """
    SELECT EXISTS (
        SELECT FROM unnest(CAST(:ids AS uuid[])) c (id) LEFT JOIN chat_search s ON s.chat_id = c.id
        WHERE EXISTS (SELECT FROM messages m WHERE m.chat_id = c.id AND m.rev > coalesce(s.indexed_rev, 0))
    )
    """
)


def wait_until_indexed(engine: Engine, chat_ids: Iterable[str]) -> None:
    """Wait until all changes of messages of these chats are indexed."""
    ids = list(chat_ids)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        assert wait_for(lambda: not db.execute(_BEHIND, {"ids": ids}).scalar_one(), 20)


def pages(person: Person, path: str, q: str, limit: int) -> Iterator[list[str]]:
    """The ids of each page of a search."""
    query: dict[str, Any] = {"q": q, "limit": limit}
    while True:
        response = person.get(path, **query)
        yield [found["id"] for found in data(response)]
        meta = response.json()["meta"]
        assert meta["hasMore"] is (meta["nextCursor"] is not None)
        if not meta["hasMore"]:
            return
        query["cursor"] = meta["nextCursor"]
