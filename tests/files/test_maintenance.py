"""Unreferenced files are deleted, and storage failures are reported."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine, text

from tests.conftest import NewDatabase
from tests.files import samples
from tests.files.conftest import Place
from tests.forked import run_flask
from tests.people import Person, data, problem, register
from tests.server import ROOT, Server, environment
from tests.waiting import eventually

# One process imports the storage; its forks wait for the end of a pipe, and then all begin at once.
FOUR_PROCESSES = """
import os, pathlib, sys
from chatapp.features.files.storage import LocalStorage
begin, hold = os.pipe()
for _ in range(4):
    if not os.fork():
        os.close(hold)
        os.read(begin, 1)
        print(LocalStorage(pathlib.Path(sys.argv[1])).folder_id(), flush=True)
        os._exit(0)
os.close(hold)
for _ in range(4):
    os.wait()
"""


@pytest.fixture
def later(engine: Engine) -> Callable[[str], None]:
    """Makes a file's row two hours older."""

    def age(url: str) -> None:
        older = "UPDATE uploads SET created_at = created_at - interval '2 hours' WHERE name = :name"
        with engine.begin() as db:
            db.execute(text(older), {"name": url.partition("?")[0].rpartition("/")[2]})

    return age


def test_housekeeping_deletes_files_without_a_message(
    place: Place,
    alice: Person,
    chat: str,
    engine: Engine,
    housekeeping: Callable[[Place], str],
    later: Callable[[str], None],
) -> None:
    stored = data(alice.upload(chat, "a.png", samples.image("PNG")))["fileUrl"]
    interrupted = data(alice.upload(chat, "a.png", samples.image("PNG")))
    orphan = interrupted["fileUrl"]
    with engine.begin() as db:
        db.execute(text("UPDATE messages SET upload_id = NULL WHERE id = :id"), {"id": interrupted["id"]})
    before = place.count(engine)
    later(stored)
    housekeeping(place)
    assert place.stored() == before[2]  # It is young, and might be about to be sent.
    later(orphan)
    housekeeping(place)
    after = place.count(engine)
    assert (after[1], len(before[2] - after[2])) == (before[1] - 1, 2)
    assert place.fetch(stored).status_code == 200


def test_housekeeping_deletes_partial_files(
    disk_place: Place, alice: Person, chat: str, housekeeping: Callable[[Place], str]
) -> None:
    assert alice.upload(chat, "a.pdf", samples.PDF).status_code == 201
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


def test_housekeeping_with_a_new_database_deletes_no_files(new_database: NewDatabase, tmp_path: Path) -> None:
    file = tmp_path / "uploads" / f"{uuid.uuid4().hex}.png"
    file.parent.mkdir()
    file.write_bytes(b"x")
    two_hours_ago = time.time() - 7200
    os.utime(file, (two_hours_ago, two_hours_ago))
    done = run_flask(["chat", "housekeeping"], environment(new_database("chat_without_files"), tmp_path))
    assert done.returncode == 0, done.stderr
    assert file.exists()


def test_the_files_of_a_deleted_group_are_deleted(
    place: Place, alice: Person, bob: Person, chat: str, engine: Engine
) -> None:
    group = data(alice.post("/chats/groups", {"name": "Group", "memberIds": [bob.id]}))["id"]
    forwarded = data(alice.upload(group, "a.png", samples.image("PNG")))["fileUrl"]
    for content in (samples.image("PNG"), samples.image("JPEG")):
        assert alice.upload(group, "a.png" if content[1:4] == b"PNG" else "a.jpg", content).status_code == 201
    sent_on = {"chatId": chat, "content": "", "type": "IMAGE", "fileUrl": forwarded}
    again = data(bob.post("/messages", sent_on))
    _, uploads, stored = place.count(engine)
    assert alice.delete(f"/chats/{group}").status_code == 204
    # A file and a thumbnail each, and a row.
    eventually(lambda: len(stored - place.stored()) == 4, 30)
    assert place.count(engine)[1] == uploads - 2
    assert place.fetch(again["fileUrl"]).status_code == 200


def noted(engine: Engine, names: list[str]) -> bool:
    """True if some of these files are still recorded for deletion."""
    query = text("SELECT count(*) FROM deleted_files WHERE name = ANY(:names)")
    with engine.connect() as db:
        return bool(db.scalar(query, {"names": names}))


def test_failed_deletions_are_retried_after_a_restart(database_url: str, engine: Engine, tmp_path: Path) -> None:
    uploads = tmp_path / "uploads"

    def stored() -> int:
        return sum(not path.name.startswith(".") for path in uploads.iterdir())

    with Server(database_url, tmp_path) as server:
        alice = register(server.url, "alice")
        groups = [data(alice.post("/chats/groups", {"name": "Group"}))["id"] for _ in range(2)]
        names = [data(alice.upload(group, "a.pdf", samples.PDF))["fileUrl"][9:45] for group in groups]
        uploads.rename(tmp_path / "elsewhere")
        # In place of the first file there is a folder now, which can't be deleted as a file.
        (uploads / names[0]).mkdir(parents=True)
        shutil.copy(tmp_path / "elsewhere" / ".folder-id", uploads)
        assert alice.delete(f"/chats/{groups[0]}").status_code == 204
        eventually(lambda: "files_not_deleted" in server.log, 30)
    assert noted(engine, names)
    shutil.rmtree(uploads)
    (tmp_path / "elsewhere").rename(uploads)
    # As for a group whose deletion was committed just before a crash.
    with engine.begin() as db:
        db.execute(text("DELETE FROM messages WHERE chat_id = :id"), {"id": groups[1]})
    assert stored() == 2
    with Server(database_url, tmp_path):
        eventually(lambda: stored() == 0, 30)
        eventually(lambda: not noted(engine, names), 30)


def test_file_in_another_upload_folder_is_reported(database_url: str, tmp_path: Path) -> None:
    shared = tmp_path / "instance"
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    with (
        Server(database_url, tmp_path / "one", INSTANCE_PATH=str(shared)) as one,
        Server(database_url, tmp_path / "other", INSTANCE_PATH=str(shared)) as other,
    ):
        alice = register(one.url, "alice")
        group = data(alice.post("/chats/groups", {"name": "Group"}))["id"]
        url = data(alice.upload(group, "a.pdf", samples.PDF))["fileUrl"]
        ids = [(tmp_path / name / "uploads" / ".folder-id").read_text().strip() for name in ("one", "other")]
        assert requests.get(one.url + url, timeout=20).status_code == 200
        missing = requests.get(other.url + url, timeout=20)
        assert problem(missing) == (404, "not_found")
        assert all(id in missing.json()["detail"] for id in ids)
        # A copied file is found, whichever folder it was stored in.
        name = url[9:45]
        shutil.copy(tmp_path / "one" / "uploads" / name, tmp_path / "other" / "uploads" / name)
        assert requests.get(other.url + url, timeout=20).status_code == 200
        other.stop()
        other.start()
        eventually(lambda: "upload_folders_differ" in other.log, 30)


def test_concurrent_servers_agree_on_the_folder_id(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FOUR_PROCESSES, str(tmp_path / "uploads")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    ids = done.stdout.split()
    assert len(ids) == 4, done.stderr
    assert len(set(ids)) == 1
    assert [path.name for path in (tmp_path / "uploads").iterdir()] == [".folder-id"]


def test_unavailable_bucket_is_reported_and_nothing_is_stored(
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


def test_failing_disk_is_reported_and_nothing_is_stored(database_url: str, tmp_path: Path) -> None:
    with Server(database_url, tmp_path) as server:
        alice, bob = register(server.url, "alice"), register(server.url, "bob")
        chat = alice.direct_chat(bob)
        assert alice.upload(chat, "a.pdf", samples.PDF).status_code == 201
        uploads = tmp_path / "uploads"
        stored = {path.name for path in uploads.iterdir()}
        uploads.rename(tmp_path / "moved")
        assert problem(alice.upload(chat, "a.pdf", samples.PDF)) == (503, "storage_unavailable")
        (tmp_path / "moved").rename(uploads)
        assert {path.name for path in uploads.iterdir()} == stored
        assert alice.upload(chat, "a.pdf", samples.PDF).status_code == 201
