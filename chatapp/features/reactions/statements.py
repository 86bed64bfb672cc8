"""The statements that change reactions: they lock, and then read and write with new snapshots.

A statement has one snapshot, from before it waits for its locks. What another transaction committed meanwhile is visible
to the next statement only, so limits and counts are exact.
"""

from chatapp.core.prepared import Prepared
from chatapp.representations.message import IS_FOUND_MESSAGE, MAX_LISTED_REACTORS

# Messages and users, pairwise. In the order of all locks: members, chats by id, messages.
LOCK = Prepared(
    "lock_reactions",
    """
    WITH wanted AS (
        SELECT m.id, m.chat_id, w.user_id
        FROM unnest(CAST(:message_ids AS uuid[]), CAST(:user_ids AS uuid[])) w (message_id, user_id)
             JOIN messages m ON m.id = w.message_id
    ), member AS (
        SELECT chat_id FROM members WHERE (chat_id, user_id) IN (SELECT w.chat_id, w.user_id FROM wanted w)
        ORDER BY chat_id, user_id FOR KEY SHARE
    ), chat AS (
        SELECT id FROM chats WHERE id = ANY(ARRAY(SELECT chat_id FROM member)) ORDER BY id FOR NO KEY UPDATE
    )
    SELECT FROM messages WHERE id = ANY(ARRAY(SELECT w.id FROM wanted w JOIN chat c ON c.id = w.chat_id))
    ORDER BY id FOR NO KEY UPDATE
    """,
)
# The messages, and of each of their users who is a member and neither cleared nor hid it the role, whether they block the
# other one of a closed chat, and the reactions.
READ = Prepared(
    "read_reactions",
    f"""
    SELECT m.id::text, m.chat_id::text, m.sender_id::text, m.type, m.rev, m.deleted_at IS NOT NULL, c.is_closed,
           CAST(coalesce(m.reactions, '[]') AS json),
           (SELECT json_object_agg(me.user_id, json_build_array(me.role, c.is_closed AND EXISTS (
                SELECT FROM members o JOIN blocks b ON b.blocked_id = o.user_id AND b.user_id = me.user_id
                WHERE o.chat_id = c.id
            ), ARRAY(
                SELECT r.emoji_key FROM reactions r
                WHERE r.message_id = m.id AND r.user_id = me.user_id AND r.emoji_key = ANY(ARRAY(
                    SELECT replace(e.item ->> 'emoji', chr(65039), '') FROM jsonb_array_elements(m.reactions) e (item)
                ))
            )))
            FROM unnest(CAST(:message_ids AS uuid[]), CAST(:user_ids AS uuid[])) w (message_id, user_id)
                 JOIN members me ON me.chat_id = m.chat_id AND me.user_id = w.user_id AND {IS_FOUND_MESSAGE}
            WHERE w.message_id = m.id)
    FROM messages m JOIN chats c ON c.id = m.chat_id AND NOT c.is_deleted
    WHERE m.id = ANY(CAST(:message_ids AS uuid[]))
    """,
)
WRITE = Prepared(
    "write_reactions",
    """
    WITH net AS (
        SELECT * FROM unnest(CAST(:message_ids AS uuid[]), CAST(:user_ids AS uuid[]), CAST(:emoji_keys AS text[]),
                             CAST(:emoji AS text[]), CAST(:ons AS boolean[]))
                      WITH ORDINALITY n (message_id, user_id, emoji_key, emoji, is_on, place)
    ), gone AS (
        DELETE FROM reactions r USING net n
        WHERE NOT n.is_on AND r.message_id = n.message_id AND r.emoji_key = n.emoji_key AND r.user_id = n.user_id
    )
    INSERT INTO reactions (message_id, emoji_key, user_id, emoji, created_at)
    SELECT message_id, emoji_key, user_id, emoji, clock_timestamp() FROM net WHERE is_on ORDER BY place
    """,
)
# Sums up all rows of each message, and gives it the next number of its locked chat. An emoji keeps its place while a
# user gives it, even if another user was the first.
SUMMARIZE = Prepared(
    "summarize_reactions",
    f"""
    WITH touched AS (
        SELECT m.id, m.chat_id, m.reactions, row_number() OVER (PARTITION BY m.chat_id ORDER BY t.place) AS n
        FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY t (id, place) JOIN messages m ON m.id = t.id
    ), chat AS (
        UPDATE chats c SET last_rev = c.last_rev + t.n
        FROM (SELECT chat_id, max(n) AS n FROM touched GROUP BY chat_id) t WHERE c.id = t.chat_id
        RETURNING c.id, c.last_rev - t.n AS rev
    )
    UPDATE messages m SET rev = chat.rev + t.n, is_changed = true, reactions = (
        SELECT jsonb_agg(jsonb_build_object('emoji', s.emoji, 'count', s.count, 'userIds', s.user_ids)
                         ORDER BY before.place, s.since, s.emoji_key)
        FROM (
            SELECT r.emoji_key, min(r.emoji) AS emoji, count(*) AS count, min(r.created_at) AS since,
                   to_jsonb((array_agg(r.user_id ORDER BY r.created_at, r.user_id))[:{MAX_LISTED_REACTORS}]) AS user_ids
            FROM reactions r WHERE r.message_id = t.id GROUP BY r.emoji_key
        ) s LEFT JOIN jsonb_array_elements(t.reactions) WITH ORDINALITY before (item, place)
            ON replace(before.item ->> 'emoji', chr(65039), '') = s.emoji_key
    )
    FROM touched t JOIN chat ON chat.id = t.chat_id WHERE m.id = t.id
    RETURNING m.id::text, m.chat_id::text, m.rev, CAST(m.reactions AS json)
    """,
)
