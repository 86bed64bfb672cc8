"""Refresh tokens and their rotation."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from tests.people import Person, data, problem
from tests.server import Server


def refresh(server: Server, token: Any) -> requests.Response:
    return requests.post(f"{server.url}/api/v1/auth/refresh", json={"refreshToken": token}, timeout=20)


def age(engine: Engine, person: Person, seconds: int) -> None:
    """Make the tokens of a person's sessions older."""
    statement = """
        UPDATE refresh_tokens t SET rotated_at = rotated_at - make_interval(secs => :seconds),
                                    expires_at = t.expires_at - make_interval(secs => :seconds)
        FROM sessions s WHERE s.id = t.session_id AND s.user_id = :user_id
    """
    with engine.begin() as db:
        db.execute(text(statement), {"seconds": seconds, "user_id": person.id})


def test_refreshing_gives_new_tokens_that_work(server: Server, alice: Person) -> None:
    tokens = data(refresh(server, alice.refresh_token))
    assert set(tokens) == {"accessToken", "refreshToken", "expiresIn"}
    assert tokens["refreshToken"] != alice.refresh_token
    headers = {"Authorization": f"Bearer {tokens['accessToken']}"}
    assert requests.get(f"{server.url}/api/v1/users/me", headers=headers, timeout=20).ok
    assert refresh(server, tokens["refreshToken"]).ok


def test_refresh_token_can_be_sent_as_bearer(server: Server, alice: Person) -> None:
    headers = {"Authorization": f"Bearer {alice.refresh_token}"}
    bodies: tuple[dict[str, str] | None, ...] = (None, {})
    for body in bodies:
        response = requests.post(f"{server.url}/api/v1/auth/refresh", headers=headers, timeout=20, json=body)
        assert data(response)["refreshToken"] == data(refresh(server, alice.refresh_token))["refreshToken"]


def test_expired_access_token_does_not_matter_for_refresh(server: Server, alice: Person) -> None:
    response = requests.post(
        f"{server.url}/api/v1/auth/refresh",
        headers={"Authorization": "Bearer not.a.token"},
        json={"refreshToken": alice.refresh_token},
        timeout=20,
    )
    assert response.ok


def test_refresh_can_be_repeated_after_a_lost_response(server: Server, alice: Person) -> None:
    first, again = refresh(server, alice.refresh_token), refresh(server, alice.refresh_token)
    assert data(first)["refreshToken"] == data(again)["refreshToken"]


def test_concurrent_refreshes_return_one_successor(server: Server, alice: Person) -> None:
    with ThreadPoolExecutor(20) as pool:
        responses = list(pool.map(lambda _: refresh(server, alice.refresh_token), range(20)))
    successors = {data(response)["refreshToken"] for response in responses}
    assert len(successors) == 1
    assert refresh(server, successors.pop()).ok


def test_an_old_token_whose_successor_was_used_ends_the_session(server: Server, alice: Person) -> None:
    second = data(refresh(server, alice.refresh_token))
    third = data(refresh(server, second["refreshToken"]))
    assert problem(refresh(server, alice.refresh_token)) == (401, "refresh_reused")
    assert problem(refresh(server, third["refreshToken"]))[0] == 401
    headers = {"Authorization": f"Bearer {third['accessToken']}"}
    dead = requests.get(f"{server.url}/api/v1/users/me", headers=headers, timeout=20)
    assert problem(dead) == (401, "token_invalid")


def test_after_the_grace_an_old_token_ends_the_session(server: Server, alice: Person, engine: Engine) -> None:
    second = data(refresh(server, alice.refresh_token))
    age(engine, alice, 11)
    assert problem(refresh(server, alice.refresh_token)) == (401, "refresh_reused")
    assert problem(refresh(server, second["refreshToken"]))[0] == 401


def test_a_token_expires_after_thirty_days(server: Server, alice: Person, engine: Engine) -> None:
    age(engine, alice, 30 * 24 * 3600 - 60)
    tokens = data(refresh(server, alice.refresh_token))
    age(engine, alice, 30 * 24 * 3600 + 1)
    assert problem(refresh(server, tokens["refreshToken"])) == (401, "token_expired")


def test_an_unknown_token_is_refused(server: Server) -> None:
    assert problem(refresh(server, str(uuid.uuid4()))) == (401, "token_invalid")


@pytest.mark.parametrize("token", ["", "x", "0" * 36, "a.b.c"])
def test_text_of_another_form_is_an_invalid_token(server: Server, token: str) -> None:
    assert problem(refresh(server, token)) == (401, "token_invalid")
    headers = {"Authorization": f"Bearer {token}"}
    response = requests.post(f"{server.url}/api/v1/auth/refresh", headers=headers, timeout=20)
    assert problem(response) == (401, "token_invalid")


def test_without_any_token_nothing_is_refreshed(server: Server) -> None:
    bodies: tuple[dict[str, str] | None, ...] = (None, {})
    for body in bodies:
        response = requests.post(f"{server.url}/api/v1/auth/refresh", json=body, timeout=20)
        assert problem(response) == (401, "token_invalid")


def test_an_access_token_refreshes_nothing(server: Server, alice: Person) -> None:
    assert problem(alice.post("/auth/refresh")) == (401, "token_invalid")
    assert problem(refresh(server, alice.token)) == (401, "token_invalid")


@pytest.mark.parametrize("token", [7, None, [], "\0" * 36])
def test_non_text_token_is_a_validation_error(server: Server, token: Any) -> None:
    assert problem(refresh(server, token)) == (422, "validation_error")


def test_database_contains_no_usable_token(server: Server, alice: Person, engine: Engine) -> None:
    tokens = data(refresh(server, alice.refresh_token))
    with engine.connect() as db:
        stored = db.execute(text("SELECT encode(hash, 'hex') FROM refresh_tokens")).scalars().all()
    for token in (alice.refresh_token, tokens["refreshToken"]):
        assert uuid.UUID(token).hex not in "".join(stored)
