"""A server that alone lost Redis sends its clients to another one."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from chatapp.launcher.valkey import EmbeddedValkey
from tests.chaos.proxy import Proxy
from tests.conftest import NewDatabase
from tests.multiworker.conftest import POLLING
from tests.multiworker.test_machines import wait_until_ready
from tests.people import register
from tests.server import Server, free_port
from tests.socket_clients import JsDriver
from tests.waiting import eventually


@pytest.fixture
def site_url(new_database: NewDatabase) -> str:
    """The database of these servers."""
    return new_database("chat_isolation")


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path / "valkey") as valkey:
        yield valkey


def test_a_worker_that_alone_lost_redis_closes_and_refuses_sockets(
    site_url: str, valkey: EmbeddedValkey, tmp_path: Path, js_driver: JsDriver
) -> None:
    port = free_port()
    address = urlsplit(valkey.url)
    proxy = Proxy(port, int(address.port or 0))
    cut_off_url = valkey.url.replace(f":{address.port}/", f":{port}/")
    with (
        Server(site_url, tmp_path, REDIS_URL=valkey.url) as well,
        Server(site_url, tmp_path, REDIS_URL=cut_off_url) as cut_off,
    ):
        for server in (well, cut_off):
            wait_until_ready(server)
        person = register(well.url)
        sockets = [js_driver.connect(server.url, person.token) for server in (well, cut_off)]
        proxy.block()
        # The transport ends without the disconnect packet after which clients don't reconnect.
        assert sockets[1].wait_disconnect(timeout=40) == "transport close"
        assert requests.get(f"{cut_off.url}{POLLING}", timeout=20).status_code == 503
        assert requests.get(f"{cut_off.url}/readyz", timeout=20).status_code == 503
        assert sockets[0].connected
        # Redis is gone for the other server too: clients would gain nothing by reconnecting.
        valkey.kill()
        eventually(lambda: requests.get(f"{cut_off.url}{POLLING}", timeout=20).status_code == 200, 30)
        assert sockets[0].connected
        for socket in sockets:
            socket.disconnect()
    proxy.close()
