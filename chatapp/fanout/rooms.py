"""The open sockets of this process, and the chats that each is subscribed to.

Rooms are a cache of memberships: filled from the database when a socket connects, changed by events. While the bus is
disconnected (`view.py`) nothing is emitted, since a member may have been removed on another worker. The replay
(`chatapp/replay.py`) then updates rooms and sockets.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol

from chatapp.core.identity import Actor
from chatapp.fanout.order import ChatOrder

# A chat's `lastRev` and `lastSeq`.
Position = tuple[int, int]
# user ids → chats of each user.
ListRooms = Callable[[list[str]], dict[str, dict[str, Position]]]
# Later than every change.
MAX_REV = sys.maxsize


class Connection(Protocol):
    """One socket of a user, of whatever transport."""

    id: str
    actor: Actor
    # `chats`: subscribed chat → first rev to deliver. `left`: chat → rev of leaving. Needed because bus events arrive
    # out of order and reads may be stale.
    chats: dict[str, int]
    left: dict[str, int]
    # Whether the chats from the database were subscribed.
    filled: bool

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
            self._discard(self._by_user, connection.actor.user_id, connection)
        return connection

    def get(self, id: str) -> Connection | None:
        """The connection of an Engine.IO session."""
        return self._by_id.get(id)

    def ids(self) -> list[str]:
        """The ids of all connections."""
        return list(self._by_id)

    def fill(self, connection: Connection, chats: Mapping[str, Position]) -> None:
        """Subscribe a connection to its chats from the database: it gets the changes after each `lastRev`."""
        if connection.id not in self._by_id:
            return  # It was closed during the read.
        connection.filled = True
        for chat_id, (rev, seq) in chats.items():
            if rev >= connection.left.get(chat_id, 0):
                self._enter(connection, chat_id, rev + 1, seq)

    def users(self) -> list[str]:
        """The users with a socket here."""
        return list(self._by_user)

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


rooms = Rooms()
