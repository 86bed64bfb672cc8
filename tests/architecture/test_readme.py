"""What the README shows works as it is written."""

import os
import re
import subprocess
from pathlib import Path

from chatapp.launcher.node import ensure_node_modules, node_binary
from tests.server import ROOT, Server
from tests.socket_clients.javascript import JS


def block(language: str, holding: str) -> str:
    """The code block of that language that has `holding` in it."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return next(str(text) for text in blocks if holding in text)


def test_the_example_with_curl(server: Server) -> None:
    script = block("sh", "curl").replace("http://127.0.0.1:3000", server.url)
    done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Hello Bob!") == 2


def test_the_example_with_the_official_client(server: Server, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(ensure_node_modules(JS))
    (tmp_path / "chat.mjs").write_text(block("js", "socket.io-client"))
    done = subprocess.run(
        [node_binary(), "chat.mjs"],
        cwd=tmp_path,
        env=os.environ | {"CHAT_URL": server.url},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "carol: Hello Dave!" in done.stdout
    assert "stored as number 1" in done.stdout


def test_every_link_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
