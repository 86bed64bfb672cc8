"""The acknowledgements of other workers."""

from gevent.event import Event


class Awaited:
    """The acknowledgements of an event. `number` is the number of its batch, once it has one."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.receivers: int | None = None
        # The workers that were connected when the batch was published.
        self.expected: set[bytes] | None = None
        self.acks: set[bytes] = set()
        self.changed = Event()

    def is_done(self, live: dict[bytes, float], silent_since: float) -> bool:
        """True once every worker has acknowledged, except those that have been silent since then."""
        if self.expected is None:
            return False
        # Redis counts this worker too, and connections of hosts that are gone.
        by_count = self.receivers is not None and len(self.acks) >= self.receivers - 1
        return by_count or all(live.get(worker, 0.0) < silent_since for worker in self.expected - self.acks)
