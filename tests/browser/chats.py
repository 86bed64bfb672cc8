"""Pages at a chat."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.people import Person


def chatting(visit: Visit, person: Person, other: Person, **options: Any) -> Visitor:
    """A user's page at a new direct chat with another one, whom they need not find first."""
    person.direct_chat(other)
    visitor = visit(person, **options)
    visitor.entry(other.name).click()
    expect(visitor.composer).to_be_visible()
    return visitor
