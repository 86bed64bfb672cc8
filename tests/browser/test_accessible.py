"""Who can't see the page, or sees little of it, finds the same in it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.visitor import NARROW, WIDE, Visitor
from tests.multiworker.conftest import eventually
from tests.people import Person, data
from tests.server import ROOT

AXE = (ROOT / "clients/web/node_modules/axe-core/axe.min.js").read_text
SETTLED = """() => Promise.allSettled(
  document.getAnimations().filter((one) => one.effect.getTiming().iterations < Infinity).map((one) => one.finished)
)"""
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def violations(page: Page) -> list[str]:
    """What axe has against the page as it is now."""
    page.evaluate(AXE())
    # What is still fading in has the colours of neither.
    page.evaluate(SETTLED)
    found = page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
    return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


def log_in(_visitor: Visitor) -> None:
    """The login page."""


def register(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Create an account").click()
    visitor.page.get_by_role("button", name="Create account").click()


def chat_list(_visitor: Visitor) -> None:
    """All chats."""


def chat(visitor: Visitor) -> None:
    visitor.entry("Club").click()
    expect(visitor.message("A photo")).to_be_visible()


def details(visitor: Visitor) -> None:
    chat(visitor)
    visitor.talk.locator("header a.title-link").click()
    expect(visitor.page.get_by_role("region", name="Details")).to_be_visible()


def person(visitor: Visitor) -> None:
    details(visitor)
    visitor.page.get_by_role("region", name="Members").get_by_role("button", name="bob").first.click()
    expect(visitor.page.get_by_role("dialog", name="Profile")).to_be_visible()


def leaving(visitor: Visitor) -> None:
    details(visitor)
    visitor.page.get_by_role("button", name="Leave group").click()
    expect(visitor.page.get_by_label("New admin")).to_be_visible()


def too_long(visitor: Visitor) -> None:
    chat(visitor)
    visitor.composer.fill("word " * 900)
    expect(visitor.page.get_by_text("Messages can be up to")).to_be_visible()


def search(visitor: Visitor) -> None:
    visitor.page.get_by_label("Find people and chats").fill("bob")
    expect(visitor.page.get_by_role("region", name="People").get_by_role("button").first).to_be_visible()


def new_group(visitor: Visitor) -> None:
    visitor.new_group()
    visitor.page.get_by_label("Find people", exact=True).fill("bob")
    visitor.page.get_by_role("checkbox").first.check()


def new_chat(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="New chat").click()
    visitor.page.get_by_label("Find people by username").fill("bob")
    expect(visitor.page.get_by_role("dialog").get_by_role("button", name="bob").first).to_be_visible()


def shortcuts(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Account of").focus()
    visitor.page.keyboard.press("?")
    expect(visitor.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


def account(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Account of").click()


def profile(visitor: Visitor) -> None:
    account(visitor)
    visitor.page.get_by_role("menuitem", name="Profile").click()


INSIDE = (chat_list, chat, details, person, leaving, too_long, search, new_chat, new_group, shortcuts, account, profile)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", [log_in, register])
def test_login_page_is_accessible(visit: Visit, view: Callable[[Visitor], None], scheme: str) -> None:
    visitor = visit(color_scheme=scheme, bypass_csp=True)
    expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
    view(visitor)
    assert violations(visitor.page) == []


@pytest.mark.parametrize(("scheme", "viewport"), [("light", WIDE), ("dark", NARROW)])
def test_every_view_is_accessible(
    visit: Visit, alice: Person, bob: Person, carol: Person, scheme: str, viewport: dict[str, int]
) -> None:
    group = alice.post("/chats/groups", {"name": "Club", "memberIds": [bob.id, carol.id]}).json()["data"]["id"]
    bob.send(group, "See https://example.org")
    alice.delete(f"/messages/{alice.send(group, 'Never mind')['id']}")
    alice.send(group, "🎉")
    alice.send(group, "A photo")
    bob.send(alice.direct_chat(bob), "Hello")
    visitor = visit(alice, color_scheme=scheme, viewport=viewport, reduced_motion="reduce", bypass_csp=True)
    for view in INSIDE:
        visitor.enter()
        visitor.page.reload()
        expect(visitor.entry("Club")).to_be_visible()
        view(visitor)
        assert violations(visitor.page) == [], view.__name__


def test_new_messages_are_announced_to_screen_readers(visit: Visit, alice: Person, bob: Person) -> None:
    # Presence is visible to users who share a chat.
    chat = bob.direct_chat(alice)
    hers = visit(alice)
    eventually(lambda: data(bob.get(f"/users/{alice.name}"))["isOnline"], 10)
    announced = hers.page.get_by_role("status").filter(has_text=f"{bob.name}: Can you hear me?")

    def is_announced() -> bool:
        # What the page fetches while it connects is no news.
        bob.send(chat, "Can you hear me?")
        hers.page.wait_for_timeout(500)
        return announced.count() == 1

    eventually(is_announced, 20)


def test_a_phone_shows_one_thing_at_a_time(visit: Visit, alice: Person, bob: Person) -> None:
    bob.send(bob.direct_chat(alice), "Hello " + "very long word".replace(" ", "") * 30)
    hers = visit(alice, viewport=NARROW, has_touch=True)
    page = hers.page
    hers.entry(bob.name).click()
    expect(hers.composer).to_be_in_viewport()
    expect(page.get_by_role("heading", name="Chats", exact=True)).to_be_hidden()
    hers.talk.locator("header a.title-link").click()
    expect(hers.composer).to_be_hidden()
    page.get_by_role("link", name="Close details").click()
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    page.get_by_role("link", name="Back to all chats").click()
    expect(page.get_by_role("heading", name="Chats", exact=True)).to_be_visible()
    expect(hers.composer).to_be_hidden()
