"""`python -m bench.web.chat_list`: how soon the chat list is usable on a slow line, with nothing cached and on return.

A line of 0.4 Mbit/s with a latency of 400 ms and a processor four times slower, by Chromium's own throttling. A user
with 200 chats opens the page: cold, with an empty cache and nothing but a session; warm, as on the next visit. The time
is from the navigation until the first entries of the list are drawn.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page

from bench.site import PORT, Site, User, site
from chatapp.launcher.web import build
from tests.browser.chromium import chromium, require_chromium

CHATS = 200
RUNS = 3
URL = f"http://127.0.0.1:{PORT}"
LINE = {"offline": False, "latency": 400, "downloadThroughput": 0.4e6 / 8, "uploadThroughput": 0.4e6 / 8}
SLOWER = 4
# Keeps the time at which the list was first drawn.
WATCH = """
new MutationObserver((_, observer) => {
  if (document.querySelectorAll("nav a").length < 10) return;
  observer.disconnect();
  requestAnimationFrame(() => requestAnimationFrame(() => { window.listAt = performance.now(); }));
}).observe(document, { subtree: true, childList: true });
"""


def main() -> None:
    """Print the medians."""
    executable = require_chromium()
    build()
    with tempfile.TemporaryDirectory(prefix="chatapp-bench-") as folder, site(Path(folder)) as made:
        user = populate(made)
        made.start(1)
        with chromium(executable) as browser:
            state = log_in(browser, user.name, made.password)
            for name, times in measure(browser, state).items():
                print(f"{name:<6} {statistics.median(times):5.2f} s   ({', '.join(f'{t:.2f}' for t in times)})")


def populate(made: Site) -> User:
    """A user with 200 direct chats, in each of which there are messages."""
    user, *others = made.users(CHATS + 1)
    for other in others:
        made.fill(made.chat([user, other], type="DIRECT"), other, stored=0, total=60, tidy=False)
    made.tidy()
    return user


def log_in(browser: Browser, name: str, password: str) -> Any:
    """What localStorage holds after the login, without what is in IndexedDB."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(URL)
    page.locator("input").nth(0).fill(name)
    page.locator("input[type=password]").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_function("() => Object.keys(localStorage).some((key) => key.startsWith('chat.session'))")
    state = context.storage_state()
    context.close()
    return state


def measure(browser: Browser, state: Any) -> dict[str, list[float]]:
    """Seconds until the list was drawn, of each run."""
    times: dict[str, list[float]] = {"cold": [], "warm": []}
    for _ in range(RUNS):
        context = browser.new_context(storage_state=state)
        context.add_init_script(WATCH)
        page = context.new_page()
        throttle(context.new_cdp_session(page))
        page.goto(URL)
        times["cold"].append(drawn(page))
        # What is kept for the next visit is kept by then.
        page.wait_for_timeout(8000)
        page.reload()
        times["warm"].append(drawn(page))
        context.close()
    return times


def throttle(session: CDPSession) -> None:
    """Slow down the line and the processor of a page."""
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", LINE)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})


def drawn(page: Page) -> float:
    """Seconds from the navigation until the list was drawn."""
    page.wait_for_function("() => window.listAt", timeout=60_000)
    return float(page.evaluate("window.listAt")) / 1000


if __name__ == "__main__":
    main()
