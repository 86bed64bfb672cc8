"""Background jobs."""

from typing import Annotated, NotRequired, TypedDict

from marshmallow import fields, validate
from sqlalchemy import Connection, text

from chatapp.core.objects import Column, build_object, encode_object, schema_of
from chatapp.core.schemas import Choice, Id, Timestamp, Whole

JOB_STATUSES = ("queued", "running", "done", "failed")
# A scheduled job is queued for its next time after each run; it shows the outcome of the last one.
_RESTS = "j.is_scheduled AND j.status = 'queued' AND j.attempts = 0 AND j.finished_at IS NOT NULL"
TYPE = "CASE WHEN j.is_scheduled THEN 'housekeeping' ELSE j.type END"
STATUS = f"CASE WHEN NOT ({_RESTS}) THEN j.status WHEN j.error IS NULL THEN 'done' ELSE 'failed' END"


class Job(TypedDict):
    """Work that the server does in the background."""

    # From a row `j`.
    id: Annotated[str, Column("j.id"), Id(), "The id of the job."]
    type: Annotated[
        str,
        Column(TYPE),
        fields.String(
            validate=validate.Length(max=40),
            metadata={
                "description": "The kind of work: `user_erasure`, `housekeeping` or another one; later versions add types.",
                "example": "user_erasure",
            },
        ),
    ]
    status: Annotated[
        str, Column(STATUS), Choice("JobStatus", JOB_STATUSES), "A failed job is not repeated; a queued one may be."
    ]
    done: Annotated[
        int,
        Column("j.done"),
        Whole(metadata={"example": 500}),
        "The number of units of work that are done; the type of the job defines the unit.",
    ]
    total: Annotated[
        int,
        Column("coalesce(j.total, 0)"),
        Whole(metadata={"example": 2000}),
        "The number of units of work in all; 0 if it is not known.",
    ]
    createdAt: Annotated[str, Column("wire_time(j.created_at)"), Timestamp(), "When the job was created."]
    error: NotRequired[
        Annotated[
            str,
            Column("j.error"),
            fields.String(
                validate=validate.Length(max=200),
                metadata={"description": "Why the last attempt failed; absent if it did not.", "example": "Timeout"},
            ),
        ]
    ]
    finishedAt: NotRequired[
        Annotated[
            str,
            Column(f"CASE WHEN {STATUS} IN ('done', 'failed') THEN wire_time(j.finished_at) END"),
            Timestamp(),
            "When the job ended; absent before.",
        ]
    ]


JobSchema = schema_of(Job)
JOB_TEXT = encode_object(Job)
_ONE = text(f"SELECT {build_object(Job)}, j.created_by::text FROM jobs j WHERE j.id = CAST(:id AS uuid)")


def find_job(db: Connection, job_id: str) -> tuple[Job, str | None] | None:
    """A job and the id of the key or user that created it, or None."""
    row = db.execute(_ONE, {"id": job_id}).first()
    return (row[0], row[1]) if row else None
