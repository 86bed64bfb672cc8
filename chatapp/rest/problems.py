"""Error responses of the REST API: RFC 9457, `application/problem+json`."""

from http import HTTPStatus

import orjson
import structlog
from flask import Flask, Response
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import HTTPException

from chatapp.core.errors import ChatError, Json, RateLimited, problem_type
from chatapp.extensions import limiter
from chatapp.rest.limits import seconds_until

log = structlog.get_logger()

_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    429: "rate_limited",
    431: "headers_too_large",
}


def install(app: Flask) -> None:
    """Return a problem for every error, never a stack trace."""
    app.register_error_handler(ChatError, from_error)
    app.register_error_handler(HTTPException, _from_http_exception)
    app.register_error_handler(RateLimitExceeded, _from_used_up_limit)
    app.register_error_handler(Exception, _from_bug)


def problem(status: int, detail: str) -> Json:
    """The problem of an HTTP error."""
    code = _CODES.get(status, "internal_error" if status >= 500 else "bad_request")
    return {
        "type": problem_type(code),
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }


def respond(problem: Json) -> Response:
    """The response for a problem."""
    return Response(orjson.dumps(problem), problem["status"], mimetype="application/problem+json")


def from_error(error: ChatError) -> Response:
    """The response for an error, with its headers."""
    response = respond(error.problem())
    if isinstance(error, RateLimited):
        response.headers["Retry-After"] = response.headers["RateLimit-Reset"] = str(error.retry_after)
        response.headers["RateLimit-Limit"] = str(error.limit)
        response.headers["RateLimit-Remaining"] = "0"
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _from_http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return error.get_response()  # type: ignore[return-value]  # a redirect
    response = respond(problem(status, error.description or ""))
    for name, value in error.get_headers():
        if name in ("Allow", "Content-Range"):
            response.headers[name] = value
    return response


def _from_used_up_limit(_error: RateLimitExceeded) -> Response:
    limit = limiter.current_limit
    assert limit
    return from_error(RateLimited(seconds_until(limit.window.reset_time), limit.limit.amount))


def _from_bug(error: Exception) -> Response:
    log.error("unhandled_error", exc_info=error)
    return respond(ChatError("The server failed. The error has been logged.").problem())
