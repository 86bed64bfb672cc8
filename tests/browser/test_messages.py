"""Messages: how they look, and what can be done with one, by mouse, keys and fingers."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect
from sqlalchemy import Engine

from tests.browser.chats import opened
from tests.browser.conftest import Visit
from tests.browser.deletions import delete_for_good
from tests.browser.past import write_past
from tests.browser.test_error_messages import refuse
from tests.browser.test_files import picture, png
from tests.browser.visitor import NARROW, Visitor
from tests.people import Person, data

UPLOAD = re.compile("/uploads?$|/messages/upload")
PHONE: dict[str, Any] = {"viewport": NARROW, "has_touch": True, "is_mobile": True}


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """A direct chat of alice and bob."""
    return alice.direct_chat(bob)


def read_messages(engine: Engine, reader: Person, sender: Person, chat: str, count: int) -> None:
    """That many messages of the sender, "Message 0." and so on, all of them read."""
    write_past(engine, chat, sender, (f"Message {number}." for number in range(count)))
    data(reader.post(f"/messages/{chat}/read", {}))


def finger(visitor: Visitor) -> Callable[[str, float, float], None]:
    """A finger on the page: call it with the event and where it happens."""
    session = visitor.context.new_cdp_session(visitor.page)

    def touch(kind: str, x: float, y: float) -> None:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    return touch


def middle(locator: Locator) -> tuple[float, float]:
    """The middle of an element."""
    box = locator.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_each_text_has_the_direction_of_its_script(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    for text in ("Hello", "שלום לכולם", "مرحبا بكم", "42, שלום"):
        bob.send(chat, text)
    alice.upload(chat, "p.png", picture(), content="תמונה")
    hers = opened(visit, alice, bob)
    direction = "row => getComputedStyle(row.querySelector('.bubble')).direction"
    for text, expected in (("Hello", "ltr"), ("שלום לכולם", "rtl"), ("مرحبا", "rtl"), ("42,", "rtl"), ("תמונה", "rtl")):
        assert hers.message(text).evaluate(direction) == expected
    # The caption begins at the right edge of its picture.
    gap = hers.message("תמונה").evaluate(
        """row => row.querySelector(".bubble").getBoundingClientRect().right
             - row.querySelector(".text").getClientRects()[0].right"""
    )
    assert gap < 20
    # The time is at the other end of the last line, apart from its words.
    apart = hers.message("תמונה").evaluate(
        """row => row.querySelector(".text").getClientRects()[0].left
             - row.querySelector(".meta").getBoundingClientRect().right"""
    )
    assert apart > 10


def test_addresses_without_a_scheme_are_links_too(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    bob.send(chat, "See www.example.org/a, mailto:me@example.org or you@example.org. Not: a@b, www.")
    links = opened(visit, alice, bob).message("See www").get_by_role("link")
    expect(links).to_have_text(["www.example.org/a", "mailto:me@example.org", "you@example.org"])
    hrefs = [link.get_attribute("href") for link in links.all()]
    assert hrefs == ["https://www.example.org/a", "mailto:me@example.org", "mailto:you@example.org"]


def test_a_long_text_is_shown_in_part_until_one_wants_all(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    bob.send(chat, "\n".join(str(number) for number in range(1000)))
    hers = opened(visit, alice, bob)
    message = hers.page.locator(".messages [data-key]")
    height = "row => row.getBoundingClientRect().height"
    assert message.evaluate(height) < 900
    message.get_by_role("button", name="Show more").click()
    expect(message).to_contain_text("999")
    assert message.evaluate(height) > 10_000
    message.get_by_role("button", name="Show less").click()
    expect(message).not_to_contain_text("999")


def test_one_time_stands_for_a_run_and_the_others_show_on_hover(
    visit: Visit, alice: Person, bob: Person, chat: str
) -> None:
    for text in ("first", "second", "third"):
        bob.send(chat, text)
    hers = opened(visit, alice, bob)
    expect(hers.message("third").locator("time")).to_be_visible()
    expect(hers.message("second").locator("time")).to_have_count(0)
    before = hers.message("third").bounding_box()
    hers.message("second").hover()
    expect(hers.message("second").locator("time")).to_be_visible()
    assert hers.message("third").bounding_box() == before


def test_a_message_that_arrives_in_sight_is_read_at_once_and_hovered_by_no_resting_pointer(
    visit: Visit, alice: Person, bob: Person, chat: str, engine: Engine
) -> None:
    read_messages(engine, alice, bob, chat, 30)
    hers = opened(visit, alice, bob)
    # A row that appears below the pointer is not hovered.
    expect(hers.message("Message 29.")).to_be_in_viewport()
    hers.page.locator(".scroller").hover()
    expect(hers.page.locator(".aside")).to_have_count(1)
    hers.page.evaluate(
        """() => {
          const count = () => document.querySelectorAll(".aside, .chats .badge").length;
          window.shown = [];
          new MutationObserver(() => window.shown.push([document.title, count()]))
            .observe(document, { subtree: true, childList: true, characterData: true });
        }"""
    )
    for number in range(5):
        bob.send(chat, f"Another {number}.")
        expect(hers.message(f"Another {number}.")).to_be_in_viewport()
    expect(hers.page.locator(".aside")).to_have_count(0)
    shown = hers.page.evaluate("() => window.shown")
    assert {title for title, _ in shown} == {"Chat"}
    assert {count for _, count in shown} <= {0, 1}


def test_messages_are_not_read_until_the_page_has_the_focus(
    visit: Visit, alice: Person, bob: Person, chat: str
) -> None:
    hers = opened(visit, alice, bob)
    hers.page.evaluate(
        """() => {
          document.hasFocus = () => false;
          dispatchEvent(new Event("blur"));
        }"""
    )
    for number in range(3):
        bob.send(chat, f"Message {number}.")
        expect(hers.message(f"Message {number}.")).to_be_in_viewport()
    expect(hers.page).to_have_title("(3) Chat")
    # Longer than the client waits before it sends that messages were read.
    hers.page.wait_for_timeout(600)
    assert data(alice.get(f"/chats/{chat}"))["unreadCount"] == 3
    hers.page.evaluate(
        """() => {
          document.hasFocus = () => true;
          dispatchEvent(new Event("focus"));
        }"""
    )
    expect(hers.page).to_have_title("Chat")


def test_the_day_is_shown_while_one_scrolls_and_covers_nothing_then(
    visit: Visit, alice: Person, bob: Person, chat: str, engine: Engine
) -> None:
    read_messages(engine, alice, bob, chat, 40)
    hers = opened(visit, alice, bob)
    expect(hers.message("Message 39.")).to_be_in_viewport()
    pill = hers.page.locator(".day-pill")
    expect(pill).to_have_css("opacity", "0")
    hers.page.locator(".scroller").hover()
    hers.page.mouse.wheel(0, -200)
    # It is there for a second only, so each frame is looked at.
    hers.page.wait_for_function(
        """() => {
          const pill = document.querySelector(".day-pill");
          return getComputedStyle(pill).opacity === "1" && pill.textContent === "Today";
        }"""
    )
    expect(pill).to_have_css("opacity", "0")


def test_a_failed_message_stays_in_its_place_and_can_be_tried_again(
    visit: Visit, alice: Person, bob: Person, chat: str
) -> None:
    alice.send(chat, "Before")
    hers = opened(visit, alice, bob)
    expect(hers.message("Before")).to_be_visible()
    hers.context.route(UPLOAD, lambda route: refuse(route, 429, "rate_limited", "Too much.", retryAfter=7200))
    hers.page.get_by_label("Files", exact=True).set_input_files([png("sea.png")])
    hers.page.get_by_role("button", name="Send").click()
    expect(hers.message("Not sent.").locator(".bubble")).to_have_css("border-style", "dashed")
    hers.say("After")
    expect(hers.message("After")).to_contain_text("Sent")
    rows = hers.page.locator(".messages [data-key]")
    expect(rows).to_have_text([re.compile("Before"), re.compile("Not sent."), re.compile("After")])
    hers.context.unroute(UPLOAD)
    hers.message("Not sent.").get_by_role("button", name="Try again").click()
    expect(hers.message("Not sent.")).to_have_count(0)


def test_the_list_is_one_stop_of_the_tab_key(
    visit: Visit, alice: Person, bob: Person, chat: str, engine: Engine
) -> None:
    write_past(engine, chat, bob, (f"Message {number}. https://example.org/{number}" for number in range(60)))
    data(alice.post(f"/messages/{chat}/read", {}))
    hers = opened(visit, alice, bob)
    expect(hers.message("Message 59.")).to_be_in_viewport()
    keys = hers.page.keyboard
    hers.composer.focus()
    stops = 0
    while not hers.message("Message 59.").evaluate("row => row === document.activeElement"):
        keys.press("Shift+Tab")
        stops += 1
        assert stops < 5
    keys.press("ArrowUp")
    expect(hers.message("Message 58.")).to_be_focused()
    keys.press("PageUp")
    focused = hers.page.locator(".row:focus")
    expect(focused).to_be_in_viewport()
    expect(hers.message("Message 58.")).not_to_be_focused()
    keys.press("Home")
    expect(focused).to_be_in_viewport()
    expect(hers.message("Message 58.")).to_have_count(0)
    keys.press("End")
    expect(hers.message("Message 59.")).to_be_focused()
    expect(hers.message("Message 59.")).to_be_in_viewport()
    # From a message it is one step out of the list again, either way.
    keys.press("ArrowUp")
    keys.press("Shift+Tab")
    assert not hers.page.evaluate("() => !!document.activeElement.closest('.messages')")
    keys.press("Tab")
    expect(hers.message("Message 58.")).to_be_focused()
    keys.press("Enter")
    expect(hers.page.get_by_role("menuitem", name="Open https://example.org/58")).to_be_visible()
    keys.press("Escape")
    expect(hers.page.get_by_role("menu")).to_have_count(0)
    expect(hers.message("Message 58.")).to_be_focused()
    keys.press("Escape")
    expect(hers.composer).to_be_focused()


def test_actions_show_beside_the_message_under_the_mouse(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    alice.send(chat, "Meet at seven")
    hers = opened(visit, alice, bob)
    message = hers.message("Meet at seven")
    expect(message.get_by_role("button", name="Reply")).to_have_count(0)
    message.hover()
    message.get_by_role("button", name="Reply").click()
    expect(hers.composer).to_be_focused()
    expect(hers.page.get_by_text(f"Reply to {alice.name}")).to_be_visible()


def test_the_secondary_button_opens_the_actions(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    alice.send(chat, "Meet at seven")
    hers = opened(visit, alice, bob)
    hers.message("Meet at seven").locator(".bubble").click(button="right")
    expect(hers.page.get_by_role("menuitem", name="Seen by")).to_be_visible()


def test_a_long_press_opens_the_actions_on_a_phone(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    alice.send(chat, "Meet at seven")
    alice.upload(chat, "sea.png", picture())
    hers = opened(visit, alice, bob, **PHONE)
    touch = finger(hers)
    for target in (hers.message("Meet at seven").locator(".bubble"), hers.page.get_by_role("button", name="Open sea")):
        expect(hers.page.locator(".aside .icon-button:visible")).to_have_count(0)
        x, y = middle(target)
        touch("touchStart", x, y)
        expect(hers.page.locator(".bubble.held")).to_have_count(1)
        touch("touchEnd", x, y)
        expect(hers.page.get_by_role("menuitem", name="Delete for everyone")).to_be_visible()
        expect(hers.page.get_by_role("dialog")).to_have_count(0)
        hers.page.keyboard.press("Escape")
        expect(hers.page.get_by_role("menu")).to_have_count(0)


def test_a_swipe_to_the_right_goes_back_to_the_list_on_a_phone(
    visit: Visit, alice: Person, bob: Person, chat: str
) -> None:
    bob.send(chat, "Hello")
    hers = opened(visit, alice, bob, **PHONE)
    touch = finger(hers)
    touch("touchStart", 60, 400)
    for step in range(1, 9):
        touch("touchMove", 60 + step * 25, 402)
    touch("touchEnd", 0, 0)
    expect(hers.talk).to_have_count(0)
    expect(hers.entry(bob.name)).to_be_visible()


def test_targets_in_a_chat_are_large_enough_for_fingers(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    bob.send(chat, "\n".join(["Hello"] * 100))
    hers = opened(visit, alice, bob, **PHONE)
    for target in (hers.page.get_by_label("Back to all chats"), hers.page.get_by_role("button", name="Show more")):
        box = target.bounding_box()
        assert box
        assert box["height"] >= 44


def test_a_change_without_a_connection_shows_that_it_waits(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    alice.send(chat, "Meet at seven")
    alice.send(chat, "Or not at all")
    hers = opened(visit, alice, bob)
    expect(hers.message("Or not at all")).to_be_visible()
    hers.go_offline()
    hers.act(hers.message("Meet at seven"), "Edit")
    hers.composer.fill("Meet at eight")
    hers.composer.press("Enter")
    expect(hers.message("Meet at eight")).to_contain_text("Saving")
    delete_for_good(hers, hers.message("Or not at all"), "Delete for everyone")
    expect(hers.message("Message deleted")).to_contain_text("Deleting")
    hers.context.set_offline(False)
    expect(hers.message("Meet at eight")).to_contain_text("edited")
    expect(hers.message("Deleting")).to_have_count(0)


def test_names_and_faces_open_profiles(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    group = data(alice.post("/chats/groups", {"name": "Club", "memberIds": [bob.id, carol.id]}))["id"]
    bob.send(group, "Hello")
    hers = visit(alice)
    hers.entry("Club").click()
    for opener in (".sender", ".face"):
        hers.message("Hello").locator(opener).click()
        popup = hers.page.get_by_role("dialog")
        expect(popup).to_contain_text(bob.name)
        hers.page.keyboard.press("Escape")
        expect(popup).to_have_count(0)


def test_read_differs_from_delivered_by_its_shape(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    alice.send(chat, "Read")
    data(bob.post(f"/messages/{chat}/read", {}))
    hers = opened(visit, alice, bob)
    expect(hers.message("Read").locator(".ticks.read rect")).to_have_count(1)
    alice.send(chat, "Sent")
    expect(hers.message("Sent").locator(".ticks rect")).to_have_count(0)


def test_rows_are_lower_in_a_compact_density(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    for number in range(5):
        bob.send(chat, f"Message {number}.")
    hers = opened(visit, alice, bob)
    row = hers.message("Message 2.")
    height = "row => row.getBoundingClientRect().height"
    usual = row.evaluate(height)
    hers.page.evaluate("() => (document.documentElement.dataset.density = 'compact')")
    assert row.evaluate(height) < usual * 0.85


@pytest.fixture
def gallery(alice: Person, bob: Person, chat: str) -> list[str]:
    """Three pictures in their chat."""
    names = ["dawn.png", "noon.png", "dusk.png"]
    for name, colour in zip(names, ("teal", "orange", "navy"), strict=True):
        data(bob.upload(chat, name, picture(colour)))
    return names


def viewing(visitor: Visitor, name: str) -> Locator:
    """The picture that is shown at full size."""
    return visitor.page.get_by_role("dialog", name=name)


def test_a_picture_has_its_final_size_at_once(visit: Visit, alice: Person, bob: Person, gallery: list[str]) -> None:
    # The dialog is at its place at once, too.
    hers = opened(visit, alice, bob, reduced_motion="reduce")
    expect(hers.page.locator(".picture img").nth(1)).not_to_have_js_property("naturalWidth", 0)
    waiting: list[Route] = []
    hers.page.route(re.compile(r"/uploads/\w+\.png"), lambda route: waiting.append(route))
    hers.page.get_by_role("button", name="Open noon.png").click()
    frame = viewing(hers, "noon.png").locator(".frame")
    thumbnail = frame.locator(".thumbnail")
    expect(thumbnail).not_to_have_js_property("naturalWidth", 0)
    before = thumbnail.bounding_box()
    assert before
    hers.wait_for(lambda: waiting)
    for route in waiting:
        route.continue_()
    whole = viewing(hers, "noon.png").get_by_role("img", name="noon.png")
    expect(whole).to_have_js_property("naturalWidth", 640)
    expect(thumbnail).to_have_count(0)
    assert whole.bounding_box() == before
    assert before["width"] == 640


def test_keys_lead_through_the_pictures_of_a_chat_and_zoom(
    visit: Visit, alice: Person, bob: Person, gallery: list[str]
) -> None:
    hers = opened(visit, alice, bob)
    keys = hers.page.keyboard
    hers.page.get_by_role("button", name="Open dawn.png").click()
    keys.press("ArrowLeft")
    for name in gallery:
        expect(viewing(hers, name)).to_be_visible()
        keys.press("ArrowRight")
    expect(viewing(hers, "dusk.png")).to_contain_text("3 of 3")
    hers.page.get_by_role("button", name="Next picture").click(force=True)
    assert hers.page.evaluate("() => !!document.activeElement.closest('dialog')")
    width = "() => document.querySelector('.frame').getBoundingClientRect().width"
    whole = hers.page.evaluate(width)
    keys.press("+")
    hers.page.wait_for_function(f"() => ({width})() > {whole * 1.4}")
    keys.press("0")
    hers.page.wait_for_function(f"() => ({width})() === {whole}")
    keys.press("Escape")
    expect(hers.page.get_by_role("dialog")).to_have_count(0)


def test_no_key_is_lost_while_the_next_picture_opens(
    visit: Visit, alice: Person, bob: Person, gallery: list[str]
) -> None:
    hers = opened(visit, alice, bob)
    hers.page.get_by_role("button", name="Open dawn.png").click()
    expect(viewing(hers, "dawn.png")).to_be_visible()
    # The second key is pressed before the browser has drawn what the first one changed.
    hers.page.evaluate(
        """async () => {
            const press = () => dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
            const title = () => document.querySelector("dialog h2").textContent;
            press();
            while (title() !== "noon.png") await Promise.resolve();
            press();
        }"""
    )
    expect(viewing(hers, "dusk.png")).to_be_visible()


def test_wheel_double_click_and_fingers_zoom_and_turn_the_page(
    visit: Visit, alice: Person, bob: Person, gallery: list[str]
) -> None:
    hers = opened(visit, alice, bob, **PHONE)
    hers.page.get_by_role("button", name="Open dusk.png").click()
    width = "() => document.querySelector('.frame').getBoundingClientRect().width"
    x, y = middle(viewing(hers, "dusk.png").locator(".stage"))
    whole = hers.page.evaluate(width)
    hers.page.mouse.move(x, y)
    hers.page.mouse.wheel(0, -200)
    hers.page.wait_for_function(f"() => ({width})() > {whole * 1.3}")
    hers.page.mouse.dblclick(x, y)
    hers.page.wait_for_function(f"() => ({width})() === {whole}")
    hers.page.mouse.dblclick(x, y)
    hers.page.wait_for_function(f"() => ({width})() > {whole * 2}")
    hers.page.mouse.dblclick(x, y)
    hers.page.wait_for_function(f"() => ({width})() === {whole}")
    session = hers.context.new_cdp_session(hers.page)
    for spread in (20, 60, 100):
        points = [{"x": x - spread, "y": y, "id": 1}, {"x": x + spread, "y": y, "id": 2}]
        kind = "touchStart" if spread == 20 else "touchMove"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    hers.page.wait_for_function(f"() => ({width})() > {whole * 3}")
    hers.page.keyboard.press("0")
    hers.page.wait_for_function(f"() => ({width})() === {whole}")
    touch = finger(hers)
    touch("touchStart", x - 60, y)
    for step in range(1, 7):
        touch("touchMove", x - 60 + step * 20, y)
    touch("touchEnd", 0, 0)
    expect(viewing(hers, "noon.png")).to_be_visible()
