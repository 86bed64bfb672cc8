"""Steps that create and delete chats, and change their members."""

from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.property.machine import MAX_INDEX, PEOPLE, PERSON, SOME, ChatMachine
from tests.property.transport import NOT_FOUND, Refused, outcome
from tests.property.world import Room

ADMIN_FIRST = st.sampled_from([0, 0, 0, 1, 2, 3])
MAX_CHATS = 4


class Memberships(ChatMachine):
    """Changes of chats and their members."""

    @precondition(lambda self: len(self.world.rooms) < MAX_CHATS)
    @rule(who=PERSON, others=st.lists(PERSON, min_size=1, max_size=PEOPLE), direct=st.booleans())
    def begin_chat(self, who: int, others: list[int], direct: bool) -> None:
        """A direct chat with the first of them, or a group of all."""
        named = [self.people[other] for other in others]
        if direct:
            self._open_direct(self.people[who], named[0])
        else:
            self._new_group(self.people[who], named)

    def _new_group(self, creator: str, named: list[str]) -> None:
        """The creator of a group is its ADMIN, however often they and others are listed."""
        chat = self.transport.new_group(creator, "New", named)
        room = self.created(chat)
        assert {member: position.role for member, position in room.members.items()} == {
            member: "ADMIN" if member == creator else "MEMBER" for member in {creator, *named}
        }
        self.looks_at_chat(creator, room, chat)

    def _open_direct(self, person: str, other: str) -> None:
        """Two users have one direct chat, and none with themselves."""
        opened = outcome(lambda: self.transport.open_direct(person, other))
        if isinstance(opened, Refused):
            assert (opened, person) == (Refused(422, "validation_error"), other)
            return
        chat, new = opened
        known = self.world.direct(person, other)
        assert new is (known is None)
        self.looks_at_chat(person, known or self.created(chat), chat)

    @rule(chat=SOME, who=ADMIN_FIRST, whom=SOME, act=st.sampled_from(["add", "add", "promote", "demote", "rename"]))
    def rise(self, chat: int, who: int, whom: int, act: str) -> None:
        """Operations of ADMINs that make a group grow."""
        self._change(self.group(chat), who, whom, act)

    @rule(chat=SOME, who=ADMIN_FIRST, whom=SOME, act=st.sampled_from(["remove", "remove", "leave", "leave", "end"]))
    def fall(self, chat: int, who: int, whom: int, act: str) -> None:
        """Operations that shrink it; every member can leave."""
        self._change(self.group(chat), who, whom, act)

    def _change(self, room: Room, who: int, whom: int, act: str) -> None:
        """The target is a member, or for `add` a non-member; sometimes the first user in either case."""
        others = [other for other in self.people if (other in room.members) is not (act == "add")]
        other = others[whom % len(others)] if others and whom < MAX_INDEX else self.people[0]
        getattr(self, f"_{act}")(room, self.member(room, who), other)

    def _rename(self, room: Room, person: str, _other: str) -> None:
        renamed = self.both(
            lambda: self.world.rename(person, room.id, "Others"),
            lambda: self.transport.rename(person, room.id, "Others"),
        )
        if renamed:
            self.looks_at_chat(person, *renamed)

    def _add(self, room: Room, person: str, other: str) -> None:
        added = self.both(
            lambda: self.world.add(person, room.id, other), lambda: self.transport.add(person, room.id, other)
        )
        if added:
            position, member = added
            assert (member["userId"], member["role"]) == (other, "MEMBER")
            position.joined_at = member["joinedAt"]

    def _remove(self, room: Room, person: str, other: str) -> None:
        self.both(
            lambda: self.world.remove(person, room.id, other), lambda: self.transport.remove(person, room.id, other)
        )

    def _promote(self, room: Room, person: str, other: str) -> None:
        self._set_role(room, person, other, "ADMIN")

    def _demote(self, room: Room, person: str, other: str) -> None:
        self._set_role(room, person, other, "MEMBER")

    def _set_role(self, room: Room, person: str, other: str, role: str) -> None:
        changed = self.both(
            lambda: self.world.set_role(person, room.id, other, role),
            lambda: self.transport.set_role(person, room.id, other, role),
        )
        if changed:
            _, member = changed
            assert (member["userId"], member["role"]) == (other, role)

    def _leave(self, room: Room, person: str, _other: str) -> None:
        self.both(lambda: self.world.leave(person, room.id), lambda: self.transport.leave(person, room.id))

    def _end(self, room: Room, person: str, _other: str) -> None:
        self.both(
            lambda: self.world.delete_group(person, room.id), lambda: self.transport.delete_group(person, room.id)
        )

    @rule(who=PERSON, whom=PERSON, chat=SOME)
    def knock(self, who: int, whom: int, chat: int) -> None:
        """Outsiders learn nothing about a chat from any request, nor does any user about a deleted one."""
        person, other = self.people[who], self.people[whom]
        rooms = [*self.world.ended, *self.world.rooms.values()]
        strange = [room for room in rooms if room in self.world.ended or person not in room.members]
        room = strange[chat % len(strange)] if strange else None
        chat_id = room.id if room else str(uuid4())
        note = room.notes[-1].id if room and room.notes else str(uuid4())
        transport = self.transport
        for ask in (
            lambda: transport.read_chat(person, chat_id),
            lambda: transport.rename(person, chat_id, "Mine"),
            lambda: transport.delete_group(person, chat_id),
            lambda: transport.add(person, chat_id, other),
            lambda: transport.remove(person, chat_id, other),
            lambda: transport.leave(person, chat_id),
            lambda: transport.set_role(person, chat_id, other, "ADMIN"),
            lambda: transport.history(person, chat_id, limit=50),
            lambda: transport.history(person, chat_id, limit=50, after=0),
            lambda: transport.send(person, chat_id, "Let me in"),
            lambda: transport.send(person, chat_id, "Let me in", str(uuid4())),
            lambda: transport.read(person, chat_id),
            lambda: transport.read(person, chat_id, [note]),
            lambda: transport.edit(person, note, "Mine"),
            lambda: transport.delete(person, note),
            lambda: transport.statuses(person, note, limit=50),
        ):
            assert outcome(ask) == NOT_FOUND
        sync = transport.sync(person, {chat_id: 0})
        assert sync["gone"] == [chat_id]
        assert chat_id not in {chat["id"] for chat in sync["chats"]} | sync["messages"].keys() | sync["unread"].keys()
        for messages in sync["messages"].values():
            self.delivered(person, messages)
