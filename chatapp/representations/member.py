"""Members of chats."""

from typing import Annotated, TypedDict

from chatapp.core.objects import Column, build_object, schema_of
from chatapp.core.schemas import Choice, Id, Timestamp
from chatapp.models.enums import MemberRole
from chatapp.representations.user import USER, USER_SEEN, User

MEMBER_ROLES = tuple(role.value for role in MemberRole)


class Member(TypedDict):
    """A member of a chat."""

    # From a row `o` and its user `u`.
    userId: Annotated[str, Column("o.user_id"), Id(), "The id of the user."]
    role: Annotated[str, Column("o.role"), Choice("MemberRole", MEMBER_ROLES), "The role of the member in this chat."]
    joinedAt: Annotated[str, Column("wire_time(o.joined_at)"), Timestamp(), "When the member joined."]
    user: Annotated[User, Column(USER), "The user."]


MemberSchema = schema_of(Member)
MEMBER = build_object(Member)
# For a reader whose id is `:user_id`.
MEMBER_SEEN = build_object(Member, user=USER_SEEN)


def member_event(member: Member) -> Member:
    """A member for events: without presence, since all recipients get the same bytes."""
    user: User = {**member["user"], "isOnline": False, "lastSeen": None}
    return {**member, "user": user}
