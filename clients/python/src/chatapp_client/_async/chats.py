"""The chats of your app, and their messages."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Unpack, cast

from chatapp_client._async.transport import AsyncPart, segment, timestamp
from chatapp_client.types import (
    Member,
    MemberRole,
    Message,
    PatchServerChat,
    PutChat,
    ServerChat,
    ServerChatDetail,
    ServerMessageOptions,
)

# The largest number of new members of one request.
MAX_MEMBERS = 200


class AsyncChats(AsyncPart):
    """The chats of your app. `chat` and `user` are `ext:` and your id of the chat or user, or a UUID."""

    async def put(self, external_id: str, **fields: Unpack[PutChat]) -> ServerChatDetail:
        """Create a group, or change the one that has this id in your app; adds the named users who are missing."""
        path = f"/server/chats/{segment(external_id)}"
        chat: ServerChatDetail = await self._transport.call("PUT", path, body=fields)
        return chat

    async def direct(self, user: str, other: str, *, data: Mapping[str, Any] | None = None) -> ServerChatDetail:
        """The direct chat of two users, created if there is none."""
        body = {"userIds": [user, other], **({} if data is None else {"data": data})}
        chat: ServerChatDetail = await self._transport.call("POST", "/server/chats/direct", body=body, idempotent=True)
        return chat

    async def get(self, chat: str) -> ServerChatDetail:
        """A chat with its first 100 members."""
        found: ServerChatDetail = await self._transport.call("GET", f"/server/chats/{segment(chat)}")
        return found

    def list(self, *, user: str | None = None, updated_after: datetime | None = None) -> AsyncIterator[ServerChat]:
        """All chats, most recently active first; of one user, or active since a time."""
        query = {"user": user, "updatedAfter": updated_after and timestamp(updated_after)}
        return self._transport.pages("/server/chats", query)

    async def update(self, chat: str, **changes: Unpack[PatchServerChat]) -> ServerChat:
        """Change a chat; None clears a field."""
        updated: ServerChat = await self._transport.call("PATCH", f"/server/chats/{segment(chat)}", body=changes)
        return updated

    async def delete(self, chat: str) -> None:
        """Delete a group."""
        await self._transport.call("DELETE", f"/server/chats/{segment(chat)}", idempotent=False)

    async def set_avatar(
        self, chat: str, name: str, file: bytes, *, crop: Mapping[str, int] | None = None
    ) -> ServerChat:
        """Set the picture of a group; `crop` is as for users."""
        path = f"/server/chats/{segment(chat)}/avatar"
        return cast("ServerChat", await self._transport.put_avatar(path, name, file, crop))

    async def delete_avatar(self, chat: str) -> ServerChat:
        """Remove the picture of a group."""
        updated: ServerChat = await self._transport.call("DELETE", f"/server/chats/{segment(chat)}/avatar")
        return updated

    async def add_members(self, chat: str, users: Sequence[str], *, role: MemberRole | None = None) -> Sequence[Member]:
        """Add users to a group, 200 per request; existing members keep their role."""
        members: Sequence[Member] = []
        path = f"/server/chats/{segment(chat)}/members"
        for start in range(0, len(users), MAX_MEMBERS):
            body = {"userIds": users[start : start + MAX_MEMBERS], **({"role": role} if role else {})}
            members = [*members, *await self._transport.call("POST", path, body=body, idempotent=True)]
        return members

    async def set_member_role(self, chat: str, user: str, role: MemberRole) -> Member:
        """Make a member of a group its ADMIN, or an ordinary member."""
        path = f"/server/chats/{segment(chat)}/members/{segment(user)}"
        member: Member = await self._transport.call("PATCH", path, body={"role": role})
        return member

    async def remove_member(self, chat: str, user: str) -> None:
        """Remove a member from a group."""
        await self._transport.call("DELETE", f"/server/chats/{segment(chat)}/members/{segment(user)}")


class AsyncMessages(AsyncPart):
    """The messages of all chats."""

    def list(self, chat: str, *, after: int | None = None) -> AsyncIterator[Message]:
        """The messages of a chat, newest first; with `after`, those created or changed since that `rev`, by `rev`."""
        return self._transport.pages(f"/server/chats/{segment(chat)}/messages", {"after": after})

    async def send(self, chat: str, content: str, **options: Unpack[ServerMessageOptions]) -> Message:
        """Send a system message, or with `senderId` a message of that user.

        It is stored once, however often the call is repeated with the same `clientId`, a UUID. Without `clientId` the call
        has one of its own, so that its own retries are safe.
        """
        body = {**options, "content": content, "clientId": options.get("clientId") or str(uuid.uuid4())}
        path = f"/server/chats/{segment(chat)}/messages"
        message: Message = await self._transport.call("POST", path, body=body, idempotent=True)
        return message

    async def edit(self, message_id: str, content: str) -> Message:
        """Change the text of a message of any user."""
        path = f"/server/messages/{segment(message_id)}"
        message: Message = await self._transport.call("PATCH", path, body={"content": content})
        return message

    async def delete(self, message_id: str) -> None:
        """Delete a message of any user, for all members."""
        await self._transport.call("DELETE", f"/server/messages/{segment(message_id)}")
