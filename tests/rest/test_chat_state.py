"""The caller's own state of chats: muted, archived, hidden, pinned, marked as unread."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from chatapp.core.ids import new_id
from tests.locks import until_blocked
from tests.people import Backend, Person, data, problem
from tests.rest.test_own_state import own

FOREVER = "9999-12-31T23:59:59.999Z"


def set_state(person: Person, chat_id: str, **fields: Any) -> dict[str, Any]:
    """The `ChatState` after a change."""
    return data(person.patch(f"/chats/{chat_id}/me", fields))  # type: ignore[no-any-return]


def shown(person: Person, chat_id: str) -> dict[str, Any]:
    """The chat as the user sees it."""
    return data(person.get(f"/chats/{chat_id}"))  # type: ignore[no-any-return]


def listed(person: Person, **filters: str) -> list[str]:
    """The ids of the chats in the user's list."""
    return [chat["id"] for chat in data(person.get("/chats", **filters))]


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """A chat of Alice and Bob with three messages by Alice, all unread by Bob."""
    chat_id = alice.direct_chat(bob)
    for number in range(3):
        alice.send(chat_id, str(number))
    return chat_id


def soon(**delta: float) -> str:
    """A time in the future, or in the past."""
    return (datetime.now(UTC) + timedelta(**delta)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_first_state_is_the_number_alone(bob: Person, chat: str) -> None:
    assert set_state(bob, chat) == {"chatId": chat, "meRev": 0}
    assert "me" not in shown(bob, chat)
    assert set_state(bob, chat, pinned=True)["meRev"] == 1
    assert set_state(bob, chat, pinned=False) == {"chatId": chat, "meRev": 2} == shown(bob, chat)["me"]


@pytest.mark.parametrize("until", [FOREVER, soon(hours=1)])
def test_muting_ends_at_its_time_or_by_null(alice: Person, bob: Person, chat: str, until: str) -> None:
    assert set_state(bob, chat, mutedUntil=until) == {"chatId": chat, "meRev": 1, "mutedUntil": until}
    assert set_state(bob, chat, mutedUntil=until)["meRev"] == 1
    assert "me" not in shown(alice, chat)
    assert set_state(bob, chat, mutedUntil=None) == {"chatId": chat, "meRev": 2}
    assert set_state(bob, chat, mutedUntil=None)["meRev"] == 2


def test_time_zone_and_digits_of_a_mute_do_not_matter(bob: Person, chat: str) -> None:
    assert set_state(bob, chat, mutedUntil="2999-01-31T02:00:00.1239+02:00")["mutedUntil"] == "2999-01-31T00:00:00.123Z"
    assert set_state(bob, chat, mutedUntil="2999-01-31T00:00:00.123Z")["meRev"] == 1
    assert set_state(bob, chat, mutedUntil="9999-12-31T23:59:59.9999Z")["mutedUntil"] == FOREVER


def test_a_mute_in_the_past_is_none(bob: Person, chat: str, engine: Engine) -> None:
    assert set_state(bob, chat, mutedUntil=soon(hours=-1)) == {"chatId": chat, "meRev": 0}
    set_state(bob, chat, mutedUntil=soon(hours=1))
    expire_mutes(engine, bob)
    assert shown(bob, chat)["me"] == {"chatId": chat, "meRev": 1}
    assert set_state(bob, chat, mutedUntil=None)["meRev"] == 1


def expire_mutes(engine: Engine, person: Person) -> None:
    with engine.begin() as db:
        past = "UPDATE members SET muted_until = now() - interval '1 s' WHERE user_id = :id"
        db.execute(text(past), {"id": person.id})


def test_archived_chat_returns_with_the_next_message(alice: Person, bob: Person, chat: str) -> None:
    state = {"chatId": chat, "meRev": 1, "isArchived": True, "archivedSeq": 3}
    assert set_state(bob, chat, isArchived=True) == state
    assert set_state(bob, chat, isArchived=True) == state
    assert (listed(bob, archived="true"), listed(bob, archived="false"), listed(bob)) == ([chat], [], [chat])
    alice.send(chat, "Return")
    assert shown(bob, chat)["me"] == {"chatId": chat, "meRev": 1, "archivedSeq": 3}
    assert (listed(bob, archived="true"), listed(bob, archived="false")) == ([], [chat])
    assert set_state(bob, chat, isArchived=True)["archivedSeq"] == 4
    assert set_state(bob, chat, isArchived=False) == {"chatId": chat, "meRev": 3}
    assert set_state(bob, chat, isArchived=False)["meRev"] == 3


def test_muted_chat_stays_archived(alice: Person, bob: Person, chat: str, engine: Engine) -> None:
    set_state(bob, chat, isArchived=True, mutedUntil=FOREVER)
    alice.send(chat, "Unheard")
    assert shown(bob, chat)["me"]["isArchived"]
    # Archived as of now: it stays so when the mute ends.
    assert set_state(bob, chat, isArchived=True)["archivedSeq"] == 4
    state = set_state(bob, chat, isArchived=True, mutedUntil=None)
    assert state == {"chatId": chat, "meRev": 3, "isArchived": True, "archivedSeq": 4}
    set_state(bob, chat, mutedUntil=FOREVER)
    alice.send(chat, "Unheard")
    expire_mutes(engine, bob)
    assert "isArchived" not in shown(bob, chat)["me"]


def test_old_position_of_an_archive_can_be_removed(alice: Person, bob: Person, chat: str) -> None:
    set_state(bob, chat, isArchived=True)
    alice.send(chat, "Return")
    assert set_state(bob, chat, isArchived=False) == {"chatId": chat, "meRev": 2}
    assert "isArchived" not in set_state(bob, chat, mutedUntil=FOREVER)


def test_hidden_chat_is_not_listed_until_the_next_message(alice: Person, bob: Person, chat: str) -> None:
    state = {"chatId": chat, "meRev": 1, "isHidden": True, "hiddenSeq": 3}
    assert set_state(bob, chat, isHidden=True) == state
    assert (listed(bob), listed(bob, hidden="true"), listed(bob, hidden="false")) == ([], [chat], [])
    assert shown(bob, chat)["me"] == state
    synced = data(bob.post("/sync", {"chats": {}}))
    assert [each["me"] for each in synced["chats"]] == [state]
    set_state(bob, chat, mutedUntil=FOREVER)
    alice.send(chat, "Return")
    assert (listed(bob), listed(bob, hidden="true")) == ([chat], [])
    assert "isHidden" not in shown(bob, chat)["me"]


def test_empty_chat_is_archived_and_hidden_at_zero(alice: Person, bob: Person) -> None:
    chat_id = alice.direct_chat(bob)
    state = set_state(bob, chat_id, isArchived=True, isHidden=True)
    assert (state["archivedSeq"], state["hiddenSeq"], state["meRev"]) == (0, 0, 1)


def test_pinning_keeps_its_time_and_the_order_of_the_list(alice: Person, bob: Person, carol: Person, chat: str) -> None:
    other = carol.direct_chat(bob)
    carol.send(other, "Later")
    first = set_state(bob, chat, pinned=True)
    assert set_state(bob, chat, pinned=True) == first
    assert (listed(bob), listed(bob, pinned="true"), listed(bob, pinned="false")) == ([other, chat], [chat], [other])


def test_notification_level_is_reset_by_null(bob: Person, chat: str) -> None:
    assert set_state(bob, chat, notify="mentions")["notify"] == "mentions"
    assert set_state(bob, chat, notify="mentions")["meRev"] == 1
    assert set_state(bob, chat, notify=None) == {"chatId": chat, "meRev": 2}


def test_marking_unread_moves_no_receipt(alice: Person, bob: Person, chat: str) -> None:
    bob.post(f"/messages/{chat}/read", {})
    last = shown(alice, chat)["lastMessage"]
    assert last["status"] == "READ"
    state = {"chatId": chat, "meRev": 1, "isMarkedUnread": True, "unreadFrom": 3, "markedSeq": 3}
    assert set_state(bob, chat, isMarkedUnread=True) == state
    assert set_state(bob, chat, isMarkedUnread=True) == state
    assert shown(bob, chat)["unreadCount"] == 1
    assert shown(alice, chat)["lastMessage"]["status"] == "READ"
    assert set_state(bob, chat, unreadFrom=2) == state | {"meRev": 2, "unreadFrom": 2}
    assert set_state(bob, chat, unreadFrom=2)["meRev"] == 2
    assert shown(bob, chat)["unreadCount"] == 2
    assert set_state(bob, chat, isMarkedUnread=False) == {"chatId": chat, "meRev": 3}
    assert set_state(bob, chat, unreadFrom=None)["meRev"] == 3
    assert shown(bob, chat)["unreadCount"] == 0


def test_mark_ends_by_reading_and_by_sending(alice: Person, bob: Person, chat: str) -> None:
    set_state(bob, chat, unreadFrom=1)
    bob.post(f"/messages/{chat}/read", {})
    assert shown(bob, chat)["me"] == {"chatId": chat, "meRev": 2}
    # Also if nothing is newly read.
    set_state(bob, chat, isMarkedUnread=True)
    bob.post(f"/messages/{chat}/read", {})
    assert shown(bob, chat)["me"] == {"chatId": chat, "meRev": 4}
    set_state(bob, chat, isMarkedUnread=True)
    bob.send(chat, "Mine")
    assert shown(bob, chat)["me"] == {"chatId": chat, "meRev": 5}
    assert set_state(bob, chat, isMarkedUnread=True)["markedSeq"] == 4


@pytest.mark.parametrize(
    "body",
    [
        {"unreadFrom": 0},
        {"unreadFrom": 4},
        {"unreadFrom": -1},
        {"unreadFrom": "1"},
        {"unreadFrom": 2**53},
        {"unreadFrom": 2, "isMarkedUnread": False},
        {"unreadFrom": None, "isMarkedUnread": True},
        {"isMarkedUnread": None},
        {"isArchived": 1},
        {"pinned": None},
        {"notify": "some"},
        {"mutedUntil": "tomorrow"},
        {"mutedUntil": 1},
        {"archivedSeq": 1},
    ],
)
def test_invalid_changes_have_no_effect(bob: Person, chat: str, body: dict[str, Any]) -> None:
    assert problem(bob.patch(f"/chats/{chat}/me", {"isHidden": True} | body)) == (422, "validation_error")
    assert "me" not in shown(bob, chat)


def test_both_fields_of_a_mark_can_agree(bob: Person, chat: str) -> None:
    assert set_state(bob, chat, isMarkedUnread=True, unreadFrom=2)["unreadFrom"] == 2
    assert "unreadFrom" not in set_state(bob, chat, isMarkedUnread=False, unreadFrom=None)


def test_only_messages_after_joining_and_clearing_can_be_marked(alice: Person, bob: Person, carol: Person) -> None:
    chat_id = alice.group(bob)
    assert problem(bob.patch(f"/chats/{chat_id}/me", {"isMarkedUnread": True})) == (422, "validation_error")
    for number in range(3):
        alice.send(chat_id, str(number))
    alice.post(f"/chats/{chat_id}/members", {"userId": carol.id})
    assert problem(carol.patch(f"/chats/{chat_id}/me", {"isMarkedUnread": True})) == (422, "validation_error")
    assert problem(carol.patch(f"/chats/{chat_id}/me", {"unreadFrom": 3})) == (422, "validation_error")
    data(bob.post(f"/chats/{chat_id}/clear", {"upTo": 2}))
    assert problem(bob.patch(f"/chats/{chat_id}/me", {"unreadFrom": 2})) == (422, "validation_error")
    assert set_state(bob, chat_id, unreadFrom=3)["unreadFrom"] == 3
    data(bob.post(f"/chats/{chat_id}/clear", {}))
    assert problem(bob.patch(f"/chats/{chat_id}/me", {"isMarkedUnread": True})) == (422, "validation_error")


def test_fields_of_one_request_are_one_change(bob: Person, chat: str) -> None:
    everything = {"mutedUntil": FOREVER, "isArchived": True, "isHidden": True, "pinned": True, "notify": "none"}
    state = set_state(bob, chat, **everything, unreadFrom=2)
    assert (state["meRev"], state["unreadFrom"]) == (1, 2)
    assert own(bob, 0) == {"rev": 1, "chats": [state]}
    assert listed(bob, archived="true", hidden="true", pinned="true", muted="true") == [chat]
    assert listed(bob, archived="true", muted="true") == []


def test_state_is_only_for_members(carol: Person, chat: str) -> None:
    body = {"isArchived": True}
    assert problem(carol.patch(f"/chats/{chat}/me", body)) == (404, "not_found")
    assert problem(carol.patch(f"/chats/{new_id()}/me", body)) == (404, "not_found")


def test_concurrent_changes_of_different_fields_all_hold(bob: Person, chat: str) -> None:
    fields = [{"mutedUntil": FOREVER}, {"isArchived": True}, {"isHidden": True}, {"notify": "none"}, {"pinned": True}]
    with ThreadPoolExecutor(5) as threads:
        states = list(threads.map(lambda each: set_state(bob, chat, **each), fields))
    assert sorted(state["meRev"] for state in states) == [1, 2, 3, 4, 5]
    state = shown(bob, chat)["me"]
    assert {"mutedUntil", "isArchived", "isHidden", "notify", "pinnedAt"} <= state.keys()


def groups(engine: Engine, person: Person, count: int) -> list[str]:
    """New groups of the user alone."""
    with engine.begin() as db:
        fill = """
            WITH chat AS (
                INSERT INTO chats (id, type, name, member_count, updated_at, last_rev)
                SELECT gen_random_uuid(), 'GROUP', 'Group', 1, now() - n * interval '1 minute', 1
                FROM generate_series(1, :count) n RETURNING id
            )
            INSERT INTO members (chat_id, user_id) SELECT id, :user_id FROM chat RETURNING chat_id::text
        """
        return list(db.scalars(text(fill), {"user_id": person.id, "count": count}))


def test_limit_of_pinned_chats_is_exact(alice: Person, engine: Engine) -> None:
    chats = groups(engine, alice, 26)
    with ThreadPoolExecutor(8) as threads:
        responses = list(threads.map(lambda id: alice.patch(f"/chats/{id}/me", {"pinned": True}), chats))
    refused = [response for response in responses if not response.ok]
    assert [problem(response) for response in refused] == [(409, "limit_reached")] * 6
    pinned = listed(alice, pinned="true")
    assert len(pinned) == 20
    assert own(alice, 0)["rev"] == 20
    (left, *_) = set(chats) - set(pinned)
    # Together with another field, nothing changes.
    assert problem(alice.patch(f"/chats/{left}/me", {"pinned": True, "notify": "none"})) == (409, "limit_reached")
    assert "me" not in shown(alice, left)
    # Pinning one again is no new one.
    assert set_state(alice, pinned[0], pinned=True)["pinnedAt"]
    set_state(alice, pinned[0], pinned=False)
    assert set_state(alice, left, pinned=True)["pinnedAt"]


def test_pages_of_a_filtered_list(alice: Person, engine: Engine) -> None:
    chats = groups(engine, alice, 7)
    for chat_id in chats[::2]:
        set_state(alice, chat_id, mutedUntil=FOREVER)
    set_state(alice, chats[0], isHidden=True)
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        body = alice.get("/chats", muted="true", hidden="false", limit=1, **cursor).json()
        found += [chat["id"] for chat in body["data"]]
        if not body["meta"]["hasMore"]:
            break
        cursor = {"cursor": body["meta"]["nextCursor"]}
    assert found == [chats[2], chats[4], chats[6]]
    # The cursor is one of that list.
    for other in ({}, {"muted": "false"}, {"muted": "true", "hidden": "true"}):
        assert problem(alice.get("/chats", **cursor, **other)) == (422, "validation_error")
    assert alice.get("/chats", muted="true", **cursor).ok
    assert listed(alice) == chats[1:]


@pytest.mark.parametrize("name", ["archived", "hidden", "pinned", "muted"])
def test_filters_are_true_or_false(alice: Person, name: str) -> None:
    assert problem(alice.get("/chats", **{name: "yes"})) == (422, "validation_error")


def test_unread_messages_are_counted_without_muted_archived_and_hidden_chats(
    alice: Person, bob: Person, carol: Person, backend: Backend, chat: str
) -> None:
    def unread() -> dict[str, int]:
        found: dict[str, int] = data(bob.get("/users/me/unread"))
        (of_server,) = data(backend.post("/server/unread", {"userIds": [bob.id]}))
        assert {"userId": bob.id, **found} == of_server
        return found

    group = carol.group(bob)
    carol.send(group, "Bob", mentions={"userIds": [bob.id]})
    assert unread() == {"chats": 2, "messages": 4, "mentions": 1}
    for hides in ({"mutedUntil": FOREVER}, {"isArchived": True}, {"isHidden": True}):
        set_state(bob, group, **hides)
        assert unread() == {"chats": 1, "messages": 3, "mentions": 0}
        set_state(bob, group, mutedUntil=None, isArchived=False, isHidden=False)
    bob.post(f"/messages/{chat}/read", {})
    bob.post(f"/messages/{group}/read", {})
    assert unread() == {"chats": 0, "messages": 0, "mentions": 0}
    set_state(bob, group, isMarkedUnread=True)
    assert unread() == {"chats": 1, "messages": 1, "mentions": 1}


def test_a_key_acts_as_the_user(alice: Person, bob: Person, backend: Backend, chat: str, engine: Engine) -> None:
    state = data(backend.patch(f"/chats/{chat}/me", {"isArchived": True}, act_as=bob.id))
    assert shown(bob, chat)["me"] == state
    backend.patch(f"/chats/{chat}/me", {"isArchived": True}, act_as=bob.id)
    with engine.connect() as db:
        entries = "SELECT action, details FROM audit_log WHERE target_id = :id"
        found = [tuple(row) for row in db.execute(text(entries), {"id": chat})]
    assert found == [("chat.state_updated", {"fields": ["archived_seq"]})]


def test_leaving_and_rejoining_starts_with_defaults(alice: Person, bob: Person) -> None:
    chat_id = alice.group(bob)
    set_state(bob, chat_id, pinned=True, isArchived=True, mutedUntil=FOREVER)
    bob.delete(f"/chats/{chat_id}/leave")
    alice.post(f"/chats/{chat_id}/members", {"userId": bob.id})
    assert "me" not in shown(bob, chat_id)
    assert own(bob, 1) == {"rev": 2, "reset": [chat_id]}


def test_a_pin_waits_for_one_that_is_being_committed(alice: Person, engine: Engine) -> None:
    chats = groups(engine, alice, 21)
    for chat_id in chats[:19]:
        set_state(alice, chat_id, pinned=True)
    pin = "UPDATE members SET pinned_at = now(), me_rev = 20 WHERE chat_id = :chat_id AND user_id = :user_id"
    with engine.connect() as holder, ThreadPoolExecutor(1) as pool:
        holder.execute(text(pin), {"chat_id": chats[19], "user_id": alice.id})
        holder.execute(text("UPDATE users SET me_rev = 20 WHERE id = :id"), {"id": alice.id})
        waiting = pool.submit(alice.patch, f"/chats/{chats[20]}/me", {"pinned": True})
        until_blocked(engine, holder, waiting)
        holder.commit()
        assert problem(waiting.result()) == (409, "limit_reached")
    assert own(alice, 0)["rev"] == 20


def test_a_mark_waits_for_a_send_of_the_user(alice: Person, bob: Person, chat: str, engine: Engine) -> None:
    send = "UPDATE members SET read_seq = 4, delivered_seq = 4 WHERE chat_id = :chat_id AND user_id = :user_id"
    with engine.connect() as holder, ThreadPoolExecutor(1) as pool:
        holder.execute(text(send), {"chat_id": chat, "user_id": bob.id})
        holder.execute(text("UPDATE chats SET last_seq = 4, last_rev = last_rev + 1 WHERE id = :id"), {"id": chat})
        waiting = pool.submit(set_state, bob, chat, isMarkedUnread=True, isArchived=True)
        until_blocked(engine, holder, waiting)
        holder.commit()
        # Not the position before: the message of the user would have removed that mark.
        assert (waiting.result()["markedSeq"], waiting.result()["archivedSeq"]) == (4, 4)


def test_bots_have_own_state_too(alice: Person, backend: Backend) -> None:
    bot = data(backend.put(f"/server/users/{new_id()}", {"isBot": True}))["id"]
    chat_id = data(alice.post("/chats/direct", {"userId": bot}))["id"]
    alice.send(chat_id, "Hello")
    state = data(backend.patch(f"/chats/{chat_id}/me", {"isMarkedUnread": True, "pinned": True}, act_as=bot))
    assert (state["unreadFrom"], state["meRev"]) == (1, 1)
    assert data(backend.post(f"/chats/{chat_id}/clear", {}, act_as=bot))["clearedSeq"] == 1
    refused = backend.patch(f"/chats/{chat_id}/me", {"unreadFrom": 1}, act_as=bot)
    assert problem(refused) == (422, "validation_error")
