"""Clients that keep a copy of received data; the copy must equal a fresh read."""

from dataclasses import dataclass, field

from chatapp.core.errors import Json
from tests.property.world import STATUSES


def lasting(message: Json) -> Json:
    """A message without its status, which changes without a `rev`."""
    return {name: value for name, value in message.items() if name != "status"}


def lasting_chat(chat: Json) -> Json:
    """A chat without fields that change without a `rev`: receipts, and the presence of the other user."""
    kept = {name: value for name, value in chat.items() if name not in ("unreadCount", "peer", "lastMessage")}
    return kept | {"lastMessage": chat["lastMessage"] and lasting(chat["lastMessage"])}


class Ratchet:
    """The statuses seen so far; none may ever decrease."""

    def __init__(self) -> None:
        self._highest: dict[tuple[str, str], str] = {}

    def see(self, who: str, message: str, status: str) -> None:
        """Record that `status` is the status of a message for `who`."""
        before = self._highest.get((who, message), "SENT")
        assert STATUSES.index(status) >= STATUSES.index(before), f"{before} became {status}"
        self._highest[who, message] = status


@dataclass
class Browser:
    """Pages back through one chat; `bound` is the lowest `seq` it has read."""

    cursor: str | None = None
    bound: int | None = None

    def turn(self, page: list[Json], cursor: str | None) -> None:
        """Add this page; at the end, start from the newest message again."""
        self.cursor = cursor
        self.bound = page[-1]["seq"] if cursor else None


@dataclass
class Follower:
    """Keeps a chat up to date by `?after=`."""

    rev: int = 0
    cursor: str | None = None
    messages: dict[int, Json] = field(default_factory=dict)

    def fold(self, page: list[Json], cursor: str | None) -> None:
        """Add created and changed messages, which arrive in the order of `rev`."""
        for message in page:
            assert message["rev"] > self.rev
            self.rev = message["rev"]
            self.messages[message["seq"]] = lasting(message)
        self.cursor = cursor

    def history(self) -> list[Json]:
        """The copy, in the order of `seq`."""
        return [self.messages[seq] for seq in sorted(self.messages)]


@dataclass
class Device:
    """Keeps all chats of a person by `sync`. `revs` has the highest `rev` of each; for one with `more`, the highest
    received one."""

    revs: dict[str, int] = field(default_factory=dict)
    chats: dict[str, Json] = field(default_factory=dict)
    messages: dict[str, dict[int, Json]] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)

    def fold(self, response: Json) -> None:
        """Add a response."""
        for chat in response["gone"]:
            del self.revs[chat], self.chats[chat], self.messages[chat]
            self.unread.pop(chat, None)
        for chat in response["reset"]:
            self.revs[chat], self.messages[chat] = 0, {}
        for chat in response["chats"]:
            self.chats[chat["id"]] = lasting_chat(chat)
            self.messages.setdefault(chat["id"], {})
            self.revs.setdefault(chat["id"], 0)
        for chat, messages in response["messages"].items():
            for message in messages:
                assert message["rev"] > self.revs[chat]
                self.revs[chat] = message["rev"]
                self.messages[chat][message["seq"]] = lasting(message)
        for chat in response["chats"]:
            if chat["id"] not in response["more"]:
                self.revs[chat["id"]] = max(self.revs[chat["id"]], chat["lastRev"])
        self.unread |= response["unread"]

    def history(self, chat: str) -> list[Json]:
        """The copy of a chat's messages, in the order of `seq`."""
        return [self.messages[chat][seq] for seq in sorted(self.messages[chat])]
