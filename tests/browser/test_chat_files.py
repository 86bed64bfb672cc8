"""The pictures and files of a chat."""

import pytest
from playwright.sync_api import expect

from tests.browser.chats import opened
from tests.browser.conftest import Visit
from tests.browser.test_files import picture
from tests.people import Person


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """A direct chat of alice and bob."""
    return alice.direct_chat(bob)


def test_the_details_list_pictures_and_files(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    for name in ("sea.png", "hut.png"):
        bob.upload(chat, name, picture())
    bob.upload(chat, "menu.pdf", b"%PDF-1.4\n%%EOF\n")
    hers = opened(visit, alice, bob)
    page = hers.page
    hers.talk.locator("header a.title-link").click()
    page.get_by_role("button", name="Photos and files").click()
    dialog = page.get_by_role("dialog", name="Photos and files")
    expect(dialog.get_by_role("listitem").get_by_role("button")).to_have_count(2)
    dialog.get_by_role("button", name="Open hut.png").click()
    viewer = page.get_by_role("dialog", name="hut.png")
    expect(viewer).to_contain_text("2 of 2")
    page.keyboard.press("ArrowLeft")
    viewer = page.get_by_role("dialog", name="sea.png")
    expect(viewer).to_be_visible()
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    dialog.get_by_role("button", name="Files", exact=True).click()
    expect(dialog.get_by_role("listitem")).to_contain_text(["menu.pdf"])
    hers.stop_timers()
    dialog.get_by_role("button", name="Show in chat").click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".row.flash")).to_contain_text("menu.pdf")


def test_a_chat_without_files_says_so(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    bob.send(chat, "Hello")
    hers = opened(visit, alice, bob)
    hers.talk.locator("header a.title-link").click()
    hers.page.get_by_role("button", name="Photos and files").click()
    expect(hers.page.get_by_text("No photos yet.")).to_be_visible()
