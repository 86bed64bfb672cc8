"""Cached chats are shown before the network responds, and removed with the session."""

import time

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import Engine

from tests.browser.conftest import Visit
from tests.browser.past import write_past
from tests.browser.stored import stored_data
from tests.browser.visitor import SECONDS
from tests.people import Person, data


def wait_until_stored(page: Page, text: str) -> None:
    """Return once the browser has stored this; it does so within a few seconds."""
    deadline = time.monotonic() + SECONDS
    while text not in stored_data(page):
        assert time.monotonic() < deadline, f"{text} is not stored"
        page.wait_for_timeout(250)


def test_reopened_page_shows_cached_chats_before_the_response(visit: Visit, alice: Person, bob: Person) -> None:
    chat = bob.direct_chat(alice)
    bob.send(chat, "Seen before")
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message("Seen before")).to_be_visible()
    wait_until_stored(hers.page, '"page"')
    # No request reaches the server.
    hers.page.route("**/api/v1/**", lambda route: route.abort())
    hers.page.reload()
    expect(hers.entry(bob.name)).to_contain_text("Seen before")
    expect(hers.message("Seen before")).to_be_visible()


def test_cached_chats_are_corrected(visit: Visit, alice: Person, bob: Person) -> None:
    chat = bob.direct_chat(alice)
    deleted = bob.send(chat, "To be deleted")
    edited = bob.send(chat, "To be edited")
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message("To be edited")).to_be_visible()
    wait_until_stored(hers.page, '"page"')
    url = hers.page.url
    hers.page.goto("about:blank")
    bob.delete(f"/messages/{deleted['id']}")
    bob.patch(f"/messages/{edited['id']}", {"content": "Edited meanwhile"})
    bob.send(chat, "Written meanwhile")
    hers.page.goto(url)
    for text in ("Edited meanwhile", "Written meanwhile"):
        expect(hers.message(text)).to_be_visible()
    expect(hers.page.get_by_text("To be deleted")).to_have_count(0)


def test_nothing_is_stored_after_the_logout(visit: Visit, alice: Person, bob: Person) -> None:
    bob.send(bob.direct_chat(alice), "Private")
    hers = visit(alice)
    wait_until_stored(hers.page, "Private")
    hers.page.get_by_role("button", name=f"Account of {alice.name}").click()
    hers.page.get_by_role("menuitem", name="Log out").click()
    expect(hers.page.get_by_role("button", name="Log in")).to_be_visible()
    hers.page.wait_for_function("() => !Object.keys(localStorage).some((key) => key.startsWith('chat.session'))")
    deadline = time.monotonic() + SECONDS
    while (left := stored_data(hers.page)) and (alice.id in left or "Private" in left):
        assert time.monotonic() < deadline, left
        hers.page.wait_for_timeout(100)


def test_list_is_requested_before_the_script_has_loaded(visit: Visit, alice: Person, bob: Person) -> None:
    bob.send(bob.direct_chat(alice), "Early")
    hers = visit(alice)
    expect(hers.entry(bob.name)).to_be_visible()
    held: list[Route] = []
    hers.page.route("**/assets/index-*.js", lambda route: held.append(route))
    hers.page.reload(wait_until="commit")
    hers.page.wait_for_function("() => window.ahead")
    hers.wait_for(lambda: held)
    for route in held:
        route.continue_()
    expect(hers.entry(bob.name)).to_contain_text("Early")
    # The library took the response.
    hers.page.wait_for_function("() => !window.ahead")


@pytest.mark.parametrize("opened", ["by its address", "from the list"])
def test_chat_opens_at_the_first_new_message_behind_the_cache(
    visit: Visit, engine: Engine, alice: Person, bob: Person, opened: str
) -> None:
    chat = bob.direct_chat(alice)
    write_past(engine, chat, bob, [f"Seen {number}, in a few words more than one." for number in range(20)])
    data(alice.post(f"/messages/{chat}/read", {}))
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message("Seen 19,")).to_be_in_viewport()
    expect(hers.entry(bob.name)).not_to_contain_text("unread")
    wait_until_stored(hers.page, '"page"')
    url = hers.page.url
    hers.page.goto("about:blank")
    write_past(engine, chat, bob, [f"News {number}, in a few words more than one." for number in range(30)])
    if opened == "by its address":
        hers.page.goto(url)
    else:
        hers.enter()
        hers.entry(bob.name).click()
    expect(hers.page.get_by_text("New messages")).to_be_in_viewport()
    expect(hers.message("News 0,")).to_be_in_viewport()
    expect(hers.message("News 29,")).not_to_be_in_viewport()
    expect(hers.entry(bob.name)).to_contain_text("30 unread messages")


def test_hanging_early_request_is_repeated(visit: Visit, alice: Person, bob: Person) -> None:
    bob.send(bob.direct_chat(alice), "Early")
    hers = visit(alice)
    expect(hers.entry(bob.name)).to_be_visible()
    held: list[Route] = []
    hers.page.route("**/api/v1/chats?limit=12", lambda route: held.append(route) if not held else route.continue_())
    hers.page.clock.install()
    hers.page.reload()
    hers.page.wait_for_function("() => !window.ahead")
    hers.wait_for(lambda: held)
    hers.page.clock.fast_forward(20_000)
    # The whole list is here once the first page of it is.
    hers.page.goto(f"{hers.url}/#/chats/unknown")
    expect(hers.page.get_by_role("heading", name="This chat isn't available")).to_be_visible()
