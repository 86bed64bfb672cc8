"""Socket.IO, protocol version 5. The suite uses the main namespace; here it is `/chat`, the only one."""

import json

import pytest

from tests.fuzz.raw_clients import BINARY, RawWebSocket, event, frame
from tests.people import Person
from tests.server import Server
from tests.socket_clients.surface import NO_CHAT

HELLO = {"chatId": NO_CHAT}


def test_connect_carries_a_payload(server: Server, alice: Person) -> None:
    with RawWebSocket(server.url) as socket:
        socket.write(frame(f'40/chat,{{"token":"{alice.token}"}}'))
        payload = json.loads(socket.until("40/chat,")[-1].removeprefix("40/chat,"))
        assert set(payload) == {"sid"}
        assert isinstance(payload["sid"], str)


def test_connect_error_is_an_object_with_a_message(server: Server) -> None:
    with RawWebSocket(server.url) as socket:
        socket.write(frame("40/chat,"))
        payload = json.loads(socket.until("44/chat,")[-1].removeprefix("44/chat,"))
        assert set(payload) == {"message", "data"}
        assert payload["data"]["code"] == "token_invalid"


@pytest.mark.parametrize(
    ("connect_packet", "place"), [("40/random", "/random,"), ("40/random,", "/random,"), ("40", "")]
)
def test_other_namespaces_are_refused(server: Server, connect_packet: str, place: str) -> None:
    with RawWebSocket(server.url) as socket:
        socket.write(frame(connect_packet))
        assert socket.until("44")[-1] == f'44{place}{{"message":"Invalid namespace"}}'


def test_namespace_can_be_left_and_joined_again(server: Server, alice: Person) -> None:
    with RawWebSocket(server.url) as socket:
        socket.join(alice.token).write(frame("41/chat,"))
        socket.write(frame(event("typing:stop", HELLO, ack="1")))
        # Events outside the namespace get no response; afterwards they do again.
        assert [packet for packet in socket.join(alice.token).flush() if packet.startswith("43")] == []


def test_ack_has_its_number_and_the_response(server: Server, alice: Person) -> None:
    with RawWebSocket(server.url) as socket:
        socket.join(alice.token)
        assert socket.ask(event("typing:stop", HELLO, ack="456"), "456")["error"]["code"] == "not_found"


def test_binary_event_is_acknowledged_as_text(server: Server, alice: Person) -> None:
    with RawWebSocket(server.url) as socket:
        socket.join(alice.token)
        placeholders = ",".join(f'{{"_placeholder":true,"num":{number}}}' for number in range(2))
        socket.write(frame(f'452-/chat,789["message:send",{placeholders}]'))
        for attachment in (b"\1\2\3", b"\4\5\6"):
            socket.write(frame(attachment, BINARY))
        assert socket.acked("789")["error"]["code"] == "validation_error"
        assert socket.flush() == []


@pytest.mark.parametrize("packet", ["4abc", "42{}", '42abc["message-with-ack",1]', "42/chat,{}", '42/chat,abc["x"]'])
def test_invalid_packet_gets_an_error_and_keeps_the_session(server: Server, alice: Person, packet: str) -> None:
    """In the suite it ends the connection."""
    with RawWebSocket(server.url) as socket:
        socket.join(alice.token).write(frame(packet))
        (payload,) = socket.flush()
        assert json.loads(payload.removeprefix("42/chat,"))[1]["code"] == "malformed_packet"
