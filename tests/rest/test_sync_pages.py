"""`POST /sync` in bounded responses: `more`, `nextCursor`, `only`, `reset`, and the bound in bytes."""

import base64
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, text

from tests.people import Person, data, problem

MAX_BYTES = 512 * 1024
EMOJI = "\N{GRINNING FACE}"
_CHATS = text(
    """
    WITH chat AS (
        INSERT INTO chats (id, type, name, description, avatar, member_count, last_rev, updated_at)
        SELECT gen_random_uuid(), 'GROUP', repeat(:letter, :letters), repeat(:letter, :letters * 5),
               'https://example.org/' || repeat('x', :letters * 20), 1, 1, now() - n * interval '1 minute'
        FROM generate_series(1, :count) n RETURNING id
    )
    INSERT INTO members (chat_id, user_id, role) SELECT id, :user_id, 'ADMIN' FROM chat RETURNING chat_id::text
    """
)
_MESSAGES = text(
    """
    WITH sent AS (
        INSERT INTO messages (id, chat_id, seq, rev, sender_id, content)
        SELECT gen_random_uuid(), :chat_id, c.last_seq + n, c.last_rev + n, :user_id, repeat(:letter, 4000)
        FROM chats c, generate_series(1, :count) n WHERE c.id = :chat_id
    )
    UPDATE chats SET last_seq = last_seq + :count, last_rev = last_rev + :count WHERE id = :chat_id
    """
)


def make_chats(engine: Engine, person: Person, count: int, letters: int = 1) -> list[str]:
    """Groups with a single member; with 100 letters each has the maximum size."""
    with engine.begin() as db:
        values = {"user_id": person.id, "count": count, "letter": EMOJI, "letters": letters}
        return list(db.scalars(_CHATS, values))


def fill(engine: Engine, person: Person, chat_id: str, count: int) -> None:
    """Messages of maximum length."""
    with engine.begin() as db:
        db.execute(_MESSAGES, {"chat_id": chat_id, "user_id": person.id, "count": count, "letter": EMOJI})


def pages(person: Person, chats: dict[str, int], **options: Any) -> Iterator[dict[str, Any]]:
    """The responses until the last page."""
    cursor = None
    while True:
        response = person.post("/sync", {"chats": chats, "cursor": cursor, **options})
        assert len(response.content) <= MAX_BYTES
        page = data(response)
        yield page
        cursor = page["nextCursor"]
        if cursor is None:
            return


def test_sync_returns_long_messages_up_to_the_bound(alice: Person, bob: Person, engine: Engine) -> None:
    chat = alice.direct_chat(bob)
    fill(engine, alice, chat, 70)
    rev, seqs = 0, []
    for _ in range(5):
        (page,) = pages(bob, {chat: rev})
        seqs += [message["seq"] for message in page["messages"][chat]]
        rev = page["messages"][chat][-1]["rev"]
        if not page["more"]:
            break
        assert page["more"] == [chat]
    assert seqs == list(range(1, 71))


def test_further_chats_follow_by_cursor(alice: Person, engine: Engine) -> None:
    chats = set(make_chats(engine, alice, 3000))
    walked = list(pages(alice, {}))
    assert 2 < len(walked) < 10
    listed = [chat["id"] for page in walked for chat in page["chats"]]
    assert len(listed) == len(set(listed))
    assert set(listed) == chats == {chat_id for page in walked for chat_id in page["unread"]}
    updated = [chat["updatedAt"] for page in walked for chat in page["chats"]]
    assert updated == sorted(updated, reverse=True)


def test_the_largest_chats_with_the_longest_messages_fit(alice: Person, engine: Engine) -> None:
    chats = make_chats(engine, alice, 100, letters=100)
    for chat in chats[:20]:
        fill(engine, alice, chat, 5)
    walked = list(pages(alice, {}))
    assert sorted(chat["id"] for page in walked for chat in page["chats"]) == sorted(chats)
    revs = dict.fromkeys(chats, 1)
    for _ in range(20):
        walked = list(pages(alice, dict(revs), only=True))
        for page in walked:
            revs |= {chat: messages[-1]["rev"] for chat, messages in page["messages"].items()}
        if not any(page["more"] for page in walked):
            break
    assert revs == {chat: 6 if chat in chats[:20] else 1 for chat in chats}


def test_only_restricts_all_parts_to_the_named_chats(alice: Person, bob: Person, carol: Person) -> None:
    chat, other = alice.direct_chat(bob), carol.direct_chat(bob)
    alice.send(chat, "x")
    carol.send(other, "y")
    (page,) = pages(bob, {chat: 0}, only=True)
    assert [c["id"] for c in page["chats"]] == list(page["messages"]) == list(page["unread"]) == [chat]
    assert [page["more"], page["gone"], page["reset"]] == [[], [], []]
    (page,) = pages(bob, {}, only=True)
    assert not any(page.values())


@pytest.mark.parametrize("only", [False, True])
def test_rev_ahead_of_the_server_resets_the_chat(alice: Person, bob: Person, only: bool) -> None:
    chat = alice.direct_chat(bob)
    sent = [alice.send(chat, word) for word in ("one", "two")]
    (page,) = pages(bob, {chat: sent[-1]["rev"] + 1}, only=only)
    assert page["reset"] == [chat]
    assert [c["id"] for c in page["chats"]] == [chat]
    assert [message["id"] for message in page["messages"][chat]] == [message["id"] for message in sent]


def test_rev_ahead_delivers_only_returned_messages(alice: Person, bob: Person, engine: Engine) -> None:
    chat = alice.direct_chat(bob)
    fill(engine, alice, chat, 70)
    (page,) = pages(bob, {chat: 1000})
    got = page["messages"][chat][-1]["seq"]
    with engine.connect() as db:
        row = text("SELECT delivered_seq FROM members WHERE chat_id = :chat AND user_id = :user")
        assert db.scalar(row, {"chat": chat, "user": bob.id}) == got < 70


def test_gone_names_only_named_chats_and_once(alice: Person, bob: Person, engine: Engine) -> None:
    make_chats(engine, bob, 1001)
    group = data(alice.post("/chats/groups", {"name": "x", "memberIds": [bob.id]}))
    alice.delete(f"/chats/{group['id']}/members/{bob.id}")
    assert [page["gone"] for page in pages(bob, {})] == [[], []]
    assert [page["gone"] for page in pages(bob, {group["id"]: 1})] == [[group["id"]], []]


def test_a_forged_cursor_is_refused(alice: Person, bob: Person) -> None:
    key = orjson.dumps([-(2**53 - 1), "ffffffff-ffff-ffff-ffff-ffffffffffff"])
    cursor = base64.urlsafe_b64encode(key).rstrip(b"=").decode()
    chat = alice.direct_chat(bob)
    for response in (
        alice.post("/sync", {"chats": {}, "cursor": cursor}),
        alice.get("/chats", cursor=cursor),
        alice.get(f"/chats/{chat}/members", cursor=cursor),
    ):
        assert problem(response) == (422, "validation_error")
