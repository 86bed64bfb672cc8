"""Every text of the web client comes from its catalogue, in the language of the browser."""

import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from chatapp.core.error_codes import CODES
from chatapp.launcher.node import node_binary
from chatapp.launcher.web import WEB
from tests.browser.conftest import Visit
from tests.browser.test_files import TRANSFER
from tests.browser.visitor import Visitor
from tests.people import PASSWORD, Person, data

TEXTS = WEB / "src/texts"
FINDER = Path(__file__).parent / "untranslated.mjs"


def test_no_text_is_written_outside_the_catalogue() -> None:
    command = [node_binary(), FINDER, WEB]
    found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    assert found == []


# Errors of a faulty client, not of what a user does; `rate_limited` has a text with the time to wait.
TECHNICAL = {
    "act_as_forbidden",
    "bad_request",
    "chat_data_managed",
    "cursor_invalid",
    "external_id_taken",
    "headers_too_large",
    "issuer_unavailable",
    "issuer_unknown",
    "job_running",
    "key_expired",
    "key_in_browser",
    "key_invalid",
    "malformed_form",
    "malformed_json",
    "malformed_packet",
    "method_not_allowed",
    "not_a_member",
    "range_not_satisfiable",
    "rate_limited",
    "scope_missing",
    "unknown_event",
    "unsupported_media_type",
    "uri_too_long",
    "user_unknown",
}


@pytest.mark.parametrize("name", ["en.ts", "de.ts"])
def test_each_error_that_a_user_can_meet_has_a_text(name: str) -> None:
    texts = (TEXTS / name).read_text().partition("byCode: {")[2].partition("}")[0]
    assert set(re.findall(r"^ *(\w+):", texts, re.MULTILINE)) == set(CODES) - TECHNICAL


def visible_texts(page: Page, within: str) -> set[str]:
    """What is shown or read out in elements of the page, without what people wrote and the names they chose."""
    return set(
        page.evaluate(
            """(within) => [...document.querySelectorAll(within)].flatMap((root) => {
              const texts = [];
              const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
              while (walker.nextNode()) {
                const node = walker.currentNode;
                if (node.nodeType === Node.TEXT_NODE) {
                  if (!node.parentElement.closest("script, style, noscript")) texts.push(node.data);
                } else {
                  for (const name of ["aria-label", "title", "placeholder", "alt"]) texts.push(node.getAttribute(name) ?? "");
                }
              }
              return texts.map((text) => text.trim()).filter((text) => /\\p{L}/u.test(text));
            })""",
            within,
        )
    )


def english() -> set[str]:
    """Texts of the English catalogue that German ones differ from."""

    def texts(*names: str) -> set[str]:
        return {text for name in names for text in re.findall(r'"([^"\n]{3,})"', (TEXTS / name).read_text())}

    in_english = texts("en.ts", "settings-en.ts", "search-en.ts") - texts("de.ts", "settings-de.ts", "search-de.ts")
    return {text for text in in_english if re.search("[a-z]", text)}


def log_in(visitor: Visitor, person: Person) -> None:
    """In German."""
    page = visitor.page
    page.get_by_label("Benutzername oder E-Mail").fill(person.name)
    page.get_by_label("Passwort", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_role("navigation", name="Chats")).to_be_visible()


def check(page: Page, view: str, within: str = "body") -> None:
    assert visible_texts(page, within) & english() == set(), view


def test_a_german_browser_shows_no_english_text_around_the_chats(visit: Visit, alice: Person, bob: Person) -> None:
    bob.send(alice.direct_chat(bob), "…")
    visitor = visit(locale="de-DE")
    page = visitor.page
    expect(page.get_by_role("button", name="Anmelden")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "de-DE"
    check(page, "login")
    page.get_by_role("button", name="Konto erstellen").click()
    check(page, "register")
    page.reload()
    log_in(visitor, alice)
    check(page, "list")
    account = page.get_by_role("button", name=f"Konto von {alice.name}")
    account.click()
    check(page, "menu")
    page.get_by_role("menuitem", name="Profil").click()
    check(page, "profile")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Neuer Chat").click()
    check(page, "new chat")
    page.get_by_role("dialog").get_by_role("button", name="Neue Gruppe").click()
    check(page, "new group")
    page.keyboard.press("Escape")
    account.press("?")
    expect(page.get_by_role("dialog", name="Tastenkürzel")).to_be_visible()
    check(page, "shortcuts")
    page.goto(f"{visitor.url}/#/chats/{bob.id}")
    expect(page.get_by_role("heading", name="Dieser Chat ist nicht verfügbar")).to_be_visible()
    check(page, "no chat")


def test_a_german_browser_shows_no_english_text_in_the_search(visit: Visit, alice: Person, bob: Person) -> None:
    bob.send(alice.direct_chat(bob), "…")
    visitor = visit(alice, locale="de-DE")
    page = visitor.page
    field = page.get_by_role("searchbox", name="Suchen", exact=True)
    field.click()
    expect(page.get_by_text("mit:datei")).to_be_visible()
    check(page, "empty search")
    page.get_by_role("button", name="Filtern").click()
    check(page, "filters", ".menu")
    page.keyboard.press("Escape")
    for text in (
        "von:",
        "in:",
        "mit:",
        "nach:",
        "vor:gestern x",
        "mit:x y",
        "x",
        "上",
        "zzzzzz",
        "mit:datei zzzzzz",
        bob.name,
    ):
        field.fill(text)
        page.wait_for_timeout(600)
        check(page, text)


def test_a_german_browser_shows_no_english_text_in_the_composer_and_the_details(
    visit: Visit, alice: Person, bob: Person
) -> None:
    group = data(alice.post("/chats/groups", {"name": "Chor", "memberIds": [bob.id]}))
    visitor = visit(alice, locale="de-DE")
    page = visitor.page
    page.goto(f"{visitor.url}/#/chats/{group['id']}/details")
    field = page.get_by_role("textbox", name="Nachricht an Chor")
    field.evaluate(TRANSFER, ["drop", "a.png", "image/png"])
    field.evaluate(TRANSFER, ["drop", "a.exe", "image/png"])
    field.fill("x" * 4001)
    details = page.get_by_role("region", name="Details")
    check(page, "chat", ".composer, .toasts, .details")
    details.get_by_role("button", name=f"{bob.name} verwalten").click()
    check(page, "member", ".menu")
    page.keyboard.press("Escape")
    for opens in ("Gruppe verlassen", "Gruppe löschen", "Bearbeiten", "Personen hinzufügen", bob.name):
        details.get_by_role("button", name=opens).first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        check(page, opens, "dialog")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_german_browser_shows_no_english_text_in_a_chat(visit: Visit, alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    bob.send(chat, "…")
    alice.send(chat, "…")
    group = alice.post("/chats/groups", {"name": "…", "memberIds": [bob.id]}).json()["data"]["id"]
    alice.send(group, "…")
    visitor = visit(alice, locale="de-DE")
    page = visitor.page
    for opened, end in ((chat, ""), (chat, "/details"), (group, ""), (group, "/details")):
        page.goto(f"{visitor.url}/#/chats/{opened}{end}")
        expect(page.get_by_role("log", name="Nachrichten")).to_be_visible()
        page.wait_for_load_state("networkidle")
        check(page, f"{'group' if opened == group else 'direct chat'}{end}")
