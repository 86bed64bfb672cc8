"""Every documented client event, with valid, nearly valid and invalid payloads, over both transports."""

import itertools
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.conftest import hard, problems, status_of
from tests.fuzz.packets import VALUES, nearly
from tests.fuzz.raw_clients import SEPARATOR, Polling, RawWebSocket, event, frame
from tests.people import Person
from tests.server import Server

ERRORS = {400, 401, 403, 404, 409, 413, 422}
Payloads = dict[str, Any]
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def payloads(asyncapi: dict[str, Any], mallory: Person, chat: str) -> Payloads:
    """Each client event with the payload of its example, about existing objects."""
    message = mallory.send(chat, "Hello")["id"]
    known = {"chatId": chat, "messageId": message, "messageIds": [message], "token": mallory.token}
    found: Payloads = {}
    for operation in asyncapi["operations"].values():
        if operation["action"] == "receive":
            _, _, _, _, name = operation["messages"][0]["$ref"].split("/")
            message = asyncapi["channels"]["chat"]["messages"][name]
            example = message["examples"][0]["payload"]
            found[message["name"]] = {key: known.get(key, value) for key, value in example.items()}
    found["sync"] = {"chats": {chat: 0}}
    # The examples name a file that does not exist.
    found["message:send"] = {"chatId": chat, "content": "Hello", "clientId": found["message:send"]["clientId"]}
    return found


def ask(socket: RawWebSocket, name: str, *arguments: Any) -> dict[str, Any]:
    ack = str(next(_numbers))
    return socket.ask(f"42/chat,{ack}{json.dumps([name, *arguments])}", ack)


def test_documented_examples_of_events_work(websocket: RawWebSocket, payloads: Payloads) -> None:
    assert len(payloads) >= 8
    # The deletion of the message comes last.
    for name in sorted(payloads, key="message:delete".__eq__):
        response = ask(websocket, name, payloads[name])
        assert response["ok"], (name, response)


@settings(hard, max_examples=hard.max_examples * 4)
@given(st.data())
def test_arbitrary_payloads_are_accepted_or_refused(
    websocket: RawWebSocket, payloads: Payloads, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(payloads)))
    arguments = data.draw(st.lists(nearly(payloads[name]), min_size=1, max_size=1) | st.lists(VALUES, max_size=3))
    response = ask(websocket, name, *arguments)
    assert response["ok"] or status_of(response["error"]) in ERRORS


@hard
@given(st.data())
def test_errors_without_ack_are_emitted_as_exceptions(
    polling: Polling, payloads: Payloads, data: st.DataObject
) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(payloads)), min_size=1, max_size=8))
    wrong = [event(name, data.draw(VALUES.filter(lambda value: not isinstance(value, dict)))) for name in names]
    assert polling.post(SEPARATOR.join(wrong)).status_code == 200
    errors = problems(polling.flush())
    assert (len(errors), set(errors) <= {400, 422}) == (len(names), True)


@hard
@given(st.text(max_size=30), VALUES)
def test_unknown_events_get_an_error(websocket: RawWebSocket, name: str, payload: Any) -> None:
    # An unpaired surrogate is no Unicode, and text with it no JSON.
    assert ask(websocket, f"{name}!", payload)["error"]["code"] in ("unknown_event", "malformed_packet")


@pytest.mark.parametrize("size", [50_000, 65_000])
def test_large_invalid_payloads_are_refused(websocket: RawWebSocket, payloads: Payloads, size: int) -> None:
    responses = Counter(
        ask(websocket, name, payload | {"content": "x" * size})["error"]["code"] for name, payload in payloads.items()
    )
    assert responses == {"validation_error": len(payloads)}


def test_ten_thousand_errors_do_not_leak_memory(target: Server, mallory: Person, payloads: Payloads) -> None:
    wrong = [event(name, {"chatId": "x", name: 1}) for name in payloads]
    wrong += [event(f"no_{number}", {}, ack=str(number)) for number in range(4)]
    wrong += ["45999999-/chat,[]", "461-/chat,1[]", "x", "40/other,", "42/chat,{", "bAAAA", "43/chat,7[]", "2"]

    def make_mistakes(times: int) -> None:
        for _ in range(times):
            with RawWebSocket(target.url) as socket:
                socket.join(mallory.token)
                for packet in wrong * 5:
                    socket.write(frame(packet))
                socket.flush()

    make_mistakes(20)
    before = target.memory()
    make_mistakes(100)
    assert target.memory() - before < 2 << 20
