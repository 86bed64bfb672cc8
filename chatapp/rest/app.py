"""Flask, without what it does for each request that this server has no use for."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from flask_cors import CORS


class App(Flask):
    """A Flask application whose functions are all synchronous."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """`func`: Flask would look at each one, a dozen times a request, whether it is a coroutine."""
        return func


def allow_origins(app: Flask, cors: CORS, **options: Any) -> None:
    """Answer browsers of other origins as flask-cors does; requests of nobody's page are left alone."""
    cors.init_app(app, **options)
    add_headers = app.after_request_funcs[None].pop()

    @app.after_request
    def add_where_asked(response: Response) -> Response:
        return add_headers(response) if "Origin" in request.headers else response  # type: ignore[return-value]
