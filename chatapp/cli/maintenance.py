"""Commands that delete what is no longer needed. They can run at any time, as often as you like."""

from collections.abc import Callable

import click
from flask.cli import with_appcontext
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from chatapp.core.jobs import Report
from chatapp.features.auth import queries as sessions
from chatapp.features.auth.jobs import prune_tokens as delete_tokens
from chatapp.features.chats.jobs import prune_changes
from chatapp.features.files.jobs import prune_files
from chatapp.features.presence import actions as presence

# Live workers remove the leases of dead ones, and announce their users as offline, much sooner than this.
LONG_DEAD_SECONDS = 60


@click.command()
@with_appcontext
def prune_tokens() -> None:
    """Delete ended sessions, expired refresh tokens, and addresses of old logins."""
    _do([("Tokens and sessions", sessions.count_prunable, delete_tokens)])


@click.command()
@with_appcontext
def housekeeping() -> None:
    """Delete data that is no longer needed. The server does this daily by itself.

    Deletes expired refresh tokens, ended sessions, addresses without a login for 30 days, changes of chats older than
    a day, presence of dead workers, and files without a message.
    """
    _do(
        [
            ("Tokens and sessions", sessions.count_prunable, delete_tokens),
            ("Changes of chats", lambda: None, prune_changes),
            ("Presence of dead workers", lambda: None, _prune_presence),
            ("Files without a message", lambda: None, prune_files),
        ]
    )


def _prune_presence(report: Report) -> None:
    if gone := presence.reap(dead_for=LONG_DEAD_SECONDS):
        presence.announce_offline(dict.fromkeys(gone, 0.0))
    report(len(gone))


def _do(tasks: list[tuple[str, Callable[[], int | None], Callable[[Report], None]]]) -> None:
    """Run each task by name; it reports how much it has removed, and how much there is if that is known."""
    console = Console(soft_wrap=True)
    removed = dict.fromkeys((name for name, _, _ in tasks), 0)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        for name, count, work in tasks:
            task = progress.add_task(name, total=count())

            def report(number: int, name: str = name, task: int = task) -> None:
                removed[name] += number
                progress.advance(task, number)  # type: ignore[arg-type]

            work(report)
            progress.update(task, total=removed[name], completed=removed[name])
    for name, number in removed.items():
        console.print(f"{name}: [bold]{number}[/] removed.")
