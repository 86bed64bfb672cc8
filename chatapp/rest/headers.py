"""Refuses disallowed origins and exposed API keys, and completes the headers of all responses, in front of REST and Socket.IO."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from chatapp.core.exposed_keys import find_exposed_key
from chatapp.core.ids import new_id
from chatapp.rest.access import ID_HEADER
from chatapp.rest.origins import Origins
from chatapp.server.headers import HeaderList, complete
from chatapp.server.problems import from_error

Environ: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environ, Any], Iterable[bytes]]


def guard(application: Application, origins: Origins) -> Application:
    """A WSGI application that refuses other origins and exposed keys with a problem, and completes the headers of all responses."""

    def call(environ: Environ, start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: HeaderList, exc_info: Any = None) -> Any:
            return start_response(status, complete(headers), exc_info)

        error = find_exposed_key(environ)
        if not error and not origins.accepts(environ):
            error = origins.error(environ)
        if error:
            response = from_error(error)
            response.headers[ID_HEADER] = new_id()
            return response(environ, start)
        return application(environ, start)

    return call
