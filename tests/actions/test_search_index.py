"""The index of the search follows every change of a message, whichever worker commits it and whichever fails."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from typing import Any

import orjson
import pytest
from flask import Flask
from sqlalchemy import Engine, text

from chatapp.core import settings
from chatapp.core.errors import Unavailable
from chatapp.core.ids import new_id
from chatapp.features.chats import actions as chats
from chatapp.features.erasure.actions import delete_messages
from chatapp.features.messages import actions as messages
from chatapp.features.pins.actions import pin_message
from chatapp.features.reactions.actions import react
from chatapp.features.search import indexer, jobs
from chatapp.features.search.indexer import Indexer, index_changes
from chatapp.features.search.queries import search_messages
from chatapp.features.search.words import index_words
from tests.actions.conftest import actor
from tests.people import Person
from tests.server import Server
from tests.waiting import eventually

BLOCKED = text(
    """
    SELECT count(*) FROM pg_stat_activity
    WHERE cardinality(pg_blocking_pids(pid)) > 0 AND query LIKE '%FROM chat_search%FOR UPDATE%'
    """
)
TAKE = text(
    """
    UPDATE jobs SET status = 'running', lease_until = now() + interval '1 hour'
    WHERE type = 'index_messages' AND status = 'queued'
    """
)
RETURN = text("UPDATE jobs SET status = 'queued', lease_until = NULL WHERE type = 'index_messages'")
LOCK = text("SELECT FROM chat_search WHERE chat_id = :chat_id FOR NO KEY UPDATE")


@pytest.fixture(autouse=True, scope="module")
def alone(server: Server, engine: Engine) -> Iterator[None]:
    """While it lasts, the job of the shared server does not index what these tests leave to be indexed."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        eventually(lambda: db.execute(TAKE).rowcount == 1, 30)
        yield
        db.execute(RETURN)


@pytest.fixture
def changes(app: Flask) -> Iterator[Indexer]:
    """The changes that this process, as a worker, has committed and not indexed, at first none."""
    indexer.indexer.set(Indexer())
    yield indexer.indexer.get()
    indexer.indexer.set(Indexer())


@pytest.fixture
def chat(changes: Indexer, alice: Person, bob: Person) -> str:
    """A direct chat of alice and bob."""
    return alice.direct_chat(bob)


def send(person: Person, chat_id: str, content: str) -> str:
    """Send a message as this worker; returns its id."""
    return str(messages.send_message(actor(person), chat_id=chat_id, content=content).get(timeout=10)["id"])


def find(person: Person, q: str, **filters: Any) -> list[str]:
    """The ids of the messages that a user finds, newest first: on a busy machine by several partial pages."""
    found: list[str] = []
    cursor, is_partial = None, True
    while is_partial:
        page = search_messages(actor(person), q=q, sort="new", limit=50, cursor=cursor, **filters)
        found += [hit["message"]["id"] for hit in orjson.loads(orjson.dumps(page.items))]
        cursor, is_partial = page.next_cursor, page.is_partial
    return found


def words(engine: Engine, chat_id: str) -> dict[str, str]:
    """What the index has of the messages of a chat, by id."""
    with engine.connect() as db:
        rows = db.execute(
            text("SELECT message_id::text, words::text FROM message_words WHERE chat_id = :id"), {"id": chat_id}
        )
        return dict(map(tuple, rows))


def store(engine: Engine, chat_id: str, sender: Person, count: int, content: str) -> None:
    """Store messages that no worker notes, as one that was killed after its commit."""
    with engine.begin() as db:
        db.execute(
            text(
                """
                WITH chat AS (
                    UPDATE chats SET last_seq = last_seq + :count, last_rev = last_rev + :count WHERE id = :chat_id
                    RETURNING id, last_seq - :count AS seq, last_rev - :count AS rev
                )
                INSERT INTO messages (id, chat_id, sender_id, type, content, seq, rev, created_at)
                SELECT CAST(n.id AS uuid), c.id, :sender_id, 'TEXT', :content || ' ' || n.place, c.seq + n.place,
                       c.rev + n.place, now()
                FROM chat c, unnest(CAST(:ids AS text[])) WITH ORDINALITY n (id, place)
                """
            ),
            {
                "chat_id": chat_id,
                "sender_id": sender.id,
                "count": count,
                "content": content,
                "ids": [new_id() for _ in range(count)],
            },
        )


def make_groups(engine: Engine, member: Person, count: int) -> list[str]:
    """New groups with one member, without the time that requests take."""
    chats = "INSERT INTO chats (id, type, name, member_count) SELECT CAST(n AS uuid), 'GROUP', 'x', 1"
    members = "INSERT INTO members (chat_id, user_id, role) SELECT CAST(n AS uuid), :user_id, 'ADMIN'"
    ids = [new_id() for _ in range(count)]
    with engine.begin() as db:
        for statement in (chats, members):
            db.execute(text(f"{statement} FROM unnest(CAST(:ids AS text[])) n"), {"ids": ids, "user_id": member.id})
    return ids


def catch_up() -> int:
    """Do what the job does, without rests; returns the number of changes that it indexed."""
    indexed: list[int] = []
    jobs.catch_up(indexed.append, rest=0)
    return sum(indexed)


def test_an_edit_replaces_the_words_and_a_deletion_removes_them(engine: Engine, alice: Person, chat: str) -> None:
    id = send(alice, chat, "Bonjour tout le monde")
    index_changes()
    assert words(engine, chat) == {id: "'bonjour' 'le' 'monde' 'tout'"}
    messages.edit_message(actor(alice), id, content="Adieu")
    index_changes()
    assert words(engine, chat) == {id: "'adieu'"}
    messages.delete_message(actor(alice), id)
    index_changes()
    assert words(engine, chat) == {}


def test_an_edit_to_a_text_without_words_removes_the_words(engine: Engine, alice: Person, chat: str) -> None:
    id = send(alice, chat, "hello")
    index_changes()
    messages.edit_message(actor(alice), id, content="👋")
    index_changes()
    assert words(engine, chat) == {}


def test_reactions_and_pins_write_nothing_about_the_words(
    changes: Indexer, engine: Engine, alice: Person, bob: Person
) -> None:
    chat = alice.group(bob)
    id = send(alice, chat, "hello")
    index_changes()

    def version() -> Any:
        with engine.connect() as db:
            row = text("SELECT xmin, xmax, ctid FROM message_words WHERE chat_id = :id")
            return tuple(db.execute(row, {"id": chat}).one())

    before = version()
    react(actor(bob), message_id=id, emoji="👍", on=True).get(timeout=10)
    pin_message(actor(alice), id)
    index_changes()
    assert version() == before
    assert changes.lag() == 0
    assert indexer.index({chat: 0}).changes == 0


def test_erased_messages_leave_the_index(engine: Engine, alice: Person, bob: Person, chat: str) -> None:
    send(alice, chat, "of alice")
    kept = send(bob, chat, "of bob")
    index_changes()
    delete_messages(alice.id, None)
    index_changes()
    assert list(words(engine, chat)) == [kept]


def test_a_burst_over_many_chats_is_indexed_by_one_run(changes: Indexer, engine: Engine, alice: Person) -> None:
    small = make_groups(engine, alice, indexer.MAX_CHATS + 5)
    large = small[:3]
    for chat in large:
        store(engine, chat, alice, indexer.MAX_MESSAGES // 2, "burst")
    ids = {send(alice, chat, "burst") for chat in small}
    index_changes()
    found = {chat: words(engine, chat) for chat in small}
    assert ids <= {id for each in found.values() for id in each}
    assert [len(found[chat]) for chat in small] == [indexer.MAX_MESSAGES // 2 + 1] * 3 + [1] * (len(small) - 3)
    assert changes.lag() == 0


def test_more_messages_than_a_transaction_takes_are_indexed_by_one_run(
    changes: Indexer, engine: Engine, alice: Person, chat: str
) -> None:
    first = send(alice, chat, "first")
    store(engine, chat, alice, 3 * indexer.MAX_MESSAGES, "later")
    index_changes()
    assert first in words(engine, chat)
    assert len(words(engine, chat)) == 3 * indexer.MAX_MESSAGES + 1
    assert indexer.index({chat: 0}).changes == 0


def test_new_messages_do_not_wait_until_an_old_chat_is_indexed(engine: Engine, alice: Person, chat: str) -> None:
    store(engine, chat, alice, 3 * indexer.MAX_MESSAGES, "old")
    new = [send(alice, chat, "new") for _ in range(2)]
    index_changes()
    assert find(alice, "new") == new[::-1]
    assert sorted(words(engine, chat)) == sorted(new)
    catch_up()
    assert len(words(engine, chat)) == 3 * indexer.MAX_MESSAGES + 2
    assert indexer.index({chat: 0}).changes == 0


def test_what_a_killed_worker_committed_is_indexed_by_the_job(
    changes: Indexer, engine: Engine, alice: Person, bob: Person
) -> None:
    before = jobs.behind()
    chats = [alice.group(bob) for _ in range(3)]
    for chat in chats:
        store(engine, chat, alice, 250, "lost")
    behind = jobs.behind()
    assert behind.chats - before.chats >= 3
    assert behind.changes - before.changes >= 750
    assert catch_up() >= 750
    assert [len(words(engine, chat)) for chat in chats] == [250] * 3
    assert find(alice, "lost 250", chat_id=chats[0])


def test_a_chat_that_another_worker_indexes_is_indexed_afterwards_and_delays_no_other(
    changes: Indexer, engine: Engine, alice: Person, bob: Person
) -> None:
    chat, other = alice.group(bob), alice.group(bob)
    for each in (chat, other):
        send(alice, each, "before")
    index_changes()
    with engine.begin() as holder:
        holder.execute(LOCK, {"chat_id": chat})
        held, free = send(alice, chat, "after"), send(alice, other, "after")
        index_changes()
        assert find(alice, "after") == [free]
        assert changes.lag() > 0
    index_changes()
    assert set(find(alice, "after")) == {held, free}
    assert changes.lag() == 0


def test_workers_that_index_the_same_new_chats_do_not_block_each_other(
    changes: Indexer, engine: Engine, alice: Person, bob: Person
) -> None:
    chats = [alice.group(bob) for _ in range(20)]
    for chat in chats:
        store(engine, chat, alice, 30, "word")

    def work(chats: list[str]) -> None:
        left = dict.fromkeys(chats, 0)
        while left:
            indexed = indexer.index(left)
            assert not indexed.failed
            left = indexed.more | dict.fromkeys(indexed.skipped, 0)

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work, order) for order in (chats, chats[::-1], chats, chats[::-1])]:
            done.result(timeout=60)
    assert [len(words(engine, chat)) for chat in chats] == [30] * 20


def test_noted_changes_survive_an_outage_of_the_database(
    changes: Indexer, alice: Person, chat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = send(alice, chat, "hello")
    index = indexer.index

    def lose_connection(noted: dict[str, int]) -> Any:
        index(noted)
        raise Unavailable("The database does not respond.")

    with monkeypatch.context() as patch:
        patch.setattr(indexer, "index", lose_connection)
        with pytest.raises(Unavailable):
            index_changes()
    assert changes.lag() > 0
    index_changes()
    assert find(alice, "hello") == [id]
    assert changes.lag() == 0


def test_a_message_that_cannot_be_indexed_does_not_keep_others_from_it(
    changes: Indexer, engine: Engine, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    chats = [alice.group(bob) for _ in range(7)]
    vector = indexer.vector

    def fail(content: str, *rest: Any) -> str:
        if content == "bad":
            raise ValueError(content)
        return vector(content, *rest)

    logging.getLogger("chatapp.features.search.indexer").setLevel(logging.CRITICAL)
    with monkeypatch.context() as patch:
        patch.setattr(indexer, "vector", fail)
        bad, *good = [send(alice, chat, content) for chat, content in zip(chats, ["bad", *["good"] * 6], strict=True)]
        index_changes()
        assert set(find(alice, "good")) == set(good)
        late = alice.group(bob)
        store(engine, late, alice, 1, "late")
        with pytest.raises(jobs.NotIndexed):
            catch_up()
        assert len(words(engine, late)) == 1
    catch_up()
    assert find(alice, "bad") == [bad]


@pytest.mark.parametrize("is_large", [False, True])
def test_words_of_a_deleted_group_are_deleted(
    changes: Indexer, engine: Engine, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    monkeypatch.setattr(jobs, "WORDS_AT_ONCE", 2)
    chat = alice.group(bob)
    for _ in range(5):
        send(alice, chat, "hello")
    index_changes()
    if is_large:
        # Its messages are deleted later.
        monkeypatch.setattr("chatapp.features.chats.actions.MAX_DELETED_AT_ONCE", 2)
        monkeypatch.setattr("chatapp.features.chats.changes.MAX_DELETED_AT_ONCE", 2)
    chats.delete_chat(actor(alice), chat)
    deleted: list[int] = []
    jobs.delete_remains(deleted.append, rest=0)
    assert sum(deleted) >= 5
    assert words(engine, chat) == {}
    assert indexer.index({chat: 0}) == indexer.Indexed()
    with engine.connect() as db:
        assert not db.execute(text("SELECT FROM chat_search WHERE chat_id = :id"), {"id": chat}).first()


def test_no_words_are_left_of_a_group_that_is_deleted_while_a_worker_indexes_it(
    changes: Indexer, engine: Engine, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = alice.group(bob)
    indexer.index({chat: 0})
    store(engine, chat, alice, 1, "hello")
    reading, deleted = Event(), Event()
    vector = indexer.vector

    def wait(*message: Any) -> str:
        reading.set()
        assert deleted.wait(20)
        return vector(*message)

    monkeypatch.setattr(indexer, "vector", wait)
    with ThreadPoolExecutor(2) as threads, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        indexing = threads.submit(indexer.index, {chat: 0})
        assert reading.wait(20)
        with engine.begin() as other:
            other.execute(text("DELETE FROM chats WHERE id = :id"), {"id": chat})
        deleting = threads.submit(jobs.delete_remains, lambda _: None, 0)
        while not deleting.done() and not db.execute(BLOCKED).scalar_one():
            time.sleep(0.005)
        deleted.set()
        indexing.result(timeout=20)
        deleting.result(timeout=20)
    assert words(engine, chat) == {}


def test_a_new_version_indexes_everything_again_and_older_workers_leave_that_alone(
    changes: Indexer, engine: Engine, alice: Person, chat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = send(alice, chat, "first")
    index_changes()
    catch_up()

    def run_version(number: int) -> None:
        for module in (indexer, jobs):
            monkeypatch.setattr(module, "VERSION", number)

    run_version(9)
    monkeypatch.setattr(indexer, "index_words", lambda content: {"of9"} | index_words(content))
    assert jobs.behind().chats > 0
    catch_up()
    assert words(engine, chat) == {first: "'first' 'of9'"}
    run_version(1)
    second = send(alice, chat, "second")
    index_changes()
    assert changes.lag() == 0
    assert list(words(engine, chat)) == [first]
    catch_up()
    assert list(words(engine, chat)) == [first]
    run_version(9)
    assert catch_up() >= 1
    assert words(engine, chat)[second] == "'of9' 'second'"
    # A return to the older version.
    run_version(1)
    monkeypatch.setattr(indexer, "index_words", lambda content: {"of1"} | index_words(content))
    jobs.reset()
    catch_up()
    assert words(engine, chat) == {first: "'first' 'of1'", second: "'of1' 'second'"}
    jobs.reset()


def test_what_is_indexed_again_is_found_meanwhile(changes: Indexer, engine: Engine, alice: Person, chat: str) -> None:
    id = send(alice, chat, "hello")
    index_changes()
    jobs.reset()
    assert find(alice, "hello") == [id]
    assert jobs.behind().changes > 0
    catch_up()
    assert find(alice, "hello") == [id]
    assert indexer.index({chat: 0}).changes == 0


@pytest.mark.parametrize(
    ("content", "q"),
    [
        ("x" * 4000, "x" * 100),
        (" ".join(f"{number:03x}" for number in range(1000)), "3e7"),
        ("".join(map(chr, range(0x4E00, 0x4E00 + 4000))), "\u5000\u5001\u5002"),
        ("".join(map(chr, range(0xAC00, 0xAC00 + 4000))), "\ub000\ub001"),
        ("\ufdfa " * 2000, "\ufdfa"),
        ("a" + "\u0301\u0323" * 1999, "A"),
        ("\u0e01" + "\u0e31\u0e49" * 1999, "\u0e01\u0e31"),
        (" ".join(chr(number) for number in range(0x10400, 0x10450)), "\U00010449"),
        ("it's a \\ 'quoted' :1A,2B | word & !not <-> \u2019\u02bc'", '"quoted 1a 2b word"'),
    ],
    ids=["a long word", "many words", "Han", "Hangul", "ligatures", "marks", "Thai marks", "astral", "tsquery"],
)
def test_any_text_is_indexed_and_found(changes: Indexer, alice: Person, chat: str, content: str, q: str) -> None:
    id = send(alice, chat, content)
    index_changes()
    assert changes.lag() == 0
    assert find(alice, q) == [id]


def test_nothing_is_indexed_while_the_search_is_off(
    changes: Indexer, engine: Engine, alice: Person, chat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = replace(settings.current(), has_search=False)
    monkeypatch.setattr(settings, "current", lambda: off)
    send(alice, chat, "hello")
    index_changes()
    (job,) = jobs.JOBS
    assert job.run(None) is None  # type: ignore[arg-type]
    assert words(engine, chat) == {}
    assert changes.lag() == 0
