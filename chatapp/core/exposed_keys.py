"""Refuses API keys where others can read them: in URLs, which proxies log, and in pages of browsers."""

from typing import Any
from urllib.parse import unquote_plus, urlsplit

import structlog

from chatapp.core import api_keys
from chatapp.core.errors import ChatError, Forbidden, Unauthenticated

log = structlog.get_logger()


def find_exposed_key(environ: dict[str, Any]) -> ChatError | None:
    """The error for a request that exposes an API key, or None."""
    if key_id := _in_query(environ.get("QUERY_STRING", "")):
        log.warning("key_in_url", key_id=key_id)
        return Unauthenticated("Never put an API key in a URL. Rotate this key.", code="key_invalid")
    if "HTTP_ORIGIN" in environ and (key_id := api_keys.find(environ.get("HTTP_AUTHORIZATION", ""))):
        return from_browser(key_id)
    return None


def from_browser(key_id: str) -> Forbidden:
    """The error for a key that a page of a browser sent."""
    log.warning("key_in_browser", key_id=key_id)
    return Forbidden("This API key is exposed to a browser. Rotate it.", code="key_in_browser")


def is_from_page(environ: dict[str, Any]) -> bool:
    """True if a page of a browser sent the handshake of a socket.

    Libraries for websockets send the server's own origin too, but none of the headers about fetching.
    """
    if "HTTP_ORIGIN" not in environ:
        return False
    hosts = f"{environ.get('HTTP_HOST', '')},{environ.get('HTTP_X_FORWARDED_HOST', '')}".lower().split(",")
    is_own = urlsplit(environ["HTTP_ORIGIN"].lower()).netloc in map(str.strip, hosts)
    return not is_own or "HTTP_SEC_FETCH_MODE" in environ


def _in_query(query: str) -> str | None:
    """The id of a key in a query string."""
    if "%" in query:
        query = unquote_plus(query, errors="replace")
    return api_keys.find(query)
