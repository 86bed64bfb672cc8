"""An ended session is refused by every worker once the request that ended it has its response."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection

import pytest
import requests
from sqlalchemy import Engine, text

from chatapp.launcher.valkey import EmbeddedValkey
from tests.conftest import Connect
from tests.multiworker.conftest import WORKERS, WorkersServer
from tests.people import PASSWORD, Person, data, register


@pytest.fixture(scope="module")
def workers(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkersServer]:
    """Workers that have a queue between them."""
    folder = tmp_path_factory.mktemp("sessions")
    with (
        EmbeddedValkey(folder / "valkey") as valkey,
        WorkersServer(database_url, folder, REDIS_URL=valkey.url) as server,
    ):
        yield server
    assert not server.errors_in_log()


@pytest.fixture
def connections(workers: WorkersServer) -> Iterator[list[HTTPConnection]]:
    """Connections to all workers, most likely; each stays with the worker that accepted it."""
    with ExitStack() as opened:
        found = [HTTPConnection("127.0.0.1", workers.port, timeout=20) for _ in range(5 * WORKERS)]
        for connection in found:
            opened.callback(connection.close)
            connection.connect()
        yield found


def statuses(connections: list[HTTPConnection], token: str) -> set[int]:
    """What the workers respond to requests with this token, all at once."""

    def ask(connection: HTTPConnection) -> int:
        connection.request("GET", "/api/v1/users/me", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        json.loads(response.read())
        return response.status

    with ThreadPoolExecutor(len(connections)) as pool:
        return set(pool.map(ask, connections))


def log_in(person: Person) -> Person:
    account = {"username": person.name, "password": PASSWORD}
    return Person(person.url, data(requests.post(f"{person.url}/api/v1/auth/login", json=account, timeout=20)))


def is_current(session: dict[str, object]) -> bool:
    return "isCurrent" in session


# How alice, or an administrator, ends the session with this id, which is one of alice's.
ENDINGS: dict[str, Callable[[Person, Person, str], requests.Response]] = {
    "by its user": lambda alice, _admin, id: alice.delete(f"/auth/sessions/{id}"),
    "with all others": lambda alice, _admin, _id: alice.delete("/auth/sessions"),
    "by a server": lambda alice, admin, id: admin.delete(f"/server/users/{alice.id}/sessions/{id}"),
    "by a revocation": lambda alice, admin, _id: admin.post(f"/server/users/{alice.id}/revoke-tokens"),
    "by a changed password": lambda alice, _admin, _id: alice.post(
        "/auth/password/change", {"currentPassword": PASSWORD, "newPassword": "Battery5Staple"}
    ),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_ended_sessions_are_refused_by_every_worker(
    workers: WorkersServer, connections: list[HTTPConnection], connect: Connect, engine: Engine, how: str
) -> None:
    alice, admin = register(workers.url, "alice"), register(workers.url, "admin")
    with engine.begin() as db:
        db.execute(text("UPDATE users SET role = 'ADMIN' WHERE id = :id"), {"id": admin.id})
    phone = log_in(alice)
    sockets = [connect(phone) for _ in range(WORKERS)]
    assert statuses(connections, phone.token) == {200}
    session = next(filter(is_current, data(phone.get("/auth/sessions"))))
    assert session["isOnline"] is True
    assert ENDINGS[how](alice, admin, session["id"]).status_code == 204
    assert statuses(connections, phone.token) == {401}
    for socket in sockets:
        assert socket.wait_disconnect() == "io server disconnect"
