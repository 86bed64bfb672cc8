"""Visibility of presence and receipts."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.conftest import Connect, NewPerson
from tests.people import Person, data

_CROWD = text("UPDATE chats SET member_count = 51 WHERE id = :chat_id")
UNSEEN = (False, None)


def presence(user: dict[str, Any]) -> tuple[bool, str | None]:
    return user["isOnline"], user["lastSeen"]


def test_strangers_see_no_presence(alice: Person, bob: Person, carol: Person, connect: Connect) -> None:
    bob.direct_chat(carol)
    first = connect(bob)
    carols = connect(carol)
    first.disconnect()
    carols.wait_for("user:offline")
    second = connect(bob)
    carols.wait_for("user:online", lambda event: event["userId"] == bob.id)
    for path in (f"/users/{bob.name}", f"/users/search?q={bob.name}"):
        seen = [data(reader.get(path)) for reader in (alice, carol)]
        stranger, acquaintance = [presence(user[0] if isinstance(user, list) else user) for user in seen]
        assert stranger == UNSEEN
        assert acquaintance[0]
        assert acquaintance[1]
    assert presence(data(bob.get("/users/me")))[0]
    assert second.connected


def test_administrators_see_no_presence_of_strangers(
    alice: Person, bob: Person, engine: Engine, connect: Connect
) -> None:
    with engine.begin() as db:
        db.execute(text("UPDATE users SET role = 'ADMIN' WHERE id = :id"), {"id": alice.id})
    connect(bob)
    assert presence(data(alice.get("/admin/users", q=bob.name))[0]) == UNSEEN
    assert presence(data(alice.patch(f"/admin/users/{bob.id}", {"role": "USER"}))) == UNSEEN
    alice.direct_chat(bob)
    assert data(alice.get("/admin/users", q=bob.name))[0]["isOnline"]


def test_presence_follows_a_new_chat(alice: Person, bob: Person, carol: Person, connect: Connect) -> None:
    alices, bobs = connect(alice), connect(bob)
    chat = data(alice.post("/chats/groups", {"name": "x", "memberIds": [bob.id, carol.id]}))
    assert {m["userId"]: m["user"]["isOnline"] for m in chat["members"]} == {
        alice.id: True,
        bob.id: True,
        carol.id: False,
    }
    event = bobs.wait_for("chat:new")
    assert {presence(member["user"]) for member in event["members"]} == {UNSEEN}
    assert bobs.wait_for("user:online") == {"userId": alice.id}
    assert alices.wait_for("user:online") == {"userId": bob.id}
    names = [name for name, _ in bobs.received()]
    assert names.index("chat:new") < names.index("user:online")


def test_presence_follows_a_new_member(alice: Person, bob: Person, connect: Connect) -> None:
    chat_id = data(alice.post("/chats/groups", {"name": "x"}))["id"]
    alices, bobs = connect(alice), connect(bob)
    member = data(alice.post(f"/chats/{chat_id}/members", {"userId": bob.id}))
    assert member["user"]["isOnline"]
    assert presence(alices.wait_for("chat:member_joined")["member"]["user"]) == UNSEEN
    assert alices.wait_for("user:online") == {"userId": bob.id}
    assert bobs.wait_for("chat:new")
    assert bobs.wait_for("user:online") == {"userId": alice.id}


@pytest.fixture
def large_group(alice: Person, bob: Person, carol: Person, engine: Engine) -> str:
    """A group of alice, bob and carol whose member count is above 50."""
    chat_id = str(data(alice.post("/chats/groups", {"name": "x", "memberIds": [bob.id, carol.id]}))["id"])
    with engine.begin() as db:
        db.execute(_CROWD, {"chat_id": chat_id})
    return chat_id


def test_receipts_of_large_groups_go_to_the_senders(
    alice: Person, bob: Person, carol: Person, large_group: str, connect: Connect
) -> None:
    alices, bobs, carols = connect(alice), connect(bob), connect(carol)
    message = alices.call("message:send", {"chatId": large_group, "content": "x"})["data"]
    delivered: set[str] = set()
    while delivered != {bob.id, carol.id}:
        event = alices.wait_for("messages:delivered")
        delivered |= {receipt["userId"] for receipt in event["receipts"]}
    bobs.call("messages:read", {"chatId": large_group})
    receipt = {"chatId": large_group, "userId": bob.id, "messageIds": [message["id"]], "readSeq": 1}
    assert alices.wait_for("messages:read") == receipt
    assert bobs.wait_for("messages:read") == receipt
    carols.flush()
    assert not carols.received("messages:read") + carols.received("messages:delivered")
    assert not bobs.received("messages:delivered")


def test_deliveries_of_a_group_come_once_a_second(alice: Person, register_person: NewPerson, connect: Connect) -> None:
    others = [register_person("other") for _ in range(6)]
    chat_id = data(alice.post("/chats/groups", {"name": "x", "memberIds": [other.id for other in others]}))["id"]
    socket = connect(alice)
    alice.send(chat_id, "x")
    others[0].get(f"/messages/{chat_id}")
    assert [r["userId"] for r in socket.wait_for("messages:delivered")["receipts"]] == [others[0].id]
    # At once, so that they belong to one second, or to two.
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda other: other.get(f"/messages/{chat_id}"), others[1:]))
    rest: list[set[str]] = []
    while set().union(*rest) != {other.id for other in others[1:]}:
        rest.append({receipt["userId"] for receipt in socket.wait_for("messages:delivered")["receipts"]})
    assert len(rest) <= 2


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (lambda name: name[:2], True),
        (lambda name: name[1:3], False),
        (lambda name: name[1:4], True),
        (lambda name: name[:1] + "_", False),
        (lambda name: "%" + name[1:4], False),
    ],
)
def test_short_searches_match_prefixes(
    alice: Person, register_person: NewPerson, search: Callable[[str], str], found: bool
) -> None:
    person = register_person("qxjz")
    users = data(alice.get("/users/search", q=search(person.name), limit=100))
    assert (person.id in {user["id"] for user in users}) is found


def test_a_search_pages_from_prefixes_to_the_rest(alice: Person, register_person: NewPerson) -> None:
    people = [register_person(name) for name in ("wvk", "wvk", "awvk", "bwvk")]
    found: list[str] = []
    cursor = None
    while True:
        page = alice.get("/users/search", q="WVK", limit=1, cursor=cursor).json()
        found += [user["id"] for user in page["data"]]
        cursor = page["meta"]["nextCursor"]
        if not cursor:
            break
    assert found == [p.id for p in sorted(people, key=lambda p: (not p.name.startswith("wvk"), p.name))]
