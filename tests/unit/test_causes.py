"""Logging of unavailable parts."""

import time

import pytest

from chatapp.core import causes
from chatapp.core.causes import Cause, first_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError('\n  connection failed: FATAL: no database "chat"\n  more'),
            'connection failed: FATAL: no database "chat"',
        ),
        (
            OSError("can't reach postgresql://chat:hush@db/chat?password=hush"),
            "can't reach postgresql://chat:***@db/chat?password=***",
        ),
        (TimeoutError(), "TimeoutError"),
        (OSError("a" * 1000), "a" * causes.MAX_LENGTH),
    ],
)
def test_first_line_of_driver_message_contains_no_secrets(error: Exception, line: str) -> None:
    assert first_line(error) == line


class Log:
    """The log events of a test, each with its cause."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str | None]] = []

    def warning(self, event: str, *, cause: str | None = None) -> None:
        """Record an event."""
        self.lines.append((event, cause))

    info = warning


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """The logged causes."""
    log = Log()
    monkeypatch.setattr(causes, "log", log)
    return log


def test_each_cause_is_logged_once_until_the_part_works_again(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    cause = Cause("database")
    for said in ("refused", "refused", "timed out", "refused"):
        cause.failed(OSError(said))
        cause.works()
    clock += causes.QUIET_SECONDS + 1
    cause.works()
    cause.works()
    cause.failed(OSError("refused"))
    assert log.lines == [
        ("database_unavailable", "refused"),
        ("database_unavailable", "timed out"),
        ("database_available", None),
        ("database_unavailable", "refused"),
    ]


def test_varying_causes_do_not_fill_the_log(log: Log) -> None:
    cause = Cause("database")
    for number in range(100):
        cause.failed(OSError(f"process {number}"))
    assert len(log.lines) == causes.MAX_CAUSES
