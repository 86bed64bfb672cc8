"""Pinned messages."""

import re

from playwright.sync_api import expect
from sqlalchemy import Engine

from tests.browser.chats import opened
from tests.browser.conftest import Visit
from tests.browser.past import write_past
from tests.people import Person, data


def test_a_pinned_message_is_above_the_others(visit: Visit, alice: Person, bob: Person, engine: Engine) -> None:
    chat = alice.direct_chat(bob)
    first = bob.send(chat, "The address is Elm Street 5")
    write_past(engine, chat, bob, (f"Message {number}." for number in range(60)))
    second = bob.send(chat, "Ring twice")
    data(alice.post(f"/messages/{chat}/read", {}))
    hers = opened(visit, alice, bob)
    bar = hers.page.get_by_role("region", name="Pinned messages")
    hers.act(hers.message("Ring twice"), "Pin")
    expect(bar).to_contain_text("Ring twice")
    expect(hers.message("Ring twice")).to_contain_text("Pinned")
    hers.stop_timers()
    # The other user pins one that is not loaded here.
    data(bob.request("PUT", f"/messages/{first['id']}/pin"))
    bar.get_by_role("button", name=re.compile("Pinned message.*The address")).click()
    goal = hers.page.locator(".row.flash")
    expect(goal).to_contain_text("The address is Elm Street 5")
    expect(goal).to_be_in_viewport()
    # All of them, the one that was pinned last first.
    bar.get_by_role("button", name="Show all 2 pinned messages").click()
    dialog = hers.page.get_by_role("dialog", name="Pinned messages")
    expect(dialog.locator(".preview")).to_have_text(["The address is Elm Street 5", "Ring twice"])
    dialog.get_by_role("button", name="Unpin: The address is Elm Street 5").click()
    expect(dialog.locator(".preview")).to_have_text(["Ring twice"])
    dialog.get_by_role("listitem").get_by_role("button", name="Ring twice").first.click()
    expect(dialog).to_have_count(0)
    expect(hers.message("Ring twice")).to_be_in_viewport()
    data(bob.delete(f"/messages/{second['id']}/pin"))
    expect(bar).to_have_count(0)


def test_only_admins_pin_in_a_group(visit: Visit, alice: Person, bob: Person) -> None:
    group = data(bob.post("/chats/groups", {"name": "Club", "memberIds": [alice.id]}))["id"]
    message = bob.send(group, "The address is Elm Street 5")
    data(bob.request("PUT", f"/messages/{message['id']}/pin"))
    hers = visit(alice)
    hers.entry("Club").click()
    bar = hers.page.get_by_role("region", name="Pinned messages")
    expect(bar).to_contain_text("The address is Elm Street 5")
    hers.message("The address").locator(".bubble").click(button="right")
    expect(hers.page.get_by_role("menuitem", name="Reply")).to_be_visible()
    expect(hers.page.get_by_role("menuitem", name="Unpin")).to_have_count(0)
    hers.page.keyboard.press("Escape")
    bar.get_by_role("button", name="Show 1 pinned message").click()
    dialog = hers.page.get_by_role("dialog", name="Pinned messages")
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    expect(dialog.get_by_role("button", name="Unpin")).to_have_count(0)
