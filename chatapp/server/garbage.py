"""Garbage collections in small portions, so that none of them delays the events of open sockets.

A full collection visits every object that has lived for some time, which takes 20 µs per open socket: with thousands of
them, longer than anything else that the event loop does. Here full collections are frequent and small: what is left after
one is frozen, so that the next one visits only what was made since then. Nearly all objects end without a collection.
Garbage in cycles that was frozen stays until everything is visited again, which is rare: once the objects
have become twice as many, and the worker has little to do.
"""

import gc
import time

from chatapp.server.turns import turns

# New objects, less the freed ones, per collection of the youngest generation, of these per collection of the next, and
# of these per full one, which thus visits about 8,000 objects, within 5 ms.
YOUNG, MIDDLE, OLD = 700, 5, 0
# The share of a core up to which a worker has little to do. With this multiple of the growth it does not matter.
QUIET, OVERDUE = 0.1, 4
# About the objects of the application itself. To count them at each start would take a fifth of its time.
APPLICATION = 300_000


class Garbage:
    """When this worker collects what."""

    def __init__(self, objects: int = APPLICATION) -> None:
        """`objects` is about the number of those that are there when it starts."""
        # The objects that were left by the last collection of all, and those that were frozen since then.
        self._kept, self._frozen = objects, 0
        self._measured = time.monotonic(), time.process_time()

    def start(self) -> None:
        """Collect in portions from now on."""
        gc.set_threshold(YOUNG, MIDDLE, OLD)
        self._freeze_all()
        gc.callbacks.append(self._freeze)

    def collect(self) -> None:
        """Collect all if enough was frozen and there is little to do (a background task)."""
        at, used = self._measured
        self._measured = time.monotonic(), time.process_time()
        # A worker that gets no processor uses little of it too.
        quiet = not turns.busy and self._measured[1] - used <= (self._measured[0] - at) * QUIET
        enough = self._kept * (1 if quiet else OVERDUE)
        if self._frozen > enough:
            # Most have ended meanwhile.
            self._frozen = gc.get_freeze_count() - self._kept
            if self._frozen > enough:
                self._collect_all()

    def _collect_all(self) -> None:
        gc.unfreeze()
        gc.collect()
        self._freeze_all()
        self._kept, self._frozen = gc.get_freeze_count(), 0

    def _freeze_all(self) -> None:
        gc.freeze()
        # Python starts a full collection once a quarter of what the last one left is new: that has to be little.
        gc.collect()

    def _freeze(self, phase: str, about: dict[str, int]) -> None:
        """Called by Python before and after each collection."""
        if phase == "stop" and about["generation"] == 2:
            self._frozen += len(gc.get_objects(generation=2))
            gc.freeze()
