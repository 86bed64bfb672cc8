"""Drafts of messages."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from chatapp.core.ids import new_id
from tests.locks import until_blocked
from tests.people import Backend, Person, data, problem
from tests.rest.test_chat_state import groups
from tests.rest.test_own_state import own


def put(person: Person, chat_id: str, content: str, **fields: Any) -> dict[str, Any]:
    """The `Draft` after a change."""
    return data(person.request("PUT", f"/chats/{chat_id}/draft", json={"content": content, **fields}))  # type: ignore[no-any-return]


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    return alice.direct_chat(bob)


def test_draft_is_saved_replaced_and_deleted(alice: Person, bob: Person, chat: str) -> None:
    path = f"/chats/{chat}/draft"
    assert problem(bob.get(path)) == (404, "not_found")
    message = alice.send(chat, "Where?")
    draft = put(bob, chat, " See you \n", replyToId=message["id"], metadata={"a": [1]})
    fields = {"content": " See you \n", "replyToId": message["id"], "metadata": {"a": [1]}}
    assert draft == {"chatId": chat, "meRev": 1, "updatedAt": draft["updatedAt"], **fields}
    assert data(bob.get(path)) == draft
    assert own(bob, 0) == {"rev": 1, "drafts": [draft]}
    assert problem(alice.get(path)) == (404, "not_found")
    empty = put(bob, chat, "")
    assert empty == {"chatId": chat, "meRev": 2, "updatedAt": empty["updatedAt"]}
    for _ in range(2):
        assert bob.delete(path).status_code == 204
        assert problem(bob.get(path)) == (404, "not_found")
        assert own(bob, 1) == {"rev": 3, "draftsGone": [chat]}
    assert put(bob, chat, "Again")["meRev"] == 4
    assert own(bob, 1)["drafts"][0]["content"] == "Again"


def test_same_draft_changes_nothing(alice: Person, bob: Person, chat: str) -> None:
    message = alice.send(chat, "Where?")
    fields = {"replyToId": message["id"], "metadata": {"a": 1, "b": None}}
    draft = put(bob, chat, "Here", **fields)
    assert put(bob, chat, "Here", **fields) == draft
    assert put(bob, chat, "Here", replyToId=message["id"].upper(), metadata={"b": None, "a": 1}) == draft
    assert put(bob, chat, "Here", metadata=fields["metadata"])["meRev"] == 2
    assert "metadata" not in put(bob, chat, "Here", metadata={})


def test_sending_keeps_the_draft(bob: Person, chat: str) -> None:
    draft = put(bob, chat, "Later")
    bob.send(chat, "Later")
    assert data(bob.get(f"/chats/{chat}/draft")) == draft


def test_target_of_a_draft_is_in_its_chat_and_may_be_deleted(
    alice: Person, bob: Person, carol: Person, chat: str
) -> None:
    message = alice.send(chat, "Where?")
    elsewhere = carol.send(carol.direct_chat(bob), "Here")
    for wrong in (elsewhere["id"], new_id()):
        response = bob.request("PUT", f"/chats/{chat}/draft", json={"content": "x", "replyToId": wrong})
        assert problem(response) == (422, "validation_error")
    put(bob, chat, "Here", replyToId=message["id"])
    alice.delete(f"/messages/{message['id']}")
    assert data(bob.get(f"/chats/{chat}/draft"))["replyToId"] == message["id"]
    # The text can still be changed.
    assert put(bob, chat, "There", replyToId=message["id"])["replyToId"] == message["id"]
    reply = bob.post("/messages", {"chatId": chat, "content": "There", "replyToId": message["id"]})
    assert problem(reply) == (422, "validation_error")


@pytest.mark.parametrize(
    "body",
    [{}, {"content": "x" * 4001}, {"content": None}, {"content": "x", "a": 1}, {"content": "x", "metadata": [1]}],
)
def test_invalid_drafts_are_refused(bob: Person, chat: str, body: dict[str, Any]) -> None:
    assert problem(bob.request("PUT", f"/chats/{chat}/draft", json=body)) == (422, "validation_error")


def test_drafts_are_only_for_members(carol: Person, chat: str) -> None:
    for method in ("GET", "DELETE"):
        assert problem(carol.request(method, f"/chats/{chat}/draft")) == (404, "not_found")
    assert problem(carol.request("PUT", f"/chats/{chat}/draft", json={"content": "x"})) == (404, "not_found")


def test_limit_of_drafts_is_exact(alice: Person, engine: Engine) -> None:
    chats = groups(engine, alice, 206)
    with engine.begin() as db:
        fill = """
            WITH counted AS (UPDATE users SET me_rev = 194 WHERE id = :id)
            INSERT INTO drafts (user_id, chat_id, content, me_rev)
            SELECT :id, c.id, 'x', c.n FROM unnest(CAST(:chats AS uuid[])) WITH ORDINALITY c (id, n)
        """
        db.execute(text(fill), {"id": alice.id, "chats": chats[:194]})
    bodies = [(f"/chats/{chat_id}/draft", {"content": "x"}) for chat_id in chats[194:]]
    with ThreadPoolExecutor(8) as threads:
        responses = list(threads.map(lambda each: alice.request("PUT", each[0], json=each[1]), bodies))
    assert [problem(response) for response in responses if not response.ok] == [(409, "limit_reached")] * 6
    assert own(alice, 0)["rev"] == 200
    # Others can be changed, and one that is deleted makes room.
    put(alice, chats[0], "y")
    left = next(path for (path, _), response in zip(bodies, responses, strict=True) if not response.ok)
    alice.delete(f"/chats/{chats[0]}/draft")
    assert alice.request("PUT", left, json={"content": "x"}).ok


def test_concurrent_writes_leave_the_last_one(bob: Person, chat: str) -> None:
    with ThreadPoolExecutor(5) as threads:
        drafts = list(threads.map(lambda number: put(bob, chat, str(number)), range(10)))
    assert sorted(draft["meRev"] for draft in drafts) == list(range(1, 11))
    (last,) = (draft for draft in drafts if draft["meRev"] == 10)
    assert data(bob.get(f"/chats/{chat}/draft")) == last


def test_leaving_deletes_the_draft(alice: Person, bob: Person) -> None:
    chat_id = alice.group(bob)
    put(bob, chat_id, "x")
    bob.delete(f"/chats/{chat_id}/leave")
    assert own(bob, 1) == {"rev": 2, "reset": [chat_id]}
    alice.post(f"/chats/{chat_id}/members", {"userId": bob.id})
    assert problem(bob.get(f"/chats/{chat_id}/draft")) == (404, "not_found")


def test_a_key_acts_as_the_user(bob: Person, backend: Backend, chat: str) -> None:
    path = f"/chats/{chat}/draft"
    draft = data(backend.put(path, {"content": "x"}, act_as=bob.id))
    assert data(bob.get(path)) == draft == data(backend.get(path, act_as=bob.id))
    assert backend.delete(path, act_as=bob.id).status_code == 204


def test_a_draft_waits_for_one_that_is_being_committed(alice: Person, engine: Engine) -> None:
    chats = groups(engine, alice, 201)
    fill = """
        INSERT INTO drafts (user_id, chat_id, content, me_rev)
        SELECT :id, c.id, 'x', c.n FROM unnest(CAST(:chats AS uuid[])) WITH ORDINALITY c (id, n)
    """
    with engine.begin() as db:
        db.execute(text(fill), {"id": alice.id, "chats": chats[:199]})
    with engine.connect() as holder, ThreadPoolExecutor(1) as pool:
        holder.execute(text(fill), {"id": alice.id, "chats": chats[199:200]})
        holder.execute(text("UPDATE users SET me_rev = 200 WHERE id = :id"), {"id": alice.id})
        waiting = pool.submit(alice.request, "PUT", f"/chats/{chats[200]}/draft", json={"content": "x"})
        until_blocked(engine, holder, waiting)
        holder.commit()
        assert problem(waiting.result()) == (409, "limit_reached")
