"""The OpenAPI document, generated from the schemas that validate, and its page; all assets are local."""

import re
from base64 import b64encode
from functools import cached_property
from hashlib import sha256

import orjson
from flask import Flask, Response
from flask_swagger_ui import get_swaggerui_blueprint

from chatapp.compat.flask_smorest import LateApi, init_api
from chatapp.core.api_documents import Tidy, choice2reference, mapping2properties
from chatapp.core.errors import Json
from chatapp.core.offload import MadeLater
from chatapp.core.settings import Rate, Settings
from chatapp.core.version import __version__
from chatapp.rest.access import ID_HEADER

DESCRIPTION = """
The REST API of the chat server: accounts, direct chats and groups, messages with delivery and read receipts. Most
operations also exist as Socket.IO events, and changes are delivered as events in real time: see the
[event reference](/docs/events). The [web client](/) uses both.

**Authentication.** Send the access token of a login as `Authorization: Bearer <token>`. Refresh it before it expires.

**API keys.** The backend of your app sends an API key (`csk_…`) in the same header. The scopes of a key decide what it may
do; operations for servers name the scope that they need. A key in a URL returns 401 (`key_invalid`), one from a page of a
browser 403 (`key_in_browser`). All other operations are those of a user: a key with the scope `act` names the user in the
header `Act-As`, otherwise it gets 403 (`act_as_forbidden`).

**Requests** are JSON; uploads are multipart forms. Unknown fields are refused, unknown query parameters are ignored.
Bodies are UTF-8 and uncompressed: a `Content-Encoding` other than `identity` returns 415. A byte order mark before JSON
is skipped.

**Responses** have the form `{"data": …}`. Times are RFC 3339 in UTC with milliseconds; ids are UUIDs that sort by time.
Every response has an `X-Request-ID`, which the server's log contains: that of the request, or a new one.

**Pagination.** Lists have the form `{"data": […], "meta": {"nextCursor", "hasMore"}}`. Pass `nextCursor` as `cursor` to
get the next page.

**Text** is normalised to Unicode NFC, CR LF and CR become LF, and white space at both ends is removed (except in
passwords); lengths are counted after that. Control characters other than newline and tab, text without a visible
character (only zero-width characters, for example) and unpaired surrogates return 422.

**Errors** are problems in the format of RFC 9457 (`application/problem+json`) with a stable `code`; see the
[list of all codes](/docs/errors). Clients must accept unknown codes. In addition to the errors of each operation, unknown paths
return 404 (`not_found`), methods that a path does not have 405 (`method_not_allowed`), pages of other origins 403
(`origin_not_allowed`), and failures of the server 500 (`internal_error`).

**Origins.** Web pages can call the API from the server's own origin and from those in its setting `CORS_ORIGIN`.

**Rate limits**{off}. The `RateLimit-*` headers of each response describe the limit that is closest to being exceeded.

| what | limit |
|---|---|
| requests per user, or per client address without a token | {global} |
| requests of all users per client address | {address} |
| requests with an API key, in place of the above | {server} |
| wrong API keys per client address | {wrong_keys} |
| `POST /api/v1/auth/register` per client address | {register} |
| `POST /api/v1/auth/login` per client address | {login} |
| failed logins per name and client address, whether or not the account exists | {login_failures} |
| failed logins per name from all client addresses | {login_failures_total} |
| `POST /api/v1/auth/exchange` per user | {exchange} |
| password resets per client address | {codes} |
| searches for messages per user, one at a time | {search} |
| reactions per user | {reactions} |
| signals per user | {signals} |
| messages that mention all members, per user and chat | {mention_all} |
| reports per user | {reports} |
| changes of drafts per user | {drafts} |
| uploads in progress per user | {uploads} |
| uploaded bytes per user | {quota} MB per day (UTC) |
| size of a JSON body | {body} KiB |
| size of a file | {file} MB |
"""
# The settings `rate_…` of the table.
RATES = (
    "global",
    "address",
    "server",
    "wrong_keys",
    "register",
    "login",
    "login_failures",
    "login_failures_total",
    "exchange",
    "codes",
    "search",
    "reactions",
    "signals",
    "mention_all",
    "reports",
    "drafts",
)

# The page runs only its own files and its inline script, and requests nothing from other servers.
POLICY = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: dict[str, Json] = {
    "RateLimit-Limit": {"description": "The number of requests that the limit allows."},
    "RateLimit-Remaining": {"description": "The number of requests left."},
    "RateLimit-Reset": {"description": "Seconds until another request is allowed."},
    "Retry-After": {"description": "Seconds to wait before the next attempt.", "required": True},
}
# Response headers that pages of other origins may read, in addition to the safelisted ones.
EXPOSED = [*HEADERS, ID_HEADER]


class DocumentedApi(LateApi):
    """What resources are registered with. `document` is the OpenAPI document; making it takes twice as long as the rest of
    the start."""

    def __init__(self) -> None:
        self.document = MadeLater(lambda: self._document)
        written = MadeLater(lambda: orjson.dumps(self._document, option=orjson.OPT_INDENT_2))
        super().__init__(lambda: Response(written(), mimetype="application/json"))

    @cached_property
    def _document(self) -> Json:
        self.complete()
        return self.spec.to_dict()  # type: ignore[no-any-return]


def install(app: Flask, settings: Settings) -> DocumentedApi:
    """Publish `/api/v1/openapi.json` and `/docs`; returns what the resources are registered with."""
    api = app.extensions["api"] = DocumentedApi()
    app.config.update(
        API_TITLE=f"{settings.app_name} server",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
    )
    info = {"description": _description(settings)}
    converter = init_api(api, app, info=info, servers=[{"url": "/"}], extra_plugins=[Tidy()])
    for translate in (mapping2properties, choice2reference):
        converter.add_attribute_function(translate)
    components = api.spec.components
    components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    components.security_scheme(
        "key",
        {"type": "http", "scheme": "bearer", "description": "An API key of a server (`csk_…`), with the named scope."},
    )
    components.security_scheme("signature", {"type": "apiKey", "in": "query", "name": "signature"})
    for name, header in HEADERS.items():
        components.header(name, {"schema": {"type": "integer", "minimum": 0}, "example": 60, **header})
    challenge = {"schema": {"type": "string"}, "example": "Bearer", "required": True}
    components.header("WWW-Authenticate", {"description": "The authentication scheme.", **challenge})
    # The page contains no address derived from the client's `Host`.
    shown = {"app_name": f"{settings.app_name} server API", "oauth2RedirectUrl": "/docs/oauth2-redirect.html"}
    page = get_swaggerui_blueprint("/docs", "/api/v1/openapi.json", config=shown)

    @page.after_request  # type: ignore[untyped-decorator]
    def allow_own_files(response: Response) -> Response:
        if response.mimetype == "text/html" and not response.direct_passthrough:
            scripts = re.findall(r"<script>(.*?)</script>", response.get_data(as_text=True), re.DOTALL)
            hashes = (f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
            response.headers["Content-Security-Policy"] = POLICY.format(scripts=" ".join(hashes))
        return response

    app.register_blueprint(page)
    return api


def _description(settings: Settings) -> str:
    figures = {
        "off": "" if settings.ratelimit_enabled else " (turned off on this server)",
        "uploads": str(settings.max_uploads),
        "quota": str(settings.upload_quota_bytes // 2**20),
        "body": str(settings.max_body_bytes // 1024),
        "file": str(settings.max_upload_bytes // 2**20),
    } | {name: _describe_rate(getattr(settings, f"rate_{name}")) for name in RATES}
    text = DESCRIPTION
    for name, figure in figures.items():
        text = text.replace(f"{{{name}}}", figure)
    return text


def _describe_rate(rate: Rate) -> str:
    minutes, seconds = divmod(rate.seconds, 60)
    return f"{rate.count} per {rate.seconds} s" if seconds or not minutes else f"{rate.count} per {minutes} min"
