"""The page at `/`: the web client once it is built, before that a description of the server."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask import Flask

from chatapp.web import client_page
from tests.server import Server

PAGE = '<!doctype html><head><script type="module" src="/assets/index-AbC_1-23.js"></script></head>'
SCRIPT = "export const answer = 42;\n" * 100


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built web client, still missing."""
    return tmp_path_factory.mktemp("client") / "dist"


@pytest.fixture(scope="module")
def site(built: Path, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that serves that folder."""
    settings = {"WEB_PATH": str(built), "WEB_DEVELOPER_LINKS": "false", "APP_NAME": "Tom & Jerry"}
    with Server(database_url, tmp_path_factory.mktemp("site"), **settings) as server:
        yield server.url


@pytest.fixture
def client(built: Path) -> None:
    """Builds the client, as `make web` does beside a running server."""
    (built / "assets").mkdir(parents=True, exist_ok=True)
    (built / "index.html").write_text(PAGE)
    (built / "assets" / "index-AbC_1-23.js").write_text(SCRIPT)
    (built / "secret.txt").write_text("not an asset")


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, timeout=20, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_page_without_build_explains_how_to_build(site: str) -> None:
    page = get(f"{site}/")
    assert page.status_code == 200
    assert "make web" in page.text
    for link in re.findall(r'href="([^"]+)"', page.text):
        assert get(site + link).status_code == 200, link
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert get(f"{site}/assets/index-AbC_1-23.js").status_code == 404


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/", "Tom &amp; Jerry server"),
        ("/docs/", "Tom &amp; Jerry server API"),
        ("/docs/events", "Tom &amp; Jerry server events"),
        ("/docs/errors", "Tom &amp; Jerry server errors"),
    ],
)
def test_titles_have_the_name_of_the_product(site: str, path: str, title: str) -> None:
    assert f"<title>{title}</title>" in get(site + path).text


def test_documents_have_the_name_of_the_product(site: str) -> None:
    titles = [get(f"{site}/api/v1/{name}.json").json()["info"]["title"] for name in ("openapi", "asyncapi")]
    assert titles == ["Tom & Jerry server", "Tom & Jerry server events"]


@pytest.mark.usefixtures("client")
def test_client_is_served_once_built(site: str) -> None:
    page = get(f"{site}/")
    assert page.text == PAGE
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Cache-Control"] == "no-cache"
    again = get(f"{site}/", If_None_Match=page.headers["ETag"])
    assert again.status_code == 304


@pytest.mark.usefixtures("client")
def test_page_loads_only_its_own_files(site: str) -> None:
    headers = get(f"{site}/").headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    for kind in ("script-src", "style-src", "connect-src"):
        assert policy[kind] == "'self'"
    assert policy["trusted-types"] == policy["frame-ancestors"] == "'none'"
    assert policy["img-src"] == "'self' blob: data:"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.usefixtures("client")
def test_images_may_come_from_the_bucket(built: Path) -> None:
    app = Flask(__name__)
    app.register_blueprint(client_page.blueprint(built, ["https://files.example.org/bucket/"], app_name="Chat"))
    policy = app.test_client().get("/").headers["Content-Security-Policy"]
    assert "img-src 'self' blob: data: https://files.example.org/bucket/" in policy.split("; ")


@pytest.mark.usefixtures("client")
def test_avatars_may_come_from_listed_hosts(built: Path) -> None:
    app = Flask(__name__)
    hosts = ["images.example.org", "cdn.example.org:8443"]
    app.register_blueprint(client_page.blueprint(built, (), app_name="Chat", avatar_hosts=hosts))
    page = app.test_client().get("/")
    policy = page.headers["Content-Security-Policy"]
    assert "img-src 'self' blob: data: images.example.org cdn.example.org:8443" in policy.split("; ")
    assert '<meta name="avatar-hosts" content="images.example.org cdn.example.org:8443" /></head>' in page.text


@pytest.mark.usefixtures("client")
def test_page_has_the_logo_and_the_colour_of_the_product(built: Path) -> None:
    app = Flask(__name__)
    logo = "https://cdn.example.org/a.svg?x=1&y=2"
    app.register_blueprint(client_page.blueprint(built, (), app_name="Chat", logo_url=logo, accent="#0a7d4f"))
    page = app.test_client().get("/")
    assert "img-src 'self' blob: data: https://cdn.example.org" in page.headers["Content-Security-Policy"].split("; ")
    assert '<meta name="app-logo" content="https://cdn.example.org/a.svg?x=1&amp;y=2" />' in page.text
    assert '<meta name="app-accent" content="#0a7d4f" />' in page.text


@pytest.mark.usefixtures("client")
def test_page_has_the_flag_for_developer_links(built: Path) -> None:
    app = Flask(__name__)
    app.register_blueprint(client_page.blueprint(built, (), app_name="Chat", developer_links=True))
    assert '<meta name="developer-links" content="shown" /></head>' in app.test_client().get("/").text


@pytest.mark.usefixtures("client")
def test_the_page_has_the_name_of_the_product(built: Path) -> None:
    (built / "index.html").write_text("<title>Chat</title>")
    app = Flask(__name__)
    app.register_blueprint(client_page.blueprint(built, (), app_name="Tom & <i>Jerry</i>"))
    assert app.test_client().get("/").text == "<title>Tom &amp; &lt;i&gt;Jerry&lt;/i&gt;</title>"


@pytest.mark.usefixtures("client")
def test_assets_are_immutable_and_compressed(site: str) -> None:
    packed = get(f"{site}/assets/index-AbC_1-23.js")
    plain = get(f"{site}/assets/index-AbC_1-23.js", Accept_Encoding="identity")
    assert packed.text == plain.text == SCRIPT
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < len(SCRIPT) / 10
    assert "Content-Encoding" not in plain.headers
    for response in (packed, plain):
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["Content-Type"].startswith("text/javascript")
        assert response.headers["Vary"] == "Accept-Encoding, Origin"


@pytest.mark.usefixtures("client")
def test_a_browser_gets_what_the_build_compressed(site: str, built: Path) -> None:
    name = "index-DeF_4-56.js"
    (built / "assets" / name).write_text(SCRIPT)
    (built / "assets" / f"{name}.br").write_bytes(b"compressed")
    with requests.get(
        f"{site}/assets/{name}", timeout=20, headers={"Accept-Encoding": "gzip, deflate, br, zstd"}, stream=True
    ) as answer:
        assert answer.headers["Content-Encoding"] == "br"
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert answer.raw.read(decode_content=False) == b"compressed"
    assert get(f"{site}/assets/{name}", Accept_Encoding="gzip").headers["Content-Encoding"] == "gzip"


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("name", ["none.js", "..%2Fsecret.txt", "%2e%2e/secret.txt", "../secret.txt", ".hidden"])
def test_only_assets_are_served(site: str, name: str) -> None:
    response = get(f"{site}/assets/{name}")
    assert response.status_code == 404
    assert "not an asset" not in response.text
