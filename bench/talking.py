"""Messages over sockets: between two, to many, one at a time."""

import time

from bench.measure import Result, centiles, measured
from bench.site import PORT, Site, User
from bench.sockets import Client, Crowd, Packet, event

WARM_SECONDS = 1.0
SECONDS = 6.0
NEW = b'42/chat,["message:new"'
TEXT = "the quick brown fox jumps over the lazy dog, number "


class Conversation:
    """Senders who each have one message on its way at any time, and the time from sending to the last who waits for it.

    `waits_for` names, for each sender's number, the client whose receipt ends the message's way.
    """

    def __init__(self, site: Site, crowd: Crowd) -> None:
        self.site = site
        self.crowd = crowd
        self.sent: dict[bytes, float] = {}
        self.chats: dict[int, str] = {}
        self.number = 0
        self.done = 0
        self.latencies: list[float] = []
        self.failed = 0
        self.going = True
        # Whether each message is marked as read.
        self.reading = False

    def send(self, client: Client) -> None:
        """Send the next message of a sender."""
        self.number += 1
        key = b"%08d" % self.number
        self.sent[key] = time.perf_counter()
        client.send(event("message:send", {"chatId": self.chats[client.index], "content": TEXT + key.decode()}, 1))

    def on_packet(self, client: Client, packet: Packet) -> None:
        """An ack triggers the next message; a message that reached another client ends its measurement."""
        if packet[:3] == b"43/":
            self.failed += packet.find(b'"ok":true') < 0
            if self.going:
                self.send(client)
        elif packet[: len(NEW)] == NEW:
            at = packet.find(TEXT.encode()) + len(TEXT)
            key = packet[at : at + 8]
            # The sender receives their own message too: the measurement ends at another client.
            if key in self.sent and client.index not in self.chats:
                self.latencies.append(time.perf_counter() - self.sent.pop(key))
                self.done += 1
                if self.reading:
                    (chat_id,) = self.chats.values()
                    client.send(event("messages:read", {"chatId": chat_id}, 1))


def pairs(site: Site, count: int = 100) -> Result:
    """Pairs of people, one of each sending as fast as the acks come."""
    result = Result(f"pairs, {count}, closed loop", "messages")
    people = site.users(2 * count)
    crowd = Crowd(PORT)
    talk = Conversation(site, crowd)
    for n in range(count):
        talk.chats[2 * n] = site.chat(people[2 * n : 2 * n + 2], type="DIRECT")
    site.tidy()
    crowd.connect((person.token for person in people), talk.on_packet)
    return _talk(site, talk, result, SECONDS)


def two_people(site: Site) -> tuple[Conversation, Client, User]:
    """Two people who are connected, the socket of the one who sends, and that person."""
    people = site.users(2)
    crowd = Crowd(PORT)
    talk = Conversation(site, crowd)
    talk.chats[0] = site.chat(people, type="DIRECT")
    sender, _ = crowd.connect((person.token for person in people), talk.on_packet)
    talk.going = False
    crowd.run(0.5)
    return talk, sender, people[0]


def one_pair(site: Site, rate: int = 50, seconds: float = 6.0, *, reading: bool = False) -> Result:
    """Two users only: from sending to receiving, at `rate` messages a second."""
    result = Result(f"one pair, {rate}/s{', each read' if reading else ''}", "messages")
    talk, sender, _ = two_people(site)
    talk.reading = reading
    crowd = talk.crowd
    with measured(site, result) as clock:
        for _ in range(int(rate * seconds)):
            talk.send(sender)
            crowd.run(1 / rate)
        clock.done, clock.latencies = talk.done, talk.latencies
    crowd.close()
    return result


def group(site: Site, members: int, *, online: int | None = None, senders: int = 4) -> Result:
    """A group of which `online` are connected (all, if None), a few of them sending as fast as the acks come.

    The unit is one delivery to one socket, or with few online one message.
    """
    few = online is not None
    name = f"group of {members}, {online} online" if few else f"group of {members}, all connected"
    result = Result(name, "messages" if few else "deliveries")
    people = site.users(members)
    crowd = Crowd(PORT)
    chat = site.chat(people)
    site.tidy()
    watch = Watch(online or members)
    talk = Conversation(site, crowd)

    def on_packet(client: Client, packet: Packet) -> None:
        watch.on_packet(packet)
        talk.on_packet(client, packet)

    recipients = crowd.connect((person.token for person in people[: online or members]), on_packet)
    for sender in recipients[:senders]:
        talk.chats[sender.index] = chat
    for sender in recipients[:senders]:
        for _ in range(4 if few else 1):
            talk.send(sender)
    crowd.run(WARM_SECONDS)
    watch.reset()
    with measured(site, result) as clock:
        crowd.run(SECONDS)
        clock.done = watch.deliveries // watch.recipients if few else watch.deliveries
    talk.going = False
    crowd.run(0.3)
    if watch.last:
        result.p50, result.p99 = centiles(watch.last)
    result.more["messages/s"] = result.rate if few else result.rate / watch.recipients
    result.more["failed"] = talk.failed
    crowd.close()
    return result


def receipts(site: Site, members: int = 50, seconds: int = 8) -> Result:
    """A group whose members are all connected, one message per second: what a message costs with all its receipts."""
    result = Result(f"group of {members}, one message per second", "messages")
    people = site.users(members)
    crowd = Crowd(PORT)
    talk = Conversation(site, crowd)
    talk.going = False
    events = 0

    def on_packet(client: Client, packet: Packet) -> None:
        nonlocal events
        events += packet.startswith(b'42/chat,["messages:delivered"')
        talk.on_packet(client, packet)

    talk.chats[0] = site.chat(people)
    site.tidy()
    sender, *_ = crowd.connect((person.token for person in people), on_packet)
    crowd.run(WARM_SECONDS)
    events = 0
    with measured(site, result) as clock:
        for _ in range(seconds):
            talk.send(sender)
            crowd.run(1.0)
        clock.done = seconds
    result.more["receipt events per message"] = events / seconds
    result.more["failed"] = talk.failed
    crowd.close()
    return result


class Watch:
    """Counts deliveries, and times each message from its first sighting of the sender to its last recipient."""

    def __init__(self, recipients: int) -> None:
        self.recipients = recipients
        self.reset()

    def reset(self) -> None:
        """Begin again."""
        self.deliveries = 0
        self.last: list[float] = []
        self._received: dict[bytes, list[float]] = {}

    def on_packet(self, packet: Packet) -> None:
        """Count a message, if it is one."""
        if packet[: len(NEW)] != NEW:
            return
        self.deliveries += 1
        at = packet.find(TEXT.encode()) + len(TEXT)
        key = packet[at : at + 8]
        received = self._received.get(key)
        if received is None:
            received = self._received[key] = [0, time.perf_counter()]
        received[0] += 1
        if received[0] == self.recipients:
            self.last.append(time.perf_counter() - received[1])
            del self._received[key]


def _talk(site: Site, talk: Conversation, result: Result, seconds: float) -> Result:
    for index in talk.chats:
        talk.send(talk.crowd.clients[index])
    talk.crowd.run(WARM_SECONDS)
    talk.done, talk.latencies = 0, []
    with measured(site, result) as clock:
        talk.crowd.run(seconds)
        clock.done, clock.latencies = talk.done, talk.latencies
    talk.going = False
    talk.crowd.run(0.3)
    talk.crowd.close()
    result.more["failed"] = talk.failed
    return result


def typing(site: Site, members: int = 500, typists: int = 4) -> Result:
    """A few of many users type continuously: events that are never stored."""
    result = Result(f"typing, to {members - 1}", "deliveries")
    people = site.users(members)
    chat = site.chat(people)
    site.tidy()
    crowd = Crowd(PORT)
    deliveries = 0
    going = True

    def on_packet(client: Client, packet: Packet) -> None:
        nonlocal deliveries
        if packet[:3] == b"43/":
            if going:
                client.send(event("typing:start", {"chatId": chat}, 1))
        elif packet.startswith(b'42/chat,["typing:start"'):
            deliveries += 1

    for typist in crowd.connect((person.token for person in people), on_packet)[:typists]:
        typist.send(event("typing:start", {"chatId": chat}, 1))
    crowd.run(WARM_SECONDS)
    deliveries = 0
    with measured(site, result) as clock:
        crowd.run(SECONDS)
        clock.done = deliveries
    going = False
    crowd.run(0.3)
    crowd.close()
    return result
