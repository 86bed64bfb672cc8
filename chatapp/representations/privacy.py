"""SQL conditions on what users see of each other."""

# Settings that a row `u` of `users` may have; without settings all defaults apply.
HIDES_PRESENCE = "coalesce(u.settings ->> 'lastSeen' = 'nobody', false)"
IS_FINDABLE = "coalesce((u.settings ->> 'findable')::boolean, true)"


def blocked_with(reader: str) -> str:
    """The ids of users who block the user `reader`, a parameter, or whom that user blocks: read once for a statement."""
    return f"""ARRAY(
        SELECT blocked_id FROM blocks WHERE user_id = CAST({reader} AS uuid)
        UNION ALL SELECT user_id FROM blocks WHERE blocked_id = CAST({reader} AS uuid)
    )"""


def shares_chat(reader: str) -> str:
    """True if the user `reader`, a parameter, shares a chat with `u`."""
    return f"""EXISTS (
        SELECT FROM members theirs JOIN members mine ON mine.chat_id = theirs.chat_id AND mine.user_id = {reader}
        WHERE theirs.user_id = u.id
    )"""


def sees_presence(reader: str) -> str:
    """True if the user `reader`, a parameter, sees the presence of `u`, if they share a chat: neither hides it, and
    neither blocks the other."""
    return f"""(u.id = {reader} OR NOT {HIDES_PRESENCE}
        AND NOT (SELECT {HIDES_PRESENCE} FROM users u WHERE u.id = CAST({reader} AS uuid))
        AND u.id <> ALL({blocked_with(reader)}))"""


def finds(reader: str) -> str:
    """True if the user `reader`, a parameter, finds `u` by name."""
    return f"""(u.id = {reader} OR ({IS_FINDABLE} OR {shares_chat(reader)}) AND u.id <> ALL({blocked_with(reader)}))"""
