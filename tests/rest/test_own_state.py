"""Own state in `sync`: what only one user sees, by its counter `meRev`."""

from typing import Any

from sqlalchemy import Engine, text

from tests.people import Person, data


def own(person: Person, me: int, **fields: Any) -> dict[str, Any]:
    """`me` of a `sync`."""
    return data(person.post("/sync", {"chats": {}, "me": me, **fields}))["me"]  # type: ignore[no-any-return]


def mark_unread(engine: Engine, person: Person, chat_id: str, unread_from: int, marked: int) -> None:
    """Mark a chat as unread, as the user's change number 1."""
    mark = """
        WITH counted AS (UPDATE users SET me_rev = 1 WHERE id = :user_id)
        UPDATE members SET me_rev = 1, unread_from = :unread_from, marked_seq = :marked
        WHERE chat_id = :chat_id AND user_id = :user_id
    """
    with engine.begin() as db:
        values = {"user_id": person.id, "chat_id": chat_id, "unread_from": unread_from, "marked": marked}
        db.execute(text(mark), values)


def test_response_has_own_state_only_if_it_was_requested(alice: Person) -> None:
    assert "me" not in data(alice.post("/sync", {"chats": {}}))
    assert own(alice, 0) == {"rev": 0}


def test_client_that_is_ahead_of_the_server_gets_everything(alice: Person) -> None:
    ahead = own(alice, 17)
    assert (ahead["rev"], ahead["blocked"], ahead["settings"]["meRev"]) == (0, [], 0)


def test_leaving_a_chat_resets_its_state(alice: Person, bob: Person) -> None:
    chat_id = alice.group(bob)
    alice.delete(f"/chats/{chat_id}/members/{bob.id}")
    assert own(bob, 0) == {"rev": 1}
    alice.post(f"/chats/{chat_id}/members", {"userId": bob.id})
    bob.delete(f"/chats/{chat_id}/leave")
    assert own(bob, 1) == {"rev": 2, "reset": [chat_id]}
    assert own(alice, 0) == {"rev": 0}


def test_mark_counts_as_unread_until_the_chat_is_read(alice: Person, bob: Person, engine: Engine) -> None:
    chat_id = alice.direct_chat(bob)
    for number in range(3):
        alice.send(chat_id, str(number))
    bob.post(f"/messages/{chat_id}/read", {})
    mark_unread(engine, bob, chat_id, 2, 3)
    chat = data(bob.get(f"/chats/{chat_id}"))
    assert chat["unreadCount"] == 2
    state = {"chatId": chat_id, "meRev": 1, "isMarkedUnread": True, "unreadFrom": 2, "markedSeq": 3}
    assert chat["me"] == state
    assert own(bob, 0) == {"rev": 1, "chats": [state]}
    assert data(bob.post(f"/messages/{chat_id}/read", {}))["unreadCount"] == 0
    assert own(bob, 1) == {"rev": 2, "chats": [{"chatId": chat_id, "meRev": 2}]}
    assert "me" not in data(alice.get(f"/chats/{chat_id}"))


def test_sending_removes_a_mark_without_a_change_number(alice: Person, bob: Person, engine: Engine) -> None:
    chat_id = alice.direct_chat(bob)
    alice.send(chat_id, "Hello")
    mark_unread(engine, bob, chat_id, 1, 1)
    bob.send(chat_id, "Hi")
    assert data(bob.get(f"/chats/{chat_id}"))["me"] == {"chatId": chat_id, "meRev": 1}


def test_mentions_are_listed_for_all_chats(alice: Person, bob: Person) -> None:
    chat_id = alice.group(bob)
    alice.send(chat_id, "Bob", mentions={"userIds": [bob.id]})
    assert own(bob, 0) == {"rev": 0, "mentions": {chat_id: 1}}


def test_many_changes_come_in_parts(alice: Person, bob: Person, engine: Engine) -> None:
    chat_id = alice.direct_chat(bob)
    alice.send(chat_id, "Hello")
    left = """
        WITH counted AS (UPDATE users SET me_rev = 600 WHERE id = :id)
        INSERT INTO left_chats (user_id, chat_id, me_rev) SELECT :id, gen_random_uuid(), n FROM generate_series(1, 600) n
    """
    with engine.begin() as db:
        db.execute(text(left), {"id": bob.id})
    first = own(bob, 1)
    assert (first["rev"], first["more"], len(first["reset"])) == (501, True, 500)
    rest = own(bob, 501)
    assert (rest["rev"], len(rest["reset"])) == (600, 99)
    assert "more" not in rest
