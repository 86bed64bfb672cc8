"""The members of a group that has more than fit into one page."""

from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine, text

from tests.browser.conftest import Visit
from tests.browser.test_groups import open_details
from tests.people import Person, data

# Accounts without a login: they need no password, whose hash would take a server 40 ms each.
CROWD = text(
    """
    INSERT INTO users (id, username, email, email_key, password_hash)
    SELECT id, 'crowd_' || substr(id::text, 25), email, email, 'x'
    FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, :count)) u, LATERAL (SELECT id || '@example.org' AS email) e
    RETURNING id::text
    """
)


@pytest.fixture
def group(engine: Engine, alice: Person, bob: Person) -> dict[str, Any]:
    """A group of alice's with 130 others; bob is the last of them."""
    with engine.begin() as db:
        crowd = list(db.execute(CROWD, {"count": 129}).scalars())
    made: dict[str, Any] = data(alice.post("/chats/groups", {"name": "Festival", "memberIds": crowd}))
    data(alice.post(f"/chats/{made['id']}/members", {"userId": bob.id}))
    return made


def test_the_list_of_members_goes_on_where_a_page_ends(visit: Visit, alice: Person, group: dict[str, Any]) -> None:
    hers = visit(alice)
    hers.entry("Festival").click()
    open_details(hers)
    members = hers.page.get_by_role("region", name="Members")
    expect(members.get_by_role("heading")).to_have_text("131 members")
    expect(members.get_by_role("listitem")).to_have_count(100)
    members.get_by_role("button", name="Show more members").click()
    expect(members.get_by_role("listitem")).to_have_count(131)
    expect(members.get_by_role("button", name="Show more members")).to_have_count(0)


def test_a_late_member_finds_themselves_and_what_they_may(
    visit: Visit, alice: Person, bob: Person, group: dict[str, Any]
) -> None:
    data(alice.patch(f"/chats/{group['id']}/members/{bob.id}/role", {"role": "ADMIN"}))
    his = visit(bob)
    his.entry("Festival").click()
    open_details(his)
    details = his.page.get_by_role("region", name="Details")
    expect(details.get_by_role("listitem").filter(has_text=bob.name)).to_contain_text("Admin")
    expect(details.get_by_role("button", name="Delete group")).to_be_visible()
