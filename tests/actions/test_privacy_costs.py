"""Hidden users cost the same statements as unknown ones, so that the time of a response does not tell them apart."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from chatapp.core.errors import ChatError
from chatapp.core.ids import new_id
from chatapp.features.chats import actions as chats
from chatapp.features.messages import actions as messages
from chatapp.features.users import queries as users
from tests.actions.conftest import CountStatements, actor
from tests.people import Person
from tests.rest.test_blocks import block
from tests.rest.test_my_settings import change

ACTIONS: dict[str, Callable[[Person, str, str], object]] = {
    "profile": lambda viewer, name, _: users.read_user(actor(viewer), name),
    "direct chat": lambda viewer, _, id: chats.create_direct_chat(actor(viewer), user_id=id),
    "new group": lambda viewer, _, id: chats.create_group(actor(viewer), member_ids=[id], name="x"),
}


def refused(work: Callable[[], object]) -> Callable[[], object]:
    def call() -> None:
        with pytest.raises(ChatError):
            work()

    return call


@pytest.mark.parametrize("what", ACTIONS)
def test_refused_requests_take_the_same_statements(
    statements: CountStatements, alice: Person, bob: Person, carol: Person, what: str
) -> None:
    block(bob, alice)
    change(carol, findable=False, directFrom="contacts")
    asked = [("nobody_of_that_name", new_id()), (bob.name, bob.id)]
    if what != "new group":
        asked.append((carol.name, carol.id))
    ran = [statements(refused(lambda: ACTIONS[what](alice, name, id))) for name, id in asked]  # noqa: B023
    assert all(each == ran[0] for each in ran), ran


def test_a_new_member_is_refused_with_the_same_statements(
    statements: CountStatements, alice: Person, bob: Person
) -> None:
    block(bob, alice)
    group = alice.group()
    ran = [
        statements(refused(lambda: chats.add_member(actor(alice), group, user_id=id)))  # noqa: B023
        for id in (new_id(), bob.id)
    ]
    assert ran[0] == ran[1]


def test_closed_chats_take_the_same_statements(
    statements: CountStatements, engine: Engine, alice: Person, bob: Person, carol: Person
) -> None:
    blocked, erased = alice.direct_chat(bob), alice.direct_chat(carol)
    block(bob, alice)
    with engine.begin() as db:
        db.execute(text("UPDATE chats SET is_closed = true WHERE id = :id"), {"id": erased})
    ran = [
        statements(refused(lambda: messages.send_message(actor(alice), chat_id=chat_id, content="x").get()))  # noqa: B023
        for chat_id in (blocked, erased)
    ]
    assert ran[0] == ran[1]
