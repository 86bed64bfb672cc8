"""Chats that users clear for themselves."""

from typing import Any

import pytest

from chatapp.core.ids import new_id
from tests.people import Person, data, problem
from tests.rest.test_chat_state import listed, set_state, shown
from tests.rest.test_own_state import own


def clear(person: Person, chat_id: str, **body: Any) -> dict[str, Any]:
    """The `ChatState` after clearing."""
    return data(person.post(f"/chats/{chat_id}/clear", body))  # type: ignore[no-any-return]


def history(person: Person, chat_id: str, **query: Any) -> list[str]:
    """The texts of a page, newest first."""
    return [message["content"] for message in data(person.get(f"/messages/{chat_id}", **query))]


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """A chat with the messages 1 to 5 by Alice, unread by Bob."""
    chat_id = alice.direct_chat(bob)
    for number in range(1, 6):
        alice.send(chat_id, str(number))
    return chat_id


def test_history_starts_after_the_cleared_messages(alice: Person, bob: Person, chat: str) -> None:
    assert clear(bob, chat, upTo=3) == {"chatId": chat, "meRev": 1, "clearedSeq": 3}
    assert history(bob, chat) == ["5", "4"]
    assert history(bob, chat, after=0) == ["4", "5"]
    assert history(bob, chat, around=1) == ["5", "4"]
    assert history(alice, chat) == ["5", "4", "3", "2", "1"]
    assert shown(bob, chat)["unreadCount"] == 2
    assert "me" not in shown(alice, chat)
    assert clear(bob, chat) == {"chatId": chat, "meRev": 2, "clearedSeq": 5}
    assert history(bob, chat) == []
    emptied = shown(bob, chat)
    assert (emptied["lastMessage"], emptied["unreadCount"], emptied["lastSeq"]) == (None, 0, 5)
    assert listed(bob) == [chat]
    alice.send(chat, "6")
    assert shown(bob, chat)["lastMessage"]["content"] == "6"
    assert history(bob, chat, after=0) == ["6"]


def test_lower_position_changes_nothing(bob: Person, chat: str) -> None:
    state = clear(bob, chat, upTo=3)
    assert [clear(bob, chat, upTo=seq) for seq in (0, 2, 3)] == [state] * 3
    assert own(bob, 0)["rev"] == 1


def test_clearing_an_empty_chat_changes_nothing(alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    assert clear(bob, chat_id) == {"chatId": chat_id, "meRev": 0}


def test_only_existing_messages_can_be_cleared(bob: Person, carol: Person, chat: str) -> None:
    for wrong in (6, -1, "1", None):
        assert problem(bob.post(f"/chats/{chat}/clear", {"upTo": wrong})) == (422, "validation_error")
    assert problem(carol.post(f"/chats/{chat}/clear", {})) == (404, "not_found")


def test_cleared_messages_are_read(alice: Person, bob: Person, chat: str) -> None:
    clear(bob, chat, upTo=3)
    statuses = [message["status"] for message in data(alice.get(f"/messages/{chat}"))]
    assert statuses == ["SENT", "SENT", "READ", "READ", "READ"]


def test_mark_below_ends_and_one_above_stays(bob: Person, chat: str) -> None:
    bob.post(f"/messages/{chat}/read", {})
    set_state(bob, chat, unreadFrom=4)
    assert clear(bob, chat, upTo=3)["unreadFrom"] == 4
    assert shown(bob, chat)["unreadCount"] == 2
    assert clear(bob, chat, upTo=4) == {"chatId": chat, "meRev": 3, "clearedSeq": 4}
    assert shown(bob, chat)["unreadCount"] == 0


def test_hidden_messages_below_are_dropped(bob: Person, chat: str) -> None:
    messages = {message["seq"]: message["id"] for message in data(bob.get(f"/messages/{chat}"))}
    assert bob.post("/messages/hide", {"messageIds": [messages[2], messages[4]]}).status_code == 204
    clear(bob, chat, upTo=3)
    assert own(bob, 0)["hidden"] == {chat: [messages[4]]}
    assert history(bob, chat) == ["5", None]
    clear(bob, chat)
    assert "hidden" not in own(bob, 0)


def test_cleared_message_does_not_exist_for_the_user(alice: Person, bob: Person, carol: Person, chat: str) -> None:
    message = bob.send(chat, "Mine")
    data(alice.request("PUT", f"/messages/{message['id']}/pin"))
    assert shown(bob, chat)["pinCount"] == 1
    clear(bob, chat)
    assert "pinCount" not in shown(bob, chat)
    assert "pinCount" not in data(bob.get("/chats"))[0]
    assert shown(alice, chat)["pinCount"] == 1
    path = f"/messages/{message['id']}"
    other = bob.direct_chat(carol)
    refused = {
        "get": bob.get(f"/chats/{chat}{path}"),
        "edit": bob.patch(path, {"content": "Again"}),
        "reaction": bob.request("PUT", f"{path}/reactions/👍"),
        "reactions": bob.get(f"{path}/reactions"),
        "pin": bob.request("PUT", f"{path}/pin"),
        "unpin": bob.delete(f"{path}/pin"),
        "versions": bob.get(f"{path}/versions"),
        "statuses": bob.get(f"{path}/statuses"),
        "forward": bob.post(
            "/messages/forward", {"messageIds": [message["id"]], "chatIds": [other], "clientId": new_id()}
        ),
        "hide": bob.post("/messages/hide", {"messageIds": [message["id"]]}),
    }
    for what, response in refused.items():
        assert (what, *problem(response)) == (what, 404, "not_found")
    unknown = {
        "reply": bob.post("/messages", {"chatId": chat, "content": "x", "replyToId": message["id"]}),
        "read": bob.post(f"/messages/{chat}/read", {"messageIds": [message["id"]]}),
    }
    for what, response in unknown.items():
        assert (what, *problem(response)) == (what, 422, "validation_error")
    assert data(bob.get(f"/chats/{chat}/pins")) == []
    assert data(alice.get(f"{path}/reactions")) == []
    # The sender can still delete it for all.
    assert bob.delete(path).status_code == 204
    assert problem(carol.delete(path)) == (404, "not_found")
    assert "pinCount" not in data(bob.get(f"/chats/{chat}"))
    assert data(alice.patch(f"/messages/{alice.send(chat, 'x')['id']}", {"content": "y"}))["content"] == "y"


def test_moderators_delete_what_they_cleared(alice: Person, admin: Person) -> None:
    chat_id = alice.group(admin)
    message = alice.send(chat_id, "Spam")
    clear(admin, chat_id)
    assert admin.delete(f"/messages/{message['id']}").status_code == 204
    assert history(alice, chat_id) == [None]


def test_rejoining_shows_the_whole_history(alice: Person, bob: Person) -> None:
    chat_id = alice.group(bob)
    alice.send(chat_id, "Hello")
    clear(bob, chat_id)
    assert history(bob, chat_id) == []
    bob.delete(f"/chats/{chat_id}/leave")
    alice.post(f"/chats/{chat_id}/members", {"userId": bob.id})
    assert history(bob, chat_id) == ["Hello"]
