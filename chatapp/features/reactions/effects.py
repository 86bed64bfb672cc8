"""What reactions of a batch do to one message, decided one after the other, as if each were alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chatapp.core.errors import Conflict
from chatapp.core.identity import Actor
from chatapp.core.permissions import require
from chatapp.features.chats.permissions import closed
from chatapp.features.messages.permissions import KnownMessage
from chatapp.features.messages.schemas import ReactionActor
from chatapp.features.reactions.emoji import key_of_known
from chatapp.features.reactions.permissions import PERMISSIONS, ReactionPermission
from chatapp.features.reactions.schemas import MessageReactions
from chatapp.representations.message import MAX_REACTIONS, Reaction

# Different reactions of a user to a message.
MAX_OF_A_USER = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """A reaction to give or take back. `emoji_key` is the same for equal emoji."""

    message_id: str
    user_id: str
    emoji: str
    emoji_key: str
    on: bool
    unique: bool


@dataclass(slots=True)
class ReactedMessage:
    """A message whose locks are held. `roles` are those of the users who want to react and are members, `blocking` those of
    them who block the other one of a closed chat, `own` their reactions, and `net` what changed: (user, emoji key) → whether
    it was given or taken back."""

    id: str
    chat_id: str
    sender_id: str
    type: str
    rev: int
    is_deleted: bool
    is_closed: bool
    reactions: list[Reaction]
    roles: dict[str, str]
    blocking: set[str]
    own: dict[str, set[str]]
    net: dict[tuple[str, str], bool] = field(default_factory=dict)
    _counts: dict[str, int] = field(init=False)
    _shown: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._counts = {key_of_known(each["emoji"]): each["count"] for each in self.reactions}
        # Each emoji as it was first given.
        self._shown = {key_of_known(each["emoji"]): each["emoji"] for each in self.reactions}

    @classmethod
    def read(cls, row: Sequence[Any]) -> "ReactedMessage":
        """From a row of `statements.READ`."""
        id, chat_id, sender_id, type, rev, is_deleted, is_closed, reactions, members = row
        users = (members or {}).items()
        roles = {user_id: role for user_id, (role, _, _) in users}
        blocking = {user_id for user_id, (_, blocks, _) in users if blocks}
        own = {user_id: set(keys) for user_id, (_, _, keys) in users}
        return cls(id, chat_id, sender_id, type, rev, is_deleted, is_closed, reactions, roles, blocking, own)

    def apply(self, actor: Actor, wanted: Wanted) -> bool:
        """Give or take back a reaction; returns whether that changed anything.

        Raises NotFound for non-members, Forbidden (`you_blocked`, `cannot_send`), Conflict (`message_deleted`,
        `too_many_reactions`).
        """
        role = self.roles.get(actor.user_id)
        known = KnownMessage(self.id, self.chat_id, self.sender_id, self.type, role, moderated=False)
        require(PERMISSIONS, ReactionPermission.REACT, actor, known)
        if self.is_deleted:
            raise Conflict("The message was deleted.", code="message_deleted")
        if self.is_closed:
            raise closed(blocks=actor.user_id in self.blocking)
        own, key = self.own[actor.user_id], wanted.emoji_key
        others = own - {key} if wanted.on and wanted.unique else set[str]()
        gives = wanted.on and key not in own
        if gives:
            self._check_limits(own, others, key)
        elif not wanted.on and key in own:
            others = {key}
        for each in sorted(others):
            self._change(actor.user_id, each, on=False)
        if gives:
            self._shown.setdefault(key, wanted.emoji)
            self._change(actor.user_id, key, on=True)
        return gives or bool(others)

    def _check_limits(self, own: set[str], taken_back: set[str], key: str) -> None:
        if len(own - taken_back) >= MAX_OF_A_USER:
            raise Conflict(f"A user can react {MAX_OF_A_USER} times to a message.", code="too_many_reactions")
        left = {each for each, count in self._counts.items() if count > (each in taken_back)}
        if len(left | {key}) > MAX_REACTIONS:
            raise Conflict(
                f"A message can have {MAX_REACTIONS} different reactions.",
                code="too_many_reactions",
            )

    def _change(self, user_id: str, key: str, *, on: bool) -> None:
        own = self.own[user_id]
        (own.add if on else own.remove)(key)
        self._counts[key] = self._counts.get(key, 0) + (1 if on else -1)
        if not self._counts[key]:
            del self._counts[key]
        # Each change reverses the last one.
        if self.net.pop((user_id, key), None) is None:
            self.net[user_id, key] = on

    def rows(self) -> list[tuple[str, str, str, str, bool]]:
        """The changed rows, for `statements.WRITE`."""
        return [(self.id, user_id, key, self._shown[key], on) for (user_id, key), on in self.net.items()]

    def actors(self) -> list[ReactionActor]:
        """Who changed what, for the event."""
        return [{"userId": user_id, "emoji": self._shown[key], "on": on} for (user_id, key), on in self.net.items()]

    def seen_by(self, user_id: str) -> MessageReactions:
        """The reactions as one of the users sees them."""
        seen: MessageReactions = {"messageId": self.id, "chatId": self.chat_id, "rev": self.rev}
        own = self.own[user_id]
        reactions: list[Reaction] = [
            {**each, "mine": True} if key_of_known(each["emoji"]) in own else each for each in self.reactions
        ]
        if reactions:
            seen["reactions"] = reactions
        return seen
