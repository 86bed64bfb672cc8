"""`flask chat check`: the settings, and whether the server can work with them."""

import re
from pathlib import Path

from sqlalchemy import NullPool, create_engine, text

from tests.cli.conftest import Chat
from tests.conftest import NewDatabase
from tests.files.samples import PDF
from tests.people import Person
from tests.server import ROOT

SECRET = "a-secret-that-nobody-else-has-to-know"


def test_check_passes_for_a_working_server(chat: Chat, tmp_path: Path) -> None:
    done = chat("check", METRICS_TOKEN=SECRET, JWT_ACCESS_SECRET=SECRET)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = dict(re.findall(r"^([A-Z_0-9]+)=(.*)$", done.stdout, re.MULTILINE))
    # All settings with their current values.
    assert set(shown) == set(re.findall(r"^([A-Z_0-9]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert shown["UPLOAD_PATH"] == str(tmp_path / "uploads")
    assert shown["JWT_ACCESS_EXPIRES_IN"] == "15m"
    assert shown["METRICS_TOKEN"] == f"({len(SECRET)} characters)"
    assert SECRET not in done.stdout + done.stderr
    # Other tests may have stored files in folders of their own.
    for found in ("ok +database", "ok +migrations", "ok +queue", "ok +libraries", "(ok|mind) +files"):
        assert re.search(rf"^{found} ", done.stdout, re.MULTILINE), done.stdout
    assert not list((tmp_path / "uploads").iterdir())


def test_all_missing_parts_are_reported_at_once(chat: Chat) -> None:
    away = "postgresql://chat:of-the-database@127.0.0.1:1/chat"
    done = chat("check", DATABASE_URL=away, REDIS_URL="redis://:of-the-queue@127.0.0.1:1/0")
    assert done.returncode == 1
    for part in ("database", "migrations", "queue"):
        assert re.search(rf"^fails +{part} ", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^(ok|mind) +files ", done.stdout, re.MULTILINE)
    assert "of-the" not in done.stdout + done.stderr


def test_check_reports_missing_migrations_and_too_few_connections(chat: Chat, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url.replace("/chat_test", "/postgres"), "DATABASE_POOL_SIZE": "1000"}
    done = chat("check", **settings)
    assert done.returncode == 1
    assert re.search(r"^fails +migrations .*flask --app wsgi db upgrade$", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^mind +database .*max_connections", done.stdout, re.MULTILINE), done.stdout


def test_the_connections_of_all_workers_on_all_machines_are_counted(chat: Chat, new_database: NewDatabase) -> None:
    # Servers of other tests, which have no Redis, share the other database.
    url = new_database("chat_crowded")
    with create_engine(url, poolclass=NullPool).begin() as db:
        db.execute(
            text(
                "INSERT INTO workers (id, expires_at, host, pid) "
                "SELECT gen_random_uuid(), now() + interval '1 minute', 'crowded', n FROM generate_series(1, 20) n"
            )
        )
    done = chat("check", DATABASE_URL=url)
    assert re.search(r"^ok +database ", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^mind +servers +20 workers .* connections", done.stdout, re.MULTILINE), done.stdout


def test_unwritable_upload_folder_is_reported(chat: Chat, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = chat("check", UPLOAD_PATH=str(tmp_path / "file"))
    assert done.returncode == 1
    assert str(tmp_path / "file") in done.stderr


def test_files_in_another_upload_folder_are_reported(chat: Chat, alice: Person, bob: Person) -> None:
    assert alice.upload(alice.direct_chat(bob), "a.pdf", PDF).status_code == 201
    done = chat("check")
    found = re.search(r"^mind +files .*other upload folders .*: ([0-9a-f-]{36}) \([0-9]+\)", done.stdout, re.MULTILINE)
    assert found, done.stdout
    assert done.returncode == 0


def test_subscribers_and_jobs_that_fail_are_reported(chat: Chat, new_database: NewDatabase) -> None:
    url = new_database("chat_failing")
    engine = create_engine(url, poolclass=NullPool)
    assert re.search(r"^ok +outbox .*\nok +jobs ", chat("check", DATABASE_URL=url).stdout, re.MULTILINE)
    with engine.begin() as db:
        db.execute(
            text(
                "INSERT INTO outbox_readers (subscriber, worker_id, lease_until, failures, error) "
                "VALUES ('webhooks', gen_random_uuid(), now(), 3, 'TimeoutError')"
            )
        )
        db.execute(
            text("INSERT INTO outbox (subscriber, type) SELECT 'webhooks', 'MessageSent' FROM generate_series(1, 7)")
        )
        db.execute(
            text(
                "INSERT INTO jobs (id, type, status, attempts, error, finished_at) "
                "VALUES (gen_random_uuid(), 'export', 'failed', 10, 'OSError', now())"
            )
        )
    done = chat("check", DATABASE_URL=url)
    assert done.returncode == 0
    found = r"^mind +outbox .*webhooks \(7 events wait, .* 3 failures, the last one TimeoutError\)"
    assert re.search(found, done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^mind +jobs .*export \(failed, attempts 10, OSError\)", done.stdout, re.MULTILINE), done.stdout
