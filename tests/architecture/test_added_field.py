"""A field that is added to the definition of a message appears everywhere, without another edit."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from chatapp.launcher.node import node_binary
from tests.clients.package import PACKAGE
from tests.conftest import Connect, NewDatabase
from tests.edited import EditedServer
from tests.people import Person, data, register
from tests.server import ROOT

NEXT_FIELD = "    isEdited: Annotated["
NOTE = '    note: Annotated[str | None, Column("m.note", draft="text", tombstone=None), "A note."]\n'
# Every message is sent with a note.
LINES = "from chatapp.representations import message\nmessage.BLANK['note'] = 'A note'"


@pytest.fixture(scope="module")
def server(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EditedServer]:
    """A server whose messages have the field `note`, with its column."""
    url = new_database("added_field")
    engine = create_engine(url)
    with engine.begin() as db:
        db.execute(text("ALTER TABLE messages ADD COLUMN note text"))
    engine.dispose()
    server = EditedServer(url, tmp_path_factory.mktemp("added_field"), LINES)
    server.from_scratch = True
    code = server.root / "chatapp"
    code.unlink()
    shutil.copytree(ROOT / "chatapp", code, ignore=shutil.ignore_patterns("__pycache__"))
    definition = code / "representations" / "message.py"
    before = definition.read_text()
    assert before.count(NEXT_FIELD) == 1
    definition.write_text(before.replace(NEXT_FIELD, NOTE + NEXT_FIELD))
    with server:
        yield server
    assert server.errors_in_log() == []


@pytest.fixture
def people(server: EditedServer) -> tuple[Person, Person]:
    return register(server.url), register(server.url)


def test_in_acks_events_pages_and_tombstones(people: tuple[Person, Person], connect: Connect) -> None:
    # Responses, acks and events are also validated against their schemas.
    alice, bob = people
    chat_id = alice.direct_chat(bob)
    socket, other = connect(alice), connect(bob)
    sent = socket.call("message:send", {"chatId": chat_id, "content": "Hello"})["data"]
    assert sent["note"] == "A note"
    assert other.wait_for("message:new")["note"] == "A note"
    assert _listed(bob, chat_id)["note"] == "A note"
    assert data(bob.get("/chats"))[0]["lastMessage"]["note"] == "A note"
    assert data(bob.post("/sync", {"chats": {chat_id: 0}}))["messages"][chat_id][0]["note"] == "A note"
    assert data(alice.patch(f"/messages/{sent['id']}", {"content": "Hi"}))["note"] == "A note"
    assert other.wait_for("message:edited")["note"] == "A note"
    alice.delete(f"/messages/{sent['id']}")
    assert _listed(bob, chat_id)["note"] is None


def test_in_documents_and_generated_typescript(server: EditedServer, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE / "scripts", tmp_path / "scripts")
    generated = tmp_path / "src" / "generated"
    generated.mkdir(parents=True)
    subprocess.run([node_binary(), tmp_path / "scripts" / "generate.mjs", server.url], check=True, timeout=60)
    types = (generated / "schemas.ts").read_text()
    assert types.count("  /** A note. */\n  note: string | null;\n") == 2, "in Message and in MessageEvent"
    assert "  note: null,\n" in (generated / "tombstones.ts").read_text()


def _listed(person: Person, chat_id: str) -> Any:
    (message,) = data(person.get(f"/messages/{chat_id}"))
    return message
