"""Who can't see the page, or sees little of it, finds the same in it."""

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.conftest import Visit
from tests.browser.test_files import picture
from tests.browser.visitor import NARROW, SECONDS, WIDE, Visitor
from tests.people import Person, data
from tests.server import ROOT
from tests.waiting import eventually

AXE = ROOT / "clients/web/node_modules/axe-core/axe.min.js"
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
VARIANTS: tuple[tuple[Scheme, dict[str, int]], ...] = (("light", WIDE), ("dark", NARROW))
SETTLED = """() => Promise.allSettled(
  document.getAnimations().filter((one) => one.effect.getTiming().iterations < Infinity).map((one) => one.finished)
)"""
# Everything that a text can have.
MARKED = """@{} and @{}: **bold** `code` [link](https://example.org)
> quote

1. one
- two
```js
// A comment
const f = (x) => x.y("text", 1, null);
```
```diff
- old
+ new
```"""
OVERLAYS = "dialog, [role=dialog], [role=menu]"
# The page behind an overlay is another view.
CHECK = """([overlays, rules]) => {
  const open = document.querySelectorAll(overlays);
  return axe.run(open.length ? open : document, rules).then(({violations}) => violations);
}"""
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


def bring_axe(visitor: Visitor) -> None:
    """Load axe in the page, until it is loaded again."""
    visitor.page.evaluate(AXE.read_text())


def show_as(page: Page, scheme: Scheme, viewport: dict[str, int]) -> None:
    """Show the page in other colours and in another size."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(ViewportSize(width=viewport["width"], height=viewport["height"]))
    page.wait_for_function("width => innerWidth === width", arg=viewport["width"])


def variants(page: Page) -> Iterator[str]:
    """Show the page as it is in a light window, then on a dark phone, and in the end in a light window again.

    To open a view takes longer than to show it in another way.
    """
    for scheme, viewport in VARIANTS:
        show_as(page, scheme, viewport)
        yield scheme
    show_as(page, *VARIANTS[0])


def violations(page: Page) -> list[str]:
    """What axe has against the dialogs and menus that are open, or against the page if none is."""
    # What is still fading in has the colours of neither.
    page.evaluate(SETTLED)
    found = page.evaluate(CHECK, [OVERLAYS, RULES])
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


def writing(visitor: Visitor) -> None:
    chat(visitor)
    visitor.composer.fill("@")
    expect(visitor.page.get_by_role("listbox", name="Suggestions")).to_be_visible()
    visitor.page.get_by_role("button", name="Formatting").click()
    expect(visitor.page.get_by_role("toolbar", name="Formatting")).to_be_visible()


def mentions(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Mentions").click()
    expect(visitor.page.get_by_role("dialog", name="Mentions").get_by_role("link")).to_be_visible()


def emoji(visitor: Visitor) -> None:
    chat(visitor)
    visitor.page.get_by_role("button", name="Emoji", exact=True).click()
    expect(visitor.page.get_by_role("region", name="Flags").get_by_role("button").first).to_be_attached()
    assert visitor.page.locator(".emoji-picker button:not([aria-label])").count() == 0
    # The first ones stand for the others, which differ in nothing else.
    visitor.page.evaluate(
        "() => document.querySelectorAll('.emoji-picker .grid > :nth-child(n + 30)').forEach((one) => one.remove())"
    )


def search(visitor: Visitor) -> None:
    visitor.search_field.fill("bob")
    expect(visitor.page.get_by_role("region", name="People").get_by_role("button").first).to_be_visible()


def empty_search(visitor: Visitor) -> None:
    visitor.search_field.fill("photo")
    visitor.search_field.press("Enter")
    visitor.search_field.fill("")
    expect(visitor.page.get_by_role("region", name="Recent searches")).to_be_visible()


def found_messages(visitor: Visitor) -> None:
    visitor.search_field.fill("in:club photo")
    expect(visitor.page.get_by_role("button", name="Remove the filter: In Club")).to_be_visible()
    found = visitor.page.get_by_role("region", name="Messages")
    # Older results are dimmed while newer ones are on their way.
    expect(found).to_have_attribute("aria-busy", "false")
    expect(found.get_by_role("link")).to_have_count(1)


def search_filters(visitor: Visitor) -> None:
    for operator in ("from:", "in:", "has:"):
        visitor.search_field.fill(operator)
        expect(visitor.page.locator(".suggested .entry").first).to_be_visible()
    visitor.search_field.fill("before:")
    expect(visitor.page.get_by_role("button", name="Apply")).to_be_visible()


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


def of_message(visitor: Visitor, text: str, action: str = "") -> None:
    """The menu of a message, or the dialog that an action of it opens."""
    chat(visitor)
    visitor.message(text).last.focus()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("menuitem", name="Reply")).to_be_focused()
    if action:
        visitor.page.get_by_role("menuitem", name=action).click()


def message_menu(visitor: Visitor) -> None:
    of_message(visitor, "A photo")


def reactors(visitor: Visitor) -> None:
    of_message(visitor, "A photo", "Who reacted")
    expect(visitor.page.get_by_role("dialog").get_by_role("listitem")).to_have_count(2)


def forwarding(visitor: Visitor) -> None:
    of_message(visitor, "A photo", "Forward")
    visitor.page.get_by_role("dialog").get_by_role("checkbox").first.check()


def selecting(visitor: Visitor) -> None:
    of_message(visitor, "A photo", "Select")
    expect(visitor.page.get_by_role("checkbox", name="Select: A photo")).to_be_checked()


def replying(visitor: Visitor) -> None:
    of_message(visitor, "A photo", "Reply")


def pinned(visitor: Visitor) -> None:
    chat(visitor)
    visitor.page.get_by_role("button", name="Show 1 pinned message").click()
    expect(visitor.page.get_by_role("dialog").get_by_role("listitem")).to_have_count(1)


def files(visitor: Visitor) -> None:
    details(visitor)
    visitor.page.get_by_role("button", name="Photos and files").click()
    expect(visitor.page.get_by_role("dialog").get_by_role("listitem")).to_have_count(1)


def account(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Account of").click()


def profile(visitor: Visitor) -> None:
    account(visitor)
    visitor.page.get_by_role("menuitem", name="Profile").click()


VIEWS = (
    chat_list,
    chat,
    details,
    person,
    leaving,
    mentions,
    emoji,
    new_chat,
    shortcuts,
    message_menu,
    reactors,
    pinned,
    files,
    account,
    selecting,
    profile,
    forwarding,
    replying,
    writing,
    too_long,
    new_group,
    search,
    empty_search,
    found_messages,
    search_filters,
)


def return_to_list(visitor: Visitor) -> None:
    """Close what is open, down to the list of chats, and take back what was entered."""
    page = visitor.page
    overlays = page.locator(OVERLAYS)
    discard = page.get_by_role("dialog", name="Discard your changes?").get_by_role("button", name="Discard")

    def is_closed() -> bool:
        if discard.count():
            discard.click()
        elif overlays.count():
            page.keyboard.press("Escape")
        return overlays.count() == 0

    visitor.wait_for(is_closed)
    if visitor.composer.count():
        visitor.composer.fill("")
    for name in ("Cancel reply", "Back to all chats"):
        button = page.get_by_role("button", name=name)
        if button.count():
            button.click()
    page.evaluate("location.hash = '#/'")
    expect(visitor.entry("Club")).to_be_visible()
    expect(visitor.composer).to_have_count(0)


@pytest.mark.parametrize("view", [log_in, register])
def test_login_page_is_accessible(visit: Visit, view: Callable[[Visitor], None]) -> None:
    visitor = visit()
    bring_axe(visitor)
    expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
    view(visitor)
    for variant in variants(visitor.page):
        assert violations(visitor.page) == [], variant


def test_every_view_is_accessible(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    group = alice.post("/chats/groups", {"name": "Club", "memberIds": [bob.id, carol.id]}).json()["data"]["id"]
    bob.send(group, "See https://example.org")
    bob.send(
        group, MARKED.format(alice.name, carol.name), format="markdown", mentions={"userIds": [alice.id, carol.id]}
    )
    alice.send(group, MARKED.format(bob.name, carol.name), format="markdown", mentions={"userIds": [bob.id]})
    alice.delete(f"/messages/{alice.send(group, 'Never mind')['id']}")
    alice.send(group, "🎉")
    link = data(bob.get(f"/messages/{group}"))[-1]["id"]
    photo = data(alice.post("/messages", {"chatId": group, "content": "A photo", "replyToId": link}))["id"]
    for reader in (alice, bob):
        data(reader.request("PUT", f"/messages/{photo}/reactions/%F0%9F%91%8D"))
    data(alice.request("PUT", f"/messages/{photo}/pin"))
    alice.upload(group, "sea.png", picture())
    bob.send(alice.direct_chat(bob), "Hello")
    visitor = visit(alice, reduced_motion="reduce")
    bring_axe(visitor)
    for view in VIEWS:
        return_to_list(visitor)
        view(visitor)
        for variant in variants(visitor.page):
            if variant == "dark" and view is message_menu:
                # It has its place from the size of the page as it opens.
                return_to_list(visitor)
                view(visitor)
            assert violations(visitor.page) == [], f"{view.__name__}, {variant}"


def test_new_messages_are_announced_to_screen_readers(visit: Visit, alice: Person, bob: Person) -> None:
    # Presence is visible to users who share a chat.
    chat = bob.direct_chat(alice)
    hers = visit(alice)
    eventually(lambda: data(bob.get(f"/users/{alice.name}"))["isOnline"], SECONDS)
    announced = hers.page.get_by_role("status").filter(has_text=f"{bob.name}: Can you hear me?")

    def is_announced() -> bool:
        # What the page fetches while it connects is no news.
        bob.send(chat, "Can you hear me?")
        hers.page.wait_for_timeout(500)
        return announced.count() == 1

    eventually(is_announced, SECONDS)


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
