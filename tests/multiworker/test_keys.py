"""API keys over three workers: once a revocation is confirmed, no worker accepts the key."""

import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from chatapp.launcher.valkey import EmbeddedValkey
from tests.conftest import insert_key
from tests.multiworker.conftest import WorkersServer
from tests.people import Backend, Person, data, problem, register
from tests.server import UNREACHED_LIMITS
from tests.socket_clients import ConnectError, PyClient

LOAD_THREADS = 6
ROUNDS = 4


@pytest.fixture(scope="module")
def site(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkersServer]:
    """Three workers that share limits and events."""
    folder = tmp_path_factory.mktemp("keys")
    with EmbeddedValkey(folder / "valkey") as valkey:
        changes = UNREACHED_LIMITS | {"REDIS_URL": valkey.url, "MAX_SOCKETS_PER_KEY": "3"}
        with WorkersServer(database_url, folder, **changes) as server:
            yield server
        assert not server.errors_in_log()


@pytest.fixture
def manager(site: WorkersServer, engine: Engine) -> Backend:
    return insert_key(engine, site.url, ["keys", "act", "users"])


@pytest.fixture
def person(site: WorkersServer) -> Person:
    return register(site.url)


class Load:
    """Requests with a key, each on its own connection, so that they reach all workers."""

    def __init__(self, key: Backend) -> None:
        self._key = key
        self._ended = threading.Event()
        # When each request was sent, and its status.
        self.responses: list[tuple[float, int]] = []
        self._threads = [threading.Thread(target=self._run) for _ in range(LOAD_THREADS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            sent_at = time.monotonic()
            self.responses.append((sent_at, self._key.get("/admin/keys", limit=1).status_code))

    def after(self, moment: float) -> Counter[int]:
        """The statuses of requests that were sent after a moment."""
        return Counter(status for sent_at, status in self.responses if sent_at > moment)

    def wait_for_more(self, count: int) -> None:
        """Wait until so many more requests have a response."""
        enough = len(self.responses) + count
        while len(self.responses) < enough:
            time.sleep(0.02)


def new_key(manager: Backend, *scopes: str) -> Backend:
    key = data(manager.post("/admin/keys", {"name": "load", "scopes": scopes}))
    return Backend(manager.url, key["secret"], key["id"])


def test_no_request_succeeds_after_the_revocation(manager: Backend) -> None:
    for _ in range(ROUNDS):
        key = new_key(manager, "keys")
        with Load(key) as load:
            load.wait_for_more(30)
            assert {status for _, status in load.responses} == {200}
            assert manager.delete(f"/admin/keys/{key.id}").status_code == 204
            revoked_at = time.monotonic()
            load.wait_for_more(30)
        assert load.after(revoked_at).keys() == {401}


def test_reduced_scopes_and_rotated_secrets_are_in_force_everywhere(manager: Backend) -> None:
    key = new_key(manager, "keys", "users")
    path = f"/admin/keys/{key.id}"
    with Load(key) as load:
        load.wait_for_more(30)
        data(manager.patch(path, {"scopes": ["users"]}))
        reduced_at = time.monotonic()
        load.wait_for_more(30)
        assert load.after(reduced_at).keys() == {403}
        data(manager.patch(path, {"scopes": ["keys"]}))
        extended_at = time.monotonic()
        load.wait_for_more(30)
        assert load.after(extended_at).keys() == {200}
        data(manager.post(f"{path}/rotate", {"overlap": "0s"}))
        rotated_at = time.monotonic()
        load.wait_for_more(30)
    assert load.after(rotated_at).keys() == {401}


def test_sockets_on_all_workers_close_and_count_together(manager: Backend, person: Person) -> None:
    key = new_key(manager, "act")

    def connect() -> PyClient:
        return PyClient.connect(key.url, key.key, act_as=person.id, transports=["websocket"])

    sockets = [connect() for _ in range(3)]
    with pytest.raises(ConnectError) as error:
        connect()
    assert error.value.data["code"] == "rate_limited"
    assert manager.delete(f"/admin/keys/{key.id}").status_code == 204
    for socket in sockets:
        assert socket.wait_disconnect(timeout=3) == "io server disconnect"
    with pytest.raises(ConnectError) as error:
        connect()
    assert error.value.data["code"] == "key_invalid"


def test_a_user_as_whom_a_key_acts_is_deactivated(
    site: WorkersServer, manager: Backend, person: Person, engine: Engine
) -> None:
    admin = register(site.url)
    with engine.begin() as db:
        db.exec_driver_sql("UPDATE users SET role = 'ADMIN' WHERE id = %s", (admin.id,))
    key = new_key(manager, "act")
    sockets = [PyClient.connect(key.url, key.key, act_as=person.id, transports=["websocket"]) for _ in range(3)]
    data(admin.patch(f"/admin/users/{person.id}", {"isActive": False}))
    for socket in sockets:
        assert socket.wait_disconnect(timeout=3) == "io server disconnect"
    assert problem(manager.get("/users/me", act_as=person.id)) == (409, "user_inactive")


def test_the_limit_of_a_key_is_shared(
    database_url: str, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("shared")
    with EmbeddedValkey(folder / "valkey") as valkey:
        changes = UNREACHED_LIMITS | {"REDIS_URL": valkey.url, "RATELIMIT_SERVER": "30/60s"}
        with WorkersServer(database_url, folder, **changes) as server:
            key = insert_key(engine, server.url, ["keys"])
            statuses = Counter[int]()
            for _ in range(60):
                statuses[key.get("/admin/keys").status_code] += 1
                # Workers exchange their counts every 0.4 s.
                time.sleep(0.05)
    assert statuses.keys() == {200, 429}
    assert statuses[200] <= 45
