"""The list of chats, and what is around it."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_search import wait_until_found
from tests.browser.visitor import NARROW
from tests.people import Person

COMPACT_DIFFERENCE = 10
FINGER = 44
SMALL_TARGETS = """size => [...(document.querySelector("dialog, .menu") ?? document).querySelectorAll("a, button, input")]
  .filter((one) => one.checkVisibility({opacityProperty: true, visibilityProperty: true}))
  .map((one) => [one.ariaLabel ?? one.textContent, one.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && box.bottom > 0 && (Math.round(box.width) < size || Math.round(box.height) < size))
  .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)
"""


def test_list_shows_drafts(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    bob.send(alice.direct_chat(bob), "Shall we meet?")
    carol.send(alice.direct_chat(carol), "Hello from Carol")
    hers = visit(alice)
    hers.entry(bob.name).click()
    hers.composer.fill("Tomorrow, at")
    hers.entry(carol.name).click()
    expect(hers.entry(bob.name)).to_contain_text("Draft: Tomorrow, at")
    hers.entry(bob.name).click()
    expect(hers.composer).to_have_value("Tomorrow, at")
    expect(hers.entry(bob.name)).to_contain_text("Shall we meet?")
    hers.say("Tomorrow, at noon")
    hers.entry(carol.name).click()
    expect(hers.entry(bob.name)).not_to_contain_text("Draft:")


def test_a_new_chat_begins_with_a_person_or_a_group(visit: Visit, alice: Person, bob: Person) -> None:
    hers = visit(alice)
    hers.page.get_by_role("button", name="New chat").click()
    dialog = hers.page.get_by_role("dialog", name="New chat")
    dialog.get_by_label("Find people by username").fill(bob.name)
    dialog.get_by_role("button", name=re.compile(f"^{bob.name}")).click()
    expect(hers.composer).to_be_focused()
    expect(hers.talk).to_contain_text(bob.name)
    # Those with whom there is a chat are there without a search.
    hers.page.get_by_role("button", name="New chat").click()
    expect(dialog.get_by_role("button", name=re.compile(f"^{bob.name}"))).to_be_visible()
    dialog.get_by_role("button", name="New group").click()
    expect(hers.page.get_by_role("dialog", name="New group")).to_be_visible()


def test_a_compact_list_is_kept_in_this_browser(visit: Visit, alice: Person, bob: Person) -> None:
    bob.send(alice.direct_chat(bob), "Hello")
    hers = visit(alice)
    height = "element => element.getBoundingClientRect().height"
    comfortable = hers.entry(bob.name).evaluate(height)
    hers.page.get_by_role("button", name="Account of").click()
    hers.page.get_by_role("menuitemradio", name="Compact").click()
    compact = hers.entry(bob.name).evaluate(height)
    assert compact < comfortable - COMPACT_DIFFERENCE
    hers.page.reload()
    assert hers.entry(bob.name).evaluate(height) == compact
    hers.page.get_by_role("button", name="Account of").click()
    expect(hers.page.get_by_role("menuitemradio", name="Compact")).to_be_checked()


def test_each_name_and_preview_has_the_direction_of_its_text(visit: Visit, alice: Person) -> None:
    group = alice.post("/chats/groups", {"name": "טיול בשבת", "memberIds": []}).json()["data"]["id"]
    alice.send(group, "Meet at 8:00")
    entry = visit(alice).entry("טיול בשבת")
    direction = "element => getComputedStyle(element).direction"
    assert entry.locator(".title").evaluate(direction) == "rtl"
    assert entry.locator(".preview bdi").evaluate(direction) == "ltr"


def test_touch_targets_are_large_enough(visit: Visit, alice: Person, bob: Person) -> None:
    bob.send(alice.direct_chat(bob), "Hello")
    hers = visit(alice, viewport=NARROW, has_touch=True, is_mobile=True, reduced_motion="reduce")
    page = hers.page
    expect(hers.entry(bob.name)).to_be_visible()
    assert page.evaluate(SMALL_TARGETS, FINGER) == [], "list"
    page.get_by_role("button", name="Account of").tap()
    expect(page.get_by_role("menu")).to_be_visible()
    assert page.evaluate(SMALL_TARGETS, FINGER) == [], "menu"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="New chat").tap()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate(SMALL_TARGETS, FINGER) == [], "new chat"
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    wait_until_found(alice, "hello")
    hers.search_field.fill(f"from:{bob.name} hello")
    expect(page.get_by_role("button", name="Best match")).to_be_visible()
    assert page.evaluate(SMALL_TARGETS, FINGER) == [], "search"
