"""Engine.IO sessions that no packet ends, but for a goodbye and what is too large."""

import base64
from types import SimpleNamespace
from typing import Any

import engineio.packet
import engineio.socket
from engineio.exceptions import ContentTooLongError, UnknownPacketError
from engineio.packet import MESSAGE, Packet
from engineio.socket import Socket

from chatapp.realtime.packets import LARGEST_PAYLOAD, MALFORMED, ClientPacket

SEPARATOR = "\x1e"
# What comes over a websocket is read by the same class; that of clients, which tests have in their process, stays.
engineio.socket.packet = SimpleNamespace(**vars(engineio.packet) | {"Packet": ClientPacket})


class Session(Socket):  # type: ignore[misc]
    """The session of one client, over whatever transport."""

    def receive(self, pkt: Packet) -> None:
        """Take a packet; one that no client has to send is answered as one that can't be read."""
        try:
            super().receive(pkt)
        except UnknownPacketError:
            super().receive(Packet(MESSAGE, data=MALFORMED))

    def handle_get_request(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a poll, or be a websocket from now on."""
        if environ.get("HTTP_UPGRADE", "").lower() == "websocket" and not _is_handshake(environ):
            if not self.connected:
                self.close(wait=False, abort=True)
            return self.server._bad_request("Not a websocket handshake")
        return super().handle_get_request(environ, start_response)

    def handle_post_request(self, environ: dict[str, Any]) -> None:
        """Take what a polling client posted, however its length was told; ContentTooLongError ends the session."""
        body = environ["wsgi.input"].read(LARGEST_PAYLOAD + 1)
        if len(body) > LARGEST_PAYLOAD:
            # Stock Engine.IO would wait for a poll to be told of it, and there may be none.
            self.close(wait=False, abort=True)
            raise ContentTooLongError
        try:
            packets = body.decode().split(SEPARATOR) if body else []
        except UnicodeDecodeError:
            packets = [MALFORMED]
        for packet in packets:
            self.receive(ClientPacket(encoded_packet=packet))


def _is_handshake(environ: dict[str, Any]) -> bool:
    """Whether a request asks for a websocket in the way of RFC 6455."""
    try:
        key = base64.b64decode(environ.get("HTTP_SEC_WEBSOCKET_KEY", "").strip(), validate=True)
    except ValueError:
        return False
    connection = [word.strip() for word in environ.get("HTTP_CONNECTION", "").lower().split(",")]
    return len(key) == 16 and environ.get("HTTP_SEC_WEBSOCKET_VERSION") == "13" and "upgrade" in connection
