"""The job that deletes old entries."""

from datetime import time

from chatapp.core.jobs import Report, cleanup, daily
from chatapp.features.audit import actions

# Rows per transaction, so that each one is short.
AT_ONCE = 5000


def prune_audit_log(report: Report) -> None:
    """Delete entries older than `AUDIT_DAYS`."""
    while removed := actions.prune_audit_log(AT_ONCE):
        report(removed)


JOBS = (cleanup("prune_audit_log", prune_audit_log, daily(time(4, 20))),)
