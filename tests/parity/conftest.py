"""Both transports behind one interface: each scenario is written once and runs over both."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from tests.people import Person
from tests.socket_clients import JsDriver, SocketClient


class Result(NamedTuple):
    """The response of a transport: the data, or the problem."""

    data: Any = None
    problem: Any = None


Act = Callable[[Person, str, dict[str, Any]], Result]
# event → the REST request for the same operation
REST: dict[str, Callable[[Person, dict[str, Any]], Any]] = {
    "message:send": lambda person, payload: person.post("/messages", payload),
    "message:edit": lambda person, payload: person.patch(*_in_path("/messages/{messageId}", payload)),
    "message:delete": lambda person, payload: person.delete(_in_path("/messages/{messageId}", payload)[0]),
    "message:react": lambda person, payload: _react(person, **payload),
    "messages:read": lambda person, payload: person.post(*_in_path("/messages/{chatId}/read", payload)),
    "sync": lambda person, payload: person.post("/sync", payload),
}


def _in_path(path: str, payload: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """`path` with its parameters from `payload`, and the rest of the payload as the body."""
    named = {name: value for name, value in payload.items() if f"{{{name}}}" in path}
    return path.format(**named), {name: value for name, value in payload.items() if name not in named}


def _react(person: Person, *, messageId: str, emoji: str, on: bool, unique: bool = False) -> Any:
    path = f"/messages/{messageId}/reactions/{quote(emoji, safe='')}"
    return person.request("PUT" if on else "DELETE", path, params={"unique": "true"} if unique else {})


@pytest.fixture(params=["rest", "socket"])
def act(request: pytest.FixtureRequest, js_driver: JsDriver) -> Iterator[Act]:
    """Performs the operation of an event over one of the transports."""

    opened: list[SocketClient] = []

    def over_rest(person: Person, event: str, payload: dict[str, Any]) -> Result:
        response = REST[event](person, payload)
        if not response.ok:
            return Result(problem=response.json())
        return Result(data=response.json()["data"] if response.content else None)

    def over_socket(person: Person, event: str, payload: dict[str, Any]) -> Result:
        socket = js_driver.connect(person.url, person.token)
        opened.append(socket)
        ack = socket.call(event, payload)
        return Result(data=ack["data"]) if ack["ok"] else Result(problem=ack["error"])

    yield over_rest if request.param == "rest" else over_socket
    for socket in opened:
        socket.disconnect()
