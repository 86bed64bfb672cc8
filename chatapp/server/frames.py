"""Encodes and decodes WebSocket frames (RFC 6455) on the server's side, without extensions.

The package `websockets`, with its C extension, would take 2 µs more to receive a message and 0.8 µs more to send one
(docs/decisions/0077-own-code-in-place-of-library-code.md).
"""

from collections.abc import Iterator

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_CONTINUATION = 0
_FIN, _RESERVED, _OPCODE, _MASKED, _SIZE = 0x80, 0x70, 0x0F, 0x80, 0x7F
_MAX_CONTROL = 125
NORMAL, GOING_AWAY, PROTOCOL_ERROR, NOT_TEXT, TOO_BIG = 1000, 1001, 1002, 1007, 1009
# Per message.
MAX_FRAGMENTS = 1000
# Valid status codes of a closing frame (RFC 6455, section 7.4).
_STATUSES = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}


class FrameError(Exception):
    """Invalid data from a client; `status` is the code for the closing frame."""

    def __init__(self, status: int) -> None:
        super().__init__(f"WebSocket status {status}")
        self.status = status


def encode(opcode: int, payload: bytes) -> bytes:
    """Encode one complete, unmasked frame."""
    size = len(payload)
    if size <= 125:
        return bytes((_FIN | opcode, size)) + payload
    if size < 65536:
        return bytes((_FIN | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((_FIN | opcode, 127)) + size.to_bytes(8, "big") + payload


def closing_status(payload: bytes) -> int:
    """The status of a client's closing frame; raises FrameError for an invalid one."""
    if not payload:
        return NORMAL
    status = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or status not in _STATUSES:
        raise FrameError(PROTOCOL_ERROR)
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise FrameError(NOT_TEXT) from None
    return status


def payload_of(frame: bytes) -> bytes:
    """The payload of a frame that `encode` returned."""
    size = frame[1]
    return frame[4 if size == 126 else 10 if size == 127 else 2 :]


class Decoder:
    """Decodes the frames in a client's stream of bytes.

    A message has at most `max_size` bytes and `MAX_FRAGMENTS` fragments. Bytes are copied once per frame, however small
    the pieces are in which they arrive.
    """

    __slots__ = ("_fragments", "_max_size", "_missing", "_opcode", "_rest", "_size")

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        # The beginning of a frame, and the number of bytes needed to decode it.
        self._rest: bytes | bytearray = b""
        self._missing = 0
        # Of a fragmented message: its type, its fragments so far, and their size.
        self._opcode = 0
        self._fragments: list[bytes] | None = None
        self._size = 0

    def allow(self, max_size: int) -> None:
        """Accept messages of up to `max_size` bytes from now on."""
        self._max_size = max_size

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the opcode and payload of each message or control frame that is complete. Raises FrameError."""
        if self._rest and not (data := self._join(data)):
            return
        at, end, missing = 0, len(data), 0
        while end - at >= 2:
            first, second, head = data[at], data[at + 1], 6
            opcode, size = first & _OPCODE, second & _SIZE
            if (
                first & _RESERVED
                or not second & _MASKED
                or (opcode >= CLOSE and (size > _MAX_CONTROL or not first & _FIN or opcode > PONG))
            ):
                raise FrameError(PROTOCOL_ERROR)
            if size > _MAX_CONTROL:
                size, head = (
                    (int.from_bytes(data[at + 2 : at + 4], "big"), 8) if size == 126 else _long_size(data, at + 2)
                )
            if end - at < head:
                missing = head
                break
            if size + self._size > self._max_size:
                raise FrameError(TOO_BIG)
            start = at + head
            if end - start < size:
                missing = head + size
                break
            at = start + size
            payload = _unmask(data[start:at], data[start - 4 : start])
            message = (opcode, payload) if opcode >= CLOSE else self._assemble(opcode, payload, bool(first & _FIN))
            if message:
                yield message
        if at < end:
            self._rest, self._missing = bytearray(data[at:]), missing

    def _join(self, data: bytes) -> bytes:
        """The incomplete frame with more data; empty while it is still incomplete."""
        self._rest += data
        if len(self._rest) < self._missing:
            return b""
        joined, self._rest = bytes(self._rest), b""
        return joined

    def _assemble(self, opcode: int, payload: bytes, final: bool) -> tuple[int, bytes] | None:
        """The message that this frame completes, if any."""
        if opcode > BINARY or (opcode == _CONTINUATION) != bool(self._opcode):
            raise FrameError(PROTOCOL_ERROR)
        if opcode != _CONTINUATION and final:
            return opcode, payload
        self._opcode = self._opcode or opcode
        self._fragments = self._fragments or []
        if len(self._fragments) >= MAX_FRAGMENTS:
            raise FrameError(TOO_BIG)
        self._fragments.append(payload)
        self._size += len(payload)
        if not final:
            return None
        message = self._opcode, b"".join(self._fragments)
        self._opcode, self._fragments, self._size = 0, None, 0
        return message


def _long_size(data: bytes, at: int) -> tuple[int, int]:
    """The size of a frame in eight bytes, and the size of its head. Raises FrameError."""
    size = int.from_bytes(data[at : at + 8], "big")
    if size >> 63:
        raise FrameError(PROTOCOL_ERROR)
    return size, 14


def _unmask(payload: bytes, mask: bytes) -> bytes:
    # As one large number: by far the fastest way in pure Python.
    size = len(payload)
    pattern = int.from_bytes((mask * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(payload, "little") ^ pattern).to_bytes(size, "little")
