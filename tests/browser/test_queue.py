"""Messages, files, edits and deletions on their way: kept by the browser, sent once, and gone with the session."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Dialog, FilePayload, Page, Request, Route, expect

from tests.browser.chats import chatting
from tests.browser.conftest import Visit
from tests.browser.deletions import delete_for_good
from tests.browser.test_composer import confirm_logout, log_out
from tests.browser.test_composing import await_sent
from tests.browser.test_files import png
from tests.browser.test_tabs import WITHOUT_LOCKS, another_tab
from tests.browser.visitor import Visitor, await_online
from tests.people import Person

UPLOADS = "**/messages/upload"
SENT = re.compile("Sent|Delivered")
# What the browser keeps of unsent work, once it is that, or after a while.
STORED = """async (expected) => {
  let kinds;
  for (const end = Date.now() + 40_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 30))) {
    const open = indexedDB.open("chat.queue");
    const database = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
    const all = database.transaction("values").objectStore("values").getAll();
    const values = await new Promise((resolve) => { all.onsuccess = () => resolve(all.result); });
    database.close();
    kinds = values.map(({kind}) => kind).sort();
    if (JSON.stringify(kinds) === JSON.stringify(expected)) break;
  }
  return kinds;
}"""
WITHOUT_DATABASE = "Object.defineProperty(window, 'indexedDB', {value: undefined})"


def attach(visitor: Visitor, *files: FilePayload) -> None:
    visitor.page.get_by_label("Files", exact=True).set_input_files(list(files))


def go_offline(visitor: Visitor) -> None:
    await_online(visitor.page)
    visitor.context.route("**/socket.io/**", lambda route: route.abort())
    visitor.go_offline()


def go_online(visitor: Visitor) -> None:
    visitor.context.set_offline(False)
    visitor.context.unroute("**/socket.io/**")


def expect_stored(page: Page, kinds: list[str]) -> None:
    """Wait until the browser keeps exactly this."""
    assert page.evaluate(STORED, kinds) == kinds


def questions_of(page: Page) -> list[str]:
    """What the browser asks of the user, who always agrees."""
    questions: list[str] = []

    def response(dialog: Dialog) -> None:
        questions.append(dialog.type)
        dialog.accept()

    page.on("dialog", response)
    return questions


def stored(person: Person, chat: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = person.get(f"/messages/{chat}").json()["data"]
    return messages


def test_text_is_sent_while_a_file_is_uploaded(visit: Visit, alice: Person, bob: Person) -> None:
    hers = chatting(visit, alice, bob)
    held: list[Route] = []
    hers.page.route(UPLOADS, lambda route: held.append(route))
    attach(hers, png("sea.png"))
    hers.say("Look at this")
    expect(hers.message("Look at this")).to_contain_text("Sending")
    hers.say("Meanwhile")
    expect(hers.message("Meanwhile")).to_contain_text(SENT)
    hers.wait_for(lambda: held)
    held[0].continue_()
    expect(hers.message("Look at this")).to_contain_text(SENT)


def test_an_upload_goes_on_after_a_reload(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    hers = visit(alice)
    hers.entry(bob.name).click()
    hers.page.route(UPLOADS, lambda route: route.abort())
    attach(hers, png("sea.png"))
    hers.say("Look at this")
    expect_stored(hers.page, ["message"])
    hers.page.unroute(UPLOADS)
    hers.page.reload()
    expect(hers.page.get_by_role("button", name="Open sea.png")).to_be_visible()
    expect_stored(hers.page, [])
    assert [(message["content"], message["fileName"]) for message in stored(bob, chat)] == [("Look at this", "sea.png")]


def test_an_upload_is_made_by_one_tab_and_taken_over_when_that_is_closed(
    visit: Visit, alice: Person, bob: Person
) -> None:
    chat = alice.direct_chat(bob)
    hers = visit(alice)
    hers.entry(bob.name).click()
    other = another_tab(hers)
    uploads: list[Request] = []

    def hold(route: Route) -> None:
        uploads.append(route.request)
        if len(uploads) > 1:
            route.continue_()

    hers.context.route(UPLOADS, hold)
    with hers.page.expect_request(UPLOADS):
        attach(hers, png("sea.png"))
        hers.say("Look at this")
    expect_stored(other, ["message"])
    hers.wait_for(lambda: uploads)
    assert len(uploads) == 1
    with other.expect_response(UPLOADS):
        hers.page.close()
    expect_stored(other, [])
    assert [message["fileName"] for message in stored(bob, chat)] == ["sea.png"]
    assert len(uploads) == 2


@pytest.mark.parametrize("locks", [True, False])
def test_changes_made_offline_are_stored_after_the_page_is_opened_again(
    visit: Visit, alice: Person, bob: Person, locks: bool
) -> None:
    chat = alice.direct_chat(bob)
    for content in ("Helo", "Nonsense"):
        alice.send(chat, content)
    hers = visit(alice)
    if not locks:
        hers.context.add_init_script(WITHOUT_LOCKS)
        hers.page.reload()
    hers.entry(bob.name).click()
    expect(hers.message("Nonsense")).to_be_visible()
    go_offline(hers)
    hers.act(hers.message("Helo"), "Edit")
    hers.say("Hello")
    expect(hers.message("Hello")).to_be_visible()
    delete_for_good(hers, hers.message("Nonsense"), "Delete for everyone")
    expect(hers.message("Nonsense")).to_have_count(0)
    expect_stored(hers.page, ["change", "change"])
    hers.page.close()
    go_online(hers)
    page = another_tab(hers)
    expect_stored(page, [])
    assert [(message["content"], message["isDeleted"]) for message in stored(bob, chat)] == [
        (None, True),
        ("Hello", False),
    ]


def test_logging_out_forgets_what_was_not_sent(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    for one, other in ((alice, bob), (carol, bob)):
        one.direct_chat(other)
    hers = visit(alice)
    hers.entry(bob.name).click()
    hers.page.route(UPLOADS, lambda route: route.abort())
    attach(hers, png("sea.png"))
    hers.say("Only for him")
    attach(hers, png("hill.png"))
    hers.composer.fill("Unsent")
    expect_stored(hers.page, ["draft", "files", "message"])
    log_out(hers, alice.name)
    confirm_logout(hers)
    expect_stored(hers.page, [])
    hers.log_in(carol.name)
    hers.entry(bob.name).click()
    expect(hers.composer).to_have_value("")
    expect(hers.page.get_by_text("hill.png")).to_have_count(0)
    expect(hers.page.get_by_text("Only for him")).to_have_count(0)


def test_messages_that_an_earlier_version_left_are_sent(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    hers = visit(alice)
    left = {"clientId": "0b5f6dfe-8f0e-4f0a-9a57-2c2a3d2f3a10", "chatId": chat, "content": "From before"}
    left["createdAt"] = "2026-11-28T12:00:00.000Z"
    key = f"chat.outbox.{alice.id}.{left['clientId']}"
    hers.page.evaluate("([key, value]) => localStorage.setItem(key, value)", [key, json.dumps(left)])
    hers.page.reload()
    expect(hers.entry(bob.name)).to_contain_text("From before")
    hers.page.wait_for_function("key => localStorage.getItem(key) === null", arg=key)
    # The list shows the message before it is sent.
    await_sent(bob, chat, "From before")
    assert len(stored(bob, chat)) == 1


def test_without_a_database_messages_are_sent_and_leaving_asks(visit: Visit, alice: Person, bob: Person) -> None:
    alice.direct_chat(bob)
    hers = visit(url=alice.url)
    hers.context.add_init_script(WITHOUT_DATABASE)
    hers.log_in(alice.name)
    hers.entry(bob.name).click()
    hers.say("Hello")
    expect(hers.message("Hello")).to_contain_text(SENT)
    hers.composer.fill("Not yet")
    questions = questions_of(hers.page)
    hers.page.reload()
    assert questions == ["beforeunload"]


def test_leaving_does_not_ask_while_everything_is_stored(visit: Visit, alice: Person, bob: Person) -> None:
    alice.direct_chat(bob)
    hers = visit(alice)
    hers.entry(bob.name).click()
    hers.composer.fill("Not yet")
    expect_stored(hers.page, ["draft"])
    questions = questions_of(hers.page)
    hers.page.reload()
    expect(hers.composer).to_have_value("Not yet")
    assert questions == []


def test_a_draft_that_was_sent_in_one_tab_is_gone_in_the_others(visit: Visit, alice: Person, bob: Person) -> None:
    alice.direct_chat(bob)
    hers = visit(alice)
    hers.entry(bob.name).click()
    hers.composer.fill("In two tabs")
    expect_stored(hers.page, ["draft"])
    other = another_tab(hers)
    entry = other.get_by_role("navigation", name="Chats").get_by_role("link", name=re.compile(bob.name))
    expect(entry).to_contain_text("Draft: In two tabs")
    hers.composer.press("Enter")
    expect(entry).not_to_contain_text("Draft:")
