"""Full garbage collections, between storms of handshakes instead of in the middle of them.

A full collection visits every object that has lived for some time: it stops the worker for 10 to 30 µs per open socket.
By default Python starts one whenever these objects have become a quarter more, so while thousands of sockets connect,
several of them. Here they wait until no work waits for the loop. The younger generations, which find nearly all garbage,
are collected as usual.
"""

import gc

from chatapp.server.turns import turns

# New objects, less the freed ones, per collection of the youngest generation, and of these per collection of the next.
YOUNG, MIDDLE = 700, 10
# More than the C integer counts to before the worker is replaced.
NEVER = 1 << 30
# Collections of the middle generation between two full ones, at least; each adds up to 7,000 objects to those that live.
MIN_GROWTH = 10
# With this multiple of the growth that would be enough, a full collection does not wait any longer.
OVERDUE = 8


class Garbage:
    """Decides when this worker runs a full garbage collection."""

    def __init__(self) -> None:
        self._growth = MIN_GROWTH

    def start(self) -> None:
        """Start: what is there by now is frozen, so that no collection visits it."""
        gc.set_threshold(YOUNG, MIDDLE, NEVER)
        gc.collect()
        gc.freeze()

    def collect(self) -> None:
        """Run a full collection if there has been enough growth, and nothing waits (a background task)."""
        growth = gc.get_count()[2]
        if growth < self._growth or (turns.busy and growth < self._growth * OVERDUE):
            return
        gc.collect()
        # As Python does: once the objects have become a quarter more.
        self._growth = max(MIN_GROWTH, len(gc.get_objects(generation=2)) // (4 * YOUNG * MIDDLE))
