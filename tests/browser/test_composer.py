"""The field to write in: what is begun is neither lost nor passed on, and is checked before it is sent."""

import re

import pytest
from playwright.sync_api import CDPSession, Dialog, FilePayload, Locator, expect

from tests.browser.chats import chatting
from tests.browser.conftest import Visit
from tests.browser.stored import stored_data
from tests.browser.test_files import TRANSFER, png
from tests.browser.visitor import SECONDS, Visitor
from tests.people import Person
from tests.waiting import eventually

# An Enter key as browsers report it while an input method composes a word.
COMPOSING_ENTER = """(element, init) => element.dispatchEvent(
  new KeyboardEvent("keydown", {key: "Enter", bubbles: true, cancelable: true, ...init})
)"""
# Whether dropping a file on an element would make the browser open the file.
WOULD_LEAVE = """element => ["dragover", "drop"].some((type) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File(["x"], "letter.pdf", {type: "application/pdf"}));
  return element.dispatchEvent(new DragEvent(type, {dataTransfer: transfer, bubbles: true, cancelable: true}));
})"""
COPY = """text => {
  const source = document.body.appendChild(document.createElement("textarea"));
  source.value = text;
  source.select();
  document.execCommand("copy");
  source.remove();
}"""
# Drops files of these sizes, which are made in the page: megabytes would take long on their way to the browser.
DROP = """(element, sizes) => {
  const transfer = new DataTransfer();
  for (const [name, size] of sizes) transfer.items.add(new File([new Uint8Array(size)], name));
  element.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true}));
}"""


def tray(visitor: Visitor) -> Locator:
    """The files that are attached."""
    return visitor.page.get_by_role("list", name="Files to send")


def attach(visitor: Visitor, *files: FilePayload) -> None:
    """Choose files."""
    visitor.page.get_by_label("Files", exact=True).set_input_files(list(files))


def await_stored(visitor: Visitor, part: str) -> None:
    """Wait until the browser has stored a text or the name of a file."""
    eventually(lambda: part in stored_data(visitor.page), SECONDS)


def task_seconds(session: CDPSession) -> float:
    """The time that the main thread of a page was busy."""
    metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def log_out(visitor: Visitor, name: str) -> None:
    visitor.page.get_by_role("button", name=f"Account of {name}").click()
    visitor.page.get_by_role("menuitem", name="Log out").click()


def confirm_logout(visitor: Visitor) -> None:
    dialog = visitor.page.get_by_role("dialog", name="Log out?")
    expect(dialog).to_contain_text("Anything you haven't sent yet will be lost.")
    dialog.get_by_role("button", name="Log out").click()
    expect(visitor.page.get_by_label("Username or e-mail")).to_be_visible()


@pytest.mark.parametrize("unsent", ["file", "message"])
def test_a_logout_that_would_lose_something_is_confirmed(visit: Visit, alice: Person, bob: Person, unsent: str) -> None:
    visitor = chatting(visit, alice, bob)
    if unsent == "message":
        visitor.go_offline()
        visitor.say("Not sent yet")
    else:
        attach(visitor, png("sea.png"))
    log_out(visitor, alice.name)
    visitor.page.get_by_role("dialog", name="Log out?").get_by_role("button", name="Cancel").click()
    expect(visitor.page.get_by_role("dialog")).to_have_count(0)
    if unsent == "message":
        visitor.context.set_offline(False)
        expect(visitor.message("Not sent yet").get_by_title("Sending")).to_have_count(0)
        log_out(visitor, alice.name)
        expect(visitor.page.get_by_label("Username or e-mail")).to_be_visible()
    else:
        log_out(visitor, alice.name)
        confirm_logout(visitor)


def test_unsent_text_is_not_shown_to_the_next_user(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    visitor = visit(alice)
    visitor.find(carol.name)
    visitor.composer.fill("For Carol's eyes only")
    attach(visitor, png("secret.png"))
    log_out(visitor, alice.name)
    confirm_logout(visitor)
    visitor.submit_login(bob.name)
    visitor.find(carol.name)
    expect(visitor.composer).to_have_value("")
    expect(tray(visitor)).to_have_count(0)


def test_drafts_survive_switching_chats(visit: Visit, alice: Person, bob: Person, carol: Person) -> None:
    alice.send(alice.direct_chat(bob), "Meet at seven")
    alice.direct_chat(carol)
    hers = visit(alice)
    hers.entry(bob.name).click()
    hers.composer.fill("A begun answer")
    attach(hers, png("sea.png"))
    hers.act(hers.message("Meet at seven"), "Edit")
    hers.composer.fill("Meet at eight")
    hers.entry(carol.name).click()
    expect(hers.composer).to_have_value("")
    expect(tray(hers)).to_have_count(0)
    hers.entry(bob.name).click()
    expect(hers.composer).to_have_value("Meet at eight")
    hers.composer.press("Escape")
    expect(hers.composer).to_have_value("A begun answer")
    expect(tray(hers)).to_contain_text("sea.png")


def test_escape_leaves_the_field_and_loses_nothing(visit: Visit, alice: Person, bob: Person) -> None:
    alice.direct_chat(bob)
    hers = visit(alice)
    hers.entry(bob.name).click()
    hers.composer.fill("A begun answer")
    attach(hers, png("sea.png"))
    hers.composer.press("Escape")
    expect(hers.entry(bob.name)).to_be_focused()
    expect(hers.composer).to_have_value("A begun answer")
    expect(tray(hers)).to_contain_text("sea.png")


def test_drafts_survive_a_reload(visit: Visit, alice: Person, bob: Person) -> None:
    alice.send(alice.direct_chat(bob), "Meet at seven")
    hers = visit(alice)
    hers.entry(bob.name).click()
    hers.composer.fill("A begun answer")
    attach(hers, png("sea.png"))
    hers.act(hers.message("Meet at seven"), "Edit")
    hers.composer.fill("Meet at eight")
    for part in ("A begun answer", "Meet at eight", "sea.png"):
        await_stored(hers, part)
    hers.page.reload()
    expect(hers.composer).to_have_value("Meet at eight")
    hers.composer.press("Escape")
    expect(hers.composer).to_have_value("A begun answer")
    expect(tray(hers)).to_contain_text("sea.png")
    hers.composer.press("Enter")
    expect(hers.message("A begun answer").get_by_role("button", name="Open sea.png")).to_be_visible()


@pytest.mark.parametrize("is_lost", [False, True])
def test_leaving_the_page_asks_only_while_something_would_be_lost(
    visit: Visit, alice: Person, bob: Person, is_lost: bool
) -> None:
    alice.direct_chat(bob)
    hers = visit()
    if is_lost:
        hers.context.add_init_script("IDBObjectStore.prototype.put = () => { throw new Error('The disk is full.'); }")
    hers.log_in(alice.name)
    hers.entry(bob.name).click()
    hers.composer.fill("A begun answer")
    if not is_lost:
        await_stored(hers, "A begun answer")
    requested: list[str] = []

    def accept(dialog: Dialog) -> None:
        requested.append(dialog.type)
        dialog.accept()

    hers.page.on("dialog", accept)
    hers.page.reload()
    assert requested == (["beforeunload"] if is_lost else [])


def test_arrow_up_right_after_enter_edits_the_message_that_is_on_its_way(
    visit: Visit, alice: Person, bob: Person
) -> None:
    alice.send(alice.direct_chat(bob), "An older message")
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.message("An older message")).to_be_visible()
    hers.context.set_offline(True)
    hers.say("Meet at sevn")
    hers.composer.press("ArrowUp")
    expect(hers.composer).to_have_value("Meet at sevn")
    hers.context.set_offline(False)
    # The edit stays at its message while that is stored.
    expect(hers.message("Meet at sevn")).to_contain_text("Sent")
    hers.say("Meet at seven")
    expect(hers.message("Meet at seven")).to_contain_text("edited")
    expect(hers.message("An older message")).to_be_visible()


def test_a_message_that_waits_can_be_corrected_before_it_is_sent(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    hers = visit(alice)
    hers.entry(bob.name).click()
    expect(hers.composer).to_be_visible()
    hers.go_offline()
    hers.say("Meet at sevn")
    hers.composer.press("ArrowUp")
    hers.say("Meet at seven")
    expect(hers.composer).to_have_value("")
    expect(hers.message("Meet at seven")).to_contain_text("Sending")
    hers.context.set_offline(False)
    expect(hers.message("Meet at seven")).to_contain_text("Sent")
    assert [message["content"] for message in bob.get(f"/messages/{chat}").json()["data"]] == ["Meet at seven"]


def test_a_type_that_can_not_be_sent_is_refused_at_once(visit: Visit, alice: Person, bob: Person) -> None:
    hers = chatting(visit, alice, bob)
    for way in ("choose", "paste", "drop"):
        if way == "choose":
            attach(hers, {"name": "choose.exe", "mimeType": "application/octet-stream", "buffer": b"MZ"})
        else:
            hers.composer.evaluate(TRANSFER, [way, f"{way}.exe", "image/png"])
        refused = hers.page.get_by_role("alert").filter(has_text=f"You can't send this type of file: {way}.exe")
        expect(refused).to_be_visible()
    expect(tray(hers)).to_have_count(0)


def test_a_file_that_is_too_large_is_refused_at_once_and_the_others_are_kept(
    visit: Visit, alice: Person, bob: Person
) -> None:
    hers = chatting(visit, alice, bob)
    limit = 10 * 1024 * 1024
    hers.composer.evaluate(DROP, [["large.pdf", limit + 1], ["largest.pdf", limit]])
    expect(hers.page.get_by_role("alert")).to_contain_text("Files can be up to 10 MB. large.pdf is larger.")
    expect(tray(hers).get_by_role("listitem")).to_have_count(1)
    expect(tray(hers)).to_contain_text("largest.pdf")


def test_the_page_takes_the_types_that_the_server_takes(visit: Visit, alice: Person, bob: Person) -> None:
    from chatapp.features.files.kinds import KINDS

    hers = chatting(visit, alice, bob)
    accepted = hers.page.get_by_label("Files", exact=True).get_attribute("accept") or ""
    assert set(accepted.split(",")) == set(KINDS)


def test_a_file_that_is_dropped_beside_the_chat_does_not_leave_the_page(
    visit: Visit, alice: Person, bob: Person
) -> None:
    hers = visit(alice)
    assert not hers.page.get_by_role("heading", name="Chats", exact=True).evaluate(WOULD_LEAVE)
    hers.find(bob.name)
    assert not hers.composer.evaluate(WOULD_LEAVE)


def test_the_enter_that_ends_a_composition_does_not_send(visit: Visit, alice: Person, bob: Person) -> None:
    hers = chatting(visit, alice, bob)
    hers.composer.fill("にほんご")
    for init in ({"isComposing": True}, {"keyCode": 229}):
        hers.composer.evaluate(COMPOSING_ENTER, init)
        expect(hers.composer).to_have_value("にほんご")
    hers.composer.press("Enter")
    expect(hers.message("にほんご")).to_contain_text("Sent")
    expect(hers.message("にほんご")).to_have_count(1)


def test_the_enter_that_ends_a_composition_does_not_choose_a_result(visit: Visit, alice: Person, bob: Person) -> None:
    hers = visit(alice)
    search = hers.search_field
    search.fill(bob.name)
    expect(hers.page.get_by_role("region", name="People").get_by_role("button").first).to_be_visible()
    search.evaluate(COMPOSING_ENTER, {"keyCode": 229})
    expect(search).to_be_focused()
    search.press("Enter")
    expect(hers.composer).to_be_focused()


def test_a_pasted_text_of_a_thousand_lines_does_not_stall_the_field(visit: Visit, alice: Person, bob: Person) -> None:
    hers = chatting(visit, alice, bob, permissions=["clipboard-read", "clipboard-write"])
    text = "\n".join(f"line {number}: the quick brown fox jumps over the lazy dog" for number in range(1000))
    hers.page.evaluate(COPY, text)
    session = hers.context.new_cdp_session(hers.page)
    # The processor time of the main thread: others use the machine, too.
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = task_seconds(session)
    hers.composer.press("Control+v")
    hers.composer.press_sequentially(" and on")
    expect(hers.composer).to_have_value(f"{text} and on")
    assert task_seconds(session) - before < 1
    box = hers.composer.bounding_box()
    assert box is not None
    assert box["height"] < 250


def test_a_text_that_is_too_long_says_so_and_is_not_sent(visit: Visit, alice: Person, bob: Person) -> None:
    hers = chatting(visit, alice, bob)
    hers.composer.fill("x" * 3999)
    expect(hers.page.get_by_role("status").filter(has_text="1 character left")).to_be_visible()
    hers.composer.fill("x" * 4100)
    sentence = hers.page.get_by_role("alert").filter(has_text="Messages can be up to 4,000 characters long.")
    expect(sentence).to_be_visible()
    expect(hers.composer).to_have_accessible_description(re.compile("This one has 4,100."))
    hers.composer.press("Enter")
    expect(hers.composer).to_have_value("x" * 4100)
    expect(hers.page.get_by_role("button", name="Send")).to_be_disabled()
    hers.composer.fill("x" * 4000)
    expect(sentence).to_have_count(0)


def test_a_text_from_right_to_left_is_written_so(visit: Visit, alice: Person, bob: Person) -> None:
    hers = chatting(visit, alice, bob)
    direction = "element => getComputedStyle(element).direction"
    hers.composer.fill("שלום לך")
    assert hers.composer.evaluate(direction) == "rtl"
    hers.composer.fill("Hello")
    assert hers.composer.evaluate(direction) == "ltr"


def test_typing_anywhere_goes_to_the_field_and_escape_returns_to_it(visit: Visit, alice: Person, bob: Person) -> None:
    alice.send(alice.direct_chat(bob), "Hello Bob")
    hers = visit(alice)
    hers.entry(bob.name).click()
    message = hers.message("Hello Bob")
    message.focus()
    hers.page.keyboard.type("How are you")
    expect(hers.composer).to_have_value("How are you")
    message.focus()
    hers.page.keyboard.press("Escape")
    expect(hers.composer).to_be_focused()
    # Other fields keep their keys.
    hers.search_field.focus()
    hers.page.keyboard.type("abc")
    expect(hers.composer).to_have_value("How are you")
