"""Gives each request an id, and logs and counts it once it has a response."""

import re
import time

import structlog
from flask import Flask, Response, g, request

from chatapp.core import logs, metrics
from chatapp.core.ids import new_id
from chatapp.rest.app import current

log = structlog.get_logger()

ID_HEADER = "X-Request-ID"
_SANE_ID = re.compile(r"[\w.:/+=@-]{1,100}", re.ASCII)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# Polled every few seconds by monitoring, which evaluates the response itself.
QUIET = {"/healthz", "/readyz", "/metrics"}


def install(app: Flask) -> None:
    """Watch the requests of `app`; install it first, so that everything else is measured."""

    @app.before_request
    def begin() -> None:
        context = current(g)
        context.began = time.perf_counter()
        given = request.headers.get(ID_HEADER, "")
        context.request_id = given if _SANE_ID.fullmatch(given) else new_id()
        logs.about(request_id=context.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        req, context = current(request), current(g)
        response.headers[ID_HEADER] = context.request_id
        seconds = time.perf_counter() - context.began
        route = req.url_rule.rule if req.url_rule else "none"
        method = req.method if req.method in METHODS else "other"
        metrics.http_requests.inc(method, route, str(response.status_code))
        metrics.http_seconds.observe(seconds, method, route)
        # Log only the rule of the path: queries and unknown paths may contain private data.
        caller = context.get("caller", "")
        kind, _, id = caller.partition(" ")
        who = {f"{kind}_id": id} if kind in ("user", "key") else {}
        write_log = log.debug if route in QUIET else log.warning if response.status_code >= 500 else log.info
        write_log(
            "request",
            method=method,
            route=route,
            status=response.status_code,
            ms=round(seconds * 1000, 1),
            address=context.get("address"),
            **who,
        )
        return response
