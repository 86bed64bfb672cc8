"""What one worker knows of who comes and goes, told in batches: cheap when a thousand people reconnect at once."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

import structlog
from gevent.lock import RLock

from chatapp.core.batching import Coalescer
from chatapp.core.errors import ChatError
from chatapp.core.identity import Actor
from chatapp.core.ids import new_id
from chatapp.presence import actions, typing
from chatapp.realtime.rooms import rooms

log = structlog.get_logger()

# Who is back within this was never away: a page that is loaded again, a train in a tunnel.
OFFLINE_GRACE = 1.0
# By when a worker has counted its sockets anew, with its next lease.
RECOUNT_SECONDS = 6.0


class Attendance:
    """The sockets of this worker, as its lease has them."""

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
        self._departed: dict[str, float] = {}
        self._has_lease = False
        self._in_doubt = False
        # What the database should have counted, and whose turn it is to change it there.
        self._held: Counter[str] = Counter()
        self._turn = RLock()
        # Who, and whether a socket of theirs opens or is closed; whether it is their first.
        self._count: Coalescer[tuple[str, bool], bool] = Coalescer(self._count_all)

    def came(self, actor: Actor) -> None:
        """A socket opens; raises RateLimited when this person has too many, Unavailable without a database."""
        first = self._count((actor.user_id, True))
        if not self._departed.pop(actor.user_id, None) and first:
            self._arrived.add(actor.user_id)

    def went(self, actor: Actor, socket_id: str) -> None:
        """A socket is closed."""
        typing.stop_on(socket_id)
        self._count.put((actor.user_id, False))

    def renew(self) -> None:
        """Keep this worker's lease, and take those of dead ones away."""
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
                # It was lost for a while, and others may have told that these people are gone.
                self._arrived |= set(self._held)
            self._has_lease = True
        self._departed |= dict.fromkeys(actions.reap(), time.monotonic())

    def announce(self) -> None:
        """Announce who came and who stayed away since the last time; what fails is announced the next time."""
        now = time.monotonic()
        arrived, self._arrived = self._arrived, set()
        gone = {user_id for user_id, at in self._departed.items() if at <= now}
        # Before it is told: whoever comes back while it is has come anew.
        for user_id in gone:
            del self._departed[user_id]
        try:
            if arrived:
                actions.announce_online(arrived)
            arrived = set()
            if gone:
                actions.announce_offline(gone)
        except ChatError:
            self._arrived |= arrived
            self._departed = dict.fromkeys(gone, now) | self._departed
            raise

    def _count_all(self, changes: list[tuple[str, bool]]) -> list[bool | Exception]:
        with self._turn:
            if departing := [user_id for user_id, opens in changes if not opens]:
                self._count_out(departing)
            if not self._has_lease:
                self.renew()
            arriving = [user_id for user_id, opens in changes if opens]
            firsts = iter(self._count_in(arriving) if arriving else ())
            return [next(firsts) if opens else False for _, opens in changes]

    def _count_in(self, user_ids: Sequence[str]) -> Sequence[bool | Exception]:
        try:
            try:
                firsts = actions.came(self._worker_id, user_ids, limit=self._max_sockets)
            except actions.LeaseLost:
                self.renew()
                firsts = actions.came(self._worker_id, user_ids, limit=self._max_sockets)
        except Exception:
            # Without an answer they may have been counted all the same.
            self._in_doubt = True
            raise
        self._held.update(user_id for user_id, first in zip(user_ids, firsts, strict=True) if isinstance(first, bool))
        return firsts

    def _count_out(self, user_ids: Sequence[str]) -> None:
        self._held -= Counter(user_ids)
        try:
            actions.went(self._worker_id, user_ids)
        except Exception as error:
            log.warning("presence_recounted", error=type(error).__name__)
            self._in_doubt = True
        # Only now: who is told to be gone has to be gone in the database too.
        at = time.monotonic() + (RECOUNT_SECONDS if self._in_doubt else OFFLINE_GRACE)
        self._departed |= {user_id: at for user_id in user_ids if not rooms.of_users([user_id])}
