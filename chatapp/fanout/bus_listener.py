"""Switches this worker between normal operation and an outage of the bus."""

from collections.abc import Mapping, Sequence
from typing import Any

from chatapp.core import events
from chatapp.core.events import Announced, RemovesAccess, Subscriber, redeliver
from chatapp.fanout.recovery import Replay
from chatapp.fanout.view import WorkerView

# Changes are stored for a day: a worker that was disconnected for longer than this can't replay all of them.
MAX_OUTAGE = 12 * 3600
# Own events that wait while rooms are loaded from the database.
MAX_EARLY = 10_000


class BusListener:
    """Stops delivery while the bus is disconnected, and starts the replay afterwards. `subscribers` is the table for
    normal operation."""

    def __init__(self, view: WorkerView, replay: Replay[Any], subscribers: Mapping[type, Sequence[Subscriber]]) -> None:
        self._view = view
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
            self._view.disconnect()
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
