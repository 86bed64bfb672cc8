"""The error reference has every code that the server can send, and every problem links to its entry."""

import re
from pathlib import Path

import pytest
import requests

from chatapp.core.error_codes import CODES
from chatapp.core.errors import ChatError
from chatapp.server import problems
from tests.pages import Links, check_self_contained
from tests.people import Person, problem
from tests.server import ROOT, Server

PROBLEM = "application/problem+json"
_CODE = re.compile(r"""\bcode["']?\s*[=:]=?\s*["']([a-z_]+)["']""")


@pytest.fixture(scope="module")
def page(server: Server) -> requests.Response:
    return requests.get(f"{server.url}/docs/errors", timeout=20)


def sources() -> list[Path]:
    return [path for path in (ROOT / "chatapp").rglob("*.py") if path.name != "error_codes.py"]


def used_codes() -> set[str]:
    """The codes in the sources."""
    named = {code for source in sources() for code in _CODE.findall(source.read_text())}
    return named | {*problems._CODES.values()}


def kinds(kind: type[ChatError] = ChatError) -> list[type[ChatError]]:
    return [kind, *(below for each in kind.__subclasses__() for below in kinds(each))]


def test_every_code_in_the_sources_has_an_entry() -> None:
    assert used_codes() - set(CODES) == set()


def test_every_entry_has_a_used_code() -> None:
    text = "".join(source.read_text() for source in sources())
    assert [code for code in CODES if f'"{code}"' not in text] == []


def test_entries_have_the_status_of_their_problems(server: Server) -> None:
    for kind in kinds():
        assert CODES[kind.code].status == kind.status, kind
    document = requests.get(f"{server.url}/api/v1/openapi.json", timeout=20).json()
    operations = [
        operation for item in document["paths"].values() for name, operation in item.items() if name != "parameters"
    ]
    shown = {
        (code, int(status))
        for operation in operations
        for status, response in operation["responses"].items()
        for code in response.get("content", {}).get(PROBLEM, {}).get("examples", {})
    }
    assert shown
    assert [pair for pair in shown if CODES[pair[0]].status != pair[1]] == []


def test_every_entry_describes_when_its_code_occurs() -> None:
    for code, entry in CODES.items():
        assert entry.occurs.endswith("."), code


def test_the_documents_list_the_known_codes_and_allow_others(server: Server) -> None:
    for name in ("openapi", "asyncapi"):
        document = requests.get(f"{server.url}/api/v1/{name}.json", timeout=20).json()
        code = document["components"]["schemas"]["Problem"]["properties"]["code"]
        assert code["x-extensible-enum"] == [*CODES]
        assert "enum" not in code
        assert "accept unknown codes" in code["description"]


def test_page_loads_no_external_resources(page: requests.Response) -> None:
    check_self_contained(page)


def test_page_lists_every_code_with_its_operations(page: requests.Response) -> None:
    assert set(CODES) <= set(Links(page.text).ids)
    assert "accept unknown codes" in page.text
    entry = page.text.partition('<article id="refresh_reused">')[2].partition("</article>")[0]
    assert "POST /api/v1/auth/refresh" in entry


def test_problem_type_links_to_its_entry(page: requests.Response, alice: Person) -> None:
    reply = alice.get("/users/nobody_of_this_name")
    assert problem(reply) == (404, "not_found")
    target = requests.compat.urljoin(reply.url, reply.json()["type"])
    assert target == f"{page.url}#not_found"
