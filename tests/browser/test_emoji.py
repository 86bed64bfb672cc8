"""The emoji picker."""

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visit
from tests.browser.visitor import NARROW, Visitor
from tests.people import Person


def open_picker(visitor: Visitor) -> Locator:
    visitor.page.get_by_role("button", name="Emoji", exact=True).click()
    picker = visitor.page.get_by_role("dialog", name="Emoji")
    expect(picker.get_by_role("button", name="grinning face", exact=True).first).to_be_visible()
    return picker


def test_an_emoji_is_found_and_written_by_keyboard(visit: Visit, alice: Person, bob: Person) -> None:
    alice.direct_chat(bob)
    hers = visit(alice)
    keyboard = hers.page.keyboard
    hers.entry(bob.name).click()
    hers.composer.fill("Well done!")
    hers.composer.press("ArrowLeft")
    picker = open_picker(hers)
    expect(picker.get_by_role("searchbox", name="Search emoji")).to_be_focused()
    keyboard.type("party pop")
    keyboard.press("Enter")
    # It goes to the cursor, where writing continues.
    expect(hers.composer).to_be_focused()
    expect(hers.composer).to_have_value("Well done🎉!")
    expect(picker).to_have_count(0)
    # Without a query the keys go through the recent ones and then the groups, in two dimensions.
    open_picker(hers)
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        keyboard.press(key)
    expect(hers.composer).to_have_value("Well done🎉🙃!")
    open_picker(hers)
    keyboard.press("Escape")
    expect(hers.page.get_by_role("button", name="Emoji", exact=True)).to_be_focused()


def test_a_skin_tone_and_recent_emoji_are_kept_for_their_user(
    visit: Visit, alice: Person, bob: Person, carol: Person
) -> None:
    alice.direct_chat(bob)
    carol.direct_chat(bob)
    hers = visit(alice, viewport=NARROW, has_touch=True)
    hers.entry(bob.name).click()
    picker = open_picker(hers)
    picker.get_by_text("✋🏾").tap()
    picker.get_by_role("searchbox").fill("thumbs up")
    picker.get_by_role("button", name="thumbs up", exact=True).tap()
    expect(hers.composer).to_have_value("👍🏾")
    hers.page.reload()
    picker = open_picker(hers)
    expect(picker.get_by_role("radio", name="Medium-dark")).to_be_checked()
    recent = picker.get_by_role("region", name="Recently used").get_by_role("button")
    expect(recent).to_have_text(["👍🏾"])
    recent.tap()
    expect(hers.composer).to_have_value("👍🏾👍🏾")
    # Another user of this browser sees nothing of it.
    kept = hers.page.evaluate("localStorage.getItem('chat.emoji')")
    theirs = visit(carol, viewport=NARROW, has_touch=True)
    theirs.page.evaluate("kept => localStorage.setItem('chat.emoji', kept)", kept)
    theirs.entry(bob.name).click()
    picker = open_picker(theirs)
    expect(picker.get_by_role("radio", name="No skin tone")).to_be_checked()
    expect(picker.get_by_role("region", name="Recently used")).to_have_count(0)
