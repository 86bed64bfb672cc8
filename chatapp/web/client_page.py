"""Serves the web client at `/`, as `make web` builds it; without a build, a page that describes this server."""

import gzip
import mimetypes
import re
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, render_template, request
from markupsafe import escape

STYLE = (Path(__file__).parent / "templates" / "welcome.css").read_text()
# Nothing from other hosts, which would learn the visitor's address; only script files, and no HTML made of text.
# Images may also come from the bucket that the server redirects to, if there is one, and from AVATAR_HOSTS.
POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# The client looks for this element.
DEVELOPER_LINKS = b'<meta name="developer-links" content="shown" />'
# So does it for the hosts of avatars.
AVATAR_HOSTS = '<meta name="avatar-hosts" content="%s" />'
# And for the look of the product.
LOGO = '<meta name="app-logo" content="%s" />'
ACCENT = '<meta name="app-accent" content="%s" />'
# Their names contain a hash of the content.
FOR_EVER = "public, max-age=31536000, immutable"
NAME = re.compile(r"[\w-]+(\.[\w-]+)+", re.ASCII)
MAX_CACHED = 32


def blueprint(
    built: Path,
    image_sources: Iterable[str],
    *,
    app_name: str,
    logo_url: str | None = None,
    accent: str | None = None,
    avatar_hosts: Iterable[str] = (),
    developer_links: bool = False,
) -> Blueprint:
    """`/` and `/assets/…` from the folder `built`, which may appear, change and vanish while the server runs.

    `image_sources` are further sources of images for the Content-Security-Policy. The client loads avatars of
    `avatar_hosts`, shows the image at `logo_url` instead of its own logo, and has the colour `accent`. `developer_links` makes it link to the API documents.
    """
    pages = Blueprint("client_page", __name__, template_folder="templates")
    hosts = " ".join(avatar_hosts)
    logo = urlsplit(logo_url or "")
    sources = (*image_sources, *hosts.split(), *([f"{logo.scheme}://{logo.netloc}"] if logo.netloc else []))
    client_policy = "; ".join((*POLICY, " ".join(("img-src 'self' blob: data:", *sources))))
    marks = (DEVELOPER_LINKS if developer_links else b"") + ((AVATAR_HOSTS % hosts).encode() if hosts else b"")
    marks += (LOGO % escape(logo_url)).encode() if logo_url else b""
    marks += (ACCENT % accent).encode() if accent else b""

    @pages.get("/")
    def client() -> Response:
        """The client's page."""
        try:
            page, policy = (built / "index.html").read_bytes(), client_policy
            page = page.replace(b"<title>Chat</title>", f"<title>{escape(app_name)}</title>".encode(), 1)
            page = page.replace(b"</head>", marks + b"</head>", 1)
        except OSError:
            page = render_template("welcome.html", app_name=app_name, style=STYLE).encode()
            digest = b64encode(sha256(STYLE.encode()).digest()).decode()
            policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"
        headers = HEADERS | {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
        response = Response(page, headers=headers)
        response.add_etag()
        return response.make_conditional(request)  # type: ignore[return-value]

    @pages.get("/assets/<name>")
    def asset(name: str) -> Response:
        """An asset of the page."""
        if not NAME.fullmatch(name):
            abort(404)
        try:
            bodies = _read(built / "assets" / name)
        except OSError:
            abort(404)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        headers = HEADERS | {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
        accepted = [encoding for encoding in bodies if encoding == "identity" or request.accept_encodings[encoding]]
        encoding = min(accepted, key=lambda encoding: len(bodies[encoding]))
        if encoding != "identity":
            headers["Content-Encoding"] = encoding
        return Response(bodies[encoding], headers=headers, mimetype=kind)

    return pages


@lru_cache(maxsize=MAX_CACHED)
def _read(path: Path) -> dict[str, bytes]:
    """A file by content encoding; raises OSError. The build compresses with Brotli, which Python lacks."""
    content = path.read_bytes()
    bodies = {"identity": content, "gzip": gzip.compress(content)}
    with suppress(OSError):
        bodies["br"] = path.with_name(f"{path.name}.br").read_bytes()
    return bodies
