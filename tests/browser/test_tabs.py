"""Several tabs of one browser, which share a session and what is still to be sent."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor, await_online, await_saved
from tests.people import Person, data, register
from tests.server import Server
from tests.waiting import eventually

# As pages see it that come over plain HTTP from another machine.
WITHOUT_LOCKS = "Object.defineProperty(navigator, 'locks', {value: undefined})"


@pytest.fixture(scope="module")
def hasty(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose access tokens last 2 seconds."""
    with Server(database_url, tmp_path_factory.mktemp("hasty"), JWT_ACCESS_EXPIRES_IN="2s") as server:
        yield server


def another_tab(visitor: Visitor) -> Page:
    """A tab that has found its session."""
    page = visitor.context.new_page()
    page.goto(f"{visitor.url}/")
    expect(page.get_by_role("heading", name="Chats", exact=True)).to_be_visible()
    return page


@pytest.mark.parametrize("locks", [True, False])
def test_tabs_stay_logged_in_together_and_log_out_together(visit: Visit, hasty: Server, locks: bool) -> None:
    alice = register(hasty.url, "alice")
    hers = visit(url=hasty.url)
    if not locks:
        hers.context.add_init_script(WITHOUT_LOCKS)
    hers.log_in(alice.name)
    tabs = [hers.page, *(another_tab(hers) for _ in range(2))]
    token = "JSON.parse(localStorage.getItem('chat.session')).refreshToken"
    before = hers.page.evaluate(token)
    for _ in range(3):
        hers.page.wait_for_function(f"before => {token} !== before", arg=before)
        before = hers.page.evaluate(token)
    for page in tabs:
        expect(page.get_by_role("heading", name="Chats", exact=True)).to_be_visible()
    tabs[-1].evaluate("localStorage.removeItem('chat.session')")
    for page in tabs[:-1]:
        expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_unsent_messages_are_sent_by_the_next_page(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    hers = visit(alice)
    hers.entry(bob.name).click()
    await_online(hers.page)
    # Nothing reaches the server, though the page can be left and opened again.
    hers.context.route("**/socket.io/**", lambda route: route.abort())
    hers.go_offline()
    hers.say("Written on the way out")
    expect(hers.message("Written on the way out")).to_contain_text("Sending")
    await_saved(hers.page)
    hers.page.close()
    hers.context.set_offline(False)
    hers.context.unroute("**/socket.io/**")
    page = another_tab(hers)
    expect(page.get_by_role("navigation", name="Chats")).to_contain_text("Written on the way out")

    def is_sent() -> bool:
        # Playwright decides about requests that `route` may still intercept, and only while it runs.
        page.wait_for_timeout(50)
        return bool(data(bob.get(f"/messages/{chat}")))

    # The list shows the message before it is sent.
    eventually(is_sent, 40)
    assert [message["content"] for message in data(bob.get(f"/messages/{chat}"))] == ["Written on the way out"]
