"""Queries of the versions of a message."""

from orjson import Fragment
from sqlalchemy import text

from chatapp.core import settings
from chatapp.core.db import reading
from chatapp.core.errors import Conflict
from chatapp.core.identity import Actor
from chatapp.core.objects import encode_object
from chatapp.core.pagination import Listing, Page
from chatapp.core.permissions import require
from chatapp.features.edit_history.permissions import PERMISSIONS, VersionPermission
from chatapp.features.edit_history.schemas import MessageVersion
from chatapp.features.messages.queries import known_message

# While `EDIT_HISTORY` is off, versions that were kept before are not shown.
_LIST = text(
    f"""
    SELECT CASE WHEN m.deleted_at IS NULL THEN {encode_object(MessageVersion)} END, v.version
    FROM messages m CROSS JOIN LATERAL (
        SELECT o.version, o.content, o.at, false AS is_current FROM message_versions o
        WHERE o.message_id = m.id AND :is_on
        UNION ALL
        SELECT coalesce(m.edit_count, 0) + 1, m.content, coalesce(m.edited_at, m.created_at), true
    ) v
    WHERE m.id = :id AND v.version > :after ORDER BY v.version LIMIT :limit
    """
)


def list_versions(actor: Actor, message_id: str, *, limit: int, cursor: str | None) -> Page:
    """The texts of a message, the current one last.

    Raises NotFound, Forbidden for members who may not read earlier texts, Conflict (`message_deleted`).
    """
    listing = Listing("versions", message_id)
    (after,) = listing.start(cursor) or (0,)
    is_on = settings.current().edit_history != "off"
    with reading() as db:
        rows = db.execute(_LIST, {"id": message_id, "is_on": is_on, "after": after, "limit": limit + 1}).all()
        # After the rows were read: a user who was removed before that gets none.
        known = known_message(db, actor, message_id)
        require(PERMISSIONS, VersionPermission.READ, actor, known)
    if rows and rows[0][0] is None:
        raise Conflict("The message was deleted.", code="message_deleted")
    return listing.page([(Fragment(version), [number]) for version, number in rows], limit)
