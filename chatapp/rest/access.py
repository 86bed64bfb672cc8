"""Each request, counted as it is answered."""

import time

from flask import Flask, Response, g, request

from chatapp.core import metrics

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def install(app: Flask) -> None:
    """Watch the requests of `app`; before anything else does, so that all of it is measured."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in METHODS else "other"
        metrics.http_requests.inc(method, route, str(response.status_code))
        metrics.http_seconds.observe(time.perf_counter() - g.began, method, route)
        return response
