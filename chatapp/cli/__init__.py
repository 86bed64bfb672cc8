"""`flask --app wsgi chat …`: what an operator does from a shell."""

from flask.cli import AppGroup

from chatapp.cli.accounts import create_admin
from chatapp.cli.check import check
from chatapp.cli.demo import demo
from chatapp.cli.upkeep import housekeeping, prune_tokens

chat = AppGroup("chat", help="Look after the chat server.")
for command in (create_admin, demo, housekeeping, prune_tokens, check):
    chat.add_command(command)
