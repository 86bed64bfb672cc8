"""Logs why a part that the server needs is unavailable, once per cause and not at each attempt."""

import re
import time
from typing import Any

import structlog

log = structlog.get_logger()

MAX_LENGTH = 300
# Some drivers include varying numbers in their messages.
MAX_CAUSES = 20
QUIET_SECONDS = 2.0


def first_line(error: BaseException) -> str:
    """The first line of a driver's message, without passwords; the name of the exception type if it is empty."""
    said = next((line.strip() for line in str(getattr(error, "orig", None) or error).splitlines() if line.strip()), "")
    return without_secrets(said)[:MAX_LENGTH] or type(error).__name__


def without_secrets(text: str) -> str:
    """`text` without the passwords of its URLs and connection strings."""
    text = re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:***@", text)
    return re.sub(r"(password=)[^&\s]*", r"\1***", text)


class Cause:
    """The outages of one part; `part` names it in the log events `…_unavailable` and `…_available`.

    Each cause is logged once per outage. An outage is over when the part works `QUIET_SECONDS` after the last failure.
    """

    def __init__(self, part: str) -> None:
        self._part = part
        self._causes: set[str] = set()
        self._failed_at = 0.0

    @property
    def known(self) -> bool:
        """True during an outage."""
        return bool(self._causes)

    def failed(self, error: BaseException, **fields: Any) -> None:
        """Record a failure of the part."""
        self._failed_at = time.monotonic()
        cause = first_line(error)
        if cause not in self._causes and len(self._causes) < MAX_CAUSES:
            self._causes.add(cause)
            log.warning(f"{self._part}_unavailable", cause=cause, **fields)

    def works(self) -> None:
        """Record a success of the part."""
        if self._causes and time.monotonic() - self._failed_at > QUIET_SECONDS:
            self._causes.clear()
            log.info(f"{self._part}_available")
