"""Actions on the personal state of chats: set it, delete messages for oneself, and clear a chat.

Each first locks the actor's member rows, so that changes of one chat's state wait for each other and for the actor's sends,
and takes the number of the change last.
"""

from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import text

from chatapp.core import audit
from chatapp.core.errors import Conflict, Invalid, Json, NotFound
from chatapp.core.identity import Actor
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.chat_states import queries
from chatapp.features.chat_states.queries import Positions
from chatapp.features.messages.changes import lock_reader, read_up_to
from chatapp.features.own_state.changes import announce, take_me_rev
from chatapp.representations.chat_state import CHAT_STATE, ChatState

MAX_PINNED = 20
# Messages of one chat that a user can hide one by one.
MAX_HIDDEN = 10_000
_NO_MESSAGE = "Message not found."
_SET = f"""
    UPDATE members me SET %s, me_rev = :me_rev FROM chats c
    WHERE c.id = me.chat_id AND me.chat_id = :chat_id AND me.user_id = :user_id RETURNING {CHAT_STATE}
"""
_LOCK_MEMBERS = text(
    """
    SELECT FROM members WHERE user_id = :user_id AND chat_id = ANY(CAST(:chat_ids AS uuid[]))
    ORDER BY chat_id FOR NO KEY UPDATE
    """
)
_HIDE = text(
    """
    INSERT INTO hidden_messages (user_id, message_id, chat_id, me_rev)
    SELECT :user_id, id, :chat_id, :me_rev FROM unnest(CAST(:ids AS uuid[])) id
    """
)
_HAS_HIDDEN = text(
    "UPDATE members SET has_hidden = true WHERE chat_id = :chat_id AND user_id = :user_id AND NOT has_hidden"
)
_DROP_HIDDEN = text(
    """
    DELETE FROM hidden_messages h USING messages m
    WHERE h.user_id = :user_id AND h.chat_id = :chat_id AND m.id = h.message_id AND m.seq <= :up_to
    """
)
_CLEAR = """
    first_seq = :up_to, has_hidden = EXISTS (
        SELECT FROM hidden_messages h WHERE h.user_id = me.user_id AND h.chat_id = me.chat_id
    ),
    marked_seq = CASE WHEN me.unread_from > :up_to THEN me.marked_seq END,
    unread_from = CASE WHEN me.unread_from > :up_to THEN me.unread_from END
"""


def update_chat_state(actor: Actor, chat_id: str, **fields: Any) -> ChatState:
    """Set the actor's own state of a chat, as far as `fields` has it; equal values change nothing.

    Raises NotFound for non-members, Invalid for a message that cannot be marked as unread, Conflict (`limit_reached`) beyond
    `MAX_PINNED` chats.
    """
    with unit_of_work() as work:
        lock_reader(work, actor, chat_id)
        before = queries.positions(work.db, actor, chat_id, fields.get("muted_until"))
        columns = _changed(before, fields)
        if not columns:
            return queries.chat_state(work.db, actor, chat_id)
        state = _set(work, actor, chat_id, columns)
        if columns.get("pinned_at") and queries.count_pinned(work.db, actor) > MAX_PINNED:
            raise Conflict(f"You can pin up to {MAX_PINNED} chats.", code="limit_reached")
        audit.record_acting(work.db, actor, "chat.state_updated", ("chat", chat_id), fields=sorted(columns))
        return state


def hide_messages(actor: Actor, *, message_ids: list[str]) -> None:
    """Delete messages for the actor alone, all or none. Hiding one again changes nothing.

    Raises NotFound for a message that the actor does not see, Conflict (`limit_reached`) beyond `MAX_HIDDEN` of a chat.
    """
    wanted = set(message_ids)
    with unit_of_work() as work:
        chat_ids = queries.chats_of(work.db, message_ids)
        work.db.execute(_LOCK_MEMBERS, {"user_id": actor.user_id, "chat_ids": chat_ids})
        visible = queries.visible_messages(work.db, actor, message_ids)
        if len(visible) < len(wanted):
            raise NotFound(_NO_MESSAGE)
        for chat_id, messages in groupby(visible, itemgetter(0)):
            ids = [message_id for _, message_id, is_hidden in messages if not is_hidden]
            if ids:
                _hide(work, actor, chat_id, ids)


def clear_chat(actor: Actor, chat_id: str, *, up_to: int | None = None) -> ChatState:
    """Delete the messages of a chat for the actor alone, up to a `seq` or all. They count as read.

    Raises NotFound for non-members, Invalid for a `seq` that no message has yet.
    """
    with unit_of_work() as work:
        reader = lock_reader(work, actor, chat_id)
        before = queries.positions(work.db, actor, chat_id)
        up_to = before.last_seq if up_to is None else up_to
        if up_to > before.last_seq:
            raise Invalid("A field is not valid.", errors={"upTo": [f"Must be at most {before.last_seq}."]})
        if up_to <= before.cleared_seq:
            return queries.chat_state(work.db, actor, chat_id)
        read_up_to(work, actor, chat_id, reader, up_to)
        if before.has_hidden:
            work.db.execute(_DROP_HIDDEN, {"user_id": actor.user_id, "chat_id": chat_id, "up_to": up_to})
        state = _announce(work, actor, chat_id, _CLEAR, {"up_to": up_to})
        audit.record_acting(work.db, actor, "chat.cleared", ("chat", chat_id), clearedSeq=up_to)
        return state


def _changed(before: Positions, fields: Json) -> Json:
    """The new values of the columns that change; True for a time stands for now."""
    new: Json = {}
    if "muted_until" in fields:
        new["muted_until"] = before.mute_until
    if "notify" in fields:
        new["notify"] = fields["notify"]
    if "pinned" in fields:
        new["pinned_at"] = fields["pinned"]
    if "is_archived" in fields:
        new["archived_seq"] = before.last_seq if fields["is_archived"] else None
    if "is_hidden" in fields:
        new["hidden_seq"] = before.last_seq if fields["is_hidden"] else None
    if "unread_from" in fields or "is_marked_unread" in fields:
        new["unread_from"] = _unread_from(before, fields)
    old = {
        "muted_until": before.muted_until,
        "notify": before.notify,
        "pinned_at": before.is_pinned,
        "archived_seq": before.archived_seq,
        "hidden_seq": before.hidden_seq,
        "unread_from": before.unread_from,
    }
    changed = {column: value for column, value in new.items() if value != old[column]}
    if "unread_from" in changed:
        changed["marked_seq"] = before.last_seq if changed["unread_from"] else None
    return changed


def _unread_from(before: Positions, fields: Json) -> int | None:
    """The first message that is marked as unread."""
    name, unread_from = "unreadFrom", fields.get("unread_from")
    if unread_from is None:
        if not fields.get("is_marked_unread"):
            return None
        name, unread_from = "isMarkedUnread", before.last_seq
    if not before.first_unread <= unread_from <= before.last_seq:
        first, last = before.first_unread, before.last_seq
        raise Invalid(
            "There is no such message that can be marked as unread.",
            errors={name: [f"Must be from {first} to {last}." if first <= last else "There is no message to mark."]},
        )
    return int(unread_from)


def _set(work: UnitOfWork, actor: Actor, chat_id: str, columns: Json) -> ChatState:
    values = dict(columns)
    if values.get("pinned_at") is False:
        values["pinned_at"] = None
    assignments = [f"{name} = clock_timestamp()" if values[name] is True else f"{name} = :{name}" for name in values]
    return _announce(work, actor, chat_id, ", ".join(assignments), values)


def _announce(work: UnitOfWork, actor: Actor, chat_id: str, assignments: str, values: Json) -> ChatState:
    """Set columns of the actor's locked member row `me`, and announce the state."""
    # The number also makes limits over several chats exact: what other changes committed before is visible afterwards.
    values = values | {"chat_id": chat_id, "user_id": actor.user_id, "me_rev": take_me_rev(work, actor.user_id)}
    state: ChatState = work.db.execute(text(_SET % assignments), values).scalar_one()
    announce(work, actor.user_id, state["meRev"], "me:chat", state)
    return state


def _hide(work: UnitOfWork, actor: Actor, chat_id: str, message_ids: list[str]) -> None:
    """Hide messages of a chat that are not hidden, as one change."""
    if queries.count_hidden(work.db, actor, chat_id) + len(message_ids) > MAX_HIDDEN:
        raise Conflict(
            f"You can delete up to {MAX_HIDDEN:,} messages of a chat for yourself. Clear the chat instead.",
            code="limit_reached",
        )
    me_rev = take_me_rev(work, actor.user_id)
    who = {"chat_id": chat_id, "user_id": actor.user_id}
    work.db.execute(_HIDE, who | {"ids": message_ids, "me_rev": me_rev})
    work.db.execute(_HAS_HIDDEN, who)
    payload = {"chatId": chat_id, "messageIds": message_ids, "meRev": me_rev}
    announce(work, actor.user_id, me_rev, "me:hidden", payload)
    audit.record_acting(work.db, actor, "message.hidden", ("chat", chat_id), messageIds=message_ids)
