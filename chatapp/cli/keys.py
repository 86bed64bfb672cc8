"""Commands for API keys. For scripts, `--json` prints an object or a list."""

import json
import uuid
from datetime import timedelta
from typing import Any

import click
import orjson
from flask.cli import with_appcontext
from marshmallow import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chatapp.core import api_keys
from chatapp.core.identity import CLI
from chatapp.core.ids import new_id
from chatapp.core.objects import ApiObject
from chatapp.core.schemas import Input
from chatapp.features.keys import actions, queries
from chatapp.features.keys.schemas import SCOPES, CreateKeySchema, RotateKeySchema

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
key_argument = click.argument("key")


@click.command()
@click.option("--name", required=True, help="The name of the key, which says what it is for.")
@click.option("--scopes", default="", help=f"Comma-separated: {', '.join(SCOPES)}.")
@click.option("--expires-at", help="When the key expires, such as 2027-01-31T00:00:00Z.")
@click.option("--acts-as", help="The user as whom the key always acts: a UUID or ext:<externalId>.")
@as_json
@with_appcontext
def create_key(name: str, scopes: str, expires_at: str | None, acts_as: str | None, as_json: bool) -> None:
    """Create an API key, and print it on standard output."""
    fields: dict[str, Any] = {"name": name, "scopes": [word.strip() for word in scopes.split(",") if word.strip()]}
    fields |= {"expiresAt": expires_at} if expires_at else {}
    fields |= {"actsAs": acts_as} if acts_as else {}
    key = actions.create_key(CLI, **_load(CreateKeySchema(), fields))
    _print_secret(key, f"Key [bold]{escape(key['name'])}[/] ({key['id']}) created.", as_json=as_json)


@click.command()
@as_json
@with_appcontext
def list_keys(as_json: bool) -> None:
    """List the API keys, newest first; revoked ones for 90 days."""
    keys: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = queries.list_keys(limit=100, cursor=cursor)
        keys += orjson.loads(orjson.dumps(page.items))
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    if as_json:
        click.echo(json.dumps(keys))
        return
    table = Table("id", "name", "scopes", "created", "last used", "state")
    for key in keys:
        state = "revoked" if "revokedAt" in key else f"until {key['expiresAt']}" if "expiresAt" in key else "valid"
        scopes = ", ".join(key.get("scopes", [])) or (f"acts as {key['actsAs']}" if "actsAs" in key else "none")
        used = key.get("lastUsedAt", "never")
        table.add_row(key["id"], escape(key["name"]), scopes, key["createdAt"], used, state)
    console = Console()
    console.print(table if keys else "There are no keys. Create one with [bold]create-key[/].")


@click.command()
@key_argument
@click.option("--overlap", default="24h", help="How long the old secret stays valid: 0s to 7d.")
@as_json
@with_appcontext
def rotate_key(key: str, overlap: str, as_json: bool) -> None:
    """Replace the secret of an API key, and print the new key on standard output. KEY is the id of the key."""
    span: timedelta = _load(RotateKeySchema(), {"overlap": overlap})["overlap"]
    rotated = actions.rotate_key(CLI, _id(key), overlap=span)
    until = f" The old secret is valid for {overlap}." if span else " The old secret is not valid any more."
    _print_secret(rotated, f"Key [bold]{escape(rotated['name'])}[/] ({rotated['id']}) rotated.{until}", as_json=as_json)


@click.command()
@key_argument
@as_json
@with_appcontext
def revoke_key(key: str, as_json: bool) -> None:
    """Revoke an API key. KEY is the id of the key."""
    id = _id(key)
    actions.revoke_key(CLI, id)
    if as_json:
        click.echo(json.dumps({"id": id}))
    else:
        Console(soft_wrap=True).print(f"Key {id} is [red]revoked[/].")


@click.command()
@as_json
def new_key_secret(as_json: bool) -> None:
    """Print a new key for the setting SERVER_API_KEY, which has all scopes. Nothing is stored."""
    id = new_id()
    key = api_keys.assemble(id, api_keys.new_secret())
    click.echo(json.dumps({"id": id, "secret": key}) if as_json else key)


def _print_secret(key: ApiObject, sentence: str, *, as_json: bool) -> None:
    """Print only the key on standard output, and the rest on standard error."""
    if as_json:
        click.echo(json.dumps(key))
        return
    Console(stderr=True, soft_wrap=True).print(f"{sentence} Store it now: the server keeps only its hash.")
    click.echo(key["secret"])


def _load(schema: Input, fields: dict[str, Any]) -> dict[str, Any]:
    try:
        return dict(schema.load(fields))
    except ValidationError as error:
        problems = error.normalized_messages().items()  # type: ignore[no-untyped-call]
        raise click.ClickException("; ".join(f"{field}: {_first(text)}" for field, text in problems)) from None


def _first(message: Any) -> str:
    """The first of nested messages."""
    while not isinstance(message, str):
        message = next(iter(message.values() if isinstance(message, dict) else message))
    return message


def _id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise click.ClickException("KEY must be the id of a key, which list-keys shows.") from None
