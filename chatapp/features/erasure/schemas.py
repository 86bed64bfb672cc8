"""Schemas of erasure."""

from enum import StrEnum

from chatapp.core.schemas import Choice, Input


class Messages(StrEnum):
    """What happens to the messages of an erased user."""

    KEEP = "keep"
    ERASE = "erase"


class EraseQuery(Input):
    """What happens to the user's messages."""

    messages = Choice(
        "ErasedMessages",
        tuple(each.value for each in Messages),
        load_default=Messages.KEEP.value,
        metadata={
            "description": "`keep`: the messages stay, with a sender who has no name. `erase`: they are deleted like single "
            "messages, with their files.",
        },
    )
