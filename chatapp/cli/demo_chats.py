"""Generates chats as rows of the tables."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from uuid_utils import uuid7

from chatapp.cli.demo_texts import FREE, GROUPS, WORK, Exchange
from chatapp.core.errors import Json

WAKING_HOURS = range(7, 23)
# One of so many messages was edited or deleted; one of so many members has not read the newest.
EDITED_OF, DELETED_OF, AWAY_OF, MAX_UNREAD = 50, 100, 3, 7


@dataclass(frozen=True, slots=True)
class Conversation:
    """A generated chat: its type, its members (ids), its topics, and its share of all messages."""

    about: Json
    members: list[str]
    topics: Sequence[Exchange]
    share: float


def conversations(ids: dict[str, str], began: datetime, dice: random.Random) -> Iterator[Conversation]:
    """The groups; then the first user with all others, and some of the others with each other."""
    for name, (description, members, topics) in GROUPS.items():
        about = {"id": id_of(began), "type": "GROUP", "name": name, "description": description, "created_at": began}
        yield Conversation(about, [ids[member] for member in members], topics, dice.uniform(3, 6))
    pairs = list(itertools.combinations(ids.values(), 2))
    friends = len(ids) - 1
    for pair in pairs[:friends] + dice.sample(pairs[friends:], friends):
        key = ":".join(sorted(pair))
        about = {"id": id_of(began), "type": "DIRECT", "direct_key": key, "created_at": began}
        yield Conversation(about, list(pair), WORK + FREE, dice.uniform(0.2, 3))


def divided(size: int, shares: Sequence[float]) -> list[int]:
    """`size` in parts of at least 1, in proportion to these shares."""
    spare, whole = size - len(shares), sum(shares)
    ends = [round(spare * so_far / whole) for so_far in itertools.accumulate(shares)]
    return [1 + end - start for start, end in itertools.pairwise([0, *ends])]


def messages(
    conversation: Conversation, count: int, began: datetime, until: datetime, dice: random.Random
) -> Iterator[Json]:
    """The messages of a chat in order, `count` or a few more: dialogues, each within minutes."""
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
                "id": id_of(at),
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


def members(conversation: Conversation, rows: list[Json], began: datetime, dice: random.Random) -> Iterator[Json]:
    """The members of a chat with their receipts: some have not read the newest messages."""
    newest = len(rows)
    sent = {row["sender_id"]: row["seq"] for row in rows}
    for place, user_id in enumerate(conversation.members):
        unread = 0 if dice.randrange(AWAY_OF) else dice.randint(1, MAX_UNREAD)
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
    """A random time of day within these bounds."""
    while True:
        moment = began + (until - began) * dice.random()
        if moment.hour in WAKING_HOURS:
            return moment


def id_of(moment: datetime) -> str:
    """An id that sorts as if it had been generated then."""
    return str(uuid7(nanoseconds=int(moment.timestamp() * 1000) * 1_000_000))
