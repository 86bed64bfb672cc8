"""Every way in which the server says no.

An action raises one of these kinds; each transport sends it as the same RFC 9457 problem: REST as a response with
`status`, Socket.IO as a failed ack or an `exception` event. The `code` is stable and part of the contract.
"""

from http import HTTPStatus
from typing import Any, ClassVar, TypeAlias

Json: TypeAlias = dict[str, Any]


def problem_type(code: str) -> str:
    """The `type` of a problem with this code: a URI reference to the entry of the code in the documentation."""
    return f"/docs/errors#{code}"


class ChatError(Exception):
    """A refusal that a client can understand: a sentence (`detail`) and a stable machine name (`code`)."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "internal_error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code:
            self.code = code

    def problem(self) -> Json:
        """The RFC 9457 object of this error, as both transports send it."""
        return {
            "type": problem_type(self.code),
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "code": self.code,
        }


class Malformed(ChatError):
    """The bytes could not be read as JSON at all."""

    status = HTTPStatus.BAD_REQUEST
    code = "malformed_json"


class Invalid(ChatError):
    """The shape was read and a field is wrong; `errors` maps a field to its messages."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "validation_error"

    def __init__(self, detail: str, *, code: str | None = None, errors: Json | None = None) -> None:
        super().__init__(detail, code=code)
        self.errors = errors

    def problem(self) -> Json:
        problem = super().problem()
        if self.errors:
            problem["errors"] = self.errors
        return problem


class Unauthenticated(ChatError):
    """Nobody is known to be asking: no token, or a bad one."""

    status = HTTPStatus.UNAUTHORIZED
    code = "token_invalid"


class Forbidden(ChatError):
    """The caller may see the subject and may not do this to it."""

    status = HTTPStatus.FORBIDDEN
    code = "forbidden"


class NotFound(ChatError):
    """The subject does not exist, or the caller may not know that it does."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class Conflict(ChatError):
    """The request is fine and the present state forbids it."""

    status = HTTPStatus.CONFLICT
    code = "conflict"


class TooLarge(ChatError):
    """The body exceeds its bound."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "body_too_large"


class UnsupportedType(ChatError):
    """The media type is not one that is read here."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"


class RateLimited(ChatError):
    """A limit (of so many) is used up; `retry_after` says in how many whole seconds to come back."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate_limited"

    def __init__(self, retry_after: int, limit: int, detail: str = "") -> None:
        super().__init__(detail or f"Too many requests. Try again in {retry_after} s.")
        self.retry_after = retry_after
        self.limit = limit

    def problem(self) -> Json:
        return super().problem() | {"retryAfter": self.retry_after}


class Unavailable(ChatError):
    """A part that the server needs does not answer at the moment; the same request may work later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"
