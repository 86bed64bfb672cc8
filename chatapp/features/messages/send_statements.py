"""The statements that store messages: membership, idempotency, each chat's next numbers, the senders' implicit receipts
and the rows, in one round trip.

Locks are taken in the order members, chats, each by id, so that batches never deadlock. The removal of a member deletes
their row before it locks the chat, so that a removed member's send precedes that or finds no row.
"""

from itertools import product

from chatapp.core.objects import Column
from chatapp.core.prepared import Prepared
from chatapp.representations.message import DRAFT, FILE, FORWARDED_FROM, QUOTE, take_numbers

# The columns that a draft sets: those of fields, and two that no client sees.
COLUMNS = DRAFT | {"uploadId": Column("m.upload_id", "uuid"), "clientDigest": Column("m.client_digest", "bytea")}
# Those that only some messages have: a batch without them is stored by statements that don't mention them.
EXTRAS = {
    "replyToId": Column("m.reply_to", "uuid"),
    "mentionIds": Column("m.mention_ids", "uuid[]"),
    "mentionsAll": Column("m.mentions_all", "boolean"),
    "metadata": Column("m.metadata", "jsonb"),
    "format": Column("m.format", "text"),
    "forwarded": Column("m.forwarded", "jsonb"),
}
_NAMES = ", ".join(column.name for column in COLUMNS.values())
_VALUES = ", ".join(f"CAST(:{field} AS {column.draft})" for field, column in COLUMNS.items())
# Neither deleted nor cleared by its sender. A reply that was accepted before its target was deleted quotes a tombstone: a
# row that is locked for sharing, after the chat's, is read as it is then, not as it was when the statement began.
_QUOTABLE = """AND (d.reply_to IS NULL OR EXISTS (
            SELECT FROM messages q JOIN sender s ON s.chat_id = q.chat_id AND s.user_id = d.sender_id
            WHERE q.id = d.reply_to AND q.chat_id = d.chat_id AND q.deleted_at IS NULL
            AND q.seq > coalesce(s.first_seq, 0) AND NOT (s.has_hidden AND EXISTS (
                SELECT FROM hidden_messages h WHERE h.user_id = d.sender_id AND h.message_id = q.id
            ))
        ))"""
_QUOTED = """quoted AS (
        SELECT q.* FROM messages q WHERE q.id IN (SELECT n.reply_to FROM numbered n) FOR SHARE OF q
    )"""
# Only other members are mentioned. A member who leaves meanwhile may remain: queries of mentions check the membership.
_NAMED = """named AS (
        SELECT n.id, n.chat_id, n.seq, n.sender_id, u.user_id, u.place
        FROM numbered n, unnest(n.mention_ids) WITH ORDINALITY u (user_id, place)
        WHERE u.user_id <> n.sender_id
        AND EXISTS (SELECT FROM members o WHERE o.chat_id = n.chat_id AND o.user_id = u.user_id)
    )"""
_MENTIONED = """mentioned AS (
        INSERT INTO mentions (user_id, chat_id, seq, message_id, sender_id)
        SELECT DISTINCT user_id, chat_id, seq, id, sender_id FROM named
    )"""
_MENTION_IDS = "(SELECT array_agg(x.user_id ORDER BY x.place) FROM named x WHERE x.id = m.id)"


# PostgreSQL expects 100 rows of a JSON array and would join whole tables for them; with a LIMIT it expects a tenth.
def _statement(name: str, *additions: str, extended: bool) -> Prepared:
    columns = COLUMNS | EXTRAS if extended else COLUMNS
    record = ", ".join(f'"{field}" {column.draft}' for field, column in columns.items())
    names = ", ".join(column.name for column in columns.values())
    values, results, named = names, "", ""
    if extended:
        named, additions = f"{_NAMED}, ", (_QUOTED, _MENTIONED, *additions)
        values = names.replace("mention_ids", _MENTION_IDS)
        results = f""",
           (SELECT {QUOTE} FROM quoted q JOIN users s ON s.id = q.sender_id WHERE q.id = m.reply_to),
           to_json({_MENTION_IDS}),
           {FORWARDED_FROM}"""
    added = "".join(f", {addition}" for addition in additions)
    return Prepared(
        name,
        f"""
    WITH draft AS (
        SELECT * FROM ROWS FROM (json_to_recordset(CAST(:drafts AS json)) AS ({record})) WITH ORDINALITY
                      d ({names}, place)
        LIMIT :count
    ), sender AS (
        SELECT chat_id, user_id, first_seq, has_hidden FROM members
        WHERE (chat_id, user_id) IN (SELECT d.chat_id, d.sender_id FROM draft d)
        ORDER BY chat_id, user_id FOR NO KEY UPDATE
    ), accepted AS (
        SELECT d.*, row_number() OVER (PARTITION BY d.chat_id ORDER BY d.place) AS n
        FROM draft d
        WHERE EXISTS (SELECT FROM sender s WHERE s.chat_id = d.chat_id AND s.user_id = d.sender_id)
        AND NOT EXISTS (SELECT FROM messages m WHERE m.sender_id = d.sender_id AND m.client_id = d.client_id)
        {_QUOTABLE if extended else ""}
    ), locked AS (
        SELECT c.id, a.n FROM chats c JOIN (SELECT chat_id, count(*) AS n FROM accepted GROUP BY chat_id) a
        ON a.chat_id = c.id AND NOT c.is_closed ORDER BY c.id FOR NO KEY UPDATE OF c
    ), chat AS (
        UPDATE chats c SET {take_numbers("l.n")}
        FROM locked l WHERE c.id = l.id
        RETURNING c.id, c.last_seq - l.n AS seq, c.last_rev - l.n AS rev, c.updated_at
    ), numbered AS (
        SELECT a.*, c.seq + a.n AS seq, c.rev + a.n AS rev, c.updated_at AS created_at
        FROM accepted a JOIN chat c ON c.id = a.chat_id
    ), receipt AS (
        UPDATE members r SET read_seq = s.seq, delivered_seq = s.seq, unread_from = NULL, marked_seq = NULL
        FROM (SELECT chat_id, sender_id, max(seq) AS seq FROM numbered GROUP BY chat_id, sender_id) s
        WHERE r.chat_id = s.chat_id AND r.user_id = s.sender_id
    ), {named}stored AS (
        INSERT INTO messages ({names}, seq, rev, created_at) SELECT {values}, seq, rev, created_at FROM numbered m
    ){added}
    SELECT m.id::text, m.seq, m.rev, wire_time(m.created_at), s.username, s.avatar, s.display_name, s.is_bot,
           CASE WHEN m.upload_id IS NOT NULL THEN (
               SELECT {FILE} FROM uploads f WHERE f.id = m.upload_id) END{results}
    FROM numbered m JOIN users s ON s.id = m.sender_id
    ORDER BY m.place
    """,
    )


# A row for each `once` subscriber; while none is interested, a send pays nothing for the outbox.
_RECORDED = """recorded AS (
        INSERT INTO outbox (subscriber, type, chat_id, rev, subject)
        SELECT o.subscriber, 'MessageSent', m.chat_id, m.rev, m.id
        FROM numbered m, unnest(CAST(:subscribers AS text[])) o (subscriber)
        ORDER BY m.place
    )"""
# An entry in the audit log for each message of a key that acts as a user (`entries`, by message); other sends pay nothing.
_AUDITED = """audited AS (
        INSERT INTO audit_log (id, actor_type, actor_id, actor_name, acting_as, action, target_type, target_id, address,
                               details)
        SELECT e.id, e.type, e.actor, e.name, m.sender_id, 'message.created', 'message', m.id, e.address,
               jsonb_build_object('chatId', m.chat_id)
        FROM json_to_recordset(CAST(:entries AS json)) e (message uuid, id uuid, type text, actor uuid, name text,
                                                          address text)
        JOIN numbered m ON m.id = e.message
    )"""
# By whether there are subscribers, whether there are entries, and whether a message has extras.
SEND = {
    (is_recorded, is_audited, extended): _statement(
        "send" + "_recorded" * is_recorded + "_audited" * is_audited + "_extended" * extended,
        *[_RECORDED] * is_recorded,
        *[_AUDITED] * is_audited,
        extended=extended,
    )
    for is_recorded, is_audited, extended in product((False, True), repeat=3)
}

# A single message, with `COLUMNS` as parameters: the start of the statement above costs more than its work.
SEND_ONE = Prepared(
    "send_one",
    f"""
    WITH sender AS (
        SELECT FROM members WHERE chat_id = CAST(:chatId AS uuid) AND user_id = CAST(:senderId AS uuid)
        AND NOT EXISTS (SELECT FROM messages m
                        WHERE m.sender_id = CAST(:senderId AS uuid) AND m.client_id = CAST(:clientId AS uuid))
        FOR NO KEY UPDATE
    ), chat AS (
        UPDATE chats c SET {take_numbers("1")}
        FROM sender WHERE c.id = CAST(:chatId AS uuid) AND NOT c.is_closed
        RETURNING CAST(:id AS uuid) AS id, c.last_seq AS seq, c.last_rev AS rev, c.updated_at AS created_at
    ), receipt AS (
        UPDATE members SET read_seq = c.seq, delivered_seq = c.seq, unread_from = NULL, marked_seq = NULL FROM chat c
        WHERE chat_id = CAST(:chatId AS uuid) AND user_id = CAST(:senderId AS uuid)
    ), stored AS (
        INSERT INTO messages ({_NAMES}, seq, rev, created_at) SELECT {_VALUES}, seq, rev, created_at FROM chat
    )
    SELECT m.id::text, m.seq, m.rev, wire_time(m.created_at), s.username, s.avatar, s.display_name, s.is_bot,
           CASE WHEN CAST(:uploadId AS uuid) IS NOT NULL THEN (
               SELECT {FILE} FROM uploads f WHERE f.id = CAST(:uploadId AS uuid)) END
    FROM chat m JOIN users s ON s.id = CAST(:senderId AS uuid)
    """,
)
