"""Replays to connected sockets the changes that they missed while their worker was disconnected.

One mechanism for an outage of Redis, a suspended worker, a lost batch of the bus and a worker that was killed between a
commit and its event: `reconcile` compares rooms with the database, chats with newer changes are replayed from their
last emitted `rev`, and events that arrive meanwhile wait in `ChatOrder`. What the changes are is known to the features
(`RecoverySource`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from typing import Generic

import gevent
import structlog

from chatapp.core.application import spawn, spawn_later
from chatapp.core.errors import Unavailable
from chatapp.core.events import Announced, redeliver
from chatapp.core.user_state import Position
from chatapp.fanout import broadcast
from chatapp.fanout.differences import Differences, M, NewChat, RecoverySource
from chatapp.fanout.rooms import Connection, Rooms
from chatapp.fanout.view import WorkerView

log = structlog.get_logger()

# A chat with more missed changes is named in `resync` instead.
MAX_MISSED = 100
MAX_CHANGES_PER_SECOND = 1000
# Missed changes that are read from the database at a time.
PORTION = 250
# Chats per `resync` event.
MAX_NAMED = 100
# Requests to reconcile within this time are combined.
REQUEST_DELAY = 0.2
RETRY_DELAY = 1.0
# Attempts to read a chat without a change meanwhile.
MAX_READS = 5


class Replay(Generic[M]):
    """The pending replay of this worker."""

    def __init__(self, rooms: Rooms, view: WorkerView, source: RecoverySource[M]) -> None:
        self._rooms, self._view = rooms, view
        rooms.on_own_gap = _emit_own_gap
        self._source = source
        # Chat → approximate number of changes.
        self._pending: dict[str, int] = {}
        # Per pending chat the users whose sockets have to be subscribed, with the `rev` of their joining.
        self._joined: dict[str, dict[str, int]] = defaultdict(dict)
        self._draining = False
        self._requested = False

    def stop(self) -> None:
        """Stop replaying, because the bus is disconnected, until `reconcile` is called again."""
        self._pending.clear()
        self._joined.clear()

    def request(self) -> None:
        """Reconcile soon, because events may have been lost while the bus was connected."""
        if not self._requested:
            self._requested = True
            spawn_later(REQUEST_DELAY, self._reconcile_soon)

    def reconcile(self, *, resync_all: bool = False) -> None:
        """Update rooms from the database, emit events about removed and new members, and start the replay of chats with
        newer changes; raises Unavailable.

        Does nothing if the bus disconnects meanwhile: it is called again afterwards. `resync_all` is for an outage
        longer than changes are kept: sockets get `resync` instead.
        """
        outages = self._view.outages
        state = Differences(self._rooms, self._source)
        late = [
            pair for pair, (rev, _) in state.joined.items() if resync_all or not self._is_replayable(state, pair, rev)
        ]
        chats = self._read_new({chat_id for _, chat_id in late})
        if outages != self._view.outages:
            return
        # From here on nothing yields: subscriptions and emitted events must stay consistent.
        self._view.connect()
        state.apply_actors()
        state.apply_own_state()
        for chat_id, leavers in state.leavers():
            self._source.evict(chat_id, leavers)
        resync: dict[Connection, list[str]] = defaultdict(list)
        for user_id, chat_id in late:
            for connection in self._subscribe_late(user_id, chats.get(chat_id)):
                resync[connection].append(chat_id)
        for (user_id, chat_id), (rev, seq) in state.joined.items():
            if (user_id, chat_id) not in late and rev is not None:
                self._rooms.track(chat_id, rev - 1, seq)
                self._joined[chat_id][user_id] = rev
        for chat_id, (last_rev, last_seq) in state.positions.items():
            for connection in self._replay_or_skip(chat_id, last_rev, last_seq, skip=resync_all):
                resync[connection].append(chat_id)
        if resync_all:
            broadcast.to_connections(list(self._rooms), "resync", {"chatIds": [], "all": True})
        else:
            _emit_resync(resync)
        log.info("rooms_reconciled", chats_to_replay=len(self._pending), sockets_to_resync=len(resync))
        self._start_draining()

    def compare(self, chat_ids: Sequence[str], outages: int | None = None) -> None:
        """Replay what chats have changed since their positions: until now their events did not arrive here.

        Raises nothing. Tries again while the database is unavailable, or read by `reconcile`, until the next outage.
        """
        outages = self._view.outages if outages is None else outages
        newer: Mapping[str, Position] | None = None
        if self._view.connected:
            positions = {id: rev for id in chat_ids if (rev := self._rooms.order.position(id)) is not None}
            try:
                newer = self._source.newer_than(positions) if positions else {}
            except Unavailable as error:
                log.warning("replay_waits_for_database", reason=error.code)
            except Exception:
                log.exception("replay_failed")
                return
        if outages != self._view.outages:
            return
        if newer is None:
            spawn_later(REQUEST_DELAY, self.compare, chat_ids, outages)
            return
        resync: dict[Connection, list[str]] = defaultdict(list)
        for chat_id, (last_rev, last_seq) in newer.items():
            for connection in self._replay_or_skip(chat_id, last_rev, last_seq, skip=False):
                resync[connection].append(chat_id)
        _emit_resync(resync)
        self._start_draining()

    def _start_draining(self) -> None:
        if self._pending and not self._draining:
            self._draining = True
            spawn(self._drain)

    def _replay_or_skip(self, chat_id: str, last_rev: int, last_seq: int, *, skip: bool) -> Sequence[Connection]:
        """Queue a chat for replay if it has newer changes; with too many, or with `skip`, continue behind them and
        return the sockets that miss them."""
        missed = self._rooms.order.missing(chat_id, last_rev)
        if skip or missed > MAX_MISSED:
            return self._rooms.skip(chat_id, last_rev, last_seq)
        if missed > 0:
            self._pending[chat_id] = missed
        return ()

    def fill_gap(self, chat_id: str) -> bool:
        """Replay what is missing before a chat's held events, and return True; False while the bus is disconnected.

        Raises Unavailable.
        """
        position = self._rooms.order.position(chat_id)
        if position is None:
            return True
        if not self._view.connected:
            return False
        found = self._source.changes_since({chat_id: position})
        subscribed = {connection.actor.user_id for connection in self._rooms.of_chat(chat_id)}
        leavers = self._source.leavers_among([chat_id], subscribed).get(chat_id, dict.fromkeys(subscribed))
        if not self._view.connected:
            return False
        log.info("gap_replayed", chat_id=chat_id, rev=position)
        self._source.evict(chat_id, leavers)
        self._replay(chat_id, found.get(chat_id))
        return True

    def _reconcile_soon(self) -> None:
        while self._draining:
            gevent.sleep(RETRY_DELAY)
        self._requested = False
        if not self._view.connected:
            return
        try:
            self.reconcile()
        except Unavailable:
            gevent.sleep(RETRY_DELAY)
            self.request()

    def _is_replayable(self, state: Differences, pair: tuple[str, str], rev: int | None) -> bool:
        """True if a new member's chat can be replayed from the time of their joining."""
        _, chat_id = pair
        if rev is None or state.positions[chat_id][0] - rev >= MAX_MISSED:
            return False
        position = self._rooms.order.position(chat_id)
        if position is None or self._rooms.may_restart(chat_id):
            return True
        return position < rev and self._rooms.order.missing(chat_id, state.positions[chat_id][0]) <= MAX_MISSED

    def _read_new(self, chat_ids: Set[str]) -> Mapping[str, NewChat]:
        """Chats for `chat:new`, each of them read again if events were emitted to its subscribers here meanwhile, which
        a new member would miss.

        After `MAX_READS` it may have missed some: `resync` names the chat anyway.
        """
        found: dict[str, NewChat] = {}
        for _ in range(MAX_READS):
            if not chat_ids:
                break
            found = {id: new for id, new in found.items() if id not in chat_ids} | dict(
                self._source.new_chats(chat_ids)
            )
            chat_ids = {
                id for id, (chat, _) in found.items() if (self._rooms.order.position(id) or 0) > chat["lastRev"]
            }
        return found

    def _subscribe_late(self, user_id: str, found: NewChat | None) -> Sequence[Connection]:
        """Subscribe a new member whose chat can't be replayed from their joining, and send them the chat (None: it was
        deleted meanwhile); returns the subscribed sockets."""
        if not found:
            return ()
        chat, online = found
        entered = self._rooms.join(chat["id"], [user_id], chat["lastRev"] + 1, chat["lastSeq"])
        self._source.emit_new_chat(entered, chat, online)
        return entered

    def _drain(self) -> None:
        """Replay pending chats, at most `MAX_CHANGES_PER_SECOND`."""
        try:
            while self._pending:
                portion = self._next_portion()
                # Before the read: what is requested during it may be newer than what is read.
                taken = {chat_id: self._pending.pop(chat_id) for chat_id in portion}
                outages = self._view.outages
                try:
                    found = self._source.changes_since(portion) if portion else {}
                    for chat_id in portion:
                        if outages != self._view.outages:
                            break
                        gevent.sleep(self._replay(chat_id, found.get(chat_id)) / MAX_CHANGES_PER_SECOND)
                except Unavailable as error:
                    log.warning("replay_waits_for_database", reason=error.code)
                    if outages == self._view.outages:
                        self._pending.update(taken | self._pending)
                    gevent.sleep(RETRY_DELAY)
                except Exception:
                    log.exception("replay_failed")
        finally:
            self._draining = False

    def _next_portion(self) -> dict[str, int]:
        """Pending chats with about `PORTION` missed changes, each with its position."""
        portion: dict[str, int] = {}
        total = 0
        for chat_id, missed in list(self._pending.items()):
            position = self._rooms.order.position(chat_id)
            if position is None:
                del self._pending[chat_id]  # Its last subscriber has left.
                self._subscribe_again(chat_id)
                continue
            if portion and total + missed > PORTION:
                break
            portion[chat_id] = position
            total += missed
        return portion

    def _subscribe_again(self, chat_id: str) -> None:
        """Reconcile again for users who wait to be subscribed to a chat that has lost its last other subscriber."""
        if self._joined.pop(chat_id, None):
            self.request()

    def _replay(self, chat_id: str, missed: M | None) -> int:
        """Emit a chat's missed changes; returns how many. Never yields."""
        position = self._rooms.order.position(chat_id)
        if position is None:
            self._subscribe_again(chat_id)
            return 0
        joined = self._joined.pop(chat_id, {})
        if missed is None:
            here = (connection.actor.user_id for connection in self._rooms.of_chat(chat_id))
            self._source.evict(chat_id, dict.fromkeys(here))
            self._rooms.order.forget(chat_id)
            return 1
        self._source.evict(chat_id, self._source.final_leavers(missed))
        events: list[tuple[int, Announced]] = []
        if missed.complete and self._rooms.order.missing(chat_id, missed.last_rev) <= MAX_MISSED:
            events = self._source.plan(chat_id, missed, position, self._rooms.order.seqs[chat_id], joined)
            self._rooms.order.drop_held(chat_id, missed.last_rev)
            for rev, event in events:
                self._rooms.order.advance(chat_id, rev - 1)
                redeliver(event)
            self._rooms.order.advance(chat_id, missed.last_rev, missed.last_seq)
        else:
            _emit_resync(
                {connection: [chat_id] for connection in self._rooms.skip(chat_id, missed.last_rev, missed.last_seq)}
            )
            if joined:
                # They are still to be subscribed: the next comparison finds no replay for them and subscribes them.
                self.request()
        self._rooms.order.resume(chat_id)
        if not self._rooms.of_chat(chat_id):
            self._rooms.order.forget(chat_id)
        return len(events)


def _emit_own_gap(connections: Sequence[Connection]) -> None:
    broadcast.to_connections(connections, "resync", {"chatIds": [], "all": False, "me": True})


def _emit_resync(chats: Mapping[Connection, list[str]]) -> None:
    for connection, chat_ids in chats.items():
        payload = {"chatIds": chat_ids[:MAX_NAMED], "all": len(chat_ids) > MAX_NAMED}
        broadcast.to_connections([connection], "resync", payload)
