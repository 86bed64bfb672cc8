"""Sequences that random generation seldom finds: several steps in a specific order, or one during another."""

from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest
from sqlalchemy import event

from chatapp.core import db
from tests.property.actions_transport import ActionsTransport
from tests.property.clients import Device, lasting, lasting_chat
from tests.property.transport import NOT_FOUND, Refused, outcome


@pytest.fixture(autouse=True)
def group(actions_transport: ActionsTransport) -> str:
    """The first user's group with the second, who sent a message."""
    actions_transport.forget()
    first, second, *_ = actions_transport.people
    chat = str(actions_transport.new_group(first, "Group", [second])["id"])
    for content in ("one", "two"):
        actions_transport.send(second, chat, content)
    return chat


def test_client_id_of_a_left_chat_is_reported_as_reused(actions_transport: ActionsTransport, group: str) -> None:
    first, second, *_ = actions_transport.people
    client_id = str(uuid4())
    actions_transport.send(second, group, "one", client_id)
    actions_transport.leave(second, group)
    direct = actions_transport.open_direct(first, second)[0]["id"]
    assert outcome(lambda: actions_transport.send(second, direct, "one", client_id)) == Refused(422, "client_id_reused")
    assert outcome(lambda: actions_transport.send(second, group, "one", client_id)) == NOT_FOUND


def test_outsider_learns_nothing_from_a_reused_client_id(actions_transport: ActionsTransport, group: str) -> None:
    first, _, third, _ = actions_transport.people
    client_id = str(uuid4())
    direct = actions_transport.open_direct(first, third)[0]["id"]
    actions_transport.send(third, direct, "one", client_id)
    assert outcome(lambda: actions_transport.send(third, group, "one", client_id)) == NOT_FOUND


def _meanwhile(transport: ActionsTransport, chat: str) -> dict[str, list[Callable[[], object]]]:
    first, second, third, _ = transport.people
    messages = [message["id"] for message in transport.history(first, chat, limit=10)[0]]
    send = partial(transport.send, second, chat, "meanwhile")
    rename = partial(transport.rename, first, chat, "Others")
    return {
        "send": [send],
        "rename": [rename],
        "rename, send": [rename, send],
        "send, rename": [send, rename],
        "edit, delete": [
            partial(transport.edit, second, messages[1], "new"),
            partial(transport.delete, second, messages[0]),
        ],
        "rename, edit": [rename, partial(transport.edit, second, messages[0], "new")],
        "add": [partial(transport.add, first, chat, third), send],
        "remove": [partial(transport.remove, first, chat, second)],
        "remove, add": [partial(transport.remove, first, chat, second), partial(transport.add, first, chat, second)],
        "end": [partial(transport.delete_group, first, chat)],
    }


@pytest.mark.parametrize(
    "what",
    [
        "send",
        "rename",
        "rename, send",
        "send, rename",
        "edit, delete",
        "rename, edit",
        "add",
        "remove",
        "remove, add",
        "end",
    ],
)
@pytest.mark.parametrize("known", [False, True])
def test_changes_during_a_sync_are_in_it_or_in_the_next(
    actions_transport: ActionsTransport, group: str, what: str, known: bool
) -> None:
    second = actions_transport.people[1]
    device, acts = Device(), _meanwhile(actions_transport, group)[what]
    if known:
        device.fold(actions_transport.sync(second, device.revs))
        actions_transport.rename(actions_transport.people[0], group, "Changed")

    def act(*_: object) -> None:
        due, acts[:] = acts[:], []
        for each in due:
            each()

    # Between the statements that build the response.
    event.listen(db.engine(), "after_cursor_execute", act)
    try:
        device.fold(actions_transport.sync(second, device.revs))
    finally:
        event.remove(db.engine(), "after_cursor_execute", act)
    device.fold(actions_transport.sync(second, device.revs))
    chats, _ = actions_transport.list_chats(second, limit=10)
    assert device.chats == {chat["id"]: lasting_chat(chat) for chat in chats}
    for chat in device.chats:
        history, _ = actions_transport.history(second, chat, limit=10)
        assert device.history(chat) == [lasting(message) for message in history[::-1]]
