"""One's password and sessions, and the page of a link that sets a new password."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import requests
from playwright.sync_api import Locator, Route, expect

from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.forked import run_flask
from tests.people import PASSWORD, Person
from tests.server import environment

NEW_PASSWORD = "Another4Horse"
PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 16) Chrome/150.0 Mobile"}


def log_in(person: Person, password: str = PASSWORD) -> requests.Response:
    account = {"username": person.name, "password": password}
    return requests.post(f"{person.url}/api/v1/auth/login", json=account, headers=PHONE, timeout=20)


def open_security(visitor: Visitor) -> Locator:
    visitor.open_settings("Password and sessions")
    return visitor.page.get_by_role("dialog", name="Settings")


def test_the_password_is_changed_and_other_devices_are_logged_out(visit: Visit, alice: Person) -> None:
    elsewhere = log_in(alice).json()["data"]["refreshToken"]
    dialog = open_security(visit(alice))
    dialog.get_by_label("Current password", exact=True).fill("Wrong4Horse")
    dialog.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    dialog.get_by_role("button", name="Change password").click()
    current = dialog.get_by_label("Current password", exact=True)
    expect(current).to_have_accessible_description("The current password is wrong.")
    current.fill(PASSWORD)
    dialog.get_by_role("button", name="Change password").click()
    expect(dialog.page.get_by_text("Password changed.")).to_be_visible()
    expect(current).to_have_value("")
    assert log_in(alice, NEW_PASSWORD).status_code == 200
    refreshed = requests.post(f"{alice.url}/api/v1/auth/refresh", json={"refreshToken": elsewhere}, timeout=20)
    assert refreshed.status_code == 401


def test_sessions_are_listed_and_ended(visit: Visit, alice: Person) -> None:
    for _ in range(2):
        assert log_in(alice).status_code == 200
    dialog = open_security(visit(alice))
    sessions = dialog.get_by_role("list", name="Where you are logged in").get_by_role("listitem")
    phones = sessions.filter(has_text="Chrome · Android")
    expect(phones).to_have_count(2)
    expect(sessions.filter(has_text="This device")).to_have_count(1)
    dialog.get_by_role("button", name="Log out: Chrome · Android").first.click()
    expect(phones).to_have_count(1)
    dialog.get_by_role("button", name="Log out everywhere else").click()
    dialog.page.get_by_role("dialog", name="Log out everywhere else?").get_by_role(
        "button", name="Log out everywhere else"
    ).click()
    expect(sessions).to_have_count(1)
    expect(dialog.get_by_role("button", name="Log out everywhere else")).to_have_count(0)


def test_a_reset_link_sets_a_new_password_once(visit: Visit, alice: Person, database_url: str, tmp_path: Path) -> None:
    printed = run_flask(["chat", "reset-link", alice.name], os.environ | environment(database_url, tmp_path)).stdout
    code = re.search(r"code=([\w-]+)", printed)
    assert code
    page = visit().page
    page.goto(f"{alice.url}/#/reset?code={code[1]}")
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_text("Your password is set.")).to_be_visible()
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("Username or e-mail").fill(alice.name)
    page.get_by_label("Password", exact=True).fill(NEW_PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="No chats yet")).to_be_visible()
    page.goto(f"{alice.url}/#/reset?code={code[1]}")
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_text("This link was used already or has expired.")).to_be_visible()


def test_the_login_page_shows_only_what_the_server_allows(visit: Visit) -> None:
    def answer(capabilities: dict[str, object]) -> Callable[[Route], None]:
        return lambda route: route.fulfill(json={"data": capabilities})

    page = visit().page
    page.route("**/api/v1/capabilities", answer({"registration": "closed", "passwordLogin": True}))
    page.reload()
    expect(page.get_by_role("button", name="Create an account")).to_have_count(0)
    page.unroute("**/api/v1/capabilities")
    page.route("**/api/v1/capabilities", answer({"registration": "closed", "passwordLogin": False}))
    page.reload()
    expect(page.get_by_text("Open the chat from your app.")).to_be_visible()
    page.get_by_role("button", name="Log in as an administrator").click()
    expect(page.get_by_label("Username or e-mail")).to_be_focused()


def test_the_page_has_the_colour_of_the_product(visit: Visit, alice: Person) -> None:
    visitor = visit(alice)

    def brand(route: Route) -> None:
        response = route.fetch()
        mark = '<meta name="app-accent" content="#ffe08a" />'
        route.fulfill(response=response, body=response.text().replace("</head>", f"{mark}</head>"))

    visitor.page.route(f"{alice.url}/", brand)
    visitor.page.reload()
    colour = "name => getComputedStyle(document.documentElement).getPropertyValue(name)"
    # Black on a light colour.
    assert [visitor.page.evaluate(colour, name) for name in ("--fill", "--on-fill")] == [
        "rgb(255 224 138)",
        "rgb(0 0 0)",
    ]
