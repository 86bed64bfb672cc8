"""Reports, over REST."""

from chatapp.core.errors import Json
from chatapp.core.identity import Actor, Principal
from chatapp.core.pagination import Page, list_query
from chatapp.features.reports import actions, queries
from chatapp.features.reports.schemas import (
    CreatedReport,
    CreatedReportSchema,
    NewReportSchema,
    PatchReportSchema,
    Report,
    ReportFilter,
    ReportSchema,
)
from chatapp.rest.resource import NOT_VISIBLE, Resource

resource = Resource("reports", "/reports", "Report messages, users and chats to the moderators.")
moderation_resource = Resource(
    "moderation",
    "/admin/reports",
    "Handle reports. Requires the role MODERATOR or ADMIN, or a key with the scope `moderation`.",
    {"reportId": {"description": "The id of a report."}},
)


class ReportsQuery(ReportFilter, list_query()):  # type: ignore[misc]
    """Filter and page of the list of reports."""


@resource.endpoint(
    "POST",
    "",
    body=NewReportSchema,
    returns=CreatedReportSchema,
    status=201,
    also={200: "The caller reported this target before."},
    errors=NOT_VISIBLE,
)
def create_report(actor: Actor, body: Json) -> tuple[CreatedReport, int]:
    """Report a message, a user or a chat.

    Send exactly one of `messageId`, `userId` and `chatId`. Only moderators see the report; the reported user is not
    notified. Reporting the same target again changes nothing and returns the first report. Each user can send 20 reports
    in an hour.
    """
    report_id, is_new = actions.create_report(actor, **body)
    return {"id": report_id}, 201 if is_new else 200


@moderation_resource.endpoint("GET", "", scope="moderation", query=ReportsQuery, returns=ReportSchema, many=True)
def list_reports(principal: Principal, query: Json) -> Page:
    """List reports.

    Newest first. The reporter and the excerpt are deleted 90 days after a report was closed.
    """
    return queries.list_reports(principal, **query)


@moderation_resource.endpoint(
    "PATCH",
    "/<uuid:reportId>",
    scope="moderation",
    body=PatchReportSchema,
    returns=ReportSchema,
    errors={404: "The report does not exist (`not_found`)."},
)
def update_report(principal: Principal, report_id: str, body: Json) -> Report:
    """Close or reopen a report, or change its note.

    The audit log records each change.
    """
    return actions.update_report(principal, report_id, **body)
