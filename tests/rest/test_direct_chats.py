"""Direct chats: one per pair."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import NewPerson
from tests.people import Person, data, problem


def test_direct_chat_is_created_once(alice: Person, bob: Person) -> None:
    made = alice.post("/chats/direct", {"userId": bob.id})
    found = bob.post("/chats/direct", {"userId": alice.id})
    assert (made.status_code, found.status_code) == (201, 200)
    assert data(made)["id"] == data(found)["id"]


def test_a_race_for_a_direct_chat_makes_one(alice: Person, bob: Person) -> None:
    def ask(turn: int) -> tuple[int, str]:
        one, other = (alice, bob) if turn % 2 else (bob, alice)
        response = one.post("/chats/direct", {"userId": other.id})
        return response.status_code, data(response)["id"]

    with ThreadPoolExecutor(12) as pool:
        responses = list(pool.map(ask, range(12)))
    assert sorted(status for status, _ in responses) == [200] * 11 + [201]
    assert len({chat_id for _, chat_id in responses}) == 1


def test_a_new_direct_chat_looks_the_same_from_both_sides(alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    for reader, other in ((alice, bob), (bob, alice)):
        chat = data(reader.get(f"/chats/{chat_id}"))
        assert (chat["type"], chat["memberCount"], chat["unreadCount"], chat["lastSeq"]) == ("DIRECT", 2, 0, 0)
        assert chat["lastMessage"] is chat["name"] is None
        assert chat["peer"]["id"] == other.id
        assert {member["userId"] for member in chat["members"]} == {alice.id, bob.id}
        assert {member["role"] for member in chat["members"]} == {"MEMBER"}


@pytest.mark.parametrize("body", [{}, {"userId": None}, {"userId": "x"}, {"userId": 1}, {"userId": [1]}])
def test_a_direct_chat_needs_the_id_of_a_person(alice: Person, body: dict[str, object]) -> None:
    assert problem(alice.post("/chats/direct", body)) == (422, "validation_error")


def test_a_direct_chat_with_oneself_is_refused(alice: Person) -> None:
    assert problem(alice.post("/chats/direct", {"userId": alice.id})) == (422, "validation_error")


def test_direct_chat_with_unknown_user_is_not_found(alice: Person) -> None:
    assert problem(alice.post("/chats/direct", {"userId": str(uuid.uuid4())})) == (404, "not_found")


def test_an_outsider_cannot_see_a_chat(alice: Person, bob: Person, carol: Person) -> None:
    chat_id = alice.direct_chat(bob)
    assert problem(carol.get(f"/chats/{chat_id}")) == (404, "not_found")
    assert problem(carol.get(f"/chats/{uuid.uuid4()}")) == (404, "not_found")
    assert problem(carol.get("/chats/not-an-id")) == (404, "not_found")


def test_chat_list_is_ordered_by_activity(alice: Person, register_person: NewPerson) -> None:
    chats = [alice.direct_chat(register_person("peer")) for _ in range(3)]
    alice.send(chats[0], "wake up")
    listed = data(alice.get("/chats"))
    assert [chat["id"] for chat in listed] == [chats[0], chats[2], chats[1]]
    assert listed[0]["lastMessage"]["content"] == "wake up"
    assert listed[0]["lastMessage"]["status"] == "SENT"
    assert "members" not in listed[0]


def test_the_chat_list_pages_through_everything_once(alice: Person, register_person: NewPerson) -> None:
    chats = [alice.direct_chat(register_person("peer")) for _ in range(5)]
    first = alice.get("/chats", limit=2).json()
    second = alice.get("/chats", limit=2, cursor=first["meta"]["nextCursor"]).json()
    third = alice.get("/chats", limit=2, cursor=second["meta"]["nextCursor"]).json()
    assert [chat["id"] for page in (first, second, third) for chat in page["data"]] == chats[::-1]
    assert third["meta"] == {"nextCursor": None, "hasMore": False}


def test_messages_of_others_are_unread(alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    for word in ("one", "two"):
        alice.send(chat_id, word)
    assert data(bob.get("/chats"))[0]["unreadCount"] == 2
    assert data(alice.get("/chats"))[0]["unreadCount"] == 0
    bob.send(chat_id, "an answer is a receipt")
    assert data(bob.get(f"/chats/{chat_id}"))["unreadCount"] == 0
    assert data(alice.get(f"/chats/{chat_id}"))["unreadCount"] == 1
