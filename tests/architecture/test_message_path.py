"""The modules that a message passes through, from the bytes of a websocket to its commit.

docs/architecture.md describes them in this order. The test sends a message through a worker's real objects and notes
which functions get the message as an argument: as bytes, text, payload or draft. Helpers that run on the way without the
message (limits, logs, metrics, the transaction) are not steps of the path.
"""

import re
import socket
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any
from uuid import uuid4

import gevent
import greenlet  # type: ignore[import-untyped]
import orjson
import pytest
from flask import Flask
from sqlalchemy import text

import config
from chatapp.app import create_app
from chatapp.compat.gunicorn import CONNECTION
from chatapp.compat.socketio import engineio_of
from chatapp.core import db
from chatapp.core.identity import Actor
from chatapp.fanout.rooms import rooms
from chatapp.features.chats import actions as chats
from chatapp.features.chats.queries import rooms_of
from chatapp.features.messages.sending import PendingMessage
from chatapp.server.frames import TEXT
from chatapp.sockets.connection import SocketConnection
from chatapp.sockets.incoming import Event
from tests.server import ROOT, environment

PATH = [
    "server.websocket",
    "server.frames",
    "sockets.session",
    "sockets.dispatch",
    "sockets.incoming",
    "core.json_input",
    "features.messages.actions",
    "features.messages.sending",
    "core.batching",
    "core.prepared",
]
MAX_MODULES = 10
MARK = "a message that is followed"
HANDSHAKE = {
    "HTTP_UPGRADE": "websocket",
    "HTTP_CONNECTION": "Upgrade",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
    "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
}
ADD_USER = text("INSERT INTO users (id, email, email_key, username, password_hash) VALUES (:id, :id, :id, :name, '')")


@pytest.fixture(scope="module")
def app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application, on the test database."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(database_url, tmp_path_factory.mktemp("path")).items():
            patch.setenv(name, value)
        yield create_app(config.load())


@pytest.fixture
def actor(app: Flask) -> Actor:
    """A user, and a chat of theirs."""
    actor, peer = (Actor(str(uuid4()), str(uuid4()), f"path_{uuid4().hex[:12]}", None, "USER") for _ in range(2))
    with db.writing() as connection:
        for each in (actor, peer):
            connection.execute(ADD_USER, {"id": each.user_id, "name": each.username})
    chats.create_direct_chat(actor, user_id=peer.user_id)
    return actor


class Client:
    """The client's end of a websocket whose other end is a session of the application."""

    def __init__(self, app: Flask, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("chatapp.sockets.transport.take_read_ahead_of", lambda _environ: b"")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._end = socket.create_connection(listener.getsockname())
            served, _ = listener.accept()
        self._end.setblocking(False)
        server = engineio_of(app.extensions["socketio"].server)
        session = server.create_session(server, str(uuid4()))
        session.schedule_ping()
        with pytest.raises(StopIteration):
            session.handle_get_request(HANDSHAKE | {CONNECTION: served}, None)
        session.authenticated()
        connection = SocketConnection(session.sid, session.sid, session, actor, sys.maxsize, lambda *_: None)
        rooms().add(connection)
        listed = rooms_of([actor.user_id])[actor.user_id]
        rooms().fill(connection, listed)
        connection.open()
        (self.chat_id,) = listed.chats

    def send(self, content: str) -> dict[str, Any]:
        """Send a message; returns its ack."""
        event = ["message:send", {"chatId": self.chat_id, "content": content, "clientId": str(uuid4())}]
        packet = b"42/chat,1" + orjson.dumps(event)
        # The mask is zero, so that the message is readable in the bytes too.
        self._end.send(bytes((0x80 | TEXT, 0x80 | 126)) + len(packet).to_bytes(2, "big") + bytes(4) + packet)
        received = b""
        with gevent.Timeout(20):
            while not (found := re.search(rb'43/chat,1(\[{"ok".*}\])', received)):
                gevent.sleep(0.001)
                try:
                    received += self._end.recv(65536)
                except BlockingIOError:
                    continue
        return orjson.loads(found[1])[0]  # type: ignore[no-any-return]


class Trace:
    """Notes the modules of this project whose functions get the message, until PostgreSQL has committed it."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._committed = False

    def __enter__(self) -> "Trace":
        # Each greenlet has a profile function of its own.
        greenlet.settrace(lambda *_: sys.setprofile(self._note))
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        greenlet.settrace(None)
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        module = frame.f_globals.get("__name__", "")
        if self._committed or not module.startswith("chatapp."):
            return
        if event == "return" and (module, frame.f_code.co_name) == ("chatapp.core.prepared", "execute"):
            self._committed = True
        step = module.removeprefix("chatapp.")
        if event == "call" and step not in self.found and any(map(has_message, arguments(frame))):
            self.found.append(step)


def arguments(frame: FrameType) -> list[object]:
    """The arguments of a call, except the object of a method, which may have the message from before."""
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)
    return [frame.f_locals.get(name) for name in code.co_varnames[:count] if name != "self"]


def has_message(value: object) -> bool:
    """True for the message in any form."""
    if isinstance(value, bytes | bytearray):
        return MARK.encode() in value
    if isinstance(value, str):
        return MARK in value
    if isinstance(value, dict):
        return any(map(has_message, value.values()))
    if isinstance(value, list | tuple):
        return any(map(has_message, value))
    if isinstance(value, Event):
        return has_message(value.arguments)
    return isinstance(value, PendingMessage) and has_message(getattr(value, "message", None))


def test_a_message_passes_through_few_modules(app: Flask, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(app, actor, monkeypatch)
    # The first one makes plans and connections.
    assert client.send("warm")["ok"]
    with Trace() as trace:
        ack = client.send(MARK)
    assert ack["data"]["content"] == MARK
    assert trace.found == PATH
    assert len(PATH) <= MAX_MODULES


def test_the_path_is_described() -> None:
    described = (
        (ROOT / "docs/architecture.md").read_text().partition("## The path of a message")[2].partition("\n## ")[0]
    )
    steps = re.findall(r"^\d+\. .*?`(\w+(?:/\w+)*)\.py`", described, re.MULTILINE)
    assert [step.replace("/", ".") for step in steps] == [module.removeprefix("features.") for module in PATH]
