"""The profile of a user, from their name and avatar."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_groups import open_details
from tests.people import Person, data


def test_a_member_messages_another_member(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    data(alice.post("/chats/groups", {"name": "Garden", "memberIds": [bob.id, carol.id]}))
    his = visit(bob)
    his.entry("Garden").click()
    open_details(his)
    members = his.page.get_by_role("region", name="Members")
    members.get_by_role("button", name=carol.name).click()
    profile = his.page.get_by_role("dialog", name="Profile")
    expect(profile.get_by_role("heading", name=carol.name)).to_be_visible()
    expect(profile.get_by_text("Joined")).to_be_visible()
    profile.get_by_role("button", name="Message").click()
    expect(profile).to_have_count(0)
    expect(his.talk.get_by_role("heading", name=carol.name).first).to_be_visible()
    his.say("Hello Carol")
    expect(his.message("Hello Carol")).to_contain_text("Sent")


def test_a_closed_profile_gives_the_focus_back(visit: Visit, alice: Person, bob: Person) -> None:
    data(alice.post("/chats/groups", {"name": "Garden", "memberIds": [bob.id]}))
    his = visit(bob)
    his.entry("Garden").click()
    open_details(his)
    entry = his.page.get_by_role("region", name="Members").get_by_role("button", name=alice.name)
    entry.focus()
    his.page.keyboard.press("Enter")
    profile = his.page.get_by_role("dialog", name="Profile")
    expect(profile.get_by_role("button", name="Message")).to_be_focused()
    his.page.keyboard.press("Escape")
    expect(profile).to_have_count(0)
    expect(entry).to_be_focused()


def test_ones_own_profile_can_be_edited(visit: Visit, alice: Person, bob: Person) -> None:
    data(alice.post("/chats/groups", {"name": "Garden", "memberIds": [bob.id]}))
    his = visit(bob)
    his.entry("Garden").click()
    open_details(his)
    his.page.get_by_role("region", name="Members").get_by_role("button", name=bob.name).click()
    profile = his.page.get_by_role("dialog", name="Profile")
    expect(profile.get_by_role("button", name="Message")).to_have_count(0)
    profile.get_by_role("button", name="Edit profile").click()
    expect(his.page.get_by_label("Username")).to_have_value(bob.name)


def test_a_search_result_opens_a_profile(visit: Visit, alice: Person, bob: Person) -> None:
    hers = visit(alice)
    hers.search_field.fill(bob.name)
    hers.page.get_by_role("button", name=f"Profile of {bob.name}").click()
    profile = hers.page.get_by_role("dialog", name="Profile")
    expect(profile.get_by_role("heading", name=bob.name)).to_be_visible()
    profile.get_by_role("button", name="Message").click()
    expect(hers.composer).to_be_focused()


def test_a_message_from_a_profile_closes_the_dialog_that_it_was_opened_from(
    visit: Visit, alice: Person, bob: Person
) -> None:
    hers = visit(alice)
    hers.page.get_by_role("button", name="New chat").click()
    dialog = hers.page.get_by_role("dialog", name="New chat")
    dialog.get_by_role("searchbox").fill(bob.name)
    dialog.get_by_role("button", name=f"Profile of {bob.name}").click()
    hers.page.get_by_role("dialog", name="Profile").get_by_role("button", name="Message").click()
    expect(hers.page.get_by_role("dialog")).to_have_count(0)
    expect(hers.composer).to_be_focused()
