"""`chat check-token`: why a token of the app is accepted or refused."""

import secrets
import time

import jwt
import pytest
from sqlalchemy import Engine, text

from tests.cli.conftest import Chat
from tests.issuer import AUDIENCE, ISSUER, claims
from tests.people import Person

SECRET = secrets.token_urlsafe(32)
APP = {"APP_JWT_SECRET": SECRET, "APP_JWT_ISSUER": ISSUER, "APP_JWT_AUDIENCE": AUDIENCE}


def test_an_accepted_token_names_its_user(chat: Chat, alice: Person, engine: Engine) -> None:
    with engine.begin() as db:
        db.execute(text("UPDATE users SET external_id = :name WHERE id = :id"), {"name": alice.name, "id": alice.id})
    token = jwt.encode(claims(alice.name, picture="x", email=5), SECRET)
    done = chat("check-token", token, **APP)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith(f"The token of ext:{alice.name} is accepted until 20")
    assert first.endswith(f"The user is {alice.name} ({alice.id}).")
    assert second == "Ignored claims, which violate a rule: picture, email."
    unknown = chat("check-token", jwt.encode(claims("unknown-user"), SECRET), **APP)
    assert unknown.stdout.endswith("The user does not exist yet; the first use of a token creates them.\n")
    with engine.connect() as db:
        assert not db.scalar(text("SELECT count(*) FROM users WHERE external_id = 'unknown-user'"))
        assert not db.scalar(
            text("SELECT count(*) FROM sessions WHERE app_token_hash IS NOT NULL AND user_id = :id"), {"id": alice.id}
        )


@pytest.mark.parametrize(
    ("changes", "switches", "said"),
    [
        ({"iss": "https://other.example.org"}, {}, "issuer_unknown: the claim iss is not APP_JWT_ISSUER"),
        ({"exp": int(time.time()) - 60, "iat": int(time.time()) - 90}, {}, "token_expired: the token has expired"),
        ({"aud": "other"}, {}, "token_invalid: InvalidAudienceError"),
        ({}, {"APP_JWT_CREATES": "false"}, "user_unknown: the user does not exist"),
        ({}, {"APP_JWT_SECRET": secrets.token_urlsafe(32)}, "token_invalid: InvalidSignatureError"),
    ],
)
def test_a_refused_token_has_a_reason(
    chat: Chat, changes: dict[str, object], switches: dict[str, str], said: str
) -> None:
    token = jwt.encode(claims("unknown-user", **changes), SECRET)
    done = chat("check-token", token, **(APP | switches))
    assert done.returncode == 1
    assert said in done.stderr
    assert token not in done.stderr


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"APP_JWT_SECRET": "x" * 31}, "APP_JWT_SECRET is shorter than 32 bytes"),
        ({"APP_JWT_JWKS": "https://app.example.org/keys"}, "APP_JWT_AUDIENCE is missing"),
        ({"APP_JWT_JWKS": "/no/such/file", "APP_JWT_AUDIENCE": "x"}, "APP_JWT_JWKS is neither a URL nor a file"),
        (
            {"APP_JWT_JWKS": "ftp://app.example.org/keys", "APP_JWT_AUDIENCE": "x"},
            "APP_JWT_JWKS is not an https or http",
        ),
        (APP | {"APP_JWT_JWKS": "https://app.example.org/keys"}, "APP_JWT_SECRET and APP_JWT_JWKS are both set"),
        ({"APP_JWT_ISSUER": ISSUER}, "APP_JWT_SECRET or APP_JWT_JWKS is missing"),
        (APP | {"APP_JWT_CLAIMS": "name=name"}, "APP_JWT_CLAIMS lacks id="),
        (APP | {"APP_JWT_CLAIMS": "id=sub,role=role"}, "APP_JWT_CLAIMS has 'role=role'"),
        (APP | {"JWT_ACCESS_SECRET": SECRET, "JWT_REFRESH_SECRET": "y" * 32}, "one of the server's own secrets"),
        ({"WEBHOOK_NETWORKS": "10.0.0.1/8"}, "WEBHOOK_NETWORKS must be networks"),
    ],
)
def test_contradictory_settings_are_refused_at_the_start(chat: Chat, variables: dict[str, str], said: str) -> None:
    done = chat("check-token", "x", **variables)
    assert done.returncode != 0
    assert said in done.stderr
