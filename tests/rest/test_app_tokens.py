"""Tokens that the operator's app issued: exchanged for a session, and in place of access tokens."""

import base64
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from sqlalchemy import Engine, text

from tests.conftest import Connect
from tests.fuzz.raw_clients import RawWebSocket, event, frame
from tests.issuer import AUDIENCE, ISSUER, KeyServer, claims, jwk, keys, sign
from tests.people import Backend, Person, data, problem, register
from tests.server import Server
from tests.socket_clients.surface import ConnectError

SECRET = secrets.token_urlsafe(32)
EC_KEY, OTHER_EC_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
RSA_KEY = rsa.generate_private_key(65537, 2048)
NAMED = {"APP_JWT_ISSUER": ISSUER, "APP_JWT_AUDIENCE": AUDIENCE}


@pytest.fixture(scope="module")
def app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that accepts tokens with a secret; no token may make it fail."""
    with Server(database_url, tmp_path_factory.mktemp("app"), APP_JWT_SECRET=SECRET, **NAMED) as server:
        yield server
    assert not server.errors_in_log()
    assert '"event": "auth.app_token_refused"' in server.log
    assert "eyJ" not in server.log


def new_user() -> str:
    return f"u{secrets.token_hex(8)}"


def signed(payload: dict[str, Any], key: str = SECRET, algorithm: str = "HS256", **headers: Any) -> str:
    return jwt.encode(payload, key, algorithm, headers=headers or None)


def exchange(server: Server, token: Any, **fields: Any) -> requests.Response:
    body = {"token": token} | fields
    return requests.post(f"{server.url}/api/v1/auth/exchange", json=body, timeout=20)


def bearer(server: Server, token: str, path: str = "/users/me") -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{server.url}/api/v1{path}", headers=headers, timeout=20)


def with_token(server: Server, token: str) -> Person:
    """The user of a token, which is in place of an access token."""
    return Person(server.url, {"user": data(bearer(server, token)), "accessToken": token, "refreshToken": ""})


def change(engine: Engine, user_id: str, changes: str) -> None:
    with engine.begin() as db:
        db.execute(text(f"UPDATE users SET {changes} WHERE id = :id"), {"id": user_id})


def sessions_of(person: Person) -> list[dict[str, Any]]:
    return data(person.get("/auth/sessions"))  # type: ignore[no-any-return]


def test_an_exchanged_token_opens_a_session_that_continues(app: Server) -> None:
    external_id, device = new_user(), {"id": "phone", "name": "Phone"}
    token = signed(claims(external_id, exp=int(time.time()) + 60))
    response = exchange(app, token, device=device)
    assert response.status_code == 200
    person = Person(app.url, data(response))
    assert response.json()["data"]["user"]["externalId"] == external_id
    (session,) = sessions_of(person)
    assert (session["kind"], session["device"], session["address"]) == ("appToken", device, "127.0.0.1")
    body = {"refreshToken": person.refresh_token}
    assert requests.post(f"{app.url}/api/v1/auth/refresh", json=body, timeout=20).ok
    # Again: another session, which replaces that of the device.
    again = Person(app.url, data(exchange(app, token, device=device)))
    assert again.id == person.id
    assert len(sessions_of(again)) == 1
    assert problem(person.get("/users/me")) == (401, "token_invalid")


def test_a_token_works_in_place_of_an_access_token(app: Server, connect: Connect) -> None:
    end = int(time.time()) + 600
    token = signed(claims(new_user(), exp=end))
    person = with_token(app, token)
    for _ in range(3):
        assert person.get("/users/me").ok
    (session,) = sessions_of(person)
    assert (session["kind"], session["isCurrent"]) == ("appToken", True)
    ends_at = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(end))
    assert session["expiresAt"].startswith(ends_at) or session["expiresAt"].startswith(
        time.strftime("%Y-%m-%dT%H:%M", time.gmtime(end - 1))
    )
    socket = connect(person)
    other = signed(claims(data(person.get("/users/me"))["externalId"], exp=end + 60))
    assert 600 < socket.call("auth:renew", {"token": other})["data"]["expiresIn"] <= 660
    # The socket belongs to the session of the new token.
    assert person.delete(f"/auth/sessions/{session['id']}").status_code == 204
    socket.flush()
    assert problem(person.get("/users/me")) == (401, "token_invalid")
    renewed = with_token(app, other)
    assert renewed.post("/auth/logout").status_code == 204
    assert socket.wait_disconnect() == "io server disconnect"


def test_a_token_of_an_ended_session_is_refused_everywhere(app: Server, connect: Connect) -> None:
    token = signed(claims(new_user()))
    person = with_token(app, token)
    assert person.post("/auth/logout").status_code == 204
    assert problem(bearer(app, token)) == (401, "token_invalid")
    assert problem(exchange(app, token)) == (401, "token_invalid")
    with pytest.raises(ConnectError) as refused:
        connect(person)
    assert refused.value.data["code"] == "token_invalid"


def test_concurrent_first_uses_open_one_session(app: Server) -> None:
    tokens = [signed(claims(new_user())) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        responses = list(pool.map(lambda token: bearer(app, token), tokens * 4))
    assert all(response.ok for response in responses)
    for token in tokens:
        assert len(sessions_of(with_token(app, token))) == 1


def unsigned(algorithm: str, payload: dict[str, Any], **headers: str) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": algorithm, "typ": "JWT"} | headers, payload))
    return "".join(f"{base64.urlsafe_b64encode(part).rstrip(b'=').decode()}." for part in parts)


def by_hand(payload: dict[str, Any], key: str, algorithm: str = "HS256", digest: str = "sha256", **headers: str) -> str:
    """A token that the library refuses to make."""
    content = unsigned(algorithm, payload, **headers).rstrip(".")
    signature = hmac.digest(key.encode(), content.encode(), digest)
    return f"{content}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def saying(**changes: Any) -> Callable[[str], str]:
    return lambda external_id: signed(claims(external_id, **changes))


def now(seconds: float) -> int:
    return int(time.time() + seconds)


# How a token of a user is made, and the code with which it is refused.
REFUSED: dict[str, tuple[Callable[[str], str], str]] = {
    "another key": (lambda user: signed(claims(user), secrets.token_urlsafe(32)), "token_invalid"),
    "no signature": (lambda user: unsigned("none", claims(user)), "token_invalid"),
    "no signature, in capitals": (lambda user: unsigned("NONE", claims(user)), "token_invalid"),
    "a longer hash": (lambda user: by_hand(claims(user), SECRET, "HS512", "sha512"), "token_invalid"),
    "a key that it brings along": (
        lambda user: signed(claims(user), "x" * 32, jwk={"kty": "oct", "k": "eHh4"}),
        "token_invalid",
    ),
    "keys from elsewhere": (
        lambda user: signed(claims(user), "x" * 32, jku="http://127.0.0.1:9/keys.json"),
        "token_invalid",
    ),
    "critical conditions": (lambda user: signed(claims(user), crit=["exp2"], exp2=1), "token_invalid"),
    "a public key as secret": (lambda user: sign(RSA_KEY, claims(user)), "token_invalid"),
    "another issuer": (saying(iss="https://other.example.org"), "issuer_unknown"),
    "an issuer that is a list": (lambda user: by_hand(claims(user, iss=[ISSUER]), SECRET), "issuer_unknown"),
    "no issuer": (saying(iss=None), "token_invalid"),
    "another audience": (saying(aud="other"), "token_invalid"),
    "no audience": (saying(aud=None), "token_invalid"),
    "no end": (saying(exp=None), "token_invalid"),
    "an end that is no number": (saying(exp="soon"), "token_invalid"),
    "an end that is true": (saying(exp=True), "token_expired"),
    "an infinite end": (saying(exp=float("inf")), "token_invalid"),
    "the end": (lambda user: signed(claims(user, exp=now(-40), iat=now(-100))), "token_expired"),
    "a beginning in the future": (lambda user: signed(claims(user, nbf=now(60))), "token_invalid"),
    "a time in the future": (lambda user: signed(claims(user, iat=now(60))), "token_invalid"),
    "a time that is no number": (saying(iat="x"), "token_invalid"),
    "a long lifetime": (lambda user: signed(claims(user, iat=now(0), exp=now(86_460))), "token_invalid"),
    "a long lifetime from now": (lambda user: signed(claims(user, iat=None, exp=now(86_500))), "token_invalid"),
    "no user": (saying(sub=None), "token_invalid"),
    "a user that is a number": (saying(sub=7), "token_invalid"),
    "a user that is an object": (saying(sub={"id": 1}), "token_invalid"),
    "an invalid external id": (saying(sub="a/b"), "token_invalid"),
    "a long external id": (saying(sub="x" * 129), "token_invalid"),
    "no token": (lambda _user: "not.a.token", "token_invalid"),
    "a list": (lambda _user: "W10.W10.W10", "token_invalid"),
    "something very long": (lambda user: signed(claims(user, x="x" * 5000)) + "A" * 4000, "token_invalid"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_wrong_tokens_are_refused_with_their_code(app: Server, engine: Engine, kind: str) -> None:
    user = new_user()
    make, code = REFUSED[kind]
    token = make(user)
    assert problem(exchange(app, token)) == (401, code)
    if len(token) < 8000:
        assert problem(bearer(app, token)) == (401, code)
    with engine.connect() as db:
        assert not db.scalar(text("SELECT count(*) FROM users WHERE external_id = :id"), {"id": user})


@pytest.mark.parametrize("kind", ["no signature", "another issuer", "the end", "no user"])
def test_wrong_tokens_are_refused_on_sockets(app: Server, kind: str) -> None:
    make, code = REFUSED[kind]
    token = make(new_user())
    with RawWebSocket(app.url) as socket:
        socket.write(frame("40/chat," + json.dumps({"token": token})))
        packet = socket.until(("40/chat,", "44/chat,"))[-1]
        assert json.loads(packet[8:])["data"]["code"] == code
    with RawWebSocket(app.url) as socket:
        socket.join(register(app.url, "renewing").token)
        response = socket.ask(event("auth:renew", {"token": token}, ack="1"), "1")
        assert response["error"]["code"] == code


@pytest.mark.parametrize("token", [None, 7, [], "\0" * 20, "x" * 20_000])
def test_what_is_no_text_is_a_validation_error(app: Server, token: Any) -> None:
    assert problem(exchange(app, token)) == (422, "validation_error")


def test_a_token_of_another_user_does_not_renew_a_socket(app: Server, connect: Connect) -> None:
    socket = connect(with_token(app, signed(claims(new_user()))))
    response = socket.call("auth:renew", {"token": signed(claims(new_user()))})
    assert response["error"]["code"] == "token_invalid"


def test_clocks_may_differ_by_thirty_seconds(app: Server) -> None:
    for changes in ({"iat": now(20)}, {"nbf": now(20)}, {"iat": now(-100), "exp": now(-10)}):
        assert bearer(app, signed(claims(new_user(), **changes))).ok
    assert exchange(app, signed(claims(new_user(), iat=None, exp=now(86_400)))).ok
    assert exchange(app, signed(claims(new_user(), aud=["other", AUDIENCE]))).ok


def test_claims_create_and_update_the_user(app: Server, engine: Engine) -> None:
    user = new_user()
    profile: dict[str, Any] = {
        "name": "Mallory",
        "picture": "https://example.org/m.png",
        "preferred_username": f"m_{user[:10]}",
        "email": f"{user}@example.org",
        "chat_data": {"team": 7},
    }
    me = data(exchange(app, signed(claims(user, role="ADMIN", **profile))))["user"]
    assert (me["displayName"], me["avatar"], me["username"], me["email"], me["data"]) == tuple(profile.values())
    assert me["role"] == "USER"
    # An absent claim keeps its value, and null clears it.
    me = data(bearer(app, signed(claims(user, name="Mal") | {"picture": None})))
    assert (me["displayName"], me["avatar"], me["username"]) == ("Mal", None, profile["preferred_username"])
    with engine.connect() as db:
        entries = "SELECT action, actor_type, actor_name FROM audit_log WHERE target_id = :id ORDER BY id"
        found = [tuple(row) for row in db.execute(text(entries), {"id": me["id"]})]
    assert found == [("user.created", "system", "app token"), ("user.updated", "system", "app token")]


def test_claims_that_violate_a_rule_are_ignored(app: Server, alice: Person) -> None:
    wrong = {
        "name": "x" * 81,
        "picture": "javascript:alert(1)",
        "preferred_username": "no spaces",
        "email": "nobody",
        "chat_data": [1],
    }
    me = data(exchange(app, signed(claims(new_user(), **wrong))))["user"]
    assert "displayName" not in me
    assert "data" not in me
    assert (me["avatar"], me["email"]) == (None, None)
    # So are names and addresses of other users, which link to no account.
    taken = {"preferred_username": alice.name, "email": alice.email, "name": "Not Alice"}
    user = new_user()
    for _ in range(2):
        me = data(exchange(app, signed(claims(user, **taken))))["user"]
        assert me["id"] != alice.id
        assert me["username"] != alice.name
        assert (me["email"], me["displayName"]) == (None, "Not Alice")


@pytest.fixture(scope="module")
def admin(app: Server, engine: Engine) -> Person:
    """A user with the role ADMIN, on the server of the app."""
    person = register(app.url, "admin")
    change(engine, person.id, "role = 'ADMIN'")
    return person


def test_deactivated_users_are_refused(app: Server, admin: Person) -> None:
    user = new_user()
    person = with_token(app, signed(claims(user)))
    assert admin.patch(f"/admin/users/{person.id}", {"isActive": False}).ok
    for token in (person.token, signed(claims(user, exp=now(60)))):
        assert problem(bearer(app, token)) == (401, "token_invalid")
        assert problem(exchange(app, token)) == (401, "token_invalid")


def test_revoked_tokens_are_refused(app: Server, admin: Person) -> None:
    user = new_user()
    old, undated = signed(claims(user, iat=now(-60))), signed(claims(user, iat=None))
    person = with_token(app, old)
    unused = signed(claims(user, iat=now(-50)))
    before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now(-30)))
    late = with_token(app, signed(claims(user, iat=now(-20))))
    assert admin.post(f"/server/users/{person.id}/revoke-tokens", {"before": before}).status_code == 204
    for token in (old, undated, unused):
        assert problem(bearer(app, token)) == (401, "token_invalid")
        assert problem(exchange(app, token)) == (401, "token_invalid")
    assert late.get("/users/me").ok
    assert exchange(app, signed(claims(user))).ok


def test_tokens_from_before_an_erasure_are_refused(app: Server, admin: Person) -> None:
    user = new_user()
    person = with_token(app, signed(claims(user, iat=now(-60))))
    assert admin.delete(f"/server/users/{person.id}").status_code == 202
    for token in (person.token, signed(claims(user, iat=now(-50))), signed(claims(user, iat=None))):
        assert problem(bearer(app, token)) == (401, "token_invalid")
        assert problem(exchange(app, token)) == (401, "token_invalid")
    again = with_token(app, signed(claims(user, iat=now(2))))
    assert again.id != person.id
    assert problem(exchange(app, signed(claims(user, iat=now(-50))))) == (401, "token_invalid")


def test_act_as_is_for_keys_alone(app: Server) -> None:
    token = signed(claims(new_user()))
    person = with_token(app, token)
    response = Backend(app.url, token).get("/users/me", act_as=person.id)
    assert problem(response) == (403, "act_as_forbidden")


def test_a_password_change_ends_sessions_of_tokens(app: Server, engine: Engine) -> None:
    owner = register(app.url, "owner")
    user = new_user()
    change(engine, owner.id, f"external_id = '{user}'")
    person = with_token(app, signed(claims(user)))
    assert person.id == owner.id
    body = {"currentPassword": "Correct4Horse", "newPassword": "Battery5Staple"}
    assert owner.post("/auth/password/change", body).status_code == 204
    assert problem(person.get("/users/me")) == (401, "token_invalid")
    assert exchange(app, signed(claims(user, exp=now(60)))).ok


def test_administrators_use_tokens_of_the_app_for_servers(app: Server, engine: Engine) -> None:
    person = with_token(app, signed(claims(new_user())))
    change(engine, person.id, "role = 'ADMIN'")
    token = signed(claims(data(person.get("/users/me"))["externalId"], exp=now(120)))
    assert bearer(app, token, f"/server/users/{person.id}/sessions").ok


@pytest.fixture(scope="module")
def issuer() -> Iterator[KeyServer]:
    """An issuer with two keys, and entries that can't be used."""
    entries = [jwk(EC_KEY, "ec"), jwk(RSA_KEY, "rsa"), {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"}]
    with KeyServer(keys(*entries)) as server:
        yield server


@pytest.fixture(scope="module")
def federated(database_url: str, tmp_path_factory: pytest.TempPathFactory, issuer: KeyServer) -> Iterator[Server]:
    """A server that accepts tokens of the issuer for users that exist, and takes only their id."""
    switches = {"APP_JWT_CREATES": "false", "APP_JWT_UPDATES": "false", "APP_JWT_CLAIMS": "id=uid,name=name"}
    limits = {"RATELIMIT_ENABLED": "true", "RATELIMIT_LOGIN": "1000/60s", "RATELIMIT_EXCHANGE": "4/60s"}
    settings = switches | limits | NAMED | {"APP_JWT_JWKS": issuer.url}
    with Server(database_url, tmp_path_factory.mktemp("federated"), **settings) as server:
        yield server
    assert not server.errors_in_log()


def existing(alice: Person, engine: Engine) -> dict[str, Any]:
    """The claims of an existing user."""
    user = new_user()
    change(engine, alice.id, f"external_id = '{user}'")
    return claims("x", sub=None, uid=user, name="Another name")


def test_tokens_are_verified_with_the_keys_of_the_issuer(
    federated: Server, issuer: KeyServer, alice: Person, engine: Engine
) -> None:
    payload = existing(alice, engine)
    for key, kid in ((EC_KEY, "ec"), (RSA_KEY, "rsa")):
        me = data(bearer(federated, sign(key, payload, kid=kid)))
        assert me["id"] == alice.id
        assert "displayName" not in me
    fetched = issuer.requests
    refused = [
        sign(OTHER_EC_KEY, payload, kid="ec"),
        sign(RSA_KEY, payload, kid="ec"),
        sign(EC_KEY, payload, kid="rsa"),
        sign(EC_KEY, payload),
        sign(EC_KEY, payload, kid="unknown"),
        sign(EC_KEY, payload, kid="unknown", jku=issuer.url),
        signed(payload, "c2VjcmV0" * 4, kid="oct"),
        jwt.encode(payload, RSA_KEY, "PS256", headers={"kid": "rsa"}),
        jwt.encode(payload, RSA_KEY, "RS512", headers={"kid": "rsa"}),
        # The public key as a secret.
        by_hand(payload, json.dumps(jwk(EC_KEY, "ec")), kid="ec"),
    ]
    for token in refused:
        assert problem(exchange(federated, token)) == (401, "token_invalid")
    assert issuer.requests <= fetched + 1


def test_unknown_users_are_not_created_without_need(federated: Server) -> None:
    token = sign(EC_KEY, claims("x", sub=None, uid=new_user()), kid="ec")
    assert problem(exchange(federated, token)) == (401, "user_unknown")
    assert problem(bearer(federated, token)) == (401, "user_unknown")


def test_sessions_of_a_user_are_counted(federated: Server, alice: Person, engine: Engine) -> None:
    payload = existing(alice, engine)
    assert exchange(federated, sign(EC_KEY, payload, kid="ec")).ok
    used = sign(EC_KEY, payload | {"exp": now(60)}, kid="ec")
    for _ in range(3):
        assert bearer(federated, used).ok
    assert exchange(federated, used).ok
    assert bearer(federated, sign(EC_KEY, payload | {"exp": now(61)}, kid="ec")).ok
    limited = sign(EC_KEY, payload | {"exp": now(62)}, kid="ec")
    for response in (exchange(federated, limited), bearer(federated, limited)):
        assert problem(response) == (429, "rate_limited")
        assert response.headers["Retry-After"]
    assert bearer(federated, used).ok


def test_an_issuer_that_is_down_is_unavailable(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with KeyServer(keys()) as gone:
        url = gone.url
    with Server(database_url, tmp_path_factory.mktemp("down"), APP_JWT_JWKS=url, **NAMED) as server:
        token = sign(EC_KEY, claims(new_user()), kid="ec")
        for response in (exchange(server, token), bearer(server, token)):
            assert problem(response) == (503, "issuer_unavailable")
            assert 1 <= int(response.headers["Retry-After"]) <= 30
        # Access tokens of the server itself are not affected.
        assert register(server.url).get("/users/me").ok
        capabilities = data(requests.get(f"{server.url}/api/v1/capabilities", timeout=20))
        assert capabilities["appTokens"] is True


def test_a_server_without_an_app_knows_no_issuer(server: Server) -> None:
    token = signed(claims(new_user()))
    assert problem(exchange(server, token)) == (401, "issuer_unknown")
    assert problem(bearer(server, token)) == (401, "issuer_unknown")
    assert problem(exchange(server, "not.a.token")) == (401, "issuer_unknown")
