"""Password hashing outside of tests, which use cheap parameters."""

import time
from collections.abc import Iterator
from statistics import median

import pytest
import requests
from sqlalchemy import Engine, text

from tests.people import register
from tests.server import Server


@pytest.fixture(scope="module")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the settings of development and production."""
    with Server(database_url, tmp_path_factory.mktemp("hashing"), APP_ENV="development") as server:
        yield server


def test_hashes_have_the_parameters_that_owasp_recommends(server: Server, engine: Engine) -> None:
    person = register(server.url, "hashed")
    with engine.connect() as db:
        stored = db.execute(text("SELECT password_hash FROM users WHERE id = :id"), {"id": person.id}).scalar_one()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_an_unknown_account_takes_as_long_as_a_known_one(server: Server) -> None:
    known = register(server.url, "known").name

    def seconds(name: str) -> float:
        began = time.perf_counter()
        account = {"username": name, "password": "Wrong4Horse"}
        assert requests.post(f"{server.url}/api/v1/auth/login", json=account, timeout=20).status_code == 401
        return time.perf_counter() - began

    seconds("no_such_user")
    pairs = [(seconds(known), seconds("no_such_user")) for _ in range(18)]
    ratio = median(one for one, _ in pairs) / median(other for _, other in pairs)
    assert 0.6 < ratio < 1.6, pairs
