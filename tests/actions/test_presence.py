"""The count of open sockets is exact."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import Engine, text

from chatapp.features.presence import actions
from tests.people import Person


def test_concurrent_connects_and_disconnects_are_counted(app: Flask, engine: Engine, alice: Person) -> None:
    worker = str(uuid.uuid4())
    actions.renew_lease(worker, {}, recount=False)

    def count() -> int | None:
        with engine.connect() as db:
            held = text("SELECT sockets FROM presence WHERE user_id = :user_id AND worker_id = :worker_id")
            return db.execute(held, {"user_id": alice.id, "worker_id": worker}).scalar()

    with ThreadPoolExecutor(8) as pool:
        first = list(pool.map(lambda _: actions.connect(worker, [alice.id], limit=20)[0], range(12)))
        assert (count(), first.count(True)) == (12, 1)
        list(pool.map(lambda _: actions.disconnect(worker, [alice.id]), range(12)))
    # Online until the user is announced as offline.
    assert count() == 0
    actions.leave(worker, [alice.id])
    assert count() is None
