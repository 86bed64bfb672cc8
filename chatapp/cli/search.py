"""The command that creates, repeats or deletes the index of the search."""

import signal
from collections.abc import Callable

import click
import gevent
from flask.cli import with_appcontext

from chatapp.cli.maintenance import Task, run_tasks
from chatapp.core import settings
from chatapp.core.jobs import Report
from chatapp.features.search import jobs

# The command rests for so many times as long as it works: a running server gets a share of a busy database.
REST = 0.25


@click.command()
@click.option("--all", "everything", is_flag=True, help="Index all messages again, not only those that are missing.")
@click.option("--delete", is_flag=True, help="Delete the index, with SEARCH=off.")
@with_appcontext
def reindex(everything: bool, delete: bool) -> None:
    """Index the messages that the search does not find yet.

    The server does this by itself, more slowly. The command can run beside it, and be interrupted and repeated at any time;
    searches find what is indexed meanwhile.
    """
    if everything and delete:
        raise click.UsageError("Use either --all or --delete.")
    is_on = settings.current().has_search
    if delete:
        if is_on:
            raise click.ClickException(
                "SEARCH=on: the server would create the index again. Set SEARCH=off and restart the server first, or "
                "index all messages again with --all."
            )
        click.echo(f"Search index: {jobs.delete_all() / 1_000_000:,.1f} MB deleted.")
        return
    if not is_on:
        raise click.ClickException("SEARCH=off: messages are not indexed. --delete deletes what was indexed before.")
    interrupt = _Interrupt()
    if everything:
        jobs.reset()
    try:
        run_tasks(
            [
                Task("Changes of messages", lambda: jobs.behind().changes, interrupt.ends(jobs.catch_up), "indexed"),
                Task("Words of deleted chats", lambda: None, interrupt.ends(jobs.delete_remains)),
            ]
        )
    except jobs.NotIndexed as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException("Interrupted. `chat reindex` continues, and so does the server.") from None


class _Interrupt:
    """Ctrl-C ends the work between two transactions: an exception in the driver would look like a lost connection. The
    second Ctrl-C ends it at once."""

    def __init__(self) -> None:
        self._is_requested = False
        self._watcher = gevent.signal_handler(signal.SIGINT, self._request)

    def _request(self) -> None:
        self._is_requested = True
        self._watcher.cancel()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def ends(self, work: Callable[[Report, float], None]) -> Callable[[Report], None]:
        """The work, which raises KeyboardInterrupt after a portion."""

        def run(report: Report) -> None:
            def check(number: int) -> None:
                report(number)
                if self._is_requested:
                    raise KeyboardInterrupt

            work(check, REST)

        return run
