"""Error responses: RFC 9457, `application/problem+json`."""

from http import HTTPStatus

import orjson
from flask import Response

from chatapp.core.api_keys import redact
from chatapp.core.errors import ChatError, RateLimited, Unavailable, problem_type
from chatapp.core.problem import Problem

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


def problem(status: int, detail: str) -> Problem:
    """The problem of an HTTP error."""
    code = _CODES.get(status, "internal_error" if status >= 500 else "bad_request")
    return {
        "type": problem_type(code),
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }


def respond(problem: Problem) -> Response:
    """The response for a problem."""
    # Some problems name what the client sent.
    return Response(redact(orjson.dumps(problem).decode()), problem["status"], mimetype="application/problem+json")


def from_error(error: ChatError) -> Response:
    """The response for an error, with its headers."""
    response = respond(error.problem())
    if isinstance(error, RateLimited):
        response.headers["Retry-After"] = response.headers["RateLimit-Reset"] = str(error.retry_after)
        response.headers["RateLimit-Limit"] = str(error.limit)
        response.headers["RateLimit-Remaining"] = "0"
    if isinstance(error, Unavailable) and error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
