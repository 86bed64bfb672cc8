"""Blocks: the list, the direct chat of the two, groups, and search."""

from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from chatapp.core.ids import new_id
from tests.conftest import NewKey, NewPerson
from tests.people import Backend, Person, data, problem

UNKNOWN = "00000000-0000-7000-8000-00000000000f"


def block(person: Person, other: Person) -> None:
    """Block another user."""
    assert person.request("PUT", f"/users/me/blocks/{other.id}").status_code == 204


def unblock(person: Person, other: Person) -> None:
    """Unblock another user."""
    assert person.delete(f"/users/me/blocks/{other.id}").status_code == 204


def own(person: Person, me: int = 0) -> dict[str, Any]:
    """`me` of a `sync`."""
    return data(person.post("/sync", {"chats": {}, "me": me}))["me"]  # type: ignore[no-any-return]


def send(person: Person, chat_id: str) -> requests.Response:
    """The response to a message."""
    return person.post("/messages", {"chatId": chat_id, "content": "x"})


def test_blocks_are_listed_in_pages_newest_first(alice: Person, register_person: NewPerson) -> None:
    others = [register_person("blocked") for _ in range(3)]
    for other in others:
        block(alice, other)
    found, query = [], {"limit": 2}
    while query.get("cursor", True):
        response = alice.get("/users/me/blocks", **query)
        found += data(response)
        query["cursor"] = response.json()["meta"]["nextCursor"]
    assert [each["user"]["id"] for each in found] == [other.id for other in reversed(others)]
    assert set(found[0]) == {"user", "createdAt"}
    assert found[0]["user"]["username"] == others[-1].name
    assert own(alice) == {"rev": 3, "blocked": [other.id for other in reversed(others)]}
    for other in others:
        unblock(alice, other)
    assert data(alice.get("/users/me/blocks")) == []
    assert own(alice, 3) == {"rev": 6, "blocked": []}


def test_cursors_of_other_lists_are_refused(alice: Person, bob: Person) -> None:
    for cursor in ("abc", "WyJ4Il0"):
        assert problem(alice.get("/users/me/blocks", cursor=cursor)) == (400, "cursor_invalid")


def test_repetitions_change_nothing(alice: Person, bob: Person) -> None:
    unblock(alice, bob)
    block(alice, bob)
    block(alice, bob)
    assert own(alice, 0)["rev"] == 1
    unblock(alice, bob)
    unblock(alice, bob)
    assert own(alice, 0)["rev"] == 2
    # The other user learns nothing.
    assert own(bob) == {"rev": 0}


def test_oneself_and_unknown_users_can_not_be_blocked(alice: Person) -> None:
    for method in ("PUT", "DELETE"):
        assert problem(alice.request(method, f"/users/me/blocks/{alice.id}")) == (422, "validation_error")
    assert problem(alice.request("PUT", f"/users/me/blocks/{UNKNOWN}")) == (404, "not_found")
    assert alice.delete(f"/users/me/blocks/{UNKNOWN}").status_code == 204
    # The sender of system messages.
    system = "00000000-0000-7000-8000-000000000001"
    assert problem(alice.request("PUT", f"/users/me/blocks/{system}")) == (404, "not_found")


def test_the_number_of_blocks_is_limited(alice: Person, bob: Person, carol: Person, engine: Engine) -> None:
    fill = """
        WITH new AS (
            INSERT INTO users (id, username)
            SELECT gen_random_uuid(), 'b' || substr(md5(n || :seed), 1, 15) FROM generate_series(1, 999) n RETURNING id
        )
        INSERT INTO blocks (user_id, blocked_id, created_at) SELECT :id, id, now() FROM new
    """
    with engine.begin() as db:
        db.execute(text(fill), {"id": alice.id, "seed": alice.id})
    block(alice, bob)
    assert problem(alice.request("PUT", f"/users/me/blocks/{carol.id}")) == (409, "limit_reached")
    block(alice, bob)
    assert own(alice)["rev"] == 1
    unblock(alice, bob)
    block(alice, carol)
    with engine.begin() as db:
        gone = "WITH gone AS (DELETE FROM blocks WHERE user_id = :id RETURNING blocked_id) DELETE FROM users USING gone"
        db.execute(text(f"{gone} WHERE id = blocked_id AND username LIKE 'b%' AND email IS NULL"), {"id": alice.id})


def changes_of(person: Person, chat_id: str, message_id: str, source: str) -> dict[str, requests.Response]:
    """The responses to all that changes what the other user of a direct chat sees. `message_id` is the person's own message
    there, `source` a message of theirs in another chat."""
    return {
        "send": send(person, chat_id),
        "upload": person.upload(chat_id, "a.pdf", b"%PDF-1.4\n%%EOF\n"),
        "edit": person.patch(f"/messages/{message_id}", {"content": "other"}),
        "edit metadata": person.patch(f"/messages/{message_id}", {"metadata": {"a": 1}}),
        "react": person.request("PUT", f"/messages/{message_id}/reactions/👍"),
        "take back": person.delete(f"/messages/{message_id}/reactions/👍"),
        "pin": person.request("PUT", f"/messages/{message_id}/pin"),
        "unpin": person.delete(f"/messages/{message_id}/pin"),
        "signal": person.post(f"/chats/{chat_id}/signal", {"name": "x"}),
        "forward": person.post(
            "/messages/forward", {"messageIds": [source], "chatIds": [chat_id], "clientId": new_id()}
        ),
    }


@pytest.mark.parametrize("case", ["blocking", "blocked", "both"])
def test_a_block_closes_the_direct_chat(alice: Person, bob: Person, carol: Person, case: str) -> None:
    chat_id, other = alice.direct_chat(bob), alice.direct_chat(carol)
    own_message, source = alice.send(chat_id, "mine")["id"], alice.send(other, "elsewhere")["id"]
    if case != "blocked":
        block(alice, bob)
    if case != "blocking":
        block(bob, alice)
    code = "cannot_send" if case == "blocked" else "you_blocked"
    refused = changes_of(alice, chat_id, own_message, source)
    assert {what: problem(response) for what, response in refused.items()} == dict.fromkeys(refused, (403, code))
    # The history stays, and own messages can be deleted.
    assert [message["content"] for message in data(alice.get(f"/messages/{chat_id}"))] == ["mine"]
    assert alice.post(f"/messages/{chat_id}/read", {}).ok
    assert alice.delete(f"/messages/{own_message}").status_code == 204
    # An existing chat is returned.
    assert alice.direct_chat(bob) == bob.direct_chat(alice) == chat_id


def test_the_chat_is_open_once_neither_blocks_the_other(alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    block(alice, bob)
    block(bob, alice)
    unblock(alice, bob)
    assert problem(send(alice, chat_id)) == (403, "cannot_send")
    assert problem(send(bob, chat_id)) == (403, "you_blocked")
    unblock(bob, alice)
    assert send(alice, chat_id).ok
    assert send(bob, chat_id).ok


def test_a_message_that_was_sent_before_the_block_is_found_by_its_client_id(alice: Person, bob: Person) -> None:
    chat_id, client_id = alice.direct_chat(bob), new_id()
    sent = alice.send(chat_id, "x", clientId=client_id)
    block(bob, alice)
    again = alice.post("/messages", {"chatId": chat_id, "content": "x", "clientId": client_id})
    assert (again.status_code, data(again)["id"]) == (200, sent["id"])


def test_servers_and_system_messages_pass_a_block(alice: Person, bob: Person, new_key: NewKey) -> None:
    chat_id = alice.direct_chat(bob)
    message_id = alice.send(chat_id, "x")["id"]
    block(alice, bob)
    backend = new_key("messages", "chats", "act")
    posted = backend.post(f"/server/chats/{chat_id}/messages", {"content": "Notice"})
    assert data(posted)["type"] == "SYSTEM"
    assert backend.patch(f"/server/messages/{message_id}", {"content": "edited"}).ok
    # As a user, a key is bound by their blocks.
    as_bob = backend.post("/messages", {"chatId": chat_id, "content": "x"}, act_as=bob.id)
    assert problem(as_bob) == (403, "cannot_send")


def test_sending_to_a_deactivated_user_continues(alice: Person, bob: Person, engine: Engine) -> None:
    chat_id = alice.direct_chat(bob)
    block(alice, bob)
    unblock(alice, bob)
    with engine.begin() as db:
        db.execute(text("UPDATE users SET is_active = false WHERE id = :id"), {"id": bob.id})
    assert send(alice, chat_id).ok


def test_unblocking_an_erased_user_leaves_the_chat_closed(alice: Person, bob: Person, new_key: NewKey) -> None:
    chat_id = alice.direct_chat(bob)
    block(alice, bob)
    erase(new_key("users"), bob)
    assert [each["user"].get("isDeleted") for each in data(alice.get("/users/me/blocks"))] == [True]
    assert problem(send(alice, chat_id)) == (403, "you_blocked")
    unblock(alice, bob)
    assert problem(send(alice, chat_id)) == (403, "cannot_send")
    assert problem(alice.request("PUT", f"/users/me/blocks/{bob.id}")) == (404, "not_found")


def erase(backend: Backend, person: Person) -> None:
    """Erase a user, and wait for the rest of the job."""
    assert backend.delete(f"/server/users/{person.id}").ok


def test_a_new_direct_chat_needs_that_neither_blocks_the_other(alice: Person, bob: Person) -> None:
    block(alice, bob)
    assert problem(alice.post("/chats/direct", {"userId": bob.id})) == (403, "you_blocked")
    assert problem(bob.post("/chats/direct", {"userId": alice.id})) == (404, "not_found")
    block(bob, alice)
    assert problem(bob.post("/chats/direct", {"userId": alice.id})) == (403, "you_blocked")
    unblock(alice, bob)
    unblock(bob, alice)
    assert bob.post("/chats/direct", {"userId": alice.id}).status_code == 201


def test_a_direct_chat_that_a_server_opens_is_closed_by_a_block(alice: Person, bob: Person, new_key: NewKey) -> None:
    block(alice, bob)
    chat = data(new_key("chats").post("/server/chats/direct", {"userIds": [alice.id, bob.id]}))
    assert problem(send(bob, chat["id"])) == (403, "cannot_send")
    assert problem(send(alice, chat["id"])) == (403, "you_blocked")
    unblock(alice, bob)
    assert send(bob, chat["id"]).ok


def test_blocked_users_add_the_blocker_to_no_group(alice: Person, bob: Person, carol: Person, new_key: NewKey) -> None:
    block(alice, bob)
    new_group = {"name": "Group", "memberIds": [carol.id, alice.id]}
    assert problem(bob.post("/chats/groups", new_group)) == (404, "not_found")
    group = bob.group(carol)
    assert problem(bob.post(f"/chats/{group}/members", {"userId": alice.id})) == (404, "not_found")
    # Another admin can, and so can a server.
    bob.patch(f"/chats/{group}/members/{carol.id}/role", {"role": "ADMIN"})
    assert carol.post(f"/chats/{group}/members", {"userId": alice.id}).status_code == 201
    # Of a member, the error reveals no block.
    assert problem(bob.post(f"/chats/{group}/members", {"userId": alice.id})) == (409, "conflict")
    backend = new_key("chats")
    other = bob.group(carol)
    assert backend.post(f"/server/chats/{other}/members", {"userIds": [alice.id]}).ok
    # The blocker can add the blocked user.
    assert alice.post("/chats/groups", {"name": "Group", "memberIds": [bob.id]}).status_code == 201


def test_members_of_a_group_are_not_affected(alice: Person, bob: Person, carol: Person) -> None:
    group = alice.group(bob, carol)
    block(alice, bob)
    message = bob.send(group, "Hello", mentions={"userIds": [alice.id, carol.id]})
    assert [each["id"] for each in data(alice.get(f"/messages/{group}"))] == [message["id"]]
    assert bob.request("PUT", f"/messages/{message['id']}/reactions/👍").ok
    assert bob.patch(f"/messages/{message['id']}", {"content": "Bye"}).ok
    assert alice.send(group, "Hi", replyToId=message["id"])["replyTo"]["id"] == message["id"]


def test_a_block_silences_mentions(alice: Person, bob: Person, carol: Person) -> None:
    group = alice.group(bob, carol)
    bob.send(group, "Alice", mentions={"userIds": [alice.id]})
    bob.send(group, "All", mentions={"all": True})
    carol.send(group, "Alice", mentions={"userIds": [alice.id]})
    assert own(alice)["mentions"] == {group: 3}
    block(alice, bob)
    assert own(alice)["mentions"] == {group: 1}
    assert data(alice.get(f"/chats/{group}"))["mentionCount"] == 1
    assert [each["senderId"] for each in data(alice.get("/users/me/mentions"))] == [carol.id]
    # Only the blocker's.
    alice.send(group, "Bob", mentions={"userIds": [bob.id]})
    assert own(bob)["mentions"] == {group: 1}


def test_neither_finds_the_other(alice: Person, bob: Person) -> None:
    alice.group(bob)
    block(alice, bob)
    for one, other in ((alice, bob), (bob, alice)):
        assert problem(one.get(f"/users/{other.name}")) == (404, "not_found")
        assert data(one.get("/users/search", q=other.name)) == []
    unblock(alice, bob)
    assert data(bob.get(f"/users/{alice.name}"))["id"] == alice.id
