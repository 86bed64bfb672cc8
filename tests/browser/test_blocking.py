"""Blocking users: in profiles, direct chats and groups."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_accessible import bring_axe, variants, violations
from tests.browser.test_switched_off import without_features
from tests.browser.test_texts import check
from tests.people import Person, data
from tests.waiting import eventually

COLLAPSED = "Message from a blocked user"
YOU_BLOCKED = "You blocked {}."
CANNOT_SEND = "You can't send messages to this chat."


def block(blocker: Person, blocked: Person) -> None:
    assert blocker.request("PUT", f"/users/me/blocks/{blocked.id}").status_code == 204


def unblock(blocker: Person, blocked: Person) -> None:
    assert blocker.delete(f"/users/me/blocks/{blocked.id}").status_code == 204


def blocked_by(person: Person) -> list[str]:
    return [entry["user"]["id"] for entry in data(person.get("/users/me/blocks"))]


def test_a_user_is_blocked_and_unblocked_in_their_profile(visit: Visit, alice: Person, bob: Person) -> None:
    hers = visit(alice)
    hers.search_field.fill(bob.name)
    hers.page.get_by_role("button", name=f"Profile of {bob.name}").click()
    profile = hers.page.get_by_role("dialog", name="Profile")
    profile.get_by_role("button", name=f"Block {bob.name}").click()
    question = hers.page.get_by_role("dialog", name=f"Block {bob.name}?")
    question.get_by_role("button", name="Cancel").click()
    assert blocked_by(alice) == []
    profile.get_by_role("button", name=f"Block {bob.name}").click()
    hers.block(bob.name)
    expect(profile.get_by_role("button", name="Message")).to_have_count(0)
    assert blocked_by(alice) == [bob.id]
    profile.get_by_role("button", name=f"Unblock {bob.name}").click()
    expect(profile.get_by_role("button", name="Message")).to_be_visible()
    eventually(lambda: blocked_by(alice) == [], 40)


def test_nothing_can_be_written_to_a_user_whom_one_blocks(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    bob.send(chat, "Buy now!")
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.composer).to_be_focused()
    hers.act(hers.message("Buy now!"), f"Block {bob.name}")
    hers.block(bob.name)
    expect(hers.composer).to_have_count(0)
    # The history stays, and what would be refused is not offered.
    expect(hers.message("Buy now!")).to_be_visible()
    hers.message("Buy now!").hover()
    expect(hers.message("Buy now!").get_by_role("button", name="React")).to_have_count(0)
    hers.message("Buy now!").get_by_role("button", name="Message actions").click()
    expect(hers.page.get_by_role("menuitem", name="Reply")).to_have_count(0)
    hers.page.keyboard.press("Escape")
    hers.talk.get_by_role("button", name="Unblock").click()
    hers.say("Sorry, my mistake")
    expect(hers.message("Sorry, my mistake")).to_contain_text("Sent")


def test_who_is_blocked_learns_only_that_nothing_can_be_sent(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    alice.send(chat, "Hello")
    his = visit(bob)
    his.entry(alice.name).click()
    block(alice, bob)
    expect(his.composer).to_be_visible()
    his.say("Are you there?")
    expect(his.composer).to_have_count(0)
    expect(his.talk.locator(".closed")).to_have_text(CANNOT_SEND)
    expect(his.page.get_by_text("block", exact=False)).to_have_count(0)
    unblock(alice, bob)
    his.message("Are you there?").get_by_role("button", name="Try again").click()
    expect(his.message("Are you there?")).to_contain_text("Sent")
    expect(his.composer).to_be_visible()


def test_a_block_shows_at_once_on_other_devices(visit: Visit, alice: Person, bob: Person) -> None:
    alice.direct_chat(bob)
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.composer).to_be_visible()
    block(alice, bob)
    expect(hers.talk.get_by_text(YOU_BLOCKED.format(bob.name))).to_be_visible()
    unblock(alice, bob)
    expect(hers.composer).to_be_visible()


def test_messages_of_blocked_users_are_collapsed_in_groups(
    visit: Visit, alice: Person, bob: Person, carol: Person
) -> None:
    group = alice.group(bob, carol, name="Garden")
    said = bob.send(group, "You are all wrong")
    carol.send(group, "Calm down", replyToId=said["id"])
    block(alice, bob)
    hers = visit(alice)
    hers.entry("Garden").click()
    expect(hers.message("Calm down")).to_contain_text(COLLAPSED)
    expect(hers.page.get_by_text("You are all wrong")).to_have_count(0)
    collapsed = hers.page.get_by_role("log").get_by_role("listitem").filter(has_text=COLLAPSED).first
    expect(collapsed.get_by_text(bob.name)).to_have_count(0)
    collapsed.get_by_role("button", name="Show").click()
    expect(hers.message("You are all wrong")).to_contain_text(bob.name)
    # By keys it is an action of the menu.
    bob.send(group, "And stupid")
    newest = hers.page.get_by_role("log").get_by_role("listitem").last
    expect(newest).to_contain_text(COLLAPSED)
    newest.focus()
    hers.page.keyboard.press("Enter")
    menu = hers.page.get_by_role("menuitem")
    expect(menu).to_have_text(
        [
            "Show message",
            f"Profile of {bob.name}",
            f"Unblock {bob.name}",
            "Report",
            "Delete for me",
            "Delete for everyone",
        ]
    )
    expect(menu.first).to_be_focused()
    hers.page.keyboard.press("Enter")
    expect(hers.message("And stupid")).to_be_visible()
    unblock(alice, bob)
    expect(hers.message("Calm down")).to_contain_text("You are all wrong")


def test_the_list_of_chats_does_not_show_messages_of_blocked_users(visit: Visit, alice: Person, bob: Person) -> None:
    group = alice.group(bob, name="Garden")
    bob.send(group, "You are all wrong")
    hers = visit(alice)
    expect(hers.entry("Garden")).to_contain_text("You are all wrong")
    block(alice, bob)
    expect(hers.entry("Garden")).to_contain_text(COLLAPSED)
    expect(hers.entry("Garden")).not_to_contain_text(bob.name)


def test_it_is_accessible_and_translated(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    group = alice.group(bob, name="…")
    bob.send(group, "…")
    block(alice, bob)
    visitor = visit(alice, locale="de-DE", reduced_motion="reduce")
    bring_axe(visitor)

    def check_variants(view: str, within: str = "body") -> None:
        for variant in variants(visitor.page):
            check(visitor.page, view, within)
            assert violations(visitor.page) == [], f"{view}, {variant}"

    for opened, shown in ((chat, ".closed"), (group, ".collapsed")):
        visitor.page.goto(f"{visitor.url}/#/chats/{opened}")
        expect(visitor.page.locator(shown)).to_be_visible()
        check_variants(shown)
    visitor.page.goto(f"{visitor.url}/#/chats/{chat}/details")
    visitor.page.get_by_role("button", name="freigeben").last.click()
    visitor.page.get_by_role("button", name=f"{bob.name} blockieren").click()
    expect(visitor.page.get_by_role("dialog")).to_be_visible()
    check_variants("question", "dialog")


def test_it_is_not_offered_where_the_server_lacks_it(visit: Visit, alice: Person, bob: Person) -> None:
    group = alice.group(bob, name="Garden")
    bob.send(group, "Hello")
    hers = visit()
    hers.context.route("**/api/v1/capabilities", without_features)
    hers.take_session(alice)
    hers.entry("Garden").click()
    hers.message("Hello").hover()
    hers.message("Hello").get_by_role("button", name="Message actions").click()
    expect(hers.page.get_by_role("menuitem")).to_have_text(
        ["Copy text", f"Profile of {bob.name}", "Delete for everyone"]
    )
    hers.page.get_by_role("menuitem", name="Profile of").click()
    profile = hers.page.get_by_role("dialog", name="Profile")
    expect(profile.get_by_role("button", name="Message")).to_be_visible()
    expect(profile.get_by_role("button", name="Block")).to_have_count(0)
    expect(profile.get_by_role("button", name="Report")).to_have_count(0)
