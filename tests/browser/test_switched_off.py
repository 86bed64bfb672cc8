"""What the server lacks or has switched off is not offered."""

from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit
from tests.people import Person, data


def without_features(route: Route) -> None:
    """Answer as a server that has none of the features."""
    known = route.fetch().json()
    route.fulfill(json={**known, "data": {**known["data"], "features": []}})


def test_actions_that_the_server_lacks_are_not_shown(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    message = alice.send(chat, "Meet at sevn")
    data(alice.patch(f"/messages/{message['id']}", {"content": "Meet at seven"}))
    data(alice.request("PUT", f"/messages/{message['id']}/pin"))
    hers = visit()
    hers.context.route("**/api/v1/capabilities", without_features)
    hers.take_session(alice)
    hers.entry(bob.name).click()
    row = hers.message("Meet at seven")
    row.hover()
    expect(row.locator(".aside").get_by_role("button")).to_have_text([""])
    expect(row.get_by_text("edited")).to_be_visible()
    expect(row.get_by_role("button", name="Edited")).to_have_count(0)
    row.get_by_role("button", name="Message actions").click()
    expect(hers.page.get_by_role("menuitem")).to_have_text(["Edit", "Copy text", "Seen by", "Delete for everyone"])
    expect(hers.page.get_by_role("menuitemcheckbox")).to_have_count(0)
    expect(hers.page.get_by_role("region", name="Pinned messages")).to_have_count(0)
    hers.page.keyboard.press("Escape")
    hers.talk.locator("header a.title-link").click()
    expect(hers.page.get_by_text("Chatting since")).to_be_visible()
    expect(hers.page.get_by_role("button", name="Photos and files")).to_have_count(0)
