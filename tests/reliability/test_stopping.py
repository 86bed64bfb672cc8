"""A stopped server ends at once, and its clients reconnect."""

from pathlib import Path

import pytest

from tests.conftest import Connect, both_clients
from tests.people import register
from tests.server import Server


@both_clients
@pytest.mark.parametrize("transports", [["polling"], ["websocket"], None])
def test_stop_with_open_sockets_is_quick_and_clients_reconnect(
    database_url: str, tmp_path: Path, connect: Connect, transports: list[str] | None
) -> None:
    with Server(database_url, tmp_path) as server:
        people = [register(server.url, name) for name in ("alice", "bob")]
        chat = people[0].direct_chat(people[1])
        sockets = [connect(person, transports=transports, reconnection=True) for person in people]
        assert server.stop() < 5
        server.start()
        for socket in sockets:
            socket.wait_disconnect()
            socket.wait_connected()
        sent = sockets[0].call("message:send", {"chatId": chat, "content": "again"})
        assert sockets[1].wait_for("message:new")["id"] == sent["data"]["id"]
        assert "Traceback" not in server.log
