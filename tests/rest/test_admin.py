"""Administration of accounts."""

import os
import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Engine

from tests.conftest import Connect, NewPerson, only_admin
from tests.forked import run_flask
from tests.people import PASSWORD, Person, data, problem
from tests.server import Server, environment


def log_in(server: Server, person: Person) -> requests.Response:
    account = {"username": person.name, "password": PASSWORD}
    return requests.post(f"{server.url}/api/v1/auth/login", json=account, timeout=20)


def test_accounts_are_found_by_a_part_of_name_or_address(admin: Person, alice: Person) -> None:
    for q in (alice.name[-8:].upper(), alice.email):
        found = data(admin.get("/admin/users", q=q))
        assert [account["id"] for account in found] == [alice.id]
    assert set(found[0]) == {
        "id",
        "username",
        "avatar",
        "isOnline",
        "lastSeen",
        "createdAt",
        "email",
        "role",
        "passwordLogin",
        "isActive",
    }


def test_accounts_are_searched_by_empty_query_or_whole_address(server: Server, admin: Person) -> None:
    address = f"{'a' * 60}@{secrets.token_hex(4)}.example.org"
    account = {"email": address, "username": secrets.token_hex(5), "password": PASSWORD}
    data(requests.post(f"{server.url}/api/v1/auth/register", json=account, timeout=20))
    assert [found["email"] for found in data(admin.get("/admin/users", q=address))] == [address]
    assert len(data(admin.get("/admin/users", q="", limit=2))) == 2


def test_accounts_are_listed_by_role_page_by_page(admin: Person, register_person: NewPerson) -> None:
    word = f"m{secrets.token_hex(3)}"
    people = [register_person(word) for _ in range(3)]
    for person in people[:2]:
        assert data(admin.patch(f"/admin/users/{person.id}", {"role": "MODERATOR"}))["role"] == "MODERATOR"
    assert len(data(admin.get("/admin/users", q=word, role="MODERATOR"))) == 2
    first = admin.get("/admin/users", q=word, limit=2).json()
    second = admin.get("/admin/users", q=word, limit=2, cursor=first["meta"]["nextCursor"]).json()
    assert {account["id"] for account in first["data"] + second["data"]} == {person.id for person in people}


def test_deactivation_ends_sessions_at_once(server: Server, admin: Person, alice: Person, connect: Connect) -> None:
    socket = connect(alice, transports=["websocket"])
    assert data(admin.patch(f"/admin/users/{alice.id}", {"isActive": False}))["isActive"] is False
    assert socket.wait_disconnect() == "io server disconnect"
    assert problem(alice.get("/users/me")) == (401, "token_invalid")
    assert problem(log_in(server, alice)) == (401, "invalid_credentials")
    refresh = requests.post(f"{server.url}/api/v1/auth/refresh", json={"refreshToken": alice.refresh_token}, timeout=20)
    assert problem(refresh)[0] == 401
    assert data(admin.patch(f"/admin/users/{alice.id}", {"isActive": True}))["isActive"] is True
    assert log_in(server, alice).ok


def test_deactivated_users_can_not_be_added_to_chats(admin: Person, alice: Person, bob: Person, carol: Person) -> None:
    begun = carol.direct_chat(bob)
    admin.patch(f"/admin/users/{bob.id}", {"isActive": False})
    assert problem(alice.post("/chats/direct", {"userId": bob.id})) == (404, "not_found")
    # Earlier data is unchanged.
    assert carol.direct_chat(bob) == begun
    assert problem(alice.get(f"/users/{bob.name}")) == (404, "not_found")
    assert data(alice.get("/users/search", q=bob.name)) == []


@pytest.mark.parametrize(
    "body",
    [{"role": "OWNER"}, {"role": None}, {"isActive": "no"}, {"isActive": 1}, {"email": "x@example.org"}, {"id": "x"}],
)
def test_only_role_and_activity_change(admin: Person, alice: Person, body: dict[str, Any]) -> None:
    assert problem(admin.patch(f"/admin/users/{alice.id}", body)) == (422, "validation_error")


def test_the_server_keeps_an_administrator(admin: Person, engine: Engine) -> None:
    with only_admin(engine, admin.id):
        for body in ({"role": "USER"}, {"isActive": False}):
            assert problem(admin.patch(f"/admin/users/{admin.id}", body)) == (409, "last_admin")


def create_admin(database_url: str, folder: Path, **options: str) -> subprocess.CompletedProcess[str]:
    words = [f"--{name}={value}" for name, value in options.items()]
    return run_flask(["chat", "create-admin", *words], os.environ | environment(database_url, folder))


def test_create_admin_creates_an_account(server: Server, database_url: str, tmp_path: Path) -> None:
    name = f"root_{secrets.token_hex(4)}"
    account = {"email": f"{name}@example.org", "username": name, "password": PASSWORD}
    done = create_admin(database_url, tmp_path, **account)
    assert done.returncode == 0, done.stderr
    response = requests.post(
        f"{server.url}/api/v1/auth/login", json={"username": name, "password": PASSWORD}, timeout=20
    )
    assert data(Person(server.url, data(response)).get("/users/me"))["role"] == "ADMIN"


def test_create_admin_promotes_an_existing_account(alice: Person, database_url: str, tmp_path: Path) -> None:
    done = create_admin(database_url, tmp_path, email=alice.email.upper(), username=alice.name, password=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert data(alice.get("/users/me"))["role"] == "ADMIN"


def test_create_admin_reports_invalid_input_in_one_sentence(database_url: str, tmp_path: Path) -> None:
    done = create_admin(database_url, tmp_path, email="nobody", username="x", password="short")
    assert done.returncode != 0
    assert "email" in done.stderr
    assert "Traceback" not in done.stderr
