"""A search finds the same whichever way PostgreSQL finds its candidates, and whatever times messages and chats have."""

import math
import random
import secrets
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, text

from chatapp.core.clock import now
from chatapp.core.errors import Json
from chatapp.core.ids import first_id_at, new_id
from chatapp.features.search import candidates, queries
from chatapp.features.search.indexer import vector
from chatapp.features.search.queries import search_messages
from chatapp.features.search.words import VERSION
from tests.actions.conftest import actor
from tests.people import Person

pytestmark = pytest.mark.usefixtures("app", "the_present")
_INSERT = text(
    """
    WITH chat AS (
        INSERT INTO chats (id, type, name, member_count, last_seq, last_rev, created_at, updated_at)
        SELECT id, 'GROUP', 'Group', 1, 1, 1, updated_at, updated_at
        FROM unnest(CAST(:chat_ids AS uuid[]), CAST(:times AS timestamptz[])) c (id, updated_at)
    ), member AS (
        INSERT INTO members (chat_id, user_id, role) SELECT unnest(CAST(:chat_ids AS uuid[])), :user_id, 'ADMIN'
    ), indexed AS (
        INSERT INTO chat_search (chat_id, indexed_rev, version) SELECT unnest(CAST(:chat_ids AS uuid[])), 1, :version
    ), message AS (
        INSERT INTO messages (id, chat_id, sender_id, seq, rev, content, type, created_at)
        SELECT id, chat_id, :user_id, 1, 1, content, 'TEXT', created_at
        FROM unnest(CAST(:ids AS uuid[]), CAST(:chat_ids AS uuid[]), CAST(:contents AS text[]), CAST(:times AS timestamptz[]))
             m (id, chat_id, content, created_at)
    )
    INSERT INTO message_words (chat_id, message_id, sender_id, words)
    SELECT chat_id, id, :user_id, CAST(words AS tsvector)
    FROM unnest(CAST(:chat_ids AS uuid[]), CAST(:ids AS uuid[]), CAST(:words AS text[])) w (chat_id, id, words)
    """
)


@pytest.fixture
def the_present(engine: Engine) -> Iterator[None]:
    """Leaves no chats that were active in the future to other tests."""
    yield
    with engine.begin() as db:
        db.execute(text("UPDATE chats SET updated_at = now() - interval '1 day' WHERE updated_at > now()"))


def insert(
    engine: Engine, person: Person, contents: Sequence[str], times: Sequence[datetime], ids: Sequence[str]
) -> list[str]:
    """Insert messages with these texts, times and ids, each in a group of its own; returns the ids of the groups."""
    chat_ids = [new_id() for _ in contents]
    values: Json = {"user_id": person.id, "chat_ids": chat_ids, "ids": ids, "contents": contents, "times": times}
    values |= {"words": [vector(content) for content in contents], "version": VERSION}
    with engine.begin() as db:
        db.execute(_INSERT, values)
    return chat_ids


def id_at(moment: datetime) -> str:
    """A new id of this moment."""
    return f"{first_id_at(moment)[:-12]}{secrets.token_hex(6)}"


def ago(**time: float) -> datetime:
    """A moment in the past, in milliseconds as the database has them."""
    moment = now() - timedelta(**time)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def find(person: Person, q: str, limit: int = 50, **filters: Any) -> list[str]:
    """The ids of all messages that are found, page by page."""
    ids: list[str] = []
    cursor: str | None = None
    for _ in range(100):
        page = search_messages(actor(person), q=q, sort="new", limit=limit, cursor=cursor, **filters)
        ids += [hit["message"]["id"] for hit in orjson.loads(orjson.dumps(page.items))]
        cursor = page.next_cursor
        if cursor is None:
            return ids
    raise AssertionError("The search does not end.")


@pytest.fixture(params=["estimated", "looked up", "walked", "looked up too slowly"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> str:
    """How candidates are found; pages may take longer than in production, since the machine may be busy."""
    monkeypatch.setattr(queries, "SEARCH_SECONDS", 5.0)
    if request.param.startswith("looked up"):
        # There may be no statistics yet.
        monkeypatch.setattr(candidates, "COST_OF_LOOKUP", -math.inf)
    if request.param == "looked up too slowly":
        slow = f"{candidates.BOUNDED} SELECT CAST(pg_sleep(10) AS text)"
        monkeypatch.setattr(candidates, "_LOOK_UP", text(slow))
    if request.param == "walked":
        monkeypatch.setattr(candidates, "COST_OF_LOOKUP", math.inf)
    return str(request.param)


def test_messages_of_years_are_found_newest_first(way: str, engine: Engine, alice: Person, bob: Person) -> None:
    rng = random.Random(way)
    # Most of them in the last days.
    times = sorted((ago(days=rng.random() ** 4 * 3000) for _ in range(300)), reverse=True)
    ids = sorted(map(id_at, times), reverse=True)
    contents = [rng.choice(["red", "red car", "blue"]) for _ in ids]
    chat_ids = insert(engine, alice, contents, times, ids)
    insert(engine, bob, contents[:50], times[:50], [new_id() for _ in range(50)])
    red = [id for id, content in zip(ids, contents, strict=True) if "red" in content]
    red_cars = [id for id, content in zip(ids, contents, strict=True) if content == "red car"]
    assert find(alice, "red") == red
    assert find(alice, "red", limit=7) == red
    assert find(alice, '"red car"') == red_cars
    assert find(alice, "red", from_id=alice.id) == red
    assert find(alice, "red", from_id=bob.id) == []
    assert find(alice, "red", chat_id=chat_ids[ids.index(red[-1])]) == red[-1:]
    after, before = times[ids.index(red[-10])], times[ids.index(red[10])]
    assert find(alice, "red", after=after, before=before) == red[11:-10]
    assert find(alice, "red", after=before, before=after) == []
    assert find(alice, "green") == []


def test_a_page_that_is_exactly_full_is_the_last(way: str, engine: Engine, alice: Person) -> None:
    insert(engine, alice, ["red"] * 5, [now()] * 5, [new_id() for _ in range(5)])
    page = search_messages(actor(alice), q="red", sort="new", limit=5)
    assert (len(page.items), page.next_cursor) == (5, None)


@pytest.mark.parametrize("minutes", [-4, 4])
def test_clocks_of_workers_may_differ_by_minutes(way: str, engine: Engine, alice: Person, minutes: int) -> None:
    times = [ago(hours=number) for number in range(100)]
    ids = [id_at(moment + timedelta(minutes=minutes)) for moment in times]
    insert(engine, alice, ["red"] * len(ids), times, ids)
    assert find(alice, "red") == ids
    assert find(alice, "red", after=times[10], before=times[5]) == ids[6:10]


def test_chats_may_have_been_active_in_the_future(way: str, engine: Engine, alice: Person) -> None:
    """As after the clock of the database was wrong: only the order follows the ids."""
    moments = [ago(days=number) for number in range(60)]
    ids = [id_at(moment) for moment in moments]
    times = [moment + timedelta(days=20_000) if number % 2 else moment for number, moment in enumerate(moments)]
    insert(engine, alice, ["red"] * 60, times, ids)
    assert find(alice, "red") == ids


def test_ids_without_a_time_do_not_disturb_others(way: str, engine: Engine, alice: Person) -> None:
    ids = [str(uuid.uuid4()) for _ in range(60)]
    insert(engine, alice, ["red"] * len(ids), [ago()] * len(ids), ids)
    times = [ago(days=number) for number in range(60)]
    others = sorted(map(id_at, times), reverse=True)
    insert(engine, alice, ["red"] * len(others), times, others)
    found = find(alice, "red", limit=9)
    assert found == sorted(set(found), reverse=True)
    assert set(others) <= set(found) <= {*ids, *others}


def test_user_in_a_thousand_chats(way: str, engine: Engine, alice: Person) -> None:
    times = [ago(minutes=number) for number in range(1000)]
    ids = sorted(map(id_at, times), reverse=True)
    contents = ["red"] * len(ids)
    contents[800] = "rare red"
    insert(engine, alice, contents, times, ids)
    assert find(alice, "rare") == [ids[800]]
    page = search_messages(actor(alice), q="red", sort="new", limit=20)
    found = [hit["message"]["id"] for hit in orjson.loads(orjson.dumps(page.items))]
    assert found == ids[: len(found)]
    assert page.next_cursor
