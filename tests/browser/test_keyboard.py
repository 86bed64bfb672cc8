"""A conversation without a mouse."""

import pytest
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
    expect(page.get_by_role("menuitem", name="Reply")).to_be_focused()
    keys.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Edit")).to_be_focused()
    keys.press("End")
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
    page.get_by_role("button", name="New chat").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Find people by username")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="New chat")).to_be_focused()
    account = page.get_by_role("button", name="Account of")
    account.focus()
    page.keyboard.press("Enter")
    for name in ("Profile", "Settings", "Keyboard shortcuts"):
        expect(page.get_by_role("menuitem", name=name)).to_be_focused()
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitemradio", name="Same as system")).to_be_focused()
    page.keyboard.press("Escape")
    expect(account).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Profile")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(account).to_be_focused()


def groups(person: Person, *names: str) -> None:
    """Groups of a person, the last of which was active last."""
    for name in names:
        person.post("/chats/groups", {"name": name, "memberIds": []})


def test_the_search_field_has_the_focus_after_login(visit: Visit, alice: Person) -> None:
    expect(visit(alice).search_field).to_be_focused()


def test_the_chat_list_is_one_stop_of_the_tab_key(visit: Visit, alice: Person) -> None:
    groups(alice, "One", "Two", "Three", "Four")
    visitor = visit(alice)
    page, keys = visitor.page, visitor.page.keyboard
    expect(visitor.entry("One")).to_be_visible()
    expect(page.locator(".with-menus")).to_be_attached()
    visitor.search_field.focus()
    keys.press("Tab")
    expect(visitor.entry("Four")).to_be_focused()
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    expect(visitor.entry("Two")).to_be_focused()
    # The entry that had the focus is the one to come back to.
    keys.press("Shift+Tab")
    expect(visitor.search_field).to_be_focused()
    keys.press("Tab")
    expect(visitor.entry("Two")).to_be_focused()
    # Its menu is the next stop, and the last one of the list.
    keys.press("Tab")
    expect(page.get_by_role("button", name="Actions for Two")).to_be_focused()
    keys.press("Tab")
    assert page.locator(".chats :focus").count() == 0


def test_alt_and_an_arrow_open_the_next_and_the_previous_chat(visit: Visit, alice: Person) -> None:
    groups(alice, "One", "Two", "Three")
    visitor = visit(alice)
    expect(visitor.entry("One")).to_be_visible()
    for key, name in (("Down", "Three"), ("Down", "Two"), ("Down", "One"), ("Down", "One"), ("Up", "Two")):
        visitor.page.keyboard.press(f"Alt+Arrow{key}")
        expect(visitor.talk.get_by_role("heading", name=name, exact=True, level=2)).to_be_visible()
        expect(visitor.composer).to_be_focused()


def test_a_question_mark_lists_the_shortcuts(visit: Visit, alice: Person) -> None:
    page = visit(alice).page
    page.get_by_role("button", name="New chat").focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_contain_text("Next chat")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="New chat")).to_be_focused()
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("menuitem", name="Keyboard shortcuts").click()
    expect(dialog).to_be_visible()


def test_a_question_mark_in_a_field_is_text(visit: Visit, alice: Person) -> None:
    visitor = visit(alice)
    visitor.search_field.focus()
    visitor.page.keyboard.press("?")
    expect(visitor.search_field).to_have_value("?")


def test_text_that_is_typed_anywhere_goes_to_the_message_field(visit: Visit, alice: Person) -> None:
    groups(alice, "One")
    visitor = visit(alice)
    visitor.entry("One").click()
    expect(visitor.composer).to_be_focused()
    visitor.entry("One").focus()
    visitor.page.keyboard.type("Hello")
    expect(visitor.composer).to_have_value("Hello")


def test_escape_goes_from_the_message_field_to_the_list_and_back(visit: Visit, alice: Person) -> None:
    groups(alice, "One")
    visitor = visit(alice)
    visitor.entry("One").click()
    expect(visitor.composer).to_be_focused()
    visitor.page.keyboard.press("Escape")
    expect(visitor.entry("One")).to_be_focused()
    visitor.page.keyboard.press("Escape")
    expect(visitor.composer).to_be_focused()


def test_a_link_skips_to_the_message_field(visit: Visit, alice: Person) -> None:
    groups(alice, "One")
    visitor = visit(alice)
    visitor.entry("One").click()
    expect(visitor.composer).to_be_focused()
    skip = visitor.page.get_by_role("button", name="Skip to the message field")
    skip.focus()
    expect(skip).to_be_in_viewport(ratio=1)
    visitor.page.keyboard.press("Enter")
    expect(visitor.composer).to_be_focused()
    expect(skip).not_to_be_in_viewport()


def test_few_tabs_lead_from_the_title_of_a_chat_to_the_message_field(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    for number in range(20):
        (alice if number % 2 else bob).send(chat, f"Message {number}. https://example.org/{number}")
    visitor = visit(alice)
    visitor.entry(bob.name).click()
    expect(visitor.message("Message 19.")).to_be_visible()
    visitor.talk.locator("header a.title-link").focus()
    for _ in range(6):
        visitor.page.keyboard.press("Tab")
        if visitor.composer.evaluate("field => field === document.activeElement"):
            return
    pytest.fail("The message field is more than 6 stops away.")
