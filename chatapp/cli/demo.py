"""Demo data: users, chats, and their messages of the last weeks."""

import itertools
import random
from datetime import timedelta

import click
from flask.cli import with_appcontext
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import ColumnElement, Connection, insert, literal_column, select

from chatapp.cli import demo_chats as made_up
from chatapp.cli.demo_picture import lake
from chatapp.cli.demo_texts import PEOPLE, PHOTOGRAPHER, PICTURED
from chatapp.core import db, settings
from chatapp.core.clock import now
from chatapp.core.identity import Actor
from chatapp.core.uploads import UploadedFile
from chatapp.features.auth.passwords import hash_password
from chatapp.features.messages.actions import send_file
from chatapp.models import Chat, Member, Message, User
from chatapp.models.user import USERNAME_KEY

PASSWORD = "Welcome2Demo"
AT_ONCE = 1000


@click.command()
@click.option(
    "--messages", default=5000, show_default=True, type=click.IntRange(100, 1_000_000), help="Number of messages."
)
@click.option(
    "--days",
    default=30,
    show_default=True,
    type=click.IntRange(1, 3650),
    help="Number of days to spread the messages over.",
)
@with_appcontext
def demo(messages: int, days: int) -> None:
    """Create demo users, chats and messages, and print their logins.

    The passwords are public: never use this on a server that others can reach.
    """
    if settings.current().app_env == "production":
        raise click.ClickException(
            "The passwords of the demo users are public: this command does not run with APP_ENV=production."
        )
    console = Console(soft_wrap=True, highlight=False)
    with db.writing() as connection:
        if is_new := not _is_there(connection):
            _fill(connection, console, messages, days)
        else:
            console.print("The demo data already exist.")
    if is_new:
        _send_picture()
    table = Table("username", "password")
    for name in PEOPLE:
        table.add_row(name, PASSWORD)
    console.print(table)


def _is_there(connection: Connection) -> bool:
    """True if the demo's users have accounts; ClickException if another account has one of their names."""
    username: ColumnElement[str] = literal_column(USERNAME_KEY)
    found = connection.execute(select(username, User.email).where(username.in_(PEOPLE))).all()
    if strangers := sorted(name for name, email in found if email != _address(name)):
        raise click.ClickException(f"Usernames of the demo belong to other accounts: {', '.join(strangers)}.")
    return bool(found)


def _address(name: str) -> str:
    return f"{name}@demo.example"


def _fill(connection: Connection, console: Console, size: int, days: int) -> None:
    dice = random.Random()  # noqa: S311
    until = now()
    began = until - timedelta(days=days)
    password_hash = hash_password(PASSWORD)
    ids = {name: made_up.id_of(began) for name in PEOPLE}
    connection.execute(
        insert(User),
        [
            {
                "id": id,
                "email": _address(name),
                "username": name,
                "password_hash": password_hash,
                "created_at": began,
                "last_seen": until - timedelta(minutes=dice.randrange(3 * 24 * 60)),
            }
            for name, id in ids.items()
        ],
    )
    conversations = list(made_up.conversations(ids, began, dice))
    counts = made_up.divided(size, [conversation.share for conversation in conversations])
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Messages", total=size)
        for conversation, count in zip(conversations, counts, strict=True):
            rows = list(itertools.islice(made_up.messages(conversation, count, began, until, dice), count))
            state = {"last_seq": count, "last_rev": rows[-1]["rev"], "updated_at": rows[-1]["created_at"]}
            members = list(made_up.members(conversation, rows, began, dice))
            connection.execute(insert(Chat), conversation.about | state | {"member_count": len(members)})
            connection.execute(insert(Member), members)
            for start in range(0, count, AT_ONCE):
                batch = rows[start : start + AT_ONCE]
                connection.execute(insert(Message), batch)
                progress.advance(task, len(batch))


def _send_picture() -> None:
    """Send a picture as one of the users, through the normal action."""
    group = (
        select(Chat.id, Member.user_id).join(Member, Member.chat_id == Chat.id).join(User, User.id == Member.user_id)
    )
    with db.reading() as connection:
        chat_id, user_id = connection.execute(
            group.where(Chat.name == PICTURED, User.email == _address(PHOTOGRAPHER))
        ).one()
    photographer = Actor(user_id, "", PHOTOGRAPHER, None, "USER")
    config = settings.current()
    with UploadedFile("lake.jpg", "image/jpeg", folder=config.spool_path, limit=config.max_upload_bytes) as picture:
        picture.write(lake())
        send_file(photographer, chat_id=chat_id, file=picture, content="Look where I am. Come, all of you!")
