"""Links to messages."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine

from tests.browser.chats import opened
from tests.browser.conftest import Visit
from tests.browser.past import write_past
from tests.browser.test_history import scroll_by_wheel
from tests.people import Person, data

COUNT = 150
TO_END = "Go to the newest messages"


@pytest.fixture
def chat(alice: Person, bob: Person, engine: Engine) -> str:
    """A chat of three pages, which alice has read."""
    chat = alice.direct_chat(bob)
    write_past(engine, chat, bob, (f"Message {number}." for number in range(1, COUNT + 1)))
    data(alice.post(f"/messages/{chat}/read", {}))
    return chat


def test_a_link_leads_to_its_message_through_the_login(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    visitor = visit()
    visitor.page.goto(f"{visitor.url}/#/chats/{chat}/7")
    visitor.submit_login(alice.name)
    goal = visitor.page.locator(".row.flash")
    expect(goal).to_contain_text("Message 7.")
    expect(goal).to_be_in_viewport()
    # What is scrolled to is loaded, up to the newest message.
    scroll_by_wheel(visitor, visitor.message(f"Message {COUNT}."), 1500)
    expect(visitor.message(f"Message {COUNT}.")).to_have_count(1)
    # The same link can be followed again.
    visitor.page.evaluate("path => (location.hash = path)", f"#/chats/{chat}/7")
    expect(goal).to_contain_text("Message 7.")
    expect(goal).to_be_in_viewport()
    # A message that arrives does not move the reader, and is not read.
    bob.send(chat, "New here")
    button = visitor.page.get_by_role("button", name=TO_END)
    expect(button).to_contain_text("1 new")
    expect(visitor.message("Message 7.")).to_be_in_viewport()
    button.click()
    expect(visitor.message("New here")).to_be_in_viewport()
    expect(button).to_have_count(0)


def test_the_menu_copies_the_link(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = opened(visit, alice, bob, permissions=["clipboard-read", "clipboard-write"])
    hers.act(hers.message(f"Message {COUNT}."), "Copy link")
    expect(hers.page.get_by_text("Copied.")).to_be_visible()
    assert hers.page.evaluate("navigator.clipboard.readText()") == f"{hers.url}/#/chats/{chat}/{COUNT}"


def test_a_message_that_is_written_from_afar_is_shown(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = opened(visit, alice, bob)
    expect(hers.message(f"Message {COUNT}.")).to_be_visible()
    hers.page.goto(f"{hers.url}/#/chats/{chat}/3")
    expect(hers.page.locator(".row.flash")).to_contain_text("Message 3.")
    hers.say("Here I am")
    expect(hers.message("Here I am")).to_be_in_viewport()
    expect(hers.message("Here I am")).to_contain_text("Sent")
    expect(hers.page.get_by_role("button", name=TO_END)).to_have_count(0)


def test_a_link_to_a_message_that_never_was_leads_to_the_nearest(
    visit: Visit, alice: Person, bob: Person, chat: str
) -> None:
    hers = visit(alice)
    hers.page.goto(f"{hers.url}/#/chats/{chat}/99999")
    expect(hers.message(f"Message {COUNT}.")).to_be_in_viewport()
