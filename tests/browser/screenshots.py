"""`make screenshots`: every view of the web client, wide and narrow, light and dark, one picture for each view.

`python -m tests.browser.screenshots FOLDER` also leaves every single shot there, in its real size.
"""

import re
import sys
from collections.abc import Callable
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import requests
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Route, expect

from chatapp.launcher.web import build
from tests.browser import demo
from tests.browser.chromium import chromium, require_chromium
from tests.browser.throwaway import throwaway_server
from tests.browser.visitor import NARROW, WIDE, Visitor
from tests.people import PASSWORD, TIMEOUT, Person, data
from tests.server import ROOT
from tests.socket_clients import PyClient

OUT = ROOT / "docs" / "screenshots"
VARIANTS = (("light", WIDE), ("light", NARROW), ("dark", WIDE), ("dark", NARROW))
GAP = 24
# A palette has the commonest colours as they are, and picks others to stand for the rest.
PALETTES, EXACT, LARGEST = (256, 128, 64, 40), 32, 200_000
HERE = ("jonas", "amara", "sofia")
View = Callable[[Visitor, demo.Demo], None]


def login(_visitor: Visitor, _demo: demo.Demo) -> None:
    """The login page."""


def register(visitor: Visitor, _demo: demo.Demo) -> None:
    page = visitor.page
    page.get_by_role("button", name="Create an account").click()
    page.get_by_label("Username").fill("rosa")
    page.get_by_label("E-mail").fill("rosa@example.org")
    page.get_by_label("Password", exact=True).fill("horse")
    page.get_by_role("button", name="Create account").click()


def chats(_visitor: Visitor, _demo: demo.Demo) -> None:
    """All chats."""


def conversation(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.entry("amara").click()
    expect(visitor.message("good rolls")).to_be_visible()
    visitor.composer.fill("Two of those, please!")


def group(visitor: Visitor, made: demo.Demo) -> None:
    visitor.entry(demo.HIKE).click()
    expect(visitor.message("blue car")).to_be_visible()
    expect(visitor.page.locator(".picture img").last).not_to_have_js_property("naturalWidth", 0)
    show_typing(made, visitor.talk.get_by_text("jonas is typing"))


def show_typing(made: demo.Demo, line: Locator) -> None:
    """Type until it is shown: the page may not be connected yet."""
    for _ in range(20):
        made.sockets["jonas"].emit("typing:start", {"chatId": made.chats[demo.HIKE]})
        try:
            expect(line).to_be_visible(timeout=1000)
        except AssertionError:
            continue
        return
    expect(line).to_be_visible()


def formatted(visitor: Visitor, _demo: demo.Demo) -> None:
    """Formatted text with code, and a mention of the reader."""
    visitor.entry(demo.STUDIO).click()
    expect(visitor.message("hours.json")).to_be_visible()


def emoji(visitor: Visitor, made: demo.Demo) -> None:
    conversation(visitor, made)
    visitor.page.get_by_role("button", name="Emoji", exact=True).click()
    grinning = visitor.page.get_by_role("dialog", name="Emoji").get_by_role("button", name="grinning face", exact=True)
    expect(grinning.first).to_be_visible()


def open_menu(visitor: Visitor, text: str, action: str = "") -> None:
    """The menu of a message in the group, or what an action of it opens."""
    visitor.entry(demo.HIKE).click()
    expect(visitor.message("blue car")).to_be_visible()
    expect(visitor.page.locator(".picture img").last).not_to_have_js_property("naturalWidth", 0)
    visitor.message(text).last.focus()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("menuitem", name="Reply")).to_be_visible()
    if action:
        visitor.page.get_by_role("menuitem", name=action).click()


def message_menu(visitor: Visitor, _demo: demo.Demo) -> None:
    """What can be done with a message, and quick reactions."""
    open_menu(visitor, "blue car")


def who_reacted(visitor: Visitor, _demo: demo.Demo) -> None:
    open_menu(visitor, "view on the way up", "Who reacted")
    expect(visitor.page.get_by_role("dialog").get_by_role("listitem")).to_have_count(7)


def pins(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.entry(demo.HIKE).click()
    visitor.page.get_by_role("button", name="Show all 2 pinned messages").click()
    expect(visitor.page.get_by_role("dialog").get_by_role("listitem")).to_have_count(2)


def edit_history(visitor: Visitor, _demo: demo.Demo) -> None:
    open_menu(visitor, "blue car", "Earlier versions")
    expect(visitor.page.get_by_role("dialog").get_by_role("listitem")).to_have_count(3)


def forward(visitor: Visitor, _demo: demo.Demo) -> None:
    open_menu(visitor, "view on the way up", "Forward")
    dialog = visitor.page.get_by_role("dialog")
    dialog.get_by_role("searchbox", name="Find chats").fill("s")
    dialog.get_by_role("checkbox", name=re.compile("Studio Nord")).check()


def selecting(visitor: Visitor, _demo: demo.Demo) -> None:
    """Several messages, to forward them."""
    open_menu(visitor, "blue car", "Select")
    visitor.message("tea for six").click()


def photos_and_files(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.entry(demo.HIKE).click()
    visitor.talk.locator("header a.title-link").click()
    visitor.page.get_by_role("button", name="Photos and files").click()
    images = visitor.page.get_by_role("dialog").locator("img")
    expect(images).to_have_count(6)
    for image in images.all():
        expect(image).not_to_have_js_property("naturalWidth", 0)


def mentions(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.page.get_by_role("button", name="Mentions").click()
    expect(visitor.page.get_by_role("dialog", name="Mentions").get_by_role("link")).to_have_count(3)


def mentioning(visitor: Visitor, _demo: demo.Demo) -> None:
    """Names that can follow an @, in a reply."""
    open_menu(visitor, "blue car", "Reply")
    visitor.composer.press_sequentially("Coming! Do you see her, @")
    options = visitor.page.get_by_role("listbox", name="Suggestions").get_by_role("option")
    expect(options).to_have_count(7)


def formatting(visitor: Visitor, _demo: demo.Demo) -> None:
    """The buttons for marks, above the text."""
    visitor.entry(demo.STUDIO).click()
    visitor.composer.fill("Looks **good**, but `close` may be missing on holidays:\n- New Year\n- 1 May")
    visitor.page.get_by_role("button", name="Formatting").click()
    expect(visitor.page.get_by_role("toolbar", name="Formatting")).to_be_visible()


def details(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.entry(demo.HIKE).click()
    visitor.talk.locator("header a.title-link").click()
    expect(visitor.page.get_by_role("heading", name="7 members")).to_be_visible()
    # The visitor's own presence of the shot before is over.
    expect(visitor.page.get_by_role("region", name="Members")).not_to_contain_text("Last seen")
    visitor.page.get_by_role("button", name="Manage leo_k").click()


def search(visitor: Visitor, _demo: demo.Demo) -> None:
    """People, chats and messages."""
    visitor.search_field.fill("so")
    expect(visitor.page.get_by_role("region", name="People").get_by_role("button").first).to_be_visible()
    expect(visitor.page.get_by_role("region", name="Messages").get_by_role("link").first).to_be_visible()


def search_in_a_chat(visitor: Visitor, _demo: demo.Demo) -> None:
    """Messages of a group, one of which was opened."""
    visitor.entry(demo.HIKE).click()
    visitor.page.get_by_role("button", name="Search in this chat").click()
    visitor.search_field.fill("the")
    hits = visitor.page.get_by_role("region", name="Messages").get_by_role("link")
    expect(hits.filter(has_text="lunch").first).to_be_visible()
    hits.filter(has_text="thermos").first.click()


def search_filters(visitor: Visitor, _demo: demo.Demo) -> None:
    """Who can follow an operator."""
    visitor.search_field.press_sequentially("has:link from:so")
    expect(visitor.page.get_by_role("region", name="From").get_by_role("button").first).to_be_visible()


def recent_searches(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.search_field.click()
    expect(visitor.page.get_by_role("button", name="Filter", exact=True)).to_be_visible()
    for words in ("thermos from:sofia ", "חמישי"):
        visitor.search_field.fill(words)
        visitor.page.wait_for_timeout(300)
        visitor.search_field.press("Enter")
    visitor.page.get_by_role("button", name="Clear", exact=True).click()


def search_right_to_left(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.search_field.fill("نلتقي")
    expect(visitor.page.get_by_role("region", name="Messages").get_by_role("link")).to_have_count(1)


def new_chat(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.page.get_by_role("button", name="New chat").click()


def right_to_left(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.entry(demo.FAMILY).click()
    expect(visitor.message("see you there")).to_be_visible()
    visitor.composer.fill("תודה! Until Friday, then")


def compact(visitor: Visitor, made: demo.Demo) -> None:
    visitor.page.get_by_role("button", name="Account of").click()
    visitor.page.get_by_role("menuitemradio", name="Compact").click()
    conversation(visitor, made)


def draft(visitor: Visitor, _demo: demo.Demo) -> None:
    """Unsent text in the list."""
    visitor.entry("amara").click()
    visitor.composer.fill("Two of those, please!")
    visitor.page.goto(f"{visitor.url}/#/")
    visitor.entry("jonas").click()
    visitor.page.goto(f"{visitor.url}/#/")
    expect(visitor.entry("amara")).to_contain_text("Draft:")


def arranged(made: demo.Demo) -> None:
    """Chats that their user has pinned, muted, marked as unread and archived."""
    # A user has a limited number of sessions, and each picture takes one: the first has ended.
    account = {"username": demo.ME, "password": PASSWORD}
    url = made.people[demo.ME].url
    me = Person(url, data(requests.post(f"{url}/api/v1/auth/login", json=account, timeout=TIMEOUT)))
    states: dict[str, dict[str, object]] = {
        demo.HIKE: {"pinned": True},
        demo.STUDIO: {"mutedUntil": "9999-12-31T23:59:59.999Z"},
        "sofia": {"pinned": True},
        "jonas": {"isMarkedUnread": True},
        "Book club": {"isArchived": True},
        "tomasz": {"isArchived": True},
    }
    for name, state in states.items():
        data(me.patch(f"/chats/{made.chats[name]}/me", state))


def pinned_and_muted(visitor: Visitor, made: demo.Demo) -> None:
    """Chats that are pinned, muted and marked as unread, and some that were archived."""
    arranged(made)
    expect(visitor.page.get_by_role("button", name="Archived")).to_be_visible()
    expect(visitor.page.locator(".badge.unnumbered")).to_be_visible()


def chat_menu(visitor: Visitor, _demo: demo.Demo) -> None:
    """What can be done with a chat."""
    expect(visitor.page.locator(".with-menus")).to_be_attached()
    visitor.entry("amara").click(button="right")
    expect(visitor.page.get_by_role("menuitem", name="Archive")).to_be_visible()


def archived(visitor: Visitor, made: demo.Demo) -> None:
    """Chats that were archived."""
    arranged(made)
    visitor.page.get_by_role("button", name="Archived").click()
    expect(visitor.page.get_by_role("navigation", name="Archived chats").get_by_role("link")).to_have_count(2)


def deleting(visitor: Visitor, _demo: demo.Demo) -> None:
    """A message that was deleted for oneself, which can be undone."""
    open_menu(visitor, "blue car", "Delete for me")
    expect(visitor.page.get_by_role("button", name="Undo")).to_be_visible()


def mute(visitor: Visitor, _demo: demo.Demo) -> None:
    """For how long a chat can be muted."""
    visitor.entry("amara").click()
    expect(visitor.message("good rolls")).to_be_visible()
    visitor.page.get_by_role("button", name="Chat actions").click()
    visitor.page.get_by_role("menuitem", name="Mute").click()


def shortcuts(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.page.get_by_role("button", name="Account of").press("?")


def person(visitor: Visitor, _demo: demo.Demo) -> None:
    """The profile of someone who was found."""
    visitor.search_field.fill("sof")
    visitor.page.get_by_role("button", name="Profile of sofia").click()
    expect(visitor.page.get_by_role("dialog").get_by_role("button", name="Message")).to_be_visible()


def new_group(visitor: Visitor, _demo: demo.Demo) -> None:
    page = visitor.page
    visitor.new_group()
    page.get_by_label("Name", exact=True).fill("Choir of the north")
    page.get_by_label("Description").fill("Rehearsals on Thursdays at seven.")
    page.get_by_label("Find people", exact=True).fill("so")
    for name in ("sofia", "soren"):
        page.get_by_role("checkbox", name=name).check()


def account(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.page.get_by_role("button", name="Account of").click()


def settings(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.open_settings("Privacy")
    expect(visitor.page.get_by_role("switch").first).to_be_visible()


def notification_settings(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.open_settings("Notifications")


def report(visitor: Visitor, _demo: demo.Demo) -> None:
    open_menu(visitor, "blue car", "Report")
    visitor.page.get_by_role("dialog", name="Report message").get_by_role("radio", name="Spam").check()


def profile(visitor: Visitor, _demo: demo.Demo) -> None:
    account(visitor, _demo)
    visitor.page.get_by_role("menuitem", name="Profile").click()


def picture(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.entry(demo.HIKE).click()
    visitor.page.get_by_role("button", name="Open ridge.jpg").click()
    expect(visitor.page.get_by_role("img", name="ridge.jpg")).not_to_have_js_property("naturalWidth", 0)


def files(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.entry("jonas").click()
    network = visitor.context.new_cdp_session(visitor.page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 30_000}
    network.send("Network.emulateNetworkConditions", slow)
    choose = visitor.page.get_by_label("Files", exact=True)
    pdf, jpeg = "application/pdf", "image/jpeg"
    choose.set_input_files(FilePayload(name="hut-menu.pdf", mimeType=pdf, buffer=demo.document()))
    visitor.say("The menu of the hut")
    bar = visitor.page.get_by_role("progressbar", name="Sending hut-menu.pdf")
    expect(bar).not_to_have_js_property("value", 0)
    choose.set_input_files(
        [
            FilePayload(name="summit.jpg", mimeType=jpeg, buffer=demo.landscape(600, 400)),
            FilePayload(name="tickets.pdf", mimeType=pdf, buffer=demo.document()),
        ]
    )


def offline(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.entry("sofia").click()
    script = FilePayload(name="setup.pdf", mimeType="application/pdf", buffer=b"MZ\0")
    visitor.page.get_by_label("Files", exact=True).set_input_files([script])
    visitor.page.get_by_role("button", name="Send").click()
    expect(visitor.page.get_by_role("button", name="Discard")).to_be_visible()
    visitor.context.set_offline(True)
    expect(visitor.page.get_by_text("You are offline.")).to_be_visible(timeout=20_000)
    visitor.say("No signal up here, more when we are down")


def unreachable(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.page.route_web_socket(re.compile("/socket.io/"), lambda socket: socket.close())
    visitor.page.route(re.compile("/socket.io/"), lambda route: route.abort())
    visitor.page.reload()
    expect(visitor.page.locator(".banner")).to_contain_text("can't be reached", timeout=20_000)


def german_login(_visitor: Visitor, _demo: demo.Demo) -> None:
    """The login page."""


def german_group(visitor: Visitor, made: demo.Demo) -> None:
    german_log_in(visitor)
    visitor.page.goto(f"{visitor.url}/#/chats/{made.chats[demo.HIKE]}")
    show_typing(made, visitor.page.get_by_text("jonas schreibt").last)


def german_details(visitor: Visitor, made: demo.Demo) -> None:
    german_log_in(visitor)
    visitor.page.goto(f"{visitor.url}/#/chats/{made.chats[demo.HIKE]}/details")
    expect(visitor.page.get_by_role("button", name="Gruppe verlassen")).to_be_visible()


def german_account(visitor: Visitor, _demo: demo.Demo) -> None:
    german_log_in(visitor)
    visitor.page.get_by_role("button", name="Konto von").click()


def german_shortcuts(visitor: Visitor, _demo: demo.Demo) -> None:
    german_log_in(visitor)
    visitor.page.get_by_role("button", name="Konto von").press("?")


def german_chat_menu(visitor: Visitor, made: demo.Demo) -> None:
    arranged(made)
    german_log_in(visitor)
    expect(visitor.page.get_by_role("button", name="Archiviert")).to_be_visible()
    visitor.entry("amara").click(button="right")
    expect(visitor.page.get_by_role("menuitem", name="Archivieren")).to_be_visible()


def german_log_in(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_label("Benutzername oder E-Mail").fill(demo.ME)
    page.get_by_label("Passwort", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_role("navigation", name="Chats").get_by_role("link").first).to_be_visible()


def administration(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.page.goto(f"{visitor.url}/#/administration/keys")
    expect(visitor.page.get_by_role("list", name="API keys")).to_contain_text("reports")


def reports(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.page.goto(f"{visitor.url}/#/administration/reports")
    expect(visitor.page.get_by_role("list", name="Reports").get_by_role("listitem")).to_have_count(2)


def no_results(_visitor: Visitor, _demo: demo.Demo) -> None:
    """The view of a new user."""


def docs(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.page.goto(f"{visitor.url}/docs")
    expect(visitor.page.get_by_text("/api/v1/auth/register").last).to_be_visible()


def events(visitor: Visitor, _demo: demo.Demo) -> None:
    visitor.page.goto(f"{visitor.url}/docs/events")


# Who is there, and what they look at.
VIEWS: dict[View, str | None] = {
    login: None,
    register: None,
    no_results: "soren",
    chats: demo.ME,
    conversation: demo.ME,
    group: demo.ME,
    formatted: demo.ME,
    emoji: demo.ME,
    message_menu: demo.ME,
    who_reacted: demo.ME,
    pins: demo.ME,
    edit_history: demo.ME,
    forward: demo.ME,
    selecting: demo.ME,
    photos_and_files: demo.ME,
    mentions: demo.ME,
    mentioning: demo.ME,
    formatting: demo.ME,
    details: demo.ME,
    search: demo.ME,
    search_in_a_chat: demo.ME,
    search_filters: demo.ME,
    recent_searches: demo.ME,
    search_right_to_left: demo.ME,
    new_chat: demo.ME,
    person: demo.ME,
    draft: demo.ME,
    pinned_and_muted: demo.ME,
    chat_menu: demo.ME,
    archived: demo.ME,
    mute: demo.ME,
    deleting: demo.ME,
    right_to_left: demo.ME,
    compact: demo.ME,
    shortcuts: demo.ME,
    new_group: demo.ME,
    account: demo.ME,
    profile: demo.ME,
    settings: demo.ME,
    notification_settings: demo.ME,
    report: demo.ME,
    picture: demo.ME,
    files: demo.ME,
    offline: demo.ME,
    unreachable: demo.ME,
    administration: demo.ADMIN,
    reports: demo.ADMIN,
    german_login: None,
    german_group: None,
    german_details: None,
    german_account: None,
    german_shortcuts: None,
    german_chat_menu: None,
    docs: None,
    events: None,
}


def main() -> None:
    """Make all of them."""
    build()
    executable = require_chromium()
    raw = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    only = sys.argv[2:]
    OUT.mkdir(exist_ok=True)
    with ExitStack() as stack:
        server, engine = stack.enter_context(throwaway_server())
        made = demo.make(server.url, engine)
        for name in HERE:
            made.sockets[name] = PyClient.connect(server.url, made.people[name].token)
        marks = demo.watermarks(engine)
        browser = stack.enter_context(chromium(executable, "--font-render-hinting=none"))
        for view, who in VIEWS.items():
            name = view.__name__.replace("_", "-")
            if only and name not in only:
                continue
            shots = []
            for scheme, viewport in VARIANTS:
                demo.put_back(engine, marks)
                locale = "de-DE" if name.startswith("german") else "en-GB"
                visitor = Visitor(
                    browser,
                    server.url,
                    viewport=viewport,
                    has_touch=viewport is NARROW,
                    color_scheme=scheme,
                    locale=locale,
                    reduced_motion="reduce",
                )
                # A page that gets its font late stays without it.
                visitor.context.route(re.compile(r"\.css$"), wait_for_font)
                if who:
                    visitor.log_in(who)
                else:
                    visitor.enter()
                view(visitor, made)
                visitor.page.mouse.move(0, 0)
                visitor.page.wait_for_timeout(400)
                shots.append(visitor.page.screenshot())
                if raw:
                    raw.mkdir(exist_ok=True)
                    (raw / f"{name}-{scheme}-{viewport['width']}.png").write_bytes(shots[-1])
                # What is on its way is not to arrive.
                for button in visitor.page.get_by_role("log").get_by_role("button", name="Cancel").all():
                    button.click()
                    expect(button).to_have_count(0)
                # Drafts and deletions are sent as the page is left: before the next shot.
                visitor.page.goto("about:blank")
                visitor.page.wait_for_timeout(200)
                visitor.context.close()
            picture = packed(side_by_side(shots))
            (OUT / f"{name}.png").write_bytes(picture)
            print(f"{name}.png {len(picture) // 1000} kB", flush=True)


def wait_for_font(route: Route) -> None:
    """Have texts wait for the client's own font, which is optional otherwise."""
    response = route.fetch()
    route.fulfill(response=response, body=response.text().replace("font-display:optional", "font-display:block"))


def side_by_side(shots: list[bytes]) -> Image.Image:
    """Wide and narrow beside each other, light above dark."""
    pictures = [Image.open(BytesIO(shot)).convert("RGB") for shot in shots]
    width = WIDE["width"] + NARROW["width"] + 3 * GAP
    row = max(WIDE["height"], NARROW["height"]) + GAP
    sheet = Image.new("RGB", (width, 2 * row + GAP), "#b9bcc9")
    for number, shot in enumerate(pictures):
        left = GAP if number % 2 == 0 else WIDE["width"] + 2 * GAP
        sheet.paste(shot, (left, GAP + row * (number // 2)))
    return sheet


def packed(sheet: Image.Image) -> bytes:
    """It as a PNG, with as many colours as there is room for."""
    seen = sorted(sheet.getcolors(sheet.width * sheet.height) or [], reverse=True)
    colours: list[Any] = [colour for _, colour in seen]
    exact, rest = colours[:EXACT], colours[EXACT:]
    line = Image.new("RGB", (len(rest), 1))
    line.putdata(rest)
    pixels: Any = list(zip(*[iter(sheet.tobytes())] * 3, strict=True))
    for size in PALETTES:
        others = line.quantize(size - EXACT, kmeans=1)
        numbers = dict(zip(rest, (EXACT + number for number in others.tobytes()), strict=True))
        numbers |= {colour: number for number, colour in enumerate(exact)}
        picture = Image.frombytes("P", sheet.size, bytes(map(numbers.__getitem__, pixels)))
        picture.putpalette([part for colour in exact for part in colour] + (others.getpalette() or []))
        out = BytesIO()
        picture.save(out, "PNG", optimize=True)
        if out.tell() <= LARGEST:
            break
    return out.getvalue()


if __name__ == "__main__":
    main()
