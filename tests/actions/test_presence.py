"""The count of open sockets is exact."""

import uuid
from concurrent.futures import ThreadPoolExecutor, wait

from flask import Flask
from sqlalchemy import Engine, text

from chatapp.features.presence import actions
from chatapp.models.presence import NO_SESSION
from tests.people import Person


def test_concurrent_connects_and_disconnects_are_counted(app: Flask, engine: Engine, alice: Person) -> None:
    worker = str(uuid.uuid4())
    actions.renew_lease(worker, {}, recount=False)

    def count() -> int | None:
        with engine.connect() as db:
            held = text("SELECT sockets FROM presence WHERE user_id = :user_id AND worker_id = :worker_id")
            return db.execute(held, {"user_id": alice.id, "worker_id": worker}).scalar()

    with ThreadPoolExecutor(8) as pool:
        first = list(pool.map(lambda _: actions.connect(worker, [(alice.id, "")], limit=20)[0], range(12)))
        assert (count(), first.count(True)) == (12, 1)
        list(pool.map(lambda _: actions.disconnect(worker, [(alice.id, "")]), range(12)))
    # Online until the user is announced as offline.
    assert count() == 0
    actions.leave(worker, [alice.id])
    assert count() is None


def test_a_user_who_connects_elsewhere_while_leaving_is_not_announced_as_offline(
    app: Flask, engine: Engine, alice: Person
) -> None:
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    for worker in (first, second):
        actions.renew_lease(worker, {}, recount=False)
    actions.connect(first, [(alice.id, "")], limit=20)
    actions.disconnect(first, [(alice.id, "")])

    def leave() -> None:
        actions.leave(first, [alice.id])
        actions.announce_offline({alice.id: 0.0})

    users = {"user_ids": [alice.id]}
    with engine.connect() as db, ThreadPoolExecutor() as pool:
        # `connect` on the second worker, which finds them online: it announces nothing.
        db.execute(actions._TAKE_TURNS, users)
        assert [tuple(row) for row in db.execute(actions._SOCKETS, users)] == [(alice.id, 0)]
        leaving = pool.submit(leave)
        wait([leaving], timeout=0.5)
        db.execute(actions._CONNECT, users | {"session_ids": [NO_SESSION], "worker_id": second})
        db.commit()
        leaving.result(timeout=10)
        last_seen = text("SELECT last_seen FROM users WHERE id = :id")
        assert db.execute(last_seen, {"id": alice.id}).scalar_one() is None
