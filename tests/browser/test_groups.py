"""Groups, and what their admins do."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.people import Person, data


def make_group(visitor: Visitor, name: str, *people: Person) -> None:
    """Make a group by the dialog, and be in it."""
    page = visitor.page
    visitor.new_group()
    page.get_by_label("Name", exact=True).fill(name)
    for person in people:
        page.get_by_label("Find people", exact=True).fill(person.name)
        page.get_by_role("checkbox", name=person.name).check()
    page.get_by_role("button", name="Create group").click()
    expect(visitor.composer).to_be_visible()


def open_details(visitor: Visitor) -> None:
    """Who is in the open chat."""
    visitor.talk.locator("header a.title-link").click()
    expect(visitor.page.get_by_role("region", name="Details")).to_be_visible()


def test_group_is_created_and_members_chat(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    hers = visit(alice)
    make_group(hers, "Book club", bob, carol)
    hers.say("Chapter nine?")
    his = visit(bob)
    his.entry("Book club").click()
    expect(his.message("Chapter nine?")).to_contain_text(alice.name)
    his.say("Fine with me")
    expect(hers.message("Fine with me")).to_contain_text(bob.name)
    group = data(carol.get("/chats"))[0]["id"]
    carol.send(group, "With me, too")
    data(carol.post(f"/messages/{group}/read", {}))
    expect(hers.message("With me, too")).to_contain_text(carol.name)
    hers.act(hers.message("Chapter nine?"), "Seen by")
    dialog = hers.page.get_by_role("dialog", name="Seen by")
    for other in (bob, carol):
        expect(dialog.get_by_role("listitem").filter(has_text=other.name)).to_be_visible()


def test_an_admin_runs_the_group(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    hers, his = visit(alice), visit(bob)
    make_group(hers, "Choir", bob)
    his.entry("Choir").click()
    open_details(hers)
    details = hers.page.get_by_role("region", name="Details")

    details.get_by_role("button", name="Edit").click()
    hers.page.get_by_label("Name", exact=True).fill("Choir of the north")
    hers.page.get_by_role("button", name="Save").click()
    expect(his.talk.get_by_role("heading", name="Choir of the north").first).to_be_visible()

    details.get_by_role("button", name="Add people").click()
    hers.page.get_by_label("Find people", exact=True).fill(carol.name)
    hers.page.get_by_role("checkbox", name=carol.name).check()
    hers.page.get_by_role("button", name="Add 1 person").click()
    members = details.get_by_role("region", name="Members").get_by_role("listitem")
    expect(members.filter(has_text=carol.name)).to_be_visible()

    details.get_by_role("button", name=f"Manage {bob.name}").click()
    hers.page.get_by_role("menuitem", name="Make admin").click()
    expect(members.filter(has_text=bob.name)).to_contain_text("Admin")

    details.get_by_role("button", name=f"Manage {bob.name}").click()
    hers.page.get_by_role("menuitem", name="Remove as admin").click()
    expect(members.filter(has_text=bob.name)).not_to_contain_text("Admin")

    details.get_by_role("button", name=f"Manage {bob.name}").click()
    hers.page.get_by_role("menuitem", name="Remove from group").click()
    hers.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(members).to_have_count(2)
    expect(his.page.get_by_role("heading", name="This chat isn't available")).to_be_visible()

    details.get_by_role("button", name="Delete group").click()
    hers.page.get_by_role("dialog").get_by_role("button", name="Delete group").click()
    expect(hers.entry("Choir of the north")).to_have_count(0)


def test_a_member_can_only_leave(visit: Visit, alice: Person, bob: Person) -> None:
    data(alice.post("/chats/groups", {"name": "Garden", "memberIds": [bob.id]}))
    his = visit(bob)
    his.entry("Garden").click()
    open_details(his)
    details = his.page.get_by_role("region", name="Details")
    expect(details.get_by_role("listitem")).to_have_count(2)
    for name in ("Edit", "Add people", "Manage", "Delete group"):
        expect(details.get_by_role("button", name=name)).to_have_count(0)
    details.get_by_role("button", name="Leave group").click()
    his.page.get_by_role("dialog").get_by_role("button", name="Leave", exact=True).click()
    expect(his.page.get_by_role("heading", name="No chats yet")).to_be_visible()


def test_leaving_a_group_returns_to_the_list(visit: Visit, alice: Person, bob: Person) -> None:
    data(alice.post("/chats/groups", {"name": "Garden", "memberIds": [bob.id]}))
    his = visit(bob)
    his.entry("Garden").click()
    open_details(his)
    his.page.get_by_role("button", name="Leave group").click()
    dialog = his.page.get_by_role("dialog", name="Leave Garden?")
    expect(dialog.get_by_label("New admin")).to_have_count(0)
    dialog.get_by_role("button", name="Leave", exact=True).click()
    expect(his.page.get_by_role("status").filter(has_text="You left Garden.")).to_be_visible()
    expect(his.page.get_by_role("heading", name="This chat isn't available")).to_have_count(0)
    expect(his.page).to_have_url(f"{his.url}/#/")


def test_a_sole_admin_chooses_who_takes_over(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    group = data(alice.post("/chats/groups", {"name": "Choir", "memberIds": [bob.id]}))
    data(alice.post(f"/chats/{group['id']}/members", {"userId": carol.id}))
    hers = visit(alice)
    hers.entry("Choir").click()
    open_details(hers)
    hers.page.get_by_role("button", name="Leave group").click()
    heir = hers.page.get_by_label("New admin")
    # The one whom the server would choose is named and proposed.
    expect(hers.page.get_by_role("dialog")).to_contain_text(f"{bob.name} has been a member the longest and takes over")
    expect(heir.locator("option:checked")).to_have_text(bob.name)
    heir.select_option(carol.name)
    hers.page.get_by_role("dialog").get_by_role("button", name="Leave", exact=True).click()
    expect(hers.entry("Choir")).to_have_count(0)
    members = data(carol.get(f"/chats/{group['id']}/members"))
    assert {member["userId"]: member["role"] for member in members} == {bob.id: "MEMBER", carol.id: "ADMIN"}


def test_a_deleted_group_leaves_its_admin_at_the_list(visit: Visit, alice: Person) -> None:
    data(alice.post("/chats/groups", {"name": "Attic", "memberIds": []}))
    hers = visit(alice)
    hers.entry("Attic").click()
    open_details(hers)
    hers.page.get_by_role("button", name="Delete group").click()
    hers.page.get_by_role("dialog").get_by_role("button", name="Delete group").click()
    expect(hers.page.get_by_role("status").filter(has_text="Attic was deleted.")).to_be_visible()
    expect(hers.page).to_have_url(f"{hers.url}/#/")
