"""Actions on reports."""

from sqlalchemy import TextClause, text

from chatapp.core import audit, limits, settings
from chatapp.core.errors import NotFound
from chatapp.core.identity import Actor, Principal
from chatapp.core.ids import new_id
from chatapp.core.limits import Limit
from chatapp.core.unit_of_work import unit_of_work
from chatapp.features.reports import queries
from chatapp.features.reports.events import ReportCreated
from chatapp.features.reports.schemas import Report
from chatapp.features.users.queries import IS_ACCOUNT
from chatapp.representations.chat_state import CLEARED
from chatapp.representations.message import MESSAGE_EVENT, MESSAGE_JOINS
from chatapp.representations.privacy import finds, shares_chat

# Days after which a closed report loses its reporter and its excerpt.
KEEP_DAYS = 90

# What is stored of a message: nothing that other users wrote and no names, which may be erased; they are read with it.
_EXCERPT = f"""CASE WHEN m.deleted_at IS NULL THEN
    (CAST({MESSAGE_EVENT} AS jsonb) || '{{"fileUrl": null, "thumbnailUrl": null}}') - 'sender'
    #- '{{replyTo,sender}}' #- '{{replyTo,content}}' #- '{{forwardedFrom,sender}}'
END"""


def _create(target_type: str, excerpt: str, found: str) -> TextClause:
    """The SQL that stores a report, unless the reporter made it before or the target is not `found`."""
    return text(
        f"""
        WITH target AS (SELECT {excerpt} AS excerpt {found})
        INSERT INTO reports (id, reporter_id, target_type, target_id, reason, text, excerpt)
        SELECT :id, CAST(:user_id AS uuid), '{target_type}', CAST(:target_id AS uuid), :reason, :text, excerpt FROM target
        ON CONFLICT (reporter_id, target_type, target_id) WHERE reporter_id IS NOT NULL DO NOTHING
        RETURNING id::text
        """
    )


# FOR SHARE: a message that is being deleted has no excerpt, and an erasure finds the excerpts of all messages that it
# deleted.
_CREATE = {
    "message": _create(
        "message",
        _EXCERPT,
        f"""
        FROM messages m JOIN chats c ON c.id = m.chat_id AND NOT c.is_deleted
             JOIN members me ON me.chat_id = m.chat_id AND me.user_id = :user_id {MESSAGE_JOINS}
        WHERE m.id = :target_id AND m.seq > {CLEARED} FOR SHARE OF m
        """,
    ),
    "user": _create(
        "user",
        "CAST(NULL AS jsonb)",
        f"""
        FROM users u WHERE u.id = :target_id AND {IS_ACCOUNT} AND (
            u.is_active AND {finds(":user_id")} OR {shares_chat(":user_id")}
            OR EXISTS (SELECT FROM blocks WHERE user_id = :user_id AND blocked_id = u.id)
        )
        """,
    ),
    "chat": _create(
        "chat",
        "CAST(NULL AS jsonb)",
        """
        FROM chats c JOIN members me ON me.chat_id = c.id AND me.user_id = :user_id
        WHERE c.id = :target_id AND NOT c.is_deleted
        """,
    ),
}
_MADE_BEFORE = text(
    """
    SELECT id::text FROM reports
    WHERE reporter_id = :user_id AND target_type = :target_type AND target_id = :target_id
    """
)
_LOCK = text("SELECT status, note FROM reports WHERE id = :id FOR NO KEY UPDATE")
_UPDATE = text(
    """
    UPDATE reports SET status = :status, note = :note,
        closed_at = CASE WHEN :status <> 'open' THEN coalesce(closed_at, now()) END
    WHERE id = :id
    """
)
# An array: a plan may run a subquery with IN more than once, and each time, it would skip the rows updated before.
_PURGE = text(
    """
    UPDATE reports SET reporter_id = NULL, excerpt = NULL WHERE id = ANY(ARRAY(
        SELECT id FROM reports
        WHERE closed_at < now() - :days * interval '1 day' AND (reporter_id IS NOT NULL OR excerpt IS NOT NULL)
        LIMIT :limit FOR UPDATE SKIP LOCKED
    ))
    """
)
_FORGET_REPORTER = text("UPDATE reports SET reporter_id = NULL WHERE reporter_id = :user_id")
_FORGET_EXCERPTS = text("UPDATE reports SET excerpt = NULL WHERE excerpt ->> 'senderId' = :user_id")


def create_report(
    actor: Actor,
    *,
    reason: str,
    text: str | None,
    message_id: str | None = None,
    user_id: str | None = None,
    chat_id: str | None = None,
) -> tuple[str, bool]:
    """Report a message, a user or a chat; returns the id of the report, and whether it is a new one.

    Raises NotFound for a target that the actor can't see, RateLimited.
    """
    limits.hit(Limit(settings.current().rate_reports, "reports", actor.user_id, exact=True))
    targets = {"message": message_id, "user": user_id, "chat": chat_id}
    target_type, target_id = next((kind, id) for kind, id in targets.items() if id)
    values = {"user_id": actor.user_id, "target_type": target_type, "target_id": target_id}
    new = {"id": new_id(), "reason": reason, "text": text or None}
    with unit_of_work() as work:
        if created := work.db.execute(_CREATE[target_type], values | new).scalar():
            work.announce(ReportCreated(created))
            if actor.acting:
                # Without the user: the audit log is kept longer than the reporter.
                audit.record(work.db, actor.acting, "report.created", ("report", created))
            return created, True
        if before := work.db.execute(_MADE_BEFORE, values).scalar():
            return before, False
    raise NotFound("Not found.")


def update_report(principal: Principal, report_id: str, **changes: str | None) -> Report:
    """Change the `status` or the `note` of a report; returns the report. Raises NotFound."""
    with unit_of_work() as work:
        row = work.db.execute(_LOCK, {"id": report_id}).first()
        if row is None:
            raise NotFound("Report not found.")
        before = {"status": row.status, "note": row.note}
        after = before | changes
        after["note"] = after["note"] or None
        if fields := [name for name in before if before[name] != after[name]]:
            work.db.execute(_UPDATE, after | {"id": report_id})
            audit.record(
                work.db,
                principal,
                _action(before["status"], after["status"]),
                ("report", report_id),
                fields=fields,
                status=after["status"],
            )
        return queries.read_report(work.db, principal, report_id)


def purge_reports(limit: int) -> int:
    """Delete the reporter and the excerpt of up to `limit` reports that were closed long ago; returns how many."""
    with unit_of_work() as work:
        return int(work.db.execute(_PURGE, {"days": KEEP_DAYS, "limit": limit}).rowcount)


def forget_user(user_id: str, *, messages: bool) -> None:
    """Remove an erased user from the reports that they made, and with `messages` the excerpts of what they wrote."""
    with unit_of_work() as work:
        work.db.execute(_FORGET_REPORTER, {"user_id": user_id})
        if messages:
            work.db.execute(_FORGET_EXCERPTS, {"user_id": user_id})


def _action(before: str, after: str) -> str:
    """The name of a change in the audit log."""
    if before == after:
        return "report.updated"
    return "report.reopened" if after == "open" else "report.closed"
