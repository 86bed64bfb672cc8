"""Forms: checked before they are sent, with errors for people, and never thrown away by mistake."""

import secrets

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_accessible import SCHEMES
from tests.people import PASSWORD, Person

# The contrast of an element's border with the background around it, as WCAG 2.1 defines it.
BORDER_CONTRAST = """element => {
  const luminance = (color) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const linear = (part) => (part <= 0.04045 * 255 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
    const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map(linear);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  let around = element.parentElement;
  while (getComputedStyle(around).backgroundColor === "rgba(0, 0, 0, 0)") around = around.parentElement;
  const [one, other] = [getComputedStyle(element).borderTopColor, getComputedStyle(around).backgroundColor].map(luminance);
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}"""


def open_registration(page: Page) -> None:
    """The form for a new account."""
    page.get_by_role("button", name="Create an account").click()
    expect(page.get_by_role("heading", name="Create your account")).to_be_visible()


def test_a_form_is_checked_before_it_is_sent_and_input_clears_its_error(visit: Visit) -> None:
    page = visit().page
    open_registration(page)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.get_by_label("Username").fill("é")
    page.get_by_label("E-mail").fill("nowhere")
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_role("button", name="Create account").click()
    fields = [page.get_by_label("Username"), page.get_by_label("E-mail"), page.get_by_label("Password", exact=True)]
    for field in fields:
        expect(field).to_have_attribute("aria-invalid", "true")
    expect(fields[0]).to_be_focused()
    assert [url for url in requested if "/auth/" in url] == []
    fields[0].fill("e")
    expect(fields[0]).not_to_have_attribute("aria-invalid", "true")
    expect(fields[1]).to_have_attribute("aria-invalid", "true")


def test_server_errors_are_explained_in_plain_words(visit: Visit, alice: Person) -> None:
    page = visit().page
    open_registration(page)
    page.get_by_label("Username").fill("admin")
    page.get_by_label("E-mail").fill(f"{secrets.token_hex(4)}@example.org")
    page.get_by_label("Password", exact=True).fill("Password1")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_label("Username")).to_have_accessible_description("This username isn't available.")
    expect(page.get_by_label("Password", exact=True)).to_have_accessible_description(
        "This password is too easy to guess."
    )
    page.get_by_label("Username").fill(alice.name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_label("Username")).to_have_accessible_description("This username is taken.")


def test_a_wrong_password_says_so(visit: Visit, alice: Person) -> None:
    page = visit().page
    page.get_by_label("Username or e-mail").fill(alice.name)
    page.get_by_label("Password", exact=True).fill("Wrong4Horse")
    page.get_by_role("button", name="Log in").click()
    field = page.get_by_label("Password", exact=True)
    expect(field).to_have_accessible_description("Wrong username or password.")
    field.press("End")
    field.press("Backspace")
    expect(field).to_have_accessible_description("")


def test_errors_are_in_the_language_of_the_browser(visit: Visit, alice: Person) -> None:
    page = visit(locale="de-DE").page
    page.get_by_label("Benutzername oder E-Mail").fill(alice.name)
    page.get_by_label("Passwort", exact=True).fill("Wrong4Horse")
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_label("Passwort", exact=True)).to_have_accessible_description(
        "Benutzername oder Passwort ist falsch."
    )


def test_a_group_needs_a_name_and_a_picture_of_a_known_type(visit: Visit, alice: Person) -> None:
    visitor = visit(alice)
    page = visitor.page
    visitor.new_group()
    page.get_by_label("Picture").set_input_files({"name": "a.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"})
    expect(page.get_by_role("alert")).to_have_text("Choose a JPEG, PNG, GIF or WebP picture.")
    page.get_by_role("button", name="Create group").click()
    expect(page.get_by_label("Name", exact=True)).to_have_accessible_description("Give the group a name.")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()


def test_a_half_filled_dialog_is_not_thrown_away_without_a_question(visit: Visit, alice: Person) -> None:
    visitor = visit(alice)
    page = visitor.page
    dialog = page.get_by_role("dialog", name="New group")
    question = page.get_by_role("dialog", name="Discard your changes?")

    def click_beside() -> None:
        page.mouse.click(5, 5)

    def press_escape() -> None:
        page.keyboard.press("Escape")

    for leave in (click_beside, press_escape):
        visitor.new_group()
        page.get_by_label("Name", exact=True).fill("Chess")
        leave()
        question.get_by_role("button", name="Cancel").click()
        expect(question).to_have_count(0)
        expect(page.get_by_label("Name", exact=True)).to_have_value("Chess")
        leave()
        question.get_by_role("button", name="Discard").click()
        expect(dialog).to_have_count(0)


def test_an_untouched_dialog_closes_by_a_click_beside_it(visit: Visit, alice: Person) -> None:
    visitor = visit(alice)
    page = visitor.page
    visitor.new_group()
    expect(page.get_by_role("dialog", name="New group")).to_be_visible()
    page.mouse.click(5, 5)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_untouched_dialog_closes_before_it_is_drawn(visit: Visit, alice: Person) -> None:
    visitor = visit(alice)
    page = visitor.page
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_role("dialog", name="New chat")).to_be_visible()
    # Escape is pressed before the browser has drawn the next dialog.
    page.evaluate(
        """async () => {
            document.querySelector(".to-group").click();
            while (!document.querySelector("dialog [name=name]")) await Promise.resolve();
            document.querySelector("dialog").dispatchEvent(new Event("cancel", { cancelable: true }));
        }"""
    )
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_borders_of_fields_can_be_seen(visit: Visit, alice: Person, bob: Person) -> None:
    alice.direct_chat(bob)
    visitor = visit(reduced_motion="reduce")
    page = visitor.page

    def check(field: Locator) -> None:
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert field.evaluate(BORDER_CONTRAST) >= 3, (field, scheme)

    check(page.get_by_label("Password", exact=True))
    visitor.submit_login(alice.name)
    visitor.entry(bob.name).click()
    check(page.locator(".composer .line"))
    visitor.new_group()
    check(page.locator(".composer .line"))
    for name in ("Name", "Description", "Find people"):
        check(page.get_by_label(name, exact=True))
