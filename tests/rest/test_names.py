"""An address belongs to one account, and a username too, whatever their spelling and the database's locale."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError

from chatapp.launcher.postgres import EmbeddedPostgres
from tests.architecture.test_models import flask
from tests.people import PASSWORD, data, problem
from tests.server import Server, migrate


def post(server: Server, path: str, **body: Any) -> requests.Response:
    return requests.post(f"{server.url}/api/v1/auth{path}", json=body | {"password": PASSWORD}, timeout=20)


def new_name() -> str:
    return f"n_{secrets.token_hex(6)}"


@pytest.mark.parametrize(
    ("registered", "spelled"),
    [
        ("ÜNAL{}@example.org", "ünal{}@EXAMPLE.org"),
        ("İRIS{}@example.org", "İris{}@example.org"),
        ("straße{}@example.org", "STRASSE{}@example.org"),
        ("σίγμας{}@example.org", "ΣΊΓΜΑΣ{}@example.org"),
        ("é{}@example.org", "É{}@example.org"),
        ("anna{}@bücher.example", "anna{}@xn--bcher-kva.example"),
        ("anna{}@BÜCHER.example", "ANNA{}@XN--BCHER-KVA.example"),
    ],
)
def test_an_address_belongs_to_one_account_however_it_is_spelled(server: Server, registered: str, spelled: str) -> None:
    one = secrets.token_hex(6)
    account = data(post(server, "/register", email=registered.format(one), username=new_name()))["user"]
    assert account["email"] == registered.format(one)
    again = post(server, "/register", email=spelled.format(one), username=new_name())
    assert problem(again) == (409, "email_taken")
    assert data(post(server, "/login", email=spelled.format(one)))["user"]["id"] == account["id"]


def test_different_characters_are_different_addresses(server: Server) -> None:
    one = secrets.token_hex(6)
    for local in ("ırıs", "iris", "íris"):
        response = post(server, "/register", email=f"{local}{one}@example.org", username=new_name())
        assert response.status_code == 201


@pytest.mark.parametrize("domain", ["☃☃.example", "-ü.example"])
def test_a_domain_without_an_ascii_form_is_refused(server: Server, domain: str) -> None:
    response = post(server, "/register", email=f"anna@{domain}", username=new_name())
    assert problem(response) == (422, "validation_error")
    assert list(response.json()["errors"]) == ["email"]


@pytest.fixture(scope="module", params=["tr_TR.UTF-8", "C"])
def localised(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server whose database has another locale."""
    folder = tmp_path_factory.mktemp("localised")
    url = localised_database(postgres, request.param)
    migrate(url, folder)
    with Server(url, folder) as server:
        yield server


def localised_database(postgres: EmbeddedPostgres, locale: str) -> str:
    """The URL of a new database with that locale."""
    name = f"chat_{secrets.token_hex(4)}"
    engine = create_engine(postgres.url("postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as db:
            db.execute(
                text(
                    f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE '{locale}'"
                )
            )
    except ProgrammingError:
        pytest.skip(f"this machine has no locale {locale}")
    finally:
        engine.dispose()
    return postgres.url(name)


def test_account_equality_is_independent_of_the_locale(localised: Server) -> None:
    assert post(localised, "/register", email="ÜNAL@example.org", username="IRIS_99").status_code == 201
    assert problem(post(localised, "/register", email="a@example.org", username="iris_99")) == (409, "username_taken")
    assert problem(post(localised, "/register", email="ünal@example.org", username="other")) == (409, "email_taken")
    for name in ({"username": "iris_99"}, {"username": "Iris_99"}, {"email": "Ünal@Example.org"}):
        assert data(post(localised, "/login", **name))["user"]["username"] == "IRIS_99"
    token = data(post(localised, "/login", username="IRIS_99"))["accessToken"]
    headers = {"Authorization": f"Bearer {token}"}
    found = requests.get(f"{localised.url}/api/v1/users/search?q=iris", headers=headers, timeout=20)
    assert [user["username"] for user in data(found)] == ["IRIS_99"]
    assert data(requests.get(f"{localised.url}/api/v1/users/iRIS_99", headers=headers, timeout=20))["id"]


@pytest.mark.parametrize(("name", "q"), [("Ирина Ёлкина", "ЁЛКИ"), ("İrem Işık", "işık"), ("Großmann", "GROSS")])
def test_search_is_independent_of_the_locale(localised: Server, name: str, q: str) -> None:
    username = new_name()
    login = data(post(localised, "/register", email=f"{username}@example.org", username=username))
    headers = {"Authorization": f"Bearer {login['accessToken']}"}
    mine = f"{localised.url}/api/v1/users/me"
    data(requests.patch(mine, json={"displayName": name}, headers=headers, timeout=20))
    found = requests.get(f"{localised.url}/api/v1/users/search", params={"q": q}, headers=headers, timeout=20)
    assert [user["displayName"] for user in data(found)] == [name]


def test_migration_lists_conflicting_accounts(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    url = localised_database(postgres, "C")
    before = flask(url, tmp_path, "upgrade", "0004")
    assert before.returncode == 0, before.stderr
    engine = create_engine(url)
    add = text("INSERT INTO users (id, email, username, password_hash) VALUES (gen_random_uuid(), :email, :name, '')")
    with engine.begin() as db:
        for number, email in enumerate(["Ünal@example.org", "ünal@example.org", "b@bücher.example", "c@example.org"]):
            db.execute(add, {"email": email, "name": f"user_{number}"})
    refused = flask(url, tmp_path, "upgrade")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    said = json.loads(refused.stderr.splitlines()[-1])["event"]
    assert "1 e-mail addresses or usernames belong to more than one account: " in said
    assert "Ünal@example.org (id " in said
    assert "ünal@example.org (id " in said
    with engine.begin() as db:
        db.execute(text("UPDATE users SET email = 'other@example.org' WHERE username = 'user_1'"))
    migrate(url, tmp_path)
    with engine.begin() as db:
        keys = (
            db.execute(text("SELECT email_key FROM users WHERE email_key IS NOT NULL ORDER BY username"))
            .scalars()
            .all()
        )
    assert keys == ["ünal@example.org", "other@example.org", "b@xn--bcher-kva.example", "c@example.org"]
    engine.dispose()
