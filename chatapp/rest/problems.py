"""Turns every error of the REST API into a problem."""

import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from chatapp.core.errors import ChatError
from chatapp.server.problems import from_error, problem, respond

log = structlog.get_logger()


def install(app: Flask) -> None:
    """Return a problem for every error, never a stack trace."""
    app.register_error_handler(ChatError, from_error)
    app.register_error_handler(HTTPException, _from_http_exception)
    app.register_error_handler(Exception, _from_bug)


def _from_http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return error.get_response()  # type: ignore[return-value]  # a redirect
    response = respond(problem(status, error.description or ""))
    for name, value in error.get_headers():
        if name in ("Allow", "Content-Range"):
            response.headers[name] = value
    return response


def _from_bug(error: Exception) -> Response:
    log.error("unhandled_error", exc_info=error)
    return respond(ChatError("The server failed. The error has been logged.").problem())
