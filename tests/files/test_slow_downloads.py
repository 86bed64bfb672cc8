"""Downloads that clients read slowly don't delay others."""

import socket
import time

from tests.files import samples
from tests.files.conftest import Place
from tests.people import data, register


def test_slow_downloads_do_not_block_others(disk_place: Place) -> None:
    alice, bob = register(disk_place.server.url, "alice"), register(disk_place.server.url, "bob")
    chat = alice.direct_chat(bob)
    url = data(alice.upload(chat, "a.pdf", samples.PDF + bytes(8 * 2**20)))["fileUrl"]
    readers = [socket.create_connection(("127.0.0.1", disk_place.server.port)) for _ in range(10)]
    for reader in readers:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert reader.recv(12) == b"HTTP/1.1 200"
    began = time.monotonic()
    assert alice.send(chat, "Hello")["content"] == "Hello"
    assert disk_place.fetch(url).status_code == 200
    assert time.monotonic() - began < 5
    for reader in readers:
        reader.close()
