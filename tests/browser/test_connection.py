"""Losing the connection, and coming back."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit
from tests.browser.visitor import await_online
from tests.people import Person, register
from tests.server import Server


@pytest.fixture
def site(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that a test may stop, with access tokens that last 4 seconds."""
    with Server(database_url, tmp_path_factory.mktemp("site"), JWT_ACCESS_EXPIRES_IN="4s") as server:
        yield server


def test_offline_messages_are_sent_and_missed_ones_arrive(visit: Visit, alice: Person, bob: Person) -> None:
    hers = visit(alice)
    hers.find(bob.name)
    hers.say("Before the tunnel")
    expect(hers.message("Before the tunnel")).to_contain_text("Sent")
    chat = bob.direct_chat(alice)
    hers.go_offline()
    hers.say("From inside the tunnel")
    expect(hers.message("From inside the tunnel")).to_contain_text("Sending")
    bob.send(chat, "Are you still there?")
    assert "tunnel" in str(bob.get(f"/messages/{chat}").json())
    assert "inside" not in str(bob.get(f"/messages/{chat}").json())
    hers.context.set_offline(False)
    expect(hers.message("From inside the tunnel")).to_contain_text("Sent")
    expect(hers.message("Are you still there?")).to_be_visible()
    expect(hers.page.get_by_text("You are offline.")).to_have_count(0)
    said = [message["content"] for message in reversed(bob.get(f"/messages/{chat}").json()["data"])]
    assert said == ["Before the tunnel", "Are you still there?", "From inside the tunnel"]


def test_a_restarted_server_and_an_expired_token_go_unnoticed(visit: Visit, site: Server) -> None:
    alice, bob = register(site.url, "alice"), register(site.url, "bob")
    chat = bob.direct_chat(alice)
    bob.send(chat, "Good morning")
    hers = visit(alice, url=site.url)
    hers.entry(bob.name).click()
    await_online(hers.page)
    site.stop()
    expect(hers.page.get_by_text("The server can't be reached.")).to_be_visible()
    hers.say("Written while you were away")
    site.start()
    expect(hers.message("Written while you were away")).to_contain_text("Sent")
    hers.page.wait_for_timeout(4500)
    hers.page.reload()
    expect(hers.message("Written while you were away")).to_be_visible()


def test_server_down_and_device_offline_are_distinguished(visit: Visit, site: Server) -> None:
    alice = register(site.url, "alice")
    page = visit(alice, url=site.url).page
    banner = page.locator(".banner")
    await_online(page)
    site.stop()
    expect(banner).to_contain_text("The server can't be reached.")
    expect(banner).to_contain_text(re.compile(r"Trying again in \d+ ?s…"))
    page.context.set_offline(True)
    expect(banner).to_contain_text("You are offline.")
    expect(banner).not_to_contain_text("can't be reached")
    page.context.set_offline(False)
    expect(banner).to_contain_text("The server can't be reached.")
    expect(banner.get_by_role("button", name="Try again")).to_be_visible()
    site.start()
    expect(banner).to_have_text("")


def test_a_session_that_the_server_ended_says_so(visit: Visit, alice: Person, bob: Person) -> None:
    hers = visit(alice)
    stored = hers.page.evaluate("Object.values(localStorage).find((kept) => kept.includes('refreshToken'))")
    assert alice.name in stored
    hers.page.evaluate(
        "async () => {"
        " const kept = JSON.parse(Object.values(localStorage).find((kept) => kept.includes('refreshToken')));"
        " await fetch('/api/v1/auth/logout', {method: 'POST', headers: {Authorization: `Bearer ${kept.accessToken}`}});"
        "}"
    )
    expect(hers.page.get_by_text("Your session has ended.")).to_be_visible()


def test_a_script_that_could_not_be_fetched_is_fetched_again(visit: Visit, alice: Person, bob: Person) -> None:
    alice.direct_chat(bob)
    visitor = visit()
    attempts: list[str] = []

    def fail_once(route: Route) -> None:
        attempts.append(route.request.url)
        if len(attempts) == 1:
            route.abort()
        else:
            route.continue_()

    visitor.context.route(re.compile("/assets/lazy-parts-"), fail_once)
    visitor.log_in(alice.name)
    visitor.entry(bob.name).click()
    expect(visitor.talk).to_be_visible()
    assert len(attempts) > 1
