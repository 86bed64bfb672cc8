"""Limits at the REST door: one for all requests of a caller, stricter ones where a route asks for them."""

from collections.abc import Callable
from http import HTTPStatus

from flask import Flask, Response, request
from limits.strategies import RateLimiter

from chatapp.core import limits
from chatapp.core.settings import Rate, Settings
from chatapp.extensions import limiter

View = Callable[..., Response]


def install(app: Flask, settings: Settings) -> None:
    """Count requests in Redis where there is one, in memory otherwise, and say on every answer what is left."""
    app.config.update(
        RATELIMIT_ENABLED=settings.ratelimit_enabled,
        RATELIMIT_APPLICATION=str(settings.rate_global),
        RATELIMIT_STORAGE_URI=settings.redis_url or "memory://",
    )
    limiter.init_app(app)
    limiter.request_filter(lambda: request.method == "OPTIONS")
    limits.bind(_present_limiter if settings.ratelimit_enabled else None)

    @app.after_request
    def say_what_is_left(response: Response) -> Response:
        # A refusal tells of the limit that was used up, which need not be one on requests (see problems.py).
        if (limit := limiter.current_limit) and response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            reset, remaining = limit.window
            response.headers["RateLimit-Limit"] = str(limit.limit.amount)
            response.headers["RateLimit-Remaining"] = str(remaining)
            response.headers["RateLimit-Reset"] = str(limits.seconds_until(reset))
        return response


def _present_limiter() -> RateLimiter:
    """The strategy in force: Flask-Limiter falls back to memory while Redis is gone."""
    return limiter.limiter


def limited(rate: Callable[[], Rate], key: Callable[[], str]) -> Callable[[View], View]:
    """A decorator that holds a view to `rate()` for each `key()`, beside the limit on all requests."""
    return limiter.limit(lambda: str(rate()), key_func=key)
