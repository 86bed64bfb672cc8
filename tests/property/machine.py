"""A few users, a group, a direct chat, and the checks after every step."""

import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from sqlalchemy import Engine, text

from chatapp.core.errors import Json
from tests.property.clients import Browser, Device, Follower, Ratchet
from tests.property.groups import Groups
from tests.property.transport import NOT_FOUND, Refused, Transport, everything, outcome
from tests.property.world import Note, Position, Room

PEOPLE = 4
PERSON = st.integers(0, PEOPLE - 1)
# An index into a list of any length, modulo its length.
MAX_INDEX = 11
SOME = st.integers(0, MAX_INDEX)
# An index into all messages, newest first: mostly one of the last, so that several operations affect the same one.
NEWEST_FIRST = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 5, 8])
LIMIT = st.integers(1, 4)
S = TypeVar("S")
T = TypeVar("T")
_MESSAGES = text(
    "SELECT chat_id::text, seq, rev, id::text FROM messages WHERE chat_id = ANY(CAST(:chats AS uuid[])) ORDER BY seq"
)
_STATUSES = text(
    """
    SELECT message_id::text, user_id::text, status FROM message_statuses
    WHERE message_id IN (SELECT id FROM messages WHERE chat_id = ANY(CAST(:chats AS uuid[])))
    """
)


def _one(many: list[S], some: int) -> S:
    return many[some % len(many)]


@dataclass(frozen=True)
class Caps:
    """Page sizes of the server: chats, messages per chat and in total of a sync; newly read messages listed by id."""

    chats: int
    of_a_chat: int
    at_once: int
    named: int


class ChatMachine(RuleBasedStateMachine):
    """Users of a transport, a model that predicts what they see, and their devices."""

    def __init__(self, transport: Transport, engine: Engine, caps: Caps) -> None:
        super().__init__()
        self.transport, self.engine, self.caps = transport, engine, caps
        self.people = transport.people
        self.world = Groups()
        self.seen, self.receipts = Ratchet(), Ratchet()
        self.browsers: dict[tuple[str, str], Browser] = defaultdict(Browser)
        self.followers: dict[tuple[str, str], Follower] = defaultdict(Follower)
        self.devices = {who: Device() for who in self.people}
        self.step = 0
        self.error_before = sys.exception()
        transport.forget()

    @initialize()
    def begin(self) -> None:
        """A group of three whose ADMIN is the first, and a direct chat of the first two; the fourth is an outsider."""
        first, second, third, _ = self.people
        self.created(self.transport.new_group(first, "Group", [second, third]))
        self.created(self.transport.open_direct(first, second)[0])

    def created(self, chat: Json) -> Room:
        """Add a chat that the server has just created to the model."""
        members = {m["userId"]: Position(m["role"], m["joinedAt"]) for m in chat["members"]}
        room = self.world.rooms[chat["id"]] = Room(chat["id"], chat["type"], chat["name"], members)
        return room

    def room(self, some: int) -> Room:
        """One of all chats."""
        return _one(list(self.world.rooms.values()), some)

    def group(self, some: int) -> Room:
        """One of the groups; sometimes, and if there is none, a direct chat."""
        groups = [room for room in self.world.rooms.values() if room.type == "GROUP"]
        return _one(groups, some) if groups and some < MAX_INDEX else self.room(0 if not groups else 1)

    def member(self, room: Room, some: int) -> str:
        """One of a chat's members, ADMINs first."""
        return _one(sorted(room.members, key=lambda who: (room.members[who].role, who)), some)

    def note(self, some: int) -> Note:
        """One of all messages."""
        return _one(self.world.notes()[::-1], some)

    def chats_of(self, who: str, limit: int) -> list[Json]:
        """The chats of a user, read page by page."""
        return everything(lambda cursor: self.transport.list_chats(who, limit=limit, cursor=cursor))

    def delivered(self, who: str, messages: list[Json]) -> None:
        """Messages were returned to a user: they are delivered by that, and must be as predicted."""
        notes = [self.world.room(who, message["chatId"]).notes[message["seq"] - 1] for message in messages]
        self.world.hand_over(who, notes)
        for note, message in zip(notes, messages, strict=True):
            self.looks(who, note, message)

    def both(self, predict: Callable[[], S], ask: Callable[[], T]) -> tuple[S, T] | None:
        """The predicted and the actual result; None if both are the same error."""
        expected, response = outcome(predict), outcome(ask)
        if isinstance(expected, Refused) or isinstance(response, Refused):
            assert response == expected, f"{response!r} instead of {expected!r}"
            return None
        return expected, response

    def looks(self, who: str, note: Note, message: Json, **otherwise: str) -> None:
        """Compare a returned message with the prediction."""
        expected = note.seen_by(who) | otherwise
        assert {name: message[name] for name in expected} == expected
        self.seen.see(who, note.id, message["status"])

    def looks_at_chat(self, who: str, room: Room, chat: Json) -> None:
        """Compare a returned chat with the prediction."""
        assert (chat["type"], chat["name"], chat["memberCount"]) == (room.type, room.name, len(room.members))
        assert (chat["lastSeq"], chat["lastRev"]) == (len(room.notes), room.rev)
        assert chat["unreadCount"] == self.world.unread(who, room)
        peers = [other for other in room.members if other != who] if room.type == "DIRECT" else [None]
        assert [chat["peer"] and chat["peer"]["id"]] == peers
        assert (chat["lastMessage"] is None) is (not room.notes)
        if room.notes:
            self.looks(who, room.notes[-1], chat["lastMessage"])

    @invariant()
    def everybody_sees_what_they_should(self) -> None:
        """One user after another reads after each step; the database is checked each time."""
        self.step += 1
        self.looks_around(self.people[self.step % PEOPLE], [self.room(self.step // PEOPLE)])
        self.looks_into_the_database()

    def looks_around(self, who: str, rooms: list[Room]) -> None:
        """A user lists their chats, most recently active first, and opens some, their own or not."""
        chats = self.chats_of(who, limit=2)
        assert sorted(chat["id"] for chat in chats) == sorted(room.id for room in self.world.rooms_of(who))
        assert chats == sorted(chats, key=lambda chat: (chat["updatedAt"], chat["id"]), reverse=True)
        for chat in chats:
            self.looks_at_chat(who, self.world.rooms[chat["id"]], chat)
        for room in rooms:
            detail = outcome(partial(self.transport.read_chat, who, room.id))
            if who not in room.members or isinstance(detail, Refused):
                assert (detail, who in room.members) == (NOT_FOUND, False)
                continue
            self.looks_at_chat(who, room, detail)
            roles = {member["userId"]: member["role"] for member in detail["members"]}
            assert roles == {member: position.role for member, position in room.members.items()}
            assert room.type == "DIRECT" or "ADMIN" in roles.values()

    def looks_into_the_database(self) -> None:
        """Numbers have no gaps, every change has its own `rev`, and the view of statuses is correct."""
        chats = {"chats": list(self.world.rooms)}
        with self.engine.connect() as db:
            messages = db.execute(_MESSAGES, chats).all()
            statuses = db.execute(_STATUSES, chats).all()
        for room in self.world.rooms.values():
            numbers = [(seq, rev, message) for chat, seq, rev, message in messages if chat == room.id]
            assert numbers == [(note.seq, note.rev, note.id) for note in room.notes]
            assert [seq for seq, _, _ in numbers] == list(range(1, len(numbers) + 1))
            assert len({rev for _, rev, _ in numbers}) == len(numbers)
        expected = {(note.id, who): status for note in self.world.notes() for who, status in note.statuses().items()}
        assert {(message, who): status for message, who, status in statuses} == expected
        for message, who, status in statuses:
            self.receipts.see(who, message, status)
