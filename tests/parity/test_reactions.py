"""Reactions have the same results over both transports."""

import uuid

import pytest

from tests.parity.conftest import Act
from tests.people import Person
from tests.socket_clients import JsDriver

UNKNOWN_ID = str(uuid.UUID(int=1))
THUMB, HEART = "👍", "❤️"


@pytest.fixture
def message_id(alice: Person, bob: Person) -> str:
    """A message of alice to bob."""
    return str(alice.send(alice.direct_chat(bob), "Hello")["id"])


def test_a_reaction_is_returned_and_emitted(
    act: Act, alice: Person, bob: Person, message_id: str, js_driver: JsDriver
) -> None:
    listener = js_driver.connect(alice.url, alice.token)
    given = act(bob, "message:react", {"messageId": message_id, "emoji": THUMB, "on": True}).data
    assert given["reactions"] == [{"emoji": THUMB, "count": 1, "userIds": [bob.id], "mine": True}]
    about = {"messageId": message_id, "chatId": given["chatId"]}
    assert listener.wait_for("message:changed") == about | {
        "rev": given["rev"],
        "changes": {"reactions": [{"emoji": THUMB, "count": 1, "userIds": [bob.id]}]},
        "actors": [{"userId": bob.id, "emoji": THUMB, "on": True}],
    }
    taken = act(bob, "message:react", {"messageId": message_id, "emoji": THUMB, "on": False}).data
    assert taken == about | {"rev": given["rev"] + 1}
    assert listener.wait_for("message:changed") == taken | {
        "changes": {"reactions": None},
        "actors": [{"userId": bob.id, "emoji": THUMB, "on": False}],
    }
    listener.disconnect()


def test_repetitions_are_not_emitted(
    act: Act, alice: Person, bob: Person, message_id: str, js_driver: JsDriver
) -> None:
    listener = js_driver.connect(alice.url, alice.token)
    reaction = {"messageId": message_id, "emoji": THUMB, "on": True}
    assert act(bob, "message:react", reaction) == act(bob, "message:react", reaction)
    last = act(bob, "message:react", {**reaction, "emoji": HEART, "unique": True}).data
    assert [each["emoji"] for each in last["reactions"]] == [HEART]
    listener.flush()
    first, second = [payload for _, payload in listener.received("message:changed")]
    assert (first["actors"], second["rev"]) == ([{"userId": bob.id, "emoji": THUMB, "on": True}], last["rev"])
    assert second["actors"] == [
        {"userId": bob.id, "emoji": THUMB, "on": False}, {"userId": bob.id, "emoji": HEART, "on": True},
    ]  # fmt: skip
    listener.disconnect()


@pytest.mark.parametrize("on", [True, False])
def test_refused_reactions_have_the_same_problem(
    act: Act, alice: Person, bob: Person, carol: Person, message_id: str, on: bool
) -> None:
    reaction = {"messageId": message_id, "emoji": THUMB, "on": on}
    assert act(carol, "message:react", reaction).problem["code"] == "not_found"
    assert act(bob, "message:react", reaction | {"messageId": UNKNOWN_ID}).problem["code"] == "not_found"
    refused = act(bob, "message:react", reaction | {"emoji": "x"}).problem
    assert (refused["code"], list(refused["errors"])) == ("validation_error", ["emoji"])
    alice.delete(f"/messages/{message_id}")
    assert act(bob, "message:react", reaction).problem["code"] == "message_deleted"
