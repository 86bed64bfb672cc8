"""`chat reset-link`: an operator gives a user back their account."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import Engine, text

from tests.cli.conftest import Chat
from tests.locks import until_blocked
from tests.people import PASSWORD, Backend, Person, data, problem

NEW = "Battery5Staple"


def reset(person: Person, code: str) -> requests.Response:
    body = {"code": code, "newPassword": NEW}
    return requests.post(f"{person.url}/api/v1/auth/password/reset", json=body, timeout=20)


def code_in(output: str, url: str) -> str:
    match = re.fullmatch(rf"{re.escape(url)}/#/reset\?code=([A-Za-z0-9_-]{{43}})\n", output)
    assert match, output
    return match[1]


@pytest.mark.parametrize("form", ["username", "email", "id", "ext"])
def test_a_link_resets_the_password_once(chat: Chat, alice: Person, engine: Engine, form: str) -> None:
    with engine.begin() as db:
        db.execute(text("UPDATE users SET external_id = :name WHERE id = :id"), {"name": alice.name, "id": alice.id})
    names = {"username": alice.name.upper(), "email": alice.email, "id": alice.id, "ext": f"ext:{alice.name}"}
    done = chat("reset-link", names[form], PUBLIC_URL="https://chat.example.org/talk/")
    code = code_in(done.stdout, "https://chat.example.org/talk")
    assert reset(alice, code).status_code == 204
    assert problem(reset(alice, code)) == (422, "code_invalid")
    with engine.connect() as db:
        entries = text("SELECT action, actor_type, details::text FROM audit_log WHERE target_id = :id ORDER BY id")
        found = [tuple(row) for row in db.execute(entries, {"id": alice.id})]
    assert found == [("password.reset_link", "cli", None), ("password.reset", "user", None)]


def test_a_new_link_replaces_the_earlier_one(chat: Chat, alice: Person, engine: Engine) -> None:
    first, second = (code_in(chat("reset-link", alice.name).stdout, "http://127.0.0.1:3000") for _ in range(2))
    assert problem(reset(alice, first)) == (422, "code_invalid")
    assert reset(alice, second).status_code == 204
    account = {"username": alice.name, "password": NEW}
    assert data(requests.post(f"{alice.url}/api/v1/auth/login", json=account, timeout=20))["user"]["id"] == alice.id
    with engine.connect() as db:
        assert second not in "".join(db.scalars(text("SELECT m::text FROM mail_codes m")))
    assert PASSWORD != NEW


def test_a_change_of_the_address_ends_the_link(chat: Chat, alice: Person, backend: Backend) -> None:
    code = code_in(chat("reset-link", alice.name).stdout, "http://127.0.0.1:3000")
    data(backend.patch(f"/server/users/{alice.id}", {"displayName": "Alice", "email": alice.email}))
    data(backend.patch(f"/server/users/{alice.id}", {"email": f"new-{alice.email}"}))
    assert problem(reset(alice, code)) == (422, "code_invalid")


def test_a_reset_waits_for_another_change_of_the_account(chat: Chat, alice: Person, engine: Engine) -> None:
    code = code_in(chat("reset-link", alice.name).stdout, "http://127.0.0.1:3000")
    account = {"id": alice.id}
    with ThreadPoolExecutor(1) as thread:
        with engine.begin() as db:
            db.execute(text("SELECT FROM users WHERE id = :id FOR NO KEY UPDATE"), account)
            response = thread.submit(reset, alice, code)
            until_blocked(engine, db, response)
            db.execute(text("DELETE FROM mail_codes WHERE user_id = :id"), account)
        assert problem(response.result()) == (422, "code_invalid")
    assert alice.get("/users/me").ok


def test_accounts_without_password_login_get_no_link(chat: Chat, alice: Person, bob: Person, engine: Engine) -> None:
    with engine.begin() as db:
        db.execute(text("UPDATE users SET is_active = false WHERE id = :id"), {"id": alice.id})
        db.execute(text("UPDATE users SET is_bot = true WHERE id = :id"), {"id": bob.id})
    for name in (alice.name, bob.name, "nobody", "ext:nobody", "nobody@example.org", "system"):
        done = chat("reset-link", name)
        assert done.returncode == 1, name
        assert done.stdout == ""
        assert done.stderr.startswith("Error: ")
