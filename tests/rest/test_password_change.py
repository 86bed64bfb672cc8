"""Passwords: changed by their users, and reset with a one-time code."""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import Engine, text

from tests.conftest import Connect, NewKey, NewPerson
from tests.people import PASSWORD, Person, data, problem
from tests.server import UNREACHED_LIMITS, Server

NEW = "Battery5Staple"
NewCode = Callable[..., str]


def log_in(person: Person, password: str = PASSWORD) -> requests.Response:
    account = {"username": person.name, "password": password}
    return requests.post(f"{person.url}/api/v1/auth/login", json=account, timeout=20)


def change(person: Person, current: str = PASSWORD, new: str = NEW) -> requests.Response:
    return person.post("/auth/password/change", {"currentPassword": current, "newPassword": new})


def reset(url: str, code: str, new: str = NEW) -> requests.Response:
    body = {"code": code, "newPassword": new}
    return requests.post(f"{url}/api/v1/auth/password/reset", json=body, timeout=20)


def is_out(person: Person) -> bool:
    return problem(person.get("/users/me")) == (401, "token_invalid")


@pytest.fixture
def new_code(engine: Engine) -> NewCode:
    """Makes codes as a reset link contains them."""

    def make(person: Person, minutes: int = 30) -> str:
        code = secrets.token_urlsafe(32)
        insert = """
            INSERT INTO mail_codes (hash, user_id, kind, expires_at)
            VALUES (:hash, :id, 'reset', now() + make_interval(mins => :minutes))
        """
        values = {"hash": hashlib.sha256(code.encode()).digest(), "id": person.id, "minutes": minutes}
        with engine.begin() as db:
            db.execute(text(insert), values)
        return code

    return make


def audited(engine: Engine, person: Person) -> list[tuple[str, str, object]]:
    entries = "SELECT action, actor_id::text, details FROM audit_log WHERE target_id = :id ORDER BY id"
    with engine.connect() as db:
        return [tuple(row) for row in db.execute(text(entries), {"id": person.id})]


def test_a_changed_password_ends_the_other_sessions(
    alice: Person, bob: Person, connect: Connect, engine: Engine, new_code: NewCode
) -> None:
    phone = Person(alice.url, data(log_in(alice)))
    socket, kept = connect(phone), connect(alice)
    code = new_code(alice)
    assert change(alice).status_code == 204
    assert is_out(phone)
    assert socket.wait_disconnect() == "io server disconnect"
    assert alice.get("/users/me").ok
    assert kept.connected
    assert problem(log_in(alice)) == (401, "invalid_credentials")
    assert log_in(alice, NEW).ok
    # Open reset links of the account are invalid.
    assert problem(reset(alice.url, code)) == (422, "code_invalid")
    assert audited(engine, alice) == [("password.changed", alice.id, None)]
    assert bob.get("/users/me").ok


def test_a_wrong_current_password_changes_nothing(alice: Person) -> None:
    phone = Person(alice.url, data(log_in(alice)))
    assert problem(change(alice, current="Wrong5Password")) == (403, "password_wrong")
    assert problem(change(alice, current=NEW)) == (403, "password_wrong")
    assert phone.get("/users/me").ok
    assert log_in(alice).ok


def test_the_new_password_follows_the_rules(alice: Person, new_code: NewCode) -> None:
    code = new_code(alice)
    for new in ("short1A", "nouppercase1", "NoDigitsHere", "Password123", "A1" + "x" * 63, "", None, 5):
        assert problem(change(alice, new=new)) == (422, "validation_error")  # type: ignore[arg-type]
        assert problem(reset(alice.url, code, new)) == (422, "validation_error")  # type: ignore[arg-type]
    response = change(alice, new=PASSWORD)
    assert problem(response) == (422, "validation_error")
    assert list(response.json()["errors"]) == ["newPassword"]
    # Neither used the code.
    assert reset(alice.url, code).status_code == 204


def test_an_account_without_password_has_none_to_change(alice: Person, engine: Engine) -> None:
    with engine.begin() as db:
        db.execute(text("UPDATE users SET password_hash = NULL WHERE id = :id"), {"id": alice.id})
    assert problem(change(alice)) == (409, "no_password")
    assert problem(log_in(alice)) == (401, "invalid_credentials")


def test_a_reset_sets_the_password_and_ends_all_sessions(
    alice: Person, connect: Connect, engine: Engine, new_code: NewCode
) -> None:
    socket = connect(alice)
    code, other = new_code(alice), new_code(alice)
    response = reset(alice.url, code)
    assert response.status_code == 204
    assert not response.content
    assert is_out(alice)
    assert socket.wait_disconnect() == "io server disconnect"
    assert log_in(alice, NEW).ok
    for used in (code, other):
        assert problem(reset(alice.url, used, "Another6Password")) == (422, "code_invalid")
    assert audited(engine, alice) == [("password.reset", alice.id, None)]


def test_a_reset_gives_a_password_to_an_account_without(alice: Person, engine: Engine, new_code: NewCode) -> None:
    with engine.begin() as db:
        db.execute(text("UPDATE users SET password_hash = NULL WHERE id = :id"), {"id": alice.id})
    assert "passwordLogin" not in data(alice.get("/users/me"))
    assert reset(alice.url, new_code(alice)).status_code == 204
    assert data(log_in(alice, NEW))["user"]["passwordLogin"] is True


def test_codes_that_can_not_be_used_are_refused_alike(alice: Person, engine: Engine, new_code: NewCode) -> None:
    expired = new_code(alice, minutes=-1)
    deactivated = Person(alice.url, data(log_in(alice)))
    wrong = ["", "x", secrets.token_urlsafe(32), expired, f"{expired}x", "ä" * 43]
    responses = [reset(deactivated.url, code) for code in wrong]
    assert [problem(response) for response in responses] == [(422, "code_invalid")] * len(wrong)
    assert len({response.content for response in responses}) == 1
    assert problem(reset(alice.url, "x" * 1025)) == (422, "validation_error")
    code = new_code(alice)
    with engine.begin() as db:
        db.execute(text("UPDATE users SET is_active = false WHERE id = :id"), {"id": alice.id})
    assert problem(reset(alice.url, code)) == (422, "code_invalid")


def test_a_code_is_used_once(alice: Person, new_code: NewCode) -> None:
    code = new_code(alice)
    with ThreadPoolExecutor() as pool:
        responses = list(pool.map(lambda number: reset(alice.url, code, f"Concurrent{number}Reset"), range(5)))
    assert sorted(response.status_code for response in responses) == [204, 422, 422, 422, 422]


def test_keys_do_not_change_passwords(new_key: NewKey, alice: Person) -> None:
    body = {"currentPassword": PASSWORD, "newPassword": NEW}
    response = new_key("act").post("/auth/password/change", body, act_as=alice.id)
    assert problem(response) == (403, "act_as_forbidden")


@pytest.fixture(scope="module")
def strict(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A closed server that counts."""
    limits = {"RATELIMIT_LOGIN_FAILURES": "3/15m", "RATELIMIT_CODES": "4/60s"}
    switches = {"REGISTRATION": "closed", "PASSWORD_LOGIN": "off"}
    with Server(database_url, tmp_path_factory.mktemp("strict"), **UNREACHED_LIMITS, **limits, **switches) as server:
        yield server
    assert not server.errors_in_log()


def test_wrong_passwords_are_counted_before_they_are_checked(
    strict: Server, register_person: NewPerson, engine: Engine
) -> None:
    person = register_person("admin")
    with engine.begin() as db:
        db.execute(text("UPDATE users SET role = 'ADMIN' WHERE id = :id"), {"id": person.id})
    person.url = strict.url
    there = Person(strict.url, data(log_in(person)))
    for _ in range(3):
        assert problem(change(there, current="Wrong5Password")) == (403, "password_wrong")
    assert problem(change(there)) == (429, "rate_limited")
    # They are the failed logins of the account.
    assert problem(log_in(person)) == (429, "rate_limited")


def test_resets_are_counted_by_address(strict: Server) -> None:
    codes = [problem(reset(strict.url, "x"))[0] for _ in range(5)]
    assert codes == [422] * 4 + [429]


def test_registration_can_be_closed(strict: Server) -> None:
    account = {"username": secrets.token_hex(5), "email": f"{secrets.token_hex(5)}@example.org", "password": PASSWORD}
    response = requests.post(f"{strict.url}/api/v1/auth/register", json=account, timeout=20)
    assert problem(response) == (403, "registration_closed")
    capabilities = data(requests.get(f"{strict.url}/api/v1/capabilities", timeout=20))
    assert (capabilities["registration"], capabilities["passwordLogin"]) == ("closed", False)


def test_only_administrators_log_in_while_password_login_is_off(
    strict: Server, register_person: NewPerson, engine: Engine
) -> None:
    people = {role: register_person(role.lower()) for role in ("USER", "MODERATOR", "ADMIN")}
    with engine.begin() as db:
        for role, person in people.items():
            db.execute(text("UPDATE users SET role = :role WHERE id = :id"), {"role": role, "id": person.id})

    def attempt(name: str, password: str = PASSWORD) -> requests.Response:
        account = {"username": name, "password": password}
        return requests.post(f"{strict.url}/api/v1/auth/login", json=account, timeout=20)

    refused = [attempt(name) for name in (people["USER"].name, people["MODERATOR"].name, f"u{secrets.token_hex(5)}")]
    refused += [attempt(person.name, "Wrong5Password") for person in people.values()]
    assert [problem(response) for response in refused] == [(403, "password_login_off")] * 6
    assert len({response.content for response in refused}) == 1
    assert attempt(people["ADMIN"].name).ok
