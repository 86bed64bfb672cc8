"""Users are called by their display names, and told apart by their usernames."""

from playwright.sync_api import expect
from sqlalchemy import Engine, text

from tests.browser.conftest import Visit
from tests.browser.test_groups import open_details
from tests.people import Person, data


def test_a_new_name_shows_everywhere_at_once(visit: Visit, alice: Person, bob: Person) -> None:
    group = data(alice.post("/chats/groups", {"name": "Garden", "memberIds": [bob.id]}))["id"]
    direct = alice.direct_chat(bob)
    alice.send(group, "Good morning")
    alice.send(direct, "Hello")
    his = visit(bob)
    page = his.page
    his.entry("Garden").click()
    expect(his.message("Good morning")).to_contain_text(alice.name)
    hers = visit(alice)
    hers.page.get_by_role("button", name=f"Account of {alice.name}").click()
    hers.page.get_by_role("menuitem", name="Profile").click()
    hers.page.get_by_label("Name", exact=True).fill("Alice Liddell")
    hers.page.get_by_role("button", name="Save").click()
    expect(hers.page.get_by_role("button", name="Account of Alice Liddell")).to_be_visible()
    expect(his.message("Good morning")).to_contain_text("Alice Liddell")
    expect(his.entry("Alice Liddell")).to_be_visible()
    expect(his.entry("Garden")).to_contain_text("Alice Liddell: Good morning")
    open_details(his)
    member = page.get_by_role("region", name="Members").get_by_role("button", name="Alice Liddell")
    expect(member).to_contain_text(f"@{alice.name}")
    member.click()
    profile = page.get_by_role("dialog", name="Profile")
    expect(profile.get_by_role("heading", name="Alice Liddell")).to_be_visible()
    expect(profile.get_by_text(f"@{alice.name}")).to_be_visible()
    page.keyboard.press("Escape")
    hers.entry("Garden").click()
    hers.composer.press_sequentially("I am")
    expect(his.talk.get_by_text("Alice Liddell is typing…").first).to_be_visible()
    data(alice.patch("/users/me", {"displayName": None}))
    expect(his.entry(alice.name)).to_be_visible()


def test_bots_and_deleted_accounts_are_marked(
    visit: Visit, alice: Person, bob: Person, carol: Person, engine: Engine
) -> None:
    group = data(alice.post("/chats/groups", {"name": "Garden", "memberIds": [bob.id, carol.id]}))["id"]
    bob.send(group, "I am a machine")
    carol.send(group, "Farewell")
    with engine.begin() as db:
        db.execute(text("UPDATE users SET is_bot = true WHERE id = :id"), {"id": bob.id})
        erased = "UPDATE users SET deleted_at = now(), is_active = false, username = :name WHERE id = :id"
        db.execute(text(erased), {"id": carol.id, "name": f"deleted_{carol.id[-12:]}"})
    hers = visit(alice)
    hers.entry("Garden").click()
    expect(hers.message("I am a machine")).to_contain_text("Bot")
    expect(hers.message("Farewell")).to_contain_text("Deleted account")
    hers.message("Farewell").get_by_role("button", name="Deleted account").click()
    profile = hers.page.get_by_role("dialog", name="Profile")
    expect(profile).to_contain_text("This account no longer exists.")
    expect(profile.get_by_role("button", name="Message")).to_have_count(0)
