"""What the sockets of a user need to know of the database."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from chatapp.core.errors import Json

# A chat's `lastRev` and `lastSeq`.
Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Privacy:
    """Which events about others a user gets, and others about the user: read receipts, presence, typing. `avoided` are
    users who block this one, or whom this one blocks."""

    exchanges_receipts: bool = True
    exchanges_presence: bool = True
    shows_typing: bool = True
    avoided: Set[str] = frozenset()


# The default.
OPEN = Privacy()


@dataclass(frozen=True, slots=True)
class UserState:
    """What the database has of a user for their sockets: the chats, the latest `meRev`, and the privacy."""

    chats: Mapping[str, Position] = field(default_factory=dict)
    me_rev: int = 0
    privacy: Privacy = OPEN


def privacy_of(settings: Json | None, avoided: Set[str]) -> Privacy:
    """The privacy of a user with these settings that differ from the defaults."""
    if not settings and not avoided:
        return OPEN
    given = settings or {}
    return Privacy(
        given.get("readReceipts", True), given.get("lastSeen") != "nobody", given.get("typing", True), avoided
    )
