"""A model of the chat server in plain Python, which predicts results after any sequence of steps."""

from dataclasses import dataclass, field

from chatapp.core.errors import Json
from tests.property.transport import NOT_FOUND, Refused

# A status only increases in this order.
STATUSES = ("SENT", "DELIVERED", "READ")


@dataclass(eq=False)
class Position:
    """A member of a chat, and their receipts."""

    role: str = "MEMBER"
    joined_at: str = ""
    joined: int = 0
    delivered: int = 0
    read: int = 0

    def status(self, seq: int) -> str:
        """The status of a message for them."""
        return STATUSES[(self.delivered >= seq) + (self.read >= seq)]


@dataclass(eq=False)
class Room:
    """A chat."""

    id: str
    type: str
    name: str | None
    members: dict[str, Position]
    rev: int = 1
    notes: list["Note"] = field(default_factory=list)


@dataclass(eq=False)
class Note:
    """A message. `said` is its original content; `id` is the server's, once it is known."""

    room: Room
    seq: int
    rev: int
    sender: str
    said: str
    client_id: str | None
    content: str | None = None
    edited: bool = False
    deleted: bool = False
    id: str = ""

    def statuses(self) -> dict[str, str]:
        """The status for each other member who was in the chat when it was sent."""
        members = self.room.members.items()
        return {who: p.status(self.seq) for who, p in members if who != self.sender and p.joined < self.seq}

    def seen_by(self, who: str) -> Json:
        """The predictable fields of the message for a user."""
        if who == self.sender:
            status = min(self.statuses().values(), key=STATUSES.index, default="READ")
        else:
            status = self.room.members[who].status(self.seq)
        return {
            "id": self.id,
            "chatId": self.room.id,
            "seq": self.seq,
            "rev": self.rev,
            "senderId": self.sender,
            "content": self.content,
            "clientId": self.client_id,
            "isEdited": self.edited,
            "isDeleted": self.deleted,
            "status": status,
        }


class World:
    """All chats and messages. Its operations raise the errors of the server, and then change nothing."""

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}
        self.ended: list[Room] = []
        self._said: list[Note] = []

    def room(self, who: str, chat: str) -> Room:
        """A chat of a member."""
        if chat not in self.rooms or who not in self.rooms[chat].members:
            raise NOT_FOUND
        return self.rooms[chat]

    def rooms_of(self, who: str) -> list[Room]:
        """The chats of a user, in the order of their creation."""
        return [room for room in self.rooms.values() if who in room.members]

    def notes(self) -> list[Note]:
        """All messages in the order in which they were sent."""
        return [note for note in self._said if note.room.id in self.rooms]

    def end(self, room: Room) -> None:
        """Delete a chat with its messages."""
        self.ended.append(self.rooms.pop(room.id))

    def direct(self, who: str, whom: str) -> Room | None:
        """The direct chat of two users."""
        return next((r for r in self.rooms.values() if r.type == "DIRECT" and set(r.members) == {who, whom}), None)

    def send(self, who: str, chat: str, content: str, client_id: str | None) -> Note:
        """A new message, or the one that was sent with this `client_id`. It is a receipt of its sender."""
        room = self.room(who, chat)
        mine = (note for note in self.notes() if note.sender == who and note.client_id == client_id)
        before = next(mine, None) if client_id else None
        if before:
            if (before.room, before.said) != (room, content):
                raise Refused(422, "client_id_reused")
            return before
        room.rev += 1
        note = Note(room, len(room.notes) + 1, room.rev, who, content, client_id, content)
        room.notes.append(note)
        self._said.append(note)
        room.members[who].read = room.members[who].delivered = note.seq
        return note

    def edit(self, who: str, note: Note, content: str) -> Note:
        """Only its sender can edit a message, unless it was deleted. An equal text is no edit."""
        room = self.room(who, note.room.id)
        if who != note.sender:
            raise Refused(403, "forbidden")
        if note.deleted:
            raise Refused(409, "conflict")
        if content != note.content:
            room.rev += 1
            note.rev, note.content, note.edited = room.rev, content, True
        return note

    def delete(self, who: str, note: Note) -> Note:
        """A message is deleted once, by its sender or an ADMIN of the group."""
        room = self.room(who, note.room.id)
        if who != note.sender and room.members[who].role != "ADMIN":
            raise Refused(403, "forbidden")
        if not note.deleted:
            room.rev += 1
            note.rev, note.content, note.deleted = room.rev, None, True
        return note

    def read(self, who: str, chat: str, notes: list[Note] | None) -> list[Note]:
        """The newly read messages: marking one as read marks all before it."""
        room = self.room(who, chat)
        if any(note.room is not room for note in notes or ()):
            raise Refused(422, "validation_error")
        up_to = len(room.notes) if notes is None else max(note.seq for note in notes)
        position = room.members[who]
        newly = room.notes[position.read : up_to]
        position.read = max(position.read, up_to)
        position.delivered = max(position.delivered, position.read)
        return newly

    def hand_over(self, who: str, notes: list[Note]) -> None:
        """Returned messages are delivered, and all before them."""
        for note in notes:
            position = note.room.members[who]
            position.delivered = max(position.delivered, note.seq)

    def unread(self, who: str, room: Room) -> int:
        """The recounted unread messages of a user; tombstones count."""
        return sum(note.seq > room.members[who].read for note in room.notes)
