"""Drafts that follow their user from device to device."""

from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.chats import opened
from tests.browser.conftest import Visit
from tests.browser.test_composer import await_stored, confirm_logout, log_out
from tests.browser.test_switched_off import without_features
from tests.browser.visitor import NARROW, SECONDS, Visitor
from tests.people import Person, data
from tests.waiting import eventually


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """A chat with a message."""
    made = alice.direct_chat(bob)
    bob.send(made, "Shall we meet?")
    return made


def saved(person: Person, chat: str) -> dict[str, Any]:
    """The draft that the server has; empty if it has none."""
    response = person.get(f"/chats/{chat}/draft")
    return {} if response.status_code == 404 else data(response)


def writing(visit: Visit, person: Person, other: Person) -> Visitor:
    """A user's page at their chat with another one, once it knows that the server stores drafts."""
    visitor = opened(visit, person, other)
    expect(visitor.page.locator(".with-menus")).to_be_attached()
    return visitor


def test_a_draft_follows_its_user(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    phone = visit(alice, viewport=NARROW)
    laptop = opened(visit, alice, bob)
    laptop.composer.fill("Tomorrow, at")
    expect(phone.entry(bob.name)).to_contain_text("Draft: Tomorrow, at")
    phone.entry(bob.name).click()
    expect(phone.composer).to_have_value("Tomorrow, at")
    phone.composer.press_sequentially(" noon")
    expect(laptop.composer).to_have_value("Tomorrow, at noon")
    # Sending it ends it everywhere.
    phone.composer.press("Enter")
    expect(laptop.composer).to_have_value("")
    expect(laptop.message("Tomorrow, at noon")).to_have_count(1)
    eventually(lambda: saved(alice, chat) == {}, SECONDS)


def test_a_reply_follows_too(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    quoted = data(bob.get(f"/messages/{chat}"))[0]["id"]
    elsewhere = {"content": "Yes!", "replyToId": quoted}
    data(alice.request("PUT", f"/chats/{chat}/draft", json=elsewhere))
    hers = visit(alice)
    expect(hers.entry(bob.name)).to_contain_text("Draft: Yes!")
    hers.entry(bob.name).click()
    reply = hers.page.get_by_text(f"Reply to {bob.name}")
    expect(reply).to_be_visible()
    data(alice.request("PUT", f"/chats/{chat}/draft", json={"content": "Yes!"}))
    expect(reply).to_have_count(0)
    expect(hers.composer).to_have_value("Yes!")
    hers.act(hers.message("Shall we meet?"), "Reply")
    eventually(lambda: saved(alice, chat).get("replyToId") == quoted, SECONDS)
    hers.page.get_by_role("button", name="Cancel reply").click()
    eventually(lambda: "replyToId" not in saved(alice, chat), SECONDS)


def test_leaving_the_chat_saves_at_once(visit: Visit, alice: Person, bob: Person, carol: Person, chat: str) -> None:
    carol.send(alice.direct_chat(carol), "Hello from Carol")
    hers = writing(visit, alice, bob)
    hers.stop_timers()
    hers.composer.fill("Tomorrow")
    hers.entry(carol.name).click()
    eventually(lambda: saved(alice, chat).get("content") == "Tomorrow", SECONDS)


def test_leaving_the_page_saves_at_once(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = writing(visit, alice, bob)
    hers.stop_timers()
    hers.composer.fill("Tomorrow")
    hers.page.goto("about:blank")
    eventually(lambda: saved(alice, chat).get("content") == "Tomorrow", SECONDS)


def test_a_draft_that_is_being_written_is_not_replaced(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = opened(visit, alice, bob)
    hers.composer.press_sequentially("From the laptop")
    data(alice.request("PUT", f"/chats/{chat}/draft", json={"content": "From the phone"}))
    hers.composer.press_sequentially(", still")
    expect(hers.composer).to_have_value("From the laptop, still")
    # The last one written is kept.
    eventually(lambda: saved(alice, chat).get("content") == "From the laptop, still", SECONDS)


def test_few_requests_save_a_long_text(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = opened(visit, alice, bob)
    requests: list[str] = []
    hers.page.on("request", lambda request: requests.append(request.url))
    expect(hers.message("Shall we meet?")).to_be_visible()
    hers.stop_clock()
    for word in ("A", " text", " that", " is", " written", " word", " by", " word"):
        hers.composer.press_sequentially(word)
        hers.page.clock.run_for(200)
    hers.page.clock.resume()
    eventually(lambda: saved(alice, chat).get("content") == "A text that is written word by word", SECONDS)
    assert len([url for url in requests if url.endswith("/draft")]) <= 2


def test_a_draft_without_a_connection_is_saved_later(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = opened(visit, alice, bob)
    hers.go_offline()
    hers.composer.fill("Written in a tunnel")
    hers.page.wait_for_timeout(2000)
    hers.context.set_offline(False)
    eventually(lambda: saved(alice, chat).get("content") == "Written in a tunnel", SECONDS)


def test_a_draft_that_was_deleted_elsewhere_is_gone_from_a_page_that_was_closed(
    visit: Visit, alice: Person, bob: Person, chat: str
) -> None:
    hers = opened(visit, alice, bob)
    hers.composer.fill("Tomorrow")
    eventually(lambda: saved(alice, chat).get("content") == "Tomorrow", SECONDS)
    hers.page.goto("about:blank")
    assert alice.delete(f"/chats/{chat}/draft").status_code == 204
    hers.enter()
    expect(hers.entry(bob.name)).to_contain_text("Shall we meet?")
    hers.entry(bob.name).click()
    expect(hers.composer).to_have_value("")


def test_drafts_stay_in_the_browser_where_the_server_lacks_them(
    visit: Visit, alice: Person, bob: Person, chat: str
) -> None:
    hers = visit()
    hers.context.route("**/api/v1/capabilities", without_features)
    hers.take_session(alice)
    hers.entry(bob.name).click()
    hers.composer.fill("Only here")
    await_stored(hers, "Only here")
    hers.page.reload()
    expect(hers.composer).to_have_value("Only here")
    assert saved(alice, chat) == {}
    # A server that has them by now gets those that were written before.
    hers.context.unroute_all(behavior="wait")
    hers.page.reload()
    expect(hers.composer).to_have_value("Only here")
    eventually(lambda: saved(alice, chat).get("content") == "Only here", SECONDS)


def test_a_draft_is_kept_that_is_written_before_the_features_are_known(
    visit: Visit, alice: Person, bob: Person, chat: str
) -> None:
    hers = opened(visit, alice, bob)
    hers.composer.fill("x")
    eventually(lambda: saved(alice, chat).get("content") == "x", SECONDS)
    held: list[Route] = []
    hers.context.route("**/api/v1/capabilities", lambda route: held.append(route))
    hers.page.reload()
    hers.composer.fill("Written early")
    hers.page.wait_for_timeout(2000)
    assert saved(alice, chat)["content"] == "x"
    for route in held:
        route.continue_()
    hers.page.wait_for_timeout(500)
    expect(hers.composer).to_have_value("Written early")
    eventually(lambda: saved(alice, chat).get("content") == "Written early", SECONDS)


def test_logging_out_saves_a_draft(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = writing(visit, alice, bob)
    hers.composer.fill("Later")
    log_out(hers, alice.name)
    expect(hers.page.get_by_role("button", name="Log in")).to_be_visible()
    assert saved(alice, chat)["content"] == "Later"


def test_logging_out_without_a_connection_asks(visit: Visit, alice: Person, bob: Person, chat: str) -> None:
    hers = opened(visit, alice, bob)
    hers.go_offline()
    hers.composer.fill("Never")
    log_out(hers, alice.name)
    confirm_logout(hers)
