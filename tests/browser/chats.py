"""Pages at a chat."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.people import Person


def opened(visit: Visit, person: Person, other: Person, **options: Any) -> Visitor:
    """A user's page at their chat with another one."""
    visitor = visit(person, **options)
    visitor.entry(other.name).click()
    expect(visitor.talk).to_be_visible()
    return visitor


def chatting(visit: Visit, person: Person, other: Person, **options: Any) -> Visitor:
    """A user's page at a new direct chat with another one, whom they need not find first."""
    person.direct_chat(other)
    visitor = opened(visit, person, other, **options)
    expect(visitor.composer).to_be_visible()
    return visitor
