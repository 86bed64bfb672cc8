"""Two people, two browsers."""

import re

from playwright.sync_api import expect

from tests.browser.chats import chatting
from tests.browser.conftest import Visit
from tests.browser.deletions import delete_for_good
from tests.browser.presence import online
from tests.browser.visitor import SECONDS, await_online
from tests.people import Person, data


def test_two_people_find_each_other_and_talk(visit: Visit, alice: Person, bob: Person) -> None:
    hers, his = visit(alice), visit(bob)
    hers.find(bob.name)
    hers.say("Hello Bob!")
    expect(his.entry(alice.name)).to_contain_text("Hello Bob!")
    expect(his.entry(alice.name)).to_contain_text("1 unread message")
    expect(his.page).to_have_title("(1) Chat")
    his.entry(alice.name).click()
    expect(his.message("Hello Bob!")).to_be_visible()
    expect(his.page).to_have_title("Chat")
    his.say("Hello Alice!")
    expect(hers.message("Hello Alice!")).to_be_visible()
    expect(hers.entry(bob.name)).to_contain_text("Hello Alice!")


def test_ticks_show_the_status_of_a_message(visit: Visit, alice: Person, bob: Person) -> None:
    hers = chatting(visit, alice, bob)
    hers.say("Are you there?")
    expect(hers.message("Are you there?")).to_contain_text("Sent")
    his = visit(bob)
    expect(his.entry(alice.name)).to_be_visible()
    hers.say("Now you are")
    expect(hers.message("Now you are")).to_contain_text("Delivered")
    his.entry(alice.name).click()
    # One status stands for a run of messages; the others show when one points at them.
    for said in ("Now you are", "Are you there?"):
        hers.message(said).hover()
        expect(hers.message(said)).to_contain_text("Read")


def test_typing_is_shown_and_ends(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    hers = visit(alice)
    hers.entry(bob.name).click()
    await_online(hers.page)
    with online(bob) as his:
        his.emit("typing:start", {"chatId": chat})
        expect(hers.talk.get_by_text(re.compile("typing ?…"))).to_be_visible()
        expect(hers.entry(bob.name)).to_contain_text("typing…")
        his.emit("typing:stop", {"chatId": chat})
        expect(hers.page.get_by_text(re.compile("typing ?…"))).to_have_count(0)
        hers.composer.press_sequentially("Well")
        his.wait_for("typing:start", timeout=SECONDS)
        hers.composer.fill("")
        his.wait_for("typing:stop", timeout=SECONDS)


def test_presence_comes_and_goes(visit: Visit, alice: Person, bob: Person) -> None:
    hers = chatting(visit, alice, bob)
    whom = hers.talk.get_by_role("link", name=bob.name)
    with online(bob):
        expect(whom).to_contain_text("Online")
    expect(whom).to_contain_text("Last seen just now")


def test_a_message_is_edited_and_deleted_for_both(visit: Visit, alice: Person, bob: Person) -> None:
    hers, his = chatting(visit, alice, bob), visit(bob)
    hers.say("Meet at seven")
    his.entry(alice.name).click()
    hers.act(hers.message("Meet at seven"), "Edit")
    hers.composer.fill("Meet at eight")
    hers.composer.press("Enter")
    for one in (hers, his):
        expect(one.message("Meet at eight")).to_contain_text("edited")
    delete_for_good(hers, hers.message("Meet at eight"), "Delete for everyone")
    for one in (hers, his):
        expect(one.message("Message deleted")).to_be_visible()
        expect(one.message("Meet at")).to_have_count(0)


def test_new_messages_are_below_a_line(visit: Visit, alice: Person, bob: Person) -> None:
    chat = bob.direct_chat(alice)
    bob.send(chat, "Seen before")
    data(alice.post(f"/messages/{chat}/read", {}))
    bob.send(chat, "New to you")
    hers = visit(alice)
    hers.entry(bob.name).click()
    lines = hers.page.get_by_role("log", name="Messages").get_by_role("listitem")
    expect(lines).to_have_text([re.compile("Seen before"), "New messages", re.compile("New to you")])
    hers.say("Thanks")
    expect(hers.page.get_by_text("New messages")).to_have_count(0)


def test_messages_are_text_with_links(visit: Visit, alice: Person, bob: Person) -> None:
    said = '<img src=x onerror="document.title=1"> [x](javascript:alert(1)) see https://example.org/a_(b)?c=d&e, "ok"'
    alice.send(alice.direct_chat(bob), said)
    his = visit(bob)
    his.entry(alice.name).click()
    message = his.message("see https")
    expect(message).to_contain_text(said)
    links = message.get_by_role("link")
    assert [link.get_attribute("href") for link in links.all()] == ["https://example.org/a_(b)?c=d&e"]
    assert links.get_attribute("rel") == "noopener noreferrer nofollow"
    assert message.locator("img").count() == 0
