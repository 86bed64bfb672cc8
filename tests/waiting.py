"""Waiting for changes that no event reports."""

import time
from collections.abc import Callable


def eventually(happened: Callable[[], bool], seconds: float) -> None:
    """Wait until it has happened, AssertionError if it does not: for changes without an event."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"It has not happened within {seconds} s."
        time.sleep(0.05)
