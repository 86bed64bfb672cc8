"""Jobs that delete the rest of large deleted groups, and changes that are too old for a replay."""

from datetime import time

from chatapp.core.jobs import Job, JobType, Report, Schedule, cleanup, daily
from chatapp.features.chats import actions

# Rows per transaction, so that each one is short.
AT_ONCE = 5000
PURGE_SECONDS = 5.0


def prune_changes(report: Report) -> None:
    """Delete changes of chats that are too old for a replay."""
    while removed := actions.prune_changes(AT_ONCE):
        report(removed)


def _purge_deleted_groups(_job: Job) -> None:
    actions.purge_deleted_groups()


JOBS = (
    JobType("purge_deleted_groups", _purge_deleted_groups, Schedule(PURGE_SECONDS)),
    cleanup("prune_changes", prune_changes, daily(time(4, 5))),
)
