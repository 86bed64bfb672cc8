"""The action that forwards messages."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import psycopg2
from sqlalchemy import text

from chatapp.core.errors import Conflict, Invalid
from chatapp.core.identity import Actor
from chatapp.core.turns import turn
from chatapp.core.unit_of_work import unit_of_work
from chatapp.features.chats.queries import why_closed
from chatapp.features.files.queries import StoredFile
from chatapp.features.forwarding import queries
from chatapp.features.forwarding.queries import Original
from chatapp.features.messages.extras import Extras
from chatapp.features.messages.sending import PendingMessage, fingerprint, store
from chatapp.models.enums import DeliveryStatus, MessageType
from chatapp.representations.message import Message

# A request that another one with the same `clientId` has overtaken finds the copies of that one.
MAX_ATTEMPTS = 2
_CLIENT_ID_KEY = "messages_sender_id_client_id_key"
# While it waits for one chat, the others are locked.
_LOCK_TIMEOUT = text("SET LOCAL lock_timeout = '2s'")


class _Overtaken(Exception):
    """Messages with these `clientId`s exist."""


def forward_messages(
    actor: Actor, *, message_ids: Sequence[str], chat_ids: Sequence[str], client_id: str
) -> tuple[list[Message], bool]:
    """Send copies of messages to chats, all or none. Returns the copies as the actor sees them, chat by chat, and whether
    they were not sent before, with the same `client_id`.

    Raises NotFound for a message or chat that the actor can't see, Forbidden (`you_blocked`, `cannot_send`),
    Conflict (`message_deleted`), Invalid for a system message, and (`client_id_reused`) if something else was sent with that
    `client_id`.
    """
    client_ids = _client_ids(client_id, len(message_ids) * len(chat_ids))
    digest = fingerprint(" ".join(chat_ids), " ".join(message_ids), "forward")
    for _ in range(MAX_ATTEMPTS):
        queries.require_member_of_all(actor, chat_ids)
        if before := queries.sent_before(actor, client_ids, digest):
            return before, False
        try:
            return _forward(actor, message_ids, chat_ids, client_ids, digest), True
        except _Overtaken:
            pass
    raise queries.reused()


def _client_ids(client_id: str, count: int) -> list[str]:
    """The `clientId` of each copy: that of the request, and ids derived from it."""
    return [client_id, *(str(uuid.uuid5(uuid.UUID(client_id), str(n))) for n in range(1, count))]


def _forward(
    actor: Actor, message_ids: Sequence[str], chat_ids: Sequence[str], client_ids: Sequence[str], digest: bytes
) -> list[Message]:
    involved = sorted({*chat_ids, *queries.chats_of(actor, message_ids)})
    with _turns(involved), _overtaken(), unit_of_work() as work:
        work.db.execute(_LOCK_TIMEOUT)
        closed = queries.lock_chats(work.db, actor, involved)
        # A statement of its own, which sees all deletions that were committed before the locks.
        originals = queries.originals(work.db, message_ids)
        _check(originals)
        for chat_id in chat_ids:
            if chat_id in closed:
                raise why_closed(work.db, actor.user_id, chat_id)
        copied = [(chat_id, original) for chat_id in chat_ids for original in originals]
        copies = [
            _copy(actor, chat_id, original, client_id, digest)
            for (chat_id, original), client_id in zip(copied, client_ids, strict=True)
        ]
        stored = store(work, copies)
        if len(stored) < len(copies):
            raise _Overtaken
    return [{**stored[copy.id], "status": DeliveryStatus.SENT.value} for copy in copies]  # type: ignore[typeddict-item]


def _check(originals: Iterable[Original]) -> None:
    if any(original.type == MessageType.SYSTEM for original in originals):
        raise Invalid("A field is not valid.", errors={"messageIds": ["System messages can't be forwarded."]})
    if any(original.is_deleted for original in originals):
        raise Conflict("A message was deleted.", code="message_deleted")


def _copy(actor: Actor, chat_id: str, original: Original, client_id: str, digest: bytes) -> PendingMessage:
    extras: Extras = {"forwarded": original.author}
    if original.format:
        extras["format"] = original.format
    file = StoredFile(original.upload_id, original.type) if original.upload_id else None
    return PendingMessage(actor, chat_id, original.content, client_id, digest, file, extras)


@contextmanager
def _turns(chat_ids: Sequence[str]) -> Iterator[None]:
    """Hold a slot of each of these chats, taken in this order."""
    with ExitStack() as turns:
        for chat_id in chat_ids:
            turns.enter_context(turn(chat_id))
        yield


@contextmanager
def _overtaken() -> Iterator[None]:
    """Raise `_Overtaken` for a `clientId` that another transaction has stored at this moment."""
    try:
        yield
    except psycopg2.IntegrityError as error:
        if error.diag.constraint_name != _CLIENT_ID_KEY:
            raise
        raise _Overtaken from None
