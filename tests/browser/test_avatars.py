"""Pictures of people: those of other servers are not loaded, since that would give them the address of the reader."""

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Visit
from tests.browser.test_files import picture
from tests.browser.visitor import Visitor
from tests.people import Person, data, register
from tests.server import Server


class Elsewhere(HTTPServer):
    """Another site, which notes the requests that it gets."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        noted = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                noted.append(self.path)
                self.send_response(404)
                self.end_headers()

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as site:
        Thread(target=site.serve_forever, daemon=True).start()
        yield site
        site.shutdown()


def test_the_picture_of_another_site_is_shown_as_initials_and_not_requested(
    visit: Visit, elsewhere: Elsewhere, alice: Person, bob: Person
) -> None:
    data(alice.patch("/users/me", {"avatar": f"http://127.0.0.1:{elsewhere.server_port}/alice.png"}))
    alice.send(alice.direct_chat(bob), "Hello")
    his = visit(bob, proxy=None)
    his.entry(alice.name).click()
    expect(his.message("Hello")).to_be_visible()
    expect(his.talk.locator(".avatar").first).to_have_attribute("data-initials", re.compile("^a"))
    assert elsewhere.requests == []


def test_the_picture_of_a_listed_site_is_requested(
    browser: Browser, elsewhere: Elsewhere, database_url: str, tmp_path: Path
) -> None:
    host = f"127.0.0.1:{elsewhere.server_port}"
    with Server(database_url, tmp_path, AVATAR_HOSTS=f"images.example.org,{host}") as server:
        alice, bob = register(server.url, "alice"), register(server.url, "bob")
        data(alice.patch("/users/me", {"avatar": f"http://{host}/alice.png"}))
        alice.direct_chat(bob)
        visitor = Visitor(browser, server.url, proxy=None)
        visitor.take_session(bob)
        # It has no such picture.
        expect(visitor.entry(alice.name).locator(".avatar")).to_have_attribute("data-initials", re.compile("^a"))
        visitor.context.close()
    assert elsewhere.requests == ["/alice.png"]


def test_a_picture_on_this_server_is_shown(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    sent = data(alice.upload(chat, "me.png", picture()))
    data(alice.patch("/users/me", {"avatar": alice.url + sent["fileUrl"]}))
    his = visit(bob)
    expect(his.entry(alice.name).locator(".avatar img")).not_to_have_js_property("naturalWidth", 0)
