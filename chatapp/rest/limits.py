"""Rate limits of REST requests: one for all requests of a caller, stricter ones for some endpoints.

Flask-Limiter knows which limits are declared for an endpoint; requests are counted with the socket events
(`core/limits.py`), against all limits at once.
"""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import NamedTuple

from flask import Blueprint, Flask, Response, g, request

from chatapp.compat.flask_limiter import EndpointLimiter, RuntimeLimit
from chatapp.core import limits, settings
from chatapp.core.errors import RateLimited
from chatapp.core.limits import Hit, Limit
from chatapp.core.settings import Rate, Settings
from chatapp.rest.app import current
from chatapp.rest.bearer import client_address

View = Callable[..., Response]


class _Declared(NamedTuple):
    """A limit of an endpoint. `who` and `is_exempt` refer to the current request."""

    rate: Rate
    action: str
    who: Callable[[], str]
    is_exempt: Callable[[], bool] | None
    exact: bool


class _EndpointLimits(NamedTuple):
    ordinary: list[_Declared]
    exact: list[_Declared]


class RequestLimiter(EndpointLimiter):
    """Counts a request against the limits of its endpoint, or against none of them if one is exceeded."""

    def prepare_limits(self, endpoint: str, limits: Sequence[RuntimeLimit]) -> _EndpointLimits:
        """The limits in the form in which they are counted."""
        declared = [
            _Declared(
                Rate(each.limit.amount, each.limit.get_expiry()),
                f"requests {each.scope_for(endpoint, None)}",
                each.key_func,
                each.exempt_when,
                # Limits of one endpoint are exact over all workers, shared ones are not.
                exact=not each.shared,
            )
            for each in limits
        ]
        return _EndpointLimits([d for d in declared if not d.exact], [d for d in declared if d.exact])

    def check_limits(self, prepared: _EndpointLimits) -> None:
        """Raise RateLimited if a limit is exceeded."""
        if request.method == "OPTIONS":
            return
        hits = [limits.hit(*_of_request(prepared.ordinary))]
        if exact := _of_request(prepared.exact):
            try:
                hits.append(limits.hit(*exact))
            except RateLimited:
                limits.undo(hits[0])
                raise
        # The one with the fewest calls left.
        context = current(g)
        context.limit_hit = min((hit for hit in hits if hit), key=lambda hit: hit.remaining, default=None)


def _of_request(declared: list[_Declared]) -> list[Limit]:
    """The limits that apply to the current request."""
    return [Limit(d.rate, d.action, d.who(), d.exact) for d in declared if not (d.is_exempt and d.is_exempt())]


# rest/bearer.py sets the caller before anything is counted. The storage is not used.
limiter = RequestLimiter(key_func=lambda: str(g.caller), storage_uri="memory://")


def install(app: Flask, settings: Settings) -> None:
    """Count requests, and set the rate limit headers of each response."""
    limits.bind(settings.redis_url, enabled=settings.ratelimit_enabled)
    if not settings.ratelimit_enabled:
        return
    limiter.init_app(app)

    @app.after_request
    def add_headers(response: Response) -> Response:
        hit: Hit | None = current(g).pop("limit_hit", None)
        # A 429 has the headers of the exceeded limit, which need not be one on requests (see problems.py).
        if hit and response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            response.headers["RateLimit-Limit"] = str(hit.count)
            response.headers["RateLimit-Remaining"] = str(hit.remaining)
            response.headers["RateLimit-Reset"] = str(hit.reset)
        return response


def limit_requests(blueprint: Blueprint) -> None:
    """Limit the requests to a blueprint by caller and by client address, or by API key."""
    limiter.shared_limit(lambda: in_words(settings.current().rate_global), "caller", exempt_when=_is_key)(blueprint)
    limiter.shared_limit(
        lambda: in_words(settings.current().rate_address),
        "address",
        key_func=client_address,
        exempt_when=lambda: not _is_user(),
    )(blueprint)
    _limit_keys(blueprint)


def limit_reactions(blueprint: Blueprint) -> None:
    """Limit the requests to a blueprint by a limit of their own (`limits.REACTIONS`) for users, as others for keys and
    clients without a token."""
    limiter.shared_limit(
        lambda: in_words(settings.current().rate_reactions), "reactions", exempt_when=lambda: not _is_user()
    )(blueprint)
    limiter.shared_limit(
        lambda: in_words(settings.current().rate_global), "caller", exempt_when=lambda: _is_key() or _is_user()
    )(blueprint)
    _limit_keys(blueprint)


def _limit_keys(blueprint: Blueprint) -> None:
    # Socket events with the key count too (`limits.hit_key`).
    limiter.shared_limit(lambda: in_words(settings.current().rate_server), "key", exempt_when=lambda: not _is_key())(
        blueprint
    )


def _is_key() -> bool:
    return bool(g.caller.startswith("key "))


def _is_user() -> bool:
    return bool(g.caller.startswith("user "))


def limit_downloads(blueprint: Blueprint) -> None:
    """Limit the requests to a blueprint by client address only: a page may load many of its files at once."""
    limiter.shared_limit(lambda: in_words(settings.current().rate_address), "downloads", key_func=client_address)(
        blueprint
    )


def limited(rate: Callable[[], Rate]) -> Callable[[View], View]:
    """A decorator that limits a view to exactly `rate()` per client address, in addition to the limits on all requests."""
    return limiter.limit(lambda: in_words(rate()), key_func=client_address, override_defaults=False)


def in_words(rate: Rate) -> str:
    """A rate in the notation of the `limits` library: `100 per 60 second`."""
    return f"{rate.count} per {rate.seconds} second"
