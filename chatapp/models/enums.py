"""The values of columns that are one of a few words, as they are on the wire too."""

from enum import StrEnum


class UserRole(StrEnum):
    """The role of a user on this server."""

    USER = "USER"
    MODERATOR = "MODERATOR"
    ADMIN = "ADMIN"


class MemberRole(StrEnum):
    """The role of a member in a chat."""

    MEMBER = "MEMBER"
    ADMIN = "ADMIN"


class ChatType(StrEnum):
    """A direct chat has two members for ever, a group any number that changes."""

    DIRECT = "DIRECT"
    GROUP = "GROUP"


class MessageType(StrEnum):
    """What a message contains: text alone, a file with or without text, or a note of the system."""

    TEXT = "TEXT"
    IMAGE = "IMAGE"
    FILE = "FILE"
    SYSTEM = "SYSTEM"


class DeliveryStatus(StrEnum):
    """How far a message has come."""

    SENT = "SENT"
    DELIVERED = "DELIVERED"
    READ = "READ"


class Announcement(StrEnum):
    """A change that a group announces by a system message."""

    JOINED = "joined"
    LEFT = "left"
    RENAMED = "renamed"
    ROLE = "role"
