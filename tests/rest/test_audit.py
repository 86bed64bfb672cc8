"""The audit log."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from chatapp.core import audit
from chatapp.core.identity import CLI, Actor, Principal
from chatapp.core.ids import new_id
from tests.cli.conftest import Chat, chat
from tests.conftest import Connect, NewKey
from tests.people import PASSWORD, Person, data, problem

__all__ = ["chat"]

Json = dict[str, Any]


@pytest.fixture
def key(engine: Engine) -> Principal:
    """A key that made three changes."""
    principal = Principal("key", new_id(), "backend", address="203.0.113.7")
    chat_id, user_id = new_id(), new_id()
    with engine.begin() as db:
        audit.record(db, principal, "chat.updated", ("chat", chat_id), fields=["name"])
        acting = Actor(user_id, "", "alice", None, "USER", acting=principal)
        audit.record_action(db, acting, "message.created", ("message", new_id()))
        audit.record(db, principal, "chat.deleted", ("chat", chat_id))
    return principal


def listed(admin: Person, **filters: str) -> list[str]:
    """The actions of the entries that match."""
    return [entry["action"] for entry in data(admin.get("/admin/audit", **filters))]


def test_entries_are_listed_newest_first_without_empty_fields(admin: Person, key: Principal, engine: Engine) -> None:
    deleted, created, updated = data(admin.get("/admin/audit", actor=key.id))
    actor = {"type": "key", "id": key.id, "name": "backend"}
    assert (deleted["action"], deleted["actor"], deleted["address"]) == ("chat.deleted", actor, "203.0.113.7")
    assert set(deleted) == {"id", "at", "actor", "action", "target", "address"}
    assert set(created) == {"id", "at", "actor", "action", "target", "address", "actingAs"}
    assert (updated["details"], updated["target"]) == ({"fields": ["name"]}, deleted["target"])
    with engine.begin() as db:
        audit.record(db, CLI, "role.changed", ("user", admin.id), role="ADMIN")
    (by_command,) = data(admin.get("/admin/audit", target=admin.id))
    assert by_command["actor"] == {"type": "cli", "name": "cli"}
    assert "address" not in by_command


def test_entries_are_filtered(admin: Person, key: Principal) -> None:
    deleted, _, updated = data(admin.get("/admin/audit", actor=key.id))
    actor = str(key.id)
    assert listed(admin, actor=actor, action="chat.updated") == ["chat.updated"]
    assert listed(admin, actor=actor, action="chat.*") == ["chat.deleted", "chat.updated"]
    assert listed(admin, actor=actor, action="cha.*") == []
    assert listed(admin, target=deleted["target"]["id"]) == ["chat.deleted", "chat.updated"]
    assert listed(admin, actor=new_id()) == []
    assert "chat.updated" in listed(admin, actor=actor, **{"from": updated["at"], "to": updated["at"]})
    long_ago = "2020-01-01T00:00:00+01:00"
    assert listed(admin, actor=actor, to=long_ago) == []
    assert len(listed(admin, actor=actor, **{"from": long_ago})) == 3
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert listed(admin, actor=actor, **{"from": later}) == []


@pytest.mark.parametrize(
    "filters",
    [
        {"actor": "alice"},
        {"target": "1"},
        {"action": "chat"},
        {"action": "chat.%"},
        {"from": "yesterday"},
        {"from": "2026-11-29"},
        {"to": "2026-13-01T00:00:00Z"},
        {"to": "0001-01-01T00:00:00+23:00"},
        {"limit": "0"},
    ],
)
def test_invalid_filters_are_refused(admin: Person, filters: Json) -> None:
    response = admin.get("/admin/audit", **filters)
    assert problem(response) == (422, "validation_error")
    assert list(response.json()["errors"]) == list(filters)


def test_extreme_times_are_accepted(admin: Person) -> None:
    extremes = {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59.999Z"}
    assert admin.get("/admin/audit", limit=1, **extremes).ok
    assert data(admin.get("/admin/audit", **{"from": "9999-12-31T23:00:00Z"})) == []


def test_pages_continue_and_only_their_own_cursors_are_valid(admin: Person, key: Principal) -> None:
    first = admin.get("/admin/audit", actor=key.id, limit=2).json()
    cursor = first["meta"]["nextCursor"]
    rest = admin.get("/admin/audit", actor=key.id, limit=2, cursor=cursor).json()
    assert [entry["action"] for entry in rest["data"]] == ["chat.updated"]
    assert rest["meta"] == {"nextCursor": None, "hasMore": False}
    broken = [cursor[:-2] + "xx", cursor[1:], "", "x", "ä", "a" * 500, "W10", cursor + "\0"]
    for other in broken:
        assert problem(admin.get("/admin/audit", actor=key.id, cursor=other)) == (400, "cursor_invalid")
    # The cursor of another query, and of another list.
    assert problem(admin.get("/admin/audit", cursor=cursor)) == (400, "cursor_invalid")
    assert problem(admin.get("/admin/jobs", cursor=cursor)) == (400, "cursor_invalid")


def test_changes_of_accounts_are_recorded(admin: Person, alice: Person) -> None:
    account = f"/admin/users/{alice.id}"
    for change in ({"role": "MODERATOR"}, {"role": "MODERATOR"}, {"isActive": False}, {"isActive": True}, {}):
        assert admin.patch(account, change).ok
    entries = data(admin.get("/admin/audit", target=alice.id))
    assert [entry["action"] for entry in entries] == ["user.reactivated", "user.deactivated", "role.changed"]
    actor = {"type": "user", "id": admin.id, "name": admin.name}
    assert all(entry["actor"] == actor and entry["address"] == "127.0.0.1" for entry in entries)
    assert entries[2]["details"] == {"role": "MODERATOR"}


def test_deletions_by_moderators_are_recorded(admin: Person, alice: Person, bob: Person, connect: Connect) -> None:
    chat_id, socket = alice.direct_chat(bob), connect(admin, transports=["websocket"])
    first, second, third = (alice.send(chat_id, f"secret {number}")["id"] for number in range(3))
    assert alice.delete(f"/messages/{first}").ok
    for _ in range(2):
        socket.call("message:delete", {"messageId": second})
    assert listed(admin, target=first) == listed(admin, target=third) == []
    (entry,) = data(admin.get("/admin/audit", target=second))
    assert (entry["action"], entry["actor"]["id"], entry["address"]) == ("message.deleted", admin.id, "127.0.0.1")
    assert entry["details"] == {"chatId": chat_id, "senderId": alice.id}


def test_what_a_key_does_as_a_user_is_recorded(alice: Person, bob: Person, new_key: NewKey) -> None:
    backend, auditor = new_key("act"), new_key("audit:read")
    body = {"chatId": alice.direct_chat(bob), "content": "secret", "clientId": new_id()}
    sent = data(backend.post("/messages", body, act_as=alice.id))
    assert data(backend.post("/messages", body, act_as=alice.id)) == sent
    for _ in range(2):
        assert backend.patch(f"/messages/{sent['id']}", {"content": "another secret"}, act_as=alice.id).ok
    assert problem(backend.get("/admin/audit")) == (403, "scope_missing")
    updated, created = data(auditor.get("/admin/audit", actor=backend.id))
    assert [updated["action"], created["action"]] == ["message.updated", "message.created"]
    for entry in (updated, created):
        assert entry["actor"]["type"] == "key"
        assert (entry["actingAs"], entry["address"]) == (alice.id, "127.0.0.1")
        assert entry["target"] == {"type": "message", "id": sent["id"]}
    assert updated["details"] == {"chatId": sent["chatId"], "fields": ["content"]}
    assert created["details"] == {"chatId": sent["chatId"]}


def test_the_command_that_creates_administrators_is_recorded(admin: Person, chat: Chat) -> None:
    name = f"c{secrets.token_hex(5)}"
    words = ("create-admin", "--email", f"{name}@example.org", "--username", name, "--password", PASSWORD)
    for _ in range(2):
        assert chat(*words).returncode == 0
    (account,) = data(admin.get("/admin/users", q=name))
    (entry,) = data(admin.get("/admin/audit", target=account["id"]))
    assert (entry["action"], entry["actor"]["type"], entry["details"]) == ("user.created", "cli", {"role": "ADMIN"})
    assert admin.patch(f"/admin/users/{account['id']}", {"role": "USER"}).ok
    assert chat(*words).returncode == 0
    assert listed(admin, target=account["id"]) == ["role.changed", "role.changed", "user.created"]
