"""The settings of a user: what notifies them, what others see of them, and whom they block."""

from playwright.sync_api import Response, Route, expect

from tests.browser.conftest import Visit
from tests.browser.test_accessible import bring_axe, variants, violations
from tests.browser.test_error_messages import refuse
from tests.browser.test_switched_off import without_features
from tests.browser.test_texts import check
from tests.browser.test_touch_targets import small
from tests.browser.visitor import SECONDS
from tests.people import Person, data
from tests.waiting import eventually


def settings_of(person: Person) -> dict[str, object]:
    found: dict[str, object] = data(person.get("/users/me/settings"))
    del found["meRev"]
    return found


def is_saved(response: Response) -> bool:
    """Whether it is the response to a change of settings."""
    return response.request.method == "PATCH" and response.url.endswith("/users/me/settings")


def test_each_setting_is_saved_as_it_is_changed(visit: Visit, alice: Person) -> None:
    hers = visit(alice)
    notifications = hers.open_settings("Notifications")
    with hers.page.expect_response(is_saved):
        notifications.get_by_label("Notify me about").select_option("Direct messages, mentions and replies")
    hers.page.keyboard.press("Escape")
    privacy = hers.open_settings("Privacy")
    changes = {
        "Who can see when you are online": "No one",
        "Who can start a chat with you": "People who share a chat with you",
    }
    for label, value in changes.items():
        with hers.page.expect_response(is_saved):
            privacy.get_by_label(label).select_option(value)
    for label in ("Read receipts", "Show when you are typing", "Let people find you", "Show your name"):
        with hers.page.expect_response(is_saved):
            privacy.get_by_role("switch", name=label).click()
    expected = {
        "notify": "mentions",
        "readReceipts": False,
        "typing": False,
        "lastSeen": "nobody",
        "directFrom": "contacts",
        "findable": False,
        "forwards": False,
        "pushContent": "full",
    }
    eventually(lambda: settings_of(alice) == expected, SECONDS)
    hers.page.reload()
    privacy = hers.open_settings("Privacy")
    expect(privacy.get_by_role("switch", name="Read receipts")).not_to_be_checked()
    expect(privacy.get_by_label("Who can see when you are online")).to_have_value("nobody")


def test_a_refused_change_is_taken_back(visit: Visit, alice: Person) -> None:
    hers = visit(alice)
    privacy = hers.open_settings("Privacy")

    def deny(route: Route) -> None:
        if route.request.method == "PATCH":
            refuse(route, 403, "forbidden", "No.")
        else:
            route.continue_()

    hers.page.route("**/users/me/settings", deny)
    typing = privacy.get_by_role("switch", name="Show when you are typing")
    typing.click()
    expect(hers.page.get_by_role("alert").filter(has_text="You don't have permission to do this.")).to_be_visible()
    expect(typing).to_be_checked()


def test_a_change_elsewhere_shows_at_once(visit: Visit, alice: Person) -> None:
    hers = visit(alice)
    privacy = hers.open_settings("Privacy")
    expect(privacy.get_by_role("switch", name="Read receipts")).to_be_checked()
    data(alice.patch("/users/me/settings", {"readReceipts": False}))
    expect(privacy.get_by_role("switch", name="Read receipts")).not_to_be_checked()


def test_blocked_users_are_listed_and_unblocked(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    for other in (bob, carol):
        assert alice.request("PUT", f"/users/me/blocks/{other.id}").status_code == 204
    hers = visit(alice)
    blocked = hers.open_settings("Blocked users")
    expect(blocked.get_by_role("listitem")).to_contain_text([carol.name, bob.name])
    blocked.get_by_role("button", name=f"Unblock: {bob.name}").click()
    # It can be taken back, and the focus stays.
    again = blocked.get_by_role("button", name=f"Block: {bob.name}")
    expect(again).to_be_focused()
    # It shows before the server has it.
    eventually(lambda: [block["user"]["id"] for block in data(alice.get("/users/me/blocks"))] == [carol.id], SECONDS)
    hers.page.keyboard.press("Escape")
    expect(hers.open_settings("Blocked users").get_by_role("listitem")).to_contain_text([carol.name])


def test_the_pages_are_one_stop_of_the_tab_key(visit: Visit, alice: Person) -> None:
    hers = visit(alice)
    hers.open_settings("Notifications")
    page = hers.page
    expect(page.get_by_role("tab", name="Notifications")).to_be_focused()
    for key, name in (("ArrowDown", "Privacy"), ("End", "Password and sessions"), ("ArrowDown", "Notifications")):
        page.keyboard.press(key)
        expect(page.get_by_role("tab", name=name)).to_be_focused()
        expect(page.get_by_role("tabpanel", name=name)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Who can see when you are online")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_each_page_is_accessible(visit: Visit, alice: Person, bob: Person) -> None:
    assert alice.request("PUT", f"/users/me/blocks/{bob.id}").status_code == 204
    hers = visit(alice, reduced_motion="reduce")
    bring_axe(hers)
    session = hers.context.new_cdp_session(hers.page)
    hers.open_settings("Notifications")
    tab_page = hers.page.get_by_role("tabpanel")
    for tab in hers.page.get_by_role("tab").all():
        tab.click()
        expect(tab_page.get_by_role("status")).to_have_count(0)
        for variant in variants(hers.page):
            # A finger needs larger targets.
            session.send("Emulation.setTouchEmulationEnabled", {"enabled": variant == "dark", "maxTouchPoints": 1})
            assert violations(hers.page) == [], f"{tab.text_content()}, {variant}"
            if variant == "dark":
                assert small(hers.page, "dialog") == [], tab.text_content()
                assert tab_page.evaluate("page => page.scrollWidth <= page.clientWidth"), tab.text_content()


def test_a_german_browser_shows_no_english_text(visit: Visit, alice: Person, bob: Person) -> None:
    alice.direct_chat(bob)
    assert alice.request("PUT", f"/users/me/blocks/{bob.id}").status_code == 204
    visitor = visit(alice, locale="de-DE")
    visitor.page.get_by_role("button", name="Konto von").click()
    visitor.page.get_by_role("menuitem", name="Einstellungen").click()
    tabs = visitor.page.get_by_role("tab")
    expect(tabs).to_have_text(["Benachrichtigungen", "Privatsphäre", "Blockierte Personen", "Passwort und Sitzungen"])
    for tab in tabs.all():
        tab.click()
        expect(visitor.page.get_by_role("tabpanel").get_by_role("status")).to_have_count(0)
        check(visitor.page, str(tab.text_content()), "dialog")


def test_what_the_server_lacks_is_not_offered(visit: Visit, alice: Person) -> None:
    hers = visit()
    hers.context.route("**/api/v1/capabilities", without_features)
    hers.take_session(alice)
    hers.open_settings("Notifications")
    expect(hers.page.get_by_role("tab")).to_have_text(["Notifications", "Password and sessions"])
    expect(hers.page.get_by_label("Notify me about")).to_have_count(0)
