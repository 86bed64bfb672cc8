"""Messages that no user sent, in the web client."""

import uuid

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.people import Backend, Person, data


def test_system_messages_are_quiet_lines(visit: Visit, backend: Backend, alice: Person, bob: Person) -> None:
    body = {"name": "Order 7", "adminIds": [alice.id], "memberIds": [bob.id], "announces": ["renamed"]}
    chat = data(backend.put(f"/server/chats/{uuid.uuid4()}", body))["id"]
    hers = visit(alice)
    entry = hers.entry("Order 7")
    data(backend.post(f"/server/chats/{chat}/messages", {"content": "The order was shipped."}))
    # The preview names no sender.
    expect(entry).to_contain_text("The order was shipped.")
    expect(entry).not_to_contain_text("system")
    entry.click()
    line = hers.page.locator(".row.note")
    expect(line).to_have_text("The order was shipped.Message actions")
    bob.patch(f"/chats/{chat}", {"name": "x"})
    alice.patch(f"/chats/{chat}", {"name": "Order 8"})
    expect(line.last).to_contain_text(f"{alice.name} renamed the group to “Order 8”.")
    expect(hers.page.locator(".row.other, .row.own")).to_have_count(0)
    # An ADMIN can delete it; it has no profile.
    line.first.click(button="right")
    menu = hers.page.get_by_role("menu")
    expect(menu.get_by_role("menuitem", name="Delete for everyone")).to_be_visible()
    expect(menu.get_by_role("menuitem", name="Profile")).to_have_count(0)
    menu.get_by_role("menuitem", name="Delete for everyone").click()
    expect(line.first).to_contain_text("Message deleted")
