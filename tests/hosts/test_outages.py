"""What the site promises while a machine or a connection between machines is away, and how soon all is well again."""

import pytest

from tests.hosts.network import needs_namespaces
from tests.people import Person, data
from tests.socket_clients import JsClient

pytestmark = needs_namespaces
People = dict[str, Person]
Sockets = dict[str, JsClient]


@pytest.fixture
def group(people: People, sockets: Sockets) -> str:
    """A group of all, which all sockets know."""
    owner, *others = people.values()
    chat = str(data(owner.post("/chats/groups", {"name": "x", "memberIds": [other.id for other in others]}))["id"])
    for socket in sockets.values():
        socket.wait_for("chat:new", lambda payload: payload["id"] == chat)
    return chat


def test_messages_reach_every_machine(sockets: Sockets, group: str) -> None:
    for name, socket in sockets.items():
        sent = socket.call("message:send", {"chatId": group, "content": name})["data"]
        for other in sockets.values():
            assert other.wait_for("message:new")["id"] == sent["id"]
