"""Schemas of signals."""

from typing import Annotated, Any, NotRequired, TypedDict

from marshmallow import fields, validate

from chatapp.core.objects import schema_of
from chatapp.core.schemas import AnyData, Id, Input

MAX_DATA = 1024
MAX_NAME = 64
MAX_RECIPIENTS = 1000
NAME = rf"[a-z0-9._-]{{1,{MAX_NAME}}}"


class SignalSchema(Input):
    """A signal to the members of a chat."""

    name = fields.String(
        required=True,
        validate=[
            validate.Length(1, MAX_NAME),
            validate.Regexp(rf"{NAME}\Z", error="Must consist of a-z, 0-9, dots, underscores and hyphens."),
        ],
        metadata={
            "pattern": f"^{NAME}$",
            "description": f"The name of the signal: 1–{MAX_NAME} of the characters a–z, 0–9, `.`, `_` and `-`.",
            "example": "recording",
        },
    )
    data = AnyData(MAX_DATA, load_default=None)
    to_user_ids = fields.List(
        Id(metadata={"description": "A member of the chat."}),
        data_key="toUserIds",
        validate=validate.Length(1, MAX_RECIPIENTS),
        metadata={
            "description": f"1–{MAX_RECIPIENTS:,} users: the signal goes to those of them who are members. If omitted, it goes "
            "to all members but the caller.",
            "example": ["01a209c0-dd89-7528-89ae-40572c1fa41a"],
        },
    )


class SignalInChatSchema(SignalSchema):
    """A signal, and the chat whose members receive it."""

    chat_id = Id(data_key="chatId", required=True, metadata={"description": "A chat of which the caller is a member."})


class SignalEvent(TypedDict):
    """A signal of a member."""

    chatId: Annotated[str, Id(), "The chat."]
    userId: Annotated[str, Id(), "The member who sent it."]
    name: Annotated[
        str,
        fields.String(validate=validate.Length(max=MAX_NAME), metadata={"example": "recording"}),
        "The name of the signal.",
    ]
    data: NotRequired[
        Annotated[Any, AnyData(MAX_DATA), "The data of the sender; absent if there is none, or if it is null."]
    ]


SignalEventSchema = schema_of(SignalEvent)
