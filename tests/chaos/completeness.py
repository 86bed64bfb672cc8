"""Whether a client that never called `sync` received everything that happened in its chats while it was connected.

Its record is folded, connection by connection, as such a client would do it, and the result is compared with the
database. A chat that the server named in `resync` is excepted up to the next event; it must have missed more than
`MAX_REPLAYED` changes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.checker import Truth
from tests.chaos.plain import CONNECTED, DISCONNECTED, PlainClient

MAX_REPLAYED = 100
# Kinds of violations, some of which `checker.check` finds in other clients too.
INCOMPLETE, DOUBLED, OUT_OF_ORDER, LEAKED, RESYNC = KINDS = (
    "incomplete without sync",
    "doubled",
    "out of order",
    "leaked",
    "resync without need",
)


@dataclass
class View:
    """The events of a chat that a connection received.

    `start` is the `rev` after which it has to be complete; None from a `resync` to the next event.
    """

    start: int | None
    members: set[str]
    revs: dict[str, int] = field(default_factory=dict)
    # The newest state of each message.
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    highest: int = 0
    # The newest of `chat:member_joined` and `chat:member_left` of each user.
    member_events: dict[str, str] = field(default_factory=dict)
    from_event: bool = False
    # The members may differ from those received.
    members_unknown: bool = False


class Fold:
    """The record of a client, or of its newest connection, folded. `violations` has pairs of kind and description."""

    def __init__(self, truth: Truth, client: PlainClient, *, newest_only: bool = False) -> None:
        self.violations: list[tuple[str, str]] = []
        self.views: dict[str, View] = {}
        self.is_connected = False
        self.resyncs = 0
        self._truth = truth
        self._client = client
        record = list(client.record)
        connects = [index for index, entry in enumerate(record) if entry.name == CONNECTED]
        for entry in record[connects[-1] if connects and newest_only else 0 :]:
            self._take(entry.name, entry.payload)

    def missing(self, *, whole: bool) -> Iterator[str]:
        """What the open connection lacks. Without `whole` only messages, since other things change meanwhile."""
        if not self.is_connected:
            return
        for chat_id, view in self.views.items():
            yield from self._missing_messages(chat_id, view, None)
        if whole:
            yield from self._differing_members()

    def _take(self, name: str, payload: dict[str, Any]) -> None:
        if name in (CONNECTED, DISCONNECTED):
            for chat_id, view in self.views.items():
                self._close(chat_id, view)
            self.is_connected = name == CONNECTED
            self.views = {id: View(rev, set(members), highest=rev) for id, (rev, members) in payload.items()}
        elif name == "resync":
            self._resync(list(self.views) if payload["all"] else payload["chatIds"])
        elif name == "chat:new":
            self._take_chat(payload)
        elif name == "chat:deleted":
            self.views.pop(payload["chatId"], None)
        elif name.startswith("chat:member_"):
            self._take_member(name, payload)
        elif name.startswith("message:"):
            self._take_message(name, payload)

    def _take_chat(self, payload: dict[str, Any]) -> None:
        chat_id, rev = payload["id"], payload["lastRev"]
        if view := self.views.get(chat_id):
            start = view.start or 0
            # Sent again although the user neither left nor joined in between?
            if (rev == start and view.from_event) or (rev > start > 0 and not self._joined_again(chat_id, start, rev)):
                self._violation(DOUBLED, f"chat:new of {chat_id}, rev {rev}, known since {start}")
            if rev <= start:
                return  # REST listed it already.
            self._close(chat_id, view)
        members = {member["userId"] for member in payload["members"]}
        self.views[chat_id] = View(rev, members, highest=rev, from_event=True)

    def _take_member(self, name: str, payload: dict[str, Any]) -> None:
        chat_id = payload["chatId"]
        view = self.views.get(chat_id)
        if not view:
            return
        user_id = payload.get("userId") or payload["member"]["userId"]
        if name == "chat:member_left" and user_id == self._client.user_id:
            self._close(chat_id, view)
            del self.views[chat_id]
            return
        if name != "chat:member_updated":
            # Changes in between may have been omitted, since the outcome is the same.
            if view.member_events.get(user_id) == name and len(self._truth.stays[chat_id, user_id]) < 2:
                self._violation(DOUBLED, f"{name} of {user_id} in {chat_id}")
            view.member_events[user_id] = name
        if name == "chat:member_left":
            view.members.discard(user_id)
        else:
            view.members.add(user_id)

    def _take_message(self, name: str, payload: dict[str, Any]) -> None:
        id, chat_id, rev = payload.get("messageId") or payload["id"], payload["chatId"], payload["rev"]
        if not self._truth.was_in(chat_id, self._client.user_id, rev):
            self._violation(LEAKED, f"{name} of {id} in {chat_id}, rev {rev}")
        view = self.views.get(chat_id)
        if view is None or (view.start is not None and rev <= view.start):
            return
        if view.start is None:
            if rev - 1 - view.highest <= MAX_REPLAYED:
                self._violation(RESYNC, f"{chat_id}: no more than {rev - 1 - view.highest} changes were missed")
            view.start = rev - 1
        if view.revs.get(id) == rev:
            self._violation(DOUBLED, f"{name} of {id}, rev {rev}")
        elif rev <= view.highest:
            self._violation(OUT_OF_ORDER, f"{name} of {id}, rev {rev} after {view.highest}")
        view.revs[id] = rev
        view.highest = max(view.highest, rev)
        deleted = name == "message:deleted" or payload["isDeleted"]
        view.messages[id] = {"content": None if deleted else payload["content"], "deleted": deleted}

    def _resync(self, chat_ids: Iterable[str]) -> None:
        for chat_id in chat_ids:
            self.resyncs += 1
            view = self.views.get(chat_id)
            # For a chat that has just arrived by `chat:new` it says that there is history to read.
            if view and (view.revs or not view.from_event):
                self._close(chat_id, view)
                view.start, view.members_unknown = None, True

    def _close(self, chat_id: str, view: View) -> None:
        """A connection, or a membership, has ended: nothing is missing up to the last received event.

        The state that a later changed message had then is no longer known.
        """
        for missing in self._missing_messages(chat_id, view, view.highest):
            self._violation(INCOMPLETE, missing)

    def _missing_messages(self, chat_id: str, view: View, upto: int | None) -> Iterator[str]:
        if view.start is None:
            return
        where = f"{self._client.name} in {chat_id}"
        for row in self._truth.changes(chat_id, view.start, upto, self._client.user_id):
            received = view.revs.get(row.id, 0)
            if received < row.rev:
                yield f"{where}: {row.id} is at {row.rev}, received {received}, from {view.start} to {view.highest}"
            stored = {"content": row.content, "deleted": row.deleted_at is not None}
            if received == row.rev and view.messages[row.id] != stored:
                yield f"{where}: {row.id} is {view.messages[row.id]}, stored {stored}"

    def _differing_members(self) -> Iterator[str]:
        stored: dict[str, set[str]] = {}
        for chat_id, user_id in self._truth.members:
            stored.setdefault(chat_id, set()).add(user_id)
        expected = {chat_id for chat_id, members in stored.items() if self._client.user_id in members}
        if expected != set(self.views):
            yield (
                f"{self._client.name} lacks the chats {sorted(expected - set(self.views))}"
                f" and has {sorted(set(self.views) - expected)} too many"
            )
        for chat_id in expected & set(self.views):
            view = self.views[chat_id]
            if view.members != stored[chat_id] and not view.members_unknown:
                yield f"{self._client.name} in {chat_id}: members that differ: {sorted(view.members ^ stored[chat_id])}"

    def _joined_again(self, chat_id: str, since: int, rev: int) -> bool:
        return any(since < came <= rev for came, _ in self._truth.stays[chat_id, self._client.user_id])

    def _violation(self, kind: str, what: str) -> None:
        self.violations.append((kind, f"{self._client.name}: {what}" if kind != INCOMPLETE else what))


def missing_now(truth: Truth, clients: list[PlainClient]) -> list[str]:
    """The messages stored when `truth` was read that the clients' connections lack."""
    return [violation for client in clients for violation in Fold(truth, client, newest_only=True).missing(whole=False)]


def check_completeness(truth: Truth, clients: list[PlainClient]) -> dict[str, list[str]]:
    """What these clients lack or received wrongly, by kind; every kind is present."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for client in clients:
        fold = Fold(truth, client)
        for kind, violation in fold.violations:
            found[kind].append(violation)
        found[INCOMPLETE] += fold.missing(whole=True)
    return found
