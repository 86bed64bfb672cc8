"""Steps that read pages, and catch up on missed changes."""

import sys

from hypothesis import strategies as st
from hypothesis.stateful import rule

from chatapp.core.errors import Json
from tests.property.clients import Browser, Follower, lasting, lasting_chat
from tests.property.machine import LIMIT, PERSON, SOME, ChatMachine
from tests.property.transport import NOT_FOUND, Paged, everything, outcome, sync_pages
from tests.property.world import Note, Room


class CatchingUp(ChatMachine):
    """Users who catch up."""

    @rule(who=PERSON, limit=st.sampled_from([3, 10]))
    def catch_up(self, who: int, limit: int) -> None:
        """A complete catch-up."""
        self.catches_up(self.people[who], limit)

    def catches_up(self, person: str, limit: int) -> None:
        """Reading all pages of `?after=` or `sync` gives the state of a fresh read."""
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
        """At the end of a run without failures all clients read once more."""
        if sys.exception() is self.error_before:
            for who in self.people:
                self.looks_around(who, list(self.world.rooms.values()))
                self.catches_up(who, 10)

    def _page(self, who: str, chat: str, limit: int, cursor: str | None, after: int | None) -> Paged | None:
        """A page, or None for an outsider."""
        page = outcome(lambda: self.transport.history(who, chat, limit=limit, cursor=cursor, after=after))
        if chat not in {room.id for room in self.world.rooms_of(who)}:
            assert page == NOT_FOUND
            return None
        assert isinstance(page, tuple)
        return page

    def _is_page(self, who: str, page: Paged, notes: list[Note], limit: int) -> None:
        """Compare a page with the messages that it and later pages should have."""
        messages, cursor = page
        assert [message["seq"] for message in messages] == [note.seq for note in notes[:limit]]
        assert (cursor is not None) is (len(notes) > limit)
        self.delivered(who, messages)

    def _follow(self, who: str, chat: str, limit: int, on: bool) -> bool:
        """Fold a page; returns whether there are more."""
        follower = self.followers[who, chat]
        cursor = follower.cursor if on else None
        page = self._page(who, chat, limit, cursor, None if cursor else follower.rev)
        if page is None:
            # The client then forgets the chat.
            self.followers[who, chat] = Follower()
            return False
        news = [note for note in self.world.rooms[chat].notes if note.rev > follower.rev]
        self._is_page(who, page, sorted(news, key=lambda note: note.rev), limit)
        follower.fold(*page)
        return follower.cursor is not None

    def _sync(self, who: str, *, only: bool = False, ahead: bool = False) -> bool:
        """Fold all responses of a paged sync, sometimes from a `rev` that the server never had; returns whether there
        is more."""
        device, rooms = self.devices[who], {room.id: room for room in self.world.rooms_of(who)}
        known = dict(device.revs)
        reset = [chat for chat in rooms if chat in known][-1:] if ahead else []
        known |= {chat: rooms[chat].rev + 7 for chat in reset}
        pages = sync_pages(self.transport, who, known, only=only)
        listed = [room for room in rooms.values() if not only or room.id in known]
        assert len(pages) == max(1, -(-len(listed) // self.caps.chats))
        assert sorted(pages[0]["gone"]) == sorted(known.keys() - rooms.keys())
        assert not any(page["gone"] for page in pages[1:])
        assert [chat for page in pages for chat in page["reset"]] == reset
        unread = [item for page in pages for item in page["unread"].items()]
        assert sorted(unread) == sorted((room.id, self.world.unread(who, room)) for room in listed)
        since = known | dict.fromkeys(reset, 0)
        changed = [room.id for room in listed if since.get(room.id, 0) < room.rev]
        chats = [chat for page in pages for chat in page["chats"]]
        assert sorted(chat["id"] for chat in chats) == sorted(changed)
        assert chats == sorted(chats, key=lambda chat: (chat["updatedAt"], chat["id"]), reverse=True)
        for page in pages:
            self._looks_at_sync(who, rooms, since, page)
            device.fold(page)
        return any(page["more"] for page in pages)

    def _looks_at_sync(self, who: str, rooms: dict[str, Room], since: dict[str, int], page: Json) -> None:
        """Compare a response with the missed changes of its chats."""
        for chat in page["chats"]:
            self.looks_at_chat(who, rooms[chat["id"]], chat)
        missed = {
            chat["id"]: sorted(note.rev for note in rooms[chat["id"]].notes if note.rev > since.get(chat["id"], 0))
            for chat in page["chats"]
        }
        given = {chat: [message["rev"] for message in messages] for chat, messages in page["messages"].items()}
        assert given == {chat: missed[chat][: len(revs)] for chat, revs in given.items()}
        assert sorted(page["more"]) == sorted(chat for chat in missed if len(given.get(chat, [])) < len(missed[chat]))
        assert all(0 < len(revs) <= self.caps.of_a_chat for revs in given.values())
        assert sum(map(len, given.values())) == min(
            self.caps.at_once, sum(min(self.caps.of_a_chat, len(revs)) for revs in missed.values())
        )
        for messages in page["messages"].values():
            self.delivered(who, messages)

    def _fresh_history(self, who: str, chat: str, limit: int) -> list[Json]:
        messages = everything(lambda cursor: self.transport.history(who, chat, limit=limit, cursor=cursor))[::-1]
        self.delivered(who, messages)
        return messages


class Watching(CatchingUp):
    """Users who read one page at a time, with any steps between two pages."""

    @rule(chat=SOME, who=PERSON, limit=LIMIT, on=st.booleans())
    def browse(self, chat: int, who: int, limit: int, on: bool) -> None:
        """A page of the history, from the newest or from the last page's cursor: new messages shift nothing."""
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
        """A page of changes, from the last page's cursor or from the highest known `rev`."""
        self._follow(self.people[who], self.room(chat).id, limit, on)

    @rule(who=PERSON, only=st.booleans(), ahead=st.booleans())
    def sync(self, who: int, only: bool, ahead: bool) -> None:
        """One paged sync, whether there is more or not."""
        self._sync(self.people[who], only=only, ahead=ahead)
