"""Marks, mentions and emoji while a message is written, and what it is sent with."""

from typing import Any

from playwright.sync_api import expect
from sqlalchemy import Engine

from tests.browser.conftest import Visit
from tests.browser.past import write_past
from tests.people import Person, data
from tests.waiting import eventually

SELECT = """(field, part) => {
  const at = field.value.indexOf(part);
  field.setSelectionRange(at, at + part.length);
}"""


def await_sent(person: Person, chat: str, content: str) -> dict[str, Any]:
    """A message of a chat, once one of the newest has this text."""

    def sent() -> list[dict[str, Any]]:
        return [message for message in data(person.get(f"/messages/{chat}")) if message["content"] == content]

    eventually(lambda: bool(sent()), 40)
    return sent()[0]


def test_marks_are_written_by_keys_and_buttons(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    hers = visit(alice)
    hers.entry(bob.name).click()
    field = hers.composer
    field.fill("very important words")
    field.evaluate(SELECT, "important ")
    field.press("Control+b")
    expect(field).to_have_value("very **important** words")
    field.press("Control+b")
    expect(field).to_have_value("very important words")
    field.press("Control+b")
    field.evaluate(SELECT, "words")
    field.press("Control+i")
    field.press("Control+z")
    expect(field).to_have_value("very **important** words")
    hers.page.get_by_role("button", name="Formatting").click()
    bar = hers.page.get_by_role("toolbar", name="Formatting")
    bar.get_by_role("button", name="Strikethrough").click()
    expect(field).to_have_value("very **important** ~~words~~")
    field.press("End")
    field.press("Shift+Enter")
    hers.page.keyboard.type("one")
    bar.get_by_role("button", name="List").click()
    # A new line continues the list, and ends it after an empty item.
    for keys in ("Shift+Enter", "2", "Shift+Enter", "Shift+Enter"):
        field.press(keys)
    expect(field).to_have_value("very **important** ~~words~~\n- one\n- 2\n")
    field.press("Enter")
    message = hers.message("very important")
    expect(message.get_by_role("strong")).to_have_text("important")
    expect(message.get_by_role("listitem")).to_have_text(["one", "2"])
    assert await_sent(bob, chat, "very **important** ~~words~~\n- one\n- 2")["format"] == "markdown"
    # Without marks it is no Markdown: neither a new one, nor one that loses them.
    hers.say("2*3*4 is plain")
    assert "format" not in await_sent(bob, chat, "2*3*4 is plain")
    hers.act(message, "Edit")
    hers.say("no marks")
    assert "format" not in await_sent(bob, chat, "no marks")


def test_members_are_mentioned_by_name(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    data(carol.patch("/users/me", {"displayName": "Carol Ann"}))
    chat = alice.group(bob, carol, name="Club")
    hers = visit(alice)
    hers.entry("Club").click()
    field = hers.composer
    suggestions = hers.page.get_by_role("listbox", name="Suggestions").get_by_role("option")
    expect(hers.talk.get_by_text("3 members")).to_be_visible()
    field.press_sequentially("Hi @")
    expect(suggestions).to_have_count(3)
    expect(suggestions.last).to_contain_text("Notify all members")
    field.press_sequentially("caro")
    expect(suggestions).to_have_count(1)
    field.press("Enter")
    expect(field).to_have_value("Hi @Carol Ann ")
    field.press_sequentially(f"and @{bob.name[:3]}")
    suggestions.filter(has_text=bob.name).click()
    expect(field).to_be_focused()
    field.press("Enter")
    sent = await_sent(bob, chat, f"Hi @Carol Ann and @{bob.name}")
    assert set(sent["mentions"]["userIds"]) == {bob.id, carol.id}
    message = hers.message("Hi @Carol Ann")
    message.get_by_role("button", name="@Carol Ann").click()
    expect(hers.page.get_by_role("dialog", name="Profile")).to_contain_text("Carol Ann")
    hers.page.keyboard.press("Escape")
    # An edit changes who is mentioned.
    hers.act(message, "Edit")
    hers.say("Hi @Carol Ann")
    assert await_sent(bob, chat, "Hi @Carol Ann")["mentions"] == {"userIds": [carol.id]}
    hers.say("@all dinner!")
    assert await_sent(bob, chat, "@all dinner!")["mentions"] == {"all": True}


def test_mentions_of_the_reader_are_counted_marked_and_listed(
    visit: Visit, alice: Person, bob: Person, engine: Engine
) -> None:
    chat = bob.group(alice, name="Club")
    mentioned = {"mentions": {"userIds": [alice.id]}}
    bob.send(chat, f"@{alice.name}: **hello**", format="markdown", **mentioned)
    write_past(engine, chat, bob, (f"Line {number}" for number in range(60)))
    hers = visit(alice)
    entry = hers.entry("Club")
    expect(entry).to_contain_text("1 message mentions you")
    expect(entry).to_contain_text("61 unread messages")
    button = hers.page.get_by_role("button", name="Mentions")
    expect(button).to_have_accessible_name("Mentions (1 message mentions you)")
    button.click()
    found = hers.page.get_by_role("dialog", name="Mentions").get_by_role("link")
    expect(found).to_contain_text([f"{bob.name} · Club"])
    expect(found).to_contain_text([f"@{alice.name}: hello"])
    found.click()
    expect(hers.page.get_by_role("dialog")).to_have_count(0)
    message = hers.message("hello")
    expect(message).to_be_in_viewport()
    expect(message.locator("mark")).to_have_text(f"@{alice.name}")


def test_names_of_emoji_are_completed(visit: Visit, alice: Person, bob: Person) -> None:
    alice.direct_chat(bob)
    hers = visit(alice)
    hers.entry(bob.name).click()
    field = hers.composer
    field.press_sequentially("Done :tad")
    option = hers.page.get_by_role("option", name=":tada:")
    expect(option).to_have_attribute("aria-selected", "true")
    field.press("Tab")
    expect(field).to_have_value("Done 🎉 ")
    field.press_sequentially(":+1:")
    expect(field).to_have_value("Done 🎉 👍")
    # A time is none, nor is what no emoji is called.
    field.fill("")
    field.press_sequentially("At 10:30:00 :nonsense: ")
    expect(field).to_have_value("At 10:30:00 :nonsense: ")
