"""Tracks which users are connected to this worker, in batches: cheap when a thousand users reconnect at once."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

import structlog
from gevent.lock import RLock

from chatapp.core.batching import Coalescer
from chatapp.core.errors import ChatError
from chatapp.core.identity import Actor
from chatapp.core.ids import new_id
from chatapp.fanout.rooms import rooms
from chatapp.features.presence import actions, typing

log = structlog.get_logger()

# A user who reconnects within this stays online: a reloaded page, a train in a tunnel.
OFFLINE_GRACE = 1.0
# Within this a worker has recounted its sockets, with its next lease.
RECOUNT_SECONDS = 6.0


class PresenceTracker:
    """The sockets of this worker, as recorded in its lease."""

    def __init__(
        self,
        max_sockets: int,
        worker_id: str | None = None,
        redis_connected: Callable[[], bool | None] = lambda: None,
    ) -> None:
        self._worker_id = worker_id or new_id()
        self._max_sockets = max_sockets
        self._redis_connected = redis_connected
        self._arrived: set[str] = set()
        # When a user without sockets here goes offline; when those did who are not announced yet.
        self._departed: dict[str, float] = {}
        self._left: dict[str, float] = {}
        self._has_lease = False
        self._in_doubt = False
        # The counts that the database should have, and the lock for changing them there.
        self._held: Counter[actions.Holder] = Counter()
        self._turn = RLock()
        # (session, whether a socket opens or closes) → whether the user was offline.
        self._count: Coalescer[tuple[actions.Holder, bool], bool] = Coalescer(self._count_all)

    def connected(self, actor: Actor) -> None:
        """Count a new socket; raises RateLimited when the user has too many, Unavailable without a database."""
        if not actor.has_presence:
            return
        was_offline = self._count((_holder(actor), True))
        self._departed.pop(actor.user_id, None)
        if was_offline:
            self._arrived.add(actor.user_id)

    def disconnected(self, actor: Actor, socket_id: str) -> None:
        """Count a closed socket."""
        typing.stop_on(socket_id)
        if not actor.has_presence:
            return
        self._count.put((_holder(actor), False))

    def moved(self, before: Actor, actor: Actor) -> None:
        """Count a socket for another session of its user."""
        if before.session_id != actor.session_id:
            self._count.put((_holder(before), False))
            self._count.put((_holder(actor), True))

    def renew(self) -> None:
        """Renew the lease of this worker, and remove those of dead workers."""
        with self._turn:
            try:
                is_new = actions.renew_lease(
                    self._worker_id, self._held, recount=self._in_doubt, redis_connected=self._redis_connected()
                )
            except ChatError:
                self._in_doubt = True
                raise
            self._in_doubt = False
            if is_new and self._has_lease:
                # It was lost for a while, and others may have announced these users as offline.
                self._arrived |= {user_id for user_id, _ in self._held}
            self._has_lease = True
        self._departed |= dict.fromkeys(actions.reap(), time.monotonic())

    def announce(self) -> None:
        """Announce users who came online or went offline since the last call; a failure is retried by the next call.

        While Redis is disconnected the announcements wait, since no socket here would receive them. The rows do not:
        other workers would find these users online here.
        """
        now = time.monotonic()
        gone = {user_id: at for user_id, at in self._departed.items() if at <= now}
        arrived: set[str] = set()
        # Before the announcement: a user who reconnects during it comes online again.
        for user_id in gone:
            del self._departed[user_id]
        try:
            if gone:
                # Committed before other workers' sockets are looked for: when the last two sockets of a user close on two
                # workers at once, at least one of them finds none.
                with self._turn:
                    actions.leave(self._worker_id, gone)
            self._left |= gone
            gone = {}
            if self._redis_connected() is False:
                return
            arrived, self._arrived = self._arrived, set()
            if arrived:
                actions.announce_online(arrived)
            arrived = set()
            gone, self._left = self._left, {}
            if gone:
                actions.announce_offline({user_id: now - at for user_id, at in gone.items()})
        except ChatError:
            self._arrived |= arrived
            self._departed = gone | self._departed
            raise

    def _count_all(self, changes: list[tuple[actions.Holder, bool]]) -> list[bool | Exception]:
        with self._turn:
            if departing := [holder for holder, opens in changes if not opens]:
                self._count_out(departing)
            if not self._has_lease:
                self.renew()
            arriving = [holder for holder, opens in changes if opens]
            firsts = iter(self._count_in(arriving) if arriving else ())
            return [next(firsts) if opens else False for _, opens in changes]

    def _count_in(self, holders: Sequence[actions.Holder]) -> Sequence[bool | Exception]:
        try:
            try:
                firsts = actions.connect(self._worker_id, holders, limit=self._max_sockets)
            except actions.LeaseLost:
                self.renew()
                firsts = actions.connect(self._worker_id, holders, limit=self._max_sockets)
        except Exception:
            # Without a response they may have been counted all the same.
            self._in_doubt = True
            raise
        self._held.update(holder for holder, first in zip(holders, firsts, strict=True) if isinstance(first, bool))
        return firsts

    def _count_out(self, holders: Sequence[actions.Holder]) -> None:
        for holder in holders:
            self._held[holder] -= 1
            if self._held[holder] <= 0:
                del self._held[holder]
        try:
            actions.disconnect(self._worker_id, holders)
        except Exception as error:
            log.warning("presence_recounted", error=type(error).__name__)
            self._in_doubt = True
        # Only now: users are announced as offline once the database has them as offline.
        at = time.monotonic() + (RECOUNT_SECONDS if self._in_doubt else OFFLINE_GRACE)
        self._departed |= {user_id: at for user_id, _ in holders if not _has_socket(user_id)}


def _holder(actor: Actor) -> actions.Holder:
    return actor.user_id, actor.session_id


def _has_socket(user_id: str) -> bool:
    return any(connection.actor.has_presence for connection in rooms().of_users([user_id]))
