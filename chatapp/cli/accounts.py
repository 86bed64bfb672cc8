"""Commands for accounts."""

import click
from flask.cli import with_appcontext
from marshmallow import ValidationError
from rich.console import Console
from rich.markup import escape

from chatapp.features.auth import actions
from chatapp.features.auth.schemas import RegisterSchema


@click.command()
@click.option("--email", prompt=True)
@click.option("--username", prompt=True)
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True)
@with_appcontext
def create_admin(email: str, username: str, password: str) -> None:
    """Create an account with the role ADMIN, or give this role to the account with this email address."""
    try:
        account = RegisterSchema().load({"email": email, "username": username, "password": password})
        user, created = actions.create_admin(**account)
    except ValidationError as error:
        raise click.ClickException(
            "; ".join(f"{field}: {text[0]}" for field, text in error.messages_dict.items())
        ) from None
    who = escape(f"{user['username']} ({user['email']})")
    Console(soft_wrap=True).print(f"[bold]{who}[/] is {'a new' if created else 'now an'} [green]ADMIN[/].")
