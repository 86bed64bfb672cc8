"""On a touch screen, what can be tapped in forms, dialogs, the composer and the details is at least 44 pixels high."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_composer import attach
from tests.browser.test_files import png
from tests.browser.visitor import NARROW
from tests.people import Person, data

SMALL = """selector => [...document.querySelectorAll(`${selector} :is(button, a, select, input, label.entry)`)]
  .filter((element) => element.offsetParent && !element.matches("label input, .hidden"))
  .filter((element) => element.getBoundingClientRect().height < 44)
  .map((element) => element.getAttribute("aria-label") ?? element.textContent)"""


def small(page: Page, selector: str) -> list[str]:
    """The names of what is too low to be tapped with certainty."""
    found: list[str] = page.evaluate(SMALL, selector)
    return found


@pytest.fixture
def phone() -> dict[str, object]:
    """The options of a context for a phone."""
    return {"viewport": NARROW, "has_touch": True, "is_mobile": True, "reduced_motion": "reduce"}


def test_the_login_and_the_registration(visit: Visit, phone: dict[str, object]) -> None:
    page = visit(**phone).page
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert small(page, ".card") == []
    page.get_by_role("button", name="Create an account").click()
    assert small(page, ".card") == []


def test_the_composer_the_details_and_their_dialogs(
    visit: Visit, alice: Person, bob: Person, phone: dict[str, object]
) -> None:
    data(alice.post("/chats/groups", {"name": "Garden", "memberIds": [bob.id]}))
    hers = visit(alice, **phone)
    page = hers.page
    hers.entry("Garden").click()
    attach(hers, png("sea.png"))
    expect(page.get_by_role("list", name="Files to send")).to_be_visible()
    hers.composer.fill("@")
    expect(page.get_by_role("option").first).to_be_visible()
    page.get_by_role("button", name="Formatting").click()
    assert small(page, ".composer") == []
    page.get_by_role("button", name="Emoji", exact=True).click()
    expect(page.get_by_role("button", name="grinning face", exact=True)).to_be_visible()
    assert small(page, ".emoji-picker") == []
    page.keyboard.press("Escape")
    hers.talk.locator("header a.title-link").click()
    expect(page.get_by_role("region", name="Members").get_by_role("listitem")).to_have_count(2)
    assert small(page, ".details") == []
    for opens in ("Edit", "Add people", "Leave group", "Delete group", bob.name):
        page.get_by_role("region", name="Details").get_by_role("button", name=opens).first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert small(page, "dialog") == [], opens
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
