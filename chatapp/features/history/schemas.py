"""Schemas of the queries for messages."""

from chatapp.core.pagination import list_query
from chatapp.core.schemas import Choice, absent
from chatapp.models.enums import MessageType

FILE_TYPES = (MessageType.IMAGE.value, MessageType.FILE.value)


class FilesQuery(list_query()):  # type: ignore[misc]
    """Page of a chat's files."""

    type = Choice(
        "FileType",
        FILE_TYPES,
        load_default=absent,
        metadata={"description": "Return only images, or only other files.", "example": "IMAGE"},
    )


MentionsQuery = list_query()
