"""Commands for API keys."""

import json
import re

from sqlalchemy import Engine, text

from tests.cli.conftest import Chat
from tests.people import Backend, Person, problem
from tests.server import Server

KEY = re.compile(r"csk_[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{43}\n")


def test_a_key_is_created_listed_rotated_and_revoked(chat: Chat, server: Server, engine: Engine) -> None:
    done = chat("create-key", "--name", "first", "--scopes", "users, keys")
    assert done.returncode == 0, done.stderr
    assert KEY.fullmatch(done.stdout)
    backend = Backend(server.url, done.stdout.strip())
    assert backend.get("/admin/keys").ok

    shown = json.loads(chat("list-keys", "--json").stdout)
    key = next(each for each in shown if each["name"] == "first")
    assert key["scopes"] == ["users", "keys"]
    assert key["id"][:8] in chat("list-keys").stdout

    rotated = chat("rotate-key", key["id"], "--overlap", "0s")
    assert KEY.fullmatch(rotated.stdout), rotated.stderr
    other = Backend(server.url, rotated.stdout.strip())
    assert other.get("/admin/keys").ok

    assert chat("revoke-key", key["id"]).returncode == 0
    with engine.connect() as db:
        query = text("SELECT action, actor_type FROM audit_log WHERE target_id = :id ORDER BY id")
        entries = [tuple(row) for row in db.execute(query, {"id": key["id"]})]
    assert entries == [(f"key.{action}", "cli") for action in ("created", "rotated", "revoked")]


def test_output_for_scripts(chat: Chat, alice: Person) -> None:
    created = json.loads(chat("create-key", "--name", "bot", "--acts-as", alice.id, "--json").stdout)
    assert created["actsAs"] == alice.id
    assert KEY.fullmatch(f"{created['secret']}\n")
    rotated = json.loads(chat("rotate-key", created["id"], "--json").stdout)
    assert rotated["secret"] != created["secret"]
    assert json.loads(chat("revoke-key", created["id"], "--json").stdout) == {"id": created["id"]}


def test_mistakes_are_reported_in_one_sentence(chat: Chat) -> None:
    for words in (
        ("create-key", "--name", "x", "--scopes", "everything"),
        ("create-key", "--name", "x", "--expires-at", "soon"),
        ("create-key", "--name", "x", "--acts-as", "ext:unknown"),
        ("rotate-key", "x"),
        ("rotate-key", "00000000-0000-7000-8000-000000000009", "--overlap", "9d"),
        ("revoke-key", "00000000-0000-7000-8000-000000000009"),
    ):
        done = chat(*words)
        assert done.returncode == 1, words
        assert done.stdout == ""
        assert done.stderr.startswith("Error: ")


def test_key_of_the_environment(chat: Chat) -> None:
    done = chat("new-key-secret")
    assert KEY.fullmatch(done.stdout)
    assert chat("check", SERVER_API_KEY=done.stdout.strip()).stdout.count("SERVER_API_KEY=(70 characters)") == 1
    refused = chat("list-keys", SERVER_API_KEY="csk_x")
    assert refused.returncode != 0
    assert "SERVER_API_KEY" in refused.stderr
    assert "csk_x" not in refused.stderr


def test_configured_key_has_all_scopes_and_is_not_listed(chat: Chat, server: Server) -> None:
    key = chat("new-key-secret").stdout.strip()
    assert problem(Backend(server.url, key).get("/admin/keys")) == (401, "key_invalid")
