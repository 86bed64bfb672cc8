"""A browser, the built client, and people with pages of their own. Where there is no browser or no Node, tests skip."""

import os
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Browser, expect

from chatapp.launcher.node import NodeError
from chatapp.launcher.web import build
from tests.browser.chromium import SHELL, chromium, find_chromium
from tests.browser.visitor import SECONDS, Visitor
from tests.people import Person
from tests.server import Server

expect.set_options(timeout=SECONDS * 1000)

# Set where these tests must run: what is missing fails them.
REQUIRED = "REQUIRE_BROWSER"
# visit(person=None, **options of the context): a browser page, logged in if a person is given.
Visit = Callable[..., Visitor]


def missing(what: str) -> NoReturn:
    """Skip, or fail where nothing may be missing."""
    if os.environ.get(REQUIRED):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="package", autouse=True)
def _built() -> None:
    """The client, as new as its sources."""
    try:
        build()
    except NodeError as error:
        missing(f"The web client can't be built: {error}")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, one for all tests; it ends before those of other folders begin, which its event loop would disturb."""
    executable = find_chromium(SHELL)
    if executable is None:
        missing("No browser is installed: `apt-get install chromium-headless-shell`, or `chromium`.")
    with chromium(executable) as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """Opens browsers of logged-in users. Whatever they do, no script fails and nothing is asked of any other server."""
    opened: list[Visitor] = []

    def open_page(person: Person | None = None, url: str = server.url, **options: Any) -> Visitor:
        visitor = Visitor(browser, url, **options)
        opened.append(visitor)
        if person:
            visitor.take_session(person)
        else:
            visitor.enter()
        return visitor

    yield open_page
    for visitor in opened:
        visitor.context.close()
    assert [error for visitor in opened for error in visitor.errors] == []
    assert [url for visitor in opened for url in visitor.strangers] == []
