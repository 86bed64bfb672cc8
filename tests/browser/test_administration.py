"""The administration page."""

import re
from typing import Any

import requests
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import Engine, text

from tests.browser.conftest import Visit
from tests.browser.test_accessible import SCHEMES, bring_axe, show_as, violations
from tests.browser.visitor import NARROW, Visitor
from tests.files.samples import image
from tests.people import PASSWORD, Person, data
from tests.server import ROOT, Server

TEXTS = ROOT / "clients/web/src/texts"
PAGES = ("users", "reports", "keys", "audit", "server")


def with_role(person: Person, role: str, engine: Engine) -> Person:
    with engine.begin() as db:
        db.execute(text("UPDATE users SET role = :role WHERE id = :id"), {"role": role, "id": person.id})
    return person


def open_page(visitor: Visitor, page: str) -> Page:
    """A page of the administration, by its address."""
    visitor.page.goto(f"{visitor.url}/#/administration/{page}")
    expect(visitor.page.get_by_role("heading", level=1, name=re.compile("Administration|Verwaltung"))).to_be_visible()
    return visitor.page


def confirm(page: Page, action: str) -> None:
    page.get_by_role("dialog").last.get_by_role("button", name=action).click()


def find(page: Page, person: Person) -> Locator:
    """The entry of a user in the list."""
    page.get_by_label("Find by name or e-mail").fill(person.name)
    entries = page.get_by_role("list", name="Users").get_by_role("button")
    expect(entries).to_have_count(1)
    return entries


def report_message(person: Person, message: dict[str, Any], **fields: str) -> str:
    """The id of a new report of a message."""
    response = person.post("/reports", {"messageId": message["id"], "reason": "spam", **fields})
    return str(data(response)["id"])


def reports_with(page: Page, text: str) -> Locator:
    """The shown reports that contain a text."""
    return page.get_by_role("list", name="Reports").get_by_role("listitem").filter(has_text=text)


def test_an_administrator_manages_a_user(visit: Visit, server: Server, admin: Person, bob: Person) -> None:
    login = {"username": bob.name, "password": PASSWORD}
    headers = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
    other = requests.post(f"{server.url}/api/v1/auth/login", json=login, headers=headers, timeout=20)
    other_session = Person(server.url, data(other))
    visitor = visit(admin)
    page = visitor.page
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("menuitem", name="Administration").click()
    find(page, bob).press("Enter")
    dialog = page.get_by_role("dialog", name="Account")
    expect(dialog).to_contain_text(bob.email)

    dialog.get_by_label("Role").select_option("MODERATOR")
    confirm(page, "Change role")
    expect(page.get_by_text(f"{bob.name} now has the role Moderator.")).to_be_visible()

    sessions = dialog.get_by_role("list", name="Sessions").get_by_role("listitem")
    expect(sessions).to_have_count(2)
    sessions.filter(has_text="Firefox").get_by_role("button", name="End the session").click()
    expect(sessions).to_have_count(1)
    assert other_session.get("/users/me").status_code == 401
    assert bob.get("/users/me").ok

    dialog.get_by_role("button", name="Deactivate").click()
    confirm(page, "Deactivate")
    expect(dialog.get_by_role("button", name="Reactivate")).to_be_visible()
    assert bob.get("/users/me").status_code == 401
    dialog.get_by_role("button", name="Reactivate").click()
    expect(dialog.get_by_role("button", name="Deactivate")).to_be_visible()
    page.keyboard.press("Escape")
    # The focus is where it was.
    expect(page.get_by_role("list", name="Users").get_by_role("button")).to_be_focused()
    assert data(admin.get("/admin/users", q=bob.name))[0]["role"] == "MODERATOR"


def test_an_administrator_manages_api_keys(visit: Visit, server: Server, admin: Person) -> None:
    def status(secret: str) -> int:
        headers = {"Authorization": f"Bearer {secret}"}
        return requests.get(f"{server.url}/api/v1/admin/audit", headers=headers, timeout=20).status_code

    visitor = visit(admin)
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = open_page(visitor, "keys")
    page.get_by_role("button", name="New key").click()
    create = page.get_by_role("button", name="Create key")
    expect(create).to_be_disabled()
    page.get_by_role("checkbox", name="audit:read").check()
    create.click()
    expect(page.get_by_text("Fill in this field.")).to_be_visible()
    page.get_by_label("Name").fill(admin.name)
    page.get_by_label("Expires").select_option("30")
    create.click()
    first = page.get_by_label("API key", exact=True).input_value()
    assert status(first) == 200
    page.get_by_role("button", name="Done").click()
    # It was not copied.
    page.get_by_role("dialog", name="Close without copying?").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == first
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_label("API key", exact=True)).to_have_count(0)
    assert first not in page.content()

    line = page.get_by_role("list", name="API keys").get_by_role("listitem").filter(has_text=admin.name)
    expect(line).to_contain_text("audit:read")
    expect(line).to_contain_text("Expires")
    line.get_by_role("button", name=f"Manage {admin.name}").click()
    page.get_by_role("menuitem", name="Rotate").click()
    page.get_by_label("The current secret ends").select_option("0s")
    confirm(page, "Rotate")
    second = page.get_by_label("API key", exact=True).input_value()
    assert (status(first), status(second)) == (401, 200)
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Done").click()

    line.get_by_role("button", name=f"Manage {admin.name}").click()
    page.get_by_role("menuitem", name="Revoke").click()
    confirm(page, "Revoke")
    expect(line.get_by_text("Revoked", exact=True)).to_be_visible()
    assert status(second) == 401


def test_the_audit_log_is_filtered(visit: Visit, admin: Person, bob: Person) -> None:
    for change in ({"role": "MODERATOR"}, {"isActive": False}, {"isActive": True}):
        assert admin.patch(f"/admin/users/{bob.id}", change).ok
    page = open_page(visit(admin), "audit")
    entries = page.get_by_role("list", name="Audit log").get_by_role("listitem")
    first = entries.filter(has_text=admin.name).first
    first.locator("summary").press("Enter")
    expect(first).to_contain_text("user.reactivated")
    expect(first).to_contain_text(bob.id)
    expect(first.get_by_text(bob.name, exact=True)).to_be_visible()
    first.get_by_role("button", name=re.compile("Show only User")).click()
    expect(entries).to_have_count(3)
    page.get_by_label("Action").select_option("role.*")
    expect(entries).to_have_count(1)
    expect(entries).to_contain_text("Changed a role")
    page.get_by_label("To", exact=True).fill("2020-01-01")
    expect(page.get_by_text("No entries match.")).to_be_visible()


def test_the_state_of_the_server_is_shown(visit: Visit, admin: Person) -> None:
    page = open_page(visit(admin), "server")
    expect(page.get_by_role("list", name="Workers").get_by_role("listitem").first).to_contain_text("socket")
    expect(page.get_by_role("list", name="Jobs").get_by_text("Housekeeping").first).to_be_visible()
    page.get_by_label("Status").select_option("failed")
    expect(page.get_by_role("list", name="Jobs").get_by_text("Done", exact=True)).to_have_count(0)


def test_other_users_see_no_administration(visit: Visit, bob: Person) -> None:
    visitor = visit(bob)
    page = visitor.page
    page.get_by_role("button", name="Account of").click()
    expect(page.get_by_role("menuitem", name="Profile")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Administration")).to_have_count(0)
    page.keyboard.press("Escape")
    open_page(visitor, "keys")
    expect(page.get_by_text("You don't have permission to see this.")).to_be_visible()
    page.get_by_role("link", name="Back to your chats").click()
    expect(page.get_by_role("heading", name="Chats", exact=True)).to_be_visible()


def test_a_moderator_handles_reports(
    visit: Visit, admin: Person, alice: Person, bob: Person, carol: Person, engine: Engine
) -> None:
    moderator = with_role(carol, "MODERATOR", engine)
    chat_id = alice.group(bob, name=f"Group of {alice.name}")
    message = alice.send(chat_id, f"Buy this, {bob.name}!")
    report_id = report_message(bob, message, text="Every day")
    visitor = visit(moderator)
    page = visitor.page
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("menuitem", name="Administration").click()
    # Their only page.
    expect(page.get_by_role("navigation", name="Administration").get_by_role("link")).to_have_text(["Reports"])
    entry = reports_with(page, f"Buy this, {bob.name}!")
    for shown in ("Spam", "Every day", alice.name, bob.name, f"Group of {alice.name}"):
        expect(entry).to_contain_text(shown)
    # They are not in that chat, and manage no accounts.
    expect(entry.get_by_role("link", name="Open chat")).to_have_count(0)
    expect(entry.get_by_role("button", name="Manage account")).to_have_count(0)

    entry.get_by_role("button", name="Delete message").click()
    confirm(page, "Delete message")
    expect(entry.get_by_text("Message deleted")).to_be_visible()
    expect(entry).to_contain_text(f"Buy this, {bob.name}!")
    expect(entry.get_by_role("button", name="Delete message")).to_have_count(0)
    assert data(bob.get(f"/messages/{chat_id}"))[0]["isDeleted"]

    entry.get_by_role("button", name="Done").press("Enter")
    page.get_by_role("textbox", name="Note").fill("Deleted it.")
    confirm(page, "Done")
    expect(entry).to_have_count(0)
    expect(page.get_by_role("heading", name="Reports")).to_be_focused()
    page.get_by_label("Status").select_option("done")
    expect(entry).to_contain_text("Deleted it.")
    entry.get_by_role("button", name="Edit note").click()
    expect(page.get_by_role("textbox", name="Note")).to_have_value("Deleted it.")
    page.get_by_role("textbox", name="Note").fill("")
    confirm(page, "Save")
    expect(entry.get_by_text("Deleted it.")).to_have_count(0)
    entry.get_by_role("button", name="Reopen").click()
    confirm(page, "Reopen")
    expect(entry).to_have_count(0)
    actions = [each["action"] for each in data(admin.get("/admin/audit", target=report_id))]
    assert actions == ["report.reopened", "report.updated", "report.closed"]


def test_an_administrator_opens_the_chat_and_the_account_of_a_report(visit: Visit, admin: Person, bob: Person) -> None:
    picture = f"{bob.name}.png"
    message = data(bob.upload(bob.direct_chat(admin), picture, image("PNG"), content=f"Look, {bob.name}"))
    report_message(admin, message, reason="abuse")
    visitor = visit(admin)
    page = open_page(visitor, "reports")
    entry = reports_with(page, bob.name)
    with page.expect_popup() as popup:
        entry.get_by_role("link", name=f"Open {picture}").click()
    popup.value.close()
    entry.get_by_role("button", name="Manage account").click()
    page.get_by_role("dialog", name="Account").get_by_role("button", name="Deactivate").click()
    confirm(page, "Deactivate")
    expect(page.get_by_role("button", name="Reactivate")).to_be_visible()
    assert bob.get("/users/me").status_code == 401
    page.keyboard.press("Escape")
    entry.get_by_role("link", name="Open chat").click()
    expect(visitor.message(f"Look, {bob.name}")).to_be_visible()


def test_reports_that_do_not_load_are_fetched_again(visit: Visit, admin: Person, bob: Person) -> None:
    assert admin.post("/reports", {"userId": bob.id, "reason": "other"}).ok
    visitor = visit(admin)
    visitor.page.route("**/admin/reports*", lambda route: route.abort())
    page = open_page(visitor, "reports")
    expect(page.get_by_role("alert").get_by_role("button", name="Try again")).to_be_visible()
    page.unroute("**/admin/reports*")
    page.get_by_role("button", name="Try again").click()
    expect(reports_with(page, bob.name)).to_be_visible()


def test_each_page_is_accessible_and_fits_on_a_phone(visit: Visit, admin: Person) -> None:
    assert admin.post("/admin/keys", {"name": "accessible", "scopes": ["users"]}).ok
    message = admin.send(admin.group(), "Spam " * 40)
    report_message(admin, message, text="https://" + "long" * 40)
    visitor = visit(admin, viewport=NARROW, has_touch=True)
    bring_axe(visitor)
    page = visitor.page

    def check(view: str) -> None:
        for scheme in SCHEMES:
            show_as(page, scheme, NARROW)
            assert violations(page) == [], f"{view}, {scheme}"

    for name in PAGES:
        open_page(visitor, name)
        expect(page.locator(".page .bone")).to_have_count(0)
        expect(page.locator(".page .card").first).to_be_visible()
        check(name)
        assert page.evaluate("document.querySelector('.page').scrollWidth <= innerWidth"), name
    open_page(visitor, "keys")
    page.get_by_role("button", name="New key").click()
    check("new key")
    page.keyboard.press("Escape")
    open_page(visitor, "reports")
    page.get_by_role("button", name="Dismiss").first.click()
    check("dismissal")
    page.keyboard.press("Escape")
    open_page(visitor, "users")
    find(page, admin).click()
    expect(page.get_by_role("list", name="Sessions")).to_be_visible()
    check("account")


def test_a_german_browser_shows_no_english_text(visit: Visit, admin: Person) -> None:
    def texts(name: str) -> set[str]:
        return set(re.findall(r'"([^"\n]{4,})"', (TEXTS / f"administration-{name}.ts").read_text()))

    english = {each for each in texts("en") - texts("de") if re.search("[a-z]", each)}
    visitor = visit(admin, locale="de-DE")
    page = visitor.page
    for name in PAGES:
        open_page(visitor, name)
        expect(page.locator(".page .bone")).to_have_count(0)
        shown = set(page.locator(".administration").inner_text().split("\n"))
        assert shown & english == set(), name
