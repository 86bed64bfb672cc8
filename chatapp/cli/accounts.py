"""Commands for accounts."""

import sys
from datetime import UTC, datetime

import click
from flask.cli import with_appcontext
from marshmallow import ValidationError
from rich.console import Console
from rich.markup import escape

from chatapp.features.app_tokens import actions as app_tokens
from chatapp.features.app_tokens.verification import RefusedToken, verify
from chatapp.features.auth import actions
from chatapp.features.auth.schemas import RegisterSchema
from chatapp.features.passwords import actions as passwords


@click.command()
@click.option("--email", prompt=True, help="The email address.")
@click.option("--username", prompt=True, help="The username of a new account.")
@click.option(
    "--password", prompt=True, hide_input=True, confirmation_prompt=True, help="The password of a new account."
)
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


@click.command()
@click.argument("user")
@with_appcontext
def reset_link(user: str) -> None:
    """Print a link with which a user sets a new password.

    USER is a username, an email address, a UUID, or ext: and an external id. The link can be used once, within 30 minutes,
    and replaces earlier ones.
    """
    click.echo(passwords.issue_reset_link(user))


@click.command()
@click.argument("token")
@with_appcontext
def check_token(token: str) -> None:
    """Tell whether the server accepts a token of your app, and why not.

    TOKEN is the JWT, or - to read it from standard input. Opens no session, and changes nothing.
    """
    try:
        verified = verify(sys.stdin.read().strip() if token == "-" else token)
        outcome = app_tokens.check(verified)
    except RefusedToken as error:
        raise click.ClickException(f"The token is refused with {error.code}: {error.reason}.") from None
    ends = datetime.fromtimestamp(verified.expires_at, UTC).isoformat(timespec="seconds")
    click.echo(f"The token of ext:{verified.external_id} is accepted until {ends}. {outcome}")
    if verified.ignored:
        click.echo(f"Ignored claims, which violate a rule: {', '.join(verified.ignored)}.")
