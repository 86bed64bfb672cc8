"""Secrets, tokens and keys are in no row of the database and in no line of the log."""

import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
import requests
from sqlalchemy import Engine, create_engine, text

from chatapp.core import api_keys
from tests.conftest import NewDatabase
from tests.forked import run_flask
from tests.people import Backend, Person, data, register, secret_part
from tests.server import Server, environment

APP_SECRET = secrets.token_hex(24)
ISSUER = "https://shop.example.org"
SERVER_KEY = api_keys.assemble("01a226f7-b8aa-723c-8e27-1b40cbbba9ba", api_keys.new_secret())
SETTINGS = {
    "APP_JWT_SECRET": APP_SECRET,
    "APP_JWT_ISSUER": ISSUER,
    "SERVER_API_KEY": SERVER_KEY,
    "LOG_LEVEL": "DEBUG",
}


@pytest.fixture
def database(new_database: NewDatabase) -> str:
    """A database of its own, which has nothing but what this test causes."""
    return new_database("chat_secrets")


@pytest.fixture
def guarded(database: str, tmp_path: Path) -> Iterator[Server]:
    """A server with the most verbose log that accepts keys and tokens of an app."""
    with Server(database, tmp_path, **SETTINGS) as server:
        yield server


def dump(engine: Engine) -> str:
    """Every row of every table, as text."""
    with engine.connect() as db:
        tables = db.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        return "\n".join(row for table in tables for row in db.scalars(text(f'SELECT t::text FROM "{table}" t')))


def test_neither_the_database_nor_the_log_has_secrets(guarded: Server, database: str, tmp_path: Path) -> None:
    api = f"{guarded.url}/api/v1"
    password = f"Aa1{secrets.token_hex(8)}"
    hidden = {SERVER_KEY, APP_SECRET, password}
    alice = register(guarded.url, "alice", password)
    hidden |= {alice.token, alice.refresh_token}
    root = Backend(guarded.url, SERVER_KEY)
    made = data(root.post("/admin/keys", {"name": "shop", "scopes": ["users", "tokens", "act", "messages", "chats"]}))
    rotated = data(root.post(f"/admin/keys/{made['id']}/rotate", {"overlap": "1h"}))
    hidden |= {made["secret"], rotated["secret"]}
    shop = Backend(guarded.url, rotated["secret"])
    data(shop.put("/server/users/4711", {"displayName": "Mallory"}))
    issued = data(shop.post("/server/tokens", {"userId": "ext:4711"}))
    token = jwt.encode({"sub": "4712", "iss": ISSUER, "iat": time.time(), "exp": time.time() + 60}, APP_SECRET)
    exchanged = data(requests.post(f"{api}/auth/exchange", json={"token": token}, timeout=20))
    hidden |= {token, *(each[name] for each in (issued, exchanged) for name in ("accessToken", "refreshToken"))}
    mallory = Person(guarded.url, issued)
    chat_id = data(mallory.post("/chats/direct", {"userId": alice.id}))["id"]
    data(shop.post("/messages", {"chatId": chat_id, "content": "Hello"}, act_as="ext:4711"))
    reset_link = run_flask(
        ["chat", "reset-link", alice.name], os.environ | environment(database, tmp_path, **SETTINGS)
    ).stdout
    (code,) = re.findall(r"code=([\w-]+)", reset_link)
    renewed = f"Aa1{secrets.token_hex(8)}"
    hidden |= {code, renewed}

    # Where they do not belong.
    for wrong in (made["secret"], token, code, alice.token):
        requests.get(f"{api}/users/{wrong}?q={wrong}", headers={"Authorization": f"Bearer {wrong}x"}, timeout=20)
        requests.get(f"{api}/users/me", headers={"Authorization": f"Basic {wrong}", "Act-As": wrong}, timeout=20)
        requests.post(f"{api}/auth/exchange", json={"token": f"{wrong}x"}, timeout=20)
        requests.post(f"{api}/auth/password/reset", json={"code": wrong, "newPassword": "short"}, timeout=20)
        requests.post(f"{api}/auth/refresh", json={"refreshToken": wrong, "x": wrong}, timeout=20)
        requests.get(
            f"{api}/server/users", headers={"Authorization": f"Bearer {wrong}", "Origin": guarded.url}, timeout=20
        )
        shop.patch(f"/server/users/{wrong}", {wrong: wrong})
    reset = requests.post(f"{api}/auth/password/reset", json={"code": code, "newPassword": renewed}, timeout=20)
    assert reset.status_code == 204

    engine = create_engine(database)
    rows = dump(engine)
    engine.dispose()
    assert "Mallory" in rows
    assert [each for each in hidden if each in rows] == []
    # The part of a key behind its id is the secret one.
    parts = hidden | {secret_part(each) for each in hidden if each.startswith("csk_")}
    assert [each for each in parts if each in guarded.log] == []
