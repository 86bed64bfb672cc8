"""Replies, mentions, metadata and formats in uploads, by servers and keys, and mentions of all members."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.conftest import Connect
from tests.files.samples import PDF
from tests.people import Backend, Person, data, problem, register
from tests.server import Server

Json = dict[str, Any]


@pytest.fixture
def chat_id(alice: Person, bob: Person) -> str:
    return alice.direct_chat(bob)


def extras_of(reply_to: Json, mentioned: Person) -> Json:
    return {
        "replyToId": reply_to["id"],
        "mentions": {"userIds": [mentioned.id]},
        "metadata": {"order": {"id": 4711}},
        "format": "markdown",
    }


def check(message: Json, extras: Json) -> None:
    shown = {name: message[name] for name in ("mentions", "metadata", "format")}
    assert shown | {"replyToId": message["replyTo"]["id"]} == extras


def as_parts(fields: Json) -> Json:
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}


def test_an_upload_has_them_in_its_form(alice: Person, bob: Person, chat_id: str) -> None:
    extras = extras_of(bob.send(chat_id, "Hi"), bob)
    form = as_parts(extras) | {"clientId": str(uuid.uuid4())}
    sent = data(alice.upload(chat_id, "a.pdf", PDF, **form))
    check(sent, extras)
    again = alice.upload(chat_id, "a.pdf", PDF, **form)
    assert (again.status_code, data(again)["id"]) == (200, sent["id"])
    reused = alice.upload(chat_id, "a.pdf", PDF, **form | {"metadata": "null"})
    assert problem(reused) == (422, "client_id_reused")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mentions", ""),
        ("mentions", "{"),
        ("mentions", "[]"),
        ("mentions", '{"userIds": ["x"]}'),
        ("mentions", '{"everyone": true}'),
        ("metadata", "NaN"),
        ("metadata", "1"),
        ("metadata", '"\\ud800"'),
        ("metadata", '{"a": {"b": {"c": {"d": {"e": {}}}}}}'),
        ("metadata", json.dumps({"a": "x" * 4096})),
        ("metadata", " " * 20_000),
        ("format", "html"),
        ("replyToId", "1"),
        ("replyToId", str(uuid.UUID(int=1))),
    ],
)
def test_bad_parts_of_a_form_are_refused(alice: Person, chat_id: str, field: str, value: str) -> None:
    refused = alice.upload(chat_id, "a.pdf", PDF, **{field: value})
    assert problem(refused) == (422, "validation_error")
    assert next(iter(refused.json()["errors"])).startswith(field)


@pytest.mark.parametrize("field", ["mentions", "metadata"])
def test_a_file_in_place_of_a_text_part_is_refused(alice: Person, chat_id: str, field: str) -> None:
    refused = alice.request(
        "POST", "/messages/upload", data={"chatId": chat_id}, files={field: ("a.json", b"{}", "application/json")}
    )
    assert problem(refused) == (422, "validation_error")
    assert field in refused.json()["errors"]


def test_a_key_sends_and_edits_as_a_user(backend: Backend, alice: Person, bob: Person, chat_id: str) -> None:
    extras = extras_of(bob.send(chat_id, "Hi"), bob)
    sent = data(backend.post("/messages", {"chatId": chat_id, "content": "x", **extras}, act_as=alice.id))
    check(sent, extras)
    changed = data(backend.patch(f"/messages/{sent['id']}", {"mentions": None}, act_as=alice.id))
    assert ("mentions" in changed, changed["isEdited"]) == (False, False)
    assert problem(backend.patch(f"/messages/{sent['id']}", {"format": None}, act_as=bob.id)) == (403, "forbidden")


def test_a_server_sends_as_a_member(
    backend: Backend, alice: Person, bob: Person, chat_id: str, connect: Connect
) -> None:
    socket = connect(bob)
    extras = extras_of(bob.send(chat_id, "Hi"), bob)
    body = {"senderId": alice.id, "content": "x", **extras}
    sent = data(backend.post(f"/server/chats/{chat_id}/messages", body))
    check(sent, extras)
    check(socket.wait_for("message:new", lambda message: message["content"] == "x"), extras)


@pytest.mark.parametrize("field", ["replyToId", "mentions", "metadata", "format"])
def test_a_system_message_has_none(backend: Backend, alice: Person, bob: Person, chat_id: str, field: str) -> None:
    extras = extras_of(bob.send(chat_id, "Hi"), bob)
    refused = backend.post(f"/server/chats/{chat_id}/messages", {"content": "x", field: extras[field]})
    assert problem(refused) == (422, "validation_error")
    assert list(refused.json()["errors"]) == [field]


@pytest.fixture
def large_group(backend: Backend, alice: Person, bob: Person) -> str:
    """A group of 51 members, of which alice is the ADMIN."""
    users = [{"externalId": f"many-{uuid.uuid4().hex}"} for _ in range(49)]
    others = [user["id"] for user in data(backend.post("/server/users", {"users": users}))]
    return str(data(alice.post("/chats/groups", {"name": "Large", "memberIds": [bob.id, *others]}))["id"])


def mention_all(sender: Person, chat_id: str) -> requests.Response:
    return sender.post("/messages", {"chatId": chat_id, "content": "x", "mentions": {"all": True}})


def test_only_admins_mention_all_members_of_a_large_group(alice: Person, bob: Person, large_group: str) -> None:
    assert data(mention_all(alice, large_group))["mentions"] == {"all": True}
    assert problem(mention_all(bob, large_group)) == (403, "mention_all_forbidden")
    refused = bob.upload(large_group, "a.pdf", PDF, mentions='{"all": true}')
    assert problem(refused) == (403, "mention_all_forbidden")
    message = bob.send(large_group, "x")
    refused = bob.patch(f"/messages/{message['id']}", {"mentions": {"all": True}})
    assert problem(refused) == (403, "mention_all_forbidden")
    members = [member["userId"] for member in data(alice.get(f"/chats/{large_group}/members"))]
    someone = next(id for id in members if id not in (alice.id, bob.id))
    assert alice.delete(f"/chats/{large_group}/members/{someone}").status_code == 204
    assert mention_all(bob, large_group).ok


@pytest.fixture(scope="module")
def limited(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with low limits on signals, drafts and mentions of all members."""
    rates = {"RATELIMIT_MENTION_ALL": "2/1h", "RATELIMIT_SIGNALS": "2/60s", "RATELIMIT_DRAFTS": "2/60s"}
    rates |= {"RATELIMIT_ENABLED": "true", "RATELIMIT_REGISTER": "100/60s"}
    with Server(database_url, tmp_path_factory.mktemp("limited"), **rates) as server:
        yield server


def test_mentions_of_all_members_are_limited_by_user_and_chat(limited: Server) -> None:
    alice, bob = register(limited.url, "alice"), register(limited.url, "bob")
    chat_id, other = alice.direct_chat(bob), alice.group(bob)
    body = {"chatId": chat_id, "content": "x", "mentions": {"all": True}, "clientId": str(uuid.uuid4())}
    first = data(alice.post("/messages", body))
    # Sent before, and therefore not counted.
    assert alice.post("/messages", body).status_code == 200
    assert mention_all(alice, chat_id).ok
    refused = mention_all(alice, chat_id)
    assert problem(refused) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 3600
    assert alice.send(chat_id, "without")
    plain = alice.send(chat_id, "edited")
    assert problem(alice.patch(f"/messages/{plain['id']}", {"mentions": {"all": True}})) == (429, "rate_limited")
    # An edit that keeps the mention is no new one.
    kept = alice.patch(f"/messages/{first['id']}", {"content": "y", "mentions": {"all": True}})
    assert data(kept)["mentions"] == {"all": True}
    assert mention_all(alice, other).ok
    assert mention_all(bob, chat_id).ok


def test_signals_are_limited_by_user_over_both_transports(limited: Server, connect: Connect) -> None:
    alice, bob = register(limited.url, "alice"), register(limited.url, "bob")
    chat_id = alice.direct_chat(bob)
    socket = connect(alice)
    assert alice.post(f"/chats/{chat_id}/signal", {"name": "x"}).status_code == 204
    assert socket.call("signal", {"chatId": chat_id, "name": "x"})["ok"]
    assert socket.call("signal", {"chatId": chat_id, "name": "x"})["error"]["code"] == "rate_limited"
    assert problem(alice.post(f"/chats/{chat_id}/signal", {"name": "x"})) == (429, "rate_limited")
    assert bob.post(f"/chats/{chat_id}/signal", {"name": "x"}).status_code == 204


def test_changes_of_drafts_are_limited_by_user(limited: Server) -> None:
    alice, bob = register(limited.url, "alice"), register(limited.url, "bob")
    path = f"/chats/{alice.direct_chat(bob)}/draft"
    draft = data(alice.request("PUT", path, json={"content": "x"}))
    assert alice.delete(path).status_code == 204
    assert problem(alice.request("PUT", path, json={"content": "y"})) == (429, "rate_limited")
    assert problem(alice.delete(path)) == (429, "rate_limited")
    assert alice.get(path).status_code == 404
    assert draft["content"] == "x"
    assert data(bob.request("PUT", path, json={"content": "z"}))["content"] == "z"
