"""The commands `flask --app wsgi chat …` and `flask --app wsgi db …`."""

import logging

import click
from flask import Flask
from flask.cli import AppGroup

from chatapp.extensions import db


class Commands(AppGroup):
    """The commands of `app`, imported when they are used: Alembic alone would take a tenth of a server's start."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app.name)
        self._app = app

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return ["chat", "db"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Called by click for a command or its help."""
        # Alembic reports each of its plugins when it is imported.
        logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)
        if cmd_name == "chat":
            from chatapp.cli.chat import chat

            self.add_command(chat)
        elif cmd_name == "db":
            from flask_migrate import Migrate

            Migrate(self._app, db, compare_type=True)
        return super().get_command(ctx, cmd_name)
