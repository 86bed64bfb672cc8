"""Every text of the web client comes from its catalogue, in the language of the browser."""

import subprocess
from pathlib import Path

from chatapp.launcher.node import node_binary
from chatapp.launcher.web import WEB

FINDER = Path(__file__).parent / "untranslated.mjs"
# Their texts still stand in the components.
PENDING = "attachment chat messages receipts row sidebar"


def test_no_text_is_written_outside_the_catalogue() -> None:
    command = [node_binary(), FINDER, WEB]
    found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    assert [line for line in found if line.split(".tsx")[0] not in PENDING.split()] == []
