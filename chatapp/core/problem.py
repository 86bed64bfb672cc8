"""The object of an error, as both transports send it."""

from typing import Annotated, NotRequired, TypedDict

from marshmallow import fields

from chatapp.core.error_codes import CODES
from chatapp.core.errors import problem_type
from chatapp.core.objects import schema_of
from chatapp.core.schemas import Whole

# `errors` names fields that the client chose, from a payload of at most 64 KiB.
MAX_PROBLEM_BYTES = 128 * 1024
_CODE = fields.String(
    metadata={
        "example": "validation_error",
        # Not `enum`: generated clients would reject codes of later versions.
        "x-extensible-enum": [*CODES],
    }
)


def _example(value: str) -> fields.String:
    return fields.String(metadata={"example": value})


class Problem(TypedDict):
    """An error in the format of RFC 9457 (`application/problem+json`)."""

    type: Annotated[str, _example(problem_type("validation_error")), "URI reference of the documentation of `code`."]
    title: Annotated[str, _example("Unprocessable Entity"), "The HTTP status as text."]
    status: Annotated[int, Whole(metadata={"example": 422}), "The HTTP status."]
    detail: Annotated[str, _example("A field is not valid."), "A sentence that explains the error."]
    code: Annotated[
        str,
        _CODE,
        "The stable error code: one of the known codes, or one that a later version added. Clients must accept unknown codes "
        "and treat them by `status`.",
    ]
    errors: NotRequired[
        Annotated[
            dict[str, list[str]],
            fields.Dict(
                keys=fields.String(),
                values=fields.List(fields.String()),
                metadata={"example": {"content": ["Missing data."]}},
            ),
            "The messages for each invalid field; at most the first 50 fields.",
        ]
    ]
    retryAfter: NotRequired[Annotated[int, "Seconds to wait before the next attempt; only with `rate_limited`."]]


ProblemSchema = schema_of(Problem, max_bytes=MAX_PROBLEM_BYTES)
