"""Files of platforms refer to existing commands, and set the required settings."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.server import ROOT

# Settings without which production does not start.
NEEDED = {"DATABASE_URL", "CORS_ORIGIN", "JWT_ACCESS_SECRET", "JWT_REFRESH_SECRET"}
SETTINGS = set(re.findall(r"^([A-Z_0-9]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
AWS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}


def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())  # type: ignore[no-any-return]


def test_compose_sets_all_required_settings() -> None:
    services = compose()["services"]
    for name in ("server", "migration"):
        assert set(services[name]["environment"]) >= NEEDED | {"REDIS_URL"}
        for needed in services[name]["depends_on"]:
            assert needed in services
    names = re.findall(r"\$\{([A-Z_]+)", (ROOT / "compose.yaml").read_text())
    assert set(names) <= SETTINGS | {"POSTGRES_PASSWORD"}


def test_heroku_button_sets_all_required_settings() -> None:
    app = json.loads((ROOT / "app.json").read_text())
    # These come with the add-ons.
    assert set(app["env"]) | {"DATABASE_URL", "REDIS_URL"} >= NEEDED
    assert set(app["env"]) <= SETTINGS | AWS
    assert all(setting["description"] for setting in app["env"].values())
    assert {line.partition(":")[0] for line in (ROOT / "Procfile").read_text().splitlines()} == {"release", "web"}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not on this machine")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    units = sorted((ROOT / "deploy").glob("chat-*.service"))
    assert len(units) == 1
    for unit in units:
        # Where they are installed on this machine.
        text = unit.read_text().replace("/opt/chat-server/.venv/bin", str(Path(sys.executable).parent))
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(tmp_path / unit.name for unit in units)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
