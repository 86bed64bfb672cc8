"""The headers that every response has, and the refusal of pages that may not call: in front of REST and sockets."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from chatapp.core.ids import new_id
from chatapp.rest.access import ID_HEADER
from chatapp.rest.origins import Origins
from chatapp.rest.problems import respond

Environ: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environ, Any], Iterable[bytes]]
HeaderList: TypeAlias = list[tuple[str, str]]

JSON = ("application/json", "application/problem+json")
ALWAYS = {"X-Content-Type-Options": "nosniff"}
# A page that needs more names it itself: `web/client_page.py`, `rest/docs.py`.
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
OF_PAGES = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def guard(application: Application, origins: Origins) -> Application:
    """A WSGI application that refuses other origins with a problem and completes the headers of all responses."""

    def call(environ: Environ, start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: HeaderList, exc_info: Any = None) -> Any:
            return start_response(status, complete(headers), exc_info)

        if not origins.accepts(environ):
            response = respond(origins.refusal(environ).problem())
            response.headers[ID_HEADER] = new_id()
            return response(environ, start)
        return application(environ, start)

    return call


def complete(headers: HeaderList) -> HeaderList:
    """`headers` of a response with those that its kind always has; what the response set itself stays."""
    given = {name.lower(): value for name, value in headers}
    kind = given.get("content-type", "").partition(";")[0]
    wanted = ALWAYS
    if kind in JSON:
        wanted = ALWAYS | {"Cache-Control": "no-store"}
    elif kind == "text/html":
        wanted = ALWAYS | OF_PAGES
    added = [header for header in wanted.items() if header[0].lower() not in given]
    if not any(name.lower() == "vary" and "origin" in value.lower() for name, value in headers):
        added.append(("Vary", "Origin"))
    return headers + added
