"""The open sockets of this process, and the chats that each is subscribed to.

Rooms are a cache of memberships: filled from the database when a socket connects, changed by events. While the bus is
disconnected (`view.py`) nothing is emitted, since a member may have been removed on another worker. The replay
(`recovery.py`) then updates rooms and sockets.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from typing import Any, Protocol

from chatapp.core.application import PerApplication
from chatapp.core.identity import Actor
from chatapp.core.user_state import OPEN, Privacy, UserState
from chatapp.fanout.order import ChatOrder

# Later than every change.
MAX_REV = sys.maxsize


# user ids → the state of each.
ListRooms = Callable[[list[str]], Mapping[str, UserState]]


class Connection(Protocol):
    """One socket of a user, of whatever transport."""

    id: str
    actor: Actor
    # `chats`: subscribed chat → first rev to deliver. `left`: chat → rev of leaving. Needed because bus events arrive
    # out of order and reads may be stale.
    chats: dict[str, int]
    left: dict[str, int]

    @property
    def filled(self) -> bool:
        """True once the chats from the database were subscribed."""

    def subscribed(self) -> None:
        """The chats from the database were subscribed."""

    @property
    def send(self) -> Callable[[Any], None]:
        """Sends an encoded event."""

    def close(self, why: str) -> None:
        """Disconnect the socket and unsubscribe it; its client does not reconnect by itself."""

    def abort(self) -> None:
        """Close the connection as if it was lost: its client reconnects."""

    def __hash__(self) -> int: ...


class Rooms:
    """Connections by socket, by user and by chat."""

    def __init__(self) -> None:
        self.order = ChatOrder()
        # Own-state events, by user instead of chat.
        self.own_order = ChatOrder()
        self.own_order.fill_gap = self._skip_own
        # Called with sockets that may have missed own-state events.
        self.on_own_gap: Callable[[list[Connection]], None] = lambda _connections: None
        self._privacy: dict[str, Privacy] = {}
        # The number of the last change of a user's privacy, of those since the start of this worker.
        self._privacy_changes: dict[str, int] = {}
        self._last_privacy_change = 0
        # Waits until the events of other workers in these chats arrive.
        self.wait_for_events: Callable[[Set[str]], None] = lambda _chat_ids: None
        self._by_id: dict[str, Connection] = {}
        self._by_user: dict[str, set[Connection]] = defaultdict(set)
        self._by_chat: dict[str, set[Connection]] = defaultdict(set)

    def add(self, connection: Connection) -> None:
        """Add a connection; it is not subscribed to any chat yet."""
        self._by_id[connection.id] = connection
        self._by_user[connection.actor.user_id].add(connection)

    def remove(self, id: str) -> Connection | None:
        """Remove a connection; returns it if it was present."""
        connection = self._by_id.pop(id, None)
        if connection:
            for chat_id in list(connection.chats):
                self._exit(connection, chat_id)
            user_id = connection.actor.user_id
            self._discard(self._by_user, user_id, connection)
            if user_id not in self._by_user:
                self.own_order.forget(user_id)
                self._privacy.pop(user_id, None)
                self._privacy_changes.pop(user_id, None)
        return connection

    def get(self, id: str) -> Connection | None:
        """The connection of an Engine.IO session."""
        return self._by_id.get(id)

    def ids(self) -> list[str]:
        """The ids of all connections."""
        return list(self._by_id)

    def fill(self, connection: Connection, state: UserState) -> None:
        """Subscribe a connection to its chats from the database: it gets the changes after each `lastRev`, and those of
        its user's own state after `me_rev`."""
        if connection.id not in self._by_id:
            return  # It was closed during the read.
        connection.subscribed()
        self.own_order.track(connection.actor.user_id, state.me_rev, 0)
        self.set_privacy(connection.actor.user_id, state.privacy)
        for chat_id, (rev, seq) in state.chats.items():
            if rev >= connection.left.get(chat_id, 0):
                self._enter(connection, chat_id, rev + 1, seq)

    def users(self) -> list[str]:
        """The users with a socket here."""
        return list(self._by_user)

    def privacy(self, user_id: str) -> Privacy:
        """The privacy of a user with a socket here."""
        return self._privacy.get(user_id, OPEN)

    @property
    def are_open(self) -> bool:
        """True if all users with a socket here have the default privacy."""
        return not self._privacy

    def set_privacy(self, user_id: str, privacy: Privacy) -> None:
        """Set the privacy of a user, if they have a socket here."""
        if privacy != OPEN and user_id in self._by_user:
            self._privacy[user_id] = privacy
        else:
            self._privacy.pop(user_id, None)

    def privacy_changing(self, user_id: str) -> None:
        """Note a change of a user's privacy: what was read of it before is out of date."""
        if user_id in self._by_user:
            self._last_privacy_change += 1
            self._privacy_changes[user_id] = self._last_privacy_change

    def privacy_change(self, user_id: str) -> int:
        """The number of the last change of a user's privacy: if another number follows a read, its result may be out of
        date."""
        return self._privacy_changes.get(user_id, 0)

    def skip_own(self, user_id: str, me_rev: int) -> None:
        """Continue after `me_rev` of a user's own state; their sockets may have missed events."""
        position = self.own_order.position(user_id)
        if position is not None and position < me_rev:
            self.on_own_gap(self.of_users((user_id,)))
            self.own_order.advance(user_id, me_rev)
            self.own_order.resume(user_id)

    def _skip_own(self, user_id: str) -> bool:
        """A gap in the own-state events of a user: they are not replayed."""
        self.on_own_gap(self.of_users((user_id,)))
        return True

    def join(self, chat_id: str, user_ids: Collection[str], rev: int, seq: int) -> list[Connection]:
        """Subscribe all sockets of these users to a chat from its change `rev` on; `seq` is its newest message.

        Returns the sockets that were not subscribed before.
        """
        entered = []
        for connection in self.of_users(user_ids):
            if rev >= connection.left.get(chat_id, 0):
                if chat_id not in connection.chats:
                    entered.append(connection)
                self._enter(connection, chat_id, rev, seq)
                connection.chats[chat_id] = max(rev, connection.chats[chat_id])
        return entered

    def leave(self, chat_id: str, user_ids: Collection[str], rev: int) -> list[Connection]:
        """Unsubscribe all sockets of these users, who left the chat with its change `rev`.

        Returns the sockets that were subscribed.
        """
        gone = []
        for connection in self.of_users(user_ids):
            connection.left[chat_id] = max(rev, connection.left.get(chat_id, 0))
            if rev >= connection.chats.get(chat_id, MAX_REV):
                gone.append(connection)
                self._exit(connection, chat_id)
        return gone

    def close(self, chat_id: str) -> list[Connection]:
        """Unsubscribe all sockets from a chat; returns them."""
        gone = self.of_chat(chat_id)
        self.leave(chat_id, {connection.actor.user_id for connection in gone}, MAX_REV)
        return gone

    def of_users(self, user_ids: Iterable[str]) -> list[Connection]:
        """The sockets of these users."""
        return [connection for user_id in user_ids for connection in self._by_user.get(user_id, ())]

    def of_chat(self, chat_id: str) -> list[Connection]:
        """The sockets that are subscribed to a chat."""
        return list(self._by_chat.get(chat_id, ()))

    def has_subscribers(self, chat_id: str) -> bool:
        """True if a socket is subscribed to the chat, or about to be by a replay."""
        return chat_id in self.order

    def may_restart(self, chat_id: str) -> bool:
        """True if no socket needs the changes at a chat's position: all were subscribed later."""
        position = self.order.position(chat_id)
        return position is not None and all(c.chats[chat_id] > position for c in self.of_chat(chat_id))

    def track(self, chat_id: str, rev: int, seq: int) -> None:
        """Prepare a chat for a replay from `rev`, or from its earlier position."""
        if (self.order.position(chat_id) or 0) > rev and self.may_restart(chat_id):
            self.order.restart(chat_id, rev, seq)
        self.order.track(chat_id, rev, seq)

    def skip(self, chat_id: str, rev: int, seq: int) -> list[Connection]:
        """Continue after `rev` without a replay; returns the sockets that miss changes."""
        connections = [c for c in self.of_chat(chat_id) if c.chats[chat_id] <= rev]
        self.order.advance(chat_id, rev, seq)
        self.order.resume(chat_id)
        return connections

    def of_session(self, user_id: str, session_id: str) -> list[Connection]:
        """The sockets of one session."""
        return [c for c in self.of_users((user_id,)) if c.actor.session_id == session_id]

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, id: str) -> bool:
        return id in self._by_id

    def _enter(self, connection: Connection, chat_id: str, first_rev: int, seq: int) -> None:
        connection.chats.setdefault(chat_id, first_rev)
        self._by_chat[chat_id].add(connection)
        self.order.track(chat_id, first_rev - 1, seq)

    def _exit(self, connection: Connection, chat_id: str) -> None:
        connection.chats.pop(chat_id, None)
        self._discard(self._by_chat, chat_id, connection)
        if chat_id not in self._by_chat:
            self.order.forget(chat_id)

    @staticmethod
    def _discard(index: dict[str, set[Connection]], key: str, connection: Connection) -> None:
        """Remove a connection from an index, and the key once it is empty."""
        index[key].discard(connection)
        if not index[key]:
            del index[key]


# The rooms of the application.
rooms = PerApplication(Rooms).get
