"""Compares the rooms of this worker with the database, after an outage."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from chatapp.core.events import Announced
from chatapp.core.identity import Actor
from chatapp.core.user_state import Position
from chatapp.fanout.actors import replace_actor
from chatapp.fanout.rooms import Connection, ListRooms, Rooms
from chatapp.representations.chat import NewChatEvent


class Missed(Protocol):
    """The changes of a chat that sockets missed, and its position after them. `complete` is False if there are more."""

    last_rev: int
    last_seq: int

    @property
    def complete(self) -> bool: ...


M = TypeVar("M", bound=Missed)
# A chat for `chat:new`, and its members that are online.
NewChat = tuple[NewChatEvent, Sequence[str]]


@dataclass(frozen=True)
class RecoverySource(Generic[M]):
    """What the features provide for the recovery. The functions up to `find_actors` read the database and raise
    Unavailable; the others never block."""

    list_rooms: ListRooms
    # For each existing chat, which of the users are not members, with the `rev` of their leaving.
    leavers_among: Callable[[Collection[str], Collection[str]], Mapping[str, Mapping[str, int]]]
    # For each (user, chat) that is a membership the `rev` of its beginning, None if that is no longer known, and the
    # newest message's `seq` at that time.
    joined_at: Callable[[Collection[tuple[str, str]]], Mapping[tuple[str, str], tuple[int | None, int]]]
    # For each existing chat its changes since a `rev`.
    changes_since: Callable[[Mapping[str, int]], Mapping[str, M]]
    # Of these chats, each with a `rev`, those with later changes.
    newer_than: Callable[[Mapping[str, int]], Mapping[str, Position]]
    new_chats: Callable[[Collection[str]], Mapping[str, NewChat]]
    # Actors as they are now, None for one whose session has ended.
    find_actors: Callable[[Sequence[Actor]], Sequence[Actor | None]]
    # The events that take a chat's sockets from a `rev` and a `seq` to the end of the missed changes, each with its
    # `rev`; the last argument are users to subscribe, with the `rev` of their joining.
    plan: Callable[[str, M, int, int, Mapping[str, int]], list[tuple[int, Announced]]]
    # Users who left and did not return, with the `rev` of leaving.
    final_leavers: Callable[[M], Mapping[str, int]]
    # Unsubscribes users who left a chat, each with the `rev` of leaving (None: it was deleted), and informs their sockets.
    evict: Callable[[str, Mapping[str, int | None]], None]
    emit_new_chat: Callable[[Sequence[Connection], NewChatEvent, Iterable[str]], None]


class Differences:
    """The database's state of the users with a socket here, compared with the rooms; raises Unavailable."""

    def __init__(self, rooms: Rooms, source: RecoverySource[Any]) -> None:
        checked = [connection for connection in rooms if connection.filled]
        self._rooms = rooms
        user_ids = {connection.actor.user_id for connection in checked}
        self._privacy_changes = {user_id: rooms.privacy_change(user_id) for user_id in user_ids}
        self._states = named = source.list_rooms(list(user_ids))
        # `lastRev` and `lastSeq` of each chat.
        self.positions = {chat_id: position for state in named.values() for chat_id, position in state.chats.items()}
        # Chat → users who are subscribed but apparently no members.
        self.missing: dict[str, set[str]] = defaultdict(set)
        new: set[tuple[str, str]] = set()
        for connection in checked:
            # One that was closed during the read has lost its chats, which are not new to its user.
            if connection.id not in rooms:
                continue
            user_id = connection.actor.user_id
            for chat_id in connection.chats.keys() - named[user_id].chats.keys():
                self.missing[chat_id].add(user_id)
            for chat_id in named[user_id].chats.keys() - connection.chats.keys():
                new.add((user_id, chat_id))
        self._leavers = source.leavers_among(self.missing, set().union(*self.missing.values())) if self.missing else {}
        # (user, chat) → when they joined, for users who are not subscribed.
        self.joined = source.joined_at(new)
        self._seen = [(connection, connection.actor) for connection in checked]
        self._actors = source.find_actors([actor for _, actor in self._seen])

    def leavers(self) -> Iterator[tuple[str, dict[str, int | None]]]:
        """Chat → users to unsubscribe, each with the `rev` of leaving (None: the chat was deleted)."""
        for chat_id, user_ids in self.missing.items():
            left = self._leavers.get(chat_id)
            yield chat_id, dict.fromkeys(user_ids) if left is None else {id: left[id] for id in user_ids & left.keys()}

    def apply_own_state(self) -> None:
        """Update the privacy of users, and tell those whose own state changed that they missed events. Never blocks."""
        for user_id, state in self._states.items():
            # A later change is applied by itself.
            if self._privacy_changes[user_id] == self._rooms.privacy_change(user_id):
                self._rooms.set_privacy(user_id, state.privacy)
            self._rooms.skip_own(user_id, state.me_rev)

    def apply_actors(self) -> None:
        """Update the actors of sockets, and close those of ended sessions. Never blocks."""
        for (connection, seen), actor in zip(self._seen, self._actors, strict=True):
            replace_actor(connection, seen, actor)
