"""Packets of Engine.IO and Socket.IO: no well-framed one ends a session, whatever its content."""

import json

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.conftest import hard, problems
from tests.fuzz.packets import MESSAGES, deep
from tests.fuzz.raw_clients import BINARY, SEPARATOR, Polling, RawWebSocket, event, frame
from tests.people import Person
from tests.server import Server
from tests.socket_clients.surface import NO_CHAT

LEAVES = ("41/chat", "41")


def stays(packet: str) -> bool:
    """True unless it is a close or disconnect packet, which may end a session."""
    return not packet.startswith(LEAVES)


@hard
@given(st.lists(MESSAGES.filter(stays), max_size=5))
def test_websocket_survives_arbitrary_packets(websocket: RawWebSocket, packets: list[str]) -> None:
    for packet in packets:
        websocket.write(frame(packet))
    assert all(status < 500 for status in problems(websocket.flush()))


@hard
@given(st.lists(st.binary(max_size=64) | MESSAGES.filter(stays), max_size=5))
def test_websocket_survives_binary_messages(websocket: RawWebSocket, packets: list[bytes | str]) -> None:
    for packet in packets:
        websocket.write(frame(packet, BINARY) if isinstance(packet, bytes) else frame(packet))
    assert all(status < 500 for status in problems(websocket.flush()))


@hard
@given(st.lists(MESSAGES.filter(stays), max_size=5))
def test_polling_session_survives_arbitrary_packets(polling: Polling, packets: list[str]) -> None:
    # A packet with a separator in it counts as two; either may end the session.
    body = SEPARATOR.join(packet for packet in packets if SEPARATOR not in packet)
    assert polling.post(body).status_code == 200
    assert all(status < 500 for status in problems(polling.flush()))


@hard
@given(st.binary(max_size=64))
def test_polling_session_survives_arbitrary_bytes(polling: Polling, body: bytes) -> None:
    parts = body.decode(errors="replace").split(SEPARATOR)
    if all(stays(part) and not part.startswith("1") for part in parts):
        assert polling.post(body).status_code in (200, 400)
        polling.flush()


MALFORMED = ["", "x", "0", "2", "6", "7", "9", "²", "bx", "42", "42[]", "42/chat,{}", "42/chat,[1]", "42/other,[]"]
MALFORMED += ["42/chat,abc[]", f"42/chat,{'9' * 20}[]", "43/chat,1[]", "461-/chat,1[]", "44/chat,{}", "49", "4"]
MALFORMED += ["42/chat," + deep(2000), '42["sync",{}]', '451-["sync"]']


@pytest.mark.parametrize("packet", MALFORMED)
def test_invalid_packet_gets_a_malformed_packet_error(websocket: RawWebSocket, polling: Polling, packet: str) -> None:
    websocket.write(frame(packet))
    # An empty payload contains no packets.
    polling.post(packet or SEPARATOR + MALFORMED[1])
    for packets in (websocket.flush(), polling.flush()):
        exception = packets[-1]
        assert json.loads(exception.removeprefix("42/chat,"))[1]["code"] == "malformed_packet"


@pytest.mark.parametrize("body", ["{}", "[", "[1]", '["sync",{"x":"\\ud800}]', deep(2000), ""])
def test_malformed_event_is_acknowledged(websocket: RawWebSocket, body: str) -> None:
    assert websocket.ask(f"42/chat,17{body}", "17")["error"]["code"] == "malformed_packet"


def test_invalid_poll_bodies_are_refused(polling: Polling) -> None:
    for body in (b"4\xff", b"d="):
        assert polling.post(body).status_code in (200, 400)
    polling.flush()


@pytest.mark.parametrize("packet", ["0/other,", "0/other", "0", '0{"token":"x"}', "0/chat/admin,"])
def test_other_namespaces_are_refused(websocket: RawWebSocket, packet: str) -> None:
    websocket.write(frame("4" + packet))
    (response,) = websocket.flush()
    namespace = packet[1:].rstrip(",").partition("{")[0]
    assert response == f'44{namespace and namespace + ","}{{"message":"Invalid namespace"}}'


@pytest.mark.parametrize("auth", ["{", "[]", '"x"', "null", "1", '{"token":{}}', '{"token":["a"]}', deep(2000), "{}x"])
def test_malformed_connect_ends_the_connection(target: Server, auth: str) -> None:
    with RawWebSocket(target.url) as socket:
        assert socket.text().startswith("0{")
        socket.write(frame(f"40/chat,{auth}"))
        error = socket.text()
        assert error.startswith("44/chat,{")
        assert json.loads(error[8:])["message"]
        socket.end()


def test_polling_client_gets_the_connect_error_before_the_end(target: Server) -> None:
    with Polling(target.url) as session:
        assert session.post('40/chat,{"token":"x"}').status_code == 200
        *_, error, end = session.poll()
        assert json.loads(error.removeprefix("44/chat,"))["data"]["code"] == "token_invalid"
        assert end == "1"


def test_many_packets_before_connect_end_the_connection(target: Server) -> None:
    with RawWebSocket(target.url) as socket:
        for _ in range(101):
            socket.write(frame(event("typing:stop", {"chatId": NO_CHAT})))
        socket.end()


def test_events_before_connect_are_ignored(target: Server, mallory: Person, chat: str) -> None:
    with RawWebSocket(target.url) as socket:
        assert socket.text().startswith("0{")
        socket.write(frame(event("message:send", {"chatId": chat, "content": "early"}, ack="1")))
        socket.write(frame("451-/chat,"))
        socket.join(mallory.token)
        assert socket.flush() == []
    assert not [m for m in mallory.get(f"/messages/{chat}").json()["data"] if m["content"] == "early"]


def test_missing_attachment_blocks_nothing(websocket: RawWebSocket) -> None:
    websocket.write(frame('45999-/chat,5["sync",{"_placeholder":true,"num":0}]'))
    assert websocket.acked("5")["error"]["code"] == "validation_error"
    websocket.flush()


@pytest.mark.parametrize("number", ["0", "1", "9" * 19])
def test_ack_has_the_requested_number(websocket: RawWebSocket, number: str) -> None:
    assert websocket.ask(event("typing:stop", {"chatId": NO_CHAT}, ack=number), number)["ok"] is False


def test_disconnect_after_a_binary_ack_is_handled(target: Server, mallory: Person) -> None:
    with RawWebSocket(target.url) as socket:
        socket.join(mallory.token)
        socket.write(frame("461-/chat,1[]"))
        socket.flush()
        socket.write(frame("41/chat,"))
        socket.write(frame(event("typing:stop", {"chatId": NO_CHAT}, ack="1")))
        assert socket.join(mallory.token).flush() == []


def test_chunked_poll_body_is_accepted(polling: Polling) -> None:
    pieces = iter([b'42/chat,31["typing:stop",', b'{"chatId":"x"}]'])
    assert polling.post(pieces).status_code == 200  # type: ignore[arg-type]
    assert any(packet.startswith("43/chat,31[") for packet in polling.flush())


QUERIES = st.dictionaries(
    st.sampled_from(["EIO", "transport", "sid", "j", "t", "b64", "x"]),
    st.sampled_from(["4", "3", "polling", "websocket", "0", "-1", "x", "", "%00", "%ff", "polling&transport=x"])
    | st.text(st.characters(categories=["L", "N"]), max_size=5),
)


@hard
@given(st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"]), QUERIES)
def test_invalid_queries_cause_no_server_error(target: Server, method: str, query: dict[str, str]) -> None:
    path = "&".join(f"{name}={value}" for name, value in query.items())
    assert requests.request(method, f"{target.url}/socket.io/?{path}", timeout=20).status_code < 500


def test_too_large_body_ends_a_polling_session(target: Server, mallory: Person) -> None:
    with Polling(target.url) as session:
        session.join(mallory.token)
        # No poll waits meanwhile, and the response arrives all the same.
        assert session.post("4" + "x" * 256 * 1024).status_code in (400, 413)
        assert session.get().status_code == 400
