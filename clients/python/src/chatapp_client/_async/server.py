"""The API for backends, with an API key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Self, Unpack

import httpx

from chatapp_client._async.chats import AsyncChats, AsyncMessages
from chatapp_client._async.credentials import AsyncKey
from chatapp_client._async.operations import AsyncJobs, AsyncKeys, AsyncReports
from chatapp_client._async.transport import AsyncPart, AsyncTransport, timestamp
from chatapp_client._async.user import AsyncUserClient
from chatapp_client._async.users import AsyncUsers
from chatapp_client.types import AuditEntry, Capabilities, IssueTokens, LoginResponse


class AsyncTokens(AsyncPart):
    """Tokens for the devices of your users."""

    async def create(self, **fields: Unpack[IssueTokens]) -> LoginResponse:
        """Open a session for a user, who is created or changed first if you give `user` instead of `userId`.

        Pass the result on to the device as it is. With `device={"id": …}` the session replaces that device's earlier one.
        """
        # Without the id of a device, a repeated request would open a second session.
        repeatable = bool(fields.get("device", {}).get("id"))
        login: LoginResponse = await self._transport.call("POST", "/server/tokens", body=fields, idempotent=repeatable)
        return login


class AsyncChatClient:
    """Calls the API with an API key of your backend.

    Create one client and share it. `timeout`, `retries` and `max_wait` are seconds, a number of attempts and seconds: see
    the README. Never use a key in a browser or an app: its owner has the rights of all its scopes.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = 10,
        retries: int = 4,
        max_wait: float = 60,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._key = key
        credentials = AsyncKey(key)
        self._transport = AsyncTransport(
            url, credentials, timeout=timeout, retries=retries, max_wait=max_wait, http=http
        )
        self.tokens = AsyncTokens(self._transport)
        self.users = AsyncUsers(self._transport)
        self.chats = AsyncChats(self._transport)
        self.messages = AsyncMessages(self._transport)
        self.keys = AsyncKeys(self._transport)
        self.reports = AsyncReports(self._transport)
        self.jobs = AsyncJobs(self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def act_as(self, user: str) -> AsyncUserClient:
        """A client of the API as a user sees it: each call is that user's own. Needs the scope `act`.

        `user` is `ext:` and your id of the user, or a UUID.
        """
        return AsyncUserClient.of(self._transport, AsyncKey(self._key, user))

    async def capabilities(self) -> Capabilities:
        """What the server can do, and its limits."""
        capabilities: Capabilities = await self._transport.call("GET", "/capabilities")
        return capabilities

    def audit(
        self,
        *,
        actor: str | None = None,
        target: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncIterator[AuditEntry]:
        """The audit log, newest first. Needs the scope `audit:read`."""
        times = {"from": since and timestamp(since), "to": until and timestamp(until)}
        return self._transport.pages("/admin/audit", {"actor": actor, "target": target, "action": action, **times})
