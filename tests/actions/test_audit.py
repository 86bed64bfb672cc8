"""What API keys do as users is recorded in the transaction of the change."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gevent
import pytest
from flask import Flask
from sqlalchemy import Engine, text

from chatapp.core import audit
from chatapp.core.errors import NotFound
from chatapp.core.identity import Actor, Principal
from chatapp.core.ids import new_id
from chatapp.features.audit.jobs import prune_audit_log
from chatapp.features.chats import actions as chats
from chatapp.features.messages import actions as messages
from tests.actions.conftest import CountStatements, actor
from tests.people import Person

ListEntries = Callable[[], list[tuple[str, str, str, dict[str, Any] | None]]]


@pytest.fixture
def key() -> Principal:
    """A key that acts as users."""
    return Principal("key", new_id(), "backend", frozenset({"act"}), "203.0.113.7")


@pytest.fixture
def entries(key: Principal, engine: Engine) -> ListEntries:
    """Lists the entries of the key, in order: action, user, target, details."""
    statement = text(
        """
        SELECT action, acting_as::text, target_id::text, details FROM audit_log
        WHERE actor_id = :id AND actor_type = 'key' AND actor_name = 'backend' AND address = '203.0.113.7' ORDER BY at, id
        """
    )

    def read() -> list[tuple[str, str, str, dict[str, Any] | None]]:
        with engine.connect() as db:
            return [(row[0], row[1], row[2], row[3]) for row in db.execute(statement, {"id": key.id})]

    return read


def test_changes_by_an_acting_key_are_recorded(
    app: Flask, key: Principal, entries: ListEntries, alice: Person, bob: Person
) -> None:
    acting: Actor = replace(actor(alice), acting=key)
    with app.app_context():
        chat_id = chats.create_group(acting, name="secret", member_ids=[])["id"]
        chats.update_chat(acting, chat_id, name="another secret")
        chats.add_member(acting, chat_id, user_id=bob.id)
        chats.set_member_role(acting, chat_id, bob.id, role="ADMIN")
        chats.set_member_role(acting, chat_id, bob.id, role="ADMIN")
        client_id = new_id()
        for _ in range(2):
            message = messages.send_message(acting, chat_id=chat_id, content="secret", client_id=client_id).get()
        messages.edit_message(acting, message["id"], content="secret 2")
        messages.send_message(actor(bob), chat_id=chat_id, content="hello").get()
        for _ in range(2):
            messages.mark_read(acting, chat_id)
        for _ in range(2):
            messages.delete_message(acting, message["id"])
        chats.remove_member(acting, chat_id, bob.id)
        chats.leave(acting, chat_id)
    listed = entries()
    assert [(action, target) for action, _, target, _ in listed] == [
        ("chat.created", chat_id),
        ("chat.updated", chat_id),
        ("member.added", chat_id),
        ("member.updated", chat_id),
        ("message.created", message["id"]),
        ("message.updated", message["id"]),
        ("chat.read", chat_id),
        ("message.deleted", message["id"]),
        ("member.removed", chat_id),
        ("member.left", chat_id),
    ]
    assert {user for _, user, _, _ in listed} == {alice.id}
    assert "secret" not in str([details for *_, details in listed])


def test_messages_of_a_batch_have_an_entry_each(
    app: Flask, key: Principal, entries: ListEntries, alice: Person, bob: Person, carol: Person
) -> None:
    chat_id = alice.direct_chat(bob)
    senders = [replace(actor(alice), acting=key), actor(bob), replace(actor(bob), acting=key), actor(alice)]

    def send(sender: Actor) -> str:
        return messages.send_message(sender, chat_id=chat_id, content="hi").get()["id"]

    with app.app_context():
        sent = [gevent.spawn(app.application.run, send, sender) for sender in senders]  # type: ignore[attr-defined]
        gevent.joinall(sent, timeout=10)
        with pytest.raises(NotFound):
            messages.send_message(replace(actor(carol), acting=key), chat_id=chat_id, content="hi").get()
    expected = {(alice.id, sent[0].value), (bob.id, sent[2].value)}
    assert {(user, target) for _, user, target, _ in entries()} == expected
    assert {tuple(details.items()) for *_, details in entries() if details} == {(("chatId", chat_id),)}


def test_users_leave_no_entries_and_cost_no_statement(
    app: Flask, statements: CountStatements, alice: Person, bob: Person
) -> None:
    chat_id = alice.direct_chat(bob)
    with app.app_context():
        ran = statements(lambda: messages.send_message(actor(alice), chat_id=chat_id, content="hi").get())
    assert not any("audit" in statement for statement in ran)


def test_old_entries_are_deleted(app: Flask, engine: Engine) -> None:
    principal = Principal("key", new_id(), "old")
    with engine.begin() as db:
        audit.record(db, principal, "key.created", ("key", new_id()))
        audit.record(db, principal, "key.revoked", ("key", new_id()))
        db.execute(
            text(
                "UPDATE audit_log SET id = CAST('01000000' || right(CAST(id AS text), 28) AS uuid) "
                "WHERE actor_id = :id AND action = 'key.created'"
            ),
            {"id": principal.id},
        )
    removed: list[int] = []
    with app.app_context():
        prune_audit_log(removed.append)
    with engine.connect() as db:
        left = (
            db.execute(text("SELECT action FROM audit_log WHERE actor_id = :id"), {"id": principal.id}).scalars().all()
        )
    assert (left, sum(removed)) == (["key.revoked"], 1)
