"""The audit log, over REST."""

from chatapp.core.errors import Json
from chatapp.core.identity import Principal
from chatapp.core.pagination import Page, list_query
from chatapp.features.audit import queries
from chatapp.features.audit.schemas import AuditEntrySchema, AuditFilter
from chatapp.rest.resource import Resource

resource = Resource("audit", "/admin/audit", "Changes by API keys, moderators, administrators and commands.")


class AuditQuery(AuditFilter, list_query()):  # type: ignore[misc]
    """Filters and page of the audit log."""


@resource.endpoint("GET", "", query=AuditQuery, returns=AuditEntrySchema, many=True, scope="audit:read")
def list_audit_entries(principal: Principal, query: Json) -> Page:
    """List the audit log.

    Returns the entries that match all filters, newest first. Entries are kept for `AUDIT_DAYS` days (365 by default).
    """
    return queries.list_entries(**query)
