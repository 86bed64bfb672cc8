"""Searches in 5,000,000 messages by a user in 1,000 of 5,000 chats."""

import io
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from sqlalchemy import text

from bench.measure import Result, measured
from bench.requests import Connection, request
from bench.site import Site, User
from bench.talking import pairs
from chatapp.features.search.indexer import vector
from chatapp.features.search.words import VERSION

STORED = 5_000_000
CHATS, OWN_CHATS = 5000, 1000
USERS = 1000
YEAR = timedelta(days=365)
SEED = 23
# Messages stored at once, and pages of each kind.
PORTION = 100_000
PAGES = 200
# One of so many messages is Chinese.
CHINESE = 20
LETTERS = "etaoinshrdlucmwfgypbvk"


def word(rank: int) -> str:
    """The word of a rank, the most frequent one first."""
    letters = ""
    rank += 20
    while rank:
        rank, letter = divmod(rank, len(LETTERS))
        letters += LETTERS[letter]
    return letters


WORDS = [word(rank) for rank in range(30_000)]
HAN = [chr(code) for code in range(0x4E00, 0x4E00 + 2000)]
# Zipf's law: a word is as rare as its rank is high.
WORD_WEIGHTS = list(accumulate(1 / (rank + 3) for rank in range(len(WORDS))))
HAN_WEIGHTS = list(accumulate(1 / (rank + 3) for rank in range(len(HAN))))


def _one_of(first: int, last: int, words: Sequence[str] = WORDS) -> Callable[[random.Random], str]:
    return lambda rng: words[rng.randrange(first, last)]


def _several(template: str, *parts: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    return lambda rng: template.format(*(part(rng) for part in parts))


QUERIES: dict[str, Callable[[random.Random], str]] = {
    "common words": _one_of(0, 20),
    "medium words": _one_of(50, 300),
    "rare words": _one_of(2000, 6000),
    "the rarest words": _one_of(20_000, 30_000),
    "beginnings of one letter": lambda rng: rng.choice(LETTERS),
    "two Chinese characters": _several("{}{}", _one_of(0, 40, HAN), _one_of(0, 40, HAN)),
    "two rare Chinese characters": _several("{}{}", _one_of(200, 600, HAN), _one_of(200, 600, HAN)),
    "phrases of common words": _several('"{} {}"', _one_of(0, 30), _one_of(0, 30)),
    "phrases of medium words": _several('"{} {}"', _one_of(50, 300), _one_of(50, 300)),
    "a word without another": _several("{} -{}", _one_of(50, 300), _one_of(0, 20)),
}

_CHATS = text(
    """
    INSERT INTO chats (id, type, name, member_count, last_seq, last_rev, created_at, updated_at)
    SELECT id, 'GROUP', 'group ' || n, 5, last_seq, last_seq, :created_at, updated_at
    FROM unnest(CAST(:ids AS uuid[]), CAST(:seqs AS bigint[]), CAST(:times AS timestamptz[]))
         WITH ORDINALITY c (id, last_seq, updated_at, n)
    """
)
_MEMBERS = text(
    """
    INSERT INTO members (chat_id, user_id, role, delivered_seq, read_seq)
    SELECT m.chat_id, m.user_id, 'MEMBER', c.last_seq, c.last_seq
    FROM unnest(CAST(:chat_ids AS uuid[]), CAST(:user_ids AS uuid[])) m (chat_id, user_id) JOIN chats c ON c.id = m.chat_id
    """
)
_INDEXED = text("INSERT INTO chat_search (chat_id, indexed_rev, version) SELECT id, last_rev, :version FROM chats")
_GIN = "CREATE INDEX message_words_words_idx ON message_words USING gin (words) WITH (gin_pending_list_limit = 512)"


def searches(site: Site) -> list[Result]:
    """Pages of words of each frequency, of phrases and of Chinese; the size of the index."""
    reader = store(site)
    with site.engine.connect() as db:
        size = db.execute(text("SELECT pg_total_relation_size('message_words')")).scalar_one()
    site.start(1, RATELIMIT_SEARCH="10000000/60s")
    rng = random.Random(SEED)
    found = [_pages(site, reader, kind, [make(rng) for _ in range(PAGES)]) for kind, make in QUERIES.items()]
    found[0].more["bytes of the index for a message"] = size / STORED
    return found


def indexing(site: Site) -> list[Result]:
    """Pairs without and with the index of the search, which the worker and PostgreSQL write meanwhile."""
    site.start(1, SEARCH="off")
    without = pairs(site)
    without.name += ", SEARCH=off"
    site.start(1)
    result = pairs(site)
    result.name += ", SEARCH=on"
    result.more["times the CPU of off"] = result.cpu_us / without.cpu_us
    result.more["times the PostgreSQL CPU of off"] = result.database_us / without.database_us
    return [without, result]


def _pages(site: Site, reader: User, kind: str, queries: list[str]) -> Result:
    result = Result(f"search, {kind}", "pages")
    connection = Connection()
    hits = partial = 0
    with measured(site, result) as clock:
        for q in queries:
            connection.ask(request("GET", f"/search/messages?{urlencode({'q': q})}", reader))
            while (response := connection.read()) is None:
                pass
            clock.note(time.perf_counter() - connection.began)
            page = orjson.loads(response[response.index(b"\r\n\r\n") :])
            hits += len(page["data"])
            partial += page["meta"].get("isPartial", False)
    result.more |= {"hits": hits / len(queries), "partial %": 100 * partial / len(queries)}
    return result


def store(site: Site) -> User:
    """Store the messages; returns a user in `OWN_CHATS` chats."""
    # Its jobs would wait for the locks.
    site.stop()
    rng = random.Random(SEED)
    users = site.users(USERS)
    reader = users[0]
    now = datetime.now(UTC)
    chats = [_id(0, n) for n in range(CHATS)]
    # Few chats have many messages, and the reader is in chats of all sizes.
    weights = list(accumulate(1 / (n + 20) for n in range(CHATS)))
    own = range(0, CHATS, CHATS // OWN_CHATS)
    members = [[users[rng.randrange(1, USERS)] for _ in range(4)] for _ in chats]
    last_seq, last_at = [0] * CHATS, [now - YEAR] * CHATS
    order = rng.choices(range(CHATS), cum_weights=weights, k=STORED)
    with site.engine.begin() as db:
        db.exec_driver_sql("ALTER TABLE messages DISABLE TRIGGER ALL")
        db.exec_driver_sql("DROP INDEX message_words_words_idx")
        cursor: Any = db.connection.cursor()
        for start in range(0, STORED, PORTION):
            messages, words = io.StringIO(), io.StringIO()
            for at, (n, content) in enumerate(_contents(rng, order[start : start + PORTION]), start):
                moment = now - YEAR * (1 - at / STORED)
                last_seq[n] += 1
                last_at[n] = moment
                id, sender = _id(int(moment.timestamp() * 1000), at), members[n][at % 4].id
                numbers = f"{last_seq[n]}\t{last_seq[n]}"
                messages.write(f"{id}\t{chats[n]}\t{numbers}\t{sender}\t{content}\t{moment.isoformat()}\n")
                words.write(f"{chats[n]}\t{id}\t{sender}\t{vector(content)}\n")
            for table, rows in (
                ("messages (id, chat_id, seq, rev, sender_id, content, created_at)", messages),
                ("message_words (chat_id, message_id, sender_id, words)", words),
            ):
                rows.seek(0)
                cursor.copy_expert(f"COPY {table} FROM STDIN", rows)
        db.execute(_CHATS, {"ids": chats, "seqs": last_seq, "times": last_at, "created_at": now - YEAR})
        joined = {(chats[n], reader.id) for n in own}
        joined |= {(chats[n], user.id) for n, few in enumerate(members) for user in few}
        db.execute(_MEMBERS, {"chat_ids": [chat for chat, _ in joined], "user_ids": [user for _, user in joined]})
        db.execute(_INDEXED, {"version": VERSION})
        db.exec_driver_sql(_GIN)
        db.exec_driver_sql("ALTER TABLE messages ENABLE TRIGGER ALL")
    site.tidy()
    return reader


def _contents(rng: random.Random, order: list[int]) -> Iterator[tuple[int, str]]:
    """A text of 3 to 19 words, or as many Chinese characters, for each message of these chats."""
    lengths = rng.choices(range(3, 20), k=len(order))
    stream = iter(rng.choices(WORDS, cum_weights=WORD_WEIGHTS, k=sum(lengths)))
    for n, (chat, length) in enumerate(zip(order, lengths, strict=True)):
        if n % CHINESE:
            yield chat, " ".join(next(stream) for _ in range(length))
        else:
            yield chat, "".join(rng.choices(HAN, cum_weights=HAN_WEIGHTS, k=length))


def _id(milliseconds: int, n: int) -> str:
    return str(UUID(int=(milliseconds << 80) | (7 << 76) | (0b10 << 62) | (n * 0x9E3779B97F4A7C15 & (1 << 62) - 1)))
