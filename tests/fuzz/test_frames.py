"""Websocket frames (RFC 6455): invalid ones end only their connection, valid ones are accepted."""

import struct
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.conftest import hard
from tests.fuzz.raw_clients import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Ended,
    Frame,
    RawWebSocket,
    event,
    frame,
)
from tests.people import Person
from tests.server import Server
from tests.socket_clients import SocketClient
from tests.socket_clients.surface import NO_CHAT

LARGEST = 256 * 1024
VIOLATION, NO_TEXT, TOO_LARGE = 1002, 1007, 1009
HELLO = event("typing:stop", {"chatId": NO_CHAT}, ack="1")

# Invalid input, and the code with which the connection ends.
WRONG: dict[str, tuple[bytes, int]] = {
    "unmasked": (frame(HELLO, masked=False), VIOLATION),
    **{f"reserved bits {bits:03b}": (frame(HELLO, rsv=bits), VIOLATION) for bits in (1, 2, 4, 7)},
    **{f"opcode {code}": (frame("", code), VIOLATION) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "a fragmented ping": (frame("x", PING, fin=False), VIOLATION),
    "a fragmented close": (frame(b"", CLOSE, fin=False), VIOLATION),
    "a ping of 126 bytes": (frame("x" * 126, PING), VIOLATION),
    "a ping of 256 KiB": (frame("x" * LARGEST, PING), VIOLATION),
    "the middle of nothing": (frame("x", CONTINUATION, fin=False), VIOLATION),
    "the end of nothing": (frame("x", CONTINUATION), VIOLATION),
    "a message inside another": (frame("4", fin=False) + frame(HELLO), VIOLATION),
    "bytes inside a text": (frame("4", fin=False) + frame(b"x", BINARY), VIOLATION),
    "no UTF-8": (frame(b"42/chat,\xff"), NO_TEXT),
    "half a surrogate pair": (frame(b"42/chat,\xed\xa0\x80"), NO_TEXT),
    "a text that ends within a character": (frame(b"42/chat,\xe2\x82"), NO_TEXT),
    "no UTF-8 in a later part": (frame(b"4", fin=False) + frame(b"\xfe", CONTINUATION), NO_TEXT),
    "a part that does not go on with a character": (frame(b"\xe2", fin=False) + frame(b"x", CONTINUATION), NO_TEXT),
    "a close of one byte": (frame(b"\x03", CLOSE), VIOLATION),
    **{
        f"a close with {code}": (frame(struct.pack("!H", code), CLOSE), VIOLATION)
        for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535)
    },
    "a close whose reason is no UTF-8": (frame(struct.pack("!H", 1000) + b"\xff", CLOSE), NO_TEXT),
    "a text beyond 256 KiB": (frame("4" + "x" * LARGEST), TOO_LARGE),
    "bytes beyond 256 KiB": (frame(b"x" * (LARGEST + 1), BINARY), TOO_LARGE),
    "parts beyond 256 KiB together": (
        frame("4", fin=False) + frame("x" * 4096, CONTINUATION, fin=False) * 65,
        TOO_LARGE,
    ),
    "more than 1,000 parts": (frame("4", fin=False) + frame("", CONTINUATION, fin=False) * 1000, TOO_LARGE),
    "the beginning of a gigabyte": (frame("4" + "x" * LARGEST, length=1 << 30), TOO_LARGE),
    "the beginning of all there is": (frame("4" + "x" * LARGEST, length=(1 << 63) - 1), TOO_LARGE),
    "a length below zero": (frame(b"4", length=(1 << 64) - 1), VIOLATION),
}
# Valid frames, and the frames of the response.
RESPONSE = Frame(TEXT, b"43/chat,1")
RIGHT: dict[str, tuple[bytes, list[Frame]]] = {
    "a ping": (frame("are you there?", PING), [Frame(PONG, b"are you there?")]),
    "a ping of 125 bytes": (frame("x" * 125, PING), [Frame(PONG, b"x" * 125)]),
    "a ping of nothing": (frame("", PING), [Frame(PONG, b"")]),
    "an unsolicited pong": (frame("x", PONG), []),
    "bytes": (frame(b"\0\xff", BINARY), []),
    "no bytes": (frame(b"", BINARY), []),
    "256 KiB of bytes": (frame(b"x" * LARGEST, BINARY), []),
    "a text in parts": (frame(HELLO[:5], fin=False) + frame(HELLO[5:], CONTINUATION), [RESPONSE]),
    "a text in parts of one character": (
        frame("", fin=False) + b"".join(frame(c, CONTINUATION, fin=False) for c in HELLO) + frame("", CONTINUATION),
        [RESPONSE],
    ),
    "1,000 parts": (
        frame(HELLO, fin=False) + frame("", CONTINUATION, fin=False) * 998 + frame("", CONTINUATION),
        [RESPONSE],
    ),
    "a ping between parts": (
        frame(HELLO[:5], fin=False) + frame("p", PING) + frame(HELLO[5:], CONTINUATION),
        [Frame(PONG, b"p"), RESPONSE],
    ),
    "bytes in parts": (frame(b"x", BINARY, fin=False) + frame(b"y", CONTINUATION), []),
    "a part that ends within a character": (
        frame(HELLO.encode()[:-3] + b'","x":"\xe2', fin=False) + frame(b'\x82\xac"}]', CONTINUATION),
        [RESPONSE],
    ),
    "several in one piece": (frame(HELLO) * 3, [RESPONSE] * 3),
}


@pytest.fixture
def socket(target: Server, mallory: Person) -> Iterator[RawWebSocket]:
    """A socket of mallory."""
    with RawWebSocket(target.url) as socket:
        yield socket.join(mallory.token)


def is_response(found: Frame, expected: Frame) -> bool:
    return found.opcode == expected.opcode and found.payload.startswith(expected.payload)


@pytest.mark.parametrize("case", WRONG)
def test_invalid_frames_end_the_connection(socket: RawWebSocket, case: str) -> None:
    written, code = WRONG[case]
    socket.write(written)
    # A server that has stopped reading may reset the connection before its close frame is read.
    assert socket.end() in (code, None)


@pytest.mark.parametrize("case", RIGHT)
def test_valid_frames_are_accepted(socket: RawWebSocket, case: str) -> None:
    written, responses = RIGHT[case]
    socket.write(written)
    for expected in responses:
        assert is_response(socket.read(), expected)
    assert socket.flush() == []


@pytest.mark.parametrize("case", sorted(RIGHT, key=lambda case: len(RIGHT[case][0]))[:9])
def test_frames_can_arrive_byte_by_byte(socket: RawWebSocket, case: str) -> None:
    written, responses = RIGHT[case]
    for byte in written:
        socket.write(bytes([byte]))
    for expected in responses:
        assert is_response(socket.read(), expected)
    assert socket.flush() == []


@pytest.mark.parametrize("reason", [b"", struct.pack("!H", 1000), struct.pack("!H", 4321) + "Grüße".encode()])
def test_close_is_echoed_with_its_code(socket: RawWebSocket, reason: bytes) -> None:
    socket.write(frame(reason, CLOSE))
    code = socket.end()
    assert code in ((struct.unpack("!H", reason[:2])[0],) if reason else (None, 1000))


@pytest.mark.parametrize("size", [1, 2, 5, 6, 10])
def test_disconnect_within_a_frame_is_cleaned_up(target: Server, mallory: Person, size: int) -> None:
    with RawWebSocket(target.url) as socket:
        socket.join(mallory.token).write(frame(HELLO)[:size])


@hard
@given(st.binary(min_size=1, max_size=300))
def test_arbitrary_bytes_break_nothing(target: Server, neighbour: SocketClient, noise: bytes) -> None:
    with RawWebSocket(target.url) as socket:
        socket.write(noise)
    neighbour.flush()


def test_compression_is_not_accepted(target: Server, mallory: Person) -> None:
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(b"4" + b"x" * (64 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)
    with RawWebSocket(target.url, headers={"Sec-WebSocket-Extensions": "permessage-deflate"}) as socket:
        socket.join(mallory.token)
        before = target.memory()
        try:
            for start in range(0, len(bomb), 32_000):
                last = start + 32_000 >= len(bomb)
                part = bomb[start : start + 32_000]
                socket.write(frame(part, CONTINUATION if start else TEXT, fin=last, rsv=0 if start else 4))
            socket.end()
        except Ended:
            pass
        assert target.memory() - before < 4 << 20


# A missing or wrong header, and whether the handshake may still succeed.
HANDSHAKES = {
    "no key": {"Sec-WebSocket-Key": ""},
    "a key of nothing": {"Sec-WebSocket-Key": " "},
    "a short key": {"Sec-WebSocket-Key": "eA=="},
    "no version": {"Sec-WebSocket-Version": ""},
    "an old version": {"Sec-WebSocket-Version": "8"},
    "a version that is none": {"Sec-WebSocket-Version": "x"},
    "no upgrade": {"Upgrade": ""},
    "another upgrade": {"Upgrade": "h2c"},
    "no connection": {"Connection": ""},
    "a connection that closes": {"Connection": "close"},
}


@pytest.mark.parametrize("case", HANDSHAKES)
def test_invalid_handshake_is_refused(target: Server, case: str) -> None:
    with RawWebSocket(target.url, headers=HANDSHAKES[case]) as socket:
        assert 400 <= socket.status < 500
