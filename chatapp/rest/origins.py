"""Allowed origins of web pages, for REST and Socket.IO: those of `CORS_ORIGIN` and the server's own."""

import time
from collections.abc import Iterable
from typing import Any

import structlog
from werkzeug.http import parse_list_header

from chatapp.core.errors import Forbidden
from chatapp.core.origins import parse_origin

log = structlog.get_logger()

CODE = "origin_not_allowed"
# Each refused origin is logged once, at most this many per hour, since clients choose the header.
MAX_LOGGED = 100
LOGGED_SECONDS = 3600.0
MAX_LOGGED_LENGTH = 200


class Origins:
    """The allowed origins: `accepted` (`*` for all), and the server's own, determined through `trusted_proxies`."""

    def __init__(self, accepted: Iterable[str], trusted_proxies: int) -> None:
        self._accepted = frozenset(accepted)
        self._trusted_proxies = trusted_proxies
        self._logged: dict[str, float] = {}

    def accepts(self, environ: dict[str, Any]) -> bool:
        """True if the page that sent a request may call; a request without `Origin` does not come from a page."""
        origin: str = environ.get("HTTP_ORIGIN", "")
        if not origin or "*" in self._accepted or origin.lower() in self._accepted:
            return True
        return origin.lower() == self.own(environ)

    def own(self, environ: dict[str, Any]) -> str | None:
        """The origin under which the client reaches this server.

        The scheme is the one that trusted proxies set (after ProxyFix). The host is that of `X-Forwarded-Host` if each
        trusted proxy added one, else that of `Host`: pages of other sites can set neither.
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
        """The error for a page that may not call; logged once per origin."""
        origin = environ["HTTP_ORIGIN"][:MAX_LOGGED_LENGTH]
        now = time.monotonic()
        self._logged = {known: at for known, at in self._logged.items() if now - at < LOGGED_SECONDS}
        if origin not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged[origin] = now
            log.warning("origin_refused", origin=origin, own=self.own(environ), accepted=sorted(self._accepted))
        return Forbidden("This origin is not allowed. Add it to the server's CORS_ORIGIN.", code=CODE)
