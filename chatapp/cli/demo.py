"""Demo data: people who know each other, and all that they said in the last weeks."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import click
from flask.cli import with_appcontext
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import Connection, func, insert, select
from uuid_utils import uuid7

from chatapp.auth.passwords import hash_password
from chatapp.cli.demo_texts import FREE, GROUPS, PEOPLE, WORK, Exchange
from chatapp.core import db, settings
from chatapp.core.clock import now
from chatapp.core.errors import ChatError, Json
from chatapp.models import Chat, Member, Message, User

PASSWORD = "Welcome2Demo"
AT_ONCE = 1000
WAKING_HOURS = range(7, 23)
# Of the messages, each so many were edited or deleted. Of everybody, so many have yet to read the newest.
EDITED_OF, DELETED_OF, AWAY_OF, MOST_UNREAD = 50, 100, 3, 7


@click.command()
@click.option("--messages", default=5000, show_default=True, type=click.IntRange(100, 1_000_000), help="How many.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650), help="Over how many days.")
@with_appcontext
def demo(messages: int, days: int) -> None:
    """Fill the database with people, chats and messages to look at, and print how to log in.

    Everybody knows the passwords: not for a server that others can reach.
    """
    if settings.current().app_env == "production":
        raise click.ClickException("The demo's passwords are known to everybody: not with APP_ENV=production.")
    console = Console(soft_wrap=True, highlight=False)
    try:
        with db.translated(), db.engine().begin() as connection:
            if _is_there(connection):
                console.print("The demo data are there already.")
            else:
                _fill(connection, console, messages, days)
    except ChatError as error:
        raise click.ClickException(error.detail) from None
    table = Table("username", "password")
    for name in PEOPLE:
        table.add_row(name, PASSWORD)
    console.print(table)


def _is_there(connection: Connection) -> bool:
    """Whether the demo's people have accounts; ClickException when somebody else has one of their names."""
    username = func.lower(User.username)
    found = connection.execute(select(username, User.email).where(username.in_(PEOPLE))).all()
    if strangers := sorted(name for name, email in found if email != _address(name)):
        raise click.ClickException(f"Somebody else has the name of one of the demo's people: {', '.join(strangers)}.")
    return bool(found)


def _address(name: str) -> str:
    return f"{name}@demo.example"


@dataclass(frozen=True, slots=True)
class _Conversation:
    """A chat that is made up: what it is, who is in it (by id), what they talk about, and how much of a share it has
    of all that is said."""

    about: Json
    members: list[str]
    topics: Sequence[Exchange]
    share: float


def _fill(connection: Connection, console: Console, size: int, days: int) -> None:
    dice = random.Random()  # noqa: S311
    until = now()
    began = until - timedelta(days=days)
    password_hash = hash_password(PASSWORD)
    ids = {name: _id(began) for name in PEOPLE}
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
    conversations = list(_conversations(ids, began, dice))
    whole = sum(conversation.share for conversation in conversations)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Messages", total=size)
        left = size
        for number, conversation in enumerate(conversations, 1):
            last = number == len(conversations)
            count = left if last else max(1, min(left - 1, round(size * conversation.share / whole)))
            left -= count
            rows = list(itertools.islice(_messages(conversation, count, began, until, dice), count))
            state = {"last_seq": count, "last_rev": rows[-1]["rev"], "updated_at": rows[-1]["created_at"]}
            members = list(_members(conversation, rows, began, dice))
            connection.execute(insert(Chat), conversation.about | state | {"member_count": len(members)})
            connection.execute(insert(Member), members)
            for start in range(0, count, AT_ONCE):
                batch = rows[start : start + AT_ONCE]
                connection.execute(insert(Message), batch)
                progress.advance(task, len(batch))


def _conversations(ids: dict[str, str], began: datetime, dice: random.Random) -> Iterator[_Conversation]:
    """The groups; then the first of the people with everybody else, and some of the others with each other."""
    for name, (description, members, topics) in GROUPS.items():
        about = {"id": _id(began), "type": "GROUP", "name": name, "description": description, "created_at": began}
        yield _Conversation(about, [ids[member] for member in members], topics, dice.uniform(3, 6))
    pairs = list(itertools.combinations(ids.values(), 2))
    friends = len(ids) - 1
    for pair in pairs[:friends] + dice.sample(pairs[friends:], friends):
        key = ":".join(sorted(pair))
        about = {"id": _id(began), "type": "DIRECT", "direct_key": key, "created_at": began}
        yield _Conversation(about, list(pair), WORK + FREE, dice.uniform(0.2, 3))


def _messages(
    conversation: _Conversation, count: int, began: datetime, until: datetime, dice: random.Random
) -> Iterator[Json]:
    """The messages of a conversation in order, `count` of them or some more: exchanges, each within minutes."""
    exchanges = [dice.choice(conversation.topics)]
    while sum(map(len, exchanges)) < count:
        exchanges.append(dice.choice([topic for topic in conversation.topics if topic is not exchanges[-1]]))
    starts = sorted(_moment(began, until, dice) for _ in exchanges)
    rev = 1
    seqs = itertools.count(1)
    for exchange, start, end in zip(exchanges, starts, [*starts[1:], until], strict=True):
        speakers = dice.sample(conversation.members, len(conversation.members))
        at = start
        for line in exchange:
            seq, said, rev = next(seqs), line[1:], rev + 1
            edited, deleted = not dice.randrange(EDITED_OF), not dice.randrange(DELETED_OF)
            # A change of a message is a change of its chat too.
            rev += edited + deleted
            yield {
                "id": _id(at),
                "chat_id": conversation.about["id"],
                "seq": seq,
                "rev": rev,
                "sender_id": speakers[int(line[0]) % len(speakers)],
                "content": None if deleted else said,
                "created_at": at,
                "edited_at": at + timedelta(seconds=20) if edited else None,
                "deleted_at": at + timedelta(seconds=40) if deleted else None,
            }
            at += min(timedelta(seconds=dice.randint(10, 150)), (end - start) / len(exchange))


def _members(conversation: _Conversation, rows: list[Json], began: datetime, dice: random.Random) -> Iterator[Json]:
    """Who is in a conversation, and how far they got: not all have read the newest, but what they sent, and before."""
    newest = len(rows)
    sent = {row["sender_id"]: row["seq"] for row in rows}
    for place, user_id in enumerate(conversation.members):
        unread = 0 if dice.randrange(AWAY_OF) else dice.randint(1, MOST_UNREAD)
        read = max(sent.get(user_id, 0), newest - unread, 0)
        yield {
            "chat_id": conversation.about["id"],
            "user_id": user_id,
            "role": "ADMIN" if place == 0 and conversation.about["type"] == "GROUP" else "MEMBER",
            "joined_at": began,
            "read_seq": read,
            "delivered_seq": dice.randint(read, newest),
        }


def _moment(began: datetime, until: datetime, dice: random.Random) -> datetime:
    """Some time between these, at which people are awake."""
    while True:
        moment = began + (until - began) * dice.random()
        if moment.hour in WAKING_HOURS:
            return moment


def _id(moment: datetime) -> str:
    """An identifier that sorts as if it had been made then."""
    return str(uuid7(nanoseconds=int(moment.timestamp() * 1000) * 1_000_000))
