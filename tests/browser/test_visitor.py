"""That what the other tests rely on notices what it should."""

import socket

from playwright.sync_api import Browser

from tests.browser.visitor import Visitor
from tests.server import Server


def test_requests_to_other_servers_are_noticed(browser: Browser, server: Server) -> None:
    visitor = Visitor(browser, server.url)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        others = [
            f"http://127.0.0.1:{port}/",
            server.url.replace("127.0.0.1", "localhost") + "/other",
            "https://example.org/",
        ]
        for url in others:
            visitor.page.evaluate("(url) => fetch(url, {mode: 'no-cors'}).catch(() => {})", url)
        visitor.page.evaluate("(url) => fetch(url, {mode: 'no-cors'})", f"{server.url}/healthz")
        visitor.wait_for(lambda: len(visitor.strangers) == len(others))
    assert visitor.strangers == others
    visitor.context.close()
