"""People who are online without a page, where what their page shows is not tested."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.people import Person
from tests.socket_clients import PyClient


@contextmanager
def online(person: Person) -> Iterator[PyClient]:
    """A person's socket."""
    socket = PyClient.connect(person.url, person.token)
    try:
        yield socket
    finally:
        socket.disconnect()
