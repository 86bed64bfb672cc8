"""What has no message is taken away, and what can't be kept is told so."""

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.files import samples
from tests.files.conftest import Place
from tests.people import Person, data, problem, register
from tests.server import Server


@pytest.fixture
def later(engine: Engine) -> Callable[[str], None]:
    """Makes a file's row two hours older."""

    def age(url: str) -> None:
        older = "UPDATE uploads SET created_at = created_at - interval '2 hours' WHERE name = :name"
        with engine.begin() as db:
            db.execute(text(older), {"name": url.partition("?")[0].rpartition("/")[2]})

    return age


def test_housekeeping_takes_away_what_has_no_message(
    place: Place,
    alice: Person,
    chat: str,
    engine: Engine,
    housekeeping: Callable[[Place], str],
    later: Callable[[str], None],
) -> None:
    kept = data(alice.upload(chat, "a.png", samples.image("PNG")))["fileUrl"]
    group = data(alice.post("/chats/groups", {"name": "Group"}))["id"]
    orphan = data(alice.upload(group, "a.png", samples.image("PNG")))["fileUrl"]
    before = place.count(engine)
    assert alice.delete(f"/chats/{group}").status_code == 204
    later(kept)
    housekeeping(place)
    assert place.stored() == before[2]  # So young, it might be about to be sent.
    later(orphan)
    housekeeping(place)
    after = place.count(engine)
    assert (after[1], len(before[2] - after[2])) == (before[1] - 1, 2)
    assert place.fetch(kept).status_code == 200


def test_housekeeping_takes_away_what_an_interruption_left(
    disk_place: Place, housekeeping: Callable[[Place], str]
) -> None:
    names = [
        f"{uuid.uuid4().hex}.png",
        f"{uuid.uuid4().hex}.pdf.part",
        "of-somebody-else.png",
        f"{uuid.uuid4().hex}.zip",
    ]
    for name in names:
        disk_place.put(name, b"x")
    for name in names[:3]:
        two_hours_ago = time.time() - 7200
        os.utime(disk_place.folder / "uploads" / name, (two_hours_ago, two_hours_ago))
    housekeeping(disk_place)
    assert set(names) & disk_place.stored() == set(names[2:])
    for name in names[2:]:
        (disk_place.folder / "uploads" / name).unlink()


def test_a_bucket_that_does_not_answer_is_told_and_leaves_nothing(
    database_url: str, engine: Engine, tmp_path: Path
) -> None:
    nowhere = {
        "S3_BUCKET": "none",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with Server(database_url, tmp_path, **nowhere) as server:
        alice, bob = register(server.url, "alice"), register(server.url, "bob")
        chat = alice.direct_chat(bob)
        count = text("SELECT count(*) FROM uploads")
        with engine.connect() as db:
            before = db.execute(count).scalar()
        assert problem(alice.upload(chat, "a.pdf", samples.PDF)) == (503, "storage_unavailable")
        assert data(alice.get(f"/messages/{chat}")) == []
        with engine.connect() as db:
            assert db.execute(count).scalar() == before


def test_a_disk_that_fails_is_told_and_leaves_nothing(database_url: str, tmp_path: Path) -> None:
    with Server(database_url, tmp_path) as server:
        alice, bob = register(server.url, "alice"), register(server.url, "bob")
        chat = alice.direct_chat(bob)
        assert alice.upload(chat, "a.pdf", samples.PDF).status_code == 201
        uploads = tmp_path / "uploads"
        kept = {path.name for path in uploads.iterdir()}
        uploads.rename(tmp_path / "moved")
        assert problem(alice.upload(chat, "a.pdf", samples.PDF)) == (503, "storage_unavailable")
        (tmp_path / "moved").rename(uploads)
        assert {path.name for path in uploads.iterdir()} == kept
        assert alice.upload(chat, "a.pdf", samples.PDF).status_code == 201
