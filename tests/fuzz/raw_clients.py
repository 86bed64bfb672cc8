"""Raw clients below Socket.IO: frames and polls, written byte by byte, valid or not."""

import base64
import json
import os
import re
import socket
import struct
import time
from types import TracebackType
from typing import Any, NamedTuple, Self

import requests

from tests.socket_clients.surface import NO_CHAT

PATH = "/socket.io/?EIO=4&transport="
TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0
SECONDS = 10.0
FLUSH_ID = "999999"
SEPARATOR = "\x1e"


class Frame(NamedTuple):
    """A frame of the server."""

    opcode: int
    payload: bytes


class Ended(Exception):
    """The server ended the connection; `code` is that of its close frame, None without one."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


def frame(
    payload: bytes | str, opcode: int = TEXT, *, fin: bool = True, rsv: int = 0, masked: bool = True, length: int = -1
) -> bytes:
    """The bytes of a frame (RFC 6455, section 5.2); `length` overrides the length in its head."""
    data = payload.encode() if isinstance(payload, str) else payload
    size = len(data) if length < 0 else length
    short = size if size < 126 else 126 if size < 1 << 16 else 127
    head = bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | short])
    head += struct.pack("!H", size) if short == 126 else struct.pack("!Q", size) if short == 127 else b""
    if not masked:
        return head + data
    mask = os.urandom(4)
    # As numbers: a loop over the bytes takes a tenth of a second for each MB.
    pad = (mask * (len(data) // 4 + 1))[: len(data)]
    return head + mask + (int.from_bytes(data) ^ int.from_bytes(pad)).to_bytes(len(data))


def event(name: str, payload: Any = None, *, ack: str = "") -> str:
    """The Engine.IO message that is an event of `/chat`."""
    return f"42/chat,{ack}{json.dumps([name, payload])}"


class RawWebSocket:
    """A raw websocket. `read` returns frames, and raises Ended after the last one."""

    def __init__(
        self,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        sid: str = "",
        receive_buffer: int = 0,
        address: str = "127.0.0.1",
    ) -> None:
        host, port = re.fullmatch(r"http://([\d.]+):(\d+)", url).groups()  # type: ignore[union-attr]
        self.connection = socket.socket()
        if receive_buffer:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.connection.settimeout(SECONDS)
        self.connection.bind((address, 0))
        self.connection.connect((host, int(port)))
        given = {
            "Host": f"{host}:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
        } | (headers or {})
        lines = [f"GET {PATH}websocket{sid and f'&sid={sid}'} HTTP/1.1", *(f"{k}: {v}" for k, v in given.items() if v)]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())
        self._unread = b""
        # The id of its Engine.IO session, once it has joined.
        self.sid = sid
        self.response = self._head()

    @property
    def status(self) -> int:
        """The status of the handshake: 101 for a websocket."""
        return int(self.response.split(" ")[1]) if self.response else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def join(self, token: str) -> Self:
        """Join `/chat` as a Socket.IO client."""
        self.write(frame(f'40/chat,{{"token":"{token}"}}'))
        *before, _ = self.until("40/chat,")
        assert all(packet.startswith("0{") for packet in before), before
        for opened in before:
            self.sid = str(json.loads(opened[1:])["sid"])
        return self

    def write(self, data: bytes) -> None:
        """Send raw bytes; Ended if the server has closed the connection."""
        try:
            self.connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise Ended(None) from None

    def read(self) -> Frame:
        """The next frame; TimeoutError if none arrives, Ended when the server ends the connection."""
        head = self._take(2)
        assert head[1] < 128, "the server masks its frames"
        size = head[1]
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        found = Frame(head[0] & 15, self._take(size))
        assert head[0] & 0xF0 == 0x80, "the server fragments or compresses"
        if found.opcode == CLOSE:
            self._until_closed()
            raise Ended(struct.unpack("!H", found.payload[:2])[0] if found.payload else None)
        return found

    def text(self) -> str:
        """The next Engine.IO packet other than a ping, which gets its pong; TimeoutError if none arrives."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            found = self.read()
            packet = found.payload.decode()
            if found.opcode == TEXT and packet != "2":
                return packet
            if packet == "2":
                self.write(frame("3"))
        raise TimeoutError("Only pings came.")

    def ask(self, packet: str, ack: str) -> dict[str, Any]:
        """Send a packet that requests this ack; returns its value."""
        self.write(frame(packet))
        return self.acked(ack)

    def acked(self, ack: str) -> dict[str, Any]:
        """The value of this ack, ignoring packets before it."""
        packet = self.until(f"43/chat,{ack}[")[-1]
        return json.loads(packet[packet.index("[") :])[0]  # type: ignore[no-any-return]

    def flush(self) -> list[str]:
        """All packets before the ack of an event sent now: the connection still works."""
        self.write(frame(event("typing:stop", {"chatId": NO_CHAT}, ack=FLUSH_ID)))
        return self.until(f"43/chat,{FLUSH_ID}[")[:-1]

    def until(self, beginning: str | tuple[str, ...]) -> list[str]:
        """All packets up to the first with this beginning; TimeoutError if it does not arrive."""
        deadline = time.monotonic() + SECONDS
        packets: list[str] = []
        while not packets or not packets[-1].startswith(beginning):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{beginning} did not come, but {packets}")
            packets.append(self.text())
        return packets

    def end(self) -> int | None:
        """Read until the server ends the connection; returns the code of its close frame. Raises TimeoutError."""
        while True:
            try:
                self.read()
            except Ended as ended:
                return ended.code

    def _head(self) -> str:
        while b"\r\n\r\n" not in self._unread:
            if not (more := self.connection.recv(65536)):
                return self._unread.decode("latin-1")
            self._unread += more
        head, self._unread = self._unread.split(b"\r\n\r\n", 1)
        return head.decode("latin-1")

    def _take(self, size: int) -> bytes:
        while len(self._unread) < size:
            try:
                more = self.connection.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Ended(None)
            self._unread += more
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def _until_closed(self) -> None:
        """The connection ends after a close frame."""
        try:
            while self.connection.recv(65536):
                pass
        except ConnectionResetError:
            pass


class Polling:
    """An Engine.IO session over long polling, with a separate connection per request."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}{PATH}polling"
        self._http = requests.Session()
        response = self._http.get(self._url, timeout=SECONDS)
        self.opened = json.loads(response.text[1:])
        self.sid: str = self.opened["sid"]
        self._url += f"&sid={self.sid}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Otherwise it would count as a socket of its user until its pong is overdue.
        self.post("1")
        self._http.close()

    def join(self, token: str) -> Self:
        """Join `/chat` as a Socket.IO client."""
        assert self.post(f'40/chat,{{"token":"{token}"}}').status_code == 200
        while not any(packet.startswith("40/chat,") for packet in self.poll()):
            pass
        return self

    def post(self, body: str | bytes, **headers: str) -> requests.Response:
        """Send a payload."""
        data = body.encode() if isinstance(body, str) else body
        return self._http.post(self._url, data, headers=headers, timeout=SECONDS)

    def get(self) -> requests.Response:
        """The response to a poll."""
        return self._http.get(self._url, timeout=40)

    def poll(self) -> list[str]:
        """The packets of a poll; AssertionError if the session has ended."""
        response = self.get()
        assert response.status_code == 200, response.text
        return response.text.split(SEPARATOR)

    def flush(self) -> list[str]:
        """All packets before the ack of an event sent now: the session still works."""
        assert self.post(event("typing:stop", {"chatId": NO_CHAT}, ack=FLUSH_ID)).status_code == 200
        packets: list[str] = []
        while not packets or not packets[-1].startswith(f"43/chat,{FLUSH_ID}["):
            for packet in self.poll():
                if packet == "2":
                    self.post("3")
                else:
                    packets.append(packet)
        return packets[:-1]
