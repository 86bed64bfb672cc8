"""Flask without per-request work that this server does not need."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from flask_cors import CORS
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from chatapp.compat.flask_cors import response_function

T = TypeVar("T")


class App(Flask):
    """A Flask application whose functions are all synchronous."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """`func`: Flask would check a dozen times per request whether it is a coroutine, for 5 µs in all."""
        return func

    def handle_http_exception(self, e: HTTPException) -> HTTPException | ResponseReturnValue:
        """Called by Flask; redirects contain only a path, since Werkzeug would take the host from the client."""
        if not isinstance(e, RequestRedirect):
            return super().handle_http_exception(e)
        target = urlsplit(e.new_url)
        location = "/" + target.path.lstrip("/") + (f"?{target.query}" if target.query else "")
        return Response(status=e.code, headers={"Location": location})


def current(proxy: T) -> T:
    """The object behind `flask.request` or `flask.g`, for functions that use it several times per request: the proxy
    looks it up at each access."""
    return proxy._get_current_object()  # type: ignore[attr-defined,no-any-return]


def allow_origins(app: Flask, cors: CORS, **options: Any) -> None:
    """Let the page that sent a request read its response; `headers.guard` has refused origins that may not call."""
    add_headers = response_function(app, cors, origins="*", **options)

    @app.after_request
    def add_cors_headers(response: Response) -> Response:
        return add_headers(response) if "Origin" in request.headers else response
