"""Reactions to messages, by mouse, keys and fingers."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.chats import opened
from tests.browser.conftest import Visit
from tests.browser.test_messages import PHONE, finger, middle
from tests.browser.visitor import SECONDS
from tests.people import Person, data
from tests.waiting import eventually


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """A direct chat of alice and bob."""
    return alice.direct_chat(bob)


def react(person: Person, message_id: object, emoji: str) -> None:
    """React to a message."""
    data(person.request("PUT", f"/messages/{message_id}/reactions/{quote(emoji)}"))


def test_a_quick_reaction_is_given_and_taken_back(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    message = bob.send(chat, "We won!")
    hers = opened(visit, alice, bob)
    row = hers.message("We won!")
    row.hover()
    row.get_by_role("button", name="React", exact=True).click()
    menu = hers.page.get_by_role("menu", name="React")
    expect(menu.get_by_role("menuitemcheckbox")).to_have_count(6)
    menu.get_by_role("menuitemcheckbox", name="👍").click()
    chip = row.get_by_role("button", name="👍 1 reaction")
    expect(chip).to_have_attribute("aria-pressed", "true")
    # Another user's is added to it, live.
    react(bob, message["id"], "👍")
    chip = row.get_by_role("button", name="👍 2 reactions")
    expect(chip).to_have_attribute("aria-pressed", "true")
    chip.click()
    expect(row.get_by_role("button", name="👍 1 reaction")).to_have_attribute("aria-pressed", "false")

    def stored() -> list[tuple[str, int, bool | None]]:
        found = data(bob.get(f"/chats/{chat}/messages/{message['id']}"))["reactions"]
        return [(one["emoji"], one["count"], one.get("mine")) for one in found]

    # It shows before the server has it.
    eventually(lambda: stored() == [("👍", 1, True)], SECONDS)


def test_any_emoji_can_be_picked(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    bob.send(chat, "We won!")
    hers = opened(visit, alice, bob)
    row = hers.message("We won!")
    row.hover()
    row.get_by_role("button", name="React", exact=True).click()
    hers.page.get_by_role("menuitem", name="More emoji").click()
    picker = hers.page.get_by_role("dialog", name="Emoji")
    picker.get_by_role("searchbox").fill("trophy")
    picker.get_by_role("button", name=re.compile("trophy")).first.click()
    expect(row.get_by_role("button", name="🏆 1 reaction")).to_have_attribute("aria-pressed", "true")
    expect(picker).to_have_count(0)


def test_reactions_are_given_by_keys(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    react(bob, bob.send(chat, "We won!")["id"], "🏆")
    hers = opened(visit, alice, bob)
    keys = hers.page.keyboard
    hers.message("We won!").focus()
    keys.press("Enter")
    expect(hers.page.get_by_role("menuitem", name="Reply")).to_be_focused()
    # The row of reactions is above; it has those of the message too.
    keys.press("ArrowUp")
    keys.press("ArrowRight")
    expect(hers.page.get_by_role("menuitemcheckbox", name="❤️")).to_be_focused()
    for _ in range(5):
        keys.press("ArrowRight")
    expect(hers.page.get_by_role("menuitemcheckbox", name="🏆")).to_be_focused()
    keys.press("Enter")
    chip = hers.message("We won!").get_by_role("button", name="🏆 2 reactions")
    expect(chip).to_have_attribute("aria-pressed", "true")
    # The focus is on the message again; its menu takes the reaction back.
    keys.press("Enter")
    keys.press("ArrowUp")
    taken = hers.page.get_by_role("menuitemcheckbox", name="🏆")
    expect(taken).to_have_attribute("aria-checked", "true")


def test_a_long_press_offers_reactions_on_a_phone(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    bob.send(chat, "We won!")
    hers = opened(visit, alice, bob, **PHONE)
    touch = finger(hers)
    x, y = middle(hers.message("We won!").locator(".bubble"))
    touch("touchStart", x, y)
    expect(hers.page.locator(".bubble.held")).to_have_count(1)
    touch("touchEnd", x, y)
    heart = hers.page.get_by_role("menuitemcheckbox", name="❤️")
    box = heart.bounding_box()
    assert box
    assert box["height"] >= 44
    heart.tap()
    expect(hers.message("We won!").get_by_role("button", name="❤️ 1 reaction")).to_be_visible()


def test_a_list_says_who_reacted(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    group = data(alice.post("/chats/groups", {"name": "Club", "memberIds": [bob.id, carol.id]}))["id"]
    message = alice.send(group, "We won!")
    react(bob, message["id"], "👍")
    react(carol, message["id"], "❤️")
    hers = visit(alice)
    hers.entry("Club").click()
    hers.act(hers.message("We won!"), "Who reacted")
    dialog = hers.page.get_by_role("dialog", name="Who reacted")
    expect(dialog.get_by_role("listitem")).to_have_text([re.compile(f"{bob.name}.*👍"), re.compile(f"{carol.name}.*❤️")])
    dialog.get_by_role("button", name="❤️ 1 reaction").click()
    expect(dialog.get_by_role("listitem")).to_have_text([re.compile(f"{carol.name}.*❤️")])
    # It is live.
    react(bob, message["id"], "❤️")
    expect(dialog.get_by_role("listitem")).to_have_count(2)
    hers.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
