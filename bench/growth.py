"""The cost of users who have disconnected, and of stored messages."""

import time

from sqlalchemy import text

from bench.connecting import allow_files
from bench.measure import Result, measured
from bench.site import PORT, Site
from bench.sockets import Client, Crowd, Packet, event
from bench.talking import pairs

SEEN = 20_000
AT_ONCE = 2000
STORED = 5_000_000
CHATS = 1000
# The windows of all limits but that of failed logins have passed.
FORGET_SECONDS = 65.0

_USERS_AND_CHATS = text(
    """
    WITH sender AS (SELECT id, row_number() OVER () AS n FROM users LIMIT :chats), chat AS (
        INSERT INTO chats (id, type, name, member_count, last_seq, last_rev)
        SELECT gen_random_uuid(), 'GROUP', 'stored ' || n, 1, :each, :each + 1 FROM sender RETURNING id, name
    )
    INSERT INTO members (chat_id, user_id, role, delivered_seq, read_seq)
    SELECT c.id, s.id, 'ADMIN', :each, :each FROM chat c JOIN sender s ON c.name = 'stored ' || s.n
    """
)
_STORE = text(
    """
    INSERT INTO messages (id, chat_id, seq, rev, sender_id, content, client_id, client_digest)
    SELECT uuidv7(), m.chat_id, n, n + 1, m.user_id,
           'message number ' || n || ' of a long conversation', gen_random_uuid(),
           substring(uuid_send(gen_random_uuid()) FOR 7)
    FROM generate_series(1, :each) n, members m JOIN chats c ON c.id = m.chat_id WHERE c.name LIKE 'stored %'
    """
)


def seen_before(site: Site) -> list[Result]:
    """Pairs before and after 20,000 users were connected and sent an event each; what is left of them in memory."""
    allow_files(AT_ONCE + 500)
    site.start(1)
    before = pairs(site)
    memory = site.memory()
    users = site.users(SEEN)
    for start in range(0, SEEN, AT_ONCE):
        crowd = Crowd(PORT)
        acked = 0

        def on_packet(_client: Client, packet: Packet) -> None:
            nonlocal acked
            acked += packet[:3] == b"43/"

        clients = crowd.connect((user.token for user in users[start : start + AT_ONCE]), on_packet)
        for client in clients:
            client.send(event("typing:stop", {"chatId": "x"}, 1))
        crowd.until(lambda: acked == len(clients), 60)  # noqa: B023  # Called at once.
        crowd.close()
    time.sleep(FORGET_SECONDS)
    after = pairs(site)
    after.name = f"pairs, after {SEEN:,} users came and went"
    after.more["times the CPU before"] = after.cpu_us / before.cpu_us
    after.more["MiB more"] = (site.memory() - memory) / 1024**2
    idle = Result("idle, after they went", "seconds")
    with measured(site, idle) as clock:
        time.sleep(5.0)
        clock.done = 5
    idle.more["core %"] = idle.cpu_us / 1e4
    return [before, after, idle]


def large(site: Site) -> list[Result]:
    """Pairs in an empty database and in one with 5,000,000 messages; the size of a message, and its WAL."""
    empty = pairs(site)
    site.users(CHATS)
    with site.engine.begin() as db:
        db.execute(_USERS_AND_CHATS, {"chats": CHATS, "each": STORED // CHATS})
        db.execute(_STORE, {"each": STORED // CHATS})
    site.tidy()
    with site.engine.connect() as db:
        size = db.execute(text("SELECT pg_total_relation_size('messages')")).scalar_one()
        indexes = db.execute(text("SELECT pg_indexes_size('messages')")).scalar_one()
        count = db.execute(text("SELECT count(*) FROM messages")).scalar_one()
        wal = db.execute(text("SELECT pg_current_wal_lsn()")).scalar_one()
    full = pairs(site)
    full.name = f"pairs, {STORED:,} messages stored"
    with site.engine.connect() as db:
        sent = db.execute(text("SELECT count(*) FROM messages")).scalar_one() - count
        written = db.execute(text("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), :lsn)"), {"lsn": wal}).scalar_one()
    full.more["times the PostgreSQL CPU of empty"] = full.database_us / empty.database_us
    full.more["bytes"] = size / count
    full.more["of indexes"] = indexes / count
    full.more["bytes of WAL"] = float(written) / sent
    return [empty, full]
