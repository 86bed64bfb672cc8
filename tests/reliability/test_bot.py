"""The bot in docs/getting-started.md responds to every message once, while tokens expire and the server is killed."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.people import PASSWORD, TIMEOUT, Person, data, register
from tests.server import ROOT, Server

PROGRAM = re.compile(r"^```py\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOKEN_SECONDS = 4
# How often the bot renews its tokens before the end; the server is killed half-way.
RENEWALS = 6


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Server:
    return Server(database_url, tmp_path, JWT_ACCESS_EXPIRES_IN=f"{TOKEN_SECONDS}s")


def test_bot_responds_to_every_message_once(site: Server, tmp_path: Path) -> None:
    (program,) = PROGRAM.findall((ROOT / "docs" / "getting-started.md").read_text())
    (tmp_path / "bot.py").write_text(program)
    log = tmp_path / "bot.log"
    with site:
        bot_account, alice = register(site.url, "bot"), register(site.url, "alice")
        chat = alice.direct_chat(bot_account)
        alice.send(chat, "Before the bot started")
        environment = os.environ | {"CHAT_URL": site.url, "BOT_NAME": bot_account.name, "BOT_PASSWORD": PASSWORD}
        with log.open("w") as output:
            bot = subprocess.Popen(
                [sys.executable, "bot.py"], cwd=tmp_path, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            wait_for(log, "connected")
            sent = talk(site, alice, chat, log)
            assert bot.poll() is None, log.read_text()
            expected = [f"{len(text)} characters: {text}" for text in sent]
            deadline = time.monotonic() + 20
            while (responses := acked(login(site.url, alice), chat, bot_account)) != expected:
                assert time.monotonic() < deadline, f"{responses}\n{log.read_text()}"
                time.sleep(0.5)
        finally:
            bot.terminate()
            bot.wait(10)
    written = log.read_text()
    lines = written.splitlines()
    assert lines.count("connected") >= 2
    assert "Traceback" not in written


def talk(site: Server, alice: Person, chat: str, log: Path) -> list[str]:
    """Send a message a second until the bot has renewed its tokens often enough; once, the server is killed. All that was sent."""
    sent: list[str] = []
    killed = False
    deadline = time.monotonic() + 120
    while (renewals := log.read_text().count("renewed\n")) < RENEWALS:
        assert time.monotonic() < deadline, log.read_text()
        if not killed and renewals >= RENEWALS / 2:
            site.kill()
            site.start()
            killed = True
        text = f"message {len(sent)}"
        login(site.url, alice).send(chat, text)
        sent.append(text)
        time.sleep(1)
    return sent


def login(url: str, person: Person) -> Person:
    """The same person with another session: their access tokens are as short-lived as the bot's."""
    account = {"username": person.name, "password": PASSWORD}
    return Person(url, data(requests.post(f"{url}/api/v1/auth/login", json=account, timeout=TIMEOUT)))


def acked(alice: Person, chat: str, bot: Person) -> list[str]:
    """What the bot has written, the oldest first."""
    messages = alice.get(f"/messages/{chat}", limit=100).json()["data"]
    return [message["content"] for message in reversed(messages) if message["senderId"] == bot.id]


def wait_for(log: Path, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
