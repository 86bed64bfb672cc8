"""The state of the server and its jobs, over REST."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor, Principal
from chatapp.core.pagination import Page, list_query
from chatapp.features.operations import queries
from chatapp.features.operations.schemas import JobFilter, ServerState, ServerStateSchema
from chatapp.representations.job import Job, JobSchema
from chatapp.rest.resource import ANY_KEY, Resource

resource = Resource("operations", "/admin", "The state of the server. Requires the role ADMIN.")
server_jobs = Resource(
    "jobs",
    "/server/jobs",
    "Jobs of your backend.",
    {"id": {"description": "The id of a job."}},
)

ADMIN_ONLY = {403: "The caller's role is not ADMIN (`forbidden`)."}


class JobsQuery(JobFilter, list_query()):  # type: ignore[misc]
    """Filters and page of the list of jobs."""


@resource.endpoint("GET", "/state", returns=ServerStateSchema, errors=ADMIN_ONLY)
def get_server_state(actor: Actor) -> ServerState:
    """Get the state of the server.

    Requires the role ADMIN. Counts of users, chats and messages are estimates for large numbers.
    """
    return queries.server_state(actor)


@resource.endpoint("GET", "/jobs", query=JobsQuery, returns=JobSchema, many=True, errors=ADMIN_ONLY)
def list_jobs(actor: Actor, query: Json) -> Page:
    """List jobs.

    Requires the role ADMIN. Returns the jobs that match both filters, newest first. A job is kept for 30 days after it
    finished. The parts of `housekeeping` repeat by themselves and show the outcome of their last run.
    """
    return queries.list_jobs(actor, **query)


@server_jobs.endpoint(
    "GET",
    "/<uuid:id>",
    returns=JobSchema,
    scope=ANY_KEY,
    errors={404: "The job does not exist, or another API key created it (`not_found`)."},
)
def get_job(principal: Principal, id: str) -> Job:
    """Get a job.

    Available to the API key that created it, of any scope, and to users with the role ADMIN. A job is kept for 30 days after it
    finished.
    """
    return queries.job(principal, id)
