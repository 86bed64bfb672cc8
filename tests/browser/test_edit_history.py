"""Earlier versions of edited messages."""

from playwright.sync_api import expect

from tests.browser.chats import opened
from tests.browser.conftest import Visit
from tests.people import Person, data


def test_earlier_versions_of_an_edited_message_are_listed(visit: Visit, alice: Person, bob: Person) -> None:
    message = bob.send(alice.direct_chat(bob), "Meet at sevn")
    for text in ("Meet at seven", "Meet at eight"):
        data(bob.patch(f"/messages/{message['id']}", {"content": text}))
    hers = opened(visit, alice, bob)
    hers.message("Meet at eight").get_by_role("button", name="Edited. Show earlier versions").click()
    dialog = hers.page.get_by_role("dialog", name="Edit history")
    expect(dialog.locator(".content")).to_have_text(["Meet at sevn", "Meet at seven", "Meet at eight"])
    expect(dialog.get_by_role("listitem").last).to_contain_text("Current version")
    hers.page.keyboard.press("Escape")
    # By its menu too.
    hers.act(hers.message("Meet at eight"), "Earlier versions")
    expect(dialog).to_be_visible()
