"""The API as one user sees it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Self, Unpack, cast

import httpx

from chatapp_client._async.credentials import AsyncKey, AsyncSession
from chatapp_client._async.transport import AsyncTransport, segment, timestamp
from chatapp_client.types import (
    Chat,
    ChatDetail,
    Me,
    Member,
    MemberRole,
    Message,
    MessageFilter,
    MessageHit,
    MessagesRead,
    MessageStatus,
    NewGroup,
    PatchChat,
    PatchMe,
    SearchOrder,
    SendOptions,
    SyncResponse,
    User,
)

# The largest number of messages of one page of a search.
MAX_HITS = 50


class AsyncUserClient:
    """Calls the API as one user, with one of these credentials:

    - `key`: an API key that acts as one user (`actsAs`), or any key of scope `act` with `act_as`, the id of the user
      (`ext:…` for your own id).
    - `username` and `password`: logs in, and again if the session ends.
    - `tokens`: a function that returns new tokens of the user, such as the response to `POST /server/tokens`.

    Access tokens are renewed before they expire. `timeout`, `retries` and `max_wait` are seconds, a number of attempts and
    seconds: see the README.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        act_as: str | None = None,
        username: str | None = None,
        password: str | None = None,
        tokens: Callable[[], Awaitable[Mapping[str, Any]]] | None = None,
        timeout: float = 10,
        retries: int = 4,
        max_wait: float = 60,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        if [key, username, tokens].count(None) != 2 or (username is None) != (password is None):
            raise ValueError("Give one of these: key (and act_as), username and password, or tokens.")
        self._transport = AsyncTransport(url, timeout=timeout, retries=retries, max_wait=max_wait, http=http)
        self.credentials: AsyncKey | AsyncSession
        if key is not None:
            self.credentials = AsyncKey(key, act_as)
        else:
            account = {"username": username, "password": password}
            self.credentials = AsyncSession(self._transport, tokens or _login(self._transport, account))
        self._transport.credentials = self.credentials
        self._is_shared = False

    @classmethod
    def of(cls, transport: AsyncTransport, credentials: AsyncKey | AsyncSession) -> Self:
        """A client that shares the connections of another one."""
        client = cls.__new__(cls)
        client.credentials = credentials
        client._transport = transport.with_credentials(credentials)
        client._is_shared = True
        return client

    @property
    def url(self) -> str:
        """The URL of the server."""
        return self._transport.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        if not self._is_shared:
            await self._transport.aclose()

    # Users

    async def me(self) -> Me:
        """The user's own account."""
        me: Me = await self._transport.call("GET", "/users/me")
        return me

    async def update_me(self, **changes: Unpack[PatchMe]) -> Me:
        """Change the user's profile; None clears a field."""
        me: Me = await self._transport.call("PATCH", "/users/me", body=changes)
        return me

    async def set_avatar(self, name: str, file: bytes, *, crop: Mapping[str, int] | None = None) -> Me:
        """Set the user's picture; `crop` is `{"x": …, "y": …, "size": …}` in pixels, by default the centred square."""
        return cast("Me", await self._transport.put_avatar("/users/me/avatar", name, file, crop))

    async def delete_avatar(self) -> Me:
        """Remove the user's picture."""
        me: Me = await self._transport.call("DELETE", "/users/me/avatar")
        return me

    def search_users(self, q: str) -> AsyncIterator[User]:
        """Users whose username contains `q`, then those whose display name contains it."""
        return self._transport.pages("/users/search", {"q": q})

    async def get_user(self, username: str) -> User:
        """A user by their username."""
        user: User = await self._transport.call("GET", f"/users/{segment(username)}")
        return user

    # Chats

    def chats(self) -> AsyncIterator[Chat]:
        """The user's chats, most recently active first."""
        return self._transport.pages("/chats")

    def search_chats(self, q: str) -> AsyncIterator[Chat]:
        """The user's chats whose name contains `q`, of direct chats a name of the other user; the best matches first."""
        return self._transport.pages("/search/chats", {"q": q})

    async def get_chat(self, chat_id: str) -> ChatDetail:
        """A chat with its first 100 members."""
        chat: ChatDetail = await self._transport.call("GET", f"/chats/{segment(chat_id)}")
        return chat

    async def create_direct_chat(self, user_id: str) -> ChatDetail:
        """The direct chat with another user, created if there is none."""
        body = {"userId": user_id}
        chat: ChatDetail = await self._transport.call("POST", "/chats/direct", body=body, idempotent=True)
        return chat

    async def create_group(self, **fields: Unpack[NewGroup]) -> ChatDetail:
        """Create a group, with the user as its ADMIN."""
        chat: ChatDetail = await self._transport.call("POST", "/chats/groups", body=fields)
        return chat

    async def update_chat(self, chat_id: str, **changes: Unpack[PatchChat]) -> Chat:
        """Change a group; None clears a field."""
        chat: Chat = await self._transport.call("PATCH", f"/chats/{segment(chat_id)}", body=changes)
        return chat

    async def delete_chat(self, chat_id: str) -> None:
        """Delete a group."""
        await self._transport.call("DELETE", f"/chats/{segment(chat_id)}", idempotent=False)

    async def set_chat_avatar(
        self, chat_id: str, name: str, file: bytes, *, crop: Mapping[str, int] | None = None
    ) -> Chat:
        """Set the picture of a group; `crop` is as for `set_avatar`."""
        return cast("Chat", await self._transport.put_avatar(f"/chats/{segment(chat_id)}/avatar", name, file, crop))

    async def delete_chat_avatar(self, chat_id: str) -> Chat:
        """Remove the picture of a group."""
        chat: Chat = await self._transport.call("DELETE", f"/chats/{segment(chat_id)}/avatar")
        return chat

    def members(self, chat_id: str) -> AsyncIterator[Member]:
        """The members of a chat, longest-standing first."""
        return self._transport.pages(f"/chats/{segment(chat_id)}/members")

    async def add_member(self, chat_id: str, user_id: str) -> Member:
        """Add a user to a group."""
        body = {"userId": user_id}
        member: Member = await self._transport.call("POST", f"/chats/{segment(chat_id)}/members", body=body)
        return member

    async def remove_member(self, chat_id: str, user_id: str) -> None:
        """Remove a member from a group."""
        path = f"/chats/{segment(chat_id)}/members/{segment(user_id)}"
        await self._transport.call("DELETE", path, idempotent=False)

    async def set_member_role(self, chat_id: str, user_id: str, role: MemberRole) -> Member:
        """Make a member of a group its ADMIN, or an ordinary member."""
        path = f"/chats/{segment(chat_id)}/members/{segment(user_id)}/role"
        member: Member = await self._transport.call("PATCH", path, body={"role": role})
        return member

    async def leave_chat(self, chat_id: str) -> None:
        """Leave a group."""
        await self._transport.call("DELETE", f"/chats/{segment(chat_id)}/leave", idempotent=False)

    # Messages

    def messages(self, chat_id: str, *, after: int | None = None) -> AsyncIterator[Message]:
        """The messages of a chat, newest first; with `after`, those created or changed since that `rev`, by `rev`."""
        return self._transport.pages(f"/messages/{segment(chat_id)}", {"after": after})

    def search_messages(
        self,
        q: str,
        *,
        chat_id: str | None = None,
        from_id: str | None = None,
        has: MessageFilter | None = None,
        before: datetime | None = None,
        after: datetime | None = None,
        sort: SearchOrder | None = None,
    ) -> AsyncIterator[MessageHit]:
        """The messages with the words of `q` in the user's chats, newest first; `best` returns the best matches only."""
        query = {
            "q": q,
            "chatId": chat_id,
            "fromId": from_id,
            "has": has,
            "before": before and timestamp(before),
            "after": after and timestamp(after),
            "sort": sort,
            "limit": MAX_HITS,
        }
        return self._transport.pages("/search/messages", query)

    async def send(self, chat_id: str, content: str, **options: Unpack[SendOptions]) -> Message:
        """Send a message. It is stored once, however often the call is repeated with the same `clientId`, a UUID.

        Without `clientId` the call has one of its own, so that its own retries are safe.
        """
        client_id = options.get("clientId") or str(uuid.uuid4())
        body = {**options, "chatId": chat_id, "content": content, "clientId": client_id}
        message: Message = await self._transport.call("POST", "/messages", body=body, idempotent=True)
        return message

    async def send_file(
        self, chat_id: str, name: str, file: bytes, *, content: str = "", clientId: str | None = None
    ) -> Message:
        """Send a file with a caption; its type is determined by its bytes. `clientId` is as for `send`."""
        form = {"chatId": chat_id, "content": content, "clientId": clientId or str(uuid.uuid4())}
        message: Message = await self._transport.call(
            "POST", "/messages/upload", form=form, files={"file": (name, file)}, idempotent=True
        )
        return message

    async def edit_message(self, message_id: str, content: str) -> Message:
        """Change the text of a message that the user sent."""
        path = f"/messages/{segment(message_id)}"
        message: Message = await self._transport.call("PATCH", path, body={"content": content})
        return message

    async def delete_message(self, message_id: str) -> None:
        """Delete a message for all members."""
        await self._transport.call("DELETE", f"/messages/{segment(message_id)}")

    async def mark_read(self, chat_id: str, message_ids: Sequence[str] | None = None) -> MessagesRead:
        """Mark messages and all earlier ones of the chat as read; without `message_ids`, all messages."""
        body = {} if message_ids is None else {"messageIds": list(message_ids)}
        path = f"/messages/{segment(chat_id)}/read"
        read: MessagesRead = await self._transport.call("POST", path, body=body, idempotent=True)
        return read

    def statuses(self, message_id: str) -> AsyncIterator[MessageStatus]:
        """Which members received and read a message."""
        return self._transport.pages(f"/messages/{segment(message_id)}/statuses")

    async def sync(self, chats: Mapping[str, int], *, only: bool = False, cursor: str | None = None) -> SyncResponse:
        """What changed since the given `rev` of each chat; call again with the `cursor` in `nextCursor`."""
        body = {"chats": dict(chats), "only": only, "cursor": cursor}
        changes: SyncResponse = await self._transport.call("POST", "/sync", body=body, idempotent=True)
        return changes


def _login(transport: AsyncTransport, account: Mapping[str, Any]) -> Callable[[], Awaitable[Mapping[str, Any]]]:
    """Logs in with a password."""
    anonymous = transport.with_credentials(None)

    async def log_in() -> Mapping[str, Any]:
        tokens: Mapping[str, Any] = await anonymous.call("POST", "/auth/login", body=account, idempotent=True)
        return tokens

    return log_in
