"""Flask without per-request work that this server does not need."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request
from flask.ctx import AppContext
from flask.typing import ResponseReturnValue
from flask_cors import CORS
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, Map, MapAdapter, RequestRedirect

from chatapp.compat.flask_cors import response_function
from chatapp.compat.werkzeug import LateRule
from chatapp.core import application

T = TypeVar("T")


class App(Flask):
    """A Flask application whose functions are all synchronous. Its requests and contexts enter `application`."""

    url_rule_class = LateRule

    def __init__(self, *args: Any, **options: Any) -> None:
        self.application = application.current()
        super().__init__(*args, **options)
        self.url_map.converters["reference"] = _ReferenceConverter

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Called by the WSGI server for each request, of Socket.IO too."""
        return self.application.run(super().__call__, environ, start_response)

    def app_context(self) -> AppContext:
        """The context of a command or a test."""
        return _Context(self)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Called by Flask; without the host of a request, on which no rule depends: reading it took longer than matching
        the path."""
        if request is None:
            return super().create_url_adapter(request)
        scheme, query = request.environ["wsgi.url_scheme"], request.query_string.decode("latin-1")
        return MapAdapter(self.url_map, "", request.root_path, "", scheme, request.path, request.method, query)

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


class _ReferenceConverter(BaseConverter):
    """`<reference(name):user>`: a reference in a path, but not the `name` of a path beside it, whose methods it would
    otherwise add to `Allow`."""

    part_isolating = True

    def __init__(self, map: Map, *names: str) -> None:
        super().__init__(map)
        self.regex = rf"(?!(?:{'|'.join(names)})\Z)[^/]+"


class _Context(AppContext):
    """An app context that enters the application of its Flask application."""

    def __init__(self, app: App) -> None:
        super().__init__(app)
        self._state = app.application
        self._entered: list[application.Entered] = []

    def push(self) -> None:
        self._entered.append(self._state.enter())
        super().push()

    def pop(self, *args: Any) -> None:
        try:
            super().pop(*args)
        finally:
            application.leave(self._entered.pop())


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
