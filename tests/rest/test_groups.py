"""Groups and their members."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.conftest import NewPerson
from tests.people import Person, data, problem


def group(owner: Person, *members: Person, **about: Any) -> str:
    body = {"name": "Friends", "memberIds": [member.id for member in members]} | about
    return str(data(owner.post("/chats/groups", body))["id"])


def roles(person: Person, chat_id: str) -> dict[str, str]:
    return {member["userId"]: member["role"] for member in data(person.get(f"/chats/{chat_id}"))["members"]}


def test_a_group_has_its_creator_as_admin(alice: Person, bob: Person) -> None:
    body = {"name": " Friends ", "description": "Us", "avatar": "https://example.org/g.png", "memberIds": [bob.id]}
    response = alice.post("/chats/groups", body)
    assert response.status_code == 201
    chat = data(response)
    assert (chat["type"], chat["name"], chat["description"], chat["avatar"]) == (
        "GROUP",
        "Friends",
        "Us",
        "https://example.org/g.png",
    )
    assert (chat["memberCount"], chat["unreadCount"], chat["lastSeq"], chat["peer"]) == (2, 0, 0, None)
    assert {m["userId"]: m["role"] for m in chat["members"]} == {alice.id: "ADMIN", bob.id: "MEMBER"}
    assert data(bob.get(f"/chats/{chat['id']}"))["members"] == chat["members"]


def test_duplicate_members_and_the_creator_are_ignored(alice: Person, bob: Person) -> None:
    chat = data(alice.post("/chats/groups", {"name": "x", "memberIds": [bob.id, bob.id.upper(), alice.id]}))
    assert {m["userId"]: m["role"] for m in chat["members"]} == {alice.id: "ADMIN", bob.id: "MEMBER"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": None}, "name"),
        ({"name": "a\0"}, "name"),
        ({"description": "x" * 501}, "description"),
        ({"avatar": "nowhere"}, "avatar"),
        ({"memberIds": ["x"]}, "memberIds"),
        ({"memberIds": "x"}, "memberIds"),
        ({"memberIds": None}, "memberIds"),
        ({"memberIds": [str(uuid.UUID(int=n)) for n in range(201)]}, "memberIds"),
        ({"type": "GROUP"}, "type"),
    ],
)
def test_invalid_groups_are_refused(alice: Person, changes: dict[str, Any], field: str) -> None:
    response = alice.post("/chats/groups", {"name": "Friends"} | changes)
    assert problem(response) == (422, "validation_error")
    assert list(response.json()["errors"]) == [field]


def test_unknown_users_can_not_be_added(alice: Person, bob: Person) -> None:
    response = alice.post("/chats/groups", {"name": "x", "memberIds": [bob.id, str(uuid.uuid4())]})
    assert problem(response) == (404, "not_found")
    assert data(bob.get("/chats")) == []


def test_patching_a_group_changes_only_given_fields(alice: Person, bob: Person) -> None:
    chat_id = group(alice, bob, description="Us")
    before = data(alice.get(f"/chats/{chat_id}"))
    after = data(alice.patch(f"/chats/{chat_id}", {"name": "Others"}))
    assert (after["name"], after["description"]) == ("Others", "Us")
    assert after["lastRev"] == before["lastRev"] + 1
    assert "members" not in after
    assert data(alice.patch(f"/chats/{chat_id}", {"description": None}))["description"] is None
    assert data(alice.patch(f"/chats/{chat_id}", {}))["lastRev"] == before["lastRev"] + 2


def test_deleted_group_is_not_found_for_any_member(alice: Person, bob: Person) -> None:
    chat_id = group(alice, bob)
    message = bob.send(chat_id, "Hello")
    assert alice.delete(f"/chats/{chat_id}").status_code == 204
    for person in (alice, bob):
        assert problem(person.get(f"/chats/{chat_id}")) == (404, "not_found")
        assert problem(person.get(f"/messages/{chat_id}")) == (404, "not_found")
        assert problem(person.get(f"/messages/{message['id']}/statuses")) == (404, "not_found")
        assert data(person.get("/chats")) == []


def test_new_member_can_read_history_without_unread_messages(alice: Person, bob: Person) -> None:
    chat_id = group(alice)
    alice.send(chat_id, "before")
    response = alice.post(f"/chats/{chat_id}/members", {"userId": bob.id})
    assert response.status_code == 201
    member = data(response)
    assert (member["userId"], member["role"], member["user"]["username"]) == (bob.id, "MEMBER", bob.name)
    chat = data(bob.get(f"/chats/{chat_id}"))
    assert (chat["unreadCount"], chat["memberCount"], chat["lastSeq"]) == (0, 2, 1)
    assert [m["content"] for m in data(bob.get(f"/messages/{chat_id}"))] == ["before"]
    alice.send(chat_id, "after")
    assert data(bob.get(f"/chats/{chat_id}"))["unreadCount"] == 1


def test_adding_a_member_again_is_a_conflict(alice: Person, bob: Person) -> None:
    chat_id = group(alice)
    with ThreadPoolExecutor(6) as pool:
        responses = list(pool.map(lambda _: alice.post(f"/chats/{chat_id}/members", {"userId": bob.id}), range(6)))
    assert sorted(response.status_code for response in responses) == [201] + [409] * 5
    assert data(alice.get(f"/chats/{chat_id}"))["memberCount"] == 2
    assert problem(alice.post(f"/chats/{chat_id}/members", {"userId": alice.id})) == (409, "conflict")
    assert problem(alice.post(f"/chats/{chat_id}/members", {"userId": str(uuid.uuid4())})) == (404, "not_found")


def test_a_group_has_at_most_a_thousand_members(alice: Person, bob: Person, engine: Engine) -> None:
    chat_id = group(alice)
    with engine.begin() as db:
        people = """
            INSERT INTO users (id, email, email_key, username, password_hash)
            SELECT gen_random_uuid(), n || '@crowd.example', n || '@crowd.example', 'crowd_' || n, '' FROM generate_series(1, 999) n
            RETURNING id
        """
        crowd = f"WITH crowd AS ({people}) INSERT INTO members (chat_id, user_id) SELECT :chat_id, id FROM crowd"
        db.execute(text(crowd), {"chat_id": chat_id})
        db.execute(text("UPDATE chats SET member_count = 1000 WHERE id = :chat_id"), {"chat_id": chat_id})
    assert problem(alice.post(f"/chats/{chat_id}/members", {"userId": bob.id})) == (409, "group_full")
    chat = data(alice.get(f"/chats/{chat_id}"))
    assert (chat["memberCount"], len(chat["members"])) == (1000, 100)


def test_removed_member_has_no_access(alice: Person, bob: Person) -> None:
    chat_id = group(alice, bob)
    assert alice.delete(f"/chats/{chat_id}/members/{bob.id}").status_code == 204
    assert problem(alice.delete(f"/chats/{chat_id}/members/{bob.id}")) == (404, "not_found")
    assert problem(bob.post("/messages", {"chatId": chat_id, "content": "x"})) == (404, "not_found")
    assert roles(alice, chat_id) == {alice.id: "ADMIN"}


def test_promoting_and_demoting(alice: Person, bob: Person, carol: Person) -> None:
    chat_id = group(alice, bob)
    path = f"/chats/{chat_id}/members/{bob.id}/role"
    assert data(alice.patch(path, {"role": "ADMIN"}))["role"] == "ADMIN"
    assert data(bob.patch(f"/chats/{chat_id}/members/{alice.id}/role", {"role": "MEMBER"}))["role"] == "MEMBER"
    assert roles(alice, chat_id) == {alice.id: "MEMBER", bob.id: "ADMIN"}
    assert problem(bob.patch(path, {"role": "MEMBER"})) == (409, "last_admin")
    assert problem(bob.patch(path, {"role": "OWNER"})) == (422, "validation_error")
    stranger = f"/chats/{chat_id}/members/{carol.id}/role"
    assert problem(bob.patch(stranger, {"role": "ADMIN"})) == (404, "not_found")


def test_the_longest_standing_member_follows_the_last_admin(alice: Person, bob: Person, carol: Person) -> None:
    chat_id = group(alice)
    for person in (carol, bob):
        alice.post(f"/chats/{chat_id}/members", {"userId": person.id})
    assert alice.delete(f"/chats/{chat_id}/leave").status_code == 204
    assert roles(bob, chat_id) == {carol.id: "ADMIN", bob.id: "MEMBER"}


def test_no_promotion_while_an_admin_stays(alice: Person, bob: Person, carol: Person) -> None:
    chat_id = group(alice, bob, carol)
    alice.patch(f"/chats/{chat_id}/members/{carol.id}/role", {"role": "ADMIN"})
    alice.delete(f"/chats/{chat_id}/leave")
    assert roles(bob, chat_id) == {carol.id: "ADMIN", bob.id: "MEMBER"}


def test_an_admin_who_removes_themselves_has_left(alice: Person, bob: Person) -> None:
    chat_id = group(alice, bob)
    assert alice.delete(f"/chats/{chat_id}/members/{alice.id}").status_code == 204
    assert roles(bob, chat_id) == {bob.id: "ADMIN"}


def test_with_its_last_member_a_group_is_deleted(alice: Person, engine: Engine) -> None:
    chat_id = group(alice)
    assert alice.send(chat_id, "alone")["status"] == "SENT"
    assert alice.delete(f"/chats/{chat_id}/leave").status_code == 204
    with engine.connect() as db:
        for table in ("chats WHERE id", "messages WHERE chat_id"):
            assert db.execute(text(f"SELECT count(*) FROM {table} = :id"), {"id": chat_id}).scalar() == 0


def test_a_group_never_loses_its_last_admin_to_a_race(alice: Person, bob: Person, carol: Person) -> None:
    for _ in range(5):
        chat_id = group(alice, bob, carol)
        alice.patch(f"/chats/{chat_id}/members/{bob.id}/role", {"role": "ADMIN"})
        with ThreadPoolExecutor(2) as pool:
            demotions = [
                pool.submit(who.patch, f"/chats/{chat_id}/members/{whom.id}/role", {"role": "MEMBER"})
                for who, whom in ((alice, bob), (bob, alice))
            ]
        assert sorted(demotion.result().status_code for demotion in demotions) == [200, 403]
        assert "ADMIN" in roles(carol, chat_id).values()


def test_concurrent_leaving_promotes_until_the_group_is_deleted(register_person: NewPerson, engine: Engine) -> None:
    people = [register_person("leaver") for _ in range(5)]
    chat_id = group(people[0], *people[1:])
    with ThreadPoolExecutor(5) as pool:
        responses = list(pool.map(lambda person: person.delete(f"/chats/{chat_id}/leave").status_code, people))
    assert responses == [204] * 5
    with engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM chats WHERE id = :id"), {"id": chat_id}).scalar() == 0


def test_sends_removals_and_deletions_at_once_neither_fail_nor_block(alice: Person, bob: Person, carol: Person) -> None:
    for _ in range(5):
        chat_id = group(alice, bob, carol)
        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(p.post, "/messages", {"chatId": chat_id, "content": "x"}) for p in (bob, carol) * 5]
            jobs.append(pool.submit(alice.delete, f"/chats/{chat_id}/members/{bob.id}"))
            jobs.append(pool.submit(alice.patch, f"/chats/{chat_id}", {"name": "y"}))
            jobs.append(pool.submit(carol.delete, f"/chats/{chat_id}/leave"))
            jobs.append(pool.submit(alice.delete, f"/chats/{chat_id}"))
            assert {job.result().status_code for job in jobs} <= {200, 201, 204, 404}
