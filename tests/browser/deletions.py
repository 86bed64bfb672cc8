"""Deletions of messages, which can be undone for some seconds."""

from playwright.sync_api import Locator

from tests.browser.visitor import Visitor

UNDO_MS = 5000


def delete_for_good(visitor: Visitor, message: Locator, action: str) -> None:
    """Delete a message, and let the time pass in which that can be undone."""
    visitor.page.clock.install()
    visitor.act(message, action)
    visitor.page.clock.fast_forward(UNDO_MS)
