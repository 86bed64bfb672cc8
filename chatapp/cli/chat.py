"""`flask --app wsgi chat …`: commands for operators."""

import logging
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError

from chatapp.cli.accounts import check_token, create_admin, reset_link
from chatapp.cli.check import check
from chatapp.cli.demo import demo
from chatapp.cli.keys import create_key, list_keys, new_key_secret, revoke_key, rotate_key
from chatapp.cli.maintenance import housekeeping, prune_tokens
from chatapp.cli.search import reindex
from chatapp.cli.stats import stats
from chatapp.cli.users import create_user, deactivate, export_user
from chatapp.core import causes
from chatapp.core.causes import first_line
from chatapp.core.errors import ChatError
from chatapp.core.version import __version__


class Commands(AppGroup):
    """Commands that end with one sentence instead of a traceback if the database is unavailable."""

    def invoke(self, ctx: click.Context) -> Any:
        """Called by click to run a command."""
        # The sentence contains the cause.
        logging.getLogger(causes.__name__).setLevel(logging.ERROR)
        try:
            return super().invoke(ctx)
        except ChatError as error:
            cause = f" ({first_line(error.__cause__)})" if error.__cause__ else ""
            raise click.ClickException(f"{error.detail}{cause}") from None
        except DBAPIError as error:
            raise click.ClickException(f"The database refused: {first_line(error)}") from None


chat = Commands("chat", help="Administer the chat server.")
click.version_option(__version__, prog_name="chat server")(chat)
for command in (
    create_admin,
    create_user,
    deactivate,
    export_user,
    reset_link,
    check_token,
    create_key,
    list_keys,
    rotate_key,
    revoke_key,
    new_key_secret,
    demo,
    housekeeping,
    prune_tokens,
    reindex,
    check,
    stats,
):
    chat.add_command(command)
