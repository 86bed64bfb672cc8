"""The job that deletes reporters and excerpts of closed reports."""

from datetime import time

from chatapp.core.jobs import Report, cleanup, daily
from chatapp.features.reports import actions

# Rows per transaction, so that each one is short.
AT_ONCE = 1000


def purge_reports(report: Report) -> None:
    """Delete the reporter and the excerpt of reports that were closed 90 days ago."""
    while purged := actions.purge_reports(AT_ONCE):
        report(purged)


JOBS = (cleanup("purge_reports", purge_reports, daily(time(4, 25))),)
