"""A Django shop with the chat in its pages, as in docs/: each user of a browser sees only their own chats."""

from collections.abc import Callable, Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.browser.stored import stored_data
from tests.clients.package import build
from tests.embedding import django_shop, new_user_id, the_page
from tests.people import Backend, Person, register
from tests.server import Server

# Remembers every text that the list ever had, and lets a test use the page's client.
WATCH = """
window.shown = [];
new MutationObserver(() => {
  const text = document.getElementById("chats")?.textContent;
  if (text) window.shown.push(text);
}).observe(document, { subtree: true, childList: true });
"""


@pytest.fixture(scope="module")
def shop(server: Server, backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a shop with the backend and the page of the documents."""
    build()
    # The page keeps its client to itself; a test uses it, too.
    page = the_page().replace("chat.subscribe(", "window.chat = chat;\n  chat.subscribe(", 1)
    settings = {"CHAT_URL": server.url, "CHAT_KEY": backend.key}
    with django_shop(tmp_path_factory.mktemp("shop"), settings, page) as url:
        yield url


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


def new_user(name: str) -> tuple[int, str]:
    """The id and the username of a new user of the shop, whose username begins with `name`."""
    user_id = new_user_id()
    return user_id, f"{name}_{user_id}"


def shopper(shop: str, page: Page, name: str, friend: Person, text: str) -> None:
    """Sign in at the shop as a new user; a friend writes to them."""
    user_id, username = new_user(name)
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
    shopper(shop, page, "Ada", friend, "Secret of Ada")
    ada = page.evaluate("window.chat.session.me.id")
    shopper(shop, page, "Ben", friend, "Hello Ben")
    assert not [text for text in page.evaluate("window.shown") if "Ada" in text]
    assert ada not in stored_data(page)


def test_the_user_changes_without_leaving_the_page(tab: Callable[[], Page], shop: str, friend: Person) -> None:
    page = tab()
    shopper(shop, page, "Ada", friend, "Secret of Ada")
    ada = page.evaluate("window.chat.session.me.id")
    user_id, username = new_user("Ben")
    # What the shop's page does after its own sign-in; the chats are gone when the call returns.
    left = page.evaluate(
        "async ([userId, username]) => {"
        " await fetch(`/sign-in/${userId}/${username}`);"
        " const headers = { 'X-CSRFToken': /csrftoken=(\\w+)/.exec(document.cookie)[1] };"
        " const tokens = async () => (await fetch('/chat/tokens', { method: 'POST', headers })).json();"
        " const connecting = window.chat.connect({ userId, tokens });"
        " const left = [window.chat.session.me, ...window.chat.chats];"
        " await connecting;"
        " return left;"
        "}",
        [str(user_id), username],
    )
    assert left == [None]
    page.wait_for_function("() => window.chat.connection.state === 'online'")
    expect(page.get_by_role("listitem")).to_have_count(0)
    assert ada not in stored_data(page)


def test_a_tab_of_the_first_user_shows_nothing_once_another_one_signed_in(
    tab: Callable[[], Page], shop: str, friend: Person
) -> None:
    first, second = tab(), tab()
    shopper(shop, first, "Ada", friend, "Secret of Ada")
    user_id, username = new_user("Ben")
    second.goto(f"{shop}/sign-in/{user_id}/{username}")
    second.wait_for_function("() => window.chat?.connection.state === 'online'")
    expect(first.get_by_role("listitem")).to_have_count(0)
    assert first.evaluate("window.chat.session.reason") == "elsewhere"


def test_pages_of_one_user_share_a_login(tab: Callable[[], Page], shop: str, friend: Person) -> None:
    page = tab()
    shopper(shop, page, "Ada", friend, "Hello Ada")
    logins: list[str] = []
    page.on("request", lambda request: logins.append(request.url) if "/chat/tokens" in request.url else None)
    page.reload()
    expect(page.get_by_role("listitem")).to_have_text(f"{friend.name}: Hello Ada")
    other = page.context.new_page()
    other.goto(f"{shop}/chat/")
    expect(other.get_by_role("listitem")).to_have_text(f"{friend.name}: Hello Ada")
    assert logins == []


def test_nothing_is_left_after_sign_out(tab: Callable[[], Page], shop: str, friend: Person) -> None:
    page = tab()
    shopper(shop, page, "Ada", friend, "Secret of Ada")
    ada = page.evaluate("window.chat.session.me.id")
    page.goto(f"{shop}/sign-out")
    page.wait_for_function("() => window.chat?.session.state === 'loggedOut'")
    expect(page.get_by_role("listitem")).to_have_count(0)
    page.wait_for_function(f"() => !JSON.stringify(localStorage).includes('{ada}')")
    assert ada not in stored_data(page)


def test_two_users_of_the_shop_talk(browser: Browser, shop: str) -> None:
    contexts = [browser.new_context() for _ in range(2)]
    pages = [context.new_page() for context in contexts]
    nia, moe = new_user_id(), new_user_id()
    for page, user_id, name in zip(pages, (nia, moe), ("Nia", "Moe"), strict=True):
        page.goto(f"{shop}/sign-in/{user_id}/{name}")
    assert requests.get(f"{shop}/introduce/{nia}/{moe}", timeout=20).ok
    first, second = pages
    first.get_by_text("Moe:").click()
    second.get_by_text("Nia:").click()
    first.get_by_role("textbox").fill("Hello Moe!")
    first.get_by_role("button", name="Send").click()
    expect(second.locator("#messages li")).to_have_text("Hello Moe!")
    for context in contexts:
        context.close()
