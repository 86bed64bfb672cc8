"""Coming in, staying in, and going."""

import secrets

from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit
from tests.people import PASSWORD, Person


def test_who_registers_is_in_at_once_stays_in_and_can_log_out(visit: Visit) -> None:
    page = visit().page
    name = f"newcomer_{secrets.token_hex(3)}"
    page.get_by_role("button", name="Create an account").click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("E-mail").fill(f"{name}@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="No chats yet")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="No chats yet")).to_be_visible()
    page.get_by_role("button", name=f"Account of {name}").click()
    page.get_by_role("menuitem", name="Log out").click()
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()


def test_a_form_says_what_is_wrong_where_it_is_wrong(visit: Visit, alice: Person) -> None:
    page = visit().page
    page.get_by_label("Username or e-mail").fill(alice.email)
    page.get_by_label("Password", exact=True).fill("Wrong4Horse")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Create an account").click()
    page.get_by_label("Username").fill(alice.name)
    page.get_by_label("E-mail").fill(f"other_{alice.email}")
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_label("Username")).to_have_accessible_description("This username is taken.")
    expect(page.get_by_label("Username")).to_be_focused()


def test_what_one_is_called_can_be_changed(visit: Visit, alice: Person) -> None:
    page = visit(alice).page
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("menuitem", name="Profile").click()
    name = f"renamed_{secrets.token_hex(3)}"
    page.get_by_label("Username").fill(name)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name=f"Account of {name}")).to_be_visible()
    assert alice.get("/users/me").json()["data"]["username"] == name


def test_light_and_dark_are_those_of_the_system_until_one_is_chosen(visit: Visit, alice: Person) -> None:
    page = visit(alice, color_scheme="dark").page
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("menuitemradio", name="Light").click()
    light = page.evaluate(ground)
    assert light != dark
    page.reload()
    expect(page.get_by_role("heading", name="Chats", exact=True)).to_be_visible()
    assert page.evaluate(ground) == light


def test_the_documents_are_a_click_away(visit: Visit, alice: Person) -> None:
    visitor = visit(alice)
    for entry, heading in (("REST API", "Chat server"), ("Socket.IO events", "Chat server")):
        visitor.page.get_by_role("button", name="Account of").click()
        with visitor.context.expect_page() as opened:
            visitor.page.get_by_role("menuitem", name=entry).click()
        expect(opened.value.get_by_role("heading", name=heading).first).to_be_visible()
        opened.value.close()


def test_links_for_developers_are_shown_only_where_the_server_is_set_to(visit: Visit, alice: Person) -> None:
    visitor = visit()
    expect(visitor.page.get_by_role("link", name="REST API")).to_be_visible()

    def unmark(route: Route) -> None:
        page = route.fetch()
        route.fulfill(response=page, body=page.text().replace('name="developer-links"', ""))

    visitor.page.route(f"{visitor.url}/", unmark)
    visitor.log_in(alice.name)
    visitor.page.get_by_role("button", name="Account of").click()
    expect(visitor.page.get_by_role("menuitem", name="Profile")).to_be_visible()
    expect(visitor.page.get_by_role("menuitem", name="REST API")).to_have_count(0)
    visitor.page.get_by_role("menuitem", name="Log out").click()
    expect(visitor.page.get_by_role("button", name="Log in")).to_be_visible()
    expect(visitor.page.get_by_role("link", name="REST API")).to_have_count(0)
