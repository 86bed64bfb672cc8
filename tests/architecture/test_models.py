"""Models and migrations describe the same tables."""

import subprocess
from pathlib import Path

from chatapp.launcher.postgres import EmbeddedPostgres
from tests.forked import run_flask
from tests.server import environment, migrate


def flask(url: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_flask(["db", *words], environment(url, folder))


def test_models_match_migrations(database_url: str, tmp_path: Path) -> None:
    checked = flask(database_url, tmp_path, "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_migrations_have_one_head(database_url: str, tmp_path: Path) -> None:
    heads = flask(database_url, tmp_path, "heads").stdout.strip().splitlines()
    assert len(heads) == 1
    assert heads[0].endswith("(head)")


def test_migrations_go_down_and_up_again(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    postgres.create_database("chat_down")
    url = postgres.url("chat_down")
    migrate(url, tmp_path)
    down = flask(url, tmp_path, "downgrade", "base")
    assert down.returncode == 0, down.stderr
    migrate(url, tmp_path)
