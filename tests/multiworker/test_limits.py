"""Limits are counted over all workers."""

from collections.abc import Iterator

import pytest

from chatapp.launcher.valkey import EmbeddedValkey
from tests.people import Person, data, problem, register
from tests.server import Server
from tests.waiting import eventually


@pytest.fixture(scope="module")
def counting(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Two servers with shared counters."""
    folder = tmp_path_factory.mktemp("counting")
    with EmbeddedValkey(folder / "valkey") as valkey:
        changes = {"REDIS_URL": valkey.url, "RATELIMIT_ENABLED": "true", "RATELIMIT_REGISTER": "1000/60s"}
        with Server(database_url, folder, **changes) as one, Server(database_url, folder, **changes) as two:
            yield one, two


def test_a_hundred_requests_are_a_hundred_over_all_workers(counting: tuple[Server, Server]) -> None:
    login = register(counting[0].url)
    clients = [login, Person(counting[1].url, _again(login))]
    responses = [clients[number % 2].get("/users/me") for number in range(100)]
    assert [response.status_code for response in responses] == [200] * 100
    # Workers exchange their counts, so the calls of one second may exceed the limit.
    for client in clients:
        eventually(lambda client=client: not client.get("/users/me").ok, 5)  # type: ignore[misc]
        assert problem(client.get("/users/me")) == (429, "rate_limited")
    other = register(counting[1].url)
    assert data(other.get("/users/me"))["id"] == other.id


def _again(person: Person) -> dict[str, object]:
    """The same session, at another server."""
    user = {"id": person.id, "username": person.name, "email": person.email}
    return {"user": user, "accessToken": person.token, "refreshToken": person.refresh_token}
