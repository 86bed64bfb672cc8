"""The errors that actions raise.

Each transport sends an error as the same RFC 9457 problem: REST as a response with `status`, Socket.IO as a failed ack
or an `exception` event. The `code` is stable and part of the API.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

if TYPE_CHECKING:
    from chatapp.core.problem import Problem

Json: TypeAlias = dict[str, Any]


def problem_type(code: str) -> str:
    """The `type` of a problem with this code: a URI reference to the entry of the code in the documentation."""
    return f"/docs/errors#{code}"


class ChatError(Exception):
    """An error for the client: a sentence (`detail`) and a stable machine-readable `code`."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "internal_error"

    def __init__(self, detail: str, *, code: str | None = None, errors: Json | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        # The messages of each field that is to blame, if there is one.
        self.errors = errors
        if code:
            self.code = code

    def problem(self) -> "Problem":
        """The RFC 9457 object of this error, as both transports send it."""
        problem: Problem = {
            "type": problem_type(self.code),
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "code": self.code,
        }
        if self.errors:
            problem["errors"] = self.errors
        return problem


class Malformed(ChatError):
    """The body is not valid JSON."""

    status = HTTPStatus.BAD_REQUEST
    code = "malformed_json"


class Invalid(ChatError):
    """A field is invalid; `errors` maps fields to their messages."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "validation_error"


class Unauthenticated(ChatError):
    """The request has no token, or an invalid one."""

    status = HTTPStatus.UNAUTHORIZED
    code = "token_invalid"


class Forbidden(ChatError):
    """The caller may see the resource but not perform this operation."""

    status = HTTPStatus.FORBIDDEN
    code = "forbidden"


class NotFound(ChatError):
    """The resource does not exist, or is hidden from the caller."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class Conflict(ChatError):
    """The operation conflicts with the current state."""

    status = HTTPStatus.CONFLICT
    code = "conflict"


class TooLarge(ChatError):
    """The body exceeds its limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "body_too_large"


class UnsupportedType(ChatError):
    """The media type is not accepted."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"


class RateLimited(ChatError):
    """A limit (of `limit` calls) is exceeded; `retry_after` is in whole seconds."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate_limited"

    def __init__(self, retry_after: int, limit: int, detail: str = "") -> None:
        super().__init__(detail or f"Too many requests. Try again in {retry_after} s.")
        self.retry_after = retry_after
        self.limit = limit

    def problem(self) -> "Problem":
        return super().problem() | {"retryAfter": self.retry_after}


class Unavailable(ChatError):
    """A part that the server needs is unavailable; the same request may succeed later, after `retry_after` seconds if that
    is known."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"

    def __init__(self, detail: str, *, code: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after
