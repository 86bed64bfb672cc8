"""Limits over three workers, under concurrency: limits of requests and events may be exceeded by the calls of one second;
those of rarer actions are exact."""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from chatapp.launcher.valkey import EmbeddedValkey
from tests.fuzz.raw_clients import RawWebSocket, event, frame
from tests.people import PASSWORD, Person, data
from tests.server import Server

AT_ONCE = 12
# Of an address: fewer than by default, so that a test reaches the limit with fewer requests.
ADDRESS = 400


@pytest.fixture(scope="module")
def crowd(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with three workers and the default limits, but for `ADDRESS`, behind a proxy that forwards addresses."""
    folder = tmp_path_factory.mktemp("crowd")
    with EmbeddedValkey(folder / "valkey") as valkey:
        changes = {"REDIS_URL": valkey.url, "RATELIMIT_ENABLED": "true", "WEB_CONCURRENCY": "3", "TRUSTED_PROXIES": "1"}
        changes["RATELIMIT_ADDRESS"] = f"{ADDRESS}/60s"
        with Server(database_url, folder, **changes) as server:
            yield server
        assert not server.errors_in_log()


def somewhere() -> dict[str, str]:
    """Headers as the proxy sets them for a client with a new address."""
    return {"X-Forwarded-For": ".".join(["10", *(str(secrets.randbelow(250) + 1) for _ in range(3))])}


def post(server: Server, path: str, body: dict[str, Any], headers: dict[str, str]) -> requests.Response:
    return requests.post(f"{server.url}/api/v1/auth{path}", json=body, headers=headers, timeout=60)


def account() -> dict[str, str]:
    name = f"x_{secrets.token_hex(6)}"
    return {"email": f"{name}@example.org", "username": name, "password": PASSWORD}


def new_person(server: Server) -> Person:
    return Person(server.url, data(post(server, "/register", account(), somewhere())))


def at_once(times: int, ask: Callable[[int], int]) -> Counter[int]:
    """The number of these statuses among concurrent requests, each on its own connection."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(ask, range(times)))


def paced(times: int, per_second: int, ask: Callable[[int], int]) -> Counter[int]:
    """The number of these statuses among requests at this rate, each on its own connection."""
    began = time.monotonic()

    def ask_in_time(number: int) -> int:
        time.sleep(max(0.0, began + number / per_second - time.monotonic()))
        return ask(number)

    return at_once(times, ask_in_time)


def test_a_hundred_requests(crowd: Server) -> None:
    headers = somewhere() | {"Authorization": f"Bearer {new_person(crowd).token}"}
    url = f"{crowd.url}/api/v1/users/me"
    responses = paced(170, 40, lambda _: requests.get(url, headers=headers, timeout=60).status_code)
    assert responses.keys() == {200, 429}
    assert 100 <= responses[200] <= 140
    assert at_once(30, lambda _: requests.get(url, headers=headers, timeout=60).status_code) == {429: 30}


def test_five_registrations(crowd: Server) -> None:
    headers = somewhere()
    responses = at_once(20, lambda _: post(crowd, "/register", account(), headers).status_code)
    assert responses == {201: 5, 429: 15}


def test_sixty_drafts(crowd: Server) -> None:
    alice, bob = new_person(crowd), new_person(crowd)
    path = f"/chats/{alice.direct_chat(bob)}/draft"
    statuses = at_once(70, lambda number: alice.request("PUT", path, json={"content": str(number)}).status_code)
    assert statuses == {200: 60, 429: 10}


def test_ten_mentions_of_all(crowd: Server) -> None:
    alice, bob = new_person(crowd), new_person(crowd)
    message = {"chatId": alice.direct_chat(bob), "content": "all", "mentions": {"userIds": [], "all": True}}
    headers = {"Authorization": f"Bearer {alice.token}"}

    def mention(_: int) -> int:
        return requests.post(f"{crowd.url}/api/v1/messages", json=message, headers=headers, timeout=60).status_code

    assert at_once(20, mention) == {201: 10, 429: 10}


def test_an_address_of_many_users(crowd: Server) -> None:
    # No user reaches their own limit.
    users, headers = [new_person(crowd) for _ in range(6)], somewhere()

    def ask(number: int) -> int:
        authorization = {"Authorization": f"Bearer {users[number % 6].token}"}
        return requests.get(f"{crowd.url}/api/v1/users/me", headers=headers | authorization, timeout=60).status_code

    responses = paced(ADDRESS + 120, 80, ask)
    assert responses.keys() == {200, 429}
    assert ADDRESS <= responses[200] <= ADDRESS + 80


def test_ten_logins(crowd: Server) -> None:
    headers = somewhere()

    def log_in(_: int) -> int:
        return post(crowd, "/login", {"username": account()["username"], "password": PASSWORD}, headers).status_code

    responses = at_once(25, log_in)
    assert responses == {401: 10, 429: 15}


@pytest.mark.parametrize("known", [True, False])
def test_ten_failures_of_a_name_for_an_address(crowd: Server, known: bool) -> None:
    name = new_person(crowd).name if known else account()["username"]
    guess, headers = {"username": name, "password": "Wrong4Horse"}, somewhere()
    responses = at_once(24, lambda _: post(crowd, "/login", guess, headers).status_code)
    assert responses == {401: 10, 429: 14}
    assert post(crowd, "/login", guess | {"password": PASSWORD}, headers).status_code == 429


@pytest.mark.parametrize("known", [True, False])
def test_a_hundred_failures_of_a_name_from_everywhere(crowd: Server, known: bool) -> None:
    name = new_person(crowd).name if known else account()["username"]
    guess = {"username": name, "password": "Wrong4Horse"}
    responses = at_once(120, lambda _: post(crowd, "/login", guess, somewhere()).status_code)
    assert responses == {401: 100, 429: 20}
    assert post(crowd, "/login", guess | {"password": PASSWORD}, somewhere()).status_code == 429


def test_sixty_events(crowd: Server) -> None:
    person = new_person(crowd)
    sockets = [RawWebSocket(crowd.url).join(person.token) for _ in range(9)]
    assert len({socket.sid.partition(".")[0] for socket in sockets}) > 1
    codes: Counter[str] = Counter()
    # 18 events in a second.
    for number in range(10):
        began = time.monotonic()
        for socket in sockets:
            socket.write(frame(event("typing:stop", {"chatId": "x"}, ack=str(number))))
        codes.update(socket.acked(str(number))["error"]["code"] for socket in sockets)
        time.sleep(max(0.0, began + 0.5 - time.monotonic()))
    for socket in sockets:
        socket.connection.close()
    assert codes.keys() == {"validation_error", "rate_limited"}
    assert 60 <= codes["validation_error"] <= 78


def test_a_burst_of_events_to_all_workers(crowd: Server) -> None:
    person = new_person(crowd)
    sockets = [RawWebSocket(crowd.url).join(person.token) for _ in range(9)]
    for socket in sockets:
        for number in range(30):
            socket.write(frame(event("typing:stop", {"chatId": "x"}, ack=str(number))))
    codes: Counter[str] = Counter()
    for socket in sockets:
        codes.update(socket.acked(str(number))["error"]["code"] for number in range(30))
        socket.connection.close()
    # At most the limit on each worker.
    assert 60 <= codes["validation_error"] <= 180
    assert codes["validation_error"] + codes["rate_limited"] == 270


def test_twenty_sockets(crowd: Server) -> None:
    token = new_person(crowd).token

    def join(_: int) -> tuple[RawWebSocket, bool]:
        socket = RawWebSocket(crowd.url)
        socket.write(frame(f'40/chat,{{"token":"{token}"}}'))
        return socket, socket.until(("40/chat,", "44/chat,"))[-1].startswith("40")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(join, range(30)))
    assert sum(joined for _, joined in found) == 20
    for socket, _ in found:
        socket.connection.close()


CLAIMS = ["Forwarded", "X-Real-IP", "X-Client-IP", "X-Originating-IP", "True-Client-IP", "CF-Connecting-IP", "Via"]


@pytest.mark.parametrize("claim", CLAIMS)
def test_other_headers_do_not_change_the_address(crowd: Server, claim: str) -> None:
    headers = somewhere()
    responses = [
        post(crowd, "/register", account(), headers | {claim: f"for=192.0.2.{number}"}).status_code
        for number in range(6)
    ]
    assert responses == [201] * 5 + [429]


def test_addresses_before_the_trusted_proxy_are_ignored(crowd: Server) -> None:
    real = somewhere()["X-Forwarded-For"]
    headers = [f"192.0.2.{number}, {real}" for number in range(3)]
    headers += [f"{real}, {real}", f"unknown, {real}", f",, {real}"]
    responses = [post(crowd, "/register", account(), {"X-Forwarded-For": words}).status_code for words in headers]
    assert responses == [201] * 5 + [429]


def test_unknown_and_known_accounts_get_the_same_response(crowd: Server) -> None:
    person = new_person(crowd)
    responses = [
        post(crowd, "/login", {**who, "password": "Wrong4Horse"}, somewhere())
        for who in (
            {"username": person.name},
            {"email": person.email},
            {"username": account()["username"]},
            {"email": account()["email"]},
        )
    ]
    assert len({response.text for response in responses}) == 1
    assert len({response.status_code for response in responses}) == 1
    assert len({tuple(sorted(response.headers)) for response in responses}) == 1
