"""Schemas of forwarding."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from chatapp.core.schemas import Id, Input

MAX_MESSAGES = 20
MAX_CHATS = 5


def _require_distinct(ids: list[str]) -> None:
    if len(set(ids)) < len(ids):
        raise ValidationError("Must not name the same object twice.")


def _ids(key: str, limit: int, what: str, about: str) -> Any:
    return fields.List(
        Id(metadata={"description": what}),
        data_key=key,
        required=True,
        validate=[validate.Length(1, limit), _require_distinct],
        metadata={
            "description": f"1–{limit} {about}",
            "uniqueItems": True,
            "example": ["01a209c0-dd89-7528-89ae-40572c1fa41a"],
        },
    )


class ForwardSchema(Input):
    """Messages to forward, and the chats to forward them to."""

    message_ids = _ids(
        "messageIds",
        MAX_MESSAGES,
        "A message of a chat of which the caller is a member.",
        "different messages, in the order in which the copies are sent. They can be of several chats.",
    )
    chat_ids = _ids(
        "chatIds",
        MAX_CHATS,
        "A chat of which the caller is a member.",
        "different chats, which each get all of the messages.",
    )
    client_id = Id(
        data_key="clientId",
        required=True,
        metadata={
            "description": "A UUID that the client chooses. Repeating a request with it does not forward the messages twice."
        },
    )
