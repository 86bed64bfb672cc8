"""Two storages: a folder, and a bucket of a real S3 server; each with its own server in front."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from sqlalchemy import Engine, create_engine, text

from tests.conftest import NewDatabase
from tests.forked import run_flask
from tests.people import Person, register
from tests.server import START_SECONDS, Server, environment, free_port

BUCKET = "chat-files"


@dataclass
class Place:
    """A server, its storage, and its settings. `stored` returns the stored names."""

    kind: str
    server: Server
    folder: Path
    settings: dict[str, str]
    stored: Callable[[], set[str]]
    put: Callable[[str, bytes], None]

    def count(self, engine: Engine) -> tuple[int, int, set[str]]:
        """The number of rows of messages and files, and the stored names."""
        with engine.connect() as db:
            messages, uploads = db.execute(
                text("SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM uploads)")
            ).one()
        return messages, uploads, self.stored()

    def fetch(self, path: str, person: Person | None = None, **options: Any) -> requests.Response:
        """The response to a GET, after redirects."""
        headers = options.pop("headers", {}) | ({"Authorization": f"Bearer {person.token}"} if person else {})
        return requests.get(self.server.url + path, headers=headers, timeout=20, **options)


@pytest.fixture(scope="session")
def database_url(new_database: NewDatabase) -> str:
    """The database of these servers: in that of `server` they would take its jobs, whose events it then misses."""
    return new_database("chat_files")


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    """The database of these servers, to compare with responses."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An S3 server with a bucket; yields the variables for it."""
    port = free_port()
    variables = {
        "S3_BUCKET": BUCKET,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    log = tmp_path_factory.mktemp("s3") / "moto.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                # Its first response may take long: it imports what it answers with after it listens.
                requests.get(variables["AWS_ENDPOINT_URL"], timeout=START_SECONDS)
                break
            except requests.ConnectionError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
        bucket(variables).create_bucket(Bucket=BUCKET)
        yield variables
    finally:
        process.terminate()
        process.wait(10)


def bucket(variables: dict[str, str]) -> Any:
    """A client of the S3 server."""
    return boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_DEFAULT_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.fixture(scope="session")
def disk_place(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server that stores files in a folder."""
    folder = tmp_path_factory.mktemp("disk")
    uploads = folder / "uploads"

    def stored() -> set[str]:
        return {path.name for path in uploads.iterdir() if not path.name.startswith(".")}

    with Server(database_url, folder) as server:
        yield Place("disk", server, folder, {}, stored, lambda name, content: _write(uploads / name, content))
    assert not server.errors_in_log()


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.fixture(scope="session")
def bucket_place(database_url: str, tmp_path_factory: pytest.TempPathFactory, s3: dict[str, str]) -> Iterator[Place]:
    """A server that stores files in a bucket."""
    folder = tmp_path_factory.mktemp("bucket")
    client = bucket(s3)

    def stored() -> set[str]:
        assert not (folder / "uploads").exists()
        return {found["Key"] for found in client.list_objects_v2(Bucket=BUCKET).get("Contents", ())}

    def put(name: str, content: bytes) -> None:
        client.put_object(Bucket=BUCKET, Key=name, Body=content)

    with Server(database_url, folder, **s3) as server:
        yield Place("bucket", server, folder, s3, stored, put)
    assert not server.errors_in_log()


@pytest.fixture(params=["disk", "bucket"])
def place(request: pytest.FixtureRequest) -> Place:
    """Both storages, one after the other."""
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


@pytest.fixture(scope="session")
def known() -> dict[tuple[str, str], Person]:
    """Registered people per storage, shared by all of its tests."""
    return {}


def _person(place: Place, known: dict[tuple[str, str], Person], name: str) -> Person:
    if (place.kind, name) not in known:
        known[place.kind, name] = register(place.server.url, name)
    return known[place.kind, name]


@pytest.fixture
def alice(place: Place, known: dict[tuple[str, str], Person]) -> Person:
    """A user."""
    return _person(place, known, "alice")


@pytest.fixture
def bob(place: Place, known: dict[tuple[str, str], Person]) -> Person:
    """Another user."""
    return _person(place, known, "bob")


@pytest.fixture
def carol(place: Place, known: dict[tuple[str, str], Person]) -> Person:
    """A user without a chat with alice or bob."""
    return _person(place, known, "carol")


@pytest.fixture
def chat(alice: Person, bob: Person) -> str:
    """The direct chat of alice and bob."""
    return alice.direct_chat(bob)


@pytest.fixture
def housekeeping(database_url: str) -> Callable[[Place], str]:
    """Runs `flask chat housekeeping` for a server's storage; returns its output."""

    def run(place: Place) -> str:
        done = run_flask(["chat", "housekeeping"], environment(database_url, place.folder, **place.settings))
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
