"""The files of avatars, in both storages."""

import os
import time
import uuid
from collections.abc import Callable

from sqlalchemy import Engine, text

from tests.files import samples
from tests.files.conftest import Place
from tests.people import Person, data, register
from tests.waiting import eventually


def put(person: Person, path: str) -> str:
    """Upload an avatar; returns its path."""
    file = {"file": ("a.png", samples.image("PNG"))}
    return str(data(person.request("PUT", path, files=file))["avatar"])


def files_of(avatar: str) -> set[str]:
    """The names of an avatar's files."""
    name = avatar.removeprefix("/avatars/").removesuffix(".webp")
    return {f"{name}-512.webp", f"{name}-96.webp"}


def test_files_of_replaced_avatars_are_deleted(
    place: Place, alice: Person, bob: Person, engine: Engine, housekeeping: Callable[[Place], str]
) -> None:
    leaver = register(place.server.url, "leaver")
    groups = [data(alice.post("/chats/groups", {"name": "Friends"}))["id"] for _ in range(3)]
    kept = [put(alice, "/users/me/avatar"), put(alice, f"/chats/{groups[0]}/avatar")]
    old = [put(person, "/users/me/avatar") for person in (bob, leaver)]
    old += [put(alice, f"/chats/{group}/avatar") for group in groups[1:]]
    bob.delete("/users/me/avatar")
    leaver.patch("/users/me", {"avatar": "https://example.org/a.png"})
    replacement = put(alice, f"/chats/{groups[1]}/avatar")
    alice.delete(f"/chats/{groups[2]}")
    housekeeping(place)
    assert all(files_of(path) <= place.stored() for path in [*kept, *old, replacement])  # They are young.
    with engine.begin() as db:
        db.execute(text("UPDATE avatars SET created_at = created_at - interval '1 hour'"))
    housekeeping(place)
    assert [place.fetch(path).status_code for path in old] == [404] * 4
    assert not any(files_of(path) & place.stored() for path in old)
    assert [place.fetch(path).status_code for path in [*kept, replacement]] == [200] * 3


def test_the_server_deletes_them_by_itself(disk_place: Place, engine: Engine) -> None:
    alice = register(disk_place.server.url, "alice")
    old = put(alice, "/users/me/avatar")
    put(alice, "/users/me/avatar")
    with engine.begin() as db:
        db.execute(text("UPDATE avatars SET created_at = created_at - interval '1 hour'"))
        db.execute(text("UPDATE jobs SET next_at = now() WHERE type = 'prune_avatars'"))

    def is_known() -> bool:
        with engine.connect() as db:
            return bool(db.scalar(text("SELECT count(*) FROM avatars WHERE name = :name"), {"name": old[9:]}))

    # Another server of this database may run the job, and leaves the files to this one.
    eventually(lambda: not is_known(), 30)


def test_the_sweep_deletes_files_of_unknown_avatars_only(
    disk_place: Place, housekeeping: Callable[[Place], str]
) -> None:
    alice = register(disk_place.server.url, "alice")
    chat = alice.direct_chat(register(disk_place.server.url, "friend"))
    assert alice.upload(chat, "a.pdf", samples.PDF).status_code == 201
    known = files_of(put(alice, "/users/me/avatar"))
    unknown = {f"{uuid.uuid4().hex}-512.webp", f"{uuid.uuid4().hex}-96.webp.part"}
    for name in unknown:
        disk_place.put(name, b"x")
    two_hours_ago = time.time() - 7200
    for name in known | unknown:
        os.utime(disk_place.folder / "uploads" / name, (two_hours_ago, two_hours_ago))
    housekeeping(disk_place)
    assert (known | unknown) & disk_place.stored() == known
