"""`/metrics`, summed over all workers."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.conftest import Connect
from tests.metrics import number, scrape
from tests.people import Person, problem, register
from tests.server import Server, free_port

TOKEN = {"Authorization": "Bearer of-the-metrics"}


def test_requests_are_counted_by_their_rule_and_status(server: Server, alice: Person, bob: Person) -> None:
    labels = {"method": "GET", "route": "/api/v1/chats/<uuid:chatId>"}
    before = scrape(server.url)
    chat_id = alice.direct_chat(bob)
    alice.get(f"/chats/{chat_id}")
    alice.get(f"/chats/{alice.id}")
    after = scrape(server.url)

    def grown(name: str, **more: str) -> float:
        return number(after, name, **labels, **more) - number(before, name, **labels, **more)

    assert grown("chat_http_requests_total", status="200") == 1
    assert grown("chat_http_requests_total", status="404") == 1
    assert grown("chat_http_request_seconds_count") == 2
    assert 0 < grown("chat_http_request_seconds_sum") < 10


def test_unknown_paths_add_no_label_values(server: Server) -> None:
    requests.get(f"{server.url}/some/{free_port()}/path", timeout=20)
    requests.request("INVENTED", f"{server.url}/healthz", timeout=20)
    names = {labels for _, labels in scrape(server.url)}
    assert not any("/some/" in value or value == "INVENTED" for labels in names for _, value in labels)


@pytest.fixture(scope="module")
def proxied(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server behind one trusted proxy, without the sockets of other tests."""
    with Server(database_url, tmp_path_factory.mktemp("proxied"), TRUSTED_PROXIES="1") as server:
        yield server


def test_sockets_events_and_messages_are_counted(proxied: Server, connect: Connect) -> None:
    alice = register(proxied.url, "alice")
    chat_id = alice.direct_chat(register(proxied.url, "bob"))
    socket = connect(alice)
    assert socket.call("message:send", {"chatId": chat_id, "content": "Hello!"})["ok"]
    assert not socket.call("message:send", {"chatId": chat_id})["ok"]
    socket.call("nonsense", {})
    # Its event is sent after the ack.
    socket.wait_for("message:new")
    numbers = scrape(proxied.url)
    assert number(numbers, "chat_sockets") == 1
    assert number(numbers, "chat_socket_connects_total", outcome="ok") == 1
    assert number(numbers, "chat_socket_events_total", event="message:send", outcome="ok") == 1
    assert number(numbers, "chat_socket_events_total", event="message:send", outcome="validation_error") == 1
    assert number(numbers, "chat_socket_events_total", event="unknown", outcome="unknown_event") == 1
    assert number(numbers, "chat_socket_event_seconds_count", event="message:send") == 2
    assert number(numbers, "chat_send_commit_seconds_count") == 1
    assert number(numbers, "chat_send_batch_size_count") == 1
    assert number(numbers, "chat_fanout_seconds_count") >= 1
    assert number(numbers, "chat_deliveries_total") >= 1


@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-For": "203.0.113.6"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
    ],
)
def test_a_proxy_on_the_same_machine_makes_no_client_local(server: Server, header: dict[str, str]) -> None:
    response = requests.get(f"{server.url}/metrics", headers=header, timeout=20)
    assert problem(response) == (403, "forbidden")


def test_behind_a_trusted_proxy_the_client_counts(proxied: Server) -> None:
    def status(**headers: str) -> int:
        return requests.get(f"{proxied.url}/metrics", headers=headers, timeout=20).status_code

    assert status() == 200
    assert status(**{"X-Forwarded-For": "203.0.113.6, 127.0.0.1"}) == 200
    for client in ("203.0.113.6", "127.0.0.1, 203.0.113.6", "2001:db8::1"):
        assert status(**{"X-Forwarded-For": client}) == 403
    assert status(Via="1.1 proxy", **{"X-Real-IP": "127.0.0.1"}) == 403


def test_concurrent_scrapes_are_consistent(server: Server) -> None:
    def workers(_: int) -> list[str]:
        # Parsing all of it takes many times as long as the server needs.
        return re.findall(r"^chat_workers (.*)$", requests.get(f"{server.url}/metrics", timeout=20).text, re.MULTILINE)

    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(workers, range(40))) == [["1.0"]] * 40


def test_metrics_are_protected_by_token_and_port(database_url: str, tmp_path: Path) -> None:
    port = free_port()
    with Server(database_url, tmp_path, METRICS_PORT=str(port), METRICS_TOKEN="of-the-metrics") as server:
        own = f"http://127.0.0.1:{port}"
        assert problem(requests.get(f"{server.url}/metrics", headers=TOKEN, timeout=20)) == (404, "not_found")
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            assert problem(requests.get(f"{own}/metrics", headers=headers, timeout=20)) == (401, "token_invalid")
        assert number(scrape(own, **TOKEN), "chat_workers") == 1
        # Other paths are not served on that port.
        assert requests.get(f"{own}/healthz", timeout=20).ok
        for path in ("/api/v1/users/me", "/docs/", "/socket.io/?EIO=4&transport=polling"):
            assert problem(requests.get(own + path, timeout=20)) == (404, "not_found")
