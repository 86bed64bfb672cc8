"""Who is asking."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A person with a live session, as the database knew them a moment ago; every action is told one.

    `role` is the role on this server (USER, MODERATOR or ADMIN), not the one in a chat.
    """

    user_id: str
    session_id: str
    username: str
    avatar: str | None
    role: str
