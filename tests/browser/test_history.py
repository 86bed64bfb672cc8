"""Long conversations."""

import threading
import time

import pytest
from playwright.sync_api import Locator, Route, expect
from sqlalchemy import Engine

from tests.browser.conftest import Visit
from tests.browser.past import write_past
from tests.browser.presence import online
from tests.browser.visitor import SECONDS, Visitor, await_online
from tests.people import Person, data

TALK = 130


@pytest.fixture
def chat(alice: Person, bob: Person, engine: Engine) -> str:
    """A conversation of three pages, which alice has read."""
    chat = alice.direct_chat(bob)
    write_past(engine, chat, bob, (f"Message {number}." for number in range(1, TALK + 1)))
    data(alice.post(f"/messages/{chat}/read", {}))
    return chat


def top(row: Locator) -> float:
    """How far a message is from the upper edge of the page, in pixels."""
    box = row.bounding_box()
    assert box
    return box["y"]


def scroll_to(visitor: Visitor, place: str) -> None:
    visitor.page.locator(".scroller").evaluate(f"box => box.scrollTo(0, {place})")


def scroll_by_wheel(visitor: Visitor, row: Locator, step: int) -> None:
    """Scroll by so many pixels at a time until a message is rendered, however long its page takes to load."""
    visitor.talk.locator(".scroller").hover()
    deadline = time.monotonic() + SECONDS
    while not row.count():
        assert time.monotonic() < deadline, "The message is not rendered."
        visitor.page.mouse.wheel(0, step)
        visitor.page.wait_for_timeout(30)


def scroll_up_to(visitor: Visitor, row: Locator) -> None:
    """Scroll by the wheel until a message is rendered, then so that it is the first one visible."""
    scroll_by_wheel(visitor, row, -600)
    row.evaluate("row => row.scrollIntoView({block: 'start'})")
    visitor.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_older_messages_load_on_scroll_without_jumps(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message(f"Message {TALK}.")).to_be_in_viewport()
    # The page is under way while she scrolls to a place and stays there.
    waiting: list[Route] = []
    hers.page.route("**/messages/*cursor=*", lambda route: waiting.append(route))
    held = hers.message(f"Message {TALK - 30}.")
    scroll_up_to(hers, held)
    before = top(held)
    height = hers.page.locator(".scroller").evaluate("box => box.scrollHeight")
    hers.wait_for(lambda: waiting)
    for route in waiting:
        route.continue_()
    hers.page.unroute("**/messages/*cursor=*")
    hers.page.wait_for_function("least => document.querySelector('.scroller').scrollHeight > least", arg=height + 500)
    assert abs(top(held) - before) < 2
    scroll_up_to(hers, hers.message("Message 1.").first)
    scroll_to(hers, "0")
    expect(hers.page.get_by_text("This is the beginning of your conversation")).to_be_in_viewport()


# The numbers of the messages that are rendered, in their order, and how far they reach beyond the upper and the lower edge
# of the visible part, in pixels.
RENDERED = """() => {
  const rows = [...document.querySelectorAll(".messages [data-key]")];
  const found = rows.map((row) => [row, /Message (\\d+)\\./.exec(row.querySelector(".bubble").textContent)]).filter(([, match]) => match);
  const [box, first, last] = [document.querySelector(".scroller"), found[0][0], found.at(-1)[0]].map((one) => one.getBoundingClientRect());
  return [found.map(([, match]) => Number(match[1])), box.top - first.top, last.top - box.bottom];
}"""


def test_only_the_messages_around_the_visible_ones_are_rendered(
    visit: Visit, alice: Person, bob: Person, chat: str
) -> None:
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message(f"Message {TALK}.")).to_be_in_viewport()
    hers.talk.locator(".scroller").hover()
    seen: set[int] = set()
    for step in [-500] * 14 + [500] * 14:
        hers.page.mouse.wheel(0, step)
        hers.page.wait_for_timeout(60)

        def is_filled() -> bool:
            numbers, above, below = hers.page.evaluate(RENDERED)
            # A part without gaps, and never all of it.
            assert numbers == list(range(numbers[0], numbers[-1] + 1))
            assert len(numbers) < 100
            seen.update(numbers)
            return bool((above >= 0 or numbers[0] == 1) and (below >= -80 or numbers[-1] == TALK))

        # It fills the visible part, once the page has drawn what was scrolled to.
        hers.wait_for(is_filled)
    assert seen == set(range(min(seen), TALK + 1))
    assert len(seen) > 100
    assert hers.page.locator(".messages *").count() < 1500


def test_recent_scroll_is_not_undone(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message(f"Message {TALK}.")).to_be_in_viewport()
    # The view is rendered again before the browser reports the scrolling.
    left = hers.page.locator(".scroller").evaluate(
        """async box => {
            box.scrollTop -= 400;
            document.hasFocus = () => false;
            window.dispatchEvent(new Event("blur"));
            await new Promise(done => setTimeout(done, 200));
            return box.scrollHeight - box.scrollTop - box.clientHeight;
        }"""
    )
    assert abs(left - 400) < 2


def test_new_messages_do_not_move_the_reader_of_old_ones(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message(f"Message {TALK}.")).to_be_in_viewport()
    held = hers.message(f"Message {TALK - 30}.")
    scroll_up_to(hers, held)
    before = top(held)
    bob.send(chat, "Look at this!")
    button = hers.page.get_by_role("button", name="Go to the newest messages")
    expect(button).to_contain_text("1 new")
    assert abs(top(held) - before) < 2
    button.click()
    expect(hers.message("Look at this!")).to_be_in_viewport()
    expect(button).to_have_count(0)
    expect(hers.page).to_have_title("Chat")


def test_many_unread_messages_are_read_from_the_first(
    visit: Visit, alice: Person, bob: Person, chat: str, engine: Engine
) -> None:
    write_past(engine, chat, bob, (f"News {number}, in a few words more than one." for number in range(30)))
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.page.get_by_text("New messages")).to_be_in_viewport()
    expect(hers.message("News 0,")).to_be_in_viewport()
    expect(hers.message("News 29,")).not_to_be_in_viewport()
    expect(hers.entry(bob.name)).to_contain_text("30 unread messages")
    hers.page.get_by_role("button", name="Go to the newest messages").click()
    expect(hers.message("News 29,")).to_be_in_viewport()
    expect(hers.entry(bob.name)).not_to_contain_text("unread")


def test_view_at_the_end_stays_at_the_end(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    hers.entry(bob.name).click()
    for number in range(5):
        bob.send(chat, f"One more, {number}: " + "well, " * 60)
        expect(hers.message(f"One more, {number}")).to_be_in_viewport()
    hers.page.set_viewport_size({"width": 700, "height": 500})
    expect(hers.message("One more, 4")).to_be_in_viewport()


def test_typing_is_visible_at_the_end_of_a_long_chat(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message(f"Message {TALK}.")).to_be_in_viewport()
    await_online(hers.page)
    with online(bob) as his:
        his.emit("typing:start", {"chatId": chat})
        expect(hers.page.locator(".typers")).to_be_in_viewport(ratio=1)
        his.emit("typing:stop", {"chatId": chat})
        expect(hers.page.locator(".typers")).to_have_count(0)
    expect(hers.message(f"Message {TALK}.")).to_be_in_viewport(ratio=1)


def test_the_place_in_a_chat_is_kept_on_switching_chats_and_on_reload(
    visit: Visit, alice: Person, bob: Person, carol: Person, chat: str
) -> None:
    alice.send(alice.direct_chat(carol), "Elsewhere")
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message(f"Message {TALK}.")).to_be_in_viewport()
    held = hers.message(f"Message {TALK - 60}.")
    scroll_up_to(hers, held)
    before = top(held)
    hers.entry(carol.name).click()
    expect(hers.message("Elsewhere")).to_be_in_viewport()
    hers.entry(bob.name).click()
    expect(held).to_be_in_viewport()
    hers.wait_for(lambda: abs(top(held) - before) < 2)
    hers.page.reload()
    expect(held).to_be_in_viewport()
    hers.wait_for(lambda: abs(top(held) - before) < 2)


def test_pages_are_dropped_when_the_reader_is_back_at_the_end(
    visit: Visit, alice: Person, bob: Person, engine: Engine
) -> None:
    chat = alice.direct_chat(bob)
    write_past(engine, chat, bob, (f"Message {number}." for number in range(1, 421)))
    data(alice.post(f"/messages/{chat}/read", {}))
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message("Message 420.")).to_be_in_viewport()
    scroll_up_to(hers, hers.message("Message 2."))
    height = "box => box.scrollHeight"
    whole = hers.page.locator(".scroller").evaluate(height)
    hers.page.get_by_role("button", name="Go to the newest messages").click()
    expect(hers.message("Message 420.")).to_be_in_viewport()
    hers.page.wait_for_function("most => document.querySelector('.scroller').scrollHeight < most", arg=whole * 0.7)
    expect(hers.message("Message 420.")).to_be_in_viewport()
    # They come again.
    scroll_up_to(hers, hers.message("Message 3."))
    expect(hers.message("Message 3.")).to_be_in_viewport()


CLICKS = """async name => {
    const ends = [];
    const box = document.querySelector(".scroller");
    const frame = () => new Promise(requestAnimationFrame);
    for (let turn = 0; turn < 6; turn += 1) {
        box.scrollTop -= 500;
        await frame();
        await frame();
        document.querySelector(`[aria-label="${name}"]`).click();
        const left = () => box.scrollHeight - box.clientHeight - box.scrollTop;
        const [least, most] = [1200, 20_000].map((ms) => performance.now() + ms);
        while (performance.now() < least || (left() >= 2 && performance.now() < most)) await frame();
        ends.push(left());
    }
    return ends;
}"""


def test_the_newest_messages_are_reached_while_more_arrive(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message(f"Message {TALK}.")).to_be_in_viewport()
    over = threading.Event()

    def talk() -> None:
        while not over.wait(0.25):
            bob.send(chat, "And one more, with so many words that it takes more than one line of a chat. " * 3)

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        ends = hers.page.evaluate(CLICKS, "Go to the newest messages")
    finally:
        over.set()
        talker.join()
    assert max(ends) < 2, ends


def test_reduced_motion_jumps_to_the_newest_messages(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = visit(alice, reduced_motion="reduce")
    hers.entry(bob.name).click()
    expect(hers.message(f"Message {TALK}.")).to_be_in_viewport()
    left = hers.page.evaluate(
        """async () => {
            const box = document.querySelector(".scroller");
            const frame = () => new Promise(requestAnimationFrame);
            box.scrollTop -= 600;
            await frame();
            await frame();
            document.querySelector('[aria-label="Go to the newest messages"]').click();
            return box.scrollHeight - box.clientHeight - box.scrollTop;
        }"""
    )
    assert left < 2


def test_a_scroll_event_after_the_chat_was_left_does_nothing(visit: Visit, alice: Person, bob: Person) -> None:
    alice.direct_chat(bob)
    hers = visit(alice)
    hers.entry(bob.name).click()
    box = hers.talk.locator(".scroller").element_handle()
    hers.page.evaluate("location.hash = '#/'")
    expect(hers.talk.locator(".scroller")).to_have_count(0)
    # As browsers do where the window has just scrolled; `visit` finds the error of a script.
    box.dispatch_event("scroll")
