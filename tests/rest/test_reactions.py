"""Reactions over REST."""

import uuid
from typing import Any
from urllib.parse import quote

import pytest
import requests
from sqlalchemy import Engine, text

from tests.conftest import NewKey, NewPerson
from tests.people import Backend, Person, data, problem

THUMB, HEART, COLOURED_HEART = "👍", "❤", "❤\ufe0f"
FACES = [chr(0x1F600 + n) for n in range(25)]
Json = dict[str, Any]


@pytest.fixture
def message(alice: Person, bob: Person) -> Json:
    """A message of alice in her direct chat with bob."""
    return alice.send(alice.direct_chat(bob), "Hello")


def path(message: Json, emoji: str) -> str:
    return f"/messages/{message['id']}/reactions/{quote(emoji, safe='')}"


def react(person: Person, message: Json, emoji: str = THUMB, **query: str) -> requests.Response:
    return person.request("PUT", path(message, emoji), params=query)


def take_back(person: Person, message: Json, emoji: str = THUMB) -> requests.Response:
    return person.delete(path(message, emoji))


def shown(reader: Person, message: Json) -> list[Json]:
    """The reactions to the newest message of a chat."""
    newest = data(reader.get(f"/messages/{message['chatId']}"))[0]
    assert newest["id"] == message["id"]
    reactions: list[Json] = newest.get("reactions", [])
    return reactions


def given(reader: Person, message: Json, **query: object) -> list[tuple[str, str]]:
    """Who reacted with which emoji, as listed."""
    listed = data(reader.get(f"/messages/{message['id']}/reactions", **query))
    return [(each["userId"], each["emoji"]) for each in listed]


def test_a_reaction_is_counted_and_taken_back(alice: Person, bob: Person, message: Json) -> None:
    reacted = data(react(bob, message))
    mine = {"emoji": THUMB, "count": 1, "userIds": [bob.id], "mine": True}
    about = {"messageId": message["id"], "chatId": message["chatId"]}
    assert reacted == about | {"rev": message["rev"] + 1, "reactions": [mine]}
    assert shown(bob, message) == [mine]
    assert shown(alice, message) == [{"emoji": THUMB, "count": 1, "userIds": [bob.id]}]
    assert data(react(alice, message))["reactions"] == [mine | {"count": 2, "userIds": [bob.id, alice.id]}]
    assert data(take_back(bob, message))["reactions"] == [{"emoji": THUMB, "count": 1, "userIds": [alice.id]}]
    assert data(take_back(alice, message)) == about | {"rev": message["rev"] + 4}
    assert shown(alice, message) == []


def test_repeating_changes_nothing(bob: Person, message: Json) -> None:
    assert data(take_back(bob, message))["rev"] == message["rev"]
    first = data(react(bob, message))
    assert data(react(bob, message)) == first
    assert data(react(bob, message, unique="true")) == first


def test_a_unique_reaction_replaces_the_others(alice: Person, bob: Person, message: Json) -> None:
    for emoji in (THUMB, HEART):
        data(react(bob, message, emoji))
    data(react(alice, message, HEART))
    replaced = data(react(bob, message, FACES[0], unique="true"))
    assert [(each["emoji"], each["count"]) for each in replaced["reactions"]] == [(HEART, 1), (FACES[0], 1)]
    assert given(bob, message) == [(alice.id, HEART), (bob.id, FACES[0])]


def test_the_variation_selector_distinguishes_nothing(alice: Person, bob: Person, message: Json) -> None:
    data(react(bob, message, HEART))
    assert data(react(alice, message, COLOURED_HEART))["reactions"][0]["count"] == 2
    assert given(bob, message, emoji=COLOURED_HEART) == [(bob.id, HEART), (alice.id, HEART)]
    data(take_back(bob, message, COLOURED_HEART))
    data(take_back(alice, message, HEART))
    # It is stored as it was first given.
    assert [each["emoji"] for each in data(react(bob, message, COLOURED_HEART))["reactions"]] == [COLOURED_HEART]


def test_skin_tones_are_different_emoji(bob: Person, message: Json) -> None:
    for emoji in (THUMB, "👍🏽"):
        reacted = data(react(bob, message, emoji))
    assert [each["emoji"] for each in reacted["reactions"]] == [THUMB, "👍🏽"]


# Among them a keycap, a flag, a subdivision, a family, and one that is new in Unicode 17.
EMOJI = ["#\ufe0f\u20e3", "🇺🇳", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "👨‍👩‍👧‍👦", "👩🏽‍🚀", "\U0001faea", ":party-parrot_2:", ":+1:", f":{'x' * 32}:"]


@pytest.mark.parametrize("emoji", EMOJI)
def test_every_recommended_emoji_and_names_of_the_app_are_accepted(bob: Person, message: Json, emoji: str) -> None:
    assert data(react(bob, message, emoji))["reactions"][0]["emoji"] == emoji


NO_EMOJI = ["a", "1", "©x", THUMB * 2, f"{THUMB} ", "🇺", "\U0001f3fd", "👍\ufe0e", "👨‍", ":", "::", ":Party:"]
NO_EMOJI += [f":{'x' * 33}:", ":a\ufe0f:", "party", "\ufe0f", "x" * 65, "\0"]


@pytest.mark.parametrize("emoji", NO_EMOJI, ids=ascii)
def test_other_texts_are_refused(bob: Person, message: Json, emoji: str) -> None:
    for refused in (react(bob, message, emoji), take_back(bob, message, emoji)):
        assert problem(refused) == (422, "validation_error")
        assert list(refused.json()["errors"]) == ["emoji"]
    assert problem(bob.get(f"/messages/{message['id']}/reactions", emoji=emoji)) == (422, "validation_error")


def test_a_message_has_20_different_reactions_and_10_of_a_user(
    alice: Person, bob: Person, carol: Person, register_person: NewPerson
) -> None:
    message = alice.send(alice.group(bob, carol), "Hello")
    for person, faces in ((alice, FACES[:10]), (bob, FACES[10:20])):
        for face in faces:
            data(react(person, message, face))
    assert problem(react(alice, message, FACES[10])) == (409, "too_many_reactions")
    assert problem(react(carol, message, FACES[20])) == (409, "too_many_reactions")
    # Neither limit is about reactions that exist, or that are replaced.
    assert data(react(carol, message, FACES[0]))["reactions"][0]["count"] == 2
    assert problem(react(carol, message, FACES[20], unique="true")) == (409, "too_many_reactions")
    data(react(alice, message, FACES[20], unique="true"))
    assert len(shown(alice, message)) == 12


def test_reactions_to_a_deleted_message_are_gone(alice: Person, bob: Person, message: Json, engine: Engine) -> None:
    data(react(bob, message))
    alice.delete(f"/messages/{message['id']}")
    assert (shown(bob, message), given(bob, message)) == ([], [])
    for refused in (react(bob, message), take_back(bob, message)):
        assert problem(refused) == (409, "message_deleted")
    with engine.connect() as db:
        rows = text("SELECT count(*) FROM reactions WHERE message_id = :id")
        assert db.scalar(rows, {"id": message["id"]}) == 0


def test_only_members_react_and_see_reactions(
    alice: Person, bob: Person, carol: Person, admin: Person, message: Json
) -> None:
    data(react(bob, message))
    for outsider in (carol, admin):
        for refused in (react(outsider, message), take_back(outsider, message)):
            assert problem(refused) == (404, "not_found")
        assert problem(outsider.get(f"/messages/{message['id']}/reactions")) == (404, "not_found")
    unknown = {"id": str(uuid.uuid4())}
    assert problem(react(alice, unknown)) == (404, "not_found")
    assert problem(alice.get(f"/messages/{unknown['id']}/reactions")) == (404, "not_found")


def test_reactions_of_former_members_stay(alice: Person, bob: Person, carol: Person) -> None:
    message = alice.send(alice.group(bob, carol), "Hello")
    data(react(bob, message))
    bob.delete(f"/chats/{message['chatId']}/leave")
    assert problem(take_back(bob, message)) == (404, "not_found")
    assert shown(carol, message) == [{"emoji": THUMB, "count": 1, "userIds": [bob.id]}]
    (listed,) = data(carol.get(f"/messages/{message['id']}/reactions"))
    assert (listed["user"]["username"], listed["user"]["isOnline"]) == (bob.name, False)


def test_system_messages_accept_reactions(alice: Person, bob: Person, backend: Backend) -> None:
    chat_id = alice.direct_chat(bob)
    note = data(backend.post(f"/server/chats/{chat_id}/messages", {"content": "Welcome", "system": {"event": "x"}}))
    assert note["type"] == "SYSTEM"
    assert data(react(bob, note))["reactions"][0]["count"] == 1


def test_reactions_are_listed_oldest_first_in_pages(alice: Person, bob: Person, message: Json) -> None:
    expected = []
    for person, emoji in ((bob, THUMB), (alice, HEART), (alice, THUMB), (bob, FACES[0])):
        data(react(person, message, emoji))
        expected.append((person.id, emoji))
    assert given(alice, message) == expected
    assert given(alice, message, emoji=THUMB) == [expected[0], expected[2]]
    assert given(alice, message, emoji=FACES[1]) == []
    found: list[tuple[str, str]] = []
    cursor, address = None, f"/messages/{message['id']}/reactions"
    while cursor or not found:
        page = alice.get(address, limit=1, cursor=cursor)
        found += [(each["userId"], each["emoji"]) for each in data(page)]
        cursor = page.json()["meta"]["nextCursor"]
    assert found == expected
    first = alice.get(address, limit=1).json()["meta"]["nextCursor"]
    assert problem(alice.get(address, limit=1, cursor=first, emoji=THUMB)) == (400, "cursor_invalid")


def test_a_reaction_is_a_change_of_the_message_that_moves_nothing(alice: Person, bob: Person, message: Json) -> None:
    chat = f"/chats/{message['chatId']}"
    before, messages = data(alice.get(chat)), f"/messages/{message['chatId']}"
    rev = data(react(bob, message))["rev"]
    (changed,) = data(alice.get(messages, after=message["rev"]))
    assert (changed["rev"], changed["isEdited"], changed["reactions"][0]["count"]) == (rev, False, 1)
    synced = data(alice.post("/sync", {"chats": {message["chatId"]: message["rev"]}, "only": True}))
    assert synced["messages"][message["chatId"]][0]["reactions"] == changed["reactions"]
    after = data(alice.get(chat))
    assert [after[name] for name in ("updatedAt", "unreadCount")] == [
        before[name] for name in ("updatedAt", "unreadCount")
    ]


def test_the_first_ten_users_are_listed(alice: Person, register_person: NewPerson) -> None:
    others = [register_person(f"fan{n}") for n in range(11)]
    message = alice.send(alice.group(*others), "Hello")
    for other in others:
        data(react(other, message))
    expected = {"emoji": THUMB, "count": 11, "userIds": [other.id for other in others[:10]]}
    assert shown(alice, message) == [expected]
    data(take_back(others[0], message))
    assert shown(alice, message) == [{"emoji": THUMB, "count": 10, "userIds": [other.id for other in others[1:]]}]


def test_an_emoji_keeps_its_place_when_its_first_user_takes_it_back(alice: Person, bob: Person, message: Json) -> None:
    for person, emoji in ((bob, THUMB), (bob, HEART), (alice, THUMB)):
        data(react(person, message, emoji))
    data(take_back(bob, message))
    assert [each["emoji"] for each in shown(alice, message)] == [THUMB, HEART]


def test_a_key_reacts_as_a_user_and_leaves_an_entry(
    alice: Person, bob: Person, admin: Person, new_key: NewKey, message: Json
) -> None:
    key = new_key("act")
    for _ in range(2):
        reacted = data(key.put(path(message, THUMB), act_as=bob.id))
    assert reacted["reactions"] == [{"emoji": THUMB, "count": 1, "userIds": [bob.id], "mine": True}]
    (entry,) = data(admin.get("/admin/audit", actor=key.id))
    assert (entry["action"], entry["actingAs"]) == ("message.reacted", bob.id)
    assert entry["target"] == {"type": "message", "id": message["id"]}
    assert THUMB not in str(entry)


def test_limits_are_in_the_capabilities(alice: Person) -> None:
    capabilities = data(alice.get("/capabilities"))
    assert "reactions" in capabilities["features"]
    assert [capabilities["limits"][name] for name in ("reactions", "reactionsPerUser")] == [20, 10]
