"""Socket.IO packets (protocol version 5) of the namespace `/chat`, as this server reads and writes them."""

import base64
import re
from dataclasses import dataclass
from typing import Any

import orjson
from engineio.packet import MESSAGE, Packet

from chatapp.core.errors import ChatError, Json

NAMESPACE = "/chat"
# Bytes of a packet, or of all packets in one POST of a polling client.
LARGEST_PAYLOAD = 64 * 1024
# An EVENT (2), or a BINARY_EVENT (5) whose attachments are left aside: no event of this server takes bytes.
_EVENT = re.compile(r"(?:2|5[0-9]{1,9}-)/chat,([0-9]{0,19})(?=\[)")
# A CONNECT (0): the namespace, without what some clients append to it as a query, and what comes with it.
_GREETING = re.compile(r"0(/[^,?]*)?(?:\?[^,]*)?,?(.*)", re.DOTALL)
# An event that is none: what stands for all that can't be read.
MALFORMED = "2"


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


class ClientPacket(Packet):  # type: ignore[misc]
    """An Engine.IO packet that a client may have written: one that can't be read is a message that can't either."""

    def decode(self, encoded_packet: str | bytes) -> None:
        """Be what a client wrote; stock Engine.IO would raise, and end the session."""
        self.packet_type, self.data = MESSAGE, encoded_packet
        self.binary = isinstance(encoded_packet, bytes | bytearray)
        if isinstance(encoded_packet, str):
            if encoded_packet[:1] in tuple("0123456"):
                self.packet_type, self.data = int(encoded_packet[0]), encoded_packet[1:]
            else:
                self.data = _bytes_in_text(encoded_packet) if encoded_packet[:1] == "b" else MALFORMED
                self.binary = isinstance(self.data, bytes)


def _bytes_in_text(encoded_packet: str) -> bytes | str:
    try:
        return base64.b64decode(encoded_packet[1:], validate=True)
    except ValueError:
        return MALFORMED


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a client. `ack_id` is the number that its ack must carry, or "" when none was asked for."""

    name: str
    arguments: list[Any]
    ack_id: str


def decode_event(packet: str) -> Event | None:
    """The event in an encoded packet, or None when it is no well-formed event of this namespace."""
    head = _EVENT.match(packet)
    if not head:
        return None
    try:
        name, *arguments = orjson.loads(packet[head.end() :])
    except ValueError:
        return None
    return Event(name, arguments, head[1]) if isinstance(name, str) else None


def decode_greeting(packet: str) -> tuple[str, str]:
    """The namespace that a CONNECT is for, and what comes with it: JSON, or something else."""
    match = _GREETING.fullmatch(packet)
    assert match, "a CONNECT begins with 0"
    return match[1] or "/", match[2]


def encode_refusal(namespace: str, error: ChatError | None = None) -> str:
    """The packet that refuses a connection: with the problem, or because there is no such namespace."""
    told = {"message": error.detail, "data": error.problem()} if error else {"message": "Invalid namespace"}
    return f"4{'' if namespace == '/' else f'{namespace},'}{orjson.dumps(told).decode()}"


def encode_event(name: str, payload: Json) -> str:
    """The packet of an event to clients."""
    return f"2{NAMESPACE},{orjson.dumps([name, payload]).decode()}"


def encode_ack(ack_id: str, answer: Json) -> str:
    """The packet that answers the event with that ack number."""
    return f"3{NAMESPACE},{ack_id}{orjson.dumps([answer]).decode()}"


DISCONNECT = f"1{NAMESPACE},"
