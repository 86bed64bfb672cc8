"""A user's actions in the web client, in their own browser context."""

import re
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect

from tests.people import PASSWORD

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
# What a page may say without anything being wrong: connections are lost on purpose.
EXPECTED = re.compile(r"net::ERR_|WebSocket connection|Failed to load resource")


class Visitor:
    """A browser context with one page; `errors` are errors of its scripts, and `strangers` requests to elsewhere."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.url = url
        self.errors: list[str] = []
        self.strangers: list[str] = []
        self.context: BrowserContext = browser.new_context(**({"viewport": WIDE, "locale": "en-GB"} | options))
        self.context.set_default_timeout(15_000)
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._on_console)
        self.page.on("request", self._asked)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not EXPECTED.search(message.text):
            self.errors.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.url, self.url.replace("http", "ws", 1), "blob:", "data:")):
            self.strangers.append(request.url)

    def enter(self) -> None:
        """Open the page."""
        self.page.goto(f"{self.url}/")

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

    def find(self, name: str) -> None:
        """Find a person and open the chat with them."""
        self.page.get_by_label("Find people and chats").fill(name)
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
