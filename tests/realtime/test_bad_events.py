"""No malformed payload closes a connection, remains without a response or reaches another client."""

from typing import Any

import pytest

from tests.conftest import Connect
from tests.people import Person

PAYLOADS: list[Any] = [
    None,
    "text",
    7,
    True,
    [],
    [[]],
    {},
    {"chatId": None},
    {"chatId": "x", "content": "y"},
    {"chatId": {}, "content": []},
    {"content": "\0"},
    {"chatId": "00000000-0000-0000-0000-000000000000", "content": "x", "extra": 1},
    b"bytes",
    {"content": b"bytes"},
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_malformed_payload_gets_a_problem_in_its_ack(alice: Person, connect: Connect, payload: Any) -> None:
    socket = connect(alice)
    ack = socket.call("message:send", payload)
    assert ack["ok"] is False
    assert ack["error"]["code"] == "validation_error"
    assert ack["error"]["status"] == 422
    socket.flush()
    assert socket.connected


def test_an_event_without_any_payload_gets_a_problem(alice: Person, connect: Connect) -> None:
    assert connect(alice).call("message:send")["error"]["code"] == "validation_error"


def test_without_an_ack_the_problem_comes_as_an_event(alice: Person, bob: Person, connect: Connect) -> None:
    socket, other = connect(alice), connect(bob)
    socket.emit("message:send", {"chatId": "x", "content": "y"})
    problem = socket.wait_for("exception")
    assert (problem["code"], problem["status"]) == ("validation_error", 422)
    assert set(problem["errors"]) == {"chatId"}
    other.flush()
    assert other.received("exception") == []


@pytest.mark.parametrize("event", ["nothing", "message:new", "chat:new", "exception"])
def test_an_unknown_event_is_not_found(alice: Person, connect: Connect, event: str) -> None:
    assert connect(alice).call(event, {})["error"]["code"] == "unknown_event"
