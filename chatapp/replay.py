"""Replays to connected sockets the changes that they missed while their worker was disconnected.

One mechanism for an outage of Redis, a suspended worker, a lost batch of the bus and a worker that was killed between a
commit and its event: `reconcile` compares rooms with the database, chats with newer changes are replayed from their
last emitted `rev`, and events that arrive meanwhile wait in `ChatOrder`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import gevent
import structlog

from chatapp.core import events
from chatapp.core.errors import Json, Unavailable
from chatapp.core.events import Announced, RemovesAccess, Subscriber, redeliver
from chatapp.fanout import broadcast
from chatapp.fanout.rooms import Connection, rooms
from chatapp.fanout.view import view
from chatapp.features.auth.queries import find_actors
from chatapp.features.chats.events import ChatCreated, ChatUpdated, MemberJoined, MemberLeft, MemberUpdated
from chatapp.features.chats.queries import member_event, members_among, rooms_of
from chatapp.features.chats.subscribers import emit_new_chat, evict_member
from chatapp.features.messages.events import MessageDeleted, MessageEdited, MessageSent
from chatapp.features.messages.missed import Change, MissedChanges, changes_since, chats_now, joined_at
from chatapp.features.presence import typing

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
# Changes are stored for a day: a worker that was disconnected for longer than this can't replay all of them.
MAX_OUTAGE = 12 * 3600
# Own events that wait while rooms are loaded from the database.
MAX_EARLY = 10_000


class Replay:
    """The pending replay of this worker."""

    def __init__(self) -> None:
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
            gevent.spawn_later(REQUEST_DELAY, self._reconcile_soon)

    def reconcile(self, *, resync_all: bool = False) -> None:
        """Update rooms from the database, emit events about removed and new members, and start the replay of chats with
        newer changes; raises Unavailable.

        Does nothing if the bus disconnects meanwhile: it is called again afterwards. `resync_all` is for an outage
        longer than changes are kept: sockets are told to `sync` instead.
        """
        outages = view.outages
        state = _State()
        late = [
            pair for pair, (rev, _) in state.joined.items() if resync_all or not self._is_replayable(state, pair, rev)
        ]
        chats = chats_now({chat_id for _, chat_id in late}) if late else {}
        if outages != view.outages:
            return
        # From here on nothing yields: subscriptions and emitted events must stay consistent.
        view.connect()
        state.refresh_actors()
        for chat_id, user_ids in state.missing.items():
            rev, members = state.members.get(chat_id, (None, set()))
            evict(chat_id, user_ids - members, rev)
        resync: dict[Connection, list[str]] = defaultdict(list)
        for user_id, chat_id in late:
            for connection in _subscribe_late(user_id, chats.get(chat_id)):
                resync[connection].append(chat_id)
        for (user_id, chat_id), (rev, seq) in state.joined.items():
            if (user_id, chat_id) not in late and rev is not None:
                _track(chat_id, rev - 1, seq)
                self._joined[chat_id][user_id] = rev
        for chat_id, (last_rev, last_seq) in state.positions.items():
            for connection in self._replay_or_skip(chat_id, last_rev, last_seq, skip=resync_all):
                resync[connection].append(chat_id)
        if resync_all:
            broadcast.to_connections(list(rooms), "resync", {"chatIds": [], "all": True})
        else:
            _emit_resync(resync)
        log.info("rooms_reconciled", chats_to_replay=len(self._pending), sockets_to_resync=len(resync))
        self._start_draining()

    def _start_draining(self) -> None:
        if self._pending and not self._draining:
            self._draining = True
            gevent.spawn(self._drain)

    def _replay_or_skip(self, chat_id: str, last_rev: int, last_seq: int, *, skip: bool) -> Sequence[Connection]:
        """Queue a chat for replay if it has newer changes; with too many, or with `skip`, continue behind them and
        return the sockets that miss them."""
        missed = _missed(chat_id, last_rev)
        if skip or missed > MAX_MISSED:
            return _skip(chat_id, last_rev, last_seq)
        if missed > 0:
            self._pending[chat_id] = missed
        return ()

    def fill_gap(self, chat_id: str) -> bool:
        """Replay what is missing before a chat's held events, and return True; False while the bus is disconnected.

        Raises Unavailable.
        """
        position = rooms.order.position(chat_id)
        if position is None:
            return True
        if not view.connected:
            return False
        found = changes_since({chat_id: position})
        subscribed = {connection.actor.user_id for connection in rooms.of_chat(chat_id)}
        rev, members = members_among([chat_id], subscribed).get(chat_id, (None, set()))
        if not view.connected:
            return False
        log.info("gap_replayed", chat_id=chat_id, rev=position)
        evict(chat_id, subscribed - members, rev)
        self._replay(chat_id, found.get(chat_id))
        return True

    def _reconcile_soon(self) -> None:
        while self._draining:
            gevent.sleep(RETRY_DELAY)
        self._requested = False
        if not view.connected:
            return
        try:
            self.reconcile()
        except Unavailable:
            gevent.sleep(RETRY_DELAY)
            self.request()

    @staticmethod
    def _is_replayable(state: "_State", pair: tuple[str, str], rev: int | None) -> bool:
        """True if a new member's chat can be replayed from the time of their joining."""
        _, chat_id = pair
        if rev is None or state.positions[chat_id][0] - rev >= MAX_MISSED:
            return False
        position = rooms.order.position(chat_id)
        if position is None or _may_restart(chat_id):
            return True
        return position < rev and _missed(chat_id, state.positions[chat_id][0]) <= MAX_MISSED

    def _drain(self) -> None:
        """Replay pending chats, at most `MAX_CHANGES_PER_SECOND`."""
        try:
            while self._pending:
                portion = self._next_portion()
                outages = view.outages
                try:
                    found = changes_since(portion) if portion else {}
                    for chat_id in portion:
                        if outages != view.outages:
                            break
                        if self._pending.pop(chat_id, None) is not None:
                            gevent.sleep(self._replay(chat_id, found.get(chat_id)) / MAX_CHANGES_PER_SECOND)
                except Unavailable as error:
                    log.warning("replay_waits_for_database", reason=error.code)
                    gevent.sleep(RETRY_DELAY)
                except Exception:
                    log.exception("replay_failed")
                    for chat_id in portion:
                        self._pending.pop(chat_id, None)
        finally:
            self._draining = False

    def _next_portion(self) -> dict[str, int]:
        """Pending chats with about `PORTION` missed changes, each with its position."""
        portion: dict[str, int] = {}
        total = 0
        for chat_id, missed in list(self._pending.items()):
            position = rooms.order.position(chat_id)
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

    def _replay(self, chat_id: str, missed: MissedChanges | None) -> int:
        """Emit a chat's missed changes; returns how many. Never yields."""
        position = rooms.order.position(chat_id)
        if position is None:
            self._subscribe_again(chat_id)
            return 0
        joined = self._joined.pop(chat_id, {})
        if missed is None:
            evict(chat_id, {connection.actor.user_id for connection in rooms.of_chat(chat_id)}, None)
            rooms.order.forget(chat_id)
            return 1
        for user_id, rev in _final_leavers(missed).items():
            evict(chat_id, {user_id}, rev)
        events: list[tuple[int, Announced]] = []
        if missed.complete and _missed(chat_id, missed.last_rev) <= MAX_MISSED:
            events = plan(chat_id, missed, position, rooms.order.seqs[chat_id], joined)
            rooms.order.drop_held(chat_id, missed.last_rev)
            for rev, event in events:
                rooms.order.advance(chat_id, rev - 1)
                redeliver(event)
            rooms.order.advance(chat_id, missed.last_rev, missed.last_seq)
        else:
            _emit_resync({connection: [chat_id] for connection in _skip(chat_id, missed.last_rev, missed.last_seq)})
            if joined:
                # They are still to be subscribed: the next comparison finds no replay for them and subscribes them.
                self.request()
        rooms.order.resume(chat_id)
        if not rooms.of_chat(chat_id):
            rooms.order.forget(chat_id)
        return len(events)


class BusListener:
    """Stops delivery while the bus is disconnected, and starts the replay afterwards. `subscribers` is the table for
    normal operation."""

    def __init__(self, replay: Replay, subscribers: Mapping[type, Sequence[Subscriber]]) -> None:
        self._replay = replay
        self._subscribers = subscribers
        # Dispatched whatever the state of the bus.
        self._always = {kind: each for kind, each in subscribers.items() if issubclass(kind, RemovesAccess)}
        self._during_read = {**dict.fromkeys(subscribers, (self._keep,)), **self._always}
        # Own events that were committed while rooms were loaded from the database.
        self._early: list[Announced] = []

    def on_state(self, connected: bool, seconds_disconnected: float = 0) -> None:
        """Called when the bus disconnects, and before anything is received once it is connected again.

        Rooms are loaded from the database, then the replay starts. Own events of that moment wait. Raises Unavailable.
        """
        if not connected:
            view.disconnect()
            events.dispatch_by(self._always)
            self._replay.stop()
            return
        self._early.clear()
        events.dispatch_by(self._during_read)
        self._replay.reconcile(resync_all=seconds_disconnected > MAX_OUTAGE)
        events.dispatch_by(self._subscribers)
        for event in self._early:
            redeliver(event)
        if len(self._early) == MAX_EARLY:
            self._replay.request()
        self._early.clear()

    def _keep(self, event: Announced) -> None:
        if len(self._early) < MAX_EARLY:
            self._early.append(event)


class _State:
    """The database's state of the users with a socket here, compared with the rooms; raises Unavailable."""

    def __init__(self) -> None:
        self._checked = [connection for connection in rooms if connection.filled]
        named = rooms_of(list({connection.actor.user_id for connection in self._checked}))
        # `lastRev` and `lastSeq` of each chat.
        self.positions = {chat_id: position for chats in named.values() for chat_id, position in chats.items()}
        # Chat → users who are subscribed but apparently no members.
        self.missing: dict[str, set[str]] = defaultdict(set)
        new: set[tuple[str, str]] = set()
        for connection in self._checked:
            user_id = connection.actor.user_id
            for chat_id in connection.chats.keys() - named[user_id].keys():
                self.missing[chat_id].add(user_id)
            for chat_id in named[user_id].keys() - connection.chats.keys():
                new.add((user_id, chat_id))
        self.members = members_among(self.missing, set().union(*self.missing.values())) if self.missing else {}
        # (user, chat) → when they joined, for users who are not subscribed.
        self.joined = joined_at(new)
        self._seen = [(connection, connection.actor) for connection in self._checked]
        session_ids = list({actor.session_id for _, actor in self._seen})
        self._actors = dict(zip(session_ids, find_actors(session_ids), strict=True))

    def refresh_actors(self) -> None:
        """Update the actors of sockets, and close those of ended sessions. Never blocks."""
        for connection, seen in self._seen:
            if connection.id not in rooms or connection.actor is not seen:
                continue  # It was closed, or its actor was read again, during the query.
            if actor := self._actors[seen.session_id]:
                connection.actor = actor
            else:
                connection.close("session ended")


def evict(chat_id: str, user_ids: Iterable[str], rev: int | None) -> None:
    """Unsubscribe users who left a chat with its change `rev` (None: the chat was deleted), and inform their sockets."""
    for user_id in user_ids:
        typing.stop_in(chat_id, user_id)
        evict_member(chat_id, user_id, rev)


def _subscribe_late(user_id: str, found: tuple[Json, Iterable[str]] | None) -> Sequence[Connection]:
    """Subscribe a new member whose chat can't be replayed from their joining, and send them the chat (None: it was
    deleted meanwhile); returns the subscribed sockets."""
    if not found:
        return ()
    chat, online = found
    entered = rooms.join(chat["id"], [user_id], chat["lastRev"] + 1, chat["lastSeq"])
    emit_new_chat(entered, chat, online)
    return entered


def plan(
    chat_id: str, missed: MissedChanges, position: int, seq: int, joined: Mapping[str, int]
) -> list[tuple[int, Announced]]:
    """The events that take a socket from `position`, where the newest message was `seq`, to `missed`, each with its
    `rev`, in ascending order. `joined` are users to subscribe, with the `rev` of their joining.

    A message that was created and changed since is replayed as `MessageSent` with its present content, then as edited
    or deleted. The `rev` of its creation is not stored: it gets the earliest free one, so that both `seq` and `rev`
    ascend.
    """
    changes = [change for change in missed.changes if change.rev > position]
    taken = {change.rev for change in changes}
    free = iter([rev for rev in range(position + 1, missed.last_rev + 1) if rev not in taken])
    steps: list[tuple[int, Change]] = []
    created: dict[int, int] = {}
    previous = position
    for change in sorted((c for c in changes if c.kind == "MESSAGE"), key=lambda c: c.payload["seq"]):  # type: ignore[index]
        message = change.payload or {}
        is_changed = message["isEdited"] or message["isDeleted"]
        if message["seq"] > seq:
            rev = next((rev for rev in free if rev > previous), change.rev) if is_changed else change.rev
            created[rev] = message["seq"]
            steps.append((rev, Change(rev, "SENT", None, message | {"rev": rev})))
            previous = rev
        if is_changed and change.rev not in created:
            steps.append((change.rev, change))
    steps += [(change.rev, change) for change in _memberships(changes)]
    events: list[tuple[int, Announced]] = []
    for rev, change in sorted(steps, key=lambda step: step[0]):
        seq = created.get(rev, seq)
        if event := _event(chat_id, missed, change, seq, joined):
            events.append((rev, event))
    return events


def _memberships(changes: list[Change]) -> list[Change]:
    """The changes other than of messages, without those that later ones supersede: all but the last name, and users who
    joined and left again."""
    remaining: list[Change] = []
    absent: set[str] = set()
    last_update = max((change.rev for change in changes if change.kind == "UPDATED"), default=0)
    for change in changes:
        if change.kind in ("JOINED", "ROLE") and change.payload is None:
            # No longer a member: there is nothing to emit about them.
            if change.kind == "JOINED" and change.user_id:
                absent.add(change.user_id)
        elif change.kind == "LEFT" and change.user_id in absent:
            absent.discard(change.user_id)
        elif change.kind != "MESSAGE" and (change.kind != "UPDATED" or change.rev == last_update):
            remaining.append(change)
    return remaining


def _event(
    chat_id: str, missed: MissedChanges, change: Change, seq: int, joined: Mapping[str, int]
) -> Announced | None:
    rev, user_id, payload = change.rev, change.user_id or "", change.payload or {}
    if change.kind == "SENT":
        return MessageSent(chat_id, rev, payload)
    if change.kind == "MESSAGE" and payload["isDeleted"]:
        return MessageDeleted(chat_id, rev, {"messageId": payload["id"], "chatId": chat_id, "rev": rev})
    if change.kind == "MESSAGE":
        return MessageEdited(chat_id, rev, payload)
    if change.kind == "LEFT":
        return MemberLeft(chat_id, rev, user_id)
    member = {"chatId": chat_id, "member": member_event(payload) if payload else payload}
    if change.kind == "ROLE":
        return MemberUpdated(chat_id, rev, member)
    if missed.chat is None:
        return None
    chat = _chat_at(missed, missed.chat, rev, seq)
    if change.kind == "UPDATED":
        return ChatUpdated(chat_id, rev, {name: value for name, value in chat.items() if name != "members"})
    if change.kind == "JOINED":
        return MemberJoined(chat_id, rev, user_id, member, payload["user"]["isOnline"], chat, missed.online)
    return ChatCreated(chat_id, rev, tuple(user for user, at in joined.items() if at == rev), chat, missed.online)


def _chat_at(missed: MissedChanges, chat: Json, rev: int, seq: int) -> Json:
    """A chat as it was at an earlier `rev`: later messages and members follow as their own events."""
    later = [change for change in _memberships(missed.changes) if change.rev > rev]
    joined = {change.user_id for change in later if change.kind == "JOINED"}
    left = sum(change.kind == "LEFT" for change in later)
    then = {"lastRev": rev, "lastSeq": seq, "memberCount": chat["memberCount"] - len(joined) + left}
    if chat["lastSeq"] > seq:
        then["lastMessage"] = None
    if "members" in chat:
        then["members"] = [member for member in chat["members"] if member["userId"] not in joined]
    return chat | then


def _final_leavers(missed: MissedChanges) -> dict[str, int]:
    """Users who left and did not return, with the `rev` of leaving."""
    last = {change.user_id: change for change in missed.changes if change.user_id and change.kind in ("JOINED", "LEFT")}
    return {user_id: change.rev for user_id, change in last.items() if change.kind == "LEFT"}


def _missed(chat_id: str, last_rev: int) -> int:
    """The number of missing changes of a subscribed chat: up to the first held event, else up to `last_rev`."""
    position = rooms.order.position(chat_id)
    first_held = rooms.order.first_held(chat_id)
    if position is None:
        return 0
    return (last_rev if first_held is None else min(last_rev, first_held - 1)) - position


def _may_restart(chat_id: str) -> bool:
    """True if no socket needs the changes at a chat's position: all were subscribed later."""
    position = rooms.order.position(chat_id)
    return position is not None and all(c.chats[chat_id] > position for c in rooms.of_chat(chat_id))


def _track(chat_id: str, rev: int, seq: int) -> None:
    """Queue a chat for replay from `rev`, or from its earlier position."""
    if (rooms.order.position(chat_id) or 0) > rev and _may_restart(chat_id):
        rooms.order.restart(chat_id, rev, seq)
    rooms.order.track(chat_id, rev, seq)


def _skip(chat_id: str, rev: int, seq: int) -> list[Connection]:
    """Continue after `rev` without a replay; returns the sockets that miss changes."""
    connections = [c for c in rooms.of_chat(chat_id) if c.chats[chat_id] <= rev]
    rooms.order.advance(chat_id, rev, seq)
    rooms.order.resume(chat_id)
    return connections


def _emit_resync(chats: Mapping[Connection, list[str]]) -> None:
    for connection, chat_ids in chats.items():
        payload = {"chatIds": chat_ids[:MAX_NAMED], "all": len(chat_ids) > MAX_NAMED}
        broadcast.to_connections([connection], "resync", payload)
