"""`python -m bench.capacity`: what 100,000 and 1,000,000 sockets need, computed from measured constants.

The table is part of docs/operations.md: `--write` updates it there, and a test compares the two. No site of that size
was measured.
"""

import math
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs" / "operations.md"
BEGIN, END = "<!-- capacity -->\n", "<!-- /capacity -->\n"

# What users do: each sends a message per minute, half of them in direct chats and half in groups, of which so many
# members are connected; each connected recipient marks it as read. Each has so many chats, and connects as often.
MESSAGES_PER_SECOND = 1 / 60
CONNECTED = 10
CHATS = 20
CONNECTS_PER_SECOND = 1 / 1800
# A worker has a core, of which at most so much is used; likewise a Redis, which works on one core.
SOCKETS_PER_WORKER = 20_000
LOAD = 0.6

# CPU µs, measured on two cores of a shared virtual machine beside other work, which makes them high.
# `python -m bench steady`: a message between two users at 300 per second, in a batch of its own; reading it.
MESSAGE, READ = 606.0, 261.0
DATABASE_MESSAGE, DATABASE_READ = 540.0, 211.0
# `python -m bench groups connect`: a delivery in a group; a connection, and KiB of its socket.
DELIVERY, CONNECT, SOCKET_KIB = 7.4, 1168.0, 13.1
# `python -m bench.bus`: an event that a worker publishes, receives from another, or from itself; a subscription.
PUBLISH, RECEIVE, RECEIVE_OWN, SUBSCRIBE = 30.0, 10.2, 9.1, 9.7
REDIS_EVENT, REDIS_RECEIVER, REDIS_SUBSCRIBE, SUBSCRIPTION_BYTES = 2.5, 0.7, 2.0, 260.0


class Site:
    """The load of so many sockets. Costs are in cores, of all workers together."""

    def __init__(self, sockets: int) -> None:
        self.messages = sockets * MESSAGES_PER_SECOND
        recipients = CONNECTED - 1
        # With many workers, the sockets of a chat are on different ones. Per message: the events of a direct chat and of
        # a group (the message, and per recipient a receipt of delivery and one of reading), and who receives them.
        events = (3 + 1 + 2 * recipients) / 2
        receptions = (3 + (1 + 2 * recipients) * recipients) / 2
        reads = (1 + recipients) / 2
        message = MESSAGE + READ * reads + DELIVERY * recipients / 2
        connects = sockets * CONNECTS_PER_SECOND
        self.talk = (self.messages * message + connects * CONNECT) / 1e6
        bus = events * (PUBLISH + RECEIVE_OWN) + receptions * RECEIVE
        self.bus = (self.messages * bus + connects * CHATS * SUBSCRIBE) / 1e6
        self.workers = max(math.ceil(sockets / SOCKETS_PER_WORKER), math.ceil((self.talk + self.bus) / LOAD))
        redis = self.messages * (events * (REDIS_EVENT + REDIS_RECEIVER) + receptions * REDIS_RECEIVER)
        self.redis = (redis + connects * CHATS * REDIS_SUBSCRIBE) / 1e6
        self.redis_nodes = math.ceil(self.redis / LOAD)
        # Chats have one socket on each worker, at most.
        self.redis_bytes = sockets * CHATS * SUBSCRIPTION_BYTES
        self.socket_bytes = sockets * SOCKET_KIB * 1024
        self.database = self.messages * (DATABASE_MESSAGE + DATABASE_READ * reads) / 1e6


def table() -> str:
    """The table, in Markdown."""
    sites = [Site(sockets) for sockets in (100_000, 1_000_000)]
    rows = {
        "messages per second": [f"{site.messages:,.0f}" for site in sites],
        "workers, each with a core": [f"{site.workers}" for site in sites],
        "– cores that are used without the bus": [f"{site.talk:.1f}" for site in sites],
        "– cores for the bus, all workers together": [f"{site.bus:.1f}" for site in sites],
        "memory of sockets": [f"{site.socket_bytes / 2**30:.1f} GiB" for site in sites],
        "Redis, cores that are used": [f"{site.redis:.2f}" for site in sites],
        "Redis, nodes": [f"{site.redis_nodes}" for site in sites],
        "Redis, memory of subscriptions": [f"{site.redis_bytes / 2**30:.1f} GiB" for site in sites],
        "PostgreSQL, cores that are used": [f"{site.database:.1f}" for site in sites],
    }
    lines = ["| | 100,000 sockets | 1,000,000 sockets |", "|---|---|---|"]
    lines += [f"| {name} | {' | '.join(values)} |" for name, values in rows.items()]
    return "\n".join(lines) + "\n"


def documented(docs: str) -> str:
    """The table in the text of docs/operations.md."""
    return docs.partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    print(table(), end="")
    if "--write" in sys.argv:
        before, _, rest = DOCS.read_text().partition(BEGIN)
        DOCS.write_text(before + BEGIN + table() + END + rest.partition(END)[2])
