"""Reactions: beside messages, and all at once."""

import select
import time
from collections.abc import Callable
from itertools import cycle

import orjson

from bench.measure import Result, centiles, measured
from bench.requests import Connection, request
from bench.site import PORT, Site, User
from bench.sockets import Client, Crowd, Packet, event

TEXT = "the quick brown fox jumps over the lazy dog"
RATE = 200
SECONDS = 8.0
WARM_SECONDS = 2.0
# Messages for each reaction.
MESSAGES = 4
CHANGED = b'42/chat,["message:changed"'


class Requests:
    """Requests on keep-alive connections, each of which is free for the next one once it has its response."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._free: list[Connection] = []
        self._busy: dict[int, tuple[Connection, float, Callable[[float, bytes], None]]] = {}

    def ask(self, packet: bytes, due: float, done: Callable[[float, bytes], None]) -> None:
        """Send a request that was due at a time; `done` gets the seconds from then to the response, and that."""
        connection = self._free.pop() if self._free else self._connect()
        self._busy[connection.descriptor] = connection, due, done
        connection.ask(packet)

    def _connect(self) -> Connection:
        connection = Connection()
        self._poll.register(connection.descriptor, select.EPOLLIN)
        return connection

    def run(self, until: float) -> None:
        """Take in responses until a time."""
        while (left := until - time.perf_counter()) > 0:
            for descriptor, _ in self._poll.poll(left):
                connection, due, done = self._busy[descriptor]
                if response := connection.read():
                    if not response.startswith(b"HTTP/1.1 20"):
                        raise RuntimeError(response[:500].decode())
                    del self._busy[descriptor]
                    self._free.append(connection)
                    done(time.perf_counter() - due, response)

    def close(self) -> None:
        """End all connections."""
        for connection in (*self._free, *(busy[0] for busy in self._busy.values())):
            connection.socket.close()
        self._poll.close()


class Posting:
    """Messages of 50 pairs over REST at a fixed rate; of each pair the other one reacts to some of them."""

    def __init__(self, site: Site, *, reacting: bool) -> None:
        people = site.users(100)
        pairs = list(zip(people[::2], people[1::2], strict=True))
        self._pairs = cycle([(one, two, site.chat((one, two), type="DIRECT")) for one, two in pairs])
        self._reacting = reacting
        self._requests = Requests()
        self.posted: list[float] = []
        self.reacted: list[float] = []

    def run(self, seconds: float) -> None:
        """Post for a while."""
        due, end = time.perf_counter(), time.perf_counter() + seconds
        while due < end:
            self._post(due)
            due += 1 / RATE
            self._requests.run(due)

    def _post(self, due: float) -> None:
        sender, other, chat_id = next(self._pairs)

        def done(seconds: float, response: bytes) -> None:
            self.posted.append(seconds)
            if self._reacting and len(self.posted) % MESSAGES == 0:
                message = orjson.loads(response[response.find(b"\r\n\r\n") + 4 :])["data"]
                self._react(other, message["id"])

        body = {"chatId": chat_id, "content": TEXT}
        self._requests.ask(request("POST", "/messages", sender, body), due, done)

    def _react(self, person: User, message_id: str) -> None:
        path = f"/messages/{message_id}/reactions/:thumbs_up:"
        asked = request("PUT", path, person)
        self._requests.ask(asked, time.perf_counter(), lambda seconds, _: self.reacted.append(seconds))

    def close(self) -> None:
        """End all connections."""
        self._requests.close()


def posts(site: Site, *, reacting: bool) -> Result:
    """Messages over REST at a fixed rate, with or without reactions; latencies are those of the messages."""
    name = f"POST, {RATE}/s" + (f", with a reaction for each {MESSAGES}" if reacting else "")
    result = Result(name, "messages")
    posting = Posting(site, reacting=reacting)
    site.tidy()
    posting.run(WARM_SECONDS)
    posting.posted, posting.reacted = [], []
    with measured(site, result) as clock:
        posting.run(SECONDS)
        clock.done, clock.latencies = len(posting.posted), posting.posted
    if posting.reacted:
        result.more["reactions"] = len(posting.reacted)
        result.more["p50 of reactions"], result.more["p99 of reactions"] = centiles(posting.reacted)
    posting.close()
    return result


def celebration(site: Site, members: int = 1000, seconds: float = 2.0) -> Result:
    """All members of a group, who are connected, react to one message within two seconds. The unit is a reaction, the
    latency that of its ack."""
    result = Result(f"{members:,} react within {seconds:g} s", "reactions")
    people = site.users(members)
    chat = site.chat(people)
    asked: dict[int, float] = {}
    acked: list[float] = []
    counts = [0] * members
    message_id, events, failed = "", 0, 0

    def on_packet(client: Client, packet: Packet) -> None:
        nonlocal events, failed, message_id
        if packet[: len(CHANGED)] == CHANGED:
            events += 1
            at = packet.find(b'"count":') + 8
            counts[client.index] = int(packet[at : packet.find(b",", at)].rstrip(b"}"))
        elif packet[:8] == b"43/chat,":
            ok = packet.find(b'"ok":true') > 0
            if not message_id:
                message_id = orjson.loads(packet[packet.find(b"[") :])[0]["data"]["id"]
            else:
                failed += not ok
                acked.append(time.perf_counter() - asked[client.index])

    crowd = Crowd(PORT)
    clients = crowd.connect((person.token for person in people), on_packet)
    clients[0].send(event("message:send", {"chatId": chat, "content": "We won!"}, 1))
    crowd.until(lambda: bool(message_id), 10)
    site.tidy()
    crowd.run(WARM_SECONDS)
    with measured(site, result) as clock:
        began = time.perf_counter()
        for number, client in enumerate(clients):
            crowd.run(max(0.0, began + number * seconds / members - time.perf_counter()))
            asked[client.index] = time.perf_counter()
            client.send(event("message:react", {"messageId": message_id, "emoji": "🎉", "on": True}, 2))
        crowd.until(lambda: len(acked) == members and min(counts) == members, 60)
        clock.done, clock.latencies = len(acked), acked
    result.more["seconds until all know"] = time.perf_counter() - began
    result.more["events each"] = events / members
    result.more["failed"] = failed
    crowd.close()
    return result
