"""Reporting messages, users and groups to the moderators."""

from typing import Any

from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit
from tests.browser.test_accessible import SCHEMES, bring_axe, show_as, violations
from tests.browser.test_error_messages import refuse
from tests.browser.test_groups import open_details
from tests.browser.test_texts import check
from tests.browser.test_touch_targets import small
from tests.browser.visitor import NARROW
from tests.people import Person, data


def reports_of(moderator: Person, reporter: Person) -> list[dict[str, Any]]:
    """What a user reported, the newest first."""
    found = data(moderator.get("/admin/reports", limit=100))
    # A while after a report was closed, it has no reporter any more.
    return [report for report in found if report.get("reporter", {}).get("id") == reporter.id]


def test_a_message_is_reported_from_its_menu(visit: Visit, alice: Person, bob: Person, admin: Person) -> None:
    said = bob.send(alice.direct_chat(bob), "Buy now!")
    hers = visit(alice)
    hers.entry(bob.name).click()
    hers.act(hers.message("Buy now!"), "Report")
    dialog = hers.page.get_by_role("dialog", name="Report message")
    send = dialog.get_by_role("button", name="Send report")
    expect(send).to_be_disabled()
    dialog.get_by_role("radio", name="Spam").check()
    dialog.get_by_label("Details").fill("Every day\nthe same")
    send.click()
    expect(hers.page.get_by_role("status").filter(has_text="Report sent.")).to_be_visible()
    expect(dialog).to_have_count(0)
    [report] = reports_of(admin, alice)
    assert report["target"] == {"type": "message", "id": said["id"]}
    assert (report["reason"], report["text"]) == ("spam", "Every day\nthe same")


def test_a_deleted_message_can_be_reported_and_ones_own_can_not(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    bob.delete(f"/messages/{bob.send(chat, 'Gone')['id']}")
    alice.send(chat, "Mine")
    hers = visit(alice)
    hers.entry(bob.name).click()
    hers.message("Message deleted").focus()
    hers.page.keyboard.press("Enter")
    expect(hers.page.get_by_role("menuitem", name="Report")).to_be_visible()
    hers.page.keyboard.press("Escape")
    hers.message("Mine").focus()
    hers.page.keyboard.press("Enter")
    expect(hers.page.get_by_role("menuitem", name="Delete for everyone")).to_be_visible()
    expect(hers.page.get_by_role("menuitem", name="Report")).to_have_count(0)


def test_a_user_and_a_group_are_reported_from_their_details(
    visit: Visit, alice: Person, bob: Person, admin: Person
) -> None:
    group = bob.group(alice, name="Pyramid")
    hers = visit(alice)
    hers.entry("Pyramid").click()
    open_details(hers)
    hers.page.get_by_role("button", name="Report group").click()
    dialog = hers.page.get_by_role("dialog", name="Report group")
    dialog.get_by_role("radio", name="Illegal content").check()
    dialog.get_by_role("button", name="Send report").click()
    expect(hers.page.get_by_text("Report sent.")).to_be_visible()
    hers.page.get_by_role("region", name="Members").get_by_role("button", name=bob.name).click()
    profile = hers.page.get_by_role("dialog", name="Profile")
    profile.get_by_role("button", name=f"Report {bob.name}").click()
    dialog = hers.page.get_by_role("dialog", name=f"Report {bob.name}")
    dialog.get_by_role("radio", name="Harassment").check()
    dialog.get_by_role("button", name="Send report").click()
    expect(dialog).to_have_count(0)
    expect(profile).to_be_visible()
    targets = [(report["target"], report["reason"]) for report in reports_of(admin, alice)]
    assert targets == [({"type": "user", "id": bob.id}, "abuse"), ({"type": "chat", "id": group}, "illegal")]


def test_a_refused_report_stays_open_with_its_text(visit: Visit, alice: Person, bob: Person) -> None:
    bob.send(alice.direct_chat(bob), "Buy now!")
    hers = visit(alice)
    hers.entry(bob.name).click()
    hers.act(hers.message("Buy now!"), "Report")
    dialog = hers.page.get_by_role("dialog", name="Report message")
    dialog.get_by_role("radio", name="Something else").check()
    dialog.get_by_label("Details").fill("Every day")

    def deny(route: Route) -> None:
        refuse(route, 429, "rate_limited", "Slow down.", retryAfter=600)

    hers.page.route("**/api/v1/reports", deny)
    dialog.get_by_role("button", name="Send report").click()
    expect(hers.page.get_by_role("alert").filter(has_text="Try again in 10 minutes.")).to_be_visible()
    expect(dialog.get_by_label("Details")).to_have_value("Every day")
    # Input is not lost by a key.
    hers.page.keyboard.press("Escape")
    hers.page.get_by_role("dialog", name="Discard your changes?").get_by_role("button", name="Cancel").click()
    hers.page.unroute("**/api/v1/reports")
    dialog.get_by_role("button", name="Send report").click()
    expect(hers.page.get_by_text("Report sent.")).to_be_visible()


def test_the_dialog_is_accessible_and_translated(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    options = {"viewport": NARROW, "has_touch": True, "is_mobile": True}
    visitor = visit(alice, locale="de-DE", reduced_motion="reduce", **options)
    bring_axe(visitor)
    visitor.page.goto(f"{visitor.url}/#/chats/{chat}/details")
    visitor.page.get_by_role("button", name=f"{bob.name} melden").click()
    expect(visitor.page.get_by_role("radio")).to_have_count(5)
    check(visitor.page, "report", "dialog")
    for scheme in SCHEMES:
        show_as(visitor.page, scheme, NARROW)
        assert violations(visitor.page) == [], scheme
    assert small(visitor.page, "dialog") == []
