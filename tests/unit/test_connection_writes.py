"""What a connection sends together leaves by one system call."""

import socket
from contextlib import suppress

from chatapp.server.connections import Connection


def pair() -> tuple[Connection, socket.socket]:
    """Two ends between which each system call is a message of its own."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Connection(fileno=one.detach()), other


def test_pieces_that_are_sent_together_leave_at_once() -> None:
    connection, other = pair()
    with connection, other:
        with connection.together():
            connection.sendall(b"head, ")
            connection.sendall(b"body")
        connection.sendall(b"next")
        assert [other.recv(100), other.recv(100)] == [b"head, body", b"next"]


def test_nothing_is_sent_after_an_error() -> None:
    connection, other = pair()
    with connection, other:
        with suppress(TypeError), connection.together():
            connection.sendall(b"head")
            raise TypeError
        connection.sendall(b"next")
        assert other.recv(100) == b"next"
