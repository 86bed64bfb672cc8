"""Clients reach a server in production mode through nginx with TLS."""

import pytest

from tests.nginx import needs_nginx
from tests.operating.conftest import Production
from tests.people import register

pytestmark = needs_nginx


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], None])
def test_messages_arrive_over_every_transport(production: Production, transports: list[str] | None) -> None:
    site = production.nginx
    alice, bob = (register(site.url, name, verify=site.certificate) for name in ("alice", "bob"))
    chat = alice.direct_chat(bob)
    sockets = [production.driver.connect(site.url, p.token, transports=transports) for p in (alice, bob)]
    sent = sockets[0].call("message:send", {"chatId": chat, "content": "Hello"})["data"]
    assert sockets[1].wait_for("message:new")["id"] == sent["id"]
    for socket in sockets:
        socket.disconnect()
