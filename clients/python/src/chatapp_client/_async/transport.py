"""Requests to the server: authentication, retries, errors, pages."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import httpx

from chatapp_client._async import waiting
from chatapp_client.errors import ApiError, ConnectionFailed, Unauthorized, api_error

AGENT = "chatapp-client-python"
# A response from something in front of the server, or from a server that is starting or has no database.
UNAVAILABLE = frozenset({502, 503, 504})
# Nothing was sent yet.
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
MAX_PAGE = 100


class AsyncCredentials(Protocol):
    """What authenticates requests."""

    async def headers(self) -> dict[str, str]:
        """The headers of the next request."""

    async def renew(self) -> bool:
        """Replace what the server did not accept; false if that is impossible."""


class AsyncTransport:
    """Sends requests, and tries again where that is safe.

    `retries` is how often a request is repeated: after 429 always; after a lost connection or 502, 503 and 504 only if the
    operation is idempotent. `Retry-After` is followed up to `max_wait` seconds.
    """

    def __init__(
        self,
        url: str,
        credentials: AsyncCredentials | None = None,
        *,
        timeout: float = 10,
        retries: int = 4,
        max_wait: float = 60,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"{url!r} is not the URL of a chat server, such as https://chat.example.com.")
        self.url = url.rstrip("/")
        self.credentials = credentials
        self.retries = retries
        self.max_wait = max_wait
        self._timeout = timeout
        self._http = http or httpx.AsyncClient()

    def with_credentials(self, credentials: AsyncCredentials | None) -> AsyncTransport:
        """The same connections with other credentials."""
        return AsyncTransport(
            self.url,
            credentials,
            timeout=self._timeout,
            retries=self.retries,
            max_wait=self.max_wait,
            http=self._http,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        form: Mapping[str, Any] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        idempotent: bool | None = None,
    ) -> Any:
        """The `data` of the response, or None if it has none.

        GET, PUT, PATCH and DELETE are idempotent unless `idempotent` says otherwise, POST is not.
        """
        response = await self._send(
            method,
            path,
            method != "POST" if idempotent is None else idempotent,
            json=body,
            params=parameters(query or {}),
            data=form,
            files=files,
        )
        return response.json().get("data") if response.content else None

    async def put_avatar(self, path: str, name: str, file: bytes, crop: Mapping[str, int] | None) -> Any:
        """Upload the picture of a user or group."""
        form = {"crop": json.dumps(crop)} if crop else None
        return await self.call("PUT", path, form=form, files={"file": (name, file)})

    async def envelope(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """The complete body of a successful response."""
        response = await self._send(method, path, options.pop("idempotent", method != "POST"), **options)
        body: dict[str, Any] = response.json()
        return body

    async def pages(self, path: str, query: Mapping[str, Any] | None = None) -> AsyncIterator[Any]:
        """All items of a list; the pages are requested one by one while the items are read."""
        cursor: str | None = None
        while True:
            params = parameters({"limit": MAX_PAGE, **(query or {}), "cursor": cursor})
            page = await self.envelope("GET", path, params=params)
            for item in page["data"]:
                yield item
            cursor = page.get("meta", {}).get("nextCursor")
            if not cursor:
                return

    async def _send(self, method: str, path: str, idempotent: bool, **options: Any) -> httpx.Response:
        attempt = 0
        renewed = False
        while True:
            headers = await self.credentials.headers() if self.credentials else {}
            try:
                return await self._once(method, path, headers, options)
            except Unauthorized:
                if renewed or not self.credentials or not await self.credentials.renew():
                    raise
                renewed = True
                continue
            except ConnectionFailed as error:
                wait = self._wait(attempt, None)
                if attempt >= self.retries or not (idempotent or isinstance(error.__cause__, NEVER_SENT)):
                    raise
            except ApiError as error:
                wait = self._wait(attempt, error.retry_after)
                may_repeat = error.status == 429 or (error.status in UNAVAILABLE and idempotent)
                if attempt >= self.retries or not may_repeat or wait > self.max_wait:
                    raise
            attempt += 1
            await waiting.sleep(wait)

    def _wait(self, attempt: int, retry_after: float | None) -> float:
        """Seconds before the next attempt; random, so that clients of a restarted server do not all come at once."""
        if retry_after is not None:
            return retry_after + random.uniform(0, 0.25)
        return float(min(0.25 * 2**attempt, 8) * random.uniform(0.5, 1.5))

    async def _once(
        self, method: str, path: str, headers: Mapping[str, str], options: Mapping[str, Any]
    ) -> httpx.Response:
        headers = {"Accept": "application/json", "User-Agent": AGENT, **headers}
        try:
            response = await self._http.request(
                method, f"{self.url}/api/v1{path}", headers=headers, timeout=self._timeout, **options
            )
        except httpx.TransportError as error:
            raise ConnectionFailed(f"{method} {path}: {error or type(error).__name__}") from error
        if not response.is_success:
            raise api_error(response.status_code, problem_of(response), retry_after_of(response))
        return response


class AsyncPart:
    """A group of operations."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport


def timestamp(value: datetime) -> str:
    """A time as the API writes it."""
    if value.tzinfo is None:
        raise ValueError("A time needs a time zone, such as datetime.now(UTC).")
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def segment(value: str) -> str:
    """A value as a part of a path."""
    return quote(value, safe="")


def parameters(query: Mapping[str, Any]) -> dict[str, Any]:
    """A query without its empty values, in the form of URLs."""
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in query.items()
        if value is not None
    }


def problem_of(response: httpx.Response) -> dict[str, Any]:
    """The problem object; empty if something in front of the server responded."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def retry_after_of(response: httpx.Response) -> float | None:
    """The seconds of `Retry-After`; a date is ignored."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
