"""Forwarding of messages to other chats."""

import re

from playwright.sync_api import expect

from tests.browser.chats import opened
from tests.browser.conftest import Visit
from tests.people import Person, data


def test_messages_are_selected_and_forwarded_to_several_chats(
    visit: Visit, alice: Person, bob: Person, carol: Person
) -> None:
    chat = alice.direct_chat(bob)
    for text in ("One", "Two", "Three"):
        bob.send(chat, text)
    club = data(alice.post("/chats/groups", {"name": "Club", "memberIds": [carol.id]}))["id"]
    data(alice.post("/chats/groups", {"name": "Choir", "memberIds": []}))
    hers = opened(visit, alice, bob)
    page = hers.page
    hers.act(hers.message("Three"), "Select")
    expect(page.get_by_role("checkbox", name="Select: Three")).to_be_checked()
    hers.message("One").click()
    hers.message("Two").click()
    hers.message("Two").click()
    bar = page.get_by_role("toolbar", name="Select")
    expect(bar).to_contain_text("2 selected")
    bar.get_by_role("button", name="Forward").click()
    dialog = page.get_by_role("dialog", name="Forward 2 messages")
    dialog.get_by_role("searchbox", name="Find chats").fill("c")
    for name in ("Club", "Choir"):
        dialog.get_by_role("checkbox", name=re.compile(name)).check()
    dialog.get_by_role("button", name="Forward").click()
    expect(page.get_by_text(re.compile("Forwarded to .*Club"))).to_be_visible()
    expect(dialog).to_have_count(0)
    expect(bar).to_have_count(0)
    copies = data(carol.get(f"/messages/{club}"))
    assert [copy["content"] for copy in copies] == ["Three", "One"]
    hers.entry("Club").click()
    expect(hers.message("Three")).to_contain_text(f"Forwarded from {bob.name}")


def test_a_single_message_is_forwarded_from_its_menu(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    chat = alice.direct_chat(bob)
    bob.send(chat, "The hut is open")
    other = alice.direct_chat(carol)
    hers = opened(visit, alice, bob)
    hers.act(hers.message("The hut is open"), "Forward")
    dialog = hers.page.get_by_role("dialog", name="Forward message")
    expect(dialog.get_by_role("button", name="Forward")).to_be_disabled()
    dialog.get_by_role("searchbox", name="Find chats").fill(carol.name)
    hers.page.keyboard.press("ArrowDown")
    hers.page.keyboard.press("Space")
    dialog.get_by_role("button", name="Forward").click()
    expect(dialog).to_have_count(0)
    assert data(carol.get(f"/messages/{other}"))[0]["forwardedFrom"]["senderId"] == bob.id


def test_escape_ends_the_selection(visit: Visit, alice: Person, bob: Person) -> None:
    bob.send(alice.direct_chat(bob), "One")
    hers = opened(visit, alice, bob)
    hers.message("One").focus()
    hers.page.keyboard.press("Enter")
    hers.page.get_by_role("menuitem", name="Select").press("Enter")
    box = hers.page.get_by_role("checkbox", name="Select: One")
    expect(box).to_be_checked()
    # The key that opens the menu otherwise selects.
    hers.page.keyboard.press("Enter")
    expect(box).not_to_be_checked()
    hers.page.keyboard.press("Escape")
    expect(box).to_have_count(0)
