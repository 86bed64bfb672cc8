"""Checks the invariants after a run: every log, compared with the database."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, text

from tests.chaos.device import Device
from tests.chaos.user import User

Row = Any
_MESSAGES = text(
    "SELECT id::text, chat_id::text, seq, rev, sender_id::text, client_id::text, content, deleted_at FROM messages"
)
_CHATS = text("SELECT id::text, last_seq, last_rev, member_count FROM chats")
_MEMBERS = text("SELECT chat_id::text, user_id::text, read_seq, delivered_seq FROM members")
_MEMBERSHIPS = text("SELECT chat_id::text, user_id::text, came, rev FROM membership_log ORDER BY id")


@dataclass
class Truth:
    """The state of the database."""

    messages: dict[str, Row]
    chats: dict[str, Row]
    members: dict[tuple[str, str], Row]
    # Per user and chat: from which change of the chat to which the user was a member, each time.
    stays: dict[tuple[str, str], list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    _by_chat: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, engine: Engine) -> "Truth":
        """Read it."""
        with engine.connect() as db:
            messages, chats, members = (list(db.execute(each)) for each in (_MESSAGES, _CHATS, _MEMBERS))
            truth = cls(
                {row.id: row for row in messages},
                {row.id: row for row in chats},
                {(row.chat_id, row.user_id): row for row in members},
            )
            truth._note_stays(db)
        return truth

    def was_in(self, chat_id: str, user_id: str, rev: int) -> bool:
        """Whether a user was in a chat at its change `rev`."""
        return any(came <= rev <= left for came, left in self.stays[chat_id, user_id])

    def changes(self, chat_id: str, since: int, upto: int | None, user_id: str) -> Iterator[Row]:
        """The messages of a chat that changed last after `since` and no later than `upto`, with the user in it then."""
        if not self._by_chat:
            for row in sorted(self.messages.values(), key=lambda row: row.rev):
                self._by_chat[row.chat_id].append(row)
        rows = self._by_chat[chat_id]
        for row in rows[bisect_right(rows, since, key=lambda row: row.rev) :]:
            if upto is not None and row.rev > upto:
                return
            if self.was_in(chat_id, user_id, row.rev):
                yield row

    def _note_stays(self, db: Connection) -> None:
        for chat_id, user_id, came, rev in db.execute(_MEMBERSHIPS):
            stays = self.stays[chat_id, user_id]
            if came:
                stays.append((rev, float("inf")))
            else:
                stays[-1] = stays[-1][0], rev


def check(truth: Truth, users: list[User]) -> dict[str, list[str]]:
    """The violations by kind; every kind is present, with an empty list if there are none."""
    devices = [device for user in users for device in user.devices]
    return {
        "lost": [*_lost(truth, users)],
        "doubled": [*_doubled(truth)],
        "out of order": [
            *_out_of_order(truth),
            *(violation for device in devices for violation in _events_out_of_order(device)),
        ],
        "leaked": [violation for device in devices for violation in _leaked(truth, device)],
        "copies that differ": [violation for device in devices for violation in _differing(truth, device)],
        "wrong unread counts": [violation for device in devices for violation in _unread(truth, device)],
        "receipts that are wrong": [*_receipts(truth, users)],
        "answers that are wrong": [
            *(violation for user in users for violation in user.violations),
            *(violation for device in devices for violation in device.violations),
        ],
    }


def _lost(truth: Truth, users: list[User]) -> Iterator[str]:
    for user in users:
        for client_id, sent in user.sent.items():
            stored = truth.messages.get(sent["id"])
            if stored is None or (stored.client_id, stored.seq) != (client_id, sent["seq"]):
                yield f"message {sent['id']} of {user.person.name}"
        for id in user.deleted:
            if id in truth.messages and truth.messages[id].deleted_at is None:
                yield f"deletion of {id}"
        for id, (content, rev) in user.edited.items():
            stored = truth.messages.get(id)
            if stored is None:
                continue  # Reported above: it was sent.
            # Another edit may have followed: also one that was requested earlier and repeated because its response was
            # lost, if the first request arrived last.
            texts = user.attempted[id] if stored.rev > rev else [content]
            if stored.rev < rev or (stored.deleted_at is None and stored.content not in texts):
                yield f"edit of {id}"


def _doubled(truth: Truth) -> Iterator[str]:
    seen: dict[tuple[str, str], str] = {}
    for row in truth.messages.values():
        key = row.sender_id, row.client_id
        if key in seen:
            yield f"{row.client_id}: {seen[key]} and {row.id}"
        seen[key] = row.id


def _out_of_order(truth: Truth) -> Iterator[str]:
    """In the database numbers have no gaps."""
    seqs, revs = defaultdict(list), defaultdict(list)
    for row in truth.messages.values():
        seqs[row.chat_id].append(row.seq)
        revs[row.chat_id].append(row.rev)
    for chat in truth.chats.values():
        if sorted(seqs[chat.id]) != list(range(1, chat.last_seq + 1)):
            yield f"the numbers in {chat.id}: {sorted(seqs[chat.id])}, last {chat.last_seq}"
        if len(set(revs[chat.id])) != len(revs[chat.id]) or max(revs[chat.id], default=0) > chat.last_rev:
            yield f"the changes in {chat.id}"
        members = sum(chat_id == chat.id for chat_id, _ in truth.members)
        if members != chat.member_count:
            yield f"the members of {chat.id}: {members}, counted {chat.member_count}"


def _events_out_of_order(device: Device) -> Iterator[str]:
    """On one connection the messages of a chat arrive in the order of `seq`, all changes in the order of `rev`."""
    highest: dict[tuple[int, str, str], int] = {}
    for entry in device.log:
        for kind, number in (("seq", entry.seq if entry.name == "message:new" else None), ("rev", entry.rev)):
            if number is not None and entry.name.startswith("message:"):
                key = entry.connection, entry.chat_id, kind
                if number <= highest.get(key, 0):
                    yield f"{entry} after {kind} {highest[key]}"
                highest[key] = number


def _leaked(truth: Truth, device: Device) -> Iterator[str]:
    """No event of a chat reaches a user who was not a member at that change. An event without `rev` must not arrive on
    one connection after a user left for good; a user who returned may have missed the event of that, but is subscribed
    again."""
    outside: set[tuple[int, str]] = set()
    for entry in device.log:
        where = entry.connection, entry.chat_id
        stays = truth.stays[entry.chat_id, device.user_id]
        if entry.name == "chat:new":
            outside.discard(where)
        elif entry.rev is None and where in outside and len(stays) == 1 and entry.user_id != device.user_id:
            yield f"{entry} after leaving"
        if entry.name == "chat:member_left" and entry.user_id == device.user_id:
            outside.add(where)
        if entry.rev is not None and not any(came <= entry.rev <= left for came, left in stays):
            yield f"{entry}, where they were from {stays}"


def _differing(truth: Truth, device: Device) -> Iterator[str]:
    chats = {chat_id for chat_id, user_id in truth.members if user_id == device.user_id}
    if chats != set(device.copies):
        yield f"chats of {device.user_id}: {sorted(device.copies)} instead of {sorted(chats)}"
    expected: dict[str, dict[str, tuple[Any, ...]]] = {chat_id: {} for chat_id in chats}
    for row in truth.messages.values():
        if row.chat_id in expected:
            expected[row.chat_id][row.id] = row.seq, row.rev, row.content, row.deleted_at is not None
    for chat_id in chats & set(device.copies):
        copy = {
            id: (message["seq"], message["rev"], message["content"], message["isDeleted"])
            for id, message in device.copies[chat_id].messages.items()
        }
        if copy != expected[chat_id]:
            differing = {id for id in copy.keys() | expected[chat_id] if copy.get(id) != expected[chat_id].get(id)}
            yield f"{chat_id} at {device.user_id}: {[(copy.get(id), expected[chat_id].get(id)) for id in differing][:5]}"


def _unread(truth: Truth, device: Device) -> Iterator[str]:
    expected = {
        chat_id: truth.chats[chat_id].last_seq - row.read_seq
        for (chat_id, user_id), row in truth.members.items()
        if user_id == device.user_id
    }
    if device.unread != expected:
        yield f"at {device.user_id}: {device.unread} instead of {expected}"


def _receipts(truth: Truth, users: list[User]) -> Iterator[str]:
    for user in users:
        for chat_id, read_seq in user.read.items():
            member = truth.members.get((chat_id, user.person.id))
            if member and member.read_seq < read_seq:
                yield f"{user.person.name} had read {chat_id} up to {read_seq}, and is back at {member.read_seq}"
    for (chat_id, user_id), member in truth.members.items():
        # All devices have synced.
        if member.delivered_seq != truth.chats[chat_id].last_seq:
            yield f"{chat_id} is delivered to {user_id} up to {member.delivered_seq}"
