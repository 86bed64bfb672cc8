"""Users of an app, created and changed by several workers at once."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import Engine, text

from chatapp.launcher.valkey import EmbeddedValkey
from tests.conftest import Connect, insert_key
from tests.multiworker.conftest import WorkersServer
from tests.people import Backend, data, register

AT_ONCE = 12


@pytest.fixture(scope="module")
def joined(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkersServer]:
    """Several workers with a bus."""
    folder = tmp_path_factory.mktemp("joined")
    with (
        EmbeddedValkey(folder / "valkey") as valkey,
        WorkersServer(database_url, folder, REDIS_URL=valkey.url) as server,
    ):
        yield server
        assert not server.errors_in_log()


def test_changes_on_any_worker_are_one_event_on_each(joined: WorkersServer, connect: Connect) -> None:
    alice, bob = register(joined.url), register(joined.url)
    alice.direct_chat(bob)
    sockets = [connect(bob, transports=["websocket"]) for _ in range(2 * 3)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # Each on a connection of its own, so that several workers handle them.
        changes = [{"data": {"n": number}} for number in range(AT_ONCE)]
        statuses = list(pool.map(lambda change: patch_me(joined, alice.token, change), changes))
    assert set(statuses) == {200}
    final = patch_me(joined, alice.token, {"displayName": "Final"})
    assert final == 200
    me = data(alice.get("/users/me"))
    for socket in sockets:
        user = socket.wait_for("user:updated")["user"]
        assert (user["displayName"], user["data"]) == ("Final", me["data"])
    for socket in sockets:
        assert len(socket.received("user:updated")) == 1


def patch_me(server: WorkersServer, token: str, change: dict[str, object]) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.patch(f"{server.url}/api/v1/users/me", json=change, headers=headers, timeout=20).status_code


def test_two_workers_create_one_user(joined: WorkersServer, engine: Engine) -> None:
    backend: Backend = insert_key(engine, joined.url, ("users",), None)
    external_id = secrets.token_hex(6)

    def put(number: int) -> str:
        fields = {"displayName": "Max"} if number % 2 else {"privateData": {"number": 1}}
        users = [{"externalId": each, **fields} for each in (external_id, f"{external_id}b")]
        if number % 3:
            return str(data(backend.request("PUT", f"/server/users/{external_id}", json=fields))["id"])
        # Batches name the users in both orders.
        return str(
            {
                user["externalId"]: user["id"]
                for user in data(backend.post("/server/users", {"users": users[:: 1 - number % 2 * 2]}))
            }[external_id]
        )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        ids = set(pool.map(put, range(3 * AT_ONCE)))
    assert len(ids) == 1
    user = data(backend.get(f"/server/users/ext:{external_id}"))
    assert (user["displayName"], user["privateData"]) == ("Max", {"number": 1})
    with engine.begin() as db:
        found = db.execute(text("SELECT count(*) FROM users WHERE external_id LIKE :id"), {"id": f"{external_id}%"})
        assert found.scalar() == 2
        db.execute(text("UPDATE api_keys SET revoked_at = now() WHERE id = :id"), {"id": backend.id})
