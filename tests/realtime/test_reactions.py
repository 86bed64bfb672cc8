"""Reactions over sockets: their events, their order, and their limit."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.conftest import Connect, insert_key
from tests.people import Person, data, problem, register
from tests.server import Server

THUMB, HEART = "👍", "❤️"
Json = dict[str, Any]


def react(message_id: str, emoji: str = THUMB, on: bool = True) -> Json:
    return {"messageId": message_id, "emoji": emoji, "on": on}


def changes(received: list[tuple[str, Any]]) -> list[Json]:
    return [payload for name, payload in received if name == "message:changed"]


def test_reactions_reach_every_socket_in_the_order_of_rev(alice: Person, bob: Person, connect: Connect) -> None:
    message = alice.send(alice.direct_chat(bob), "Hello")
    sockets = [connect(alice), connect(alice), connect(bob)]
    bobs = sockets[-1]
    for n in range(6):
        bobs.emit("message:react", react(message["id"], f":{n}:"))
        alice.patch(f"/messages/{message['id']}", {"content": str(n)})
    for socket in sockets:
        socket.wait_for("message:edited", lambda edited: edited["content"] == "5")
        socket.wait_for("message:changed", lambda changed: changed["actors"][-1]["emoji"] == ":5:")
        events = [payload for name, payload in socket.received() if name.startswith("message:") and "rev" in payload]
        revs = [payload["rev"] for payload in events]
        assert revs == sorted(set(revs))
        actors = [actor for event in changes(socket.received()) for actor in event["actors"]]
        assert {actor["emoji"] for actor in actors} == {f":{n}:" for n in range(6)}


@pytest.fixture(scope="module")
def limited(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with low limits: 5 reactions, 3 requests of a user, and 3 events."""
    limits = {"RATELIMIT_REACTIONS": "5/1h", "RATELIMIT_GLOBAL": "10/1h", "RATELIMIT_EVENTS": "3/1h"}
    folder = tmp_path_factory.mktemp("limited")
    with Server(database_url, folder, RATELIMIT_ENABLED="true", **limits) as server:
        yield server


@pytest.fixture
def message(limited: Server) -> tuple[Person, str]:
    """A new user, and a message that they sent."""
    alice, bob = register(limited.url, "alice"), register(limited.url, "bob")
    return alice, str(alice.send(alice.direct_chat(bob), "Hello")["id"])


def test_reactions_have_a_limit_of_their_own(message: tuple[Person, str], connect: Connect) -> None:
    person, id = message
    socket = connect(person)
    responses = [person.request("PUT", f"/messages/{id}/reactions/:{n}:") for n in range(3)]
    assert [response.headers["RateLimit-Remaining"] for response in responses] == ["4", "3", "2"]
    # Those over both transports count together, and those that are refused count too.
    assert socket.call("message:react", react(id))["ok"]
    assert socket.call("message:react", react(id, "x"))["error"]["code"] == "validation_error"
    assert socket.call("message:react", react(id))["error"]["code"] == "rate_limited"
    refused = person.delete(f"/messages/{id}/reactions/:1:")
    assert problem(refused) == (429, "rate_limited")
    assert refused.headers["RateLimit-Limit"] == "5"
    # The other limits have not counted them: two requests were made, and connecting is an event.
    assert person.get("/users/me").headers["RateLimit-Remaining"] == "7"
    for _ in range(2):
        assert socket.call("sync", {"chats": {}})["ok"]


def test_reactions_of_a_key_count_for_its_user(message: tuple[Person, str], limited: Server, engine: Engine) -> None:
    person, id = message
    key = insert_key(engine, limited.url, ["act"])
    for _ in range(5):
        data(key.put(f"/messages/{id}/reactions/:1:", act_as=person.id))
    assert problem(key.put(f"/messages/{id}/reactions/:1:", act_as=person.id)) == (429, "rate_limited")
    assert problem(person.request("PUT", f"/messages/{id}/reactions/:1:")) == (429, "rate_limited")
    assert data(key.get("/users/me", act_as=person.id))
