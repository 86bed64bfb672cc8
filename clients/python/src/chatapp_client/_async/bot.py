"""A bot: calls a function for each new message, and sends what it returns."""

from __future__ import annotations

import logging
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from chatapp_client._async import waiting
from chatapp_client._async.user import AsyncUserClient
from chatapp_client.errors import ApiError, ChatError, ConnectionFailed, Unauthorized, is_temporary
from chatapp_client.listener import Listener
from chatapp_client.positions import MemoryStorage, Position, Storage
from chatapp_client.types import Chat, ChatDetail, MessageEvent

AsyncHandler = Callable[[MessageEvent], Awaitable[str | None]]

log = logging.getLogger("chatapp_client")
MAX_SYNC_CHATS = 1000
MAX_PAUSE_SECONDS = 5.0
# The longest wait for an event before the connection and the access token are checked.
CHECK_SECONDS = 0.5


class AsyncBot:
    """Receives the new messages of a user's chats, in the order of each chat, and responds to each exactly once.

    It reconnects after outages, fetches the messages that it missed, and with a `storage` continues after its own restart
    where it stopped. Without one it starts with the messages sent from then on. It skips its own messages, system messages
    and, unless `responds_to_bots`, those of other bots, so that two bots do not respond to each other forever.
    """

    def __init__(
        self, user: AsyncUserClient, *, storage: Storage | None = None, responds_to_bots: bool = False
    ) -> None:
        self.user = user
        self._storage = storage or MemoryStorage()
        self._responds_to_bots = responds_to_bots
        self._handlers: list[AsyncHandler] = []
        # All messages up to the `seq` were handled. Every message that was created up to the `rev` is among them.
        self._positions: dict[str, Position] = {}
        self._is_first_start = True
        self._id = ""
        self._is_stopped = False

    def on_message(self, handler: AsyncHandler) -> AsyncHandler:
        """Decorator: `handler` is called with each new message. A text that it returns is sent to the same chat.

        After a crash it may be called again with the same message; the server stores the response once all the same. Use
        `response_id` for other messages that you send. If it raises an error, the error is logged and the message skipped,
        except for a `ChatError` of an outage: then the message is handled again later.
        """
        self._handlers.append(handler)
        return handler

    def response_id(self, message: MessageEvent, name: str = "") -> str:
        """A `clientId` that is always the same for this bot, message and name."""
        return str(uuid.uuid5(uuid.UUID(message["id"]), f"{self._id} {name}"))

    async def run(self) -> None:
        """Run until `stop` is called. Raises an error only if the server does not accept the bot."""
        self._is_stopped = False
        self._positions = dict(self._storage.load())
        self._is_first_start = not self._positions
        failures = 0
        while not self._is_stopped:
            try:
                await self._serve()
                failures = 0
            except ChatError as error:
                if not is_temporary(error):
                    raise
                failures += 1
                log.warning("disconnected: %s", error)
            if not self._is_stopped:
                # Random, so that the bots of a restarted server do not all come at once.
                pause = min(2.0 ** min(failures, 10), MAX_PAUSE_SECONDS)
                await waiting.sleep(random.uniform(0.25, 1) * pause)

    def stop(self) -> None:
        """Make `run` return, after the message that is being handled."""
        self._is_stopped = True

    async def _serve(self) -> None:
        """Handle events until the connection ends."""
        self._id = self._id or (await self.user.me())["id"]
        inbox = waiting.Inbox()
        listener = Listener(self.user.url, inbox.put)
        try:
            auth = await self._connect(listener)
            log.info("connected")
            await self._catch_up()
            while listener.is_connected and not self._is_stopped:
                current = await self.user.credentials.handshake()
                if current != auth:
                    await waiting.in_thread(listener.renew, current)
                    auth = current
                event = await inbox.get(CHECK_SECONDS)
                if event:
                    await self._process(*event)
        finally:
            await waiting.in_thread(listener.close)

    async def _connect(self, listener: Listener) -> Mapping[str, str]:
        """Connect, with another access token if the server does not accept the first; returns what it accepted."""
        auth = await self.user.credentials.handshake()
        try:
            await waiting.in_thread(listener.connect, auth)
        except Unauthorized as error:
            if not await self.user.credentials.renew():
                raise
            raise ConnectionFailed(f"The access token was replaced: {error}") from error
        return auth

    async def _process(self, name: str, payload: Any) -> None:
        """Handle an event."""
        if name == "resync":
            await self._catch_up()
            return
        chat_id = payload.get("chatId", payload.get("id"))
        # An event that was missed may be repeated as an edit.
        if name in ("message:new", "message:edited"):
            await self._receive(payload)
        elif name == "chat:new":
            await self._meet(chat_id)
        elif name == "chat:deleted" or (name == "chat:member_left" and payload["userId"] == self._id):
            self._move({chat_id: None})
        position = self._positions.get(chat_id)
        if position and payload.get("rev") == position.rev + 1:
            # Not stored by itself: a `rev` that is too low costs a little at the next start, and nothing else.
            self._positions[chat_id] = position._replace(rev=position.rev + 1)

    async def _receive(self, message: MessageEvent) -> None:
        """Handle a message, and those before it that were missed."""
        position = self._positions.get(message["chatId"])
        if not position:
            await self._meet(message["chatId"])
        elif message["seq"] == position.seq + 1:
            await self._handle(message)
        elif message["seq"] > position.seq:
            await self._read_missed(message["chatId"], position.seq)

    async def _meet(self, chat_id: str) -> None:
        """Begin with a chat that is new to the bot."""
        if chat_id in self._positions:
            return
        try:
            chat = await self.user.get_chat(chat_id)
        except ApiError as error:
            if is_temporary(error):
                raise
            # The bot is not a member any more.
            return
        await self._follow(chat)

    async def _catch_up(self) -> None:
        """Handle everything that was missed."""
        named = list(self._positions.items())[:MAX_SYNC_CHATS]
        revs = {chat: position.rev for chat, position in named}
        changed: list[Chat] = []
        cursor: str | None = None
        while True:
            page = await self.user.sync(revs, cursor=cursor)
            changed += page["chats"]
            self._move(dict.fromkeys(page["gone"]))
            for chat_id in page["reset"]:
                # A backup was restored, without the last messages.
                self._positions.pop(chat_id, None)
            cursor = page["nextCursor"]
            if not cursor:
                break
        if self._is_first_start:
            self._move({chat["id"]: Position(chat["lastRev"], chat["lastSeq"]) for chat in changed})
            self._is_first_start = False
        for chat in changed:
            await self._follow(chat)

    async def _follow(self, chat: Chat | ChatDetail) -> None:
        """Handle the messages of a chat that were not handled yet; of a new chat, those that are unread."""
        position = self._positions.get(chat["id"]) or Position(0, chat["lastSeq"] - chat["unreadCount"])
        if chat["lastSeq"] > position.seq:
            await self._read_missed(chat["id"], position.seq)
            position = self._positions.get(chat["id"], position)
        self._move({chat["id"]: Position(max(chat["lastRev"], position.rev), max(chat["lastSeq"], position.seq))})

    async def _read_missed(self, chat_id: str, seq: int) -> None:
        """Handle the messages of a chat after a `seq`."""
        missed: list[MessageEvent] = []
        try:
            async for message in self.user.messages(chat_id):
                if message["seq"] <= seq:
                    break
                missed.append(message)
        except ApiError as error:
            if is_temporary(error):
                raise
            # The bot is not a member any more.
            return
        for each in reversed(missed):
            await self._handle(each)

    async def _handle(self, message: MessageEvent) -> None:
        """Call the handlers, send what they return, and note that the message was handled."""
        if self._is_for_handlers(message):
            for number, handler in enumerate(self._handlers):
                try:
                    response = await handler(message)
                    if response is not None:
                        await self._respond(message, response, str(number))
                except Exception as error:
                    if isinstance(error, ChatError) and is_temporary(error):
                        raise
                    log.exception("The handler failed for message %s", message["id"])
        position = self._positions.get(message["chatId"], Position(0, 0))
        self._move({message["chatId"]: position._replace(seq=message["seq"])})

    def _is_for_handlers(self, message: MessageEvent) -> bool:
        if message["isDeleted"] or message["type"] == "SYSTEM" or message["senderId"] == self._id:
            return False
        return self._responds_to_bots or not message["sender"].get("isBot")

    async def _respond(self, message: MessageEvent, text: str, name: str) -> None:
        try:
            await self.user.send(message["chatId"], text, clientId=self.response_id(message, name))
        except ApiError as error:
            # Sent before a crash, with another text.
            if error.code == "client_id_reused":
                return
            if error.code not in ("cannot_send", "forbidden", "not_found"):
                raise
            log.info("no response to message %s: %s", message["id"], error)

    def _move(self, positions: Mapping[str, Position | None]) -> None:
        """Set positions, here and in the storage."""
        changed = {chat: at for chat, at in positions.items() if self._positions.get(chat) != at}
        if changed:
            self._storage.save(changed)
        for chat, position in changed.items():
            if position:
                self._positions[chat] = position
            else:
                self._positions.pop(chat, None)
