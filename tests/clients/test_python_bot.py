"""The bots of the Python package respond to every message once, while tokens expire, and server and bot are killed."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from chatapp_client import ChatClient, FileStorage
from sqlalchemy import Engine

from tests.clients.test_python_client import PYTHON
from tests.conftest import insert_key
from tests.people import PASSWORD, TIMEOUT, Person, data, register
from tests.server import Server

TOKEN_SECONDS = 3
# What the README shows: how to create a bot, and the bots, one with a key and an asynchronous one with a password.
CREATE, WITH_KEY, WITH_PASSWORD = re.findall(
    r"^```py\n(.*?)^```$", (PYTHON / "README.md").read_text(), re.MULTILINE | re.DOTALL
)
LOGGED = "import logging; logging.basicConfig(level=logging.INFO)\n"


class Program:
    """A bot in a process of its own; it writes to `log`."""

    def __init__(self, text: str, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = os.environ | environment | {"PYTHONPATH": str(PYTHON / "src")}
        (folder / "bot.py").write_text(LOGGED + text)
        self._log = folder / "bot.log"
        self.start()

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def start(self) -> None:
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "bot.py"], cwd=self._folder, env=self._environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)


def wait_until(condition: Callable[[], bool], seconds: float = 30, why: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Server:
    return Server(database_url, tmp_path, JWT_ACCESS_EXPIRES_IN=f"{TOKEN_SECONDS}s")


def create_bot(site: Server, key: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """The id and the key of a bot, as the README creates it."""
    with ChatClient(site.url, key) as chat:
        exec(CREATE, {"chat": chat})
        return chat.users.get("ext:echo")["id"], capsys.readouterr().out.strip()


# Not "disconnected".
CONNECTED = ":connected"


@pytest.mark.parametrize("text", [WITH_KEY, WITH_PASSWORD], ids=["key", "password"])
def test_bot_responds_to_every_message_once(
    text: str, site: Server, engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with site:
        account, alice, carol = (register(site.url, name) for name in ("bot", "alice", "carol"))
        id, key = account.id, ""
        if text == WITH_KEY:
            id, key = create_bot(site, insert_key(engine, site.url, ("users", "keys", "act")).key, capsys)
        chat = open_chat(login(site.url, alice), id)
        login(site.url, alice).send(chat, "Before the bot started")
        environment = {"CHAT_URL": site.url, "BOT_KEY": key, "BOT_NAME": account.name, "BOT_PASSWORD": PASSWORD}
        bot = Program(text, tmp_path, environment)
        try:
            # The first `sync` has passed.
            wait_until(lambda: chat in FileStorage(tmp_path / "bot.db").load(), why=lambda: bot.log)
            sent = [*talk(site, alice, chat, "first", TOKEN_SECONDS + 2)]
            site.kill()
            site.start()
            sent += talk(site, alice, chat, "second", 2)
            # Later than all of them, perhaps: a client that finds no server waits longer each time.
            wait_until(lambda: bot.log.count(CONNECTED) >= 2, why=lambda: bot.log)
            bot.kill()
            sent += talk(site, alice, chat, "third", 2)
            # A chat that begins while the bot is away.
            carols = open_chat(login(site.url, carol), id)
            other = talk(site, carol, carols, "carol", 1)
            bot.start()
            sent += talk(site, alice, chat, "fourth", 2)
            for person, where, texts in ((alice, chat, sent), (carol, carols, other)):
                expected = [f"{len(text)} characters: {text}" for text in texts]
                wait_until(
                    lambda: written(login(site.url, person), where, id) == expected,  # noqa: B023
                    why=lambda: f"{written(login(site.url, person), where, id)}\n{bot.log}",  # noqa: B023
                )
            assert bot.is_running
        finally:
            bot.kill()
        assert "Traceback" not in bot.log
        assert bot.log.count(CONNECTED) >= 3


def open_chat(person: Person, other: str) -> str:
    """The id of the direct chat with a user."""
    return str(data(person.post("/chats/direct", {"userId": other}))["id"])


def talk(site: Server, alice: Person, chat: str, name: str, count: int) -> list[str]:
    """Send messages, one every half second; all of them."""
    sent = []
    for number in range(count):
        text = f"{name} {number}"
        login(site.url, alice).send(chat, text)
        sent.append(text)
        time.sleep(0.5)
    return sent


def login(url: str, person: Person) -> Person:
    """The same person with another session: their access tokens are as short-lived as the bot's."""
    account = {"username": person.name, "password": PASSWORD}
    return Person(url, data(requests.post(f"{url}/api/v1/auth/login", json=account, timeout=TIMEOUT)))


def written(person: Person, chat: str, bot_id: str) -> list[str]:
    """What the bot has written, oldest first."""
    messages = person.get(f"/messages/{chat}", limit=100).json()["data"]
    return [message["content"] for message in reversed(messages) if message["senderId"] == bot_id]
