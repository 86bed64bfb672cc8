"""Replies: how one is written, and the way from a quote to its message."""

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine

from tests.browser.chats import opened
from tests.browser.conftest import Visit
from tests.browser.past import write_past
from tests.browser.test_messages import PHONE, finger, middle
from tests.people import Person, data


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """A direct chat of alice and bob."""
    return alice.direct_chat(bob)


def last_message(person: Person, chat: str) -> dict[str, object]:
    """The newest message of a chat."""
    return data(person.get(f"/messages/{chat}?limit=1"))[0]  # type: ignore[no-any-return]


def test_a_reply_quotes_its_message(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    asked = bob.send(chat, "Tea or coffee?")
    hers = opened(visit, alice, bob)
    hers.act(hers.message("Tea or coffee?"), "Reply")
    bar = hers.page.locator(".composer .editing")
    expect(bar).to_contain_text(f"Reply to {bob.name}")
    # It can be given up, and started again.
    bar.get_by_role("button", name="Cancel reply").click()
    expect(bar).to_have_count(0)
    hers.act(hers.message("Tea or coffee?"), "Reply")
    hers.say("Tea, please")
    expect(bar).to_have_count(0)
    quote = hers.message("Tea, please").get_by_role("button", name="In reply to")
    expect(quote).to_have_text(re.compile(f"{bob.name}.*Tea or coffee"))
    expect(hers.message("Tea, please")).to_contain_text("Sent")
    assert last_message(bob, chat)["replyTo"]["id"] == asked["id"]  # type: ignore[index]
    # The next message is none.
    hers.say("With milk")
    expect(hers.message("With milk")).to_contain_text("Sent")
    assert "replyTo" not in last_message(bob, chat)


def test_a_quote_follows_its_message(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    asked = bob.send(chat, "Tee?")
    data(alice.post("/messages", {"chatId": chat, "content": "Yes", "replyToId": asked["id"]}))
    hers = opened(visit, alice, bob)
    quote = hers.message("Yes").get_by_role("button", name="In reply to")
    expect(quote).to_contain_text("Tee?")
    data(bob.patch(f"/messages/{asked['id']}", {"content": "Tea?"}))
    expect(quote).to_contain_text("Tea?")
    bob.delete(f"/messages/{asked['id']}")
    expect(quote).to_contain_text("Message deleted")
    expect(quote).not_to_contain_text(bob.name)


def test_a_quote_leads_to_its_message_however_far_it_is(
    visit: Visit, alice: Person, bob: Person, chat: str, engine: Engine
) -> None:
    first = bob.send(chat, "The very first message")
    write_past(engine, chat, bob, (f"Message {number}." for number in range(120)))
    data(alice.post("/messages", {"chatId": chat, "content": "About that", "replyToId": first["id"]}))
    hers = opened(visit, alice, bob)
    hers.stop_timers()
    hers.message("About that").get_by_role("button", name="In reply to").click()
    goal = hers.page.locator(".row.flash")
    expect(goal).to_contain_text("The very first message")
    expect(goal).to_be_in_viewport()
    expect(goal).to_be_focused()
    # The way back leads to the newest messages.
    hers.page.get_by_role("button", name="Go to the newest messages").click()
    expect(hers.message("About that")).to_be_in_viewport()
    expect(hers.page.get_by_role("button", name="Go to the newest messages")).to_have_count(0)


def test_a_swipe_to_the_left_replies_on_a_phone(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    bob.send(chat, "Tea or coffee?")
    hers = opened(visit, alice, bob, **PHONE)
    x, y = middle(hers.message("Tea or coffee?"))
    touch = finger(hers)
    touch("touchStart", x, y)
    for step in range(1, 6):
        touch("touchMove", x - step * 20, y + 2)
    touch("touchEnd", 0, 0)
    expect(hers.page.get_by_text(f"Reply to {bob.name}")).to_be_visible()
    expect(hers.composer).to_be_focused()
    # Escape gives it up; the chat stays open.
    hers.page.keyboard.press("Escape")
    expect(hers.page.get_by_text(f"Reply to {bob.name}")).to_have_count(0)
    expect(hers.composer).to_be_visible()
