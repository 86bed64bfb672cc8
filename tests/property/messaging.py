"""Steps that send, edit, delete and read messages."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.property.machine import LIMIT, NEWEST_FIRST, PERSON, SOME, ChatMachine
from tests.property.transport import NOT_FOUND, everything, outcome
from tests.property.world import Note

CONTENT = st.sampled_from(["one", "two", "drei\n\t…"])
CLIENT = st.sampled_from([str(UUID(int=number)) for number in (1, 2, 3)])
# The sender, or any user.
CHANGER = st.none() | PERSON


class Sending(ChatMachine):
    """Sends, and repeated sends."""

    @rule(chat=SOME, who=SOME, contents=st.lists(CONTENT, min_size=1, max_size=5))
    def send(self, chat: int, who: int, contents: list[str]) -> None:
        """Messages without a `clientId` are always new."""
        room = self.room(chat)
        for content in contents:
            self._send(self.member(room, who), room.id, content, None)

    @rule(chat=SOME, who=SOME, content=CONTENT, client=CLIENT)
    def send_with_a_client_id(self, chat: int, who: int, content: str, client: str) -> None:
        """The same `clientId` is one message, or an error with other content."""
        room = self.room(chat)
        self._send(self.member(room, who), room.id, content, client)

    @precondition(lambda self: any(note.client_id for note in self.world.notes()))
    @rule(some=NEWEST_FIRST)
    def send_again(self, some: int) -> None:
        """Whatever happened to a message and its sender, it is not sent twice."""
        notes = [note for note in self.world.notes() if note.client_id][::-1]
        note = notes[some % len(notes)]
        self._send(note.sender, note.room.id, note.said, note.client_id)

    def _send(self, who: str, chat: str, content: str, client_id: str | None) -> None:
        sent = self.both(
            lambda: self.world.send(who, chat, content, client_id),
            lambda: self.transport.send(who, chat, content, client_id),
        )
        if sent:
            note, (message, new) = sent
            assert new is (note.id == "")
            assert not new or message["id"] not in {other.id for other in self.world.notes()}
            note.id = note.id or message["id"]
            # Just now it is SENT, even if no other member is left to read it.
            self.looks(who, note, message, **({"status": "SENT"} if new else {}))


class Messaging(Sending):
    """Edits, deletions and receipts too."""

    @precondition(lambda self: self.world.notes())
    @rule(who=CHANGER, some=NEWEST_FIRST, content=CONTENT)
    def edit(self, who: int | None, some: int, content: str) -> None:
        """Only the sender can edit, and only as a member."""
        note, person = self._by(who, some)
        edited = self.both(
            lambda: self.world.edit(person, note, content), lambda: self.transport.edit(person, note.id, content)
        )
        if edited:
            self.looks(person, *edited)

    @precondition(lambda self: self.world.notes())
    @rule(who=CHANGER, some=NEWEST_FIRST)
    def delete(self, who: int | None, some: int) -> None:
        """The sender can delete, and an ADMIN of the group."""
        note, person = self._by(who, some)
        self.both(lambda: self.world.delete(person, note), lambda: self.transport.delete(person, note.id))

    def _by(self, who: int | None, some: int) -> tuple[Note, str]:
        note = self.note(some)
        return note, note.sender if who is None else self.people[who]

    @rule(chat=SOME, who=SOME)
    def read_all(self, chat: int, who: int) -> None:
        """Without message ids a chat is read to its end."""
        room = self.room(chat)
        self._read(self.member(room, who), room.id, None)

    @precondition(lambda self: self.world.notes())
    @rule(who=SOME, some=NEWEST_FIRST, others=st.lists(SOME, max_size=2), anywhere=SOME)
    def read_some(self, who: int, some: int, others: list[int], anywhere: int) -> None:
        """The newest of these ids counts, and all of them must be messages of the chat."""
        room = self.note(some).room
        pool = room.notes[::-1] if anywhere else self.world.notes()
        ids = [pool[n % len(pool)].id for n in (some, *others)]
        self._read(self.member(room, who), room.id, ids)

    def _read(self, who: str, chat: str, ids: list[str] | None) -> None:
        notes = None if ids is None else [note for note in self.world.notes() if note.id in ids]
        read = self.both(lambda: self.world.read(who, chat, notes), lambda: self.transport.read(who, chat, ids))
        if read:
            newly, receipt = read
            room = self.world.rooms[chat]
            assert receipt == {
                "chatId": chat,
                "userId": who,
                "messageIds": [note.id for note in newly][-self.caps.named :],
                "readSeq": room.members[who].read,
                "unreadCount": self.world.unread(who, room),
            }

    @precondition(lambda self: self.world.notes())
    @rule(who=PERSON, some=NEWEST_FIRST, limit=LIMIT)
    def ask_for_statuses(self, who: int, some: int, limit: int) -> None:
        """Members can ask; outsiders learn nothing."""
        person, note = self.people[who], self.note(some)
        listed = outcome(
            lambda: everything(lambda cursor: self.transport.statuses(person, note.id, limit=limit, cursor=cursor))
        )
        if person not in note.room.members:
            assert listed == NOT_FOUND
            return
        assert isinstance(listed, list)
        assert all(status["messageId"] == note.id for status in listed)
        statuses = note.statuses()
        assert [(status["userId"], status["status"]) for status in listed] == sorted(statuses.items())
        for status in listed:
            self.receipts.see(status["userId"], note.id, status["status"])
