"""Socket.IO packets (protocol version 5) of the namespace `/chat`, as this server reads and writes them."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from chatapp.core.errors import Json

NAMESPACE = "/chat"
# Bytes of a packet, or of all packets in one POST of a polling client.
LARGEST_PAYLOAD = 64 * 1024
# An EVENT (2), or a BINARY_EVENT (5) whose attachments are left aside: no event of this server takes bytes.
_EVENT = re.compile(r"(?:2|5\d{1,9}-)/chat,(\d{0,19})(?=\[)")


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


def encode_event(name: str, payload: Json) -> str:
    """The packet of an event to clients."""
    return f"2{NAMESPACE},{orjson.dumps([name, payload]).decode()}"


def encode_ack(ack_id: str, answer: Json) -> str:
    """The packet that answers the event with that ack number."""
    return f"3{NAMESPACE},{ack_id}{orjson.dumps([answer]).decode()}"


DISCONNECT = f"1{NAMESPACE},"
