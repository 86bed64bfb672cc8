"""Messages that users delete for themselves."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import Engine, text

from chatapp.core.ids import new_id
from tests.authorisation.conftest import A_PDF
from tests.people import Backend, Person, data, problem
from tests.rest.test_chat_state import shown
from tests.rest.test_own_state import own
from tests.server import Server


def hide(person: Person, *message_ids: str) -> None:
    assert person.post("/messages/hide", {"messageIds": list(message_ids)}).status_code == 204


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    return alice.direct_chat(bob)


def test_hidden_message_is_a_tombstone_for_one_user(alice: Person, bob: Person, chat: str) -> None:
    first = alice.send(chat, "First")
    alice.send(chat, "Reply", replyToId=first["id"])
    hide(bob, first["id"])
    reply, hidden = data(bob.get(f"/messages/{chat}"))
    assert (hidden["content"], hidden["isDeleted"], hidden["isHidden"]) == (None, True, True)
    assert reply["replyTo"] == {"id": first["id"], "seq": 1, "senderId": alice.id, "isDeleted": True}
    _, other = data(alice.get(f"/messages/{chat}"))
    assert (other["content"], other["isDeleted"]) == ("First", False)
    assert "isHidden" not in other
    hide(bob, reply["id"])
    assert shown(bob, chat)["lastMessage"]["isHidden"]
    assert shown(alice, chat)["lastMessage"]["content"] == "Reply"
    # It is no change of the chat.
    assert shown(bob, chat)["lastRev"] == reply["rev"]


def test_changes_are_numbered_by_chat(alice: Person, bob: Person, carol: Person, chat: str) -> None:
    other = carol.direct_chat(bob)
    first, second = alice.send(chat, "1"), alice.send(chat, "2")
    third = carol.send(other, "3")
    hide(bob, first["id"], third["id"], first["id"].upper())
    assert own(bob, 0) == {"rev": 2, "hidden": {chat: [first["id"]], other: [third["id"]]}}
    hide(bob, first["id"], third["id"])
    assert own(bob, 2) == {"rev": 2}
    hide(bob, second["id"], first["id"])
    assert own(bob, 2) == {"rev": 3, "hidden": {chat: [second["id"]]}}
    assert own(alice, 0) == {"rev": 0}
    assert "me" not in shown(bob, chat)


def test_all_or_none_are_hidden(alice: Person, bob: Person, carol: Person, chat: str) -> None:
    visible, cleared = alice.send(chat, "1"), alice.send(chat, "2")
    foreign = carol.send(carol.direct_chat(alice), "3")
    for wrong in (foreign["id"], new_id()):
        assert problem(bob.post("/messages/hide", {"messageIds": [visible["id"], wrong]})) == (404, "not_found")
    data(bob.post(f"/chats/{chat}/clear", {}))
    last = alice.send(chat, "4")
    assert problem(bob.post("/messages/hide", {"messageIds": [last["id"], cleared["id"]]})) == (404, "not_found")
    assert "hidden" not in own(bob, 0)


@pytest.mark.parametrize("count", [0, 101])
def test_between_1_and_100_messages_are_hidden(bob: Person, count: int) -> None:
    ids = [new_id() for _ in range(count)]
    assert problem(bob.post("/messages/hide", {"messageIds": ids})) == (422, "validation_error")


def test_message_that_was_deleted_for_all_can_be_hidden(alice: Person, bob: Person, chat: str) -> None:
    message = alice.send(chat, "1")
    alice.delete(f"/messages/{message['id']}")
    hide(bob, message["id"])
    (seen,) = data(bob.get(f"/messages/{chat}"))
    assert (seen["isDeleted"], seen["content"]) == (True, None)


def test_limit_of_hidden_messages_is_exact(alice: Person, bob: Person, chat: str, engine: Engine) -> None:
    with engine.begin() as db:
        fill = """
            WITH filled AS (
                INSERT INTO messages (id, chat_id, sender_id, seq, rev, content, type)
                SELECT gen_random_uuid(), :chat_id, :sender_id, n, n, 'x', 'TEXT' FROM generate_series(1, 9990) n
                RETURNING id
            ), counted AS (
                UPDATE chats SET last_seq = 9990, last_rev = last_rev + 9990 WHERE id = :chat_id
            ), hiding AS (
                UPDATE members SET has_hidden = true WHERE chat_id = :chat_id AND user_id = :user_id
            )
            INSERT INTO hidden_messages (user_id, message_id, chat_id, me_rev) SELECT :user_id, id, :chat_id, 1 FROM filled
        """
        db.execute(text(fill), {"chat_id": chat, "sender_id": alice.id, "user_id": bob.id})
    messages = [alice.send(chat, "x")["id"] for _ in range(15)]
    with ThreadPoolExecutor(8) as threads:
        responses = list(threads.map(lambda id: bob.post("/messages/hide", {"messageIds": [id]}), messages))
    assert [problem(response) for response in responses if not response.ok] == [(409, "limit_reached")] * 5
    # One that is hidden already is no new one.
    hide(bob, next(id for id, response in zip(messages, responses, strict=True) if response.ok))
    data(bob.post(f"/chats/{chat}/clear", {"upTo": 1}))
    hide(bob, next(id for id, response in zip(messages, responses, strict=True) if not response.ok))


def test_rejoining_shows_hidden_messages_again(alice: Person, bob: Person) -> None:
    chat_id = alice.group(bob)
    message = alice.send(chat_id, "Hello")
    hide(bob, message["id"])
    bob.delete(f"/chats/{chat_id}/leave")
    alice.post(f"/chats/{chat_id}/members", {"userId": bob.id})
    (seen,) = data(bob.get(f"/messages/{chat_id}"))
    assert seen["content"] == "Hello"
    assert own(bob, 1) == {"rev": 2, "reset": [chat_id]}


def test_a_key_acts_as_the_user(alice: Person, bob: Person, backend: Backend, chat: str) -> None:
    message = alice.send(chat, "Hello")
    assert backend.post("/messages/hide", {"messageIds": [message["id"]]}, act_as=bob.id).status_code == 204
    (seen,) = data(backend.get(f"/messages/{chat}", act_as=bob.id))
    assert seen["isHidden"]
    # A server sees the message as it is.
    (of_server,) = data(backend.get(f"/server/chats/{chat}/messages"))
    assert of_server["content"] == "Hello"


def test_hidden_message_is_not_found_by_its_id(alice: Person, bob: Person, carol: Person, chat: str) -> None:
    message = bob.send(chat, "Mine")
    data(bob.patch(f"/messages/{message['id']}", {"content": "Edited"}))
    data(alice.request("PUT", f"/messages/{message['id']}/reactions/👍"))
    hide(bob, message["id"])
    path = f"/messages/{message['id']}"
    refused = {
        "get": bob.get(f"/chats/{chat}{path}"),
        "around": bob.get(f"/messages/{chat}", around=message["id"]),
        "edit": bob.patch(path, {"content": "Again"}),
        "reaction": bob.request("PUT", f"{path}/reactions/👍"),
        "reaction taken back": bob.delete(f"{path}/reactions/👍"),
        "reactions": bob.get(f"{path}/reactions"),
        "pin": bob.request("PUT", f"{path}/pin"),
        "unpin": bob.delete(f"{path}/pin"),
        "statuses": bob.get(f"{path}/statuses"),
        "versions": bob.get(f"{path}/versions"),
        "forward": bob.post(
            "/messages/forward",
            {"messageIds": [message["id"]], "chatIds": [bob.direct_chat(carol)], "clientId": new_id()},
        ),
    }
    for what, response in refused.items():
        assert (what, *problem(response)) == (what, 404, "not_found")
    reply = {"chatId": chat, "content": "x", "replyToId": message["id"]}
    assert problem(bob.post("/messages", reply)) == (422, "validation_error")
    assert data(bob.post(f"/messages/{chat}/read", {"messageIds": [message["id"]]}))["unreadCount"] == 0
    # Others see it, and change it.
    assert data(alice.get(f"{path}/reactions"))[0]["emoji"] == "👍"
    data(alice.request("PUT", f"{path}/pin"))
    (pinned,) = data(bob.get(f"/chats/{chat}/pins"))
    assert (pinned["isHidden"], pinned["content"]) == (True, None)
    # The sender deletes it for all.
    assert bob.delete(path).status_code == 204
    assert data(alice.get(f"/messages/{chat}"))[0]["isDeleted"]


def test_own_token_does_not_fetch_the_file_of_a_hidden_message(
    server: Server, alice: Person, bob: Person, carol: Person, chat: str
) -> None:
    message = data(alice.upload(chat, "notes.pdf", A_PDF))
    signed = message["fileUrl"]

    def status(person: Person) -> int:
        headers = {"Authorization": f"Bearer {person.token}"}
        return requests.get(server.url + signed.partition("?")[0], headers=headers, timeout=20).status_code

    assert status(bob) == 200
    hide(bob, message["id"])
    assert (status(bob), status(alice)) == (404, 200)
    assert requests.get(server.url + signed, timeout=20).status_code == 200
    assert data(bob.get(f"/chats/{chat}/files")) == []
    again = {"chatId": bob.direct_chat(carol), "content": "", "type": "FILE", "fileUrl": signed}
    assert problem(bob.post("/messages", again)) == (422, "validation_error")
    # Another message that contains it makes it visible again.
    data(alice.post("/messages", {"chatId": chat, "content": "", "type": "FILE", "fileUrl": signed}))
    assert status(bob) == 200
    data(bob.post(f"/chats/{chat}/clear", {}))
    assert (status(bob), data(bob.get(f"/chats/{chat}/files"))) == (404, [])


@pytest.mark.parametrize("count", [1, 1001])
def test_nothing_is_left_of_a_deleted_group(alice: Person, bob: Person, engine: Engine, count: int) -> None:
    chat_id = alice.group(bob)
    message = alice.send(chat_id, "Hello")
    with engine.begin() as db:
        # The messages of a large group are deleted later.
        db.execute(text("UPDATE chats SET last_seq = :count WHERE id = :id"), {"count": count, "id": chat_id})
    hide(bob, message["id"])
    data(bob.request("PUT", f"/chats/{chat_id}/draft", json={"content": "x"}))
    assert alice.delete(f"/chats/{chat_id}").status_code == 204
    assert own(bob, 0) == {"rev": 2}
    with engine.connect() as db:
        for table in ("drafts", "hidden_messages"):
            left = db.execute(text(f"SELECT count(*) FROM {table} WHERE user_id = :id"), {"id": bob.id})
            assert left.scalar() == 0, table
