"""Workers share the index of the search."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, text

from tests.metrics import number, scrape
from tests.multiworker.conftest import WorkersServer
from tests.people import Person, data, register
from tests.waiting import eventually

FRESH_SECONDS = 2.0
SENDERS, CHATS, MESSAGES = 6, 30, 600


def found(person: Person, q: str, **filters: str) -> set[str]:
    """The contents of the messages that a user finds, at most 50."""
    return {hit["message"]["content"] for hit in data(person.get("/search/messages", q=q, limit=50, **filters))}


def people(server: WorkersServer, count: int) -> list[Person]:
    """Users, each with a connection to one of the workers."""
    return [register(server.url, f"person{number}") for number in range(count)]


def test_a_message_is_found_in_time_by_every_worker(workers: WorkersServer) -> None:
    alice, *others = people(workers, 6)
    chat_id = alice.group(*others)
    for content in ("one", "two", "three"):
        alice.send(chat_id, content)
        for other in others:
            eventually(lambda other=other, content=content: content in found(other, content), FRESH_SECONDS)  # type: ignore[misc]


def test_messages_of_all_workers_are_indexed_after_another_transaction_held_the_chat(
    workers: WorkersServer, engine: Engine
) -> None:
    alice, *others = people(workers, 6)
    chat_id = alice.group(*others)
    alice.send(chat_id, "hello alice")
    eventually(lambda: bool(found(alice, "hello")), 20)
    with engine.begin() as db:
        db.execute(text("SELECT FROM chat_search WHERE chat_id = :id FOR UPDATE"), {"id": chat_id})
        for number_, other in enumerate(others):
            other.send(chat_id, f"hello {number_}")
        eventually(lambda: number(scrape(workers.url), "chat_search_lag_seconds") > 0, 20)
        assert found(alice, "hello") == {"hello alice"}
    eventually(lambda: len(found(alice, "hello")) == len(others) + 1, 20)


def test_a_burst_over_many_chats_is_indexed_and_the_lag_ends(workers: WorkersServer, engine: Engine) -> None:
    senders = people(workers, SENDERS)
    chats = [senders[0].group(*senders[1:]) for _ in range(CHATS)]

    def send(lane: int) -> None:
        # One request at a time on a connection.
        for place in range(lane, MESSAGES, SENDERS):
            senders[lane].send(chats[place % CHATS], f"burst {place}")

    with ThreadPoolExecutor(SENDERS) as threads:
        for done in [threads.submit(send, lane) for lane in range(SENDERS)]:
            done.result(timeout=120)

    def indexed() -> int:
        count = text(
            "SELECT count(*) FROM message_words WHERE chat_id = ANY(CAST(:ids AS uuid[])) AND words @@ 'burst'"
        )
        with engine.connect() as db:
            return int(db.execute(count, {"ids": chats}).scalar_one())

    eventually(lambda: indexed() == MESSAGES, 20)
    eventually(lambda: number(scrape(workers.url), "chat_search_lag_seconds") == 0, 20)


def test_a_deleted_text_is_not_found_from_the_response_on(workers: WorkersServer, engine: Engine) -> None:
    alice, *others = people(workers, 6)
    chat_id = alice.group(*others)
    edited, deleted = alice.send(chat_id, "secret one"), alice.send(chat_id, "secret two")
    eventually(lambda: len(found(alice, "secret")) == 2, 20)
    data(alice.patch(f"/messages/{edited['id']}", {"content": "harmless"}))
    assert alice.delete(f"/messages/{deleted['id']}").ok
    assert [found(other, "secret") for other in others] == [set()] * len(others)

    def stored() -> set[str]:
        words = text("SELECT words::text FROM message_words WHERE chat_id = :id")
        with engine.connect() as db:
            return set(db.execute(words, {"id": chat_id}).scalars())

    eventually(lambda: stored() == {"'harmless'"}, 20)
