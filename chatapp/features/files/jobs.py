"""Jobs and tasks that delete files: those without a message on one worker, those in a server's own folder on each."""

from datetime import time

from chatapp.core.jobs import Report, cleanup, daily
from chatapp.features.files import actions

UNREFERENCED_SECONDS = 2.0
LEFT_BEHIND_SECONDS = 600.0


def prune_files(report: Report) -> None:
    """Delete files without a message."""
    report(actions.sweep())


JOBS = (cleanup("prune_files", prune_files, daily(time(4, 10))),)
TASKS = (
    (UNREFERENCED_SECONDS, actions.purge_unreferenced),
    (LEFT_BEHIND_SECONDS, actions.purge_leftovers),
    (LEFT_BEHIND_SECONDS, actions.check_folder),
)
