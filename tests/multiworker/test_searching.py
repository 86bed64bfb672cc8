"""Searches of a user run one at a time, on all workers together."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import Engine, text

from tests.edited import EditedServer
from tests.multiworker.conftest import WORKERS, WorkersServer
from tests.people import Person, data, problem, register

SECONDS = 4
# Longer than the wait for another search.
SLOW = f"from chatapp.features.search import queries; queries.SEARCH_SECONDS = {SECONDS}"


class SlowServer(EditedServer, WorkersServer):
    """Several workers, on which searches take `SECONDS` while the index is locked."""


@pytest.fixture(scope="module")
def slow(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlowServer]:
    with SlowServer(database_url, tmp_path_factory.mktemp("slow"), SLOW, DATABASE_POOL_SIZE="20") as server:
        yield server
    assert not server.errors_in_log()


def search(person: Person) -> requests.Response:
    """A search on a connection of its own, which any worker accepts."""
    headers = {"Authorization": f"Bearer {person.token}"}
    return requests.get(f"{person.url}/api/v1/search/messages?q=hello", headers=headers, timeout=20)


def test_users_search_one_at_a_time(slow: SlowServer, engine: Engine) -> None:
    people = [register(slow.url), register(slow.url)]
    for person in people:
        person.send(person.group(), "Hello")
    with ThreadPoolExecutor(4 * WORKERS) as pool, engine.begin() as db:
        db.execute(text("LOCK TABLE message_words IN ACCESS EXCLUSIVE MODE"))
        # More connections than workers, for each of the two.
        began = time.monotonic()
        searches = {person.id: [pool.submit(search, person) for _ in range(2 * WORKERS)] for person in people}
        responses = {id: [each.result() for each in submitted] for id, submitted in searches.items()}
        assert time.monotonic() - began < SECONDS + 3
    for those in responses.values():
        (done,) = [response for response in those if response.ok]
        assert done.json()["meta"]["isPartial"]
        for response in those:
            assert response is done or problem(response) == (429, "rate_limited")
            assert response is done or response.headers["Retry-After"] == "1"


def test_second_search_runs_after_a_first_that_ends_within_a_second(slow: SlowServer, engine: Engine) -> None:
    alice = register(slow.url)
    alice.send(alice.group(), "Hello")
    with ThreadPoolExecutor(2 * WORKERS) as pool:
        # Each takes some milliseconds.
        responses = list(pool.map(search, [alice] * 2 * WORKERS))
    assert all(isinstance(data(response), list) for response in responses)
