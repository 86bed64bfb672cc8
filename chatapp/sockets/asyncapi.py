"""The AsyncAPI 3.0 document of the Socket.IO API, generated from its event tables and the schemas that validate.

What clients emit is a `receive` operation, whose reply is the ack; what they listen for is a `send` operation. The
schemas come from the plugin that makes those of the OpenAPI document, so that both describe an object alike.
"""

import inspect
import re
from collections.abc import Iterable
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from chatapp.compat.apispec import schemas_of
from chatapp.core.api_documents import Tidy, choice2reference, mapping2properties
from chatapp.core.errors import Json, RateLimited, Unauthenticated
from chatapp.core.examples import example
from chatapp.core.objects import ApiObject
from chatapp.core.problem import ProblemSchema
from chatapp.core.settings import Settings
from chatapp.core.version import __version__
from chatapp.server.frames import MAX_FRAGMENTS
from chatapp.server.websocket import MAX_BACKLOG
from chatapp.sockets.client_events import ClientEvent
from chatapp.sockets.gateway import TOKEN_SECONDS
from chatapp.sockets.heartbeat import UPGRADE_TIMEOUT
from chatapp.sockets.packets import MAX_PAYLOAD, MAX_RECEIVED, NAMESPACE
from chatapp.sockets.server_events import ServerEvent

OVERVIEW = """
The Socket.IO events of the chat server: chats, messages, receipts, typing and presence. Most operations also exist in
the REST API.

The payload of an event is one object; unknown fields are refused. **Text** follows the rules of the REST API. **Times**
are RFC 3339 in UTC with milliseconds; **ids** are UUIDs that sort by time.

Events are delivered at most once; the stored state is authoritative. A client calls `sync` after each connection, and
when it detects a gap in the `seq` or `rev` of a chat, before it applies later events of that chat.
"""
CONNECTION = """
Any Socket.IO client with protocol version 5 can connect (official clients from version 3). All transports are supported:
polling, websocket, and polling upgraded to websocket. Web pages can connect from the server's own origin and from those in
its setting `CORS_ORIGIN`; a handshake from another origin returns 403 with the problem `origin_not_allowed`.
"""
LIMITS = """
- At most {events.count} events per {events.seconds} s for each user, over all their sockets. Further events fail with
  `rate_limited`; retry after `retryAfter` seconds. Instead of this limit, reactions have one of
  their own: {reactions.count} per {reactions.seconds} s. Signals have a further one: {signals.count} per {signals.seconds} s{off}.
- At most {payload} KiB per payload: a larger one fails with `payload_too_large`. A packet of more than {packet} KiB
  closes its connection.
- At most {fragments} fragments per websocket message.
- At most {sockets} sockets for each user, and as many connections per {events.seconds} s as events{off}.
- At most {handshakes.count} handshakes per {handshakes.seconds} s for each client address, and at most
  {unauthenticated} connections and sockets without a token at a time: further handshakes return 429 with
  `rate_limited`{off}.
- A connection without a token is closed after {token} s, and so is one whose CONNECT was refused.
- An upgrade to websocket that takes longer than {upgrade} s is aborted; the session continues over polling.
- A client that does not read is disconnected when {backlog} MiB are queued for it. It calls `sync` after reconnecting.
"""
SOCKETS = """
A socket is closed one minute after its access token expired, unless the client sends a new one with `auth:renew`.
Logout, reuse of a refresh token and deactivation of the account close it within a second. The server does not send missed
events to a client that connects: the client calls `sync`.
"""
ACCESS = """
The access token of a login over REST, sent with the CONNECT packet: `auth: {token}`. With an invalid token, the
connection is refused: the client gets `connect_error` with the problem in `error.data`.

A server sends an API key with the scope `act`, and names the user as whom the socket acts by id or external id: `auth: {token,
actAs}`. Such a socket makes the user not appear online, delivers no messages, and counts against the limits of its key. A key
that always acts as one user, the token of a bot, is sent without `actAs` and makes the bot appear online. The handshake of a
page is refused with `key_in_browser`.
"""
ACKS = """
Every client event can request an ack: `{"ok": true, "data": …}`, or `{"ok": false, "error": …}` with the problem. When an
event without an ack fails, the server emits `exception` to the socket. A malformed payload never closes the connection.
"""


class Shapes:
    """The schemas of a document, each once under its name, and the messages that refer to them."""

    def __init__(self) -> None:
        plugins: list[Any] = [MarshmallowPlugin(), Tidy()]
        # The version whose schemas are JSON Schema, as those of AsyncAPI are.
        self.known = schemas_of(APISpec("", "", "3.1.0", plugins=plugins))
        self._converter = plugins[0].converter
        for translate in (mapping2properties, choice2reference):
            self._converter.add_attribute_function(translate)

    def refer(self, schema: type[Schema] | None) -> Json:
        """The reference to a schema in the document, or null."""
        return dict(self._converter.resolve_nested_schema(schema)) if schema else {"type": "null"}

    def message(self, name: str, schema: type[Schema], overrides: Json) -> Json:
        """The message of an event; `overrides` replaces fields of its example."""
        return _message(name, _docstring(schema), self.refer(schema), example(schema()) | overrides)

    def ack(self, name: str, returns: type[Schema] | None) -> Json:
        """The ack message of an event that succeeded."""
        return _message(
            f"{name}, done",
            "The event succeeded.",
            _object(f"{_identifier('', name)}Ack", ok={"const": True}, data=self.refer(returns)),
            {"ok": True, "data": example(returns()) if returns else None},
        )

    def connect_error(self) -> Json:
        """The problem of a refused connection."""
        expired = Unauthenticated("The access token has expired.", code="token_expired")
        summary = "The connection was refused; the problem is in `error.data`."
        return _message("connect_error", summary, self.refer(ProblemSchema), expired.problem())

    def failure(self) -> Json:
        """The ack message of an event that failed."""
        invalid, limited = example(ProblemSchema()), RateLimited(4, 60).problem()
        return _message(
            "failed",
            "The event failed.",
            _object("FailedAck", ok={"const": False}, error=self.refer(ProblemSchema)),
            *({"ok": False, "error": error} for error in (invalid, limited)),
        )


def document(client_events: Iterable[ClientEvent], server_events: Iterable[ServerEvent], settings: Settings) -> Json:
    """The document of a server with these events and settings."""
    shapes = Shapes()
    events: Json = {}
    acks: Json = {"failed": shapes.failure()}
    operations: Json = {}
    for client_event in client_events:
        id = _identifier("client", client_event.name)
        events[id] = shapes.message(client_event.name, client_event.schema, {})
        acks[id] = shapes.ack(client_event.name, client_event.returns)
        replies = [_ref(f"channels/acks/messages/{ack}") for ack in (id, "failed")]
        operations[id] = _operation("receive", id, client_event.name, client_event.summary) | {
            "reply": {"channel": _ref("channels/acks"), "messages": replies}
        }
    for server_event in server_events:
        id = _identifier("server", server_event.name)
        events[id] = shapes.message(server_event.name, server_event.schema, server_event.example)
        operations[id] = _operation(
            "send", id, server_event.name, f"{server_event.summary}\n\n**Recipients:** {server_event.audience}"
        )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"{settings.app_name} server events",
            "version": __version__,
            "description": OVERVIEW.strip(),
        },
        "defaultContentType": "application/json",
        "servers": {"chat": _server(settings)},
        "channels": {
            "chat": {
                "address": NAMESPACE,
                "description": SOCKETS.strip(),
                "x-connect-error": shapes.connect_error(),
                "messages": events,
            },
            "acks": {"address": None, "description": ACKS.strip(), "messages": acks},
        },
        "operations": operations,
        "components": {
            "schemas": shapes.known,
            "securitySchemes": {
                "accessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": ACCESS.strip(),
                }
            },
        },
    }


def _server(settings: Settings) -> Json:
    limits = LIMITS.format(
        events=settings.rate_events,
        payload=MAX_PAYLOAD // 1024,
        packet=MAX_RECEIVED // 1024,
        sockets=settings.max_sockets,
        fragments=MAX_FRAGMENTS,
        handshakes=settings.rate_handshakes,
        reactions=settings.rate_reactions,
        signals=settings.rate_signals,
        unauthenticated=settings.max_unauthenticated,
        upgrade=int(UPGRADE_TIMEOUT),
        off="" if settings.ratelimit_enabled else " (turned off on this server)",
        token=TOKEN_SECONDS,
        backlog=MAX_BACKLOG // 1024**2,
    )
    return {
        "host": "{host}",
        "pathname": "/socket.io/",
        "protocol": "socket.io",
        "protocolVersion": "5",
        "description": CONNECTION.strip() + "\n\n" + limits.strip(),
        "variables": {"host": {"default": f"127.0.0.1:{settings.port}", "description": "Host and port of the server."}},
        "security": [_ref("components/securitySchemes/accessToken")],
    }


def _operation(action: str, id: str, title: str, description: str) -> Json:
    return {
        "action": action,
        "channel": _ref("channels/chat"),
        "title": title,
        "summary": description.partition("\n")[0],
        "description": description,
        "messages": [_ref(f"channels/chat/messages/{id}")],
    }


def _message(name: str, summary: str, payload: Json, *examples: ApiObject) -> Json:
    return {
        "name": name,
        "title": name,
        "summary": summary,
        "payload": payload,
        "examples": [{"payload": shown} for shown in examples],
    }


def _object(title: str, **properties: Json) -> Json:
    """The schema of an object that is no component; generators name its type by its title."""
    return {
        "title": title,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _ref(path: str) -> Json:
    return {"$ref": f"#/{path}"}


def _identifier(side: str, event: str) -> str:
    """`client` and `message:send` as one name: `clientMessageSend`."""
    return side + "".join(part.capitalize() for part in re.split("[:_]", event))


def _docstring(event: object) -> str:
    """The docstring of an object."""
    return inspect.getdoc(event) or ""
