"""What authenticates a client: an API key, or tokens that are renewed."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from chatapp_client._async import waiting
from chatapp_client._async.transport import AsyncTransport, segment
from chatapp_client.errors import ChatError, Unauthorized, is_temporary

# The part of an access token's lifetime after which it is renewed.
RENEW_AFTER = 0.6


class AsyncKey:
    """An API key, which acts as a user if `act_as` names one."""

    def __init__(self, key: str, act_as: str | None = None) -> None:
        self._key = key
        self.act_as = act_as

    async def headers(self) -> dict[str, str]:
        """The headers of the next request."""
        acting = {"Act-As": segment(self.act_as)} if self.act_as else {}
        return {"Authorization": f"Bearer {self._key}", **acting}

    async def renew(self) -> bool:
        """False: a key is not renewed."""
        return False

    async def handshake(self) -> dict[str, str]:
        """The `auth` of a socket."""
        return {"token": self._key, **({"actAs": self.act_as} if self.act_as else {})}


class AsyncSession:
    """The tokens of a user: refreshed before they expire, and requested again if the session has ended.

    `log_in` returns new tokens: the response to a login, or to `POST /server/tokens`.
    """

    def __init__(self, transport: AsyncTransport, log_in: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
        self._transport = transport.with_credentials(None)
        self._log_in = log_in
        self._lock = waiting.Lock()
        self._token = ""
        self._refresh_token: str | None = None
        # When to renew the access token, and when it expires, by the clock of `time.monotonic`.
        self._due = 0.0
        self._expiry = 0.0

    async def headers(self) -> dict[str, str]:
        """The headers of the next request."""
        return {"Authorization": f"Bearer {await self._current()}"}

    async def handshake(self) -> dict[str, str]:
        """The `auth` of a socket."""
        return {"token": await self._current()}

    async def renew(self) -> bool:
        """Replace a token that the server did not accept."""
        rejected = self._token
        async with self._lock:
            # Another call may have been faster.
            if self._token == rejected:
                await self._replace()
        return True

    async def _current(self) -> str:
        if time.monotonic() >= self._due:
            async with self._lock:
                if time.monotonic() >= self._due:
                    await self._replace_if_possible()
        return self._token

    async def _replace_if_possible(self) -> None:
        """Replace the tokens; during an outage, go on with an access token that is still valid."""
        try:
            await self._replace()
        except ChatError as error:
            if not is_temporary(error) or time.monotonic() >= self._expiry:
                raise

    async def _replace(self) -> None:
        tokens = await self._refreshed() or await self._log_in()
        self._token = tokens["accessToken"]
        self._refresh_token = tokens.get("refreshToken")
        self._due = time.monotonic() + tokens["expiresIn"] * RENEW_AFTER
        self._expiry = time.monotonic() + tokens["expiresIn"]

    async def _refreshed(self) -> Mapping[str, Any] | None:
        """New tokens by the refresh token; None if there is none, or if the session has ended."""
        if not self._refresh_token:
            return None
        try:
            # Idempotent: within 10 seconds, the old token returns the same new one again.
            tokens: Mapping[str, Any] = await self._transport.call(
                "POST", "/auth/refresh", body={"refreshToken": self._refresh_token}, idempotent=True
            )
        except Unauthorized:
            self._refresh_token = None
            return None
        return tokens
