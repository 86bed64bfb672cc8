"""The users of your app, and their sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Unpack, cast

from chatapp_client._async.transport import AsyncPart, segment, timestamp
from chatapp_client.types import BatchMeta, Job, NamedUser, PatchUser, Presence, PutUser, ServerUser, Session, Unread

# The largest number of users of one request.
MAX_BATCH = 100
MAX_PRESENCE = 1000


class AsyncUsers(AsyncPart):
    """The users of your app. `user` is `ext:` and your id of the user, or a UUID."""

    async def put(self, external_id: str, **fields: Unpack[PutUser]) -> ServerUser:
        """Create a user, or change the one that has this id in your app. Absent fields stay, None clears a field."""
        user: ServerUser = await self._transport.call("PUT", f"/server/users/{segment(external_id)}", body=fields)
        return user

    async def put_many(self, users: Sequence[NamedUser]) -> BatchMeta:
        """Create or change any number of users, 100 per request; returns how many were created, updated and unchanged.

        Each request is atomic. After an error, the users of the earlier requests are stored, and repeating the call is safe.
        """
        total: BatchMeta = {"created": 0, "updated": 0, "unchanged": 0}
        for start in range(0, len(users), MAX_BATCH):
            batch = {"users": users[start : start + MAX_BATCH]}
            done = (await self._transport.envelope("POST", "/server/users", json=batch, idempotent=True))["meta"]
            total["created"] += done["created"]
            total["updated"] += done["updated"]
            total["unchanged"] += done["unchanged"]
        return total

    async def get(self, user: str) -> ServerUser:
        """A user."""
        found: ServerUser = await self._transport.call("GET", f"/server/users/{segment(user)}")
        return found

    def list(self, *, q: str | None = None, is_active: bool | None = None) -> AsyncIterator[ServerUser]:
        """All users, newest first; with `q`, those whose username contains it."""
        return self._transport.pages("/server/users", {"q": q, "isActive": is_active})

    async def lookup(self, external_ids: Sequence[str]) -> dict[str, ServerUser]:
        """Users by your ids; unknown ids are left out."""
        found: dict[str, ServerUser] = {}
        for start in range(0, len(external_ids), MAX_BATCH):
            body = {"externalIds": external_ids[start : start + MAX_BATCH]}
            users = await self._transport.call("POST", "/server/users/lookup", body=body, idempotent=True)
            found |= {user["externalId"]: user for user in users}
        return found

    async def update(self, user: str, **changes: Unpack[PatchUser]) -> ServerUser:
        """Change a user; this is also how an existing account gets an `externalId`."""
        updated: ServerUser = await self._transport.call("PATCH", f"/server/users/{segment(user)}", body=changes)
        return updated

    async def deactivate(self, user: str) -> None:
        """End the sessions of a user, and refuse new ones. Messages stay."""
        await self._transport.call("POST", f"/server/users/{segment(user)}/deactivate", idempotent=True)

    async def reactivate(self, user: str) -> None:
        """Let a deactivated user in again."""
        await self._transport.call("POST", f"/server/users/{segment(user)}/reactivate", idempotent=True)

    async def delete(self, user: str, *, messages: Literal["keep", "erase"] = "keep") -> Job:
        """Erase a user, and with `erase` their messages too. The work goes on after the call: see `jobs.wait`."""
        path = f"/server/users/{segment(user)}"
        # The external id is free at once: a repeated call would not find the user.
        job: Job = await self._transport.call("DELETE", path, query={"messages": messages}, idempotent=False)
        return job

    async def set_avatar(
        self, user: str, name: str, file: bytes, *, crop: Mapping[str, int] | None = None
    ) -> ServerUser:
        """Set the picture of a user; `crop` is `{"x": …, "y": …, "size": …}` in pixels, by default the centred square."""
        path = f"/server/users/{segment(user)}/avatar"
        return cast("ServerUser", await self._transport.put_avatar(path, name, file, crop))

    async def delete_avatar(self, user: str) -> ServerUser:
        """Remove the picture of a user."""
        updated: ServerUser = await self._transport.call("DELETE", f"/server/users/{segment(user)}/avatar")
        return updated

    async def presence(self, users: Sequence[str]) -> Sequence[Presence]:
        """Which of these users are online; unknown users are left out."""
        return await self._in_parts("/server/presence", users, MAX_PRESENCE)

    async def unread(self, users: Sequence[str]) -> Sequence[Unread]:
        """How much each of these users has not read; unknown users are left out."""
        return await self._in_parts("/server/unread", users, MAX_BATCH)

    async def sessions(self, user: str) -> Sequence[Session]:
        """The sessions of a user, last used first."""
        sessions: Sequence[Session] = await self._transport.call("GET", f"/server/users/{segment(user)}/sessions")
        return sessions

    async def end_session(self, user: str, session_id: str) -> None:
        """End a session of a user."""
        path = f"/server/users/{segment(user)}/sessions/{segment(session_id)}"
        await self._transport.call("DELETE", path, idempotent=False)

    async def end_sessions(self, user: str) -> None:
        """End all sessions of a user."""
        await self._transport.call("DELETE", f"/server/users/{segment(user)}/sessions")

    async def revoke_tokens(self, user: str, *, before: datetime | None = None) -> None:
        """End all sessions opened before a time (default: now), and refuse tokens of your app issued before it."""
        body = {} if before is None else {"before": timestamp(before)}
        path = f"/server/users/{segment(user)}/revoke-tokens"
        await self._transport.call("POST", path, body=body, idempotent=True)

    async def _in_parts(self, path: str, users: Sequence[str], size: int) -> Sequence[Any]:
        found: Sequence[Any] = []
        for start in range(0, len(users), size):
            body = {"userIds": users[start : start + size]}
            found = [*found, *await self._transport.call("POST", path, body=body, idempotent=True)]
        return found
