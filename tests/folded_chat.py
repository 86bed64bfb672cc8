"""A client that folds events and `sync` into its copy of a chat by the documented rules, behind a channel that loses,
doubles and delays events."""

import random
import threading
from queue import SimpleQueue
from typing import Any

from tests.people import Person
from tests.socket_clients import PyClient

Json = dict[str, Any]
LOST, DOUBLED, DELAYED = 0.05, 0.05, 0.05
QUOTED_CHARACTERS = 300
# Fields of a message that a tombstone does not have.
OF_THE_LIVING = (
    "system", "replyTo", "mentions", "metadata", "format", "reactions", "pinnedAt", "pinnedBy", "forwardedFrom",
    "editCount",
)  # fmt: skip


def quote_of(message: Json) -> Json:
    """How replies show a message."""
    about = {name: message[name] for name in ("id", "seq", "senderId")}
    if message["isDeleted"]:
        return about | {"isDeleted": True}
    content = message["content"]
    shown = content[:QUOTED_CHARACTERS] + ("…" if len(content) > QUOTED_CHARACTERS else "")
    return about | {"sender": message["sender"], "type": message["type"]} | ({"content": shown} if shown else {})


class FoldedChat:
    """A socket of a user, and the messages of one chat as this client knows them. Start it with `follow`."""

    def __init__(self, user: Person, chat_id: str, seed: int) -> None:
        self.messages: dict[str, Json] = {}
        self.rev = 0
        self.syncs = 0
        self._user, self._chat_id = user, chat_id
        self._dice = random.Random(seed)
        self._events: SimpleQueue[tuple[str, Json] | None] = SimpleQueue()
        self._socket = PyClient.connect(user.url, user.token, transports=["websocket"])
        self._socket.report_to(self._on_report)
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def follow(self) -> None:
        """Start to apply events."""
        self._sync()
        self._thread.start()

    def finish(self) -> None:
        """Apply the events that have arrived, and call `sync` once more, as after a disconnection."""
        self._socket.flush()
        self._events.put(None)
        self._thread.join(60)
        assert not self._thread.is_alive()
        self._sync()
        self._socket.disconnect()

    def shown(self) -> list[Json]:
        """The messages in the order of `seq`, with quotes as this client shows them."""
        shown = []
        for message in sorted(self.messages.values(), key=lambda each: each["seq"]):
            quoted = self.messages[message["replyTo"]["id"]] if "replyTo" in message else None
            shown.append(message | {"replyTo": quote_of(quoted)} if quoted else message)
        return shown

    def _on_report(self, what: str, report: Any) -> None:
        if what == "event":
            self._events.put(report)

    def _follow(self) -> None:
        late: list[tuple[str, Json]] = []
        while (event := self._events.get()) is not None:
            fate = self._dice.random()
            if fate < LOST:
                continue
            if fate < LOST + DELAYED:
                late.append(event)
                continue
            for each in [event] * (2 if fate > 1 - DOUBLED else 1):
                self._take(*each)
            if late and self._dice.random() < 0.5:
                self._take(*late.pop(0))
        for event in late:
            self._take(*event)

    def _take(self, name: str, payload: Json) -> None:
        if not name.startswith(("message:", "chat:")) or self._chat_id not in (
            payload.get("chatId"),
            payload.get("id"),
        ):
            return
        rev: int = payload["rev"] if "rev" in payload else payload.get("lastRev", 0)
        if rev > self.rev + 1:
            self._sync()
        elif rev == self.rev + 1:
            self._apply(name, payload)
            self.rev = rev

    def _apply(self, name: str, payload: Json) -> None:
        known = self.messages.get(str(payload.get("messageId", payload.get("id"))))
        if name in ("message:new", "message:edited"):
            self._put(_with_own(payload, known))
        elif known and name == "message:deleted":
            left = {field: value for field, value in known.items() if field not in OF_THE_LIVING}
            self._put(left | {"rev": payload["rev"], "content": None, "isDeleted": True})
        elif known and name == "message:changed":
            cleared = {field for field, value in payload["changes"].items() if value is None}
            changed = known | {"rev": payload["rev"]} | payload["changes"]
            if "reactions" in payload["changes"]:
                changed = _with_own(changed, known, self._own_actions(payload))
            self._put({field: value for field, value in changed.items() if field not in cleared})

    def _own_actions(self, payload: Json) -> dict[str, bool]:
        return {each["emoji"]: each["on"] for each in payload["actors"] if each["userId"] == self._user.id}

    def _put(self, message: Json) -> None:
        """Add a message, unless the copy is newer."""
        known = self.messages.get(message["id"])
        if known is None or known["rev"] < message["rev"]:
            self.messages[message["id"]] = message

    def _sync(self) -> None:
        """Get what was missed, and drop the events that arrived meanwhile: those that are newer leave a gap."""
        self.syncs += 1
        more = True
        while more:
            ack = self._socket.call("sync", {"chats": {self._chat_id: self.rev}, "only": True}, timeout=30)
            assert ack["ok"], ack
            for message in ack["data"]["messages"].get(self._chat_id, []):
                self._put({field: value for field, value in message.items() if field != "status"})
                self.rev = message["rev"]
            more = self._chat_id in ack["data"]["more"]
            if not more:
                self.rev = max([self.rev, *(chat["lastRev"] for chat in ack["data"]["chats"])])


def _with_own(message: Json, known: Json | None, actions: dict[str, bool] | None = None) -> Json:
    """A message of an event with the own reactions that are known, after the own `actions` of the event."""
    if not message.get("reactions"):
        return {field: value for field, value in message.items() if field != "reactions"}
    own = {each["emoji"] for each in (known or {}).get("reactions", []) if each.get("mine")}
    own = {emoji for emoji in own if (actions or {}).get(emoji, True)} | {e for e, on in (actions or {}).items() if on}
    reactions = [
        {field: value for field, value in each.items() if field != "mine"}
        | ({"mine": True} if each["emoji"] in own else {})
        for each in message["reactions"]
    ]
    return message | {"reactions": reactions}
