"""Deleting messages for oneself or for everyone: what is done can be undone for some seconds."""

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.chats import opened
from tests.browser.conftest import Visit
from tests.browser.deletions import UNDO_MS, delete_for_good
from tests.browser.test_accessible import bring_axe, variants, violations
from tests.browser.test_switched_off import without_features
from tests.browser.visitor import SECONDS, Visitor
from tests.people import Person, data
from tests.waiting import eventually

DELETED, DELETED_FOR_ME = "Message deleted", "You deleted this message"


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """A chat with messages of both."""
    made = alice.direct_chat(bob)
    bob.send(made, "Meet at seven")
    alice.send(made, "Or at eight")
    return made


def contents(person: Person, chat: str) -> list[str | None]:
    """The texts of a chat as a user has them, the oldest first."""
    return [message["content"] for message in reversed(data(person.get(f"/messages/{chat}")))]


def undo(visitor: Visitor) -> Locator:
    """The buttons that undo deletions."""
    return visitor.page.get_by_role("status").get_by_role("button", name="Undo")


def rows(visitor: Visitor) -> Locator:
    """All messages."""
    return visitor.page.get_by_role("log", name="Messages").get_by_role("listitem")


def test_a_message_is_deleted_for_its_reader(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = opened(visit, alice, bob)
    expect(hers.message("Or at eight")).to_be_visible()
    hers.stop_clock()
    hers.act(hers.message("Meet at seven"), "Delete for me")
    expect(rows(hers).first).to_contain_text(DELETED_FOR_ME)
    # Nothing is sent while it can be undone.
    hers.page.clock.run_for(UNDO_MS // 2)
    hers.page.wait_for_timeout(500)
    assert contents(alice, chat) == ["Meet at seven", "Or at eight"]
    hers.page.clock.run_for(UNDO_MS)
    hers.page.clock.resume()
    expect(undo(hers)).to_have_count(0)
    eventually(lambda: contents(alice, chat) == [None, "Or at eight"], SECONDS)
    assert contents(bob, chat) == ["Meet at seven", "Or at eight"]
    # On another device.
    message = data(alice.get(f"/messages/{chat}"))[0]
    assert alice.post("/messages/hide", {"messageIds": [message["id"]]}).ok
    expect(rows(hers).last).to_contain_text(DELETED_FOR_ME)
    hers.page.reload()
    for row in (rows(hers).first, rows(hers).last):
        expect(row).to_contain_text(DELETED_FOR_ME)


def test_a_deletion_can_be_undone(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = opened(visit, alice, bob)
    expect(hers.message("Or at eight")).to_be_visible()
    hers.stop_clock()
    for action, tombstone in (("Delete for me", DELETED_FOR_ME), ("Delete for everyone", DELETED)):
        hers.act(hers.message("Or at eight"), action)
        expect(rows(hers).last).to_contain_text(tombstone)
        undo(hers).click()
        expect(hers.message("Or at eight")).to_be_visible()
        expect(undo(hers)).to_have_count(0)
    hers.page.clock.run_for(UNDO_MS + 500)
    hers.page.wait_for_timeout(500)
    assert contents(alice, chat) == ["Meet at seven", "Or at eight"]


def test_a_message_is_deleted_for_everyone(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    his = opened(visit, bob, alice)
    # The messages of others are deleted for oneself only.
    his.message("Or at eight").hover()
    his.message("Or at eight").get_by_role("button", name="Message actions").click()
    expect(his.page.get_by_role("menuitem", name="Delete for me")).to_be_visible()
    expect(his.page.get_by_role("menuitem", name="Delete for everyone")).to_have_count(0)
    his.page.keyboard.press("Escape")
    message = data(alice.get(f"/messages/{chat}"))[0]
    assert alice.delete(f"/messages/{message['id']}").ok
    expect(rows(his).last).to_contain_text(DELETED)
    assert contents(bob, chat) == ["Meet at seven", None]


def test_several_are_deleted_at_once(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    for number in range(3):
        bob.send(chat, f"Number {number}")
    hers = opened(visit, alice, bob)
    expect(hers.message("Or at eight")).to_be_visible()
    hers.stop_clock()
    for text in ("Meet at seven", "Or at eight", "Number 0", "Number 1", "Number 2"):
        hers.act(hers.message(text), "Delete for me")
    expect(undo(hers)).to_have_count(5)
    undo(hers).nth(1).click()
    expect(hers.message("Or at eight")).to_be_visible()
    hers.page.clock.run_for(UNDO_MS)
    hers.page.clock.resume()
    eventually(lambda: contents(alice, chat) == [None, "Or at eight", None, None, None], SECONDS)
    expect(rows(hers).filter(has_text=DELETED_FOR_ME)).to_have_count(4)


def test_selected_messages_are_deleted_together(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = opened(visit, alice, bob)
    hers.stop_timers()
    hers.act(hers.message("Meet at seven"), "Select")
    hers.message("Or at eight").click()
    hers.page.get_by_role("toolbar", name="Select").get_by_role("button", name="Delete for me").click()
    expect(hers.page.get_by_text("2 messages deleted for you.")).to_be_visible()
    expect(rows(hers).filter(has_text=DELETED_FOR_ME)).to_have_count(2)
    undo(hers).click()
    expect(rows(hers).filter(has_text=DELETED_FOR_ME)).to_have_count(0)


def test_leaving_the_page_sends_deletions(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = opened(visit, alice, bob)
    hers.stop_timers()
    hers.act(hers.message("Meet at seven"), "Delete for me")
    hers.act(hers.message("Or at eight"), "Delete for everyone")
    expect(undo(hers)).to_have_count(2)
    hers.page.goto("about:blank")
    eventually(lambda: contents(alice, chat) == [None, None], SECONDS)
    eventually(lambda: contents(bob, chat) == ["Meet at seven", None], SECONDS)


def test_logging_out_sends_deletions(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = opened(visit, alice, bob)
    hers.stop_timers()
    hers.act(hers.message("Meet at seven"), "Delete for me")
    hers.page.get_by_role("button", name="Account of").click()
    hers.page.get_by_role("menuitem", name="Log out").click()
    expect(hers.page.get_by_role("button", name="Log in")).to_be_visible()
    assert contents(alice, chat) == [None, "Or at eight"]


def test_a_deletion_without_a_connection_is_sent_later(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = opened(visit, alice, bob)
    hers.go_offline()
    delete_for_good(hers, hers.message("Meet at seven"), "Delete for me")
    expect(undo(hers)).to_have_count(0)
    expect(rows(hers).first).to_contain_text(DELETED_FOR_ME)
    hers.context.set_offline(False)
    eventually(lambda: contents(alice, chat) == [None, "Or at eight"], SECONDS)


def test_a_deletion_is_undone_by_keys(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = opened(visit, alice, bob)
    hers.stop_timers()
    row = hers.message("Or at eight")
    row.focus()
    hers.page.keyboard.press("Enter")
    hers.page.get_by_role("menuitem", name="Delete for me").press("Enter")
    expect(rows(hers).last).to_be_focused()
    hers.page.keyboard.press("Enter")
    expect(hers.page.get_by_role("menuitem", name="Undo deletion")).to_be_focused()
    hers.page.keyboard.press("Enter")
    expect(hers.message("Or at eight")).to_be_visible()


def test_a_deletion_is_accessible(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = opened(visit, alice, bob, reduced_motion="reduce")
    bring_axe(hers)
    hers.stop_timers()
    hers.act(hers.message("Meet at seven"), "Delete for me")
    expect(undo(hers)).to_be_visible()
    for variant in variants(hers.page):
        assert violations(hers.page) == [], variant


def test_only_for_everyone_where_the_server_lacks_the_other(
    visit: Visit, alice: Person, bob: Person, chat: str
) -> None:
    hers = visit()
    hers.context.route("**/api/v1/capabilities", without_features)
    hers.take_session(alice)
    hers.entry(bob.name).click()
    hers.message("Or at eight").hover()
    hers.message("Or at eight").get_by_role("button", name="Message actions").click()
    menu: Any = hers.page.get_by_role("menu", name="Message actions")
    expect(menu.get_by_role("menuitem", name="Delete for everyone")).to_be_visible()
    expect(menu.get_by_role("menuitem", name="Delete for me")).to_have_count(0)
