"""Each user has a number of concurrent uploads and a daily quota, over all workers."""

import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from sqlalchemy import Engine, text

from tests.files import samples
from tests.files.test_bad_uploads import form
from tests.people import Person, data, problem, register
from tests.server import UNREACHED_LIMITS, Server


@pytest.fixture(scope="module")
def limited(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Two servers on one database, where each user has two uploads at a time and one megabyte a day."""
    changes = UNREACHED_LIMITS | {"MAX_UPLOADS_PER_USER": "2", "UPLOAD_QUOTA_MB": "1"}
    folder = tmp_path_factory.mktemp("limited")
    with Server(database_url, folder, **changes) as one, Server(database_url, folder, **changes) as other:
        yield [one, other]


@pytest.fixture
def uploader(limited: list[Server]) -> tuple[Person, str]:
    """A user with an unused quota, and a chat of theirs."""
    person = register(limited[0].url, "uploader")
    return person, person.direct_chat(register(limited[0].url, "friend"))


def on(server: Server, person: Person) -> Person:
    """The same user, with the same session, at another server."""
    user = {"id": person.id, "username": person.name, "email": person.email}
    return Person(server.url, {"user": user, "accessToken": person.token, "refreshToken": person.refresh_token})


def wait_for_uploads(engine: Engine, person: Person, count: int) -> None:
    """Wait until that many uploads of the user are in progress."""
    deadline = time.monotonic() + 20
    query = text("SELECT cardinality(in_progress) FROM upload_usage WHERE user_id = :id")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        while db.scalar(query, {"id": person.id}) != count:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@contextmanager
def in_progress(server: Server, person: Person, chat: str) -> Iterator[None]:
    """An upload of which the server has received the beginning."""
    whole = form(chat, "a.pdf", samples.PDF + bytes(100_000))
    begin, end = whole[:-20], whole[-20:]
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        head = f"POST /api/v1/messages/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {person.token}\r\n"
        head += f"Content-Type: multipart/form-data; boundary=XXX\r\nContent-Length: {len(begin + end)}\r\n\r\n"
        client.sendall(head.encode() + begin)
        yield
        client.sendall(end)
        assert client.recv(12) == b"HTTP/1.1 201"


def refused(response: requests.Response, limit: int) -> None:
    """Assert a 429 with `Retry-After` and that limit."""
    assert problem(response) == (429, "rate_limited")
    assert response.headers["RateLimit-Limit"] == str(limit)
    assert int(response.headers["Retry-After"]) == response.json()["retryAfter"] > 0


def test_a_user_has_two_uploads_in_progress_over_all_workers(
    limited: list[Server], uploader: tuple[Person, str], engine: Engine
) -> None:
    person, chat = uploader
    elsewhere = on(limited[1], person)
    with in_progress(limited[0], person, chat):
        with in_progress(limited[1], person, chat):
            wait_for_uploads(engine, person, 2)
            for one in (person, elsewhere):
                refused(one.upload(chat, "a.pdf", samples.PDF), 2)
        wait_for_uploads(engine, person, 1)
        assert person.upload(chat, "a.pdf", samples.PDF).status_code == 201
    assert elsewhere.upload(chat, "a.pdf", samples.PDF).status_code == 201


def test_uploads_of_a_killed_worker_do_not_count(
    limited: list[Server], uploader: tuple[Person, str], engine: Engine
) -> None:
    person, chat = uploader
    gone = (
        "INSERT INTO upload_usage (user_id, day, in_progress) VALUES (:id, current_date, ARRAY[:gone, :gone]::uuid[])"
    )
    with engine.begin() as db:
        db.execute(text(gone), {"id": person.id, "gone": str(uuid.uuid4())})
    assert person.upload(chat, "a.pdf", samples.PDF).status_code == 201
    wait_for_uploads(engine, person, 0)


def test_upload_quota_is_per_day_over_all_workers(
    limited: list[Server], uploader: tuple[Person, str], engine: Engine
) -> None:
    person, chat = uploader
    elsewhere = on(limited[1], person)
    half = samples.PDF + bytes(2**19 - len(samples.PDF))
    assert data(person.upload(chat, "a.pdf", half))["fileSize"] == 2**19
    assert problem(elsewhere.upload(chat, "a.exe", half[: -len(samples.PDF)])) == (
        415,
        "unsupported_file_type",
    )  # It counts too.
    refused(person.upload(chat, "a.pdf", half), 2**20)
    assert elsewhere.upload(chat, "a.pdf", samples.PDF).status_code == 201
    refused(person.upload(chat, "a.pdf", samples.PDF), 2**20)
    with engine.begin() as db:
        db.execute(text("UPDATE upload_usage SET day = day - 1 WHERE user_id = :id"), {"id": person.id})
    assert person.upload(chat, "a.pdf", half).status_code == 201


def test_refused_upload_is_not_in_progress(limited: list[Server], uploader: tuple[Person, str], engine: Engine) -> None:
    person, chat = uploader
    assert problem(person.upload(chat, "a.png", b"x")) == (415, "unsupported_file_type")
    assert problem(person.upload(chat, "a.pdf", samples.PDF, content="x" * 5000)) == (422, "validation_error")
    refused(person.upload(chat, "a.pdf", samples.PDF + bytes(2**20)), 2**20)
    wait_for_uploads(engine, person, 0)
    assert person.upload(chat, "a.pdf", samples.PDF).status_code == 201
