"""Servers on one database that don't receive each other's events report it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from chatapp.launcher.valkey import EmbeddedValkey
from tests.conftest import NewDatabase
from tests.forked import run_flask
from tests.server import Server, environment
from tests.waiting import eventually

# By then every worker has compared itself with the others several times.
DETECTED_SECONDS = 40


class Servers:
    """Servers on one database, one per Redis URL, which may be empty."""

    def __init__(self, database_url: str, folder: Path, redis_urls: list[str]) -> None:
        self._url = database_url
        self._folder = folder
        self.all = [Server(self._url, folder, **({"REDIS_URL": url} if url else {})) for url in redis_urls]

    def warnings(self) -> list[list[str]]:
        """The warnings of each `/readyz`; all servers are ready."""
        responses = [requests.get(f"{server.url}/readyz", timeout=20) for server in self.all]
        assert [response.status_code for response in responses] == [200] * len(responses)
        return [response.json().get("warnings", []) for response in responses]

    def logged(self, event: str) -> list[int]:
        """How often each server has logged an event."""
        return [server.log.count(f'"{event}"') for server in self.all]

    def check(self) -> str:
        """The line of `chat check` about servers."""
        done = run_flask(["chat", "check"], environment(self._url, self._folder))
        return next(line for line in done.stdout.splitlines() if " servers " in line)


@pytest.fixture(scope="module")
def sites(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Servers, Servers]]:
    """Three servers with two Redis servers and none, which have run long enough to detect it; and two with one Redis."""
    folder = tmp_path_factory.mktemp("split")
    with ExitStack() as stack:
        one, other = (stack.enter_context(EmbeddedValkey(folder / name)) for name in ("one", "other"))
        split = Servers(new_database("chat_split"), folder, ["", one.url, other.url])
        joined = Servers(new_database("chat_joined"), folder, [one.url, one.url])
        for server in (*split.all, *joined.all):
            stack.enter_context(server)
        eventually(lambda: split.warnings() == [["split_brain"]] * 3, DETECTED_SECONDS)
        yield split, joined


def test_servers_without_redis_or_with_another_one_log_it_once(sites: tuple[Servers, Servers]) -> None:
    split, _ = sites
    assert split.logged("split_brain") == [1, 1, 1]
    assert all("Traceback" not in server.log for server in split.all)


def test_the_check_names_the_servers(sites: tuple[Servers, Servers]) -> None:
    split, joined = sites
    said = split.check()
    assert said.startswith("mind")
    assert "REDIS_URL" in said
    assert joined.check().startswith("ok")


def test_servers_with_one_redis_log_nothing(sites: tuple[Servers, Servers]) -> None:
    _, joined = sites
    assert joined.warnings() == [[], []]
    assert joined.logged("split_brain") == [0, 0]


def test_split_ends_with_the_other_servers(sites: tuple[Servers, Servers]) -> None:
    split, _ = sites
    alone, *others = split.all
    for server in others:
        server.stop()
    split.all = [alone]
    eventually(lambda: split.warnings() == [[]], DETECTED_SECONDS)
    assert split.logged("split_brain_ended") == [1]
