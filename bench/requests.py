"""What REST costs: pages of history, the list of chats, sending, logging in."""

import base64
import json
import random
import select
import socket
import time
from collections.abc import Callable, Sequence

import orjson
from sqlalchemy import text

from bench.measure import Result, measured
from bench.site import PORT, Site, User

_CHATS = text(
    """
    WITH chat AS (
        INSERT INTO chats (id, type, direct_key, member_count, last_seq, last_rev, updated_at)
        SELECT gen_random_uuid(), 'DIRECT', least(:reader, o) || ':' || greatest(:reader, o), 2, 3, 4,
               now() - n * interval '1 minute'
        FROM unnest(CAST(:others AS text[])) WITH ORDINALITY other (o, n) RETURNING id, direct_key
    ), member AS (
        INSERT INTO members (chat_id, user_id, delivered_seq, read_seq)
        SELECT id, CAST(split_part(direct_key, ':', n) AS uuid), 3, 3 FROM chat, generate_series(1, 2) n
    )
    INSERT INTO messages (id, chat_id, seq, rev, sender_id, content)
    SELECT gen_random_uuid(), id, n, n + 1, CAST(split_part(direct_key, ':', 1) AS uuid),
           'message number ' || n || ' of a long conversation'
    FROM chat, generate_series(1, 3) n
    """
)
_REPLY = text(
    """
    UPDATE messages m SET reply_to = q.id FROM messages q
    WHERE m.chat_id = :chat_id AND m.seq > 950 AND q.chat_id = m.chat_id AND q.seq = m.seq - 900
    """
)
CONNECTIONS = 8
WARM_SECONDS = 1.0
SECONDS = 5.0


class Connection:
    """One keep-alive connection, on which one request at a time is on its way."""

    __slots__ = ("_in", "began", "descriptor", "socket")

    def __init__(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", PORT))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.descriptor = self.socket.fileno()
        self.began = 0.0
        self._in = b""

    def ask(self, request: bytes) -> None:
        """Send a request."""
        self.began = time.perf_counter()
        self.socket.sendall(request)

    def read(self) -> bytes | None:
        """The response, if it is complete: its head and its body."""
        data = self.socket.recv(262144)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._in += data
        head = self._in.find(b"\r\n\r\n") + 4
        if head < 4:
            return None
        at = self._in.lower().find(b"content-length: ", 0, head)
        if at < 0:
            raise ConnectionError(self._in[:head].decode())
        if len(self._in) < head + int(self._in[at + 16 : self._in.find(b"\r", at)]):
            return None
        response, self._in = self._in, b""
        return response


def request(method: str, path: str, user: User | None = None, body: object = None) -> bytes:
    """The bytes of a request."""
    content = b"" if body is None else orjson.dumps(body)
    head = f"{method} /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if user:
        head += f"Authorization: Bearer {user.token}\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return head.encode() + b"\r\n" + content


def drive(
    site: Site,
    result: Result,
    make: Callable[[], bytes],
    *,
    expect: bytes,
    connections: int = CONNECTIONS,
    seconds: float = SECONDS,
) -> Result:
    """Send the requests of `make` over several connections as fast as responses arrive; each has to begin with
    `expect`."""
    poll = select.epoll()
    by_descriptor = {}
    for _ in range(connections):
        connection = Connection()
        by_descriptor[connection.descriptor] = connection
        poll.register(connection.descriptor, select.EPOLLIN)
        connection.ask(make())

    def run(seconds: float, note: Callable[[float], None]) -> None:
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            for descriptor, _ in poll.poll(1.0):
                connection = by_descriptor[descriptor]
                if response := connection.read():
                    if not response.startswith(expect):
                        raise RuntimeError(response[:500].decode())
                    note(time.perf_counter() - connection.began)
                    connection.ask(make())

    run(WARM_SECONDS, lambda _: None)
    with measured(site, result) as clock:
        run(seconds, clock.note)
    for connection in by_descriptor.values():
        connection.socket.close()
    poll.close()
    return result


def history(site: Site, chat_id: str, reader: User, stored: int, *, deep: bool) -> Result:
    """Pages of 50: the newest, or from anywhere."""
    result = Result(f"history page, {'deep' if deep else 'first'}, of {stored:,}", "requests")

    def page() -> bytes:
        path = f"/messages/{chat_id}"
        if deep:
            key = json.dumps(["before", random.randrange(60, stored)]).encode()
            path += "?cursor=" + base64.urlsafe_b64encode(key).decode().rstrip("=")
        return request("GET", path, reader)

    return drive(site, result, page, expect=b"HTTP/1.1 200")


def around(site: Site, chat_id: str, reader: User, stored: int) -> Result:
    """Pages of 50 around a message from anywhere."""
    result = Result(f"page around a message, of {stored:,}", "requests")

    def page() -> bytes:
        return request("GET", f"/messages/{chat_id}?around={random.randrange(60, stored - 60)}", reader)

    return drive(site, result, page, expect=b"HTTP/1.1 200")


def replies(site: Site) -> list[Result]:
    """The newest page of a chat of 1,000 messages, before and after each of its messages is a reply."""
    reader, writer = site.users(2)
    chat_id = site.chat((reader, writer), type="DIRECT")
    site.fill(chat_id, writer, stored=0, total=1000)
    found = [history(site, chat_id, reader, 1000, deep=False)]
    with site.engine.begin() as db:
        db.execute(_REPLY, {"chat_id": chat_id})
    site.tidy()
    with_quotes = history(site, chat_id, reader, 1000, deep=False)
    with_quotes.name = "history page with 50 replies"
    with_quotes.more["times the CPU of plain messages"] = with_quotes.cpu_us / found[0].cpu_us
    return [*found, with_quotes]


def chat_list(site: Site, count: int = 200) -> Result:
    """The first 50 chats of a user."""
    result = Result(f"chat list, 50 of {count}", "requests")
    reader, *others = site.users(count + 1)
    with site.engine.begin() as db:
        db.execute(_CHATS, {"reader": reader.id, "others": [other.id for other in others]})
    site.tidy()
    ask = request("GET", "/chats", reader)
    return drive(site, result, lambda: ask, expect=b"HTTP/1.1 200")


def post(site: Site, people: int = 32) -> Result:
    """Messages sent over REST."""
    result = Result("POST /messages", "requests")
    senders = site.users(people)
    chats = [site.chat((one, two), type="DIRECT") for one, two in zip(senders[::2], senders[1::2], strict=True)]
    turn = _turns(senders[::2], chats)
    return drive(site, result, turn, expect=b"HTTP/1.1 201", connections=len(chats))


def _turns(senders: Sequence[User], chats: Sequence[str]) -> Callable[[], bytes]:
    asks = [
        request("POST", "/messages", sender, {"chatId": chat, "content": "the quick brown fox jumps over the lazy dog"})
        for sender, chat in zip(senders, chats, strict=True)
    ]
    number = 0

    def turn() -> bytes:
        nonlocal number
        number += 1
        return asks[number % len(asks)]

    return turn


def login(name: str) -> bytes:
    """A login of a user."""
    return request("POST", "/auth/login", None, {"username": name, "password": Site.password})
