"""Changes of reactions: the rows, each message's summary and `rev`, and the events. Part of the actions."""

from collections.abc import Mapping, Sequence

from chatapp.core import audit
from chatapp.core.db import LOCK_TIMEOUT_MS
from chatapp.core.errors import ChatError, NotFound
from chatapp.core.identity import Actor
from chatapp.core.prepared import array, fetch
from chatapp.core.unit_of_work import UnitOfWork, unit_of_work
from chatapp.features.messages.events import MessageChanged
from chatapp.features.messages.schemas import ReactionActor
from chatapp.features.reactions.effects import ReactedMessage, Wanted
from chatapp.features.reactions.schemas import MessageReactions
from chatapp.features.reactions.statements import LOCK, READ, SUMMARIZE, WRITE
from chatapp.representations.message import Reaction


def store(batch: Sequence[tuple[Actor, Wanted]]) -> list[MessageReactions | ChatError]:
    """Give and take back reactions in one transaction; returns the outcome of each. A refused one does not affect the
    others. Raises Locked if a chat or a membership stays locked."""
    with unit_of_work() as work:
        messages = _lock(work, batch)
        outcomes = [_apply(work, messages, actor, wanted) for actor, wanted in batch]
        if changed := [message for message in messages.values() if message.net]:
            _write(work, changed)
    return [
        messages[wanted.message_id].seen_by(wanted.user_id) if error is None else error
        for error, (_, wanted) in zip(outcomes, batch, strict=True)
    ]


def _lock(work: UnitOfWork, batch: Sequence[tuple[Actor, Wanted]]) -> dict[str, ReactedMessage]:
    """The messages of a batch, as they are once their chats are locked; without those that don't exist."""
    pairs = dict.fromkeys((wanted.message_id, wanted.user_id) for _, wanted in batch)
    values = {
        "message_ids": array(message_id for message_id, _ in pairs),
        "user_ids": array(user_id for _, user_id in pairs),
    }
    # Two statements in one round trip, each with its own snapshot.
    statements = (f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}", LOCK.ready(work.db), READ.ready(work.db))
    rows = fetch(work.db, "; ".join(statements), values)
    return {message.id: message for message in map(ReactedMessage.read, rows)}


def _apply(work: UnitOfWork, messages: Mapping[str, ReactedMessage], actor: Actor, wanted: Wanted) -> ChatError | None:
    """Apply one reaction to its message; returns the error if it is refused."""
    try:
        message = messages.get(wanted.message_id)
        if message is None:
            raise NotFound("Not found.")
        if message.apply(actor, wanted):
            target = ("message", message.id)
            audit.record_acting(work.db, actor, "message.reacted", target, chatId=message.chat_id, on=wanted.on)
    except ChatError as error:
        return error
    return None


def _write(work: UnitOfWork, messages: Sequence[ReactedMessage]) -> None:
    """Write what changed, and announce it."""
    names = ("message_ids", "user_ids", "emoji_keys", "emoji", "ons")
    rows = [row for message in messages for row in message.rows()]
    values = {name: array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    values["ids"] = array(message.id for message in messages)
    by_id = {message.id: message for message in messages}
    for id, chat_id, rev, reactions in fetch(work.db, f"{WRITE.ready(work.db)}; {SUMMARIZE.ready(work.db)}", values):
        message = by_id[id]
        message.rev, message.reactions = rev, reactions or []
        announce(work, id, chat_id, rev, reactions, message.actors())


def summarize(work: UnitOfWork, actors: Mapping[str, list[ReactionActor]]) -> None:
    """Sum up the reactions to messages whose rows changed, and announce what each of `actors` did, by message. Their
    chats are locked."""
    for id, chat_id, rev, reactions in SUMMARIZE.execute(work.db, {"ids": array(actors)}):
        announce(work, id, chat_id, rev, reactions, actors[id])


def announce(
    work: UnitOfWork, id: str, chat_id: str, rev: int, reactions: list[Reaction] | None, actors: list[ReactionActor]
) -> None:
    """Announce the new reactions of a message."""
    work.announce(
        MessageChanged(
            chat_id,
            rev,
            {
                "chatId": chat_id,
                "messageId": id,
                "rev": rev,
                "changes": {"reactions": reactions},
                "actors": actors,
            },
        )
    )
