"""Commands that delete what is no longer needed. They can run at any time, as often as you like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click
from flask.cli import with_appcontext
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from chatapp.core.jobs import Report
from chatapp.core.jobs import prune as delete_jobs
from chatapp.features.audit.jobs import prune_audit_log
from chatapp.features.auth import queries as sessions
from chatapp.features.auth.jobs import prune_tokens as delete_tokens
from chatapp.features.avatars.jobs import prune_avatars
from chatapp.features.chats.jobs import prune_changes
from chatapp.features.files.jobs import prune_files
from chatapp.features.presence import actions as presence
from chatapp.features.reports.jobs import purge_reports

# Live workers remove the leases of dead ones, and announce their users as offline, much sooner than this.
LONG_DEAD_SECONDS = 60


@dataclass(frozen=True)
class Task:
    """What a command does: `work` reports each portion, `count` is how much there is, if that is known."""

    name: str
    count: Callable[[], int | None]
    work: Callable[[Report], None]
    done: str = "removed"


@click.command()
@with_appcontext
def prune_tokens() -> None:
    """Delete ended sessions, expired refresh tokens, and addresses of old logins."""
    run_tasks([Task("Tokens and sessions", sessions.count_prunable, delete_tokens)])


@click.command()
@with_appcontext
def housekeeping() -> None:
    """Delete data that is no longer needed. The server does this daily by itself.

    Deletes expired refresh tokens, ended sessions, addresses without a login for 30 days, changes of chats older than
    a day, presence of dead workers, files without a message, avatars that nothing shows, jobs that finished 30 days ago,
    entries of the audit log older than AUDIT_DAYS, and reporter and excerpt of reports that were closed 90 days ago.
    """
    run_tasks(
        [
            Task("Tokens and sessions", sessions.count_prunable, delete_tokens),
            Task("Changes of chats", lambda: None, prune_changes),
            Task("Presence of dead workers", lambda: None, _prune_presence),
            Task("Files without a message", lambda: None, prune_files),
            Task("Replaced avatars", lambda: None, prune_avatars),
            Task("Finished jobs", lambda: None, lambda report: report(delete_jobs())),
            Task("Entries of the audit log", lambda: None, prune_audit_log),
            Task("Reporters and excerpts of closed reports", lambda: None, purge_reports),
        ]
    )


def _prune_presence(report: Report) -> None:
    if gone := presence.reap(dead_for=LONG_DEAD_SECONDS):
        presence.announce_offline(dict.fromkeys(gone, 0.0))
    report(len(gone))


def run_tasks(tasks: Sequence[Task]) -> None:
    """Run the tasks one after the other, show their progress on a terminal, and print what each has done."""
    console = Console(soft_wrap=True)
    done = dict.fromkeys((task.name for task in tasks), 0)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        for task in tasks:
            bar = progress.add_task(task.name, total=task.count())

            def report(number: int, name: str = task.name, bar: TaskID = bar) -> None:
                done[name] += number
                progress.advance(bar, number)

            task.work(report)
            progress.update(bar, total=done[task.name], completed=done[task.name])
    for task in tasks:
        console.print(f"{task.name}: [bold]{done[task.name]}[/] {task.done}.")
