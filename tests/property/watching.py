"""The steps in which people look at what there is, piece by piece, and catch up on what they missed."""

import sys

from hypothesis import strategies as st
from hypothesis.stateful import rule

from chatapp.core.errors import Json
from tests.property.clients import Browser, Follower, lasting, lasting_chat
from tests.property.door import NOT_FOUND, Paged, everything, outcome
from tests.property.machine import LIMIT, PERSON, SOME, ChatMachine
from tests.property.world import Note


class CatchingUp(ChatMachine):
    """People who have been away."""

    @rule(who=PERSON, limit=st.sampled_from([3, 10]))
    def catch_up(self, who: int, limit: int) -> None:
        """All of it, at once."""
        self.catches_up(self.people[who], limit)

    def catches_up(self, person: str, limit: int) -> None:
        """Who follows every chat to its end, and who syncs until there is no more, has what a fresh read gives."""
        while self._sync(person):
            pass
        device = self.devices[person]
        chats = {chat["id"]: chat for chat in self.chats_of(person, limit)}
        assert device.chats == {chat_id: lasting_chat(chat) for chat_id, chat in chats.items()}
        assert device.unread == {chat_id: chat["unreadCount"] for chat_id, chat in chats.items()}
        for chat_id in chats:
            while self._follow(person, chat_id, limit, True):
                pass
            fresh = [lasting(message) for message in self._fresh_history(person, chat_id, limit)]
            assert [message["seq"] for message in fresh] == list(range(1, len(fresh) + 1))
            assert self.followers[person, chat_id].history() == fresh
            assert device.history(chat_id) == fresh

    def teardown(self) -> None:
        """After a run without a fault everybody looks once more."""
        if sys.exception() is self.error_before:
            for who in self.people:
                self.looks_around(who, list(self.world.rooms.values()))
                self.catches_up(who, 10)

    def _page(self, who: str, chat: str, limit: int, cursor: str | None, after: int | None) -> Paged | None:
        """A page, or None for a stranger."""
        page = outcome(lambda: self.door.history(who, chat, limit=limit, cursor=cursor, after=after))
        if chat not in {room.id for room in self.world.rooms_of(who)}:
            assert page == NOT_FOUND
            return None
        assert isinstance(page, tuple)
        return page

    def _is_page(self, who: str, page: Paged, notes: list[Note], limit: int) -> None:
        """Hold a page against the messages that it and those after it should have."""
        messages, cursor = page
        assert [message["seq"] for message in messages] == [note.seq for note in notes[:limit]]
        assert (cursor is not None) is (len(notes) > limit)
        self.handed(who, messages)

    def _follow(self, who: str, chat: str, limit: int, on: bool) -> bool:
        """Fold a page; whether there are more."""
        follower = self.followers[who, chat]
        cursor = follower.cursor if on else None
        page = self._page(who, chat, limit, cursor, None if cursor else follower.rev)
        if page is None:
            # A client that is told so forgets the chat.
            self.followers[who, chat] = Follower()
            return False
        news = [note for note in self.world.rooms[chat].notes if note.rev > follower.rev]
        self._is_page(who, page, sorted(news, key=lambda note: note.rev), limit)
        follower.fold(*page)
        return follower.cursor is not None

    def _sync(self, who: str) -> bool:
        """Fold an answer; whether there is more."""
        device, rooms = self.devices[who], {room.id: room for room in self.world.rooms_of(who)}
        known = dict(device.revs)
        told = self.door.sync(who, known)
        assert sorted(told["gone"]) == sorted(known.keys() - rooms.keys())
        assert told["unread"] == {room.id: self.world.unread(who, room) for room in rooms.values()}
        changed = [room.id for room in rooms.values() if known.get(room.id, 0) < room.rev]
        assert sorted(chat["id"] for chat in told["chats"]) == sorted(changed)
        for chat in told["chats"]:
            self.looks_at_chat(who, rooms[chat["id"]], chat)
        missed = {
            chat: sorted(note.rev for note in rooms[chat].notes if note.rev > known.get(chat, 0)) for chat in changed
        }
        given = {chat: [message["rev"] for message in messages] for chat, messages in told["messages"].items()}
        assert given == {chat: missed[chat][: len(revs)] for chat, revs in given.items()}
        assert sorted(told["more"]) == sorted(chat for chat in changed if len(given.get(chat, [])) < len(missed[chat]))
        assert all(0 < len(revs) <= self.caps.of_a_chat for revs in given.values())
        assert sum(map(len, given.values())) == min(
            self.caps.at_once, sum(min(self.caps.of_a_chat, len(revs)) for revs in missed.values())
        )
        for messages in told["messages"].values():
            self.handed(who, messages)
        device.fold(told)
        return bool(told["more"])

    def _fresh_history(self, who: str, chat: str, limit: int) -> list[Json]:
        messages = everything(lambda cursor: self.door.history(who, chat, limit=limit, cursor=cursor))[::-1]
        self.handed(who, messages)
        return messages


class Watching(CatchingUp):
    """People who look at a piece at a time: anything can come between two."""

    @rule(chat=SOME, who=PERSON, limit=LIMIT, on=st.booleans())
    def browse(self, chat: int, who: int, limit: int, on: bool) -> None:
        """A page of the history, from the newest or on from the last page: what came meanwhile shifts nothing."""
        room, person = self.room(chat), self.people[who]
        browser = self.browsers[person, room.id] if on else Browser()
        page = self._page(person, room.id, limit, browser.cursor, None)
        if page:
            before = room.notes[: browser.bound - 1 if browser.bound else None]
            self._is_page(person, page, before[::-1], limit)
            browser.turn(*page)
            self.browsers[person, room.id] = browser

    @rule(chat=SOME, who=PERSON, limit=LIMIT, on=st.booleans())
    def follow(self, chat: int, who: int, limit: int, on: bool) -> None:
        """A page of what changed, by the cursor of the last page or from the highest `rev` that one has."""
        self._follow(self.people[who], self.room(chat).id, limit, on)

    @rule(who=PERSON)
    def sync(self, who: int) -> None:
        """One answer, whether there is more or not."""
        self._sync(self.people[who])
