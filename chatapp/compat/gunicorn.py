"""Private names of gunicorn that belong to a request or its connection; `gunicorn_processes.py` has those of its processes.

- `gunicorn.http.message.Request` is gunicorn's own parser; its documented interface is WSGI. A connection is transferred
  to another worker together with what was read of it (`server/transfer.py`), and becomes a websocket together with
  what was read beyond its handshake: `unreader.take_buffered` and `unreader.unread`.
- `body.reader.length` is the length of a body, from which its deadline follows (`server/connections.py`).
- `environ["gunicorn.socket"]` is the connection of a request. An environ leads to the parser through
  `environ["wsgi.input"].reader.unreader`.
- `ParseException` is raised while a body is read that does not match its headers.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gunicorn.http.errors import ParseException

TESTED = ("27.0.1", "27.0.1")

# The key of a request's connection in its environ.
CONNECTION = "gunicorn.socket"
InvalidBody = ParseException


class Request(Protocol):
    """A parsed head of a request."""

    method: str
    uri: str
    path: str
    query: str
    version: tuple[int, int]
    headers: Sequence[tuple[str, str]]


def head_of(request: Request) -> bytes:
    """The head of a request, as gunicorn read it, for gunicorn to parse again."""
    major, minor = request.version
    # Without a space after the colon, so that no line is longer than the client's was.
    fields = (f"{name}:{value}" for name, value in request.headers)
    return "\r\n".join([f"{request.method} {request.uri} HTTP/{major}.{minor}", *fields, "", ""]).encode("latin-1")


def body_length(request: Any, if_unknown: int) -> int:
    """The length of a request's body; `if_unknown` for a chunked one."""
    length: int = getattr(request.body.reader, "length", if_unknown)
    return length


def close_after_response(request: Any) -> None:
    """End the connection of a request with its response."""
    request.force_close()


def take_read_ahead(request: Any) -> bytes:
    """Take what was read from the connection beyond the head of a request."""
    taken: bytes = request.unreader.take_buffered()
    return taken


def return_read_ahead(request: Any, data: bytes) -> None:
    """Return what was taken."""
    request.unreader.unread(data)


def take_read_ahead_of(environ: Mapping[str, Any]) -> bytes:
    """Take what was read from the connection beyond the request of an environ."""
    taken: bytes = environ["wsgi.input"].reader.unreader.take_buffered()
    return taken
