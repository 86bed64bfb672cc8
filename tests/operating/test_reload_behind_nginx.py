"""A reload under traffic, as an operator does it: production mode, three workers, behind nginx with TLS."""

import requests

from tests.nginx import needs_nginx
from tests.operating.conftest import WORKERS, Production
from tests.people import register
from tests.reliability.reloading import TRANSPORTS, Requests, Watched, reload
from tests.waiting import eventually

pytestmark = needs_nginx
MAX_AWAY = 1.0


def test_reload_fails_no_request_and_sockets_reconnect_quickly(production: Production) -> None:
    nginx, server = production.nginx, production.server
    eventually(lambda: requests.get(f"{server.url}/readyz", timeout=20).ok, 20)
    person = register(nginx.url, verify=nginx.certificate)
    sockets = [Watched(production.driver.connect, person, transports) for transports in TRANSPORTS * 4]
    with Requests(person) as traffic:
        reload(server, WORKERS)
        eventually(lambda: all(socket.away and socket.client.connected for socket in sockets), 20)
    for socket in sockets:
        socket.client.flush()
        socket.client.disconnect()
    assert traffic.count > 20
    assert traffic.failures == []
    assert [max(socket.away) for socket in sockets if max(socket.away) > MAX_AWAY] == []
    assert not server.errors_in_log()
