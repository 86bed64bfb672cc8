"""`flask chat reindex`: the index of the search, beside a running server or without one."""

import os
import re
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text

from tests.cli.conftest import Chat
from tests.conftest import NewDatabase
from tests.forked import fork
from tests.server import environment

# Chats, and messages of each.
CHATS, MESSAGES = 20, 50
_FILL = """
    WITH chat AS (
        INSERT INTO chats (id, type, name, last_seq, last_rev)
        SELECT gen_random_uuid(), 'GROUP', 'x', :messages, :messages + 1 FROM generate_series(1, :chats) RETURNING id
    )
    INSERT INTO messages (id, chat_id, sender_id, type, content, seq, rev, created_at)
    SELECT gen_random_uuid(), c.id, (SELECT id FROM users LIMIT 1), 'TEXT', 'hello ' || n, n, n + 1, now()
    FROM chat c, generate_series(1, :messages) n
"""


class Existing:
    """A database with messages that were sent before there was a search."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: Engine = create_engine(url, poolclass=NullPool)

    def fill(self, chats: int = CHATS, messages: int = MESSAGES) -> None:
        """Add groups with messages."""
        with self.engine.begin() as db:
            db.execute(text(_FILL), {"chats": chats, "messages": messages})

    def indexed(self) -> int:
        """The number of messages in the index."""
        with self.engine.connect() as db:
            return int(db.execute(text("SELECT count(*) FROM message_words")).scalar_one())

    def versions(self) -> set[str]:
        """The versions of the rows of the index, which change with each write."""
        with self.engine.connect() as db:
            return set(db.execute(text("SELECT xmin::text || ctid::text FROM message_words")).scalars())


@pytest.fixture
def existing(new_database: NewDatabase) -> Iterator[Existing]:
    """A database of this test's own, without a server."""
    database = Existing(new_database(f"reindex_{secrets.token_hex(4)}"))
    database.fill()
    yield database
    database.engine.dispose()


def test_messages_that_are_not_indexed_are_indexed(chat: Chat, existing: Existing) -> None:
    done = chat("reindex", DATABASE_URL=existing.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"Changes of messages: {CHATS * (MESSAGES + 1)} indexed.",
        "Words of deleted chats: 0 removed.",
    ]
    assert existing.indexed() == CHATS * MESSAGES
    before = existing.versions()
    existing.fill(1, 2)
    assert chat("reindex", DATABASE_URL=existing.url).stdout.startswith("Changes of messages: 3 indexed.")
    # What was indexed is left alone.
    assert before < existing.versions()


def test_all_messages_are_indexed_again(chat: Chat, existing: Existing) -> None:
    chat("reindex", DATABASE_URL=existing.url)
    with existing.engine.begin() as db:
        db.execute(text("DELETE FROM message_words WHERE words @@ 'hello & 7'"))
        db.execute(text("UPDATE message_words SET words = 'other' WHERE words @@ 'hello & 9'"))
    assert existing.indexed() == CHATS * (MESSAGES - 1)
    done = chat("reindex", "--all", DATABASE_URL=existing.url)
    assert done.stdout.startswith(f"Changes of messages: {CHATS * (MESSAGES + 1)} indexed."), done.stderr
    with existing.engine.connect() as db:
        hello = text("SELECT count(*) FROM message_words WHERE words @@ 'hello & (7 | 9)'")
        assert db.execute(hello).scalar() == 2 * CHATS


def test_an_interrupted_command_says_so_and_continues_the_next_time(
    chat: Chat, existing: Existing, tmp_path: Path
) -> None:
    existing.fill(messages=2000)
    output, errors, code = (tmp_path / name for name in ("output", "errors", "code"))
    settings = os.environ | environment(existing.url, tmp_path)
    command = fork(["flask", "--app", "wsgi", "chat", "reindex"], settings, output, errors, code)
    deadline = time.monotonic() + 60
    while not existing.indexed():
        assert time.monotonic() < deadline, errors.read_text()
        time.sleep(0.01)
    command.send_signal(signal.SIGINT)
    command.wait(60)
    assert code.read_text() == "1"
    assert errors.read_text() == "Error: Interrupted. `chat reindex` continues, and so does the server.\n"
    indexed = existing.indexed()
    assert indexed < CHATS * (MESSAGES + 2000)
    done = chat("reindex", DATABASE_URL=existing.url)
    found = re.match(r"Changes of messages: (\d+) indexed", done.stdout)
    assert found
    assert int(found[1]) <= CHATS * (MESSAGES + 2000 + 2) - indexed
    assert existing.indexed() == CHATS * (MESSAGES + 2000)


def test_the_index_is_deleted_with_the_search_off_only(chat: Chat, existing: Existing) -> None:
    chat("reindex", DATABASE_URL=existing.url)
    refused = chat("reindex", "--delete", DATABASE_URL=existing.url)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: SEARCH=on: the server would create the index again.")
    assert existing.indexed()
    reported = chat("check", DATABASE_URL=existing.url, SEARCH="off")
    assert re.search(r"^mind +search +SEARCH=off, but words .* chat reindex --delete", reported.stdout, re.MULTILINE)
    done = chat("reindex", "--delete", DATABASE_URL=existing.url, SEARCH="off")
    assert done.returncode == 0
    assert re.fullmatch(r"Search index: \d+\.\d MB deleted\.\n", done.stdout)
    assert existing.indexed() == 0
    reported = chat("check", DATABASE_URL=existing.url, SEARCH="off")
    assert re.search(r"^ok +search +SEARCH=off: messages are not indexed", reported.stdout, re.MULTILINE)


def test_nothing_is_indexed_with_the_search_off(chat: Chat, existing: Existing) -> None:
    for words in (["reindex"], ["reindex", "--all"]):
        refused = chat(*words, DATABASE_URL=existing.url, SEARCH="off")
        assert refused.returncode == 1
        assert refused.stderr.startswith("Error: SEARCH=off: messages are not indexed.")
    assert existing.indexed() == 0
    assert chat("reindex", "--all", "--delete", DATABASE_URL=existing.url).returncode == 2


def test_check_reports_what_is_not_indexed(chat: Chat, existing: Existing) -> None:
    existing.fill(1, 10_000)
    reported = chat("check", DATABASE_URL=existing.url)
    changes = CHATS * (MESSAGES + 1) + 10_001
    found = rf"^mind +search +{changes} changes of {CHATS + 1} chats are not indexed: .*chat reindex"
    assert re.search(found, reported.stdout, re.MULTILINE), reported.stdout
    chat("reindex", DATABASE_URL=existing.url)
    reported = chat("check", DATABASE_URL=existing.url)
    assert re.search(r"^ok +search +All messages are indexed", reported.stdout, re.MULTILINE), reported.stdout
