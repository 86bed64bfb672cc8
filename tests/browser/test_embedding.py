"""A shop with the chat in its pages, as in docs/embedding.md: each user of a browser sees only their own chats."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, redirect, send_from_directory, session
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from tests.browser.stored import stored_data
from tests.clients.package import PACKAGE, build
from tests.people import Person, register
from tests.server import ROOT, Server

DOCUMENT = ROOT / "docs" / "embedding.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = """<!doctype html><meta charset="utf-8">
<script type="importmap">{"imports": {
  "@chatapp/client": "/library/index.js", "socket.io-client": "/socket.io-client/socket.io.esm.min.js"
}}</script>
<body data-chat-url="CHAT_URL" data-user-id="USER_ID">EXAMPLE</body>"""
# Remembers every text that the list ever had, and lets a test use the page's client.
WATCH = """
window.shown = [];
new MutationObserver(() => {
  const text = document.getElementById("chats")?.textContent;
  if (text) window.shown.push(text);
}).observe(document, { subtree: true, childList: true });
"""


@pytest.fixture(scope="module")
def shop(server: Server) -> Iterator[str]:
    """The URL of a shop with the backend and the page of the document."""
    build()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAT_URL", server.url)
        app = backend()
    example = next(lines for language, lines in FENCE.findall(DOCUMENT.read_text()) if language == "html")
    # The example keeps its client to itself; this test changes the user without leaving the page, too.
    example = example.replace("chat.subscribe(", "Object.assign(window, { chat, tokens });\n  chat.subscribe(", 1)

    @app.get("/")
    def page() -> str:
        filled = PAGE.replace("CHAT_URL", server.url).replace("USER_ID", str(session.get("user_id", "")))
        return filled.replace("EXAMPLE", example)

    @app.get("/sign-in/<int:user_id>/<username>")
    def sign_in(user_id: int, username: str) -> Any:
        session.update(user_id=user_id, username=username)
        return redirect("/")

    @app.get("/sign-out")
    def sign_out() -> Any:
        session.clear()
        return redirect("/")

    serve(app, "/library", PACKAGE / "build" / "src")
    serve(app, "/socket.io-client", PACKAGE / "node_modules" / "socket.io-client" / "dist")
    running = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def backend() -> Flask:
    """The backend that the document shows, all of its Python together."""
    names: dict[str, Any] = {"__name__": "shop"}
    programs = [lines for language, lines in FENCE.findall(DOCUMENT.read_text()) if language == "python"]
    exec(compile("\n".join(programs), str(DOCUMENT), "exec"), names)
    app: Flask = names["app"]
    return app


def serve(app: Flask, path: str, folder: Path) -> None:
    """Serve the files of a folder."""
    app.add_url_rule(f"{path}/<path:name>", path, lambda name: send_from_directory(folder, name))


@pytest.fixture
def tab(browser: Browser, shop: str) -> Iterator[Callable[[], Page]]:
    """Opens tabs of one browser; none of their scripts fails."""
    context = browser.new_context()
    context.add_init_script(WATCH)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context.new_page
    context.close()
    assert errors == []


def shopper(shop: str, page: Page, user_id: int, username: str, friend: Person, text: str) -> None:
    """Sign in at the shop; a friend writes to them."""
    page.goto(f"{shop}/sign-in/{user_id}/{username}")
    page.wait_for_function("() => window.chat?.connection.state === 'online'")
    me = page.evaluate("window.chat.session.me.id")
    chat = friend.post("/chats/direct", {"userId": me}).json()["data"]["id"]
    friend.send(chat, text)
    expect(page.get_by_role("listitem")).to_have_text(f"{friend.name}: {text}")


@pytest.fixture
def friend(server: Server) -> Person:
    return register(server.url, "friend")


def test_next_user_never_sees_chats_of_the_first(tab: Callable[[], Page], shop: str, friend: Person) -> None:
    page = tab()
    shopper(shop, page, 1, "Ada_1", friend, "Secret of Ada")
    ada = page.evaluate("window.chat.session.me.id")
    shopper(shop, page, 2, "Ben_2", friend, "Hello Ben")
    assert not [text for text in page.evaluate("window.shown") if "Ada" in text]
    assert ada not in stored_data(page)


def test_the_user_changes_without_leaving_the_page(tab: Callable[[], Page], shop: str, friend: Person) -> None:
    page = tab()
    shopper(shop, page, 3, "Ada_3", friend, "Secret of Ada")
    ada = page.evaluate("window.chat.session.me.id")
    # What the shop's page does after its own sign-in; the chats are gone when the call returns.
    left = page.evaluate(
        "async () => {"
        " await fetch('/sign-in/4/Ben_4');"
        " const connecting = window.chat.connect({ userId: '4', tokens: window.tokens });"
        " const left = [window.chat.session.me, ...window.chat.chats];"
        " await connecting;"
        " return left;"
        "}"
    )
    assert left == [None]
    page.wait_for_function("() => window.chat.connection.state === 'online'")
    expect(page.get_by_role("listitem")).to_have_count(0)
    assert ada not in stored_data(page)


def test_a_tab_of_the_first_user_shows_nothing_once_another_one_signed_in(
    tab: Callable[[], Page], shop: str, friend: Person
) -> None:
    first, second = tab(), tab()
    shopper(shop, first, 5, "Ada_5", friend, "Secret of Ada")
    second.goto(f"{shop}/sign-in/6/Ben_6")
    second.wait_for_function("() => window.chat?.connection.state === 'online'")
    expect(first.get_by_role("listitem")).to_have_count(0)
    assert first.evaluate("window.chat.session.reason") == "elsewhere"


def test_pages_of_one_user_share_a_login(tab: Callable[[], Page], shop: str, friend: Person) -> None:
    page = tab()
    shopper(shop, page, 7, "Ada_7", friend, "Hello Ada")
    logins: list[str] = []
    page.on("request", lambda request: logins.append(request.url) if "chat-login" in request.url else None)
    page.reload()
    expect(page.get_by_role("listitem")).to_have_text(f"{friend.name}: Hello Ada")
    other = page.context.new_page()
    other.goto(shop)
    expect(other.get_by_role("listitem")).to_have_text(f"{friend.name}: Hello Ada")
    assert logins == []


def test_nothing_is_left_after_sign_out(tab: Callable[[], Page], shop: str, friend: Person) -> None:
    page = tab()
    shopper(shop, page, 8, "Ada_8", friend, "Secret of Ada")
    ada = page.evaluate("window.chat.session.me.id")
    page.goto(f"{shop}/sign-out")
    page.wait_for_function("() => window.chat?.session.state === 'loggedOut'")
    expect(page.get_by_role("listitem")).to_have_count(0)
    page.wait_for_function(f"() => !JSON.stringify(localStorage).includes('{ada}')")
    assert ada not in stored_data(page)
