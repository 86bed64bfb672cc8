"""Examples in the README and the other documents work as written."""

import json
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer

import pytest
from PIL import Image

from chatapp.core import metrics
from chatapp.launcher.postgres import EmbeddedPostgres
from tests.conftest import NewKey
from tests.documents import PAGES, programs
from tests.forked import run_flask
from tests.people import Backend, Person
from tests.server import ROOT, Server

# Passes its arguments and environment on, and ends like the command.
FLASK = """
import json, os, socket, sys
assert sys.argv[1:3] == ["--app", "wsgi"], sys.argv
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({address!r})
    job = dict(words=sys.argv[3:], environment=dict(os.environ))
    connection.sendall(json.dumps(job).encode() + b"\\n")
    code, output, errors = json.load(connection.makefile())
sys.stdout.write(output)
sys.stderr.write(errors)
sys.exit(code)
"""


@pytest.fixture
def reader(
    server: Server,
    database_url: str,
    postgres: EmbeddedPostgres,
    alice: Person,
    bob: Person,
    backend: Backend,
    new_key: NewKey,
    tmp_path: Path,
) -> dict[str, str]:
    """The environment that a page assumes."""
    for folder in ("Pictures", "uploads"):
        (tmp_path / folder).mkdir()
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "Pictures" / "view.jpg")
    postgres.create_database("chat_restored")
    urls = {"DATABASE_URL": database_url, "RESTORED_URL": postgres.url("chat_restored")}
    return {name: url.replace("+psycopg2", "") for name, url in urls.items()} | {
        "HOME": str(tmp_path),
        "UPLOAD_PATH": str(tmp_path / "uploads"),
        "LOG_LEVEL": "WARNING",
        "CHAT_URL": server.url,
        "CHAT_KEY": backend.key,
        "MODERATION_KEY": new_key("moderation").key,
        "PYTHONPATH": str(ROOT / "clients" / "python" / "src"),
        "CHAT": alice.direct_chat(bob),
        "PEER": bob.id,
        "TOKEN": alice.token,
    }


class Handler(StreamRequestHandler):
    """Runs the command of a line of JSON."""

    def handle(self) -> None:
        """Reply with what the command returned and wrote."""
        done = run_flask(**json.loads(self.rfile.readline()))
        self.wfile.write(json.dumps([done.returncode, done.stdout, done.stderr]).encode())


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a program `flask` that runs forks: to import the server takes two seconds for each command."""
    folder = tmp_path_factory.mktemp("commands")
    flask = folder / "flask"
    flask.write_text(f"#!{sys.executable} -IS\n{FLASK.format(address=str(folder / 'socket'))}")
    flask.chmod(0o755)
    with ThreadingUnixStreamServer(str(folder / "socket"), Handler) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield folder
        listener.shutdown()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documented_programs_run(page: Path, reader: dict[str, str], commands: Path, tmp_path: Path) -> None:
    changes = {
        "http://127.0.0.1:3000": reader["CHAT_URL"],
        ".venv/bin/": "",
        "/var/backups/chat": str(tmp_path / "backups"),
        "/var/lib/chat-server": str(tmp_path),
    }
    # The README runs the installed program.
    forking = () if page.name == "README.md" else (commands,)
    printed = "".join(program.run(tmp_path, reader, forking) for program in programs(page, changes))
    if page.name == "README.md":
        assert printed.count("Hello Bob!") == 2
        assert "carol: Hello Dave!" in printed
        assert "stored as number 1" in printed


def written() -> list[Path]:
    """Every documentation page."""
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def test_pages_contain_no_merge_conflict_markers() -> None:
    for page in written():
        assert not re.search(r"^(<{7} |={7}$|>{7} )", page.read_text(), re.MULTILINE), page.name


def test_architecture_page_names_existing_modules() -> None:
    table = re.findall(r"^\| (`.+?) \|", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE)
    for name in re.findall(r"`([^`]+)`", " ".join(table)):
        assert (ROOT / name).exists() or (ROOT / "chatapp" / name).exists(), name


def test_links_resolve() -> None:
    for page in written():
        text = page.read_text()
        for target in re.findall(r"""\]\((?!https?:)([^)#]+)|(?:src|srcset)="(?!https?:)([^"]+)""", text):
            assert (page.parent / "".join(target)).exists(), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """The fragments that refer to the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_to_headings_resolve() -> None:
    for page in written():
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text()):
            heading = anchor in anchors(page.parent / target if target else page)
            assert heading, f"{page.name}: {target}#{anchor}"


def test_operations_page_documents_metrics_and_log_events() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    for metric in metrics.ALL:
        name = f"{metric.name}_total" if metric.kind == "counter" else metric.name
        assert f"`{name}`" in text, f"docs/operations.md does not explain the metric {name}"
    code = "\n".join(path.read_text() for path in (ROOT / "chatapp").rglob("*.py"))
    for event in re.findall(r'\blog\.\w+\(\s*"([^"]+)"', code):
        assert f"`{event}`" in text, f"docs/operations.md does not explain the line of the log: {event}"
