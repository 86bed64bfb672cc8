"""Closed reports lose their reporter and excerpt; a report that waits for the deletion of its message has no excerpt."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from chatapp.core import outbox
from chatapp.core.outbox import OnceSubscriber, OutboxEvent
from chatapp.features.reports import actions, jobs
from chatapp.features.reports.events import ReportCreated
from chatapp.representations.message import DELETION
from tests.actions.conftest import actor
from tests.locks import until_blocked
from tests.people import Person


def report(person: Person, message_id: str) -> str:
    """The id of a new report of a message."""
    report_id, is_new = actions.create_report(actor(person), reason="spam", text="Help", message_id=message_id)
    assert is_new
    return report_id


def row(engine: Engine, report_id: str) -> Any:
    """A report in the database."""
    with engine.connect() as db:
        return db.execute(text("SELECT * FROM reports WHERE id = :id"), {"id": report_id}).one()


@pytest.mark.usefixtures("nested_loops")
def test_reporters_and_excerpts_are_deleted_90_days_after_closing(
    app: Flask, engine: Engine, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "AT_ONCE", 2)
    chat_id = alice.direct_chat(bob)
    close = (
        "UPDATE reports SET status = 'done', note = 'n', closed_at = now() - :age * interval '1 hour' WHERE id = :id"
    )
    portions: list[int] = []
    with app.app_context():
        open_, fresh, *old = [report(bob, alice.send(chat_id, str(number))["id"]) for number in range(5)]
        with engine.begin() as db:
            db.execute(text("UPDATE reports SET created_at = now() - interval '1 year' WHERE id = :id"), {"id": open_})
            ages = {fresh: 90 * 24 - 1} | dict.fromkeys(old, 90 * 24 + 1)
            db.execute(text(close), [{"id": id, "age": age} for id, age in ages.items()])
        jobs.purge_reports(portions.append)
        assert (max(portions), sum(portions)) == (2, 3)
        jobs.purge_reports(portions.append)
        assert sum(portions) == 3
        # A new one of the same target.
        target = row(engine, old[0]).target_id
        assert report(bob, str(target)) not in old
    assert all(row(engine, id).reporter_id and row(engine, id).excerpt for id in (open_, fresh))
    for id in old:
        left = row(engine, id)
        assert (left.reporter_id, left.excerpt, left.text, left.note) == (None, None, "Help", "n")


def test_a_report_that_waits_for_a_deletion_has_no_excerpt(
    app: Flask, engine: Engine, alice: Person, bob: Person
) -> None:
    message = alice.send(alice.direct_chat(bob), "a secret")

    def create() -> str:
        with app.app_context():
            return report(bob, message["id"])

    with ThreadPoolExecutor(1) as pool, engine.connect() as db:
        db.execute(text(f"UPDATE messages m SET {DELETION} WHERE id = :id"), {"id": message["id"]})
        waiting = pool.submit(create)
        until_blocked(engine, db, waiting)
        db.commit()
        assert row(engine, waiting.result(20)).excerpt is None


def test_new_reports_are_recorded_for_once_subscribers(app: Flask, alice: Person, bob: Person) -> None:
    received: list[OutboxEvent] = []
    subscriber = OnceSubscriber("reports", frozenset({ReportCreated}), received.extend)
    message = alice.send(alice.direct_chat(bob), "Hello")
    with app.app_context():
        tasks = outbox.subscribe([subscriber])
        try:
            report_id = report(bob, message["id"])
            actions.create_report(actor(bob), reason="spam", text=None, message_id=message["id"])
            tasks[0][1]()
        finally:
            outbox.subscribe([])
    assert [(event.type, event.subject, event.data) for event in received] == [("ReportCreated", report_id, None)]
