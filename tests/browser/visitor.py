"""A user's actions in the web client, in their own browser context."""

import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, ProxySettings, Request, expect

from tests.people import PASSWORD, TIMEOUT, Person, data

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
# So long is waited for what a page shows or does: tests share the machine with others.
SECONDS = 40
# What a page may say without anything being wrong: connections are lost on purpose.
EXPECTED = re.compile(r"net::ERR_|WebSocket connection|Failed to load resource")
# Nothing listens here: a page that asks another server asks this proxy, and the request fails.
NOWHERE = "http://127.0.0.1:9"

# Runs before the scripts of each page, and acts once: later pages find the session as the page before left it.
SET_SESSION = """
if (location.origin === %(url)s && !sessionStorage.getItem("test.session")) {
  sessionStorage.setItem("test.session", "set");
  localStorage.setItem("chat.session", %(session)s);
}
"""


def await_online(page: Page) -> None:
    """Wait until a page receives events: what happened before is fetched, and notifies of nothing."""
    expect(page.locator("[role=status][data-state=online]")).to_be_attached()


def await_saved(page: Page) -> None:
    """Wait until nothing that the user did would be lost with the page, of which the browser would warn."""
    page.wait_for_function("() => dispatchEvent(new Event('beforeunload', {cancelable: true}))")


def past_proxy(url: str) -> ProxySettings:
    """Proxy settings by which this server alone is asked, not others on its host."""
    site = urlsplit(url)
    # Chromium compares the whole name and the port, the driver (`route.fetch`) the end of the name only.
    return {"server": NOWHERE, "bypass": f"{site.netloc},{(site.hostname or '').rpartition('.')[2]}"}


class Visitor:
    """A browser context with one page; `errors` are errors of its scripts, and `strangers` requests to elsewhere."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.url = url
        self.errors: list[str] = []
        self.strangers: list[str] = []
        usual = {"viewport": WIDE, "locale": "en-GB", "proxy": past_proxy(url)}
        self.context: BrowserContext = browser.new_context(**(usual | options))
        self.context.set_default_timeout(SECONDS * 1000)
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._on_console)
        # Not every request: the driver would describe each one to this process.
        self.page.on("requestfailed", self._on_failure)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not EXPECTED.search(message.text):
            self.errors.append(message.text)

    def _on_failure(self, request: Request) -> None:
        if not request.url.startswith((self.url, "blob:", "data:")):
            self.strangers.append(request.url)

    def enter(self) -> None:
        """Open the page."""
        self.page.goto(f"{self.url}/")

    def take_session(self, person: Person) -> None:
        """Open the page in a session of its own, as a user who logged in earlier: a form takes a third of a second."""
        account = {"username": person.name, "password": PASSWORD}
        trusted = str(person.certificate) if person.certificate else True
        login = data(requests.post(f"{person.url}/api/v1/auth/login", json=account, timeout=TIMEOUT, verify=trusted))
        tokens = {name: login[name] for name in ("accessToken", "refreshToken")}
        session = {"me": login["user"], **tokens, "expiresAt": 1000 * (time.time() + login["expiresIn"])}
        script = SET_SESSION % {"url": json.dumps(self.url), "session": json.dumps(json.dumps(session))}
        self.page.add_init_script(script)
        self.enter()
        expect(self.page.get_by_role("heading", name="Chats", exact=True)).to_be_visible()

    def log_in(self, name: str) -> None:
        """Open the page and log in with the password that all test users share."""
        self.enter()
        self.submit_login(name)

    def submit_login(self, name: str) -> None:
        """Log in on the page as it is."""
        self.page.get_by_label("Username or e-mail").fill(name)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page.get_by_role("heading", name="Chats", exact=True)).to_be_visible()

    def go_offline(self) -> None:
        """Cut the network, and wait until the page knows: until then it sends by the connection that it has."""
        # A handshake that has begun would not be cut.
        await_online(self.page)
        self.context.set_offline(True)
        expect(self.page.get_by_text("You are offline.")).to_be_visible()

    def stop_timers(self) -> None:
        """Of the timers that the page starts from now on, those of a second or more never end."""
        self.page.evaluate(
            """() => {
              const start = setTimeout;
              window.setTimeout = (run, ms, ...given) => start(run, ms >= 1000 ? 2 ** 31 - 1 : ms, ...given);
            }"""
        )

    def stop_clock(self) -> None:
        """Stop the time of the page: from now on it passes as the page's `clock` says, however busy the machine is.

        What is still being loaded then may never be shown: wait for it first.
        """
        self.page.clock.install()
        self.page.clock.pause_at(int(time.time() * 1000) + 1000)

    def wait_for(self, happened: Callable[[], object]) -> None:
        """Wait for something that the page causes in this process, as a request that a test holds back."""
        deadline = time.monotonic() + SECONDS
        while not happened():
            assert time.monotonic() < deadline, f"It has not happened within {SECONDS} s."
            # Playwright calls handlers only while it runs.
            self.page.wait_for_timeout(20)

    @property
    def search_field(self) -> Locator:
        """The field that finds people, chats and messages."""
        return self.page.get_by_role("searchbox", name="Search", exact=True)

    def find(self, name: str) -> None:
        """Find a person and open the chat with them."""
        self.search_field.fill(name)
        self.page.get_by_role("region", name="People").get_by_role("button", name=re.compile(f"^{name}")).click()
        expect(self.composer).to_be_visible()

    def new_group(self) -> None:
        """Open the dialog that makes a group."""
        self.page.get_by_role("button", name="New chat").click()
        self.page.get_by_role("dialog", name="New chat").get_by_role("button", name="New group").click()

    def entry(self, name: str) -> Locator:
        """A chat in the list."""
        return self.page.get_by_role("navigation", name="Chats").get_by_role(
            "link", name=re.compile(f"^{re.escape(name)}")
        )

    @property
    def composer(self) -> Locator:
        """The field to write in."""
        return self.page.get_by_role("textbox", name=re.compile("^(Message to|Edit message)"))

    @property
    def talk(self) -> Locator:
        """The chat that is open."""
        return self.page.get_by_role("region", name=re.compile("^Chat with"))

    def say(self, text: str) -> None:
        """Write a message and send it."""
        self.composer.fill(text)
        self.composer.press("Enter")

    def message(self, text: str) -> Locator:
        """A message that is shown, by a part of its text."""
        return self.page.get_by_role("log", name="Messages").get_by_role("listitem").filter(has_text=text)

    def act(self, message: Locator, action: str) -> None:
        """Choose something from a message's menu."""
        message.hover()
        message.get_by_role("button", name="Message actions").click()
        self.page.get_by_role("menuitem", name=action).click()

    def open_settings(self, page: str) -> Locator:
        """Open a page of the settings."""
        self.page.get_by_role("button", name="Account of").click()
        self.page.get_by_role("menuitem", name="Settings").click()
        self.page.get_by_role("tab", name=page).click()
        return self.page.get_by_role("tabpanel", name=page)

    def block(self, name: str) -> None:
        """Confirm that a user is blocked, where that is asked."""
        self.page.get_by_role("dialog", name=f"Block {name}?").get_by_role("button", name="Block").click()
        expect(self.page.get_by_text(f"You blocked {name}.").first).to_be_visible()
