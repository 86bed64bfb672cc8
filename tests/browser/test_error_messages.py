"""What the server refuses is shown with its reason, where the person looks."""

import json

from playwright.sync_api import Route, expect

from tests.browser.chats import chatting
from tests.browser.conftest import Visit
from tests.browser.test_files import png
from tests.people import Person


def refuse(route: Route, status: int, code: str, detail: str, **more: int) -> None:
    """Respond with a problem."""
    problem = {"type": f"/docs/errors#{code}", "title": "", "status": status, "detail": detail, "code": code, **more}
    route.fulfill(status=status, content_type="application/problem+json", body=json.dumps(problem))


# A page can't read why a websocket is refused: the client falls back to requests.
REFUSED_WEBSOCKET = """window.WebSocket = class {
  constructor() {
    setTimeout(() => {
      this.onerror?.(new Event("error"));
      this.onclose?.({code: 1006});
    });
  }
  close() {}
}"""


def test_a_refused_origin_is_named(visit: Visit, alice: Person) -> None:
    hers = visit(alice)
    hers.context.route("**/socket.io/**", lambda route: refuse(route, 403, "origin_not_allowed", "Not allowed."))
    hers.context.add_init_script(REFUSED_WEBSOCKET)
    hers.page.reload()
    sentence = "The server doesn't accept connections from this address."
    expect(hers.page.get_by_role("status").filter(has_text=sentence)).to_be_visible()


def test_a_refused_file_says_why(visit: Visit, alice: Person, bob: Person) -> None:
    hers = chatting(visit, alice, bob)
    upload = "**/messages/upload"

    def send(name: str, text: str) -> None:
        hers.page.get_by_label("Files", exact=True).set_input_files([png(name)])
        hers.page.get_by_role("button", name="Send").click()
        expect(hers.page.get_by_role("alert").filter(has_text=text)).to_be_visible()

    hers.context.route(upload, lambda route: refuse(route, 413, "file_too_large", "In other words."))
    send("sea.png", "Files can be up to 10 MB.")
    hers.context.unroute(upload)
    hers.context.route(upload, lambda route: refuse(route, 429, "rate_limited", "In other words.", retryAfter=7200))
    send("hill.png", "Too many requests. Try again in 120 minutes.")
    expect(hers.message("Not sent")).to_have_count(2)
