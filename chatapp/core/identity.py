"""The actor of a request or event."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A user with an active session, as last read from the database; every action takes one.

    `role` is the role on this server (USER, MODERATOR or ADMIN), not the one in a chat.
    """

    user_id: str
    session_id: str
    username: str
    avatar: str | None
    role: str
