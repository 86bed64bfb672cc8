"""Permissions and recipients of events: every event × every kind of user, on sockets that stay open.

A documented event that is missing in these tables fails the build.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.authorisation.conftest import PEOPLE, Scene
from tests.conftest import NewPerson
from tests.fuzz.raw_clients import RawWebSocket, event, frame
from tests.people import Person, data
from tests.server import Server

Json = dict[str, Any]
ANYONE = (200,) * 6
MEMBERS = (404, 404, 200, 200, 404, 404)
# event → payload, and what each of PEOPLE gets; 200 stands for success.
SENDS: dict[str, tuple[Callable[[Scene, Person], Json], tuple[int, ...]]] = {
    "message:send": (lambda scene, _: {"chatId": scene.chat_id, "content": "x"}, MEMBERS),
    "message:edit": (lambda scene, _: {"messageId": scene.message_id, "content": "x"}, (404, 404, 403, 403, 404, 404)),
    "message:delete": (lambda scene, _: {"messageId": scene.message_id}, (404, 404, 403, 200, 200, 200)),
    "message:react": (lambda scene, _: {"messageId": scene.message_id, "emoji": ":wave:", "on": True}, MEMBERS),
    "messages:read": (lambda scene, _: {"chatId": scene.chat_id}, MEMBERS),
    "typing:start": (lambda scene, _: {"chatId": scene.chat_id}, MEMBERS),
    "typing:stop": (lambda scene, _: {"chatId": scene.chat_id}, MEMBERS),
    "signal": (lambda scene, _: {"chatId": scene.chat_id, "name": "x"}, MEMBERS),
    "auth:renew": (lambda _, person: {"token": person.token}, ANYONE),
    "sync": (lambda scene, _: {"chats": {scene.chat_id: 0}}, ANYONE),
}
# Recipients of events in the scene, in addition to the user concerned.
IN_IT = {"member", "group_admin", "author"}


@dataclass
class Live:
    """The scene, and a socket of each user, opened before the group was created and never closed."""

    scene: Scene
    people: dict[str, Person]
    sockets: dict[str, RawWebSocket]

    def received(self, who: str) -> list[tuple[str, Json]]:
        """The events that a user received since the last call."""
        packets = [packet for packet in self.sockets[who].flush() if packet.startswith("42/chat,")]
        return [tuple(json.loads(packet.removeprefix("42/chat,"))) for packet in packets]

    def received_names(self, who: str) -> list[str]:
        """The names of those events, but for receipts: those for the message of the scene may arrive at any time."""
        return [name for name, _ in self.received(who) if name != "messages:delivered"]

    def recipients_of(self, name: str) -> set[str]:
        """The users who received such an event about the scene or its users since the last call."""
        about = {self.scene.chat_id, self.people["stranger"].id}
        return {
            who
            for who in self.sockets
            for each, payload in self.received(who)
            if each == name and about & {payload.get("chatId"), payload.get("id"), payload.get("userId")}
        }


@pytest.fixture
def live(server: Server, people: dict[str, Person], request: pytest.FixtureRequest) -> Iterator[Live]:
    """All users but the stranger connect; then the group is created, and the ex-member is removed from it.

    In a test about one user, `who`, only they and the author connect.
    """
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    connecting = {parameters["who"], "author"} if "who" in parameters else set(people) - {"stranger"}
    with ExitStack() as stack:
        sockets = {
            who: stack.enter_context(RawWebSocket(server.url)).join(people[who].token) for who in sorted(connecting)
        }
        live = Live(request.getfixturevalue("scene"), dict(people), sockets)
        for who in sockets:
            live.received(who)
        yield live


@pytest.fixture(scope="module")
def documented(server: Server) -> dict[str, set[str]]:
    """The names of the events that the document lists, by direction."""
    document = requests.get(f"{server.url}/api/v1/asyncapi.json", timeout=20).json()
    messages = document["channels"]["chat"]["messages"]
    found: dict[str, set[str]] = {"receive": set(), "send": set()}
    for operation in document["operations"].values():
        (reference,) = operation["messages"]
        found[operation["action"]].add(messages[reference["$ref"].rpartition("/")[2]]["name"])
    return found


def test_the_tables_list_every_event(documented: dict[str, set[str]]) -> None:
    assert documented["receive"] == set(SENDS)
    # `exception` goes to one socket alone, `resync` follows an outage (tests/multiworker/test_replay.py), and
    # `user:updated` comes seconds later (tests/realtime/test_user_updates.py).
    assert documented["send"] == {*RECIPIENTS, "exception", "resync", "user:updated"}


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("name", SENDS)
def test_events_are_accepted_as_in_the_table(live: Live, name: str, who: str) -> None:
    payload, statuses = SENDS[name]
    expected = statuses[PEOPLE.index(who)]
    response = live.sockets[who].ask(event(name, payload(live.scene, live.people[who]), ack="1"), "1")
    if expected == 200:
        assert response["ok"], response
    else:
        code = {403: "forbidden", 404: "not_found"}[expected]
        assert (response["error"]["status"], response["error"]["code"]) == (expected, code)
        # And nothing of it has happened. (Receipts for the message of the scene may arrive at any time.)
        received = [name for name, payload in live.received("author") if payload.get("chatId") == live.scene.chat_id]
        assert [name for name in received if name != "messages:delivered"] == []


@pytest.mark.parametrize("who", ["outsider", "ex_member", "moderator", "admin"])
def test_sync_reveals_nothing_about_chats_of_others(live: Live, who: str) -> None:
    response = live.sockets[who].ask(event("sync", {"chats": {live.scene.chat_id: 0}}, ack="1"), "1")["data"]
    assert response["gone"] == [live.scene.chat_id]
    assert live.scene.chat_id not in json.dumps({**response, "gone": []})


def wait_until_received(live: Live, who: str, name: str, user_id: str) -> None:
    live.sockets[who].until(f'42/chat,["{name}",{{"userId":"{user_id}"')


def emit(who: str, name: str) -> Callable[[Live], object]:
    return lambda live: live.sockets[who].write(frame(event(name, {"chatId": live.scene.chat_id})))


def add_the_stranger(live: Live) -> object:
    stranger = {"userId": live.people["stranger"].id}
    return data(live.people["group_admin"].post(f"/chats/{live.scene.chat_id}/members", stranger))


def in_the_chat(method: str, rest: str, body: Json | None = None) -> Callable[[Live], object]:
    """The group's administrator does something to it; `{member}` and `{author}` stand for ids."""

    def do(live: Live) -> None:
        ids = {who: live.people[who].id for who in ("member", "author")}
        path = f"/chats/{live.scene.chat_id}{rest.format(**ids)}"
        assert live.people["group_admin"].request(method, path, json=body).ok

    return do


def change_settings(live: Live) -> None:
    for notify in ("none", "all"):
        assert live.people["member"].patch("/users/me/settings", {"notify": notify}).ok


def block_and_unblock(live: Live) -> None:
    for method in ("PUT", "DELETE"):
        assert live.people["member"].request(method, f"/users/me/blocks/{live.people['author'].id}").ok


def own_change(method: str, path: str, body: Json) -> Callable[[Live], object]:
    """The member changes their own state; `{chat}` and `{message}` stand for ids."""

    def do(live: Live) -> None:
        ids = {"chat": live.scene.chat_id, "message": live.scene.message_id}
        named = json.loads(json.dumps(body).replace("{message}", ids["message"]))
        assert live.people["member"].request(method, path.format(**ids), json=named).ok

    return do


def read(live: Live) -> object:
    return live.people["member"].post(f"/messages/{live.scene.chat_id}/read", {})


def say(live: Live) -> object:
    return live.scene.author.send(live.scene.chat_id, "Hello?")


# event → its cause, and its recipients.
RECIPIENTS: dict[str, tuple[Callable[[Live], object], set[str]]] = {
    "message:new": (say, IN_IT),
    "message:edited": (
        lambda live: live.scene.author.patch(f"/messages/{live.scene.message_id}", {"content": "Hi"}),
        IN_IT,
    ),
    "message:changed": (
        lambda live: live.scene.author.patch(f"/messages/{live.scene.message_id}", {"metadata": {"a": 1}}),
        IN_IT,
    ),
    "message:deleted": (lambda live: live.scene.author.delete(f"/messages/{live.scene.message_id}"), IN_IT),
    "messages:read": (read, IN_IT),
    "messages:delivered": (say, IN_IT),
    "typing:start": (emit("author", "typing:start"), IN_IT - {"author"}),
    "typing:stop": (
        lambda live: [emit("author", name)(live) for name in ("typing:start", "typing:stop")],
        IN_IT - {"author"},
    ),
    "signal": (
        lambda live: live.scene.author.post(f"/chats/{live.scene.chat_id}/signal", {"name": "x"}),
        IN_IT - {"author"},
    ),
    "me:chat": (own_change("PATCH", "/chats/{chat}/me", {"isArchived": True}), {"member"}),
    "me:hidden": (own_change("POST", "/messages/hide", {"messageIds": ["{message}"]}), {"member"}),
    "me:draft": (own_change("PUT", "/chats/{chat}/draft", {"content": "x"}), {"member"}),
    "chat:new": (add_the_stranger, {"stranger"}),
    "chat:updated": (in_the_chat("PATCH", "", {"name": "Other"}), IN_IT),
    "chat:deleted": (in_the_chat("DELETE", ""), IN_IT),
    "chat:member_joined": (add_the_stranger, IN_IT | {"stranger"}),
    "chat:member_updated": (in_the_chat("PATCH", "/members/{member}/role", {"role": "ADMIN"}), IN_IT),
    "chat:member_left": (in_the_chat("DELETE", "/members/{author}"), IN_IT),
    "me:settings": (change_settings, {"member"}),
    "me:blocked": (block_and_unblock, {"member"}),
    "user:online": (add_the_stranger, IN_IT),
    "user:offline": (add_the_stranger, IN_IT),
}


@pytest.mark.parametrize("name", [name for name in RECIPIENTS if not name.startswith("user:")])
def test_events_reach_only_their_recipients(server: Server, live: Live, name: str) -> None:
    happen, recipients = RECIPIENTS[name]
    with RawWebSocket(server.url) as socket:
        live.sockets["stranger"] = socket.join(live.people["stranger"].token)
        happen(live)
        for who in recipients:
            assert live.sockets[who].until(f'42/chat,["{name}",')
        assert live.recipients_of(name) <= recipients


@pytest.mark.parametrize("name", ["user:online", "user:offline"])
def test_presence_reaches_only_users_who_share_a_chat(
    server: Server, live: Live, register_person: NewPerson, name: str
) -> None:
    happen, recipients = RECIPIENTS[name]
    # A new user: one who was online a moment ago has not gone offline.
    live.people["stranger"] = register_person("newcomer")
    happen(live)
    with RawWebSocket(server.url) as socket:
        socket.join(live.people["stranger"].token)
        wait_until_received(live, "author", "user:online", live.people["stranger"].id)
        if name == "user:online":
            assert live.recipients_of(name) | {"author"} == recipients
    if name == "user:offline":
        wait_until_received(live, "author", name, live.people["stranger"].id)
        assert live.recipients_of(name) | {"author"} == recipients


def test_exceptions_reach_only_their_socket(server: Server, live: Live) -> None:
    with RawWebSocket(server.url) as second:
        second.join(live.people["member"].token)
        live.sockets["member"].write(frame(event("message:send", {"chatId": live.scene.chat_id})))
        assert live.received_names("member") == ["exception"]
        assert [packet for packet in second.flush() if "exception" in packet] == []
        assert {who for who in live.sockets if who != "member" and live.received_names(who)} == set()
