"""Actions on pins: pin a message, unpin it, and list the pinned messages of a chat."""

from typing import Any

from chatapp.core import audit
from chatapp.core.errors import Conflict
from chatapp.core.identity import Actor
from chatapp.core.pagination import Page
from chatapp.core.permissions import require
from chatapp.core.turns import turn
from chatapp.core.unit_of_work import unit_of_work
from chatapp.features.chats.queries import why_closed
from chatapp.features.messages import changes
from chatapp.features.messages import queries as messages
from chatapp.features.messages.actions import mark_delivered
from chatapp.features.messages.schemas import MessageChanges
from chatapp.features.pins import queries
from chatapp.features.pins.permissions import PERMISSIONS, PinPermission
from chatapp.features.pins.queries import PinState
from chatapp.representations.message import Message

MAX_PINS = 100
# After the latest pin of the chat, whatever the clock says.
_PIN = """
    pinned_by = :user_id, pinned_at = greatest(clock_timestamp(), (
        SELECT max(p.pinned_at) + interval '1 ms' FROM messages p WHERE p.chat_id = m.chat_id AND p.pinned_at IS NOT NULL
    ))
"""
_UNPIN = "pinned_by = NULL, pinned_at = NULL"


def pin_message(actor: Actor, message_id: str) -> Message:
    """Pin a message; returns it as the actor sees it. Pinning it again changes nothing.

    Raises NotFound, Forbidden for members of a group who are not its ADMIN and in a closed chat (`you_blocked`,
    `cannot_send`), Conflict (`message_deleted`, `too_many_pins`).
    """
    return _set_pin(actor, message_id, on=True)


def unpin_message(actor: Actor, message_id: str) -> Message:
    """Unpin a message; returns it as the actor sees it. Unpinning it again changes nothing. Raises NotFound, Forbidden."""
    return _set_pin(actor, message_id, on=False)


def fetch_pins(actor: Actor, chat_id: str, **page: Any) -> Page:
    """A page of a chat's pinned messages (see `queries.list_pins`), which also delivers them to the actor, unless it is an
    API key that acts as a user."""
    pins, newest = queries.list_pins(actor, chat_id, **page)
    if newest and not actor.acting:
        mark_delivered([(chat_id, actor.user_id, newest)])
    return pins


def _set_pin(actor: Actor, message_id: str, *, on: bool) -> Message:
    with turn(messages.chat_of(message_id)), unit_of_work() as work:
        known = messages.known_message(work.db, actor, message_id)
        message = require(PERMISSIONS, PinPermission.CHANGE, actor, known)
        changes.lock_chat(work.db, message)
        # A statement of its own, which sees all pins that were committed before the lock: the limit is exact.
        state = queries.pin_state(work.db, message.id)
        if state.is_closed:
            raise why_closed(work.db, actor.user_id, message.chat_id)
        if on:
            _check(state)
        if state.is_pinned == on:
            return messages.message_seen(work.db, actor, message.id)
        rev = changes.set_columns(work.db, message, _PIN if on else _UNPIN, {"user_id": actor.user_id})
        seen = messages.message_seen(work.db, actor, message.id)
        shown: MessageChanges = {"pinnedAt": seen.get("pinnedAt"), "pinnedBy": seen.get("pinnedBy")}
        changes.announce_change(work, message, rev, shown)
        action = "message.pinned" if on else "message.unpinned"
        audit.record_acting(work.db, actor, action, ("message", message.id), chatId=message.chat_id)
        return seen


def _check(state: PinState) -> None:
    if state.is_deleted:
        raise Conflict("The message was deleted.", code="message_deleted")
    if not state.is_pinned and state.pins >= MAX_PINS:
        raise Conflict(f"A chat can have up to {MAX_PINS} pinned messages.", code="too_many_pins")
