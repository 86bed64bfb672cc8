"""What a user does with chats for themselves: mute, archive, pin, mark as unread, hide, clear."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visit
from tests.browser.test_accessible import bring_axe, variants, violations
from tests.browser.test_messages import PHONE, finger, middle
from tests.browser.test_switched_off import without_features
from tests.browser.test_texts import check
from tests.browser.visitor import NARROW, SECONDS, Visitor
from tests.people import Person, data
from tests.waiting import eventually

HOUR_MS = 3_600_000


def menu_of(visitor: Visitor, name: str) -> Locator:
    """The menu of a chat in the list, opened: its script comes after the list."""
    expect(visitor.page.locator(".with-menus")).to_be_attached()
    visitor.entry(name).click(button="right")
    menu = visitor.page.get_by_role("menu", name=f"Actions for {name}")
    expect(menu).to_be_visible()
    return menu


def choose(visitor: Visitor, name: str, *actions: str) -> None:
    """Choose from the menu of a chat, and from the one that follows."""
    menu_of(visitor, name)
    for action in actions:
        visitor.page.get_by_role("menu").get_by_text(action, exact=True).click()


def names(visitor: Visitor) -> list[str]:
    """The chats of the list, from the top."""
    return visitor.page.locator(".chats .entry .title").all_inner_texts()


def state(person: Person, chat: str) -> dict[str, Any]:
    """A user's own state of a chat."""
    return data(person.get(f"/chats/{chat}")).get("me", {})  # type: ignore[no-any-return]


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """A chat with a message that has been read."""
    made = alice.direct_chat(bob)
    bob.send(made, "Hello Alice")
    data(alice.post(f"/messages/{made}/read", {}))
    return made


def test_a_chat_is_muted_on_all_devices(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    phone, laptop = visit(alice, viewport=NARROW), visit(alice)
    choose(laptop, bob.name, "Mute…", "For 8 hours")
    for device in (phone, laptop):
        expect(device.entry(bob.name).get_by_title("Muted until")).to_be_visible()
    until = laptop.page.evaluate("until => Date.parse(until) - Date.now()", state(alice, chat)["mutedUntil"])
    assert 7 * HOUR_MS < until <= 8 * HOUR_MS
    bob.send(chat, "Are you there?")
    for device in (phone, laptop):
        expect(device.entry(bob.name).locator(".badge.quiet")).to_have_text(re.compile("1 unread message"))
    # The title does not count muted, archived and hidden chats.
    assert "(1)" not in laptop.page.title()
    choose(phone, bob.name, "Unmute")
    for device in (phone, laptop):
        expect(device.entry(bob.name).locator(".sign")).to_have_count(0)
    expect(laptop.page).to_have_title(re.compile(r"^\(1\)"))
    choose(laptop, bob.name, "Mute…", "Until I unmute it")
    expect(phone.entry(bob.name).get_by_title("Muted", exact=True)).to_be_visible()


def test_an_archived_chat_has_a_list_of_its_own(
    visit: Visit, alice: Person, bob: Person, carol: Person, chat: str
) -> None:
    carol.send(alice.direct_chat(carol), "Hello from Carol")
    hers = visit(alice)
    choose(hers, bob.name, "Archive")
    expect(hers.entry(bob.name)).to_have_count(0)
    expect(hers.entry(carol.name)).to_be_visible()
    eventually(lambda: state(alice, chat).get("isArchived") is True, SECONDS)
    hers.page.get_by_role("button", name="Archived").click()
    archive = hers.page.get_by_role("navigation", name="Archived chats")
    expect(archive.get_by_role("link")).to_have_count(1)
    expect(hers.page.get_by_role("button", name="Back to all chats")).to_be_focused()
    archive.get_by_role("link", name=bob.name).click()
    expect(hers.message("Hello Alice")).to_be_visible()
    hers.page.get_by_role("button", name="Back to all chats").click()
    expect(hers.page.get_by_role("button", name="Archived")).to_be_focused()
    # A new message brings it back.
    bob.send(chat, "News")
    expect(hers.entry(bob.name)).to_be_visible()
    expect(hers.page.get_by_role("button", name="Archived")).to_have_count(0)
    # It may be archived on another device.
    data(alice.patch(f"/chats/{chat}/me", {"isArchived": True}))
    expect(hers.entry(bob.name)).to_have_count(0)


def test_a_muted_chat_stays_archived(visit: Visit, alice: Person, bob: Person, carol: Person, chat: str) -> None:
    carol.send(alice.direct_chat(carol), "Hello from Carol")
    hers = visit(alice)
    choose(hers, bob.name, "Mute…", "Until I unmute it")
    expect(hers.entry(bob.name).get_by_title("Muted")).to_be_visible()
    choose(hers, bob.name, "Archive")
    expect(hers.entry(bob.name)).to_have_count(0)
    bob.send(chat, "News")
    entry = hers.page.get_by_role("button", name="Archived")
    expect(entry).to_contain_text("1 unread chat")
    expect(hers.entry(bob.name)).to_have_count(0)
    entry.click()
    hers.page.get_by_role("link", name=bob.name).click(button="right")
    hers.page.get_by_role("menuitem", name="Unarchive").click()
    expect(hers.page.get_by_text("No archived chats.")).to_be_visible()
    hers.page.keyboard.press("Escape")
    hers.page.get_by_role("button", name="Back to all chats").click()
    expect(hers.entry(bob.name)).to_be_visible()


def test_to_archive_can_be_undone(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    choose(hers, bob.name, "Archive")
    expect(hers.entry(bob.name)).to_have_count(0)
    hers.page.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(hers.entry(bob.name)).to_be_visible()
    eventually(lambda: "isArchived" not in state(alice, chat), SECONDS)


def test_pinned_chats_come_first_and_the_last_pinned_is_at_the_top(
    visit: Visit, alice: Person, bob: Person, carol: Person, chat: str
) -> None:
    group = alice.group(bob, name="Club")
    alice.send(group, "Welcome")
    carol.send(alice.direct_chat(carol), "Hello from Carol")
    hers = visit(alice)
    expect(hers.entry(bob.name)).to_be_visible()
    assert names(hers) == [carol.name, "Club", bob.name]
    choose(hers, bob.name, "Pin")
    expect(hers.entry(bob.name).get_by_title("Pinned")).to_be_visible()
    eventually(lambda: "pinnedAt" in state(alice, chat), SECONDS)
    # On another device.
    data(alice.patch(f"/chats/{group}/me", {"pinned": True}))
    expect(hers.entry("Club").get_by_title("Pinned")).to_be_visible()
    assert names(hers) == ["Club", bob.name, carol.name]
    # The arrow keys of the page follow the list.
    hers.page.keyboard.press("Alt+ArrowDown")
    expect(hers.talk).to_contain_text("Club")
    hers.page.keyboard.press("Alt+ArrowDown")
    expect(hers.talk).to_contain_text("Hello Alice")
    choose(hers, "Club", "Unpin")
    expect(hers.entry("Club").get_by_title("Pinned")).to_have_count(0)
    assert names(hers) == [bob.name, carol.name, "Club"]
    eventually(lambda: "pinnedAt" not in state(alice, group), SECONDS)


def test_a_chat_is_marked_as_unread_until_it_is_opened(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message("Hello Alice")).to_be_visible()
    # To look at it would mark it as read again.
    choose(hers, bob.name, "Mark as unread")
    expect(hers.talk).to_have_count(0)
    expect(hers.entry(bob.name).get_by_text("Marked as unread")).to_be_attached()
    eventually(lambda: state(alice, chat).get("isMarkedUnread") is True, SECONDS)
    message = data(alice.get(f"/messages/{chat}"))[0]
    assert data(bob.get(f"/messages/{message['id']}/statuses"))[0]["status"] == "READ"
    choose(hers, bob.name, "Mark as read")
    expect(hers.entry(bob.name).locator(".badge")).to_have_count(0)
    eventually(lambda: "isMarkedUnread" not in state(alice, chat), SECONDS)
    # On another device.
    data(alice.patch(f"/chats/{chat}/me", {"isMarkedUnread": True}))
    expect(hers.entry(bob.name).locator(".badge.unnumbered")).to_be_visible()
    hers.entry(bob.name).click()
    expect(hers.entry(bob.name).locator(".badge")).to_have_count(0)
    eventually(lambda: "isMarkedUnread" not in state(alice, chat), SECONDS)


def test_an_open_chat_stays_marked_by_another_device(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message("Hello Alice")).to_be_visible()
    data(alice.patch(f"/chats/{chat}/me", {"isMarkedUnread": True}))
    expect(hers.entry(bob.name).locator(".badge.unnumbered")).to_be_visible()
    hers.page.wait_for_timeout(1000)
    expect(hers.entry(bob.name).locator(".badge.unnumbered")).to_be_visible()
    assert state(alice, chat)["isMarkedUnread"] is True


def test_a_hidden_chat_returns_with_the_next_message(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    choose(hers, bob.name, "Hide until the next message")
    expect(hers.entry(bob.name)).to_have_count(0)
    eventually(lambda: state(alice, chat).get("isHidden") is True, SECONDS)
    # A search finds it.
    hers.search_field.fill(bob.name)
    found = hers.page.get_by_role("region", name="Chats", exact=True).get_by_role("link", name=bob.name)
    found.click(button="right")
    expect(hers.page.get_by_role("menuitem", name="Show in the list")).to_be_visible()
    hers.page.keyboard.press("Escape")
    hers.page.get_by_role("button", name="Back to all chats").click()
    bob.send(chat, "News")
    expect(hers.entry(bob.name)).to_be_visible()
    # It may be hidden on another device.
    data(alice.patch(f"/chats/{chat}/me", {"isHidden": True}))
    expect(hers.entry(bob.name)).to_have_count(0)


def test_each_chat_has_a_notification_level(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    choose(hers, bob.name, "Notifications…", "Mentions only")
    eventually(lambda: state(alice, chat).get("notify") == "mentions", SECONDS)
    choose(hers, bob.name, "Notifications…")
    expect(hers.page.get_by_role("menuitemradio", name="Mentions only")).to_be_checked()
    hers.page.get_by_role("menuitemradio", name="As in my settings").click()
    eventually(lambda: "notify" not in state(alice, chat), SECONDS)


def test_a_chat_is_cleared_for_its_user(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    hers.entry(bob.name).click()
    hers.page.get_by_role("button", name="Chat actions").click()
    hers.page.get_by_role("menuitem", name="Clear chat").click()
    question = hers.page.get_by_role("dialog", name=f"Clear the chat with {bob.name}?")
    question.get_by_role("button", name="Cancel").click()
    expect(hers.message("Hello Alice")).to_be_visible()
    hers.page.get_by_role("button", name="Chat actions").click()
    hers.page.get_by_role("menuitem", name="Clear chat").click()
    question.get_by_role("button", name="Clear chat").click()
    expect(hers.message("Hello Alice")).to_have_count(0)
    expect(hers.entry(bob.name)).to_contain_text("Say hello")
    eventually(lambda: data(alice.get(f"/messages/{chat}")) == [], SECONDS)
    bob.send(chat, "A new start")
    expect(hers.message("A new start")).to_be_visible()
    # On another device.
    data(alice.post(f"/chats/{chat}/clear", {}))
    expect(hers.message("A new start")).to_have_count(0)
    assert [message["content"] for message in data(bob.get(f"/messages/{chat}"))] == ["A new start", "Hello Alice"]


def test_the_menu_is_reached_by_keys(visit: Visit, alice: Person, bob: Person, carol: Person, chat: str) -> None:
    carol.send(alice.direct_chat(carol), "Hello from Carol")
    hers = visit(alice)
    keys = hers.page.keyboard
    expect(hers.page.locator(".with-menus")).to_be_attached()
    hers.entry(carol.name).focus()
    keys.press("Tab")
    expect(hers.page.get_by_role("button", name=f"Actions for {carol.name}")).to_be_focused()
    keys.press("Enter")
    expect(hers.page.get_by_role("menuitem").first).to_be_focused()
    keys.press("Escape")
    expect(hers.page.get_by_role("button", name=f"Actions for {carol.name}")).to_be_focused()
    keys.press("ArrowDown")
    expect(hers.entry(bob.name)).to_be_focused()
    # The menu key, for which Chromium takes this too.
    keys.press("Shift+F10")
    expect(hers.page.get_by_role("menu", name=f"Actions for {bob.name}")).to_be_visible()
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(hers.entry(bob.name).get_by_title("Pinned")).to_be_visible()
    expect(hers.entry(bob.name)).to_be_focused()


def swipe(visitor: Visitor, entry: Locator, right: int, down: int = 0) -> None:
    """Move a finger from the middle of an entry by so many pixels, in steps."""
    touch = finger(visitor)
    x, y = middle(entry)
    touch("touchStart", x, y)
    for step in range(1, 9):
        touch("touchMove", x + right * step / 8, y + down * step / 8)
    touch("touchEnd", 0, 0)


def test_a_swipe_archives_a_chat_or_marks_it_as_unread(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice, **PHONE)
    entry = hers.entry(bob.name)
    expect(hers.page.locator(".with-menus")).to_be_attached()
    swipe(hers, entry, 150)
    expect(entry.get_by_text("Marked as unread")).to_be_attached()
    swipe(hers, entry, 150)
    expect(entry.locator(".badge")).to_have_count(0)
    # Neither a short way, nor one down or back again, does anything.
    for way in ((-60, 0), (-150, 120), (150, 120)):
        swipe(hers, entry, *way)
    expect(hers.page.locator(".behind")).to_have_count(0)
    eventually(lambda: state(alice, chat).keys() <= {"chatId", "meRev"}, SECONDS)
    expect(hers.talk).to_have_count(0)
    swipe(hers, entry, -150)
    expect(entry).to_have_count(0)
    eventually(lambda: state(alice, chat).get("isArchived") is True, SECONDS)


def test_a_swipe_shows_what_it_will_do(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice, **PHONE)
    expect(hers.page.locator(".with-menus")).to_be_attached()
    touch = finger(hers)
    x, y = middle(hers.entry(bob.name))
    touch("touchStart", x, y)
    for step in range(1, 7):
        touch("touchMove", x - step * 10, y)
    expect(hers.page.locator(".behind")).to_have_text("Archive")
    expect(hers.page.locator(".behind.enough")).to_have_count(0)
    for step in range(7, 16):
        touch("touchMove", x - step * 10, y)
    expect(hers.page.locator(".behind.enough")).to_be_visible()
    # The way back gives it up.
    touch("touchMove", x - 30, y)
    touch("touchEnd", 0, 0)
    expect(hers.page.locator(".behind")).to_have_count(0)
    expect(hers.entry(bob.name)).to_be_visible()


def test_a_long_press_opens_the_menu_and_not_the_chat(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice, **PHONE)
    expect(hers.page.locator(".with-menus")).to_be_attached()
    touch = finger(hers)
    x, y = middle(hers.entry(bob.name))
    touch("touchStart", x, y)
    expect(hers.page.locator(".entry.held")).to_have_count(1)
    touch("touchEnd", x, y)
    expect(hers.page.get_by_role("menuitem", name="Archive")).to_be_visible()
    expect(hers.talk).to_have_count(0)


def test_nothing_of_it_is_shown_where_the_server_lacks_it(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit()
    hers.context.route("**/api/v1/capabilities", without_features)
    with hers.page.expect_response("**/api/v1/capabilities"):
        hers.take_session(alice)
    hers.entry(bob.name).hover()
    expect(hers.page.locator(".entry-menu:visible")).to_have_count(0)
    hers.entry(bob.name).click()
    expect(hers.message("Hello Alice")).to_be_visible()
    expect(hers.page.get_by_role("button", name="Chat actions")).to_have_count(0)


def arranged(alice: Person, bob: Person, carol: Person) -> None:
    """Chats in each of the states."""
    group = alice.group(bob, name="Club")
    alice.send(group, "Welcome")
    data(alice.patch(f"/chats/{group}/me", {"pinned": True, "mutedUntil": "9999-12-31T23:59:59.999Z"}))
    bob.send(group, "Thank you")
    chat = alice.direct_chat(bob)
    bob.send(chat, "Hello")
    data(alice.post(f"/messages/{chat}/read", {}))
    data(alice.patch(f"/chats/{chat}/me", {"isMarkedUnread": True}))
    other = alice.direct_chat(carol)
    carol.send(other, "Hello from Carol")
    data(alice.patch(f"/chats/{other}/me", {"isArchived": True}))


def chat_list(visitor: Visitor) -> None:
    expect(visitor.entry("Club")).to_be_visible()
    expect(visitor.page.locator(".with-menus")).to_be_attached()


def with_menu(visitor: Visitor) -> None:
    menu_of(visitor, "Club")


def with_durations(visitor: Visitor) -> None:
    choose(visitor, "Club", "Notifications…")


def archive(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Archived").click()


def test_each_view_of_it_is_accessible(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    arranged(alice, bob, carol)
    hers = visit(alice, reduced_motion="reduce")
    bring_axe(hers)
    views: tuple[Callable[[Visitor], None], ...] = (chat_list, with_menu, with_durations, archive)
    for view in views:
        for variant in variants(hers.page):
            # Menus are placed as they open.
            view(hers)
            assert violations(hers.page) == [], f"{view.__name__}, {variant}"
            hers.page.keyboard.press("Escape")
            expect(hers.page.get_by_role("menu")).to_have_count(0)


def test_a_german_browser_shows_no_english_text(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    arranged(alice, bob, carol)
    hers = visit(alice, locale="de-DE")
    page = hers.page
    expect(page.locator(".with-menus")).to_be_attached()
    entry = page.get_by_role("link", name=re.compile("^Club"))
    for action in ("Stummschaltung aufheben", "Benachrichtigungen…"):
        entry.click(button="right")
        check(page, "menu", ".menu, .chats")
        page.get_by_role("menuitem", name=action).click()
    check(page, "levels", ".menu")
    page.keyboard.press("Escape")
    entry.click(button="right")
    page.get_by_role("menuitem", name="Stummschalten…").click()
    check(page, "durations", ".menu")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Archiviert").click()
    check(page, "archive", ".sidebar")
