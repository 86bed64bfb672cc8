"""Shows the state of the server."""

import click
import orjson
from flask.cli import with_appcontext
from rich.console import Console
from rich.table import Table

from chatapp.features.operations.queries import read_state
from chatapp.features.operations.schemas import ServerState


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as GET /api/v1/admin/state returns it.")
@with_appcontext
def stats(as_json: bool) -> None:
    """Show the running workers, the database, the queue, numbers of objects, and jobs."""
    state = read_state()
    if as_json:
        click.echo(orjson.dumps(state, option=orjson.OPT_INDENT_2).decode())
        return
    console = Console(soft_wrap=True, highlight=False)
    console.print(_summary(state))
    if state["workers"]:
        console.print(_workers(state))


def _summary(state: ServerState) -> Table:
    table = Table(show_header=False, box=None)
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column()
    jobs = state["jobs"]
    table.add_row("Version", state["version"])
    table.add_row("Database", "[green]ok[/]", f"{state['database']['latencyMs']} ms")
    table.add_row("Queue", "[green]ok[/]" if state["queue"]["ok"] else "[red]events are lost[/]")
    for name in ("users", "chats", "messages"):
        table.add_row(name.capitalize(), f"{state[name]:,}")
    table.add_row("Jobs queued", f"{jobs['queued']:,}")
    table.add_row("Jobs running", f"{jobs['running']:,}")
    table.add_row("Jobs failed", f"[red]{jobs['failed']:,}[/]" if jobs["failed"] else "0")
    table.add_row("Workers", f"{len(state['workers']):,}" if state["workers"] else "[yellow]none[/]")
    return table


def _workers(state: ServerState) -> Table:
    table = Table("Worker", "Started", box=None, header_style="dim")
    table.add_column("Sockets", justify="right")
    for worker in state["workers"]:
        table.add_row(worker["id"], worker["startedAt"], f"{worker['sockets']:,}")
    return table
