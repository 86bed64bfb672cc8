"""Two applications in one process are independent, whichever is created last."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import NullPool, create_engine, text

from tests.conftest import NewDatabase
from tests.edited import EditedServer
from tests.people import PASSWORD, TIMEOUT, Person, data, problem
from tests.server import free_port
from tests.socket_clients.python import PyClient
from tests.waiting import eventually

FIRST, SECOND = "First chat", "Second chat"
EVENTS = 6
CREATE = "    app = create_app(settings)\n"
# The second application has the port for metrics, and other settings.
_CREATE_SECOND = """    second = create_app(replace(
        settings, database_url={url!r}, upload_path=Path({folder!r}), app_name={name!r}, metrics_port=None,
        access_secret=40 * "2", ratelimit_enabled=True, rate_events=Rate({events}, 60), rate_register=Rate(1000, 60),
    ))
"""
_IMPORTS = "from dataclasses import replace\nfrom pathlib import Path\nfrom chatapp.core.settings import Rate\n"
# In each application a `once` subscriber and a job that write the name of the current application to its file.
_LINES = """
from chatapp.core import jobs, outbox
from chatapp.core.settings import current
from chatapp.features.chats.events import MessageSent

def _observe(app, path):
    def note(what):
        with open(path, "a") as file:
            file.write(f"{{current().app_name}}: {{what}}\\n")

    def write(events):
        for event in events:
            note(event.subject)

    with app.app_context():
        for seconds, task in outbox.subscribe([outbox.OnceSubscriber("file", frozenset({{MessageSent}}), write)]):
            app.extensions["background"].every(seconds, task)
        jobs.register([jobs.JobType("tick", lambda job: note("tick"), jobs.Schedule(2.0))])

_observe(app, {first!r})
_observe(second, {second!r})
second.extensions["background"].start()
_first = app.wsgi_app

def _serve(environ, start_response):
    own = environ["SERVER_PORT"] != str(settings.metrics_port)
    return (_first if own else second)(environ, start_response)

app.wsgi_app = _serve
"""


class Site:
    """One of the applications: its address, its database, and what its subscriber and its job wrote."""

    def __init__(self, url: str, database_url: str, written: Path) -> None:
        self.url, self._written = url, written
        self.engine = create_engine(database_url, poolclass=NullPool)

    def register(self, name: str) -> Person:
        """An account of that name."""
        account = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        return Person(self.url, data(self._post("register", account)))

    def login(self, name: str) -> requests.Response:
        """The response to a login."""
        return self._post("login", {"username": name, "password": PASSWORD})

    def _post(self, what: str, body: dict[str, str]) -> requests.Response:
        return requests.post(f"{self.url}/api/v1/auth/{what}", json=body, timeout=TIMEOUT)

    def column(self, statement: str) -> set[Any]:
        """The values of a column."""
        with self.engine.connect() as db:
            return set(db.execute(text(statement)).scalars())

    def lines(self) -> list[str]:
        """What was written."""
        return self._written.read_text().splitlines() if self._written.exists() else []


Sites = tuple[Site, Site]


@pytest.fixture(scope="module", params=["first is newest", "second is newest"])
def sites(
    request: pytest.FixtureRequest, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sites]:
    """The applications, in one worker."""
    folder = tmp_path_factory.mktemp("two")
    urls = [new_database(f"two_{secrets.token_hex(4)}") for _ in range(2)]
    files = [folder / "first", folder / "second"]
    port = free_port()
    server = EditedServer(urls[0], folder, APP_NAME=FIRST, METRICS_PORT=str(port), RATELIMIT_ENABLED="false")
    second = _CREATE_SECOND.format(url=urls[1], folder=str(folder / "files"), name=SECOND, events=EVENTS)
    create = second + CREATE if request.param == "first is newest" else CREATE + second
    code = server.wsgi.read_text()
    assert CREATE in code
    code = code.replace(CREATE, create).replace("from chatapp import", f"{_IMPORTS}from chatapp import")
    server.wsgi.write_text(code + _LINES.format(first=str(files[0]), second=str(files[1])))
    with server:
        yield Site(server.url, urls[0], files[0]), Site(f"http://127.0.0.1:{port}", urls[1], files[1])
        assert server.errors_in_log() == []


@pytest.fixture
def pairs(sites: Sites) -> tuple[tuple[Person, Person, str], ...]:
    """In each application two users with the same names, and their chat."""
    names = [f"{name}_{secrets.token_hex(4)}" for name in ("alice", "bob")]
    people = [[site.register(name) for name in names] for site in sites]
    return tuple((alice, bob, alice.direct_chat(bob)) for alice, bob in people)


def test_settings_and_documents_are_separate(sites: Sites) -> None:
    for site, name in zip(sites, (FIRST, SECOND), strict=True):
        document = requests.get(f"{site.url}/api/v1/openapi.json", timeout=TIMEOUT).json()
        assert document["info"]["title"] == f"{name} server"
        assert len(document["paths"]) > 20
        assert name in requests.get(f"{site.url}/docs/events", timeout=TIMEOUT).text


def test_accounts_and_tokens_are_separate(sites: Sites) -> None:
    first, second = sites
    name = f"carol_{secrets.token_hex(4)}"
    carol = first.register(name)
    assert problem(second.login(name)) == (401, "invalid_credentials")
    other = second.register(name)
    assert other.id != carol.id
    assert carol.get("/users/me").ok
    carol.url = second.url
    assert problem(carol.get("/users/me")) == (401, "token_invalid")


@pytest.mark.parametrize("transports", [["websocket"], ["polling"]], ids=["websocket", "polling"])
def test_events_are_separate(
    sites: Sites, pairs: tuple[tuple[Person, Person, str], ...], transports: list[str]
) -> None:
    sockets = [
        [PyClient.connect(site.url, person.token, transports=transports) for person in (alice, bob)]
        for site, (alice, bob, _) in zip(sites, pairs, strict=True)
    ]
    for site, (alice, bob, _) in zip(sites, pairs, strict=True):
        assert {alice.id, bob.id} == site.column("SELECT user_id::text FROM presence WHERE sockets > 0")
    # Interleaved: a message, its receipts, and typing that expires by a timer.
    for (alice_socket, _), (_, _, chat) in zip(sockets, pairs, strict=True):
        assert alice_socket.call("message:send", {"chatId": chat, "content": chat})["ok"]
        assert alice_socket.call("typing:start", {"chatId": chat})["ok"]
    for (alice, bob, chat), (alice_socket, bob_socket) in zip(pairs, sockets, strict=True):
        assert bob_socket.wait_for("message:new")["content"] == chat
        assert bob_socket.wait_for("typing:start")["userId"] == alice.id
        receipts = alice_socket.wait_for("messages:delivered")["receipts"]
        assert [each["userId"] for each in receipts] == [bob.id]
        assert bob_socket.wait_for("typing:stop", timeout=15)["userId"] == alice.id
        alice.send(chat, "over REST")
        bob_socket.wait_for("message:new", lambda message: message["content"] == "over REST")
        assert {payload["chatId"] for _, payload in bob_socket.received("message:new")} == {chat}
    for pair in sockets:
        for socket in pair:
            socket.disconnect()
    for site in sites:
        eventually(lambda site=site: not site.column("SELECT user_id FROM presence"), 15)  # type: ignore[misc]


def test_rate_limits_are_separate(sites: Sites, pairs: tuple[tuple[Person, Person, str], ...]) -> None:
    outcomes = []
    for site, (alice, _, chat) in zip(sites, pairs, strict=True):
        socket = PyClient.connect(site.url, alice.token)
        acks = [socket.call("typing:stop", {"chatId": chat}) for _ in range(EVENTS + 1)]
        outcomes.append([ack["ok"] for ack in acks])
        socket.disconnect()
    assert outcomes == [[True] * (EVENTS + 1), [True] * EVENTS + [False]]
    for (alice, _, _), is_limited in zip(pairs, (False, True), strict=True):
        assert ("RateLimit-Limit" in alice.get("/users/me").headers) is is_limited


def test_outbox_and_jobs_are_separate(sites: Sites, pairs: tuple[tuple[Person, Person, str], ...]) -> None:
    for site, name, (alice, _, chat) in zip(sites, (FIRST, SECOND), pairs, strict=True):
        sent = alice.send(chat, "for the outbox")["id"]
        eventually(lambda line=f"{name}: {sent}", site=site: line in site.lines(), 15)  # type: ignore[misc]
        eventually(lambda line=f"{name}: tick", site=site: line in site.lines(), 15)  # type: ignore[misc]
        assert all(line.startswith(name) for line in site.lines())
        messages = {f"{name}: {id}" for id in site.column("SELECT id::text FROM messages")}
        assert {line for line in site.lines() if not line.endswith("tick")} <= messages


def test_connections_ended_by_the_server_are_cleaned_up(
    sites: Sites, pairs: tuple[tuple[Person, Person, str], ...]
) -> None:
    for site, (alice, _, _) in zip(sites, pairs, strict=True):
        socket = PyClient.connect(site.url, alice.token, transports=["websocket"])
        assert alice.post("/auth/logout").ok
        socket.wait_disconnect()
        eventually(lambda site=site: not site.column("SELECT user_id FROM presence"), 15)  # type: ignore[misc]
