"""Which web pages may call the server, over REST and sockets: those of `CORS_ORIGIN` and of the server's own origin."""

import time
from collections.abc import Iterable
from typing import Any

import structlog
from werkzeug.http import parse_list_header

from chatapp.core.errors import Forbidden
from chatapp.core.origins import parse_origin

log = structlog.get_logger()

CODE = "origin_not_allowed"
# What is logged of refused origins: each once, and no more than this in an hour, since clients choose the header.
MAX_LOGGED = 100
LOGGED_SECONDS = 3600.0
MAX_LOGGED_LENGTH = 200


class Origins:
    """The origins that are accepted: `accepted` (`*` for all), and the server's own as `trusted_proxies` tell it."""

    def __init__(self, accepted: Iterable[str], trusted_proxies: int) -> None:
        self._accepted = frozenset(accepted)
        self._trusted_proxies = trusted_proxies
        self._logged: dict[str, float] = {}

    def accepts(self, environ: dict[str, Any]) -> bool:
        """Whether the page that sent a request may call; a request without `Origin` is not from a page."""
        origin: str = environ.get("HTTP_ORIGIN", "")
        if not origin or "*" in self._accepted or origin.lower() in self._accepted:
            return True
        return origin.lower() == self.own(environ)

    def own(self, environ: dict[str, Any]) -> str | None:
        """The origin at which the client sees this server.

        The scheme is the one that trusted proxies name (ProxyFix has run). The host is that of `X-Forwarded-Host`, if
        each of the trusted proxies wrote one, else that of `Host`: pages of other sites can set neither.
        """
        host = environ.get("HTTP_HOST", "")
        if self._trusted_proxies:
            forwarded = parse_list_header(environ.get("HTTP_X_FORWARDED_HOST", ""))
            if len(forwarded) >= self._trusted_proxies:
                host = forwarded[-self._trusted_proxies]
        try:
            return parse_origin(f"{environ['wsgi.url_scheme']}://{host}")
        except ValueError:
            return None

    def error(self, environ: dict[str, Any]) -> Forbidden:
        """The error for a page that may not call; logged once for each origin."""
        origin = environ["HTTP_ORIGIN"][:MAX_LOGGED_LENGTH]
        now = time.monotonic()
        self._logged = {known: at for known, at in self._logged.items() if now - at < LOGGED_SECONDS}
        if origin not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged[origin] = now
            log.warning("origin_refused", origin=origin, own=self.own(environ), accepted=sorted(self._accepted))
        return Forbidden("This origin is not allowed. Add it to the server's CORS_ORIGIN.", code=CODE)
