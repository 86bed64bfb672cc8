"""Long conversations of the past, written to the database: to send them would be most of the work of a test."""

from collections.abc import Iterable

from sqlalchemy import Engine, text

from tests.people import Person

# What the sender writes, they have read.
_WRITE = text(
    """
    WITH chat AS (
        UPDATE chats SET last_seq = last_seq + :count, last_rev = last_rev + :count, updated_at = clock_timestamp()
        WHERE id = :chat_id RETURNING last_seq, last_rev, updated_at
    ), receipt AS (
        UPDATE members SET read_seq = chat.last_seq, delivered_seq = chat.last_seq FROM chat
        WHERE chat_id = :chat_id AND user_id = :sender_id
    )
    INSERT INTO messages (id, chat_id, seq, rev, sender_id, content, created_at)
    SELECT gen_random_uuid(), :chat_id, last_seq - :count + n, last_rev - :count + n, :sender_id, content, updated_at
    FROM chat, unnest(CAST(:contents AS text[])) WITH ORDINALITY said (content, n)
    """
)


def write_past(engine: Engine, chat_id: str, sender: Person, contents: Iterable[str]) -> None:
    """Messages of a sender, of which pages learn that open later."""
    said = list(contents)
    with engine.begin() as db:
        db.execute(_WRITE, {"chat_id": chat_id, "sender_id": sender.id, "contents": said, "count": len(said)})
