"""A conversation without a mouse."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.people import PASSWORD, Person


def test_everything_can_be_done_by_keys(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    alice.send(alice.direct_chat(carol), "Hello Carol")
    visitor = visit()
    page, keys = visitor.page, visitor.page.keyboard
    expect(page.get_by_label("Username or e-mail")).to_be_focused()
    keys.type(alice.name)
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    expect(visitor.entry(carol.name)).to_be_visible()

    keys.press("Control+k")
    keys.type(bob.name)
    expect(page.get_by_role("region", name="People").get_by_role("button", name=bob.name).first).to_be_visible()
    keys.press("Enter")
    expect(visitor.composer).to_be_focused()
    keys.type("Typed")
    keys.press("Shift+Enter")
    keys.type("on two lines")
    keys.press("Enter")
    expect(visitor.message("on two lines")).to_contain_text("Sent")

    # The last message is edited, then deleted from its menu.
    keys.press("ArrowUp")
    expect(visitor.composer).to_have_value("Typed\non two lines")
    keys.press("Control+a")
    keys.type("Typed again")
    keys.press("Enter")
    expect(visitor.message("Typed again")).to_contain_text("edited")
    keys.press("ArrowUp")
    keys.press("Escape")
    expect(visitor.composer).to_have_value("")
    visitor.message("Typed again").focus()
    keys.press("Enter")
    expect(page.get_by_role("menuitem", name="Edit")).to_be_focused()
    keys.press("End")
    keys.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("button", name="Delete")).to_be_focused()
    keys.press("Enter")
    expect(visitor.message("Message deleted")).to_be_visible()

    # Escape goes back to the list; the arrows go through it.
    visitor.composer.focus()
    keys.press("Escape")
    expect(visitor.entry(bob.name)).to_be_focused()
    keys.press("ArrowDown")
    expect(visitor.entry(carol.name)).to_be_focused()
    keys.press("Enter")
    expect(visitor.composer).to_be_focused()
    expect(visitor.message("Hello Carol")).to_be_visible()


def test_a_window_gives_the_focus_back(visit: Visit, alice: Person) -> None:
    page = visit(alice).page
    page.get_by_role("button", name="New group").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="New group")).to_be_focused()
    page.get_by_role("button", name="Account of").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitemradio", name="Same as system")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Account of")).to_be_focused()
