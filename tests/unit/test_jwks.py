"""The public keys of the issuer of an app's tokens: which are usable, and when they are fetched."""

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from chatapp.core.errors import Unavailable
from chatapp.core.networks import Rules, check_url, is_public
from chatapp.core.outgoing import OutgoingError, fetch
from chatapp.features.app_tokens.jwks import MAX_BYTES, Jwks, parse, reader
from tests.issuer import KeyServer, body, jwk, keys

ANYWHERE, STRICT = Rules(is_strict=False), Rules(is_strict=True)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


class Source:
    """A document, and the clock by which it is fetched."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.entries = list(entries)
        self.now, self.fetches, self.is_down = 1e6, 0, False
        self.jwks = Jwks(self.read, lambda: self.now)

    def read(self) -> bytes:
        self.fetches += 1
        if self.is_down:
            raise OutgoingError("down")
        return json.dumps({"keys": self.entries}).encode()

    def finds(self, kid: str | None) -> bool:
        return self.jwks.find(kid) is not None

    def is_unavailable(self, kid: str | None) -> bool:
        with pytest.raises(Unavailable) as caught:
            self.jwks.find(kid)
        assert caught.value.code == "issuer_unavailable"
        return 1 <= (caught.value.retry_after or 0) <= 30


def test_keys_are_fetched_once_in_ten_minutes() -> None:
    source = Source(jwk(EC_KEY, "a"))
    assert source.finds("a")
    source.now += 599
    assert source.finds("a")
    assert source.fetches == 1
    source.entries = [jwk(EC_KEY, "b")]
    source.now += 2
    assert not source.finds("a")
    assert source.finds("b")
    assert source.fetches == 2


def test_an_unknown_key_is_fetched_at_most_once_in_thirty_seconds() -> None:
    source = Source(jwk(EC_KEY, "a"))
    assert source.finds("a")
    source.entries.append(jwk(RSA_KEY, "b"))
    assert not source.finds("b")
    source.now += 30
    assert source.finds("b")
    for _ in range(5):
        assert not source.finds("c")
    assert source.fetches == 2


def test_known_keys_stay_valid_for_a_day_while_the_issuer_is_down() -> None:
    source = Source(jwk(EC_KEY, "a"))
    assert source.finds("a")
    source.is_down = True
    source.now += 601
    assert source.finds("a")
    assert source.is_unavailable("b")
    assert source.fetches == 2
    source.now += 86_400 - 602
    assert source.finds("a")
    source.now += 2
    assert source.is_unavailable("a")
    source.is_down = False
    assert source.is_unavailable("a")
    source.now += 30
    assert source.finds("a")


def test_a_token_without_kid_needs_an_issuer_with_one_key() -> None:
    source = Source(jwk(EC_KEY, "a"), {"kty": "oct", "k": "AAAA"})
    assert source.finds(None)
    source.entries = [jwk(EC_KEY), jwk(RSA_KEY)]
    source.now += 601
    assert not source.finds(None)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        "text",
        {"kty": "oct", "k": "c2VjcmV0"},
        jwk(RSA_KEY, use="enc"),
        jwk(RSA_KEY, alg="RS512"),
        jwk(RSA_KEY, alg="ES256"),
        jwk(RSA_KEY, key_ops=["sign"]),
        jwk(RSA_KEY, key_ops="verify"),
        jwk(rsa.generate_private_key(65537, 1024)),
        jwk(RSA_KEY) | {"n": None},
        jwk(RSA_KEY) | {"e": "AA"},
        jwk(RSA_KEY) | {"n": "ä"},
        jwk(EC_KEY) | {"crv": "P-384"},
        jwk(EC_KEY) | {"x": "AAAA"},
        {"kty": "EC", "crv": "P-256", "x": "AA"},
    ],
)
def test_an_entry_that_can_not_be_used_is_ignored(entry: Any) -> None:
    document = json.dumps({"keys": [entry, jwk(EC_KEY, "good", use="sig", alg="ES256", key_ops=["verify"])]})
    assert [kid for kid, _ in parse(document.encode())] == ["good"]


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"keys": {}}', b"<html>", b'{"keys": null}'])
def test_another_document_is_no_jwks(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"JWKS|JSON|unexpected|[Ii]nput"):
        parse(document)


def test_keys_can_be_in_a_file(tmp_path: Path) -> None:
    place = tmp_path / "keys.json"
    place.write_text(json.dumps({"keys": [jwk(RSA_KEY, "a")]}))
    source = Jwks(reader(str(place), STRICT))
    assert source.find("a")
    place.unlink()
    assert source.find("a")


def slow(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(50):
        try:
            request.wfile.write(b" ")
            request.wfile.flush()
        except OSError:
            return
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("respond", "reason"),
    [
        (body(500, b"{}"), "status 500"),
        (body(302, b"", Location="/keys.json?again"), "status 302"),
        (body(200, b" " * (MAX_BYTES + 1)), "larger"),
        (body(200, b"{}", **{"Content-Length": "3"}), "shorter|Incomplete"),
    ],
)
def test_responses_that_are_not_accepted(respond: Callable[[BaseHTTPRequestHandler], None], reason: str) -> None:
    with KeyServer(respond) as server:
        with pytest.raises(OutgoingError, match=reason):
            reader(server.url, ANYWHERE)()
        assert server.requests == 1
        server.respond = keys(jwk(EC_KEY, "a"))
        assert parse(reader(server.url, ANYWHERE)())


def test_a_slow_response_is_given_up() -> None:
    with KeyServer(slow) as server:
        began = time.monotonic()
        with pytest.raises(OutgoingError, match="in time"):
            fetch(server.url, ANYWHERE, seconds=0.5, max_bytes=1000)
        assert time.monotonic() < began + 4


def test_a_server_that_is_down() -> None:
    with KeyServer(keys()) as server:
        url = server.url
    with pytest.raises(OutgoingError):
        fetch(url, ANYWHERE, seconds=2, max_bytes=1000)


def test_no_request_goes_to_a_private_address(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("203.0.114.1", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr("chatapp.core.outgoing.socket.getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr("chatapp.core.outgoing.socket.create_connection", lambda *_: pytest.fail("it has connected"))
    with pytest.raises(OutgoingError, match="is not public"):
        fetch("https://app.example.org/keys.json", STRICT, seconds=2, max_bytes=1000)


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example.org/keys",
        "ftp://app.example.org/keys",
        "https:///keys",
        "https://user@app.example.org/",
        "https://app.example.org:22/",
        "https://app.example.org:99999/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest",
    ],
)
def test_urls_that_production_refuses(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|must not|not public|[Pp]ort"):
        check_url(url, STRICT)


def test_networks_can_be_allowed() -> None:
    rules = Rules(is_strict=True, networks=(ip_network("10.0.0.0/8"),))
    assert check_url("https://10.1.2.3/keys", rules)
    with pytest.raises(ValueError, match="not public"):
        check_url("https://192.168.1.1/keys", rules)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.1.1", "172.16.0.1", "192.168.0.1", "224.0.0.1"),
        *("255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"),
        *("2002:a00:1::", "2001:0:a00:1::", "2001:db8::1"),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_public_addresses(address: str) -> None:
    assert is_public(ip_address(address))
