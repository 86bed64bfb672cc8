"""Long conversations."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.people import Person, data

TALK = 130


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """A conversation of three pages, which alice has read."""
    chat = alice.direct_chat(bob)
    for number in range(1, TALK + 1):
        bob.send(chat, f"Message {number}.")
    data(alice.post(f"/messages/{chat}/read", {}))
    return chat


def top(row: Locator) -> float:
    """How far a message is from the upper edge of the page, in pixels."""
    box = row.bounding_box()
    assert box
    return box["y"]


def scroll_to(visitor: Visitor, place: str) -> None:
    visitor.page.locator(".scroller").evaluate(f"box => box.scrollTo(0, {place})")


def test_older_messages_come_while_one_scrolls_and_nothing_jumps(
    visit: Visit, alice: Person, bob: Person, chat: str
) -> None:
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message(f"Message {TALK}.")).to_be_in_viewport()
    expect(hers.message(f"Message {TALK - 60}.")).to_have_count(0)
    held = hers.message(f"Message {TALK - 45}.")
    with hers.page.expect_response(lambda response: f"/messages/{chat}?" in response.url):
        held.evaluate("row => row.scrollIntoView({block: 'start'})")
        before = top(held)
    expect(hers.message(f"Message {TALK - 60}.")).to_have_count(1)
    assert abs(top(held) - before) < 2
    for _ in range(3):
        scroll_to(hers, "0")
        hers.page.wait_for_timeout(100)
    expect(hers.message("Message 1.").first).to_be_attached()
    scroll_to(hers, "0")
    expect(hers.page.get_by_text("This is the beginning of your conversation")).to_be_in_viewport()


def test_who_has_only_just_scrolled_is_not_pulled_back(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message(f"Message {TALK}.")).to_be_in_viewport()
    # Something is drawn anew before the browser tells of the scrolling.
    left = hers.page.locator(".scroller").evaluate(
        """async box => {
            box.scrollTop -= 400;
            document.hasFocus = () => false;
            window.dispatchEvent(new Event("blur"));
            await new Promise(done => setTimeout(done, 200));
            return box.scrollHeight - box.scrollTop - box.clientHeight;
        }"""
    )
    assert abs(left - 400) < 2


def test_who_reads_what_is_older_is_not_carried_away_by_what_is_new(
    visit: Visit, alice: Person, bob: Person, chat: str
) -> None:
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message(f"Message {TALK}.")).to_be_in_viewport()
    held = hers.message(f"Message {TALK - 30}.")
    held.evaluate("row => row.scrollIntoView({block: 'start'})")
    before = top(held)
    bob.send(chat, "Look at this!")
    button = hers.page.get_by_role("button", name="Go to the newest messages")
    expect(button).to_contain_text("1 new")
    assert abs(top(held) - before) < 2
    button.click()
    expect(hers.message("Look at this!")).to_be_in_viewport()
    expect(button).to_have_count(0)
    expect(hers.page).to_have_title("Chat")


def test_who_comes_back_to_many_begins_at_the_first_and_has_read_them_at_the_end(
    visit: Visit, alice: Person, bob: Person, chat: str
) -> None:
    for number in range(30):
        bob.send(chat, f"News {number}, in a few words more than one.")
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.page.get_by_text("New messages")).to_be_in_viewport()
    expect(hers.message("News 0,")).to_be_in_viewport()
    expect(hers.message("News 29,")).not_to_be_in_viewport()
    expect(hers.entry(bob.name)).to_contain_text("30 unread messages")
    hers.page.get_by_role("button", name="Go to the newest messages").click()
    expect(hers.message("News 29,")).to_be_in_viewport()
    expect(hers.entry(bob.name)).not_to_contain_text("unread")


def test_who_is_at_the_end_stays_there(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    hers.entry(bob.name).click()
    for number in range(5):
        bob.send(chat, f"One more, {number}: " + "well, " * 60)
        expect(hers.message(f"One more, {number}")).to_be_in_viewport()
    hers.page.set_viewport_size({"width": 700, "height": 500})
    expect(hers.message("One more, 4")).to_be_in_viewport()
