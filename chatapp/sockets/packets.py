"""Encodes and decodes Socket.IO packets (protocol version 5) of the namespace `/chat`."""

import re
from typing import Any

import orjson

from chatapp.core.errors import ChatError
from chatapp.core.objects import ApiObject, EncodedObject
from chatapp.server.frames import TEXT, encode, payload_of

NAMESPACE = "/chat"
# Bytes of a packet. A larger event is replaced by `TOO_LARGE` without being parsed.
MAX_PAYLOAD = 64 * 1024
# Bytes of a websocket message, or of all packets in one POST of a polling client. A larger one ends the session.
MAX_RECEIVED = 256 * 1024
# An EVENT (2), or a BINARY_EVENT (5), whose attachments are ignored: no event of this server takes bytes.
EVENT_HEAD = re.compile(r"(?:2|5[0-9]{1,9}-)/chat,([0-9]{0,19})(?![0-9])")
# A CONNECT (0): the namespace, without the query that some clients append to it, and the payload.
_CONNECT = re.compile(r"0(/[^,?]*)?(?:\?[^,]*)?,?(.*)", re.DOTALL)
# Not a valid event; replaces every packet that can't be parsed.
MALFORMED = "2"
# The event name that replaces an event that is too large.
TOO_LARGE = "\0too large"


class PacketJson:
    """orjson, with the signature that python-socketio expects of a JSON module."""

    @staticmethod
    def dumps(value: Any, **_options: Any) -> str:
        """`value` as JSON text."""
        return orjson.dumps(value).decode()

    @staticmethod
    def loads(encoded: str) -> Any:
        """The value of JSON text; raises ValueError."""
        return orjson.loads(encoded)


def bounded(packet: str) -> str:
    """`packet`, or if it is too large its replacement: a `TOO_LARGE` event, or a truncated CONNECT."""
    if len(packet.encode()) <= MAX_PAYLOAD:
        return packet
    if packet.startswith("0"):
        return packet[: MAX_PAYLOAD // 4]
    head = EVENT_HEAD.match(packet)
    return f"2{NAMESPACE},{head[1] if head else ''}{orjson.dumps([TOO_LARGE]).decode()}"


def decode_connect(packet: str) -> tuple[str, str]:
    """The namespace of a CONNECT, and its payload (JSON if it is valid)."""
    match = _CONNECT.fullmatch(packet)
    assert match, "a CONNECT begins with 0"
    return match[1] or "/", match[2]


def encode_connect_error(namespace: str, error: ChatError | None = None) -> str:
    """A CONNECT_ERROR packet: with the problem, or for an unknown namespace."""
    data = {"message": error.detail, "data": error.problem()} if error else {"message": "Invalid namespace"}
    return f"4{'' if namespace == '/' else f'{namespace},'}{orjson.dumps(data).decode()}"


class EncodedPacket:
    """A packet for clients, encoded once for all recipients: `frame` for websockets, `text` for polling clients."""

    __slots__ = ("frame",)

    def __init__(self, packet: bytes) -> None:
        self.frame = encode(TEXT, b"4" + packet)

    @property
    def text(self) -> str:
        """The packet without its frame."""
        return payload_of(self.frame)[1:].decode()


def encode_event(name: str, payload: ApiObject) -> EncodedPacket:
    """The packet of a server event."""
    json = payload.json if isinstance(payload, EncodedObject) else orjson.dumps(payload)
    return EncodedPacket(b'2/chat,["%b",%b]' % (name.encode(), json))


def encode_ack(ack_id: str, data: bytes) -> EncodedPacket:
    """The ack with that number of an event that succeeded; `data` is JSON."""
    return EncodedPacket(b'3/chat,%b[{"ok":true,"data":%b}]' % (ack_id.encode(), data))


def encode_failure(ack_id: str, problem: ApiObject) -> EncodedPacket:
    """The ack with that number of an event that failed, or an `exception` event if no ack was requested."""
    if not ack_id:
        return encode_event("exception", problem)
    return EncodedPacket(b"3/chat,%b%b" % (ack_id.encode(), orjson.dumps([{"ok": False, "error": problem}])))


DISCONNECT = EncodedPacket(b"1/chat,")
