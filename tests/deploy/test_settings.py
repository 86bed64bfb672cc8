"""Every place that names settings agrees with what the server reads."""

import json
import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

import config
from tests.server import ROOT

EXAMPLE = dict(re.findall(r"^([A-Z_0-9]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
# What the containers decide, and what has to be set: the rest comes from the file `.env` alone.
DECIDED = {"APP_ENV", "HOST", "PORT", "DATABASE_URL", "REDIS_URL", "INSTANCE_PATH", "UPLOAD_PATH", "WEB_PATH"}
REQUIRED = {"JWT_ACCESS_SECRET", "JWT_REFRESH_SECRET", "CORS_ORIGIN", "WEB_CONCURRENCY"}
AWS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}


def test_env_example_lists_all_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in EXAMPLE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("INSTANCE_PATH", str(tmp_path))
    assert set(config.load().shown) == set(EXAMPLE)


def test_env_example_is_valid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in EXAMPLE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("INSTANCE_PATH", str(tmp_path))
    without = config.load()
    for name, value in EXAMPLE.items():
        monkeypatch.setenv(name, str(tmp_path) if name == "INSTANCE_PATH" else value)
    with_example = config.load()
    for name in set(EXAMPLE) - {"LOG_LEVEL", "UPLOAD_PATH", "WEB_PATH"}:
        assert with_example.shown[name] == without.shown[name], name
    assert with_example.web_path == without.web_path


def test_operations_page_documents_each_setting_with_its_default() -> None:
    section = (ROOT / "docs" / "operations.md").read_text().partition("## Settings\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([A-Z_0-9]+)` \| (?:`([^`]*)` )?\| .+ \|$", section, re.MULTILINE)
    assert {name: default for name, default in rows if name in EXAMPLE} == EXAMPLE
    assert set(EXAMPLE) <= {name for name, _ in rows}


@pytest.mark.parametrize("service", ["server", "migration"])
def test_compose_passes_every_setting_on(service: str) -> None:
    described = COMPOSE["services"][service]
    assert described["env_file"] == ".env"
    # An empty value would hide that of the file.
    assert set(described["environment"]) <= DECIDED | REQUIRED
    assert all(str(value) for value in described["environment"].values())


def test_the_heroku_button_names_settings_alone_and_builds_the_web_client() -> None:
    app = json.loads((ROOT / "app.json").read_text())
    assert set(app["env"]) <= set(EXAMPLE) | AWS
    # The last one decides how the processes run.
    assert [pack["url"] for pack in app["buildpacks"]] == ["heroku/nodejs", "heroku/python"]
    build = json.loads((ROOT / "package.json").read_text())["scripts"]["heroku-postbuild"]
    scripts = json.loads((ROOT / "clients" / "web" / "package.json").read_text())["scripts"]
    assert build.startswith("cd clients/web && npm ci --include=dev ")
    assert set(re.findall(r"npm run (\w+)", build)) <= set(scripts)
    assert json.loads((ROOT / "package-lock.json").read_text())["name"] == "chat-server"
