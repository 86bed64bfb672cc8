"""The AsyncAPI document and its page."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import jsonschema_rs
import pytest
import requests

from chatapp.app import CLIENT_EVENTS, SERVER_EVENTS
from chatapp.core import settings
from chatapp.core.schemas import load, validate_response
from chatapp.launcher.node import ensure_node_modules, node_binary
from chatapp.sockets.server_events import encode, expect_events
from tests.pages import Links, check_self_contained
from tests.server import Server

LINTERS = Path(__file__).resolve().parent.parent / "linters"
# Guarantees of the API, independent of the server's tables.
CLIENT_NAMES = {"auth:renew", "message:delete", "message:edit", "message:send", "messages:read", "sync"}
CLIENT_NAMES |= {"typing:start", "typing:stop", "signal", "message:react"}
SERVER_NAMES = {"message:new", "message:edited", "message:deleted", "messages:read", "messages:delivered"}
SERVER_NAMES |= {"typing:start", "typing:stop", "user:online", "user:offline", "user:updated", "exception"}
SERVER_NAMES |= {"chat:new", "chat:updated", "chat:deleted", "resync", "message:changed", "signal"}
SERVER_NAMES |= {"me:chat", "me:hidden", "me:draft"}
SERVER_NAMES |= {"chat:member_joined", "chat:member_updated", "chat:member_left"}
SERVER_NAMES |= {"me:settings", "me:blocked"}

Json: TypeAlias = dict[str, Any]


@pytest.fixture(scope="module")
def document(server: Server) -> Json:
    """The published document."""
    response = requests.get(f"{server.url}/api/v1/asyncapi.json", timeout=20)
    assert response.headers["Content-Type"] == "application/json"
    return response.json()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def page(server: Server) -> requests.Response:
    """The HTML page."""
    return requests.get(f"{server.url}/docs/events", timeout=20)


def schema_errors(*documents: Json) -> list[list[Json]]:
    """The errors of the official parser in each document, except that there is a newer version of AsyncAPI."""
    ensure_node_modules(LINTERS)
    command = [str(node_binary()), "asyncapi.mjs"]
    done = subprocess.run(
        command, cwd=LINTERS, input=json.dumps(documents), capture_output=True, text=True, check=True, timeout=120
    )
    return [
        [error for error in found if error["code"] != "asyncapi-latest-version"] for found in json.loads(done.stdout)
    ]


def resolve(document: Json, reference: Json) -> Any:
    """Resolve a `{"$ref": "#/…"}`."""
    part: Any = document
    for key in reference["$ref"].removeprefix("#/").split("/"):
        part = part[key]
    return part


def operations(document: Json, action: str) -> dict[str, Json]:
    """The operations of one direction, by the name of their event."""
    return {
        resolve(document, operation["messages"][0])["name"]: operation
        for operation in document["operations"].values()
        if operation["action"] == action
    }


def examples(document: Json, message: Json) -> list[Any]:
    """The examples of a message, validated against its schema."""
    shape = jsonschema_rs.Draft7Validator(
        message["payload"] | {"components": document["components"]}, validate_formats=True
    )
    payloads = [shown["payload"] for shown in message["examples"]]
    assert payloads, message["name"]
    for payload in payloads:
        shape.validate(payload)
    return payloads


def test_the_official_parser_accepts_the_document_and_rejects_broken_ones(document: Json) -> None:
    assert document["asyncapi"] == "3.0.0"
    nowhere = {"nowhere": {"action": "send", "channel": {"$ref": "#/channels/nowhere"}}}
    # Together: most of the time is the start of the parser.
    errors, unresolved, incomplete = schema_errors(
        document,
        document | {"operations": document["operations"] | nowhere},
        {name: part for name, part in document.items() if name != "info"},
    )
    assert errors == []
    assert unresolved
    assert incomplete


def test_every_event_of_a_client_is_documented(document: Json) -> None:
    documented = operations(document, "receive")
    assert documented.keys() == CLIENT_NAMES
    for name, operation in documented.items():
        assert operation["summary"], name
        assert operation["description"], name
        message = resolve(document, operation["messages"][0])
        assert resolve(document, message["payload"])["properties"], name
        examples(document, message)
        done, failed = (resolve(document, reply) for reply in operation["reply"]["messages"])
        assert [ack["ok"] for ack in examples(document, done)] == [True], name
        assert {ack["ok"] for ack in examples(document, failed)} == {False}, name


def test_every_payload_has_its_own_name(document: Json) -> None:
    payloads = [
        message["payload"] for channel in document["channels"].values() for message in channel["messages"].values()
    ]
    named = [payload["title"] for payload in payloads if "$ref" not in payload]
    assert len(named) == len(set(named) - document["components"]["schemas"].keys())
    assert {"FailedAck", "MessageSendAck", "SyncAck"} <= set(named)


def test_documented_examples_are_valid(document: Json) -> None:
    documented = operations(document, "receive")
    for event in CLIENT_EVENTS:
        operation = documented[event.name]
        (payload,) = examples(document, resolve(document, operation["messages"][0]))
        load(event.schema(), payload)
        (ack,) = examples(document, resolve(document, operation["reply"]["messages"][0]))
        if event.returns:
            validate_response(event.returns, ack["data"])
        else:
            assert ack["data"] is None


def test_every_event_of_the_server_is_documented(document: Json) -> None:
    documented = operations(document, "send")
    assert documented.keys() == SERVER_NAMES
    for event in SERVER_EVENTS:
        operation = documented[event.name]
        assert event.summary in operation["description"]
        assert event.audience in operation["description"]
        (payload,) = examples(document, resolve(document, operation["messages"][0]))
        validate_response(event.schema, payload)


def test_both_documents_describe_an_object_alike(server: Server, document: Json) -> None:
    rest = requests.get(f"{server.url}/api/v1/openapi.json", timeout=20).json()["components"]["schemas"]
    sockets = document["components"]["schemas"]
    shared = rest.keys() & sockets.keys()
    assert {"Chat", "Member", "Message", "Problem", "SyncResponse", "User"} <= shared
    for name in shared:
        assert rest[name] == sockets[name], name


def test_the_connection_is_documented(document: Json) -> None:
    (server,) = document["servers"].values()
    assert server["protocol"] == "socket.io"
    for limit in (
        "60 events per 10 s",
        "64 KiB",
        "20 sockets",
        "without a token is closed after 10 s",
        "1 MiB",
        "polling",
    ):
        assert limit in server["description"], limit
    assert document["channels"]["chat"]["address"] == "/chat"
    access = resolve(document, server["security"][0])
    assert "auth: {token}" in access["description"]
    (error,) = examples(document, document["channels"]["chat"]["x-connect-error"])
    assert error["code"] == "token_expired"


def test_undocumented_events_are_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    config = SimpleNamespace(validate_responses=True, external_ids_private=False)
    monkeypatch.setattr(settings, "current", lambda: config)
    expect_events(SERVER_EVENTS)
    encode("chat:deleted", {"chatId": "01a209c0-dd89-7528-89ae-40572c1fa41a"})
    for name, payload in (("chat:deleted", {}), ("chat:deleted", {"chatId": 1}), ("chat:exploded", {})):
        with pytest.raises(AssertionError):
            encode(name, payload)


def test_page_loads_no_external_resources(page: requests.Response) -> None:
    check_self_contained(page)


def test_the_page_names_every_event(page: requests.Response, document: Json) -> None:
    ids = Links(page.text).ids
    for id, operation in document["operations"].items():
        assert id in ids, operation["title"]
        assert f"<code>{operation['title']}</code>" in page.text
