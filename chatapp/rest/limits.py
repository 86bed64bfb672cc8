"""Limits on REST requests: one for all requests of a caller, stricter ones where an endpoint asks for them."""

import functools
from collections.abc import Callable
from http import HTTPStatus

from flask import Flask, Response, g, request

from chatapp.core import limits, settings
from chatapp.core.limits import Hit, Limit
from chatapp.core.settings import Rate, Settings
from chatapp.rest.bearer import client_address

View = Callable[..., Response]


def install(app: Flask, settings: Settings) -> None:
    """Count in Redis where there is one, and show on each response to a counted request what is left."""
    limits.bind(settings.redis_url, enabled=settings.ratelimit_enabled)

    @app.after_request
    def add_headers(response: Response) -> Response:
        hit: Hit | None = g.pop("hit", None)
        # A 429 has the headers of the limit that is used up, which need not be one on requests (see problems.py).
        if hit and response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            response.headers["RateLimit-Limit"] = str(hit.count)
            response.headers["RateLimit-Remaining"] = str(hit.remaining)
            response.headers["RateLimit-Reset"] = str(hit.reset)
        return response


def count_request() -> None:
    """Count a request to an endpoint of the API; raises RateLimited."""
    if request.method == "OPTIONS":
        return
    caller = [Limit(settings.current().rate_global, "requests", g.caller)]
    if g.caller.startswith("user "):
        caller.append(Limit(settings.current().rate_address, "requests of users", client_address()))
    g.hit = limits.hit(*caller)


def limited(rate: Callable[[], Rate]) -> Callable[[View], View]:
    """A decorator that holds a view to `rate()` for each client address, beside the limit on all requests."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def counted(**arguments: object) -> Response:
            hit = limits.hit(Limit(rate(), request.endpoint or "", client_address()))
            if hit and hit.remaining < g.hit.remaining:
                g.hit = hit
            return view(**arguments)

        return counted

    return decorate
