"""Rate limits of REST requests: one for all requests of a caller, stricter ones for some endpoints.

Flask-Limiter decides which limits a request counts against. It counts in the storage of the socket events (`Counters`),
which never fails and returns the remaining calls without a second query.
"""

import time
from collections.abc import Callable
from http import HTTPStatus

from flask import Blueprint, Flask, Response, g, request
from limits.storage import MovingWindowSupport, Storage

from chatapp.core import limits, settings
from chatapp.core.errors import RateLimited
from chatapp.core.limits import Hit, Limit
from chatapp.core.settings import Rate, Settings
from chatapp.extensions import limiter
from chatapp.rest.bearer import client_address

View = Callable[..., Response]


class Counters(Storage, MovingWindowSupport):
    """The counters of `core/limits.py` as a storage of the `limits` library.

    Implements only the two methods that the moving-window strategy calls.
    """

    STORAGE_SCHEME = ["chatapp"]  # noqa: RUF012  # As the library declares it.
    base_exceptions = ()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count a request against `limit` in `expiry` seconds; False, without counting it anywhere, if the limit is
        exceeded."""
        hits: list[Hit] = g.setdefault("limit_hits", [])
        windows: dict[str, tuple[float, int]] = g.setdefault("limit_windows", {})
        try:
            hit = limits.hit(Limit(Rate(limit, expiry), "requests", key))
        except RateLimited as error:
            for earlier in hits:
                limits.undo(earlier)
            windows[key] = time.time() + error.retry_after - expiry, limit
            return False
        assert hit
        hits.append(hit)
        windows[key] = time.time() + hit.reset - expiry, limit - hit.remaining
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Start (seconds since the epoch) and number of calls of a window in which this request was counted."""
        window: tuple[float, int] = g.limit_windows[key]
        return window

    def _unused(self, *_args: object) -> int:
        raise NotImplementedError

    incr = get = get_expiry = check = reset = clear = _unused  # type: ignore[assignment]


def install(app: Flask, settings: Settings) -> None:
    """Count in Redis if it is configured, and set the rate limit headers of each response."""
    app.config["RATELIMIT_ENABLED"] = settings.ratelimit_enabled
    limits.bind(settings.redis_url, enabled=settings.ratelimit_enabled)
    limiter.init_app(app)
    limiter.request_filter(lambda: request.method == "OPTIONS")
    if not settings.ratelimit_enabled:
        return

    @app.after_request
    def add_headers(response: Response) -> Response:
        # A 429 has the headers of the exceeded limit, which need not be one on requests (see problems.py).
        if limiter.current_limits and response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            limit = min(limiter.current_limits, key=lambda limit: limit.remaining)
            response.headers["RateLimit-Limit"] = str(limit.limit.amount)
            response.headers["RateLimit-Remaining"] = str(limit.remaining)
            response.headers["RateLimit-Reset"] = str(seconds_until(limit.window.reset_time))
        return response


def limit_requests(blueprint: Blueprint) -> None:
    """Limit the requests to a blueprint by caller and by client address."""
    limiter.shared_limit(lambda: in_words(settings.current().rate_global), "caller")(blueprint)
    limiter.shared_limit(
        lambda: in_words(settings.current().rate_address),
        "address",
        key_func=client_address,
        exempt_when=lambda: not g.caller.startswith("user "),
    )(blueprint)


def limited(rate: Callable[[], Rate]) -> Callable[[View], View]:
    """A decorator that limits a view to `rate()` per client address, in addition to the limits on all requests."""
    return limiter.limit(lambda: in_words(rate()), key_func=client_address, override_defaults=False)


def in_words(rate: Rate) -> str:
    """A rate in the notation of the `limits` library: `100 per 60 second`."""
    return f"{rate.count} per {rate.seconds} second"


def seconds_until(moment: float) -> int:
    """The whole seconds, at least one, until a time (in seconds since the epoch)."""
    return max(1, round(moment - time.time()))
