"""Notifications of new messages while a tab is open."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_chat_state import choose
from tests.browser.test_tabs import another_tab
from tests.browser.visitor import Visitor, await_online
from tests.people import Person, data
from tests.waiting import eventually

# Keeps what is shown and played, and lets the test say whether the window has the focus. The headless shell denies every
# notification, whatever it is granted.
RECORD = """
window.shown = [];
window.sounds = 0;
window.focused = true;
document.hasFocus = () => focused;
window.Notification = class extends EventTarget {
  static permission = "granted";
  constructor(title, options) {
    super();
    Object.assign(this, {title, ...options, wasClosed: false});
    shown.push(this);
  }
  close() {
    this.wasClosed = true;
    this.onclose?.();
  }
};
window.AudioContext = class extends AudioContext {
  constructor() {
    super();
    sounds += 1;
  }
};
"""
# A browser that has not been asked yet: `asked` counts the questions, and `answer` is what the user chooses.
UNASKED = """
window.asked = 0;
window.Notification = class {
  static permission = localStorage.getItem("test.permission") ?? "default";
  static async requestPermission() {
    asked += 1;
    this.permission = "%s";
    localStorage.setItem("test.permission", this.permission);
    return this.permission;
  }
};
"""
SHOWN = "shown.map(({title, body, tag, wasClosed}) => [title, body, tag, wasClosed])"


def run_always(visitor: Visitor, script: str) -> None:
    """Run a script now and in each page that is loaded from now on."""
    visitor.context.add_init_script(script)
    # What a script ends with is its value, and not all values can be passed on.
    visitor.page.evaluate(f"{script}\nnull")


def allow(visitor: Visitor) -> None:
    """Give the permission, with the page in the background."""
    run_always(visitor, RECORD)
    ready(visitor.page)
    leave_window(visitor.page)


def ready(page: Page) -> None:
    """Wait until the page, the only one, can notify. A page that was closed keeps its lock for a moment."""
    await_online(page)
    eventually(lambda: locks(page, "held", "chat.notifier:") == 1 and not locks(page, "pending", "chat.notifier:"), 40)


def locks(page: Page, state: str, prefix: str) -> int:
    """The number of locks of all pages of the browser that are `held` or `pending`, by the beginning of their name."""
    counted = "async ([state, prefix]) => (await navigator.locks.query())[state].filter(l => l.name.startsWith(prefix)).length"
    return int(page.evaluate(counted, [state, prefix]))


def leave_window(page: Page) -> None:
    """The user looks at another window, and no page has a chat in view."""
    page.evaluate("focused = false; window.dispatchEvent(new Event('blur'))")
    eventually(lambda: locks(page, "held", "chat.view:") == 0, 40)


def return_to_window(page: Page) -> None:
    page.evaluate("focused = true; window.dispatchEvent(new Event('focus'))")


def shown(page: Page) -> list[list[Any]]:
    """The notifications so far: title, text, tag, and whether it was closed."""
    found: list[list[Any]] = page.evaluate(SHOWN)
    return found


def texts(page: Page) -> list[str]:
    """The texts of the notifications so far, without the sender."""
    return [str(text).rpartition(": ")[2] for _, text, *_ in shown(page)]


def has_level(visitor: Visitor, name: str, level: str) -> None:
    """Wait until the page knows the notification level of a chat."""
    choose(visitor, name, "Notifications…")
    expect(visitor.page.get_by_role("menuitemradio", name=level)).to_be_checked()
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.get_by_role("menu")).to_have_count(0)


def test_a_message_notifies_once_and_a_click_opens_it(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    chat, group = alice.direct_chat(bob), alice.group(bob, carol, name="Garden")
    hers = visit(alice)
    allow(hers)
    bob.send(chat, "**Hello**, Alice", format="markdown")
    eventually(lambda: shown(hers.page) == [[bob.name, "Hello, Alice", chat, False]], 40)
    carol.send(group, "Who waters the plants?")
    eventually(lambda: len(shown(hers.page)) == 2, 40)
    assert shown(hers.page)[1] == ["Garden", f"{carol.name}: Who waters the plants?", group, False]
    hers.page.evaluate("shown[1].onclick()")
    expect(hers.message("Who waters the plants?")).to_be_visible()
    expect(hers.page).to_have_url(f"{hers.url}/#/chats/{group}")
    # Those of chats that are read, here or on another device, go.
    return_to_window(hers.page)
    data(alice.post(f"/messages/{chat}/read", {}))
    eventually(lambda: [closed for *_, closed in shown(hers.page)] == [True, True], 40)


def test_the_chat_in_view_is_quiet(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    chat, other = alice.direct_chat(bob), alice.direct_chat(carol)
    hers = visit(alice)
    allow(hers)
    return_to_window(hers.page)
    hers.entry(bob.name).click()
    expect(hers.composer).to_be_visible()
    bob.send(chat, "Seen at once")
    expect(hers.message("Seen at once")).to_be_visible()
    carol.send(other, "Elsewhere")
    eventually(lambda: [title for title, *_ in shown(hers.page)] == [carol.name], 40)
    leave_window(hers.page)
    bob.send(chat, "Not seen")
    eventually(lambda: [title for title, *_ in shown(hers.page)] == [carol.name, bob.name], 40)


def test_one_of_several_tabs_notifies(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    hers = visit(alice)
    allow(hers)
    second = another_tab(hers)
    expect(second.get_by_role("link", name=bob.name)).to_be_visible()
    tabs = [hers.page, second]
    leave_window(second)

    def titles() -> list[str]:
        return [text for page in tabs for _, text, *_ in shown(page)]

    bob.send(chat, "To both tabs")
    eventually(lambda: titles() == ["To both tabs"], 40)
    # The other tab shows the chat: no tab notifies.
    return_to_window(second)
    second.get_by_role("link", name=bob.name).click()
    expect(second.get_by_role("log")).to_contain_text("To both tabs")
    bob.send(chat, "Seen in the second tab")
    expect(second.get_by_role("log")).to_contain_text("Seen in the second tab")
    leave_window(second)
    # The tab that is left takes over.
    hers.page.close()
    tabs.remove(hers.page)
    ready(second)
    bob.send(chat, "To the second tab")
    eventually(lambda: titles() == ["To the second tab"], 40)


def test_levels_and_mutes_are_respected(visit: Visit, alice: Person, bob: Person) -> None:
    loud, quiet, muted = (alice.group(bob, name=name) for name in ("Loud", "Quiet", "Muted"))
    direct = alice.direct_chat(bob)
    data(alice.patch("/users/me/settings", {"notify": "mentions"}))
    data(alice.patch(f"/chats/{loud}/me", {"notify": "all"}))
    data(alice.patch(f"/chats/{muted}/me", {"mutedUntil": "9999-12-31T23:59:59.999Z"}))
    mine = alice.send(quiet, "Mine")
    hers = visit(alice)
    allow(hers)
    named: dict[str, Any] = {"mentions": {"userIds": [alice.id]}}
    bob.send(loud, "Everything")
    bob.send(quiet, "Nothing")
    bob.send(quiet, "Named", **named)
    bob.send(quiet, "A reply", replyToId=mine["id"])
    bob.send(muted, "Named but muted", **named)
    bob.send(direct, "Direct")
    expected = ["Everything", "Named", "A reply", "Direct"]
    hers.page.wait_for_function("count => shown.length >= count", arg=len(expected))
    assert texts(hers.page) == expected
    # Muted, with the level of mentions: only by name.
    data(alice.patch(f"/chats/{muted}/me", {"notify": "mentions"}))
    data(alice.patch(f"/chats/{loud}/me", {"notify": "none"}))
    for name, level in (("Muted", "Mentions only"), ("Loud", "Nothing")):
        has_level(hers, name, level)
    bob.send(loud, "Named, but off", **named)
    bob.send(muted, "Not named")
    bob.send(muted, "Named", **named)
    expected.append("Named")
    hers.page.wait_for_function("count => shown.length >= count", arg=len(expected))
    assert texts(hers.page) == expected


def test_blocked_users_notify_of_nothing(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    group = alice.group(bob, carol, name="Garden")
    assert alice.request("PUT", f"/users/me/blocks/{bob.id}").status_code == 204
    hers = visit(alice)
    allow(hers)
    bob.send(group, "Hello", mentions={"userIds": [alice.id]})
    carol.send(group, "Hello")
    eventually(lambda: [text for _, text, *_ in shown(hers.page)] == [f"{carol.name}: Hello"], 40)


@pytest.mark.parametrize("answer", ["granted", "denied"])
def test_the_browser_asks_after_the_first_message_and_once(
    visit: Visit, alice: Person, bob: Person, answer: str
) -> None:
    alice.direct_chat(bob)
    hers = visit(alice)
    run_always(hers, UNASKED % answer)
    hers.entry(bob.name).click()
    expect(hers.composer).to_be_visible()
    assert hers.page.evaluate("asked") == 0
    hers.say("Hello")
    hers.say("Are you there?")
    expect(hers.message("Are you there?")).to_contain_text("Sent")
    assert hers.page.evaluate("asked") == 1
    hers.page.reload()
    hers.say("Once more")
    expect(hers.message("Once more")).to_contain_text("Sent")
    assert hers.page.evaluate("asked") == 0
    notifications = hers.open_settings("Notifications")
    if answer == "granted":
        expect(notifications.get_by_role("switch", name="Show notifications")).to_be_checked()
    else:
        expect(notifications.get_by_text("The browser blocks notifications of this page.")).to_be_visible()


def test_a_dismissed_question_can_be_asked_in_the_settings(visit: Visit, alice: Person, bob: Person) -> None:
    alice.direct_chat(bob)
    hers = visit(alice)
    run_always(hers, UNASKED % "default")
    hers.entry(bob.name).click()
    hers.say("Hello")
    expect(hers.message("Hello")).to_contain_text("Sent")
    assert hers.page.evaluate("asked") == 1
    hers.open_settings("Notifications").get_by_role("button", name="Allow notifications").click()
    assert hers.page.evaluate("asked") == 2


def test_notifications_and_sounds_can_be_turned_off_in_a_browser(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    hers = visit(alice)
    allow(hers)
    notifications = hers.open_settings("Notifications")
    notifications.get_by_role("switch", name="Show notifications").click()
    hers.page.keyboard.press("Escape")
    bob.send(chat, "Only a sound")
    hers.page.wait_for_function("() => sounds === 1")
    assert shown(hers.page) == []
    hers.page.reload()
    ready(hers.page)
    leave_window(hers.page)
    notifications = hers.open_settings("Notifications")
    notifications.get_by_role("switch", name="Show notifications").click()
    notifications.get_by_role("switch", name="Play a sound").click()
    bob.send(chat, "Without a sound")
    eventually(lambda: [text for _, text, *_ in shown(hers.page)] == ["Without a sound"], 40)
    assert hers.page.evaluate("sounds") == 0


def icon(context: BrowserContext) -> str:
    found: str = context.pages[0].evaluate("document.querySelector('link[rel=icon]').href")
    return found


def test_the_title_and_the_icon_count_what_is_unread(visit: Visit, alice: Person, bob: Person) -> None:
    chat, muted = alice.direct_chat(bob), alice.group(bob, name="Muted")
    data(alice.patch(f"/chats/{muted}/me", {"mutedUntil": "9999-12-31T23:59:59.999Z"}))
    hers = visit(alice)
    expect(hers.page).to_have_title("Chat")
    usual = icon(hers.context)
    bob.send(muted, "Never mind")
    bob.send(chat, "Hello")
    expect(hers.page).to_have_title("(1) Chat")
    assert icon(hers.context) != usual
    data(alice.post(f"/messages/{chat}/read", {}))
    expect(hers.page).to_have_title("Chat")
    assert icon(hers.context) == usual
