"""Commands for users of the operator's app. For scripts, `--json` prints an object."""

import json
import zipfile
from pathlib import Path
from typing import Any

import click
import orjson
from flask.cli import with_appcontext
from marshmallow import ValidationError
from rich.console import Console
from rich.markup import escape

from chatapp.core.errors import Invalid
from chatapp.core.identity import CLI
from chatapp.core.references import Reference, as_external_id, as_reference
from chatapp.core.schemas import load
from chatapp.features.server_users import actions, queries
from chatapp.features.users.schemas import PutUserSchema
from chatapp.representations.user import ServerUser

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_PUT = PutUserSchema()


class ReferenceArgument(click.ParamType[Reference]):
    """A UUID, or ext: and an external id."""

    name = "user"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Reference:
        try:
            return as_reference(value)
        except ValidationError:
            self.fail(f"{value!r} is neither a UUID nor ext: and an external id.", param, ctx)


@click.command()
@click.argument("external_id")
@click.option("--display-name", help="The name to show.")
@click.option("--username", help="The username; by default made from the display name.")
@click.option("--email", help="The email address.")
@click.option("--role", type=click.Choice(["USER", "MODERATOR", "ADMIN"]), help="The role on the server.")
@click.option("--bot", is_flag=True, help="Create a bot.")
@as_json
@with_appcontext
def create_user(external_id: str, as_json: bool, bot: bool, **options: str | None) -> None:
    """Create the user with an external id, or change the one who has it."""
    names = {"display_name": "displayName"}
    fields: dict[str, Any] = {names.get(name, name): value for name, value in options.items() if value is not None}
    fields |= {"isBot": True} if bot else {}
    try:
        user, created = actions.put_user(CLI, as_external_id(external_id.removeprefix("ext:")), **load(_PUT, fields))
    except ValidationError as error:
        raise click.ClickException(f"external_id: {error.messages[0]}") from None
    except Invalid as error:
        wrong = "; ".join(f"{field}: {text[0]}" for field, text in (error.errors or {}).items())
        raise click.ClickException(wrong or error.detail) from None
    if as_json:
        _print_json(user)
        return
    who = escape(f"{user.get('displayName') or user['username']} ({user['id']})")
    Console(soft_wrap=True, highlight=False).print(
        f"[bold]{who}[/] is [green]{'created' if created else 'updated'}[/]."
    )


@click.command()
@click.argument("user", type=ReferenceArgument())
@as_json
@with_appcontext
def deactivate(user: Reference, as_json: bool) -> None:
    """Deactivate a user and end their sessions. USER is a UUID, or ext: and an external id.

    Open sockets close when their access token expires, at the latest. POST /api/v1/server/users/{user}/deactivate closes
    them at once.
    """
    changed = actions.update_user(CLI, user, is_active=False)
    if as_json:
        _print_json(changed)
    else:
        console = Console(soft_wrap=True, highlight=False)
        console.print(f"[bold]{escape(changed['username'])}[/] ({changed['id']}) is [red]deactivated[/].")


@click.command()
@click.argument("user", type=ReferenceArgument())
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="The file; default: user-<id>.zip.")
@as_json
@with_appcontext
def export_user(user: Reference, output: Path | None, as_json: bool) -> None:
    """Write what the server has of a user to a zip file: profile, settings, sessions, reports, chats, and sent messages.

    USER is a UUID, or ext: and an external id.
    """
    profile = queries.read_user(user)
    path = output or Path(f"user-{profile['id']}.zip")
    chats, count = queries.export_chats(profile["id"]), 0
    documents = {
        "profile": profile,
        "settings": queries.export_settings(profile["id"]),
        "sessions": queries.export_sessions(profile["id"]),
        "reports": queries.export_reports(profile["id"]),
        "chats": chats,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, document in documents.items():
            archive.writestr(f"{name}.json", orjson.dumps(document, option=orjson.OPT_INDENT_2))
        with archive.open("messages.ndjson", "w") as file:
            for message in queries.export_messages(profile["id"]):
                file.write(message.encode() + b"\n")
                count += 1
    path.chmod(0o600)
    if as_json:
        click.echo(json.dumps({"id": profile["id"], "file": str(path), "chats": len(chats), "messages": count}))
    else:
        console = Console(soft_wrap=True, highlight=False)
        console.print(f"[bold]{escape(str(path))}[/] has {len(chats):,} chats and {count:,} messages.")


def _print_json(user: ServerUser) -> None:
    click.echo(orjson.dumps(user).decode())
