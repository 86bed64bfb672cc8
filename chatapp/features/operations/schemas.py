"""Schemas of the server's state and of filters of jobs."""

from typing import Annotated, Any, TypedDict

from marshmallow import fields, validate

from chatapp.core.objects import schema_of
from chatapp.core.schemas import Choice, Id, Input, Timestamp, Whole, absent
from chatapp.representations.job import JOB_STATUSES


class WorkerState(TypedDict):
    """A process that serves requests and sockets."""

    id: Annotated[str, Id(), "The id of the process; a new one after each start."]
    sockets: Annotated[
        int, Whole(metadata={"example": 250}), "Connected sockets of users, without those that API keys opened."
    ]
    startedAt: Annotated[str, Timestamp(), "When the process started."]


class DatabaseState(TypedDict):
    """The database."""

    ok: Annotated[bool, "True if the database responds."]
    latencyMs: Annotated[
        float,
        fields.Float(validate=validate.Range(0), metadata={"example": 0.4}),
        "Milliseconds that the worker waited for a statement that reads nothing.",
    ]


class QueueState(TypedDict):
    """The queue between workers."""

    ok: Annotated[bool, "True if every worker receives the events of the others."]


class JobCounts(TypedDict):
    """Numbers of jobs."""

    queued: Annotated[int, Whole(metadata={"example": 0}), "Jobs that wait, without scheduled ones before their time."]
    running: Annotated[int, Whole(metadata={"example": 1}), "Jobs that run."]
    failed: Annotated[int, Whole(metadata={"example": 0}), "Jobs that failed within 30 days and are not repeated."]


class ServerState(TypedDict):
    """The state of the server."""

    version: Annotated[
        str, fields.String(validate=validate.Length(max=40), metadata={"example": "1.1.0"}), "The version."
    ]
    startedAt: Annotated[str, Timestamp(), "When the oldest of the running workers started."]
    workers: Annotated[
        list[WorkerState],
        fields.List(fields.Nested(schema_of(WorkerState)), metadata={"maxItems": 10_000}),
        "The running workers of all machines, the oldest first.",
    ]
    database: Annotated[DatabaseState, "The database."]
    queue: Annotated[QueueState, "The queue between workers."]
    users: Annotated[int, Whole(metadata={"example": 1200}), "Accounts; an estimate for large numbers."]
    chats: Annotated[int, Whole(metadata={"example": 3400}), "Chats; an estimate for large numbers."]
    messages: Annotated[int, Whole(metadata={"example": 560_000}), "Messages; an estimate for large numbers."]
    jobs: Annotated[JobCounts, "Numbers of jobs."]


ServerStateSchema = schema_of(ServerState)


class JobFilter(Input):
    """Filters of the list of jobs."""

    status = Choice(
        "JobStatus", JOB_STATUSES, load_default=absent, metadata={"description": "Return only jobs with this status."}
    )
    type: Any = fields.String(
        load_default=absent,
        validate=validate.Regexp("^[a-z_]{1,40}$", error="Must be a type such as user_erasure."),
        metadata={
            "description": "Return only jobs of this type; there are none of an unknown one.",
            "pattern": "^[a-z_]{1,40}$",
            "maxLength": 40,
            "example": "user_erasure",
        },
    )
