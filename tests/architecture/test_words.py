"""Public texts use plain technical English: the words below do not appear in them."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.server import ROOT, environment

# A phrase for each alternative, matched as whole words in any case.
SOCKETS_AND_WORKERS = r"hear|hears|heard|hearers?|tells? (sockets|workers|clients)|told|deaf|speaks? to each other"
OLD_WORDS = r"anew|lest|whoever|whatever comes|who is told|for who|what comes|what is told"
PERSONS = r"somebody|nobody|everybody|anybody"
PRIVATE = r"mend|mends|mended|strikes|refusals?|tokenless|hearer|greeting|doors?"
ANYWHERE = re.compile(rf"\b({SOCKETS_AND_WORKERS}|{OLD_WORDS}|{PERSONS}|{PRIVATE})\b", re.IGNORECASE)
# Texts for users of the web client may greet them, and may speak of letters and doors.
INTERFACE = re.compile(rf"\b({SOCKETS_AND_WORKERS}|{OLD_WORDS}|{PERSONS})\b", re.IGNORECASE)

PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "clients").glob("*/README.md")),
    *sorted((ROOT / ".github").rglob("*.md")),
    *sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")),
    ROOT / ".env.example",
]
# The texts of the demo are messages that its users write to each other.
SOURCES = sorted(source for source in (ROOT / "chatapp").rglob("*.py") if source.name != "demo_texts.py")
# The account of Unix, and a value of the setting `lastSeen`.
NAMES = re.compile(r"""^nobody$|(['"`])nobody\1""")
PUBLISHED = """
import json, click
from chatapp.cli.chat import chat
from wsgi import app
texts = {name: app.test_client().get(f"/api/v1/{name}.json").text for name in ("openapi", "asyncapi")}
for command in (chat, *chat.commands.values()):
    texts[command.name] = command.get_help(click.Context(command))
print(json.dumps(texts))
"""


@cache
def published() -> dict[str, str]:
    """Both API documents, and the help of each command."""
    settings = environment("postgresql://unused@127.0.0.1:1/unused", ROOT / "instance")
    done = subprocess.run(
        [sys.executable, "-c", PUBLISHED], cwd=ROOT, env=settings, capture_output=True, text=True, check=True
    )
    texts: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return texts


def found(text: str, words: re.Pattern[str] = ANYWHERE) -> list[str]:
    """The words to avoid in a text, each with what surrounds it."""
    plain = NAMES.sub("", text)
    return [plain[max(match.start() - 40, 0) : match.end() + 40] for match in words.finditer(plain)]


def strings(source: Path) -> Iterator[str]:
    """The strings of a module without its docstrings: error details, output of commands, log events, help of metrics."""
    tree = ast.parse(source.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield NAMES.sub("", node.value).replace("_", " ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_are_plain(page: Path) -> None:
    assert found(page.read_text()) == []


def test_api_documents_and_command_help_are_plain() -> None:
    texts = published()
    assert {"openapi", "asyncapi", "chat", "check"} <= texts.keys()
    assert {name: words for name, text in texts.items() if (words := found(text))} == {}


def test_strings_of_the_server_are_plain() -> None:
    texts = {str(source.relative_to(ROOT)): " · ".join(strings(source)) for source in SOURCES}
    assert {name: words for name, text in texts.items() if (words := found(text))} == {}


def test_texts_of_the_web_client_are_plain() -> None:
    catalogue = (ROOT / "clients" / "web" / "src" / "texts" / "en.ts").read_text()
    assert found(catalogue, INTERFACE) == []
