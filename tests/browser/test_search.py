"""The search for people, chats and messages."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Route, expect
from sqlalchemy import Engine

from tests.browser.conftest import Visit
from tests.browser.past import write_past
from tests.browser.stored import stored_data
from tests.browser.visitor import NARROW, SECONDS, Visitor
from tests.people import Person, data
from tests.waiting import eventually

SEARCH = "**/api/v1/search/messages?*"
PHONE: dict[str, Any] = {"viewport": NARROW, "has_touch": True, "is_mobile": True, "reduced_motion": "reduce"}
PAGE = 20
# The server allows so many searches in a minute.
LIMIT = 20


def wait_until_found(person: Person, q: str, count: int = 1) -> None:
    """New messages are found within seconds."""
    eventually(lambda: len(data(person.get("/search/messages", q=q))) >= count, SECONDS)


def region(visitor: Visitor, name: str) -> Locator:
    """A part of the results."""
    return visitor.page.get_by_role("region", name=name, exact=True)


def hits(visitor: Visitor) -> Locator:
    """The messages that were found."""
    return region(visitor, "Messages").get_by_role("link")


def asked(visitor: Visitor) -> list[dict[str, str]]:
    """The parameters of each search for messages from now on."""
    searches: list[dict[str, str]] = []

    def note(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        searches.append({name: values[0] for name, values in query.items()})
        route.continue_()

    visitor.context.route(SEARCH, note)
    return searches


def respond(items: list[Any], *, partial: bool = False, cursor: str | None = None) -> dict[str, Any]:
    """A page of hits."""
    meta = {"nextCursor": cursor, "hasMore": cursor is not None} | ({"isPartial": True} if partial else {})
    return {"data": items, "meta": meta}


def harbours(alice: Person, bob: Person, between: int, engine: Engine) -> str:
    """A group of alice and bob in which bob has written twice about a harbour, with so many messages between."""
    chat = alice.group(bob, name="Boats")
    bob.send(chat, "The old harbour is closed")
    write_past(engine, chat, bob, (f"Message {number}." for number in range(between)))
    bob.send(chat, "The new harbour is open")
    data(alice.post(f"/messages/{chat}/read", {}))
    wait_until_found(alice, "harbour", 2)
    return chat


@pytest.fixture
def chat(alice: Person, bob: Person, engine: Engine) -> str:
    """A chat in which a harbour is mentioned twice."""
    return harbours(alice, bob, 3, engine)


@pytest.fixture
def long_chat(alice: Person, bob: Person, engine: Engine) -> str:
    """The same with one of the mentions far above the newest messages."""
    return harbours(alice, bob, 120, engine)


def test_people_chats_and_messages_are_found_as_one_types(
    visit: Visit, alice: Person, bob: Person, carol: Person, chat: str
) -> None:
    alice.send(alice.direct_chat(carol), "Shall we meet at the harbour?")
    wait_until_found(alice, "harbour", 3)
    hers = visit(alice)
    hers.search_field.fill("harbo")
    expect(hits(hers)).to_have_count(3)
    own, newest, _ = hits(hers).all()
    expect(own).to_contain_text(f"You to {carol.name}")
    expect(newest).to_contain_text(f"{bob.name} · Boats")
    expect(newest.locator("time")).to_have_text(re.compile(r"\d:\d\d"))
    expect(newest.locator("mark")).to_have_text("harbour")
    expect(hers.page.get_by_role("status").filter(has_text="Found: 3 messages.")).to_be_attached()
    hers.search_field.fill("boat")
    expect(region(hers, "Chats").get_by_role("link", name="Boats")).to_be_visible()
    expect(hers.page.get_by_text("No messages found.")).to_be_visible()
    hers.search_field.fill(bob.name)
    expect(region(hers, "People").get_by_role("button", name=bob.name).first).to_be_visible()
    hers.search_field.fill("zzzzzz")
    expect(hers.page.get_by_text("Nothing found for “zzzzzz”.").first).to_be_visible()


def type_slowly(visitor: Visitor, text: str) -> None:
    """Type in a page whose clock stands still, with a pause after each key and a longer one in the end."""
    for character in text:
        visitor.search_field.press_sequentially(character)
        visitor.page.clock.run_for(60)
    visitor.page.clock.run_for(1000)


def test_typing_takes_few_requests(visit: Visit, alice: Person, chat: str) -> None:
    hers = visit(alice)
    searches = asked(hers)
    expect(hers.entry("Boats")).to_be_visible()
    hers.stop_clock()
    type_slowly(hers, "harbour")
    expect(hits(hers)).to_have_count(2)
    assert [search["q"] for search in searches] == ["harbour"]
    # The same words, and those that were searched for a moment ago.
    type_slowly(hers, "  open")
    expect(hits(hers)).to_have_count(1)
    for _ in range(6):
        hers.search_field.press("Backspace")
    hers.page.clock.run_for(1000)
    expect(hits(hers)).to_have_count(2)
    assert [search["q"] for search in searches] == ["harbour", "harbour open"]


def test_someone_who_types_and_corrects_for_a_minute_stays_below_the_limit(
    visit: Visit, alice: Person, chat: str
) -> None:
    hers = visit(alice)
    expect(hers.entry("Boats")).to_be_visible()
    searches = asked(hers)
    hers.page.clock.install()
    for number in range(60):
        hers.search_field.fill(f"harbour {number}")
        hers.page.clock.run_for(1000)
    assert 5 < len(searches) < LIMIT


def test_a_late_response_does_not_replace_a_newer_one(visit: Visit, alice: Person, chat: str) -> None:
    hers = visit(alice)
    held: list[Route] = []

    def hold(route: Route) -> None:
        if "q=old" in route.request.url:
            held.append(route)
        else:
            route.continue_()

    hers.context.route(SEARCH, hold)
    hers.search_field.fill("old")
    hers.wait_for(lambda: held)
    hers.search_field.fill("new")
    expect(hits(hers)).to_contain_text("The new harbour is open")
    # The request was cancelled: there is nobody to respond to.
    held[0].fulfill(json=respond([]))
    hers.page.wait_for_timeout(300)
    expect(hits(hers)).to_have_text(re.compile("The new harbour is open"))


def test_the_shortcut_selects_the_earlier_text_before_the_next_key(visit: Visit, alice: Person) -> None:
    hers = visit(alice)
    hers.search_field.fill("harbour")
    selected = hers.page.evaluate("""() => {
      document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "k", code: "KeyK", ctrlKey: true, bubbles: true}));
      const {selectionStart, selectionEnd} = document.activeElement;
      return [selectionStart, selectionEnd];
    }""")
    assert selected == [0, len("harbour")]


def test_the_keys_go_through_all_results(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    alice.send(chat, f"Ask {bob.name}")
    wait_until_found(alice, bob.name)
    hers = visit(alice)
    page, keys = hers.page, hers.page.keyboard
    keys.press("Control+k")
    expect(hers.search_field).to_be_focused()
    keys.type(bob.name)
    expect(hits(hers)).to_have_count(1)
    person = region(hers, "People").get_by_role("button", name=bob.name).first
    expect(person).to_be_visible()
    keys.press("ArrowDown")
    expect(person).to_be_focused()
    keys.press("ArrowDown")
    expect(hits(hers)).to_be_focused()
    keys.press("Home")
    expect(person).to_be_focused()
    keys.press("End")
    expect(hits(hers)).to_be_focused()
    # Text is for the field, wherever it is typed.
    keys.type("x")
    expect(hers.search_field).to_have_value(f"{bob.name}x")
    keys.press("Backspace")
    expect(hits(hers)).to_have_count(1)
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    expect(hers.search_field).to_be_focused()
    keys.press("ArrowDown")
    keys.press("Escape")
    expect(hers.search_field).to_be_focused()
    keys.press("Escape")
    expect(hers.search_field).to_have_value("")
    expect(hers.entry("Boats")).to_be_visible()
    expect(page.get_by_role("region", name="People")).to_have_count(0)


def test_a_message_is_shown_in_its_chat_and_back_are_the_results(
    visit: Visit, alice: Person, bob: Person, long_chat: str
) -> None:
    for number in range(30):
        bob.send(long_chat, f"To the harbour {number}")
    wait_until_found(alice, "harbour 29")
    hers = visit(alice)
    hers.search_field.fill("harbour")
    expect(hits(hers)).to_have_count(PAGE)
    hers.page.get_by_role("button", name="Load more").press("Enter")
    expect(hits(hers)).to_have_count(32)
    # The keys go on with the first of the next page.
    expect(hits(hers).nth(PAGE)).to_be_focused()
    hers.page.keyboard.press("End")
    goal = hits(hers).last
    expect(goal).to_be_focused()
    expect(goal).to_contain_text("The old harbour is closed")
    results = hers.page.locator(".results")
    top = results.evaluate("element => element.scrollTop")
    assert top > 0
    for go_back in (hers.page.go_back, lambda: hers.page.keyboard.press("Escape")):
        hers.page.keyboard.press("Enter")
        expect(hers.page.locator(".row.flash")).to_contain_text("The old harbour is closed")
        expect(hers.message("The old harbour is closed")).to_be_in_viewport()
        go_back()
        expect(goal).to_be_focused()
        expect(hers.search_field).to_have_value("harbour")
        expect(hits(hers)).to_have_count(32)
        assert results.evaluate("element => element.scrollTop") == top


def test_one_step_back_leads_out_of_a_chat_of_which_several_messages_were_opened(
    visit: Visit, alice: Person, long_chat: str
) -> None:
    hers = visit(alice)
    hers.search_field.fill("harbour")
    for text in ("old harbour", "new harbour", "old harbour"):
        hits(hers).filter(has_text=text).click()
        expect(hers.page.locator(".row.flash")).to_contain_text(text)
    hers.page.go_back()
    expect(hers.page.get_by_role("heading", name="No chat selected")).to_be_visible()


def test_a_phone_shows_the_search_alone_and_comes_back_to_it(
    visit: Visit, alice: Person, bob: Person, long_chat: str
) -> None:
    for number in range(15):
        bob.send(long_chat, f"To the harbour {number}")
    wait_until_found(alice, "harbour 14")
    hers = visit(alice, **PHONE)
    hers.entry("Boats").tap()
    hers.page.get_by_role("button", name="Search in this chat").tap()
    expect(hers.search_field).to_be_focused()
    expect(hers.page.get_by_role("button", name="Remove the filter: In Boats")).to_be_visible()
    expect(hers.page.get_by_role("button", name="New chat")).to_be_hidden()
    hers.search_field.fill("harbour")
    expect(hits(hers)).to_have_count(17)
    goal = hits(hers).last
    goal.scroll_into_view_if_needed()
    results = hers.page.locator(".results")
    top = results.evaluate("element => element.scrollTop")
    assert top > 0
    goal.tap()
    expect(hers.page.locator(".row.flash")).to_contain_text("The old harbour is closed")
    expect(hers.search_field).to_be_hidden()
    hers.page.get_by_role("link", name="Back to all chats").tap()
    expect(goal).to_be_focused()
    assert results.evaluate("element => element.scrollTop") == top
    hers.page.get_by_role("button", name="Back to all chats").tap()
    expect(hers.entry("Boats")).to_be_visible()


def test_typed_operators_become_filters(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    alice.send(chat, "My harbour https://example.org")
    wait_until_found(alice, "harbour", 3)
    hers = visit(alice)
    searches = asked(hers)
    hers.search_field.press_sequentially(
        f'harbour from:{bob.name} in:"boats" after:2020-01-31 before:2999-12-31 has:link '
    )
    for name in (f"From {bob.name}", "In Boats", "After 31 January 2020", "Before 31 December 2999", "With a link"):
        expect(hers.page.get_by_role("button", name=f"Remove the filter: {name}")).to_be_visible()
    expect(hers.search_field).to_have_value("harbour ")
    expect(hers.page.get_by_text("No messages found with these filters.")).to_be_visible()
    search = searches[-1]
    expected = {"q": "harbour", "fromId": bob.id, "chatId": chat, "has": "link"}
    assert {name: search[name] for name in expected} == expected
    # Midnight of the browser: messages of the day itself are not after it.
    assert search["after"].startswith(("2020-01-31", "2020-02-01"))
    hers.page.get_by_role("button", name="Remove the filter: With a link").click()
    expect(hits(hers)).to_have_count(2)
    hers.page.get_by_role("button", name=f"Remove the filter: From {bob.name}").click()
    expect(hers.search_field).to_be_focused()
    expect(hits(hers)).to_have_count(3)


def test_more_than_a_few_chats_are_shown_when_wanted(visit: Visit, alice: Person) -> None:
    for number in range(6):
        alice.group(name=f"Choir {number}")
    hers = visit(alice)
    hers.search_field.fill("choir")
    chats = region(hers, "Chats").get_by_role("link")
    expect(chats).to_have_count(4)
    hers.page.get_by_role("button", name="Show all").press("Enter")
    expect(chats).to_have_count(6)
    expect(chats.nth(4)).to_be_focused()


def test_operators_are_completed(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    hers.search_field.press_sequentially(f"harbour from:{bob.name[:-2]}")
    expect(region(hers, "From").get_by_role("button", name=bob.name)).to_be_visible()
    hers.search_field.press("Enter")
    expect(hers.page.get_by_role("button", name=f"Remove the filter: From {bob.name}")).to_be_visible()
    expect(hers.search_field).to_be_focused()
    expect(hers.search_field).to_have_value("harbour ")
    expect(hits(hers)).to_have_count(2)


def test_filters_are_added_from_the_menu(visit: Visit, alice: Person, chat: str) -> None:
    hers = visit(alice)
    hers.search_field.fill("harbour")
    menu = hers.page.get_by_role("button", name="Filter", exact=True)
    menu.click()
    hers.page.get_by_role("menuitem", name="In a chat").click()
    region(hers, "In").get_by_role("button", name="Boats").click()
    menu.click()
    hers.page.get_by_role("menuitem", name="After a date").click()
    hers.page.get_by_label("Date").fill("2020-01-31")
    hers.page.get_by_role("button", name="Apply").click()
    for name in ("In Boats", "After 31 January 2020"):
        expect(hers.page.get_by_role("button", name=f"Remove the filter: {name}")).to_be_visible()
    expect(hits(hers)).to_have_count(2)
    menu.click()
    hers.page.get_by_role("menuitem", name="Mentioning you").click()
    expect(hers.page.get_by_text("No messages found with these filters.")).to_be_visible()
    hers.page.get_by_role("button", name="Remove all filters").click()
    expect(hits(hers)).to_have_count(2)


HINTS = {
    "from:nobody_of_this_name x": "No one found for “nobody_of_this_name”.",
    "in:nowhere x": "No chat found for “nowhere”.",
    "has:cake x": "Choose one of these: file, image, link, mention.",
    "before:soon x": "“soon” is not a date.",
    "上": "Type at least two characters to search messages",
    "x": "Type at least two letters to search messages.",
    "-harbour": "Also type a word that the messages contain, not only words to leave out.",
    "🎉": "Type a word with letters or digits to search messages.",
    "a b c d e f g h i": "Use up to 8 words to search messages.",
    "has:link ": "Type a word that the messages contain.",
}


def test_what_can_not_be_searched_for_is_explained(visit: Visit, alice: Person) -> None:
    hers = visit(alice)
    searches = asked(hers)
    for text, hint in HINTS.items():
        hers.search_field.fill(text)
        expect(hers.page.get_by_text(hint)).to_be_visible()
    assert [search["q"] for search in searches if search["q"] != "x"] == []


def test_control_f_searches_the_open_chat(visit: Visit, alice: Person, chat: str) -> None:
    hers = visit(alice)
    hers.entry("Boats").click()
    expect(hers.page.get_by_role("button", name="Search in this chat")).to_be_visible()
    expect(hers.composer).to_be_focused()
    hers.page.keyboard.press("Control+f")
    expect(hers.search_field).to_be_focused()
    expect(hers.page.get_by_role("button", name="Remove the filter: In Boats")).to_be_visible()
    # In the field itself, the key is that of the browser's own search.
    prevented = """field => !field.dispatchEvent(
      new KeyboardEvent("keydown", { key: "f", ctrlKey: true, bubbles: true, cancelable: true })
    )"""
    assert not hers.search_field.evaluate(prevented)
    assert hers.composer.evaluate(prevented)


def test_texts_are_shown_as_they_are(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    bob.send(chat, "<img src=x onerror=fail()> harbour & <b>bold</b>")
    bob.send(chat, "🎉👨‍👩‍👧 我在上海很好 🎉")
    bob.send(chat, "**The harbour** of `Bergen`", format="markdown")
    wait_until_found(alice, "上海")
    hers = visit(alice)
    hers.search_field.fill("harbour bold")
    expect(hits(hers)).to_contain_text("<img src=x onerror=fail()> harbour & <b>bold</b>")
    expect(hits(hers).locator("mark")).to_have_text(["harbour", "bold"])
    expect(hits(hers).locator("img, b")).to_have_count(0)
    hers.search_field.fill("上海")
    expect(hits(hers).locator("mark")).to_have_text("上海")
    expect(hits(hers)).to_contain_text("🎉👨‍👩‍👧 我在上海很好 🎉")
    hers.search_field.fill("bergen")
    expect(hits(hers)).to_contain_text("The harbour of Bergen")
    expect(hits(hers).locator("mark")).to_have_text("Bergen")
    # Phones write other quotation marks.
    hers.search_field.fill("“old harbour”")
    expect(hits(hers)).to_contain_text("The old harbour is closed")


def test_a_result_has_the_direction_of_its_text(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.group(bob, name="משפחה")
    bob.send(chat, "شكرا! نلتقي الساعة 7:30")
    wait_until_found(alice, "نلتقي")
    hers = visit(alice)
    hers.search_field.fill("نلتقي")
    expect(hits(hers).locator("mark")).to_have_text("نلتقي")
    assert hits(hers).locator(".preview").evaluate("element => getComputedStyle(element).direction") == "rtl"
    expect(hits(hers).locator(".title")).to_contain_text(f"{bob.name} · משפחה")


def test_recent_searches_are_kept_until_they_are_removed(visit: Visit, alice: Person, chat: str) -> None:
    hers = visit(alice)
    hers.search_field.fill("harbour in:boats ")
    expect(hits(hers)).to_have_count(2)
    hits(hers).first.click()
    hers.search_field.fill("Private thing")
    expect(hers.page.get_by_text("No messages found with these filters.")).to_be_visible()
    hers.search_field.press("Enter")
    hers.page.reload()
    hers.page.get_by_role("link", name="Boats").first.wait_for()
    hers.search_field.click()
    recent = region(hers, "Recent searches")
    expect(recent.get_by_role("button", name="harbour · In Boats", exact=True)).to_be_visible()
    recent.get_by_role("button", name="Remove from recent searches: Private thing").click()
    expect(recent.get_by_role("listitem")).to_have_count(1)
    assert "Private thing" not in stored_data(hers.page)
    recent.get_by_role("button", name="harbour · In Boats", exact=True).click()
    expect(hits(hers)).to_have_count(2)
    hers.search_field.press("Escape")
    hers.page.get_by_role("button", name="Account of").click()
    hers.page.get_by_role("menuitem", name="Log out").click()
    expect(hers.page.get_by_role("button", name="Log in")).to_be_visible()
    assert "harbour" not in json.dumps(hers.page.evaluate("({...localStorage})"))


def test_an_empty_search_leaves_the_chats_where_they_are(visit: Visit, alice: Person, chat: str) -> None:
    hers = visit(alice)
    hers.search_field.click()
    expect(hers.page.get_by_text("Search for people, chats and messages.")).to_be_visible()
    hers.page.get_by_role("heading", name="No chat selected").click()
    expect(hers.entry("Boats")).to_be_visible()


def test_a_search_that_takes_long_goes_on_in_older_messages(visit: Visit, alice: Person, chat: str) -> None:
    hit = data(alice.get("/search/messages", q="old harbour"))[0]
    hers = visit(alice)
    cursors: list[str | None] = []

    def answer(route: Route) -> None:
        cursor = parse_qs(urlsplit(route.request.url).query).get("cursor", [None])[0]
        cursors.append(cursor)
        number = len(cursors)
        route.fulfill(
            json=respond([hit] if number == 6 else [], partial=number < 6, cursor=f"c{number}" if number < 6 else None)
        )

    hers.context.route(SEARCH, answer)
    hers.search_field.fill("harbour")
    more = hers.page.get_by_role("button", name="Search older messages")
    expect(more).to_be_visible()
    assert cursors == [None, "c1", "c2", "c3"]
    more.click()
    expect(hits(hers)).to_contain_text("The old harbour is closed")
    assert cursors[4:] == ["c4", "c5"]
    expect(more).to_have_count(0)


def test_a_search_beyond_the_limit_goes_on_by_itself(visit: Visit, alice: Person, chat: str) -> None:
    hers = visit(alice)
    expect(hers.entry("Boats")).to_be_visible()
    refused: list[str] = []

    def refuse(route: Route) -> None:
        if refused:
            route.continue_()
            return
        refused.append(route.request.url)
        problem = {
            "type": "about:blank",
            "title": "",
            "status": 429,
            "detail": "",
            "code": "rate_limited",
            "retryAfter": 42,
        }
        route.fulfill(status=429, json=problem)

    hers.context.route(SEARCH, refuse)
    hers.page.clock.install()
    hers.search_field.fill("harbour")
    expect(hers.page.get_by_text("The search continues in")).to_be_visible()
    hers.page.clock.fast_forward(43_000)
    expect(hits(hers)).to_have_count(2)
    expect(hers.page.get_by_text("The search continues in")).to_have_count(0)


def test_the_best_matches_come_first_if_wanted(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    bob.send(chat, "The harbourmaster")
    wait_until_found(alice, "harbourmaster")
    hers = visit(alice)
    hers.search_field.fill("harbour")
    expect(hits(hers).first).to_contain_text("harbourmaster")
    hers.page.get_by_role("button", name="Best match").click()
    expect(hits(hers).first).to_contain_text("The new harbour is open")
    expect(hers.page.get_by_role("button", name="Best match")).to_have_attribute("aria-pressed", "true")


def without_search(route: Route) -> None:
    """Answer as a server whose search of messages is off."""
    known = route.fetch().json()
    features = [name for name in known["data"]["features"] if name != "search"]
    route.fulfill(json={**known, "data": {**known["data"], "features": features}})


def test_without_the_search_of_messages_people_and_chats_are_found(
    visit: Visit, alice: Person, bob: Person, chat: str
) -> None:
    hers = visit()
    searches = asked(hers)
    hers.context.route("**/api/v1/capabilities", without_search)
    hers.take_session(alice)
    hers.search_field.click()
    expect(hers.page.get_by_text("Search for people and chats.")).to_be_visible()
    hers.search_field.fill("boat")
    expect(region(hers, "Chats").get_by_role("link", name="Boats")).to_be_visible()
    expect(hers.page.get_by_text("Messages can't be searched on this server.")).to_be_visible()
    region(hers, "Chats").get_by_role("link", name="Boats").click()
    expect(hers.composer).to_be_focused()
    expect(hers.page.get_by_role("button", name="Search in this chat")).to_have_count(0)
    assert searches == []


def test_a_search_that_was_turned_off_meanwhile_is_explained(visit: Visit, alice: Person, chat: str) -> None:
    problem = {"type": "about:blank", "title": "", "status": 403, "detail": "", "code": "search_off"}
    hers = visit(alice)
    hers.context.route(SEARCH, lambda route: route.fulfill(status=403, json=problem))
    hers.search_field.fill("harbour")
    expect(hers.page.get_by_text("Messages can't be searched on this server.")).to_be_visible()


def test_a_failed_search_can_be_tried_again(visit: Visit, alice: Person, chat: str) -> None:
    hers = visit(alice)
    answers: list[Callable[[Route], None]] = [lambda route: route.fulfill(status=422, json={}), Route.continue_]
    hers.context.route(SEARCH, lambda route: answers.pop(0)(route))
    hers.search_field.fill("harbour")
    hers.page.get_by_role("alert").get_by_role("button", name="Try again").click()
    expect(hits(hers)).to_have_count(2)
