"""Examples in the README and the other documents work as written."""

import re
from pathlib import Path

import pytest
from PIL import Image

from chatapp.core import metrics
from chatapp.launcher.postgres import EmbeddedPostgres
from tests.conftest import NewKey
from tests.documents import PAGES, programs
from tests.people import Backend, Person
from tests.server import ROOT, Server


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documented_programs_run(page: Path, reader: dict[str, str], tmp_path: Path) -> None:
    changes = {
        "http://127.0.0.1:3000": reader["CHAT_URL"],
        ".venv/bin/": "",
        "/var/backups/chat": str(tmp_path / "backups"),
        "/var/lib/chat-server": str(tmp_path),
    }
    printed = "".join(program.run(tmp_path, reader) for program in programs(page, changes))
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
