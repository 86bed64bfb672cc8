"""One run: users chat, faults are injected, everything recovers, and all logs are checked."""

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests import once
from tests.chaos.checker import Truth, check
from tests.chaos.completeness import INCOMPLETE, check_completeness, missing_now
from tests.chaos.device import Device
from tests.chaos.faults import FaultInjector
from tests.chaos.plain import PlainClient
from tests.chaos.site import OUTAGE, Site
from tests.chaos.user import PAUSE, User
from tests.people import data, register
from tests.socket_clients import JsDriver

GROUPS = 5
TRANSPORTS: tuple[list[str] | None, ...] = (["websocket"], None, ["polling"])
# For all clients to reconnect.
SETTLE_TIMEOUT = 60.0
# For a worker to replay what its clients missed, once an outage is over: it has to notice that, and may wait to try again.
REPLAY_SECONDS = 20.0
# For who is gone to be missed: 30 s after their worker was killed, 45 s after a connection was abandoned without a word
# (the handshake's `pingInterval` and `pingTimeout`), as some are at the end of all faults.
PRESENCE_SECONDS = 50.0
# For another worker to process what the one that was killed has left: its lease and a poll.
ONCE_SECONDS = 20.0


@dataclass
class Result:
    """The result of a run. `violations` has the findings of each kind."""

    seed: int
    minutes: float
    workers: int
    people: int
    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    violations: dict[str, list[str]] = field(default_factory=dict)

    @property
    def held(self) -> bool:
        """True if there are no violations."""
        return not any(self.violations.values())


def run(
    folder: Path,
    *,
    seed: int,
    minutes: float,
    workers: int,
    people: int,
    pause: float,
    say: Callable[[str], None],
    outage: tuple[float, float] = OUTAGE,
    user_pause: tuple[float, float] = PAUSE,
) -> Result:
    """Inject faults for that many minutes, and check the logs."""
    result = Result(seed, minutes, workers, people)
    with ExitStack() as stack:
        site = stack.enter_context(Site(folder, workers, outage))
        driver = stack.enter_context(JsDriver())
        users = gather(site, driver, seed, people, user_pause)
        began = time.monotonic()
        for user in users:
            user.start()
        injector = FaultInjector(
            site, seed, pause=pause, say=lambda words: say(f"{time.monotonic() - began:6.1f} s  {words}")
        )
        injector.inject_for(minutes * 60)
        site.heal()
        plain = [user.plain for user in users if user.plain]
        late = [f"{client.name} does not come back" for client in plain if not comes_back(client)]
        after_outages = [
            f"{name}: {violation}" for name in injector.outages() for violation in await_replay(site, plain, say)
        ]
        say("all is well again")
        result.faults = injector.counts
        late += settle(users, say)
        late += await_replay(site, plain, say)
        truth = Truth.of(site.engine)
        result.violations = check(truth, users)
        for kind, found in check_completeness(truth, plain).items():
            result.violations.setdefault(kind, []).extend(found)
        result.violations[INCOMPLETE] += after_outages
        result.violations["once subscriber"] = wait_until_none(
            lambda: once.violations(once.read(site.written), truth.messages), ONCE_SECONDS
        )
        result.violations["who is here"] = roll_call(site, users, random.Random(f"roll call {seed}"))
        result.violations["never answered"] = late
        result.violations["errors of the server"] = errors_in_log(site)
        result.counts = count(truth, users)
        for client in (client for user in users for client in user.sockets):
            client.end()
    return result


def gather(site: Site, driver: JsDriver, seed: int, people: int, pause: tuple[float, float]) -> list[User]:
    """Users with one or two devices each, in overlapping groups and in direct chats."""
    rng = random.Random(f"people {seed}")
    persons = [register(site.server.url, f"p{number}") for number in range(people)]
    for number in range(GROUPS):
        owner, *others = rng.sample(persons, max(4, people // 2))
        group = {"name": f"Group {number}", "memberIds": [other.id for other in others]}
        chat_id = data(owner.post("/chats/groups", group))["id"]
        for other in others[::2]:
            data(owner.patch(f"/chats/{chat_id}/members/{other.id}/role", {"role": "ADMIN"}))
    for one, other in zip(persons[::2], persons[1::2], strict=False):
        one.direct_chat(other)
    users = []
    for number, person in enumerate(persons):
        devices = [
            Device(driver, site.url, person.token, person.id, TRANSPORTS[(number + other) % len(TRANSPORTS)])
            for other in range(1 + number % 2)
        ]
        # Every second one also has a client that never calls `sync`.
        transports = TRANSPORTS[number // 2 % len(TRANSPORTS)]
        plain = None if number % 2 else PlainClient(driver, site.url, person, transports)
        users.append(User(site.url, person, devices, plain, f"user {seed} {number}", pause))
    for user in users:
        user.others = [other for other in users if other is not user]
        for device in user.devices:
            device.catch_up(SETTLE_TIMEOUT)
    return users


def settle(users: list[User], say: Callable[[str], None]) -> list[str]:
    """Wait until all requests have responses and all devices have caught up; returns the requests without one."""
    devices = [device for user in users for device in user.devices]
    deadline = time.monotonic() + SETTLE_TIMEOUT

    def left() -> float:
        return max(1.0, deadline - time.monotonic())

    for user in users:
        user.stop()
    late = [f"{user.person.name} waits for an answer" for user in users if not user.is_silent(left())]
    late += [f"a device of {device.user_id} is behind" for device in devices if not device.catch_up(left())]
    # The last events have arrived; sync once more.
    time.sleep(1.5)
    late += [f"a device of {device.user_id} is behind again" for device in devices if not device.catch_up(left())]
    say("all users have caught up")
    return late


def await_replay(site: Site, clients: list[PlainClient], say: Callable[[str], None]) -> list[str]:
    """Messages stored by now that clients still lack after the time for a replay, without calling `sync`."""
    truth = Truth.of(site.engine)
    began = time.monotonic()
    missing = wait_until_none(lambda: missing_now(truth, clients), REPLAY_SECONDS)
    say(f"{len(missing)} messages are missing {time.monotonic() - began:.1f} s later")
    return missing


def comes_back(client: PlainClient) -> bool:
    """True if a client is connected in time and knows its chats."""
    return not wait_until_none(lambda: [] if client.is_following else ["not yet"], SETTLE_TIMEOUT)


def roll_call(site: Site, users: list[User], rng: random.Random) -> list[str]:
    """Half of the users leave: their presence must be correct for the server and for users who share a chat with them."""
    names = {user.person.id: user.person.name for user in users}

    def online() -> set[str]:
        # Each asks about themselves: presence is hidden from users who share no chat.
        responses = {user.person.id: user.ask("GET", f"/users/{user.person.name}") for user in users}
        return {id for id, (_, profile) in responses.items() if profile["isOnline"]}

    def absent(expected: set[str]) -> list[str]:
        present = online()
        return [f"{names[id]} is {'' if id in present else 'not '}said to be here" for id in present ^ expected]

    def not_informed() -> list[str]:
        staying = [device for user in users if user.person.id not in leaving for device in user.devices]
        return [
            f"{names[device.user_id]} received no event that {names[id]} has left"
            for device in staying
            for id in leaving
            if share_a_chat(users, device, id)
            if device.presence.get(id, (0.0, True))[1] or device.presence[id][0] < began
        ]

    violations = wait_until_none(lambda: absent(set(names)))
    leaving = set(rng.sample(sorted(names), len(names) // 2))
    began = time.monotonic()
    for user in users:
        if user.person.id in leaving:
            for device in user.sockets:
                device.leave()
    return violations + wait_until_none(lambda: absent(set(names) - leaving) + not_informed())


def wait_until_none(find: Callable[[], list[str]], seconds: float = PRESENCE_SECONDS) -> list[str]:
    """The violations that remain after the time-out."""
    deadline = time.monotonic() + seconds
    while (violations := find()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return violations


def share_a_chat(users: list[User], device: Device, user_id: str) -> bool:
    others = next(user for user in users if user.person.id == user_id).devices
    return any(set(device.copies) & set(other.copies) for other in others)


def errors_in_log(site: Site) -> list[str]:
    """What the server logged as errors, without the faults themselves: a killed worker, and a PostgreSQL that is killed
    while connections to it are stalled."""
    faults = ("SIGKILL", '"database_unreachable"')
    return [line for line in site.server.errors_in_log() if not any(fault in line for fault in faults)]


def count(truth: Truth, users: list[User]) -> Counter[str]:
    """The numbers of operations and received events, for the report."""
    devices = [device for user in users for device in user.devices]
    counts: Counter[str] = Counter()
    for user in users:
        counts.update(user.did)
    counts["messages stored"] = len(truth.messages)
    counts["events received"] = sum(len(device.log) for device in devices)
    counts["connections"] = sum(device.connections for device in devices)
    counts["syncs"] = sum(device.syncs for device in devices)
    counts["gaps seen"] = sum(device.gaps for device in devices)
    counts["devices"] = len(devices)
    plain = [user.plain for user in users if user.plain]
    counts["clients that never call sync"] = len(plain)
    counts["their connections"] = sum(client.connections for client in plain)
    counts["their events"] = sum(len(client.record) for client in plain)
    counts["chats named in resync to them"] = sum(
        len(entry.payload["chatIds"]) for client in plain for entry in client.record if entry.name == "resync"
    )
    return counts
