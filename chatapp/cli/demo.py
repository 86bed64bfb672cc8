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
from chatapp.cli.demo_conversation import Conversation
from chatapp.cli.demo_own_state import set_own_state
from chatapp.cli.demo_picture import lake, page
from chatapp.cli.demo_reports import make_reports
from chatapp.cli.demo_texts import (
    ANNOUNCED,
    ANNOUNCEMENTS,
    BOT,
    BOT_NAME,
    NAMES,
    PACKED,
    PEOPLE,
    PHOTOGRAPHER,
    PHRASES,
    PICTURED,
    SPOKEN,
    STEPS,
)
from chatapp.core import db, settings
from chatapp.core.clock import now
from chatapp.core.identity import CLI, Actor
from chatapp.core.references import Reference
from chatapp.core.uploads import UploadedFile
from chatapp.features.auth.passwords import hash_password
from chatapp.features.messages.actions import send_file
from chatapp.features.search import jobs
from chatapp.features.server_chats.actions import add_members
from chatapp.features.server_chats.actions import send_message as send_server_message
from chatapp.features.server_users.actions import put_user
from chatapp.models import Chat, Member, Message, User
from chatapp.models.user import USERNAME_KEY

PASSWORD = "Welcome2Demo"
AT_ONCE = 1000
COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


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
        Conversation().play(STEPS)
        Conversation().talk(SPOKEN, PHRASES)
        _send_file("Packing list.pdf", "application/pdf", page(PACKED), "Did I forget anything?")
        _send_file("lake.jpg", "image/jpeg", lake(), "Look where I am. Come, all of you!")
        _post_announcements()
        make_reports()
        set_own_state()
        _index(console)
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
                "display_name": NAMES[name],
                # As if an app had created them.
                "external_id": f"demo-{name}",
                "password_hash": password_hash,
                "created_at": began,
                "last_seen": until - timedelta(minutes=dice.randrange(3 * 24 * 60)),
            }
            for name, id in ids.items()
        ],
    )
    conversations = list(made_up.conversations(ids, began, dice))
    counts = made_up.divided(size, [conversation.share for conversation in conversations])
    with Progress(*COLUMNS, console=console) as progress:
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


def _send_file(name: str, type: str, data: bytes, text: str) -> None:
    """Send a file as one of the users, through the normal action."""
    group = (
        select(Chat.id, Member.user_id).join(Member, Member.chat_id == Chat.id).join(User, User.id == Member.user_id)
    )
    with db.reading() as connection:
        chat_id, user_id = connection.execute(
            group.where(Chat.name == PICTURED, User.email == _address(PHOTOGRAPHER))
        ).one()
    photographer = Actor(user_id, "", PHOTOGRAPHER, None, "USER")
    config = settings.current()
    with UploadedFile(name, type, folder=config.spool_path, limit=config.max_upload_bytes) as file:
        file.write(data)
        send_file(photographer, chat_id=chat_id, file=file, content=text)


def _post_announcements() -> None:
    """Add a bot to a group, with a message of it, and a system message: what the backend of an app would do."""
    with db.reading() as connection:
        group = Reference(id=connection.scalars(select(Chat.id).where(Chat.name == ANNOUNCED)).one())
    bot = Reference(external_id=BOT)
    put_user(CLI, BOT, display_name=BOT_NAME, is_bot=True)
    add_members(CLI, group, user_ids=[bot], role="MEMBER")
    for sender, content, system in ANNOUNCEMENTS:
        sender_id = bot if sender == BOT else None
        send_server_message(
            CLI, group, sender_id=sender_id, system=system, silent=False, content=content, client_id=None
        )


def _index(console: Console) -> None:
    """Index the messages, so that they are found without waiting for the server's job."""
    if settings.current().has_search:
        with Progress(*COLUMNS, console=console) as progress:
            task = progress.add_task("Search index", total=jobs.behind().changes)
            jobs.catch_up(lambda count: progress.advance(task, count), rest=0)
