"""The cost of a list depends neither on its length nor on its depth nor on the size of the tables."""

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from chatapp.core.db import reading
from chatapp.core.errors import Json
from chatapp.core.prepared import Prepared, fetch
from chatapp.features.chats import queries as chats
from chatapp.features.history.queries import FILES, MENTIONS
from chatapp.features.messages import actions as messages
from chatapp.features.messages.pages import AROUND, BACK_IN_TIME, CHANGED_SINCE, FORWARD_IN_TIME, around_values
from chatapp.features.search.chats import search_chats
from chatapp.features.users import queries as users
from tests.actions.conftest import CountStatements, actor
from tests.conftest import NewPerson
from tests.people import Person

# 50 messages, each with its sender, its status, sorting and JSON: far below the 20,000 of the chat.
A_PAGES_ROWS = 50 * 20


def test_a_chat_list_is_one_statement_however_many_chats(
    alice: Person, register_person: NewPerson, statements: CountStatements
) -> None:
    for number in range(1, 6):
        chat = alice.direct_chat(register_person("peer"))
        alice.send(chat, "Hello")
        assert len(statements(lambda: chats.list_chats(actor(alice), limit=50, cursor=None))) == 1, number


def test_a_history_page_is_one_statement(alice: Person, bob: Person, statements: CountStatements) -> None:
    chat = alice.direct_chat(bob)
    for number in range(5):
        alice.send(chat, str(number))
    assert len(statements(lambda: messages.fetch_messages(actor(alice), chat, limit=3))) == 1


def test_sync_is_three_statements_however_many_chats(
    alice: Person, register_person: NewPerson, statements: CountStatements
) -> None:
    for _ in range(4):
        alice.send(alice.direct_chat(register_person("peer")), "Hello")
    assert len(statements(lambda: messages.sync(actor(alice), chats={}))) == 3


@pytest.mark.parametrize("letters", [1, 20])
def test_a_search_of_users_is_one_statement(alice: Person, statements: CountStatements, letters: int) -> None:
    q = alice.name[:letters]
    assert len(statements(lambda: users.search_users(actor(alice), q, limit=50, cursor=None))) == 1


def test_a_search_of_chats_is_a_statement_for_the_names_and_one_for_the_page(
    alice: Person, statements: CountStatements
) -> None:
    for _ in range(3):
        alice.group(name="Berlin")
    assert len(statements(lambda: search_chats(actor(alice), "berlin", limit=2))) == 2


def test_sending_is_one_statement(alice: Person, bob: Person, statements: CountStatements) -> None:
    chat = alice.direct_chat(bob)
    sent = statements(lambda: messages.send_message(actor(alice), chat_id=chat, content="x").get())
    assert len(sent) == 1


@pytest.fixture(scope="module")
def long_chat(app: Flask, engine: Engine, register_person: NewPerson) -> tuple[Person, str]:
    """A chat of 20,000 messages in a table with as many others, and a member of it."""
    reader, other = register_person("reader"), register_person("other")
    chat = reader.direct_chat(other)
    elsewhere = other.direct_chat(register_person("third"))
    with engine.begin() as db:
        for chat_id in (chat, elsewhere):
            fill = """
                INSERT INTO messages (id, chat_id, seq, rev, sender_id, content)
                SELECT gen_random_uuid(), :chat_id, n, n + 1, :sender_id, 'message ' || n FROM generate_series(1, 20000) n
            """
            db.execute(text(fill), {"chat_id": chat_id, "sender_id": other.id})
            state = "UPDATE chats SET last_seq = 20000, last_rev = 20001 WHERE id = :chat_id"
            db.execute(text(state), {"chat_id": chat_id})
            everything = "UPDATE members SET delivered_seq = 20000, read_seq = 20000 WHERE chat_id = :chat_id"
            db.execute(text(everything), {"chat_id": chat_id})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("VACUUM ANALYZE"))
    return reader, chat


def rows_touched(statement: Prepared, **values: object) -> int:
    """The number of rows that the executor's nodes produced or discarded."""
    with reading() as db:
        statement.execute(db, values)
        explained = fetch(db, f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.call}", values)[0][0]

    def count(node: Json) -> int:
        own = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        return int(own) + sum(map(count, node.get("Plans", [])))

    return count(explained[0]["Plan"])


@pytest.mark.parametrize("key", [2**53 - 1, 15_000, 60])
def test_a_page_touches_a_pages_rows_at_any_depth(long_chat: tuple[Person, str], key: int) -> None:
    reader, chat = long_chat
    touched = rows_touched(BACK_IN_TIME, chat_id=chat, user_id=reader.id, key=key, limit=51)
    assert touched < A_PAGES_ROWS


@pytest.mark.parametrize(("statement", "key"), [(BACK_IN_TIME, 2**53 - 1), (FORWARD_IN_TIME, 1000)])
def test_a_page_of_one_large_chat_among_small_ones_touches_a_pages_rows(
    app: Flask, engine: Engine, register_person: NewPerson, statement: Prepared, key: int
) -> None:
    reader = register_person("reader")
    chat = reader.direct_chat(register_person("other"))
    with engine.begin() as db:
        fill = """
            INSERT INTO messages (id, chat_id, seq, rev, sender_id, content)
            SELECT gen_random_uuid(), :chat_id, n, n + 1, :sender_id, 'message ' || n FROM generate_series(1, 3000) n
        """
        db.execute(text(fill), {"chat_id": chat, "sender_id": reader.id})
        others = """
            WITH chat AS (
                INSERT INTO chats (id, type, name, member_count, last_seq)
                SELECT gen_random_uuid(), 'GROUP', 'small', 1, 1 FROM generate_series(1, 20000) RETURNING id
            )
            INSERT INTO messages (id, chat_id, seq, rev, sender_id, content)
            SELECT gen_random_uuid(), id, 1, 2, :sender_id, 'message' FROM chat
        """
        db.execute(text(others), {"sender_id": reader.id})
        db.execute(text("ANALYZE"))
    try:
        assert rows_touched(statement, chat_id=chat, user_id=reader.id, key=key, limit=51) < A_PAGES_ROWS
    finally:
        # Other tests list all chats.
        with engine.begin() as db:
            small = "SELECT id FROM chats WHERE name = 'small' AND member_count = 1"
            db.execute(text(f"DELETE FROM messages WHERE chat_id IN ({small})"))
            db.execute(text(f"DELETE FROM chats WHERE id IN ({small})"))


@pytest.mark.parametrize("key", [0, 60, 15_000, 2**53 - 1])
def test_a_page_around_a_message_touches_a_pages_rows_at_any_depth(long_chat: tuple[Person, str], key: int) -> None:
    reader, chat = long_chat
    touched = rows_touched(AROUND, chat_id=chat, user_id=reader.id, **around_values(key, 50))
    assert touched < A_PAGES_ROWS


def test_a_page_around_an_id_touches_a_pages_rows(long_chat: tuple[Person, str], engine: Engine) -> None:
    reader, chat = long_chat
    with engine.connect() as db:
        found = text("SELECT id::text FROM messages WHERE chat_id = :chat_id AND seq = 10000")
        message_id = db.execute(found, {"chat_id": chat}).scalar_one()
    assert rows_touched(AROUND, chat_id=chat, user_id=reader.id, **around_values(message_id, 50)) < A_PAGES_ROWS


@pytest.mark.parametrize("key", [60, 15_000])
def test_a_newer_page_touches_a_pages_rows_at_any_depth(long_chat: tuple[Person, str], key: int) -> None:
    reader, chat = long_chat
    touched = rows_touched(FORWARD_IN_TIME, chat_id=chat, user_id=reader.id, key=key, limit=51)
    assert touched < A_PAGES_ROWS


@pytest.fixture(scope="module")
def many_files(long_chat: tuple[Person, str], engine: Engine) -> tuple[Person, str]:
    """The long chat, with a document in half of its messages, an image in a few, and 5,000 mentions of the reader."""
    reader, chat = long_chat
    with engine.begin() as db:
        upload = """
            INSERT INTO uploads (id, user_id, name, file_name, file_size, type, media_type)
            VALUES (gen_random_uuid(), :user_id, 'long-chat', 'a.pdf', 1, 'FILE', 'application/pdf') RETURNING id
        """
        ids = {"chat_id": chat, "upload_id": db.execute(text(upload), {"user_id": reader.id}).scalar_one()}
        attach = """
            UPDATE messages SET upload_id = :upload_id, type = CASE WHEN seq % 4000 = 0 THEN 'IMAGE' ELSE 'FILE' END
            WHERE chat_id = :chat_id AND seq % 2 = 0
        """
        db.execute(text(attach), ids)
        mention = """
            INSERT INTO mentions (user_id, chat_id, seq, message_id, sender_id)
            SELECT :user_id, chat_id, seq, id, sender_id FROM messages WHERE chat_id = :chat_id AND seq % 4 = 0
        """
        db.execute(text(mention), ids | {"user_id": reader.id})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("VACUUM ANALYZE"))
    return reader, chat


@pytest.mark.parametrize("types", ["{IMAGE}", "{FILE}", "{IMAGE,FILE}"])
@pytest.mark.parametrize("key", [2**53 - 1, 10_000])
def test_a_page_of_files_touches_a_pages_rows(many_files: tuple[Person, str], types: str, key: int) -> None:
    reader, chat = many_files
    touched = rows_touched(FILES, chat_id=chat, user_id=reader.id, types=types, key=key, limit=51)
    assert touched < A_PAGES_ROWS


@pytest.mark.parametrize("before", ["ffffffff-ffff-ffff-ffff-ffffffffffff", "7fffffff-ffff-ffff-ffff-ffffffffffff"])
def test_a_page_of_mentions_touches_a_pages_rows(many_files: tuple[Person, str], before: str) -> None:
    reader, _ = many_files
    assert rows_touched(MENTIONS, user_id=reader.id, before=before, limit=51) < A_PAGES_ROWS


def test_catching_up_touches_only_what_changed(long_chat: tuple[Person, str]) -> None:
    reader, chat = long_chat
    touched = rows_touched(CHANGED_SINCE, chat_id=chat, user_id=reader.id, key=19_990, limit=51)
    assert touched < A_PAGES_ROWS


def test_a_chat_list_builds_only_the_chats_of_its_page(app: Flask, engine: Engine, register_person: NewPerson) -> None:
    reader = register_person("reader")
    with engine.begin() as db:
        fill = """
            WITH chat AS (
                INSERT INTO chats (id, type, name, member_count, updated_at)
                SELECT gen_random_uuid(), 'GROUP', 'Group ' || n, 1, now() - n * interval '1 minute'
                FROM generate_series(1, 2000) n RETURNING id
            )
            INSERT INTO members (chat_id, user_id) SELECT id, :user_id FROM chat
        """
        db.execute(text(fill), {"user_id": reader.id})
    first, first_id = chats.FIRST_CHAT
    touched = rows_touched(chats.CHAT_LIST, user_id=reader.id, before=first, before_id=first_id, limit=51)
    # Of each of the other chats, only its id and its time, in an index and in the table.
    assert touched < 2000 * 4 + A_PAGES_ROWS
