"""`flask --app wsgi chat …`: what an operator does from a shell."""

import click
from flask.cli import AppGroup
from marshmallow import ValidationError

from chatapp.auth.actions import create_admin as create
from chatapp.auth.schemas import RegisterSchema
from chatapp.core.errors import ChatError
from chatapp.files.actions import sweep

chat = AppGroup("chat", help="Look after the chat server.")


@chat.command()
@click.option("--email", prompt=True)
@click.option("--username", prompt=True)
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True)
def create_admin(email: str, username: str, password: str) -> None:
    """Make an account whose role is ADMIN, or give that role to the account of that address."""
    try:
        account = RegisterSchema().load({"email": email, "username": username, "password": password})
        user, created = create(**account)
    except ValidationError as error:
        raise click.ClickException(
            "; ".join(f"{field}: {text[0]}" for field, text in error.messages_dict.items())
        ) from None
    except ChatError as error:
        raise click.ClickException(error.detail) from None
    click.echo(f"{user['username']} ({user['email']}) is {'a new' if created else 'now an'} ADMIN.")


@chat.command()
def housekeeping() -> None:
    """Take away what nothing needs: files without a message. Let it run daily; it disturbs nobody."""
    click.echo(f"{sweep()} files without a message are gone.")
