"""Coming in, staying in, and going."""

import re
import secrets

import pytest
import requests
from playwright.sync_api import Route, expect

from chatapp.launcher.web import WEB
from tests.browser.conftest import Visit
from tests.browser.test_files import TRANSFER
from tests.browser.test_groups import open_details
from tests.browser.visitor import Visitor
from tests.people import PASSWORD, Person, data


def test_registration_logs_in_until_logout(visit: Visit) -> None:
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


def test_form_errors_are_shown_at_their_fields(visit: Visit, alice: Person) -> None:
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


def test_username_can_be_changed(visit: Visit, alice: Person) -> None:
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


def end_session(visitor: Visitor) -> None:
    """End the session on the server, as an administrator or another device may."""
    token = visitor.page.evaluate("JSON.parse(localStorage.getItem('chat.session')).accessToken")
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.post(f"{visitor.url}/api/v1/auth/logout", headers=headers, timeout=20).ok
    expect(visitor.page.get_by_text("Your session has ended.")).to_be_visible()


def test_a_link_to_a_chat_leads_there_after_login(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    hers = visit()
    hers.page.goto(f"{hers.url}/#/chats/{chat}")
    hers.submit_login(alice.name)
    expect(hers.talk.get_by_role("heading", name=bob.name).first).to_be_visible()
    expect(hers.composer).to_be_focused()


def test_after_a_session_ended_its_user_is_back_in_the_same_chat(visit: Visit, alice: Person, bob: Person) -> None:
    alice.direct_chat(bob)
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.composer).to_be_visible()
    end_session(hers)
    hers.submit_login(alice.name)
    expect(hers.talk.get_by_role("heading", name=bob.name).first).to_be_visible()


@pytest.mark.parametrize("reloads", [False, True])
def test_after_a_session_ended_another_user_is_not_led_to_its_chat(
    visit: Visit, alice: Person, bob: Person, carol: Person, reloads: bool
) -> None:
    group = data(alice.post("/chats/groups", {"name": "Shared", "memberIds": [bob.id]}))
    visitor = visit(alice)
    visitor.entry("Shared").click()
    expect(visitor.composer).to_be_visible()
    end_session(visitor)
    if reloads:
        visitor.page.reload()
    visitor.submit_login(bob.name)
    expect(visitor.entry("Shared")).to_be_visible()
    expect(visitor.composer).to_have_count(0)
    assert group["id"] not in visitor.page.url


def test_toasts_and_questions_end_with_the_session(visit: Visit, alice: Person, bob: Person) -> None:
    data(alice.post("/chats/groups", {"name": "Attic", "memberIds": [bob.id]}))
    hers = visit(alice)
    hers.entry("Attic").click()
    open_details(hers)
    hers.composer.evaluate(TRANSFER, ["drop", "private.exe", "image/png"])
    expect(hers.page.get_by_role("alert")).to_be_visible()
    hers.page.get_by_role("button", name="Delete group").click()
    expect(hers.page.get_by_role("dialog", name="Delete Attic?")).to_be_visible()
    end_session(hers)
    expect(hers.page.get_by_role("dialog")).to_have_count(0)
    expect(hers.page.get_by_role("alert")).to_have_count(0)


def test_state_outside_of_components_is_reset_with_the_session() -> None:
    # Language, sound, scripts and what these contain belong to the browser; app.tsx is where sessions begin and end.
    source, others = WEB / "src", ("app.tsx", "lazy.tsx", "emoji/data.ts", "format.ts", "notifications/sound.ts")
    modules = [path for path in source.rglob("*.ts*") if path.parent.name != "texts"]
    modules = [path for path in modules if path.relative_to(source).as_posix() not in others]
    holders = {path.name for path in modules if re.search(r"^(export )?let ", path.read_text(), re.MULTILINE)}
    reset = {path.name for path in modules if "onSessionEnd(" in path.read_text()}
    assert holders - reset == set()
