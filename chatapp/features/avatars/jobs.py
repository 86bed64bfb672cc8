"""The job that deletes the files of avatars that nothing shows any more."""

from chatapp.core.jobs import Report, Schedule, cleanup
from chatapp.features.avatars import actions

PRUNE_SECONDS = 600.0


def prune_avatars(report: Report) -> None:
    """Delete replaced avatars, and those of erased users and deleted groups."""
    while removed := actions.prune():
        report(removed)


JOBS = (cleanup("prune_avatars", prune_avatars, Schedule(PRUNE_SECONDS)),)
