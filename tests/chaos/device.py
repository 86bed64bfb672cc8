"""A client that keeps copies of its chats as documented: by events, and by `sync` after each gap."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, NamedTuple

from tests.socket_clients import JsDriver

Json = dict[str, Any]
RESPONSE_TIMEOUT = 4.0
# Errors that may occur during a fault.
PASSING = {"database_unavailable"}


class LogEntry(NamedTuple):
    """An event of a chat. `connection` is the number of the device's connection."""

    connection: int
    name: str
    chat_id: str
    rev: int | None
    seq: int | None
    user_id: str | None


@dataclass
class Copy:
    """A device's copy of a chat: complete up to `rev`."""

    rev: int = 0
    messages: dict[str, Json] = field(default_factory=dict)

    def put(self, message: Json) -> None:
        """Add a message, unless the copy has a newer version."""
        known = self.messages.get(message["id"])
        if known is None or known["rev"] < message["rev"]:
            self.messages[message["id"]] = message


class Device:
    """A socket that reconnects whenever it is lost, and its copies of chats.

    `log` has the received events, `violations` events that must never occur.
    """

    def __init__(self, driver: JsDriver, url: str, token: str, user_id: str, transports: Sequence[str] | None) -> None:
        self.user_id = user_id
        self.log: list[LogEntry] = []
        self.copies: dict[str, Copy] = {}
        self.unread: dict[str, int] = {}
        # Per other user: when their presence changed last, and to what.
        self.presence: dict[str, tuple[float, bool]] = {}
        self.violations: list[str] = []
        self.connections = self.syncs = self.gaps = 0
        self._reports: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._behind = True
        self._in_step = threading.Event()
        self.socket = driver.connect(
            url,
            token,
            wait=False,
            transports=transports,
            reconnection=True,
            reconnection_delay=0.2,
            reconnection_delay_max=1.0,
        )
        self.socket.report_to(lambda what, report: self._reports.put((what, report)))
        self._thread = threading.Thread(target=self._follow, name=f"device of {user_id}", daemon=True)
        self._thread.start()

    def catch_up(self, seconds: float) -> bool:
        """True once all received events are applied and a `sync` after them has completed."""
        self._in_step.clear()
        self._reports.put(("asked", None))
        return self._in_step.wait(seconds)

    def leave(self) -> None:
        """Disconnect for good."""
        self.socket.disconnect()

    def end(self) -> None:
        """Stop following."""
        self._reports.put(("end", None))
        self._thread.join(10)

    def _follow(self) -> None:
        while True:
            what, report = self._reports.get()
            if what == "end":
                return
            if what == "event":
                self._take(*report)
            elif what == "connected":
                self.connections += 1
                self._behind = True
            elif what == "disconnected" and report == "io server disconnect":
                self.violations.append("The server ended a session that lives.")
            elif what == "refused" and report:
                self.violations.append(f"A socket was refused: {report}")
            elif what == "asked":
                self._behind = True
            if self._behind and self._reports.empty() and self.socket.connected:
                self._sync()

    def _sync(self) -> None:
        """Sync until nothing is missing."""
        request: Json = {}
        while self.socket.connected:
            self.syncs += 1
            # The next page belongs to the same request.
            if "cursor" not in request:
                request = {"chats": {chat_id: copy.rev for chat_id, copy in self.copies.items()}}
            try:
                ack = self.socket.call("sync", request, timeout=RESPONSE_TIMEOUT)
            except TimeoutError:
                continue
            if not ack["ok"]:
                if ack["error"]["code"] not in PASSING:
                    self.violations.append(f"sync was refused: {ack['error']}")
                time.sleep(0.3)
                continue
            self._fold(ack["data"], first="cursor" not in request)
            if cursor := ack["data"].get("nextCursor"):
                request["cursor"] = cursor
            elif "cursor" in request or ack["data"]["more"]:
                request = {}
            else:
                self._behind = False
                self._check_gaps()
                self._in_step.set()
                return
        # It reconnects, and syncs again.

    def _fold(self, response: Json, *, first: bool) -> None:
        for chat_id in response["gone"]:
            self.copies.pop(chat_id, None)
        for chat in response["chats"]:
            self.copies.setdefault(chat["id"], Copy())
        for chat_id, messages in response["messages"].items():
            copy = self.copies[chat_id]
            for message in messages:
                if message["rev"] <= copy.rev:
                    self.violations.append("sync returned a known change, or changes out of order.")
                copy.put(message)
                copy.rev = message["rev"]
        for chat in response["chats"]:
            if chat["id"] not in response["more"]:
                copy = self.copies[chat["id"]]
                copy.rev = max(copy.rev, chat["lastRev"])
        self.unread = response["unread"] if first else self.unread | response["unread"]

    def _check_gaps(self) -> None:
        for chat_id, copy in self.copies.items():
            seqs = sorted(message["seq"] for message in copy.messages.values())
            if seqs != list(range(1, len(seqs) + 1)):
                self.violations.append(f"After sync there is a gap in {chat_id}: {seqs}")

    def _take(self, name: str, payload: Json) -> None:
        """Apply an event."""
        if name == "exception":
            # Only typing requests no ack, and may be in a chat that was left meanwhile.
            if payload["code"] not in PASSING | {"not_found"}:
                self.violations.append(f"exception: {payload}")
            return
        if name == "resync":
            self._behind = True
            return
        if name.startswith("user:"):
            self.presence[payload["userId"]] = time.monotonic(), name == "user:online"
            return
        self._take_chat_event(name, payload)

    def _take_chat_event(self, name: str, payload: Json) -> None:
        chat_id = payload["id"] if name in ("chat:new", "chat:updated") else payload["chatId"]
        user_id = payload.get("userId") or payload.get("member", {}).get("userId")
        rev = payload.get("lastRev", payload.get("rev"))
        self.log.append(LogEntry(self.connections, name, chat_id, rev, payload.get("seq"), user_id))
        if name == "chat:deleted" or (name == "chat:member_left" and user_id == self.user_id):
            self.copies.pop(chat_id, None)
        elif name == "chat:new":
            self._behind = True
        elif self._behind:
            pass  # The pending `sync` returns it. An interrupted one has not returned all earlier changes.
        elif rev is not None and (copy := self.copies.get(chat_id)):
            if rev == copy.rev + 1:
                self._put(copy, name, payload)
                copy.rev = rev
            elif rev > copy.rev:
                self.gaps += 1
                self._behind = True

    @staticmethod
    def _put(copy: Copy, name: str, payload: Json) -> None:
        if name == "message:deleted":
            buried = copy.messages[payload["messageId"]]
            copy.put(buried | {"rev": payload["rev"], "content": None, "isDeleted": True})
        elif name.startswith("message:"):
            copy.put(payload)
