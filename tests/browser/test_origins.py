"""The built-in client at the server's own address, in production, behind nginx with TLS."""

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit
from tests.fuzz.raw_clients import RawWebSocket
from tests.nginx import Nginx, needs_nginx
from tests.people import problem, register
from tests.server import Server

pytestmark = needs_nginx
POLLING = "/socket.io/?EIO=4&transport=polling"
PRODUCTION = {
    "APP_ENV": "production",
    "JWT_ACCESS_SECRET": "a" * 40,
    "JWT_REFRESH_SECRET": "r" * 40,
    "CORS_ORIGIN": "https://app.example.com",
    "TRUSTED_PROXIES": "1",
}


@pytest.fixture(scope="module")
def site(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str, str]]:
    """A production server, its address behind nginx, and the path of nginx's certificate."""
    with (
        Server(database_url, tmp_path_factory.mktemp("site"), **PRODUCTION) as server,
        Nginx(tmp_path_factory.mktemp("nginx")) as nginx,
    ):
        nginx.serve(server.port)
        yield server, nginx.url, str(nginx.certificate)
    assert not server.errors_in_log()


def test_the_built_in_client_is_live_at_the_servers_own_address(visit: Visit, site: tuple[Server, str, str]) -> None:
    server, url, _ = site
    alice, bob = register(server.url, "alice"), register(server.url, "bob")
    hers = visit(alice, url=url, ignore_https_errors=True)
    hers.find(bob.name)
    chat = bob.direct_chat(alice)
    bob.send(chat, "Do you see this at once?")
    expect(hers.message("Do you see this at once?")).to_be_visible()
    hers.say("Yes")
    expect(hers.message("Yes")).to_contain_text("Sent")
    expect(hers.page.get_by_text("You are offline.")).to_have_count(0)
    assert "origin_refused" not in server.log


def test_other_sites_are_refused_behind_the_proxy_too(site: tuple[Server, str, str]) -> None:
    server, url, certificate = site
    for origin in ("https://evil.example", url.replace("https", "http"), "https://localhost"):
        response = requests.get(url + POLLING, headers={"Origin": origin}, timeout=20, verify=certificate)
        assert problem(response) == (403, "origin_not_allowed")
    for origin in (url, "https://app.example.com"):
        response = requests.get(url + POLLING, headers={"Origin": origin}, timeout=20, verify=certificate)
        assert response.headers["Access-Control-Allow-Origin"] == origin
    # Past the proxy the server's own origin is another one.
    with RawWebSocket(server.url, headers={"Origin": url}) as socket:
        assert socket.status == 403


def keep_refresh(route: Route) -> None:
    """Leave one operation in the document: all of them are most of the work of the page."""
    response = route.fetch()
    document = response.json()
    document["paths"] = {path: each for path, each in document["paths"].items() if path.endswith("/auth/refresh")}
    route.fulfill(response=response, json=document)


def test_the_documents_show_and_try_the_api_within_their_policy(visit: Visit, site: tuple[Server, str, str]) -> None:
    _, url, _ = site
    reader = visit(url=url, ignore_https_errors=True)
    reader.page.route("**/api/v1/openapi.json", keep_refresh)
    reader.page.goto(f"{url}/docs/")
    reader.page.get_by_role("button", name="POST /api/v1/auth/refresh", exact=False).first.click()
    reader.page.get_by_role("button", name="Try it out").click()
    with reader.page.expect_response(f"{url}/api/v1/auth/refresh") as requested:
        reader.page.get_by_role("button", name="Execute").click()
    assert requested.value.status == 401
