"""Fields that a body or payload does not list can't be set."""

from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from tests.authorisation.conftest import Scene
from tests.conftest import NewPerson
from tests.fuzz.raw_clients import RawWebSocket, event
from tests.people import PASSWORD, Person, data
from tests.server import Server

Json = dict[str, Any]
# Columns, and what objects of the wire have beside what can be asked for.
FIELDS: Json = {
    "id": "00000000-0000-7000-8000-000000000000",
    "userId ": "00000000-0000-7000-8000-000000000000",
    "senderId": "00000000-0000-7000-8000-000000000000",
    "sender_id": "00000000-0000-7000-8000-000000000000",
    "sub": "00000000-0000-7000-8000-000000000000",
    "isAdmin": True,
    "is_active": True,
    "passwordHash": "x",
    "password_hash": "x",
    "seq": 1,
    "rev": 1,
    "lastSeq": 0,
    "readSeq": 9,
    "unreadCount": 0,
    "createdAt": "2020-01-01T00:00:00.000Z",
    "created_at": "2020-01-01T00:00:00.000Z",
    "isDeleted": False,
    "isEdited": False,
    "memberCount": 1,
    "client_digest": "x",
    "status": "READ",
    "__proto__": {"role": "ADMIN"},
    "$where": "1",
}


@pytest.fixture(scope="module")
def operations(server: Server) -> dict[str, Json]:
    """Each operation that takes a JSON body, with the example of one."""
    document = requests.get(f"{server.url}/api/v1/openapi.json", timeout=20).json()
    found = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}) if method != "parameters" else {}
            if "application/json" in content:
                found[f"{method.upper()} {path}"] = content["application/json"].get("example", {})
    return found


def test_unknown_fields_in_bodies_are_refused(
    server: Server, people: dict[str, Person], scene: Scene, operations: dict[str, Json]
) -> None:
    assert len(operations) > 10
    parts = {"chatId": scene.chat_id, "id": scene.message_id, "userId": scene.author.id, "user": scene.spare.id}
    parts["keyId"] = parts["chat"] = scene.chat_id
    parts["messageId"] = parts["reportId"] = scene.message_id
    # With the most permissions.
    for caller in (people["admin"], people["group_admin"]):
        for operation, example in operations.items():
            method, path = operation.split()
            response = requests.request(
                method,
                server.url + path.format(**parts),
                json=example | FIELDS,
                headers={"Authorization": f"Bearer {caller.token}"},
                timeout=20,
            )
            assert response.status_code in (403, 404, 422), (operation, response.text)
            if response.status_code == 422:
                # An error per field: a field that were known would have none.
                assert FIELDS.keys() <= response.json()["errors"].keys(), (operation, response.text)


def test_unknown_fields_in_payloads_are_refused(server: Server, people: dict[str, Person], scene: Scene) -> None:
    document = requests.get(f"{server.url}/api/v1/asyncapi.json", timeout=20).json()
    names = [
        document["channels"]["chat"]["messages"][operation["messages"][0]["$ref"].rpartition("/")[2]]
        for operation in document["operations"].values()
        if operation["action"] == "receive"
    ]
    with RawWebSocket(server.url) as socket:
        socket.join(people["group_admin"].token)
        for message in names:
            for field, value in FIELDS.items():
                payload = message["examples"][0]["payload"] | {"chatId": scene.chat_id} | {field: value}
                response = socket.ask(event(message["name"], payload, ack="1"), "1")
                assert response["error"]["code"] == "validation_error", (message["name"], field, response)
                assert field in response["error"]["errors"]


def test_users_can_not_raise_their_role(server: Server, register_person: NewPerson, engine: Engine) -> None:
    person = register_person("modest")
    for change in ({"role": "ADMIN"}, {"isActive": True}, {"email": "other@example.org"}, {"password": PASSWORD}):
        assert person.patch("/users/me", change).status_code == 422
    account: Json = {"username": f"{person.name[:12]}_x", "email": f"x{person.email}", "password": PASSWORD}
    url = f"{server.url}/api/v1/auth/register"
    for more in ({"role": "ADMIN"}, {"isActive": True}, {"id": person.id}):
        assert requests.post(url, json=account | more, timeout=20).status_code == 422
    assert data(requests.post(url, json=account, timeout=20))["user"]["role"] == "USER"
    with engine.connect() as db:
        assert db.execute(text("SELECT role FROM users WHERE id = :id"), {"id": person.id}).scalar() == "USER"


def test_users_can_not_send_as_another_user(alice: Person, bob: Person) -> None:
    chat = alice.direct_chat(bob)
    for field in ("senderId", "sender", "userId"):
        body = {"chatId": chat, "content": "I owe you", field: bob.id}
        assert alice.post("/messages", body).status_code == 422
    assert alice.send(chat, "mine")["senderId"] == alice.id
