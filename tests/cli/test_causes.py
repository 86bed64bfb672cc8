"""`chat check`, migrations and the log name the cause when the database or Redis can't be used, without secrets."""

import json
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import requests
from sqlalchemy import create_engine, text

from chatapp.launcher.postgres import EmbeddedPostgres
from chatapp.launcher.process import wait_for
from chatapp.launcher.valkey import EmbeddedValkey
from tests.cli.conftest import Chat
from tests.forked import run_flask
from tests.nginx import write_certificate
from tests.people import register
from tests.pgbouncer import needs_pgbouncer, pgbouncer
from tests.server import ROOT, Server, environment
from tests.socket_clients import PyClient

PASSWORD = "hush-hush"
# docs/operations.md lists these permissions.
LEAST_REDIS_RIGHTS = re.search(
    r"ACL SETUSER chat (.*?)\n", (ROOT / "docs" / "operations.md").read_text().replace("\\\n", " ")
)
LEAST_DATABASE_RIGHTS = re.search(r"```sql\n(.*?)```", (ROOT / "docs" / "operations.md").read_text(), re.DOTALL)


def line(done: subprocess.CompletedProcess[str], sign: str, part: str) -> str:
    """The message of `chat check` about a part, which it marks with `sign`."""
    found = re.search(rf"^{sign} +{part} +(.*)$", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    return found[1]


@pytest.fixture(scope="module")
def roles(postgres: EmbeddedPostgres, database_url: str) -> Iterator[EmbeddedPostgres]:
    """PostgreSQL with an empty database `locked` of a role that needs a password."""
    rules = postgres.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all locked scram-sha-256\n" + before)
    with create_engine(database_url, isolation_level="AUTOCOMMIT").connect() as db:
        db.execute(text(f"CREATE ROLE locked LOGIN PASSWORD '{PASSWORD}'"))
        db.execute(text("CREATE DATABASE locked"))
        db.execute(text("SELECT pg_reload_conf()"))
        yield postgres
        rules.write_text(before)
        db.execute(text("SELECT pg_reload_conf()"))


def as_role(postgres: EmbeddedPostgres, password: str, database: str) -> str:
    return postgres.url(database).replace("postgres@/", f"locked:{password}@/")


def upgrade(url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return run_flask(["db", "upgrade"], environment(url, folder))


def test_wrong_password_and_missing_database_are_reported(chat: Chat, roles: EmbeddedPostgres, tmp_path: Path) -> None:
    wrong = as_role(roles, f"not-{PASSWORD}", "locked")
    assert 'password authentication failed for user "locked"' in line(
        chat("check", DATABASE_URL=wrong), "fails", "database"
    )
    missing = as_role(roles, PASSWORD, "nowhere")
    assert 'database "nowhere" does not exist' in line(chat("check", DATABASE_URL=missing), "fails", "database")
    for command in (
        ["create-admin", "--email", "a@b.example", "--username", "admin_1", "--password", "Correct4Horse"],
        ["housekeeping"],
    ):
        done = chat(*command, DATABASE_URL=missing)
        assert done.returncode == 1
        assert 'database "nowhere" does not exist' in done.stderr
        assert done.stderr.count("\n") == 1
    done = upgrade(missing, tmp_path)
    assert 'database "nowhere" does not exist' in done.stderr
    assert done.stderr.count("\n") == 1


def test_migration_without_create_permission_is_explained(roles: EmbeddedPostgres, tmp_path: Path) -> None:
    done = upgrade(as_role(roles, PASSWORD, "locked"), tmp_path)
    assert done.returncode == 1
    (said,) = [each for each in done.stderr.splitlines() if not each.startswith(("{", "INFO"))]
    assert re.match("error: The database could not be brought up to date: permission denied", said)


def test_commands_without_tables_end_with_one_sentence(chat: Chat, roles: EmbeddedPostgres) -> None:
    done = chat("housekeeping", DATABASE_URL=as_role(roles, PASSWORD, "locked"))
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The database refused: ")
    assert done.stderr.count("\n") == 1


def test_documented_database_permissions_are_sufficient(chat: Chat, roles: EmbeddedPostgres, tmp_path: Path) -> None:
    assert LEAST_DATABASE_RIGHTS
    roles.create_database("chat_rights")
    statements = LEAST_DATABASE_RIGHTS[1].replace("DATABASE chat ", "DATABASE chat_rights ").replace("…", "x")
    with create_engine(roles.url("chat_rights"), isolation_level="AUTOCOMMIT").connect() as db:
        db.execute(text(statements))
    migrating, serving = (roles.url("chat_rights").replace("postgres@", f"{role}@") for role in ("chat_owner", "chat"))
    done = upgrade(migrating, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "may not" not in line(chat("check", DATABASE_URL=serving), "ok", "migrations")
    with Server(serving, tmp_path) as server:
        alice, bob = register(server.url, "alice"), register(server.url, "bob")
        alice.send(alice.direct_chat(bob), "With few rights")
    assert not server.errors_in_log()
    with create_engine(roles.url("chat_rights"), isolation_level="AUTOCOMMIT").connect() as db:
        db.execute(text("REVOKE UPDATE ON members FROM chat"))
    assert "GRANT on members" in line(chat("check", DATABASE_URL=serving), "fails", "migrations")


def test_schema_in_the_url_contains_the_tables(chat: Chat, roles: EmbeddedPostgres, tmp_path: Path) -> None:
    roles.create_database("chat_schema")
    url = f"{roles.url('chat_schema')}&schema=talk&connection_limit=6"
    assert "talk" in line(chat("check", DATABASE_URL=url), "fails", "database")
    assert upgrade(url, tmp_path).returncode == 0
    assert "up to 6 of" in line(chat("check", DATABASE_URL=url), "ok", "database")
    with create_engine(roles.url("chat_schema")).connect() as db:
        assert (
            db.execute(text("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename = 'users'")).scalar() == "talk"
        )
    with Server(url, tmp_path) as server:
        assert register(server.url).get("/users/me").ok


@needs_pgbouncer
def test_a_pooler_in_transaction_mode_is_recognised(
    chat: Chat, postgres: EmbeddedPostgres, database_url: str, tmp_path: Path
) -> None:
    assert database_url
    with pgbouncer(postgres, tmp_path) as url:
        assert "pgbouncer=true" in line(chat("check", DATABASE_URL=url), "fails", "database")
        through = f"{url}?pgbouncer=true"
        assert "pooler in transaction mode" in line(chat("check", DATABASE_URL=through), "ok", "database")
    # A pooler that silently drops session settings.
    with pgbouncer(postgres, tmp_path, "ignore_startup_parameters = options") as url:
        assert "add pgbouncer=true" in line(chat("check", DATABASE_URL=url), "fails", "database")


def test_the_log_of_a_server_names_each_cause_once(roles: EmbeddedPostgres, tmp_path: Path) -> None:
    with Server(as_role(roles, f"not-{PASSWORD}", "locked"), tmp_path) as server:
        for _ in range(20):
            assert requests.get(f"{server.url}/readyz", timeout=20).status_code == 503
        lines = [json.loads(each) for each in server.log.splitlines() if each.startswith("{")]
    (cause,) = [each for each in lines if each["level"] == "warning" and "database" in each["event"]]
    assert cause["event"] == "database_unavailable"
    assert "password authentication failed" in cause["cause"]
    assert PASSWORD not in server.log


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """`url(rights)`: the URL of a Valkey for the user `chat`, who has these permissions."""
    with EmbeddedValkey(tmp_path / "valkey") as server:

        def url(rights: str) -> str:
            with redis.Redis.from_url(server.url) as admin:
                admin.execute_command("ACL", "SETUSER", "chat", "reset", *rights.split())
            return re.sub("//[^@]*@", f"//chat:{PASSWORD}@", server.url)

        yield url


@pytest.mark.parametrize(
    ("rights", "says"),
    [
        (f"on >{PASSWORD} +@all ~*", "channel"),
        (f"on >{PASSWORD} +@all &*", "count rate limits"),
        (f"on >{PASSWORD} +@all -hincrby ~* &*", "count rate limits"),
        (f"on >{PASSWORD} +@all -spublish ~* &*", "publish"),
        (f"on >not-{PASSWORD} +@all ~* &*", "connect: invalid username-password pair"),
    ],
)
def test_missing_redis_permissions_are_named(chat: Chat, valkey: Callable[..., str], rights: str, says: str) -> None:
    assert says in line(chat("check", REDIS_URL=valkey(rights)), "fails", "queue")


def test_documented_redis_permissions_are_sufficient(
    chat: Chat, valkey: Callable[..., str], database_url: str, tmp_path: Path
) -> None:
    assert LEAST_REDIS_RIGHTS
    url = valkey(LEAST_REDIS_RIGHTS[1].replace("…", PASSWORD))
    assert line(chat("check", REDIS_URL=url), "ok", "queue")
    changes = {"REDIS_URL": url, "WEB_CONCURRENCY": "2", "RATELIMIT_ENABLED": "true"}
    with Server(database_url, tmp_path, **changes) as server:
        assert wait_for(lambda: requests.get(f"{server.url}/readyz", timeout=20).ok, 20), server.log
        alice, bob = register(server.url, "alice"), register(server.url, "bob")
        sockets = [PyClient.connect(server.url, bob.token) for _ in range(4)]
        sent = alice.send(alice.direct_chat(bob), "With few rights")
        for each in sockets:
            assert each.wait_for("message:new")["id"] == sent["id"]
            each.disconnect()
        # A removal waits for the acknowledgement of every worker.
        group = alice.post("/chats/groups", {"name": "Few", "memberIds": [bob.id]}).json()["data"]["id"]
        assert alice.delete(f"/chats/{group}/members/{bob.id}").status_code == 204
        warnings = [json.loads(each) for each in server.log.splitlines() if '"level": "warning"' in each]
    # Other servers of this test run have stored files in the same database.
    assert [each for each in warnings if each["event"] != "upload_folders_differ"] == []


@pytest.mark.parametrize("rights", ["+@all ~*", "+@all -spublish ~* &*"])
def test_missing_redis_permissions_are_logged_once(
    valkey: Callable[..., str], database_url: str, tmp_path: Path, rights: str
) -> None:
    with Server(database_url, tmp_path, REDIS_URL=valkey(f"on >{PASSWORD} {rights}")) as server:
        assert wait_for(lambda: "permissions" in server.log, 10), server.log
        # Several more attempts.
        time.sleep(3)
        lines = [json.loads(each) for each in server.log.splitlines() if "permissions" in each]
        assert requests.get(f"{server.url}/readyz", timeout=20).status_code == 503
    assert len(lines) == 1, lines
    assert PASSWORD not in server.log


def test_untrusted_certificate_is_reported(chat: Chat, tmp_path: Path) -> None:
    write_certificate(tmp_path / "certificate.pem", tmp_path / "key.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                context.wrap_socket(client, server_side=True).close()
            except OSError:
                client.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        url = f"rediss://:{PASSWORD}@127.0.0.1:{listener.getsockname()[1]}/0"
        assert "certificate verify failed" in line(chat("check", REDIS_URL=url), "fails", "queue")
        listener.shutdown(socket.SHUT_RDWR)
