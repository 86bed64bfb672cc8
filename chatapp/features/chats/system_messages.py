"""Messages that no user sent: the texts with which a group announces its changes, and how such messages are stored.

They take their numbers and leave their events in the transaction of the caller, so that a change and its announcement are
committed together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import orjson
from sqlalchemy import text

from chatapp.core.errors import Json
from chatapp.core.ids import new_id
from chatapp.core.objects import Column, EncodedObject
from chatapp.core.unit_of_work import UnitOfWork
from chatapp.features.chats import queries
from chatapp.features.chats.events import MessageSent
from chatapp.models.enums import MemberRole, MessageType
from chatapp.models.user import SYSTEM_ID
from chatapp.representations.message import BLANK, DRAFT, MessageEvent, Sender, take_numbers

_COLUMNS = DRAFT | {"clientDigest": Column("m.client_digest", "bytea"), "system": Column("m.system", "jsonb")}
_RECORD = ", ".join(f'"{name}" {column.draft}' for name, column in _COLUMNS.items())
_NAMES = ", ".join(column.name for column in _COLUMNS.values())
# The unique index on senders and client ids also covers the user `system`.
_POST = text(
    f"""
    WITH draft AS (
        SELECT d.*, row_number() OVER (ORDER BY d.place) AS n
        FROM ROWS FROM (json_to_recordset(CAST(:drafts AS json)) AS ({_RECORD})) WITH ORDINALITY d ({_NAMES}, place)
        WHERE NOT EXISTS (SELECT FROM messages m WHERE m.sender_id = d.sender_id AND m.client_id = d.client_id)
    ), counted AS (
        SELECT count(*) AS n FROM draft
    ), chat AS (
        UPDATE chats c SET {take_numbers("counted.n")} FROM counted
        WHERE c.id = :chat_id AND NOT c.is_deleted AND counted.n > 0
        RETURNING c.last_seq - counted.n AS seq, c.last_rev - counted.n AS rev, c.updated_at AS created_at
    ), stored AS (
        INSERT INTO messages ({_NAMES}, seq, rev, created_at)
        SELECT {_NAMES}, c.seq + d.n, c.rev + d.n, c.created_at FROM draft d, chat c
        RETURNING id, seq, rev, created_at
    )
    SELECT m.id::text, m.seq, m.rev, wire_time(m.created_at), s.username, s.avatar, s.display_name
    FROM stored m JOIN users s ON s.id = '{SYSTEM_ID}' ORDER BY m.seq
    """
)


@dataclass(frozen=True, slots=True)
class SystemMessage:
    """A message without a sender: its text, and what happened (`system`, with an `event`)."""

    content: str
    system: Json
    client_id: str | None = None
    # Distinguishes a repetition from a reused `client_id`.
    digest: bytes | None = None
    id: str = field(default_factory=new_id)

    def draft(self, chat_id: str) -> MessageEvent:
        """The message without what the database adds."""
        return BLANK | {
            "id": self.id,
            "chatId": chat_id,
            "senderId": SYSTEM_ID,
            "content": self.content,
            "type": MessageType.SYSTEM.value,
            "clientId": self.client_id,
            "system": self.system,
        }


def post(work: UnitOfWork, chat_id: str, messages: Sequence[SystemMessage]) -> list[MessageEvent]:
    """Store system messages and announce their events; returns those that are new: not the ones whose `client_id` was
    used before."""
    drafts = {each.id: each.draft(chat_id) for each in messages}
    rows = [
        {name: value for name, value in drafts[each.id].items() if name in _COLUMNS}
        | {"clientDigest": rf"\x{each.digest.hex()}" if each.digest else None}
        for each in messages
    ]
    posted: list[MessageEvent] = []
    for id, seq, rev, created_at, username, avatar, display_name in work.db.execute(
        _POST, {"chat_id": chat_id, "drafts": orjson.dumps(rows).decode()}
    ):
        sender: Sender = {"id": SYSTEM_ID, "username": username, "avatar": avatar}
        if display_name:
            sender["displayName"] = display_name
        about = {"seq": seq, "rev": rev, "createdAt": created_at, "sender": sender}
        message = cast(MessageEvent, EncodedObject(drafts[id] | about))
        posted.append(message)
        work.announce(MessageSent(chat_id, rev, message))
    return posted


class Announcements:
    """The texts of a group's changes. `by_id` is the user who caused them, None for a server."""

    def __init__(self, work: UnitOfWork, user_ids: Sequence[str], by_id: str | None) -> None:
        self._by_id = by_id
        self._names = queries.names_of(work.db, [*user_ids, *([by_id] if by_id else [])])

    def joined(self, user_id: str) -> SystemMessage:
        """A user was added."""
        name, by = self._names[user_id], self._other(user_id)
        return self._message(f"{by} added {name}." if by else f"{name} joined.", "member.joined", userId=user_id)

    def left(self, user_id: str) -> SystemMessage:
        """A user left or was removed."""
        name, by = self._names[user_id], self._other(user_id)
        return self._message(f"{by} removed {name}." if by else f"{name} left.", "member.left", userId=user_id)

    def renamed(self, name: str) -> SystemMessage:
        """The group has a new name."""
        by = self._other(None)
        content = f"{by} renamed the group to “{name}”." if by else f"The group is now called “{name}”."
        return self._message(content, "chat.renamed", name=name)

    def role(self, user_id: str, role: str) -> SystemMessage:
        """A member has another role."""
        name, by = self._names[user_id], self._other(user_id)
        if role == MemberRole.ADMIN:
            content = f"{by} made {name} an admin." if by else f"{name} is now an admin."
        else:
            content = f"{by} removed {name} as an admin." if by else f"{name} is no longer an admin."
        return self._message(content, "member.role", userId=user_id, role=role)

    def _other(self, user_id: str | None) -> str | None:
        """The name of the user who caused the change, unless they changed themselves."""
        return self._names[self._by_id] if self._by_id and self._by_id != user_id else None

    def _message(self, content: str, event: str, **about: str) -> SystemMessage:
        by = {"byId": self._by_id} if self._by_id else {}
        return SystemMessage(content, {"event": event, **about, **by})
