"""Engine.IO, protocol version 4."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPConnection
from typing import Any

import pytest
import requests

from tests.fuzz.raw_clients import PATH, Ended, Polling, RawWebSocket, event, frame
from tests.people import Person
from tests.server import Server
from tests.socket_clients.surface import NO_CHAT

OPENED = {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
HELLO = event("typing:stop", {"chatId": NO_CHAT}, ack="7")
RESPONSE = "43/chat,7["


@pytest.fixture
def session(server: Server, alice: Person) -> Iterator[Polling]:
    """Alice, with a polling client."""
    with Polling(server.url) as polling:
        yield polling.join(alice.token)


def test_polling_opens_a_session(server: Server) -> None:
    with Polling(server.url) as polling:
        assert set(polling.opened) == OPENED
        assert (polling.opened["upgrades"], polling.opened["pingInterval"]) == (["websocket"], 25000)
        assert polling.opened["pingTimeout"] == 20000


def test_a_websocket_opens_a_session(server: Server) -> None:
    with RawWebSocket(server.url) as socket:
        opened = json.loads(socket.text().removeprefix("0"))
        assert set(opened) == OPENED
        assert opened["upgrades"] == []


@pytest.mark.parametrize(
    "query",
    [
        "transport=polling",
        "EIO=abc&transport=polling",
        "EIO=3&transport=polling",
        "EIO=4&transport=abc",
        "transport=websocket",
        "EIO=4&transport=websocket",
    ],
)
def test_invalid_handshake_opens_no_session(server: Server, query: str) -> None:
    origin = "http://elsewhere.example"
    response = requests.get(f"{server.url}/socket.io/?{query}", headers={"Origin": origin}, timeout=20)
    # A page can distinguish an old client's 400 from an unreachable server.
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (400, origin)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_only_get_opens_a_session(server: Server, method: str) -> None:
    response = requests.request(method, f"{server.url}{PATH}polling", timeout=20)
    assert response.status_code in (400, 405)


def test_a_payload_has_one_packet_or_several(session: Polling) -> None:
    assert session.post("\x1e".join([HELLO, "bAQIDBA==", HELLO])).status_code == 200
    came: list[str] = []
    while len(came) < 2:
        came += session.poll()
    assert [packet.startswith(RESPONSE) for packet in came] == [True, True]


def test_post_returns_ok(session: Polling) -> None:
    response = session.post(HELLO)
    assert (response.status_code, response.text.lower()) == (200, "ok")


def test_each_packet_reaches_one_of_two_polls(session: Polling) -> None:
    """In the suite the second poll ends the session."""
    with ThreadPoolExecutor(2) as pool:
        polls = [pool.submit(session.get) for _ in range(2)]
        time.sleep(0.2)
        for _ in polls:
            session.post(HELLO)
            time.sleep(0.2)
        texts = [poll.result().text for poll in polls]
    assert sum(text.count(RESPONSE) for text in texts) == 2


def test_aborted_poll_can_be_repeated(server: Server, session: Polling) -> None:
    """In the suite an aborted poll ends the session: here its packets are kept for the next poll."""
    with suppress(requests.Timeout):
        requests.get(f"{server.url}{PATH}polling&sid={session.sid}", timeout=0.2)
    session.post(HELLO)
    session.flush()


def test_close_packet_ends_the_poll_and_the_session(server: Server, session: Polling) -> None:
    # On an open connection, so that the server has the poll before the packet.
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        connection.request("GET", f"{PATH}polling&sid={session.sid}")
        assert session.post("1").status_code == 200
        poll = connection.getresponse()
        assert (poll.status, poll.read()) == (200, b"6")
    assert session.get().status_code == 400


def test_close_packet_ends_a_websocket(server: Server, alice: Person) -> None:
    with RawWebSocket(server.url) as socket:
        socket.join(alice.token).write(frame("1"))
        socket.end()


def upgraded(server: Server, session: Polling) -> RawWebSocket:
    """The websocket after the upgrade of the session."""
    socket = RawWebSocket(server.url, sid=session.sid)
    socket.write(frame("2probe"))
    assert socket.text() == "3probe"
    # The waiting poll ends, so that nothing can be lost on it.
    assert session.poll()[-1] == "6"
    socket.write(frame("5"))
    return socket


def test_session_is_upgraded_to_websocket(server: Server, session: Polling) -> None:
    with upgraded(server, session) as socket:
        assert socket.ask(HELLO, "7")["ok"] is False


def test_upgraded_session_can_not_be_polled(server: Server, session: Polling) -> None:
    with upgraded(server, session) as socket:
        socket.flush()
        assert session.get().status_code == 400
        assert session.post(HELLO).status_code == 400
        socket.flush()


def test_upgraded_session_refuses_a_second_websocket(server: Server, session: Polling) -> None:
    with upgraded(server, session) as socket:
        socket.flush()
        with RawWebSocket(server.url, sid=session.sid) as second:
            assert second.status == 400
        socket.flush()


def test_invalid_probe_leaves_the_session_polling(server: Server, session: Polling) -> None:
    with RawWebSocket(server.url, sid=session.sid) as socket:
        socket.write(frame("4hello"))
        socket.end()
    session.flush()


def test_upgrade_during_events_loses_nothing(server: Server, session: Polling) -> None:
    """Events during the upgrade are neither lost nor out of order."""
    events = [event("typing:stop", {"chatId": NO_CHAT}, ack=str(number)) for number in range(40)]
    came: list[str] = []
    with RawWebSocket(server.url, sid=session.sid) as socket:
        for packet in events[:10]:
            session.post(packet)
        socket.write(frame("2probe"))
        assert socket.text() == "3probe"
        session.post("\x1e".join(events[10:20]))
        # A client polls until the response to the probe has ended its poll.
        while "6" not in came:
            came += session.poll()
        socket.write(frame("5"))
        for packet in events[20:]:
            socket.write(frame(packet))
        came += socket.until("43/chat,39[")
    numbers = [int(packet.removeprefix("43/chat,").partition("[")[0]) for packet in came if packet != "6"]
    assert numbers == list(range(40))


def test_pings_are_sent_and_missed(server: Server, alice: Person) -> None:
    """Every client gets one after 25 s; a client that has not responded 20 s later is disconnected, others stay."""
    found: dict[str, Any] = {}

    def websocket(name: str, responses: bool) -> None:
        with RawWebSocket(server.url) as socket:
            socket.join(alice.token)
            socket.connection.settimeout(60)
            assert socket.read().payload == b"2"
            pinged = time.monotonic()
            if responses:
                socket.write(frame("3"))
                time.sleep(22)
                socket.flush()
                found[name] = "there"
            else:
                with suppress(Ended):
                    socket.read()
                found[name] = time.monotonic() - pinged

    def polling(name: str, responses: bool) -> None:
        with Polling(server.url) as session:
            session.join(alice.token)
            assert session.get().text == "2"
            if responses:
                session.post("3")
            if responses:
                time.sleep(22)
                session.flush()
                found[name] = "there"
            else:
                time.sleep(30)
                found[name] = session.get().status_code

    threads = [
        threading.Thread(target=run, args=(f"{run.__name__} {responses}", responses))
        for run in (websocket, polling)
        for responses in (True, False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    silent = found.pop("websocket False")
    assert 19 < silent < 40
    assert found == {"websocket True": "there", "polling True": "there", "polling False": 400}


def test_unfinished_upgrade_times_out(server: Server, alice: Person) -> None:
    with Polling(server.url) as silent, Polling(server.url) as probed:
        for session in (silent, probed):
            session.join(alice.token)
        began = time.monotonic()
        with RawWebSocket(server.url, sid=silent.sid) as one, RawWebSocket(server.url, sid=probed.sid) as other:
            other.write(frame("2probe"))
            assert other.text() == "3probe"
            for socket in (one, other):
                socket.connection.settimeout(30)
                socket.end()
            assert 9 < time.monotonic() - began < 40
        for session in (silent, probed):
            session.flush()
            with upgraded(server, session) as socket:
                socket.write(frame("5"))
                socket.flush()
