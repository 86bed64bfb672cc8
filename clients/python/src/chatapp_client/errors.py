"""What calls raise: an `ApiError` for an error response, a `ConnectionFailed` without a response."""

from typing import Any


class ChatError(Exception):
    """The base of all errors of this package."""


class ConnectionFailed(ChatError):
    """The server could not be reached, or did not respond in time. The call may have had an effect."""


class ApiError(ChatError):
    """The server responded with an error, as described at `/docs/errors` of the server.

    `code` is the stable name of the error, such as `username_taken`; `detail` is a sentence. `errors` has the messages of
    each invalid field. `status` is the HTTP status. `problem` is the complete object.
    """

    def __init__(self, status: int, problem: dict[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.problem = problem
        self.code: str = problem.get("code", "unknown")
        self.detail: str = problem.get("detail") or problem.get("title") or f"HTTP status {status}"
        self.errors: dict[str, list[str]] = problem.get("errors") or {}
        # Seconds to wait before the next attempt, if the server named them.
        self.retry_after = retry_after
        fields = "".join(f"; {field}: {' '.join(map(str, texts))}" for field, texts in self.errors.items())
        super().__init__(f"{self.code} ({status}): {self.detail}{fields}")

    def __reduce__(self) -> tuple[type["ApiError"], tuple[int, dict[str, Any], float | None]]:
        return type(self), (self.status, self.problem, self.retry_after)


class Unauthorized(ApiError):
    """401: the key, token or password is not accepted."""


class Forbidden(ApiError):
    """403: the caller lacks a scope, a role or a membership."""


class NotFound(ApiError):
    """404: the object does not exist, or the caller cannot see it."""


class Conflict(ApiError):
    """409: the state of the object does not permit the call, or a name is taken."""


class Invalid(ApiError):
    """422: a field is invalid; `errors` names it."""


class RateLimited(ApiError):
    """429: too many calls, even after waiting and trying again."""


class Unavailable(ApiError):
    """5xx: the server cannot process requests at present."""


_CLASSES: dict[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Invalid,
    429: RateLimited,
}


def api_error(status: int, problem: dict[str, Any], retry_after: float | None = None) -> ApiError:
    """The exception for an error response."""
    kind = Unavailable if status >= 500 else _CLASSES.get(status, ApiError)
    return kind(status, problem, retry_after)


def is_temporary(error: ChatError) -> bool:
    """True if the same call may succeed later."""
    return isinstance(error, ConnectionFailed | RateLimited | Unavailable)
