"""What users see of each other: every relation × every route and event that shows a person."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from tests.conftest import Connect, NewPerson
from tests.people import Person, data, problem
from tests.rest.test_blocks import block, changes_of
from tests.rest.test_my_settings import change
from tests.server import Server

Json = dict[str, Any]
UNKNOWN_ID = "00000000-0000-7000-8000-00000000000f"


@dataclass(frozen=True)
class Case:
    """A relation of a viewer to a person, and what the viewer sees of them."""

    prepare: Callable[[Person, Person], object]
    shares_chat: bool = True
    sees_presence: bool = True
    sees_typing: bool = True
    finds: bool = True
    # Opens a new direct chat: the status and code.
    opens: tuple[int, str] | int = 201
    adds: tuple[int, str] | int = 201


HIDDEN = (404, "not_found")


def nothing(_viewer: Person, _person: Person) -> None:
    """The default."""


def block_both(viewer: Person, person: Person) -> None:
    block(viewer, person)
    block(person, viewer)


def settings(**fields: Any) -> Callable[[Person, Person], object]:
    return lambda _viewer, person: change(person, **fields)


CASES = {
    "contact": Case(nothing),
    "stranger": Case(nothing, shares_chat=False, sees_presence=False),
    "blocked by": Case(
        lambda viewer, person: block(person, viewer),
        sees_presence=False,
        sees_typing=False,
        finds=False,
        opens=HIDDEN,
        adds=HIDDEN,
    ),
    "blocking": Case(block, sees_presence=False, sees_typing=False, finds=False, opens=(403, "you_blocked")),
    "both": Case(
        block_both, sees_presence=False, sees_typing=False, finds=False, opens=(403, "you_blocked"), adds=HIDDEN
    ),
    "blocked by a stranger": Case(
        lambda viewer, person: block(person, viewer),
        shares_chat=False,
        sees_presence=False,
        finds=False,
        opens=HIDDEN,
        adds=HIDDEN,
    ),
    "hidden presence": Case(settings(lastSeen="nobody"), sees_presence=False),
    "own presence hidden": Case(lambda viewer, _: change(viewer, lastSeen="nobody"), sees_presence=False),
    "hidden typing": Case(settings(typing=False), sees_typing=False),
    "not findable, contact": Case(settings(findable=False)),
    "not findable": Case(settings(findable=False), shares_chat=False, sees_presence=False, finds=False),
    "directly from contacts": Case(settings(directFrom="contacts")),
    "directly from contacts, stranger": Case(
        settings(directFrom="contacts"), shares_chat=False, sees_presence=False, opens=HIDDEN
    ),
}


@dataclass(frozen=True)
class Pair:
    """A viewer, a person who is online, and a chat of both, if they share one."""

    viewer: Person
    person: Person
    group: str | None
    # A message of the group to which the person reacted.
    message_id: str
    case: Case


@pytest.fixture(params=CASES, ids=lambda name: name.replace(" ", "-"))
def pair(request: pytest.FixtureRequest, alice: Person, bob: Person, connect: Connect, engine: Engine) -> Pair:
    """Two users in each relation."""
    case = CASES[request.param]
    group, message_id = bob.group(alice) if case.shares_chat else None, ""
    if group:
        # So that both can add, promote and remove.
        bob.patch(f"/chats/{group}/members/{alice.id}/role", {"role": "ADMIN"})
        message_id = bob.send(group, "Hello")["id"]
        assert bob.request("PUT", f"/messages/{message_id}/reactions/👍").ok
    with engine.begin() as db:
        db.execute(text("UPDATE users SET last_seen = now() WHERE id = :id"), {"id": bob.id})
    connect(bob)
    case.prepare(alice, bob)
    return Pair(alice, bob, group, message_id, case)


# operation → the response of it, from which the viewer learns about the person; those of chats need a shared one.
SHOWS: dict[str, Callable[[Pair], requests.Response]] = {
    "GET /users/{username}": lambda pair: pair.viewer.get(f"/users/{pair.person.name}"),
    "GET /users/search": lambda pair: pair.viewer.get("/users/search", q=pair.person.name),
    "GET /users/me/blocks": lambda pair: pair.viewer.get("/users/me/blocks"),
    "GET /chats": lambda pair: pair.viewer.get("/chats"),
    "GET /search/chats": lambda pair: pair.viewer.get("/search/chats", q=pair.person.name),
    "POST /sync": lambda pair: pair.viewer.post("/sync", {"chats": {}}),
    "POST /chats/direct": lambda pair: pair.viewer.post("/chats/direct", {"userId": pair.person.id}),
    "POST /chats/groups": lambda pair: pair.viewer.post("/chats/groups", {"name": "x", "memberIds": [pair.person.id]}),
    "GET /chats/{chatId}": lambda pair: pair.viewer.get(f"/chats/{pair.group}"),
    "GET /chats/{chatId}/members": lambda pair: pair.viewer.get(f"/chats/{pair.group}/members"),
    "GET /messages/{messageId}/reactions": lambda pair: pair.viewer.get(f"/messages/{pair.message_id}/reactions"),
    "PATCH /chats/{chatId}": lambda pair: pair.viewer.patch(f"/chats/{pair.group}", {"name": "New"}),
    "POST /chats/{chatId}/members": lambda pair: pair.viewer.post(
        f"/chats/{pair.viewer.group()}/members", {"userId": pair.person.id}
    ),
    "PATCH /chats/{chatId}/members/{userId}/role": lambda pair: pair.viewer.patch(
        f"/chats/{pair.group}/members/{pair.person.id}/role", {"role": "MEMBER"}
    ),
}
# They show the person only as the sender of a message, or the chat with its picture.
WITHOUT_PRESENCE = {"PUT /chats/{chatId}/avatar", "DELETE /chats/{chatId}/avatar", "PATCH /users/me", "GET /users/me"}
WITHOUT_PRESENCE |= {"PUT /users/me/avatar", "DELETE /users/me/avatar"}


def shown(value: Any, user_id: str) -> Iterator[Json]:
    """All objects with presence of a user in a response."""
    if isinstance(value, dict):
        if value.get("id") == user_id and "isOnline" in value:
            yield value
        for part in value.values():
            yield from shown(part, user_id)
    if isinstance(value, list):
        for part in value:
            yield from shown(part, user_id)


def test_the_table_lists_every_operation_with_presence(server: Server) -> None:
    document = requests.get(f"{server.url}/api/v1/openapi.json", timeout=20).json()
    schemas = document["components"]["schemas"]

    def has_presence(part: Any, seen: frozenset[str] = frozenset()) -> bool:
        if isinstance(part, list):
            return any(has_presence(each, seen) for each in part)
        if not isinstance(part, dict):
            return False
        name = str(part.get("$ref", "")).rpartition("/")[2]
        if name in schemas and name not in seen:
            return has_presence(schemas[name], seen | {name})
        return "isOnline" in part.get("properties", {}) or any(has_presence(each, seen) for each in part.values())

    found = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method != "parameters" and not re.search("/(server|admin|auth)/", path)
        if has_presence([response for status, response in operation["responses"].items() if status < "3"])
    }
    assert found == SHOWS.keys() | WITHOUT_PRESENCE


def test_presence_is_the_same_in_all_objects(pair: Pair) -> None:
    for name, call in SHOWS.items():
        if re.search("{chatId}|{messageId}", name) and not pair.group:
            continue
        response = call(pair)
        for user in shown(response.json().get("data"), pair.person.id):
            # A chat that the viewer has opened by now makes them contacts.
            sees = pair.case.sees_presence or (
                not pair.case.shares_chat and name.startswith(("POST /chats", "GET /chats"))
            )
            expected = sees and name != "GET /users/me/blocks"
            assert (user["isOnline"], user["lastSeen"] is not None) == (expected, expected), name


def test_users_find_each_other_as_in_the_table(pair: Pair) -> None:
    found = pair.viewer.get(f"/users/{pair.person.name}")
    pair.person.patch("/users/me", {"displayName": f"Name {pair.person.name}"})
    listed = [data(pair.viewer.get("/users/search", q=q)) for q in (pair.person.name, f"name {pair.person.name}")]
    if pair.case.finds:
        assert data(found)["id"] == pair.person.id
        assert [[user["id"] for user in users] for users in listed] == [[pair.person.id]] * 2
    else:
        assert problem(found) == (404, "not_found")
        assert listed == [[], []]


def outcome(response: requests.Response) -> tuple[int, str] | int:
    return response.status_code if response.ok else problem(response)


def test_new_chats_as_in_the_table(pair: Pair) -> None:
    assert outcome(pair.viewer.post("/chats/direct", {"userId": pair.person.id})) == pair.case.opens
    body = {"name": "New", "memberIds": [pair.person.id]}
    assert outcome(pair.viewer.post("/chats/groups", body)) == pair.case.adds
    group = pair.viewer.group()
    assert outcome(pair.viewer.post(f"/chats/{group}/members", {"userId": pair.person.id})) == pair.case.adds


def test_events_as_in_the_table(pair: Pair, carol: Person, connect: Connect) -> None:
    if not pair.group:
        return
    pair.person.post(f"/chats/{pair.group}/members", {"userId": carol.id})
    watcher, third, socket = connect(pair.viewer), connect(carol), connect(pair.person)
    assert socket.call("typing:start", {"chatId": pair.group})["ok"]
    carol.post("/chats/groups", {"name": "New", "memberIds": [pair.viewer.id]})
    # The viewer learns of members who are online.
    both = data(carol.post("/chats/groups", {"name": "Both", "memberIds": [pair.viewer.id, pair.person.id]}))
    watcher.wait_for("chat:new", lambda payload: payload["id"] == both["id"])
    pair.person.patch("/users/me", {"displayName": "New"})
    third.wait_for("user:updated")
    watcher.flush()
    names = {
        name
        for name, payload in watcher.received()
        if pair.person.id in (payload.get("userId"), payload.get("user", {}).get("id"))
    }
    is_blocked = not pair.case.finds
    assert ("user:online" in names) is pair.case.sees_presence
    assert ("typing:start" in names) is pair.case.sees_typing
    assert ("user:updated" in names) is not is_blocked


# What must not be told apart: the response about a person, and about an unknown one; with their name and id.
ASKED: dict[str, Callable[[Person, str, str], requests.Response]] = {
    "profile": lambda viewer, name, _: viewer.get(f"/users/{name}"),
    "search": lambda viewer, name, _: viewer.get("/users/search", q=name),
    "search by display name": lambda viewer, name, _: viewer.get("/users/search", q=f"name {name}"),
    "direct chat": lambda viewer, _, id: viewer.post("/chats/direct", {"userId": id}),
    "new group": lambda viewer, _, id: viewer.post("/chats/groups", {"name": "x", "memberIds": [id]}),
    "new member": lambda viewer, _, id: viewer.post(f"/chats/{viewer.group()}/members", {"userId": id}),
}
NOT_TOLD_APART = [
    *[("blocked by", what) for what in ASKED],
    *[("blocked by a stranger", what) for what in ASKED],
    ("blocking", "profile"),
    ("blocking", "search"),
    ("blocking", "search by display name"),
    ("not findable", "profile"),
    ("not findable", "search"),
    ("not findable", "search by display name"),
    ("directly from contacts, stranger", "direct chat"),
]


def content(response: requests.Response) -> tuple[int, dict[str, str], bytes]:
    """All of a response that differs from that to another request of the same kind only if its content does."""
    varying = ("date", "x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after")
    headers = {name.lower(): value for name, value in response.headers.items() if name.lower() not in varying}
    return response.status_code, headers, response.content


@pytest.mark.parametrize(("name", "what"), NOT_TOLD_APART)
def test_hidden_users_are_as_unknown_ones(alice: Person, bob: Person, name: str, what: str) -> None:
    case = CASES[name]
    bob.patch("/users/me", {"displayName": f"Name {bob.name}"})
    if case.shares_chat:
        bob.group(alice)
    case.prepare(alice, bob)
    hidden = content(ASKED[what](alice, bob.name, bob.id))
    unknown = content(ASKED[what](alice, f"{bob.name[:-2]}zz", UNKNOWN_ID))
    assert hidden[:2] == unknown[:2]
    assert hidden[2].replace(bob.id.encode(), UNKNOWN_ID.encode()) == unknown[2]


def test_a_block_is_as_an_erased_account(
    alice: Person, bob: Person, carol: Person, register_person: NewPerson, engine: Engine
) -> None:
    dave = register_person("dave")
    found: dict[str, dict[str, tuple[int, dict[str, str], bytes]]] = {}
    for name, peer in (("blocked", bob), ("erased", carol)):
        chat_id, other = alice.direct_chat(peer), alice.direct_chat(dave)
        message_id, source = alice.send(chat_id, "mine")["id"], alice.send(other, "elsewhere")["id"]
        if name == "blocked":
            block(bob, alice)
        else:
            with engine.begin() as db:
                db.execute(
                    text("UPDATE users SET deleted_at = now(), is_active = false WHERE id = :id"), {"id": peer.id}
                )
                db.execute(text("UPDATE chats SET is_closed = true WHERE id = :id"), {"id": chat_id})
        responses = changes_of(alice, chat_id, message_id, source)
        found[name] = {what: content(response) for what, response in responses.items()}
    assert found["blocked"] == found["erased"]


def test_the_blocked_user_gets_no_event(alice: Person, bob: Person, connect: Connect) -> None:
    alice.direct_chat(bob)
    own, other = connect(alice), connect(bob)
    own.wait_for("user:online", lambda payload: payload["userId"] == bob.id)
    other.flush()
    before = list(other.received())
    block(alice, bob)
    own.wait_for("me:blocked")
    alice.delete(f"/users/me/blocks/{bob.id}")
    own.wait_for("me:blocked")
    other.flush()
    assert list(other.received()) == before
    assert data(bob.post("/sync", {"chats": {}, "me": 0}))["me"] == {"rev": 0}
