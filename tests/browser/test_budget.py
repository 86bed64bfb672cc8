"""How much the page loads, and that nothing moves while it does."""

import gzip
import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from chatapp.launcher.web import BUILT
from tests.browser.conftest import Visit
from tests.browser.past import write_past
from tests.browser.visitor import NARROW, WIDE
from tests.people import Person

MAX_SCRIPT_BYTES = 72_500
MAX_SCRIPT_BYTES_WITH_LAZY = 120_500
# Each costs a request before the first view: the page's own script and the one that asks for the list.
MAX_SCRIPTS = 2
# What administrators load in addition.
MAX_ADMINISTRATION_BYTES = 20_000
# What the search loads in addition.
MAX_SEARCH_BYTES = 10_000
# What the settings load in addition.
MAX_SETTINGS_BYTES = 5_500
# What the emoji picker loads in addition, with the names of emoji in one language.
MAX_EMOJI_BYTES = 65_000
# What colours code.
MAX_HIGHLIGHT_BYTES = 10_000
# What moved without input of the user: the score of each shift, and the elements.
RECORD_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const {value, hadRecentInput, sources} of list.getEntries()) {
    if (!hadRecentInput) shifts.push([value, ...sources.map(({node}) => node?.className || node?.nodeName)].join(" "));
  }
}).observe({type: "layout-shift", buffered: true});
"""


def packed(name: str) -> int:
    """The bytes of an asset as they travel."""
    return len(gzip.compress((BUILT / "assets" / name).read_bytes()))


def test_the_script_of_the_page_stays_small() -> None:
    page = (BUILT / "index.html").read_text()
    at_start = set(re.findall(r'/assets/([\w.-]+\.js)"', page))
    for name in list(at_start):
        # What the entry imports statically is loaded with it.
        at_start |= set(re.findall(r'from"\./([\w.-]+\.js)"', (BUILT / "assets" / name).read_text()))
    assert len(at_start) <= MAX_SCRIPTS
    assert sum(map(packed, at_start)) <= MAX_SCRIPT_BYTES
    scripts = {path.name for path in (BUILT / "assets").glob("*.js")}
    of_administration = {name for name in scripts if name.startswith("administration")}
    of_settings = {name for name in scripts if name.startswith("settings")}
    of_search = {name for name in scripts if name.startswith("search-") and not name.startswith("search-field")}
    of_emoji = {name for name in scripts if "emoji-" in name}
    of_highlight = {name for name in scripts if name.startswith("highlight-")}
    assert 0 < sum(map(packed, of_highlight)) <= MAX_HIGHLIGHT_BYTES
    rest = scripts - of_administration - of_search - of_settings - of_emoji - of_highlight
    assert sum(map(packed, rest)) <= MAX_SCRIPT_BYTES_WITH_LAZY
    assert 0 < sum(map(packed, of_administration)) <= MAX_ADMINISTRATION_BYTES
    assert 0 < sum(map(packed, of_search)) <= MAX_SEARCH_BYTES
    assert 0 < sum(map(packed, of_settings)) <= MAX_SETTINGS_BYTES
    for language in ("en", "de"):
        others = {name for name in of_emoji if re.search(r"emoji-[a-z]{2}-", name) and f"emoji-{language}-" not in name}
        assert 0 < sum(map(packed, of_emoji - others)) <= MAX_EMOJI_BYTES


def shifts(page: Page) -> list[str]:
    """What moved since the page was loaded, up to now and for a moment more."""
    page.wait_for_timeout(500)
    return page.evaluate("shifts")  # type: ignore[no-any-return]


@pytest.mark.parametrize("viewport", [WIDE, NARROW])
def test_nothing_moves_while_the_page_loads(
    visit: Visit, engine: Engine, alice: Person, bob: Person, viewport: dict[str, int]
) -> None:
    chat = alice.direct_chat(bob)
    long = "which is long enough that it takes more than one line on a phone"
    write_past(engine, chat, bob, [f"Message {number}, {long}" for number in range(30)])
    visitor = visit(viewport=viewport)
    page = visitor.page
    visitor.context.add_init_script(RECORD_SHIFTS)
    visitor.log_in(alice.name)
    expect(visitor.entry(bob.name)).to_be_visible()
    assert shifts(page) == []
    for path in ("/", f"/#/chats/{chat}"):
        for load in ("cold", "warm"):
            if load == "cold":
                visitor.context.new_cdp_session(page).send("Network.clearBrowserCache")
            page.goto("about:blank")
            page.goto(visitor.url + path)
            last = visitor.entry(bob.name) if path == "/" else visitor.message("Message 29")
            expect(last).to_be_visible()
            assert shifts(page) == [], f"{load} load of {path}"
