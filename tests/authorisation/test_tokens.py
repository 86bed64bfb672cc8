"""Forged, expired and refresh tokens, and those of ended sessions, fail everywhere: REST, CONNECT and auth:renew."""

import base64
import json
import secrets
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

import jwt
import pytest
import requests

from tests.fuzz.raw_clients import RawWebSocket, event, frame
from tests.people import PASSWORD, Person, data, problem, register
from tests.server import Server

SECRET, REFRESH_SECRET = secrets.token_urlsafe(60), secrets.token_urlsafe(60)
Claims = dict[str, Any]
# Presents a token; returns the code of the error, "" for success.
Transport = Callable[[Server, str], str]


@pytest.fixture(scope="module")
def guarded(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose secrets are known here; no token may make it fail."""
    secrets = {"JWT_ACCESS_SECRET": SECRET, "JWT_REFRESH_SECRET": REFRESH_SECRET}
    with Server(database_url, tmp_path_factory.mktemp("guarded"), **secrets) as server:
        yield server
    assert not server.errors_in_log()


@pytest.fixture(scope="module")
def owner(guarded: Server) -> Person:
    """Whose tokens these are."""
    return register(guarded.url, "owner")


@pytest.fixture(scope="module")
def victim(guarded: Server) -> Person:
    """The user to impersonate."""
    return register(guarded.url, "victim")


def over_rest(server: Server, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    response = requests.get(f"{server.url}/api/v1/users/me", headers=headers, timeout=20)
    return "" if response.ok else problem(response)[1]


def by_socket(server: Server, token: str) -> str:
    with RawWebSocket(server.url) as socket:
        socket.write(frame("40/chat," + json.dumps({"token": token})))
        packet = socket.until(("40/chat,", "44/chat,"))[-1]
        return "" if packet.startswith("40") else str(json.loads(packet[8:])["data"]["code"])


def by_renewal(server: Server, token: str) -> str:
    with RawWebSocket(server.url) as socket:
        socket.join(register(server.url, "renewing").token)
        response = socket.ask(event("auth:renew", {"token": token}, ack="1"), "1")
        return "" if response["ok"] else str(response["error"]["code"])


def signed(claims: Claims, key: str = SECRET, algorithm: str = "HS256", **headers: Any) -> str:
    return jwt.encode(claims, key, algorithm, headers=headers or None)


def unsigned(claims: Claims, algorithm: str, signature: str = "") -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": algorithm, "typ": "JWT"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), signature])


def without(name: str) -> Callable[[Claims, Claims, str], str]:
    return lambda mine, _theirs, _token: signed({key: value for key, value in mine.items() if key != name})


def saying(**changes: Any) -> Callable[[Claims, Claims, str], str]:
    return lambda mine, _theirs, _token: signed(mine | changes)


# How a token is made of one's own claims, those of the victim, and one's own good token.
FORGERIES: dict[str, Callable[[Claims, Claims, str], str]] = {
    "no signature": lambda mine, theirs, token: unsigned(mine, "none"),
    "no signature, in capitals": lambda mine, theirs, token: unsigned(mine, "NONE"),
    "the signature of something else": lambda mine, theirs, token: unsigned(theirs, "HS256", token.split(".")[2]),
    "no algorithm and a good signature": lambda mine, theirs, token: unsigned(mine, "none", token.split(".")[2]),
    "another key": lambda mine, theirs, token: signed(mine, secrets.token_urlsafe(40)),
    "the key of refresh tokens": lambda mine, theirs, token: signed(mine, REFRESH_SECRET),
    "an empty key": lambda mine, theirs, token: unsigned(mine, "HS256", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"),
    "a longer hash": lambda mine, theirs, token: signed(mine, algorithm="HS512"),
    "another hash": lambda mine, theirs, token: signed(mine, algorithm="HS384"),
    "a key that it brings along": lambda mine, theirs, token: signed(
        mine, "brought along by the one who forges it", jwk={"kty": "oct", "k": "YnJvdWdodA"}
    ),
    "a key from a file": lambda mine, theirs, token: signed(mine, "x" * 40, kid="../../../../dev/null"),
    "a key from elsewhere": lambda mine, theirs, token: signed(mine, "x" * 40, jku="http://127.0.0.1:9/keys.json"),
    "unknown critical conditions": lambda mine, theirs, token: signed(mine, crit=["exp2"], exp2=1),
    "another user's name": lambda mine, theirs, token: signed(mine | {"sub": theirs["sub"]}),
    "another user's session": lambda mine, theirs, token: signed(mine | {"sid": theirs["sid"]}),
    "an unknown session": saying(sid="00000000-0000-0000-0000-000000000000"),
    "a session that is no id": saying(sid="x' OR true --"),
    "a name that is no id": saying(sub="x"),
    "a name that is a number": saying(sub=7),
    "a session that is a list": saying(sid=["x"]),
    "no name": without("sub"),
    "no session": without("sid"),
    "no end": without("exp"),
    "another kind": saying(type="refresh"),
    "a beginning in the future": saying(nbf=int(time.time()) + 3600),
    "an end that is no number": saying(exp="never"),
    "one part too many": lambda mine, theirs, token: f"{token}.x",
    "one part too few": lambda mine, theirs, token: token.rpartition(".")[0],
    "something behind it": lambda mine, theirs, token: f"{token}x",
    "nothing in it": lambda mine, theirs, token: "..",
    "something very long": lambda mine, theirs, token: token + "A" * 4000,
}
TRANSPORTS = [over_rest, by_socket, by_renewal]


@pytest.mark.parametrize("transport", [over_rest, by_socket])
def test_valid_token_is_accepted_everywhere(guarded: Server, owner: Person, transport: Transport) -> None:
    assert transport(guarded, owner.token) == ""


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_token_is_refused(
    guarded: Server, owner: Person, victim: Person, forgery: str, transport: Transport
) -> None:
    mine, theirs = (jwt.decode(p.token, options={"verify_signature": False}) for p in (owner, victim))
    assert transport(guarded, FORGERIES[forgery](mine, theirs, owner.token)) == "token_invalid"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_expired_token_is_refused_with_its_code(guarded: Server, owner: Person, transport: Transport) -> None:
    claims = jwt.decode(owner.token, options={"verify_signature": False}) | {"exp": int(time.time()) - 1}
    assert transport(guarded, signed(claims)) == "token_expired"


@pytest.mark.parametrize(("seconds", "code"), [(5, ""), (120, "token_invalid")])
@pytest.mark.parametrize("claim", ["nbf", "iat"])
@pytest.mark.parametrize("transport", [over_rest, by_socket])
def test_clocks_may_differ_by_some_seconds(
    guarded: Server, owner: Person, transport: Transport, claim: str, seconds: int, code: str
) -> None:
    claims = jwt.decode(owner.token, options={"verify_signature": False}) | {claim: int(time.time()) + seconds}
    assert transport(guarded, signed(claims)) == code


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_refresh_token_is_no_access_token(guarded: Server, owner: Person, transport: Transport) -> None:
    assert transport(guarded, owner.refresh_token) == "token_invalid"


def test_an_access_token_is_no_refresh_token(guarded: Server, owner: Person) -> None:
    url = f"{guarded.url}/api/v1/auth/refresh"
    in_body = requests.post(url, json={"refreshToken": owner.token}, timeout=20)
    as_bearer = requests.post(url, headers={"Authorization": f"Bearer {owner.token}"}, timeout=20)
    assert in_body.status_code in (401, 422)
    assert problem(as_bearer)[0] in (401, 422)
    assert over_rest(guarded, owner.token) == ""


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_token_of_an_ended_session_is_refused(guarded: Server, transport: Transport) -> None:
    leaver = register(guarded.url, "leaver")
    assert leaver.post("/auth/logout").status_code == 204
    assert transport(guarded, leaver.token) == "token_invalid"


def test_a_body_that_arrives_after_the_session_ended_is_refused(guarded: Server) -> None:
    leaver, other = register(guarded.url, "leaver"), register(guarded.url, "other")
    body = json.dumps({"userId": other.id}).encode()
    connection = HTTPConnection("127.0.0.1", guarded.port, timeout=20)
    connection.putrequest("POST", "/api/v1/chats/direct")
    for name, value in {"Authorization": f"Bearer {leaver.token}", "Content-Type": "application/json"}.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[:10])
    time.sleep(1)
    assert leaver.post("/auth/logout").status_code == 204
    connection.send(body[10:])
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["code"]) == (401, "token_invalid")
    connection.close()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_reused_refresh_token_ends_its_access_tokens_too(guarded: Server, transport: Transport) -> None:
    robbed = register(guarded.url, "robbed")
    token = robbed.refresh_token
    for _ in range(2):
        response = requests.post(f"{guarded.url}/api/v1/auth/refresh", json={"refreshToken": token}, timeout=20)
        token, access = data(response)["refreshToken"], data(response)["accessToken"]
    reused = requests.post(
        f"{guarded.url}/api/v1/auth/refresh", json={"refreshToken": robbed.refresh_token}, timeout=20
    )
    assert problem(reused) == (401, "refresh_reused")
    for ended in (robbed.token, access):
        assert transport(guarded, ended) == "token_invalid"


def test_other_sessions_of_a_user_continue(guarded: Server) -> None:
    person = register(guarded.url, "twice")
    account = {"email": person.email, "password": PASSWORD}
    other = Person(guarded.url, data(requests.post(f"{guarded.url}/api/v1/auth/login", json=account, timeout=20)))
    person.post("/auth/logout")
    for transport in (over_rest, by_socket):
        assert transport(guarded, other.token) == ""


@pytest.mark.parametrize(
    "where",
    [
        {"params": "access_token"},
        {"params": "token"},
        {"params": "jwt"},
        {"cookies": "access_token_cookie"},
        {"cookies": "token"},
        {"headers": "X-Access-Token"},
    ],
)
def test_token_is_read_only_from_the_header(guarded: Server, owner: Person, where: dict[str, str]) -> None:
    ((part, name),) = where.items()
    given: dict[str, Any] = {part: {name: owner.token}}
    response = requests.get(f"{guarded.url}/api/v1/users/me", timeout=20, **given)
    assert problem(response) == (401, "token_invalid")


@pytest.mark.parametrize("scheme", ["Basic", "Token", "JWT", "Bearer:", ""])
def test_another_scheme_counts_as_no_token(guarded: Server, owner: Person, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {owner.token}".strip()}
    response = requests.get(f"{guarded.url}/api/v1/users/me", headers=headers, timeout=20)
    assert problem(response) == (401, "token_invalid")
