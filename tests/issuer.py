"""An app that issues JWTs, and serves the public keys with which they are verified."""

import base64
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ISSUER, AUDIENCE = "https://app.example.org", "chat"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def claims(external_id: str, **changes: Any) -> dict[str, Any]:
    """The claims of a valid token; None removes a claim."""
    now = int(time.time())
    usual = {"sub": external_id, "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 3600}
    return {name: value for name, value in (usual | changes).items() if value is not None}


def number(value: int) -> str:
    raw = value.to_bytes((value.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwk(key: PrivateKey, kid: str | None = None, **members: Any) -> dict[str, Any]:
    """The public key of an entry."""
    public = key.public_key().public_numbers()
    if isinstance(public, rsa.RSAPublicNumbers):
        entry = {"kty": "RSA", "n": number(public.n), "e": number(public.e)}
    else:
        coordinates = (base64.urlsafe_b64encode(c.to_bytes(32)).rstrip(b"=").decode() for c in (public.x, public.y))
        entry = {"kty": "EC", "crv": "P-256"} | dict(zip("xy", coordinates, strict=True))
    return entry | ({"kid": kid} if kid else {}) | members


def sign(key: PrivateKey, payload: dict[str, Any], **headers: Any) -> str:
    """A token with this payload."""
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    return jwt.encode(payload, key, algorithm, headers=headers or None)


class KeyServer:
    """A server on this machine whose responses a test chooses; `requests` counts them."""

    def __init__(self, respond: Callable[[BaseHTTPRequestHandler], None]) -> None:
        owner = self
        self.respond = respond
        self.requests = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.requests += 1
                owner.respond(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys.json"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def body(status: int, content: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """A response that is always the same."""

    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            request.send_header(name, value)
        request.end_headers()
        try:
            request.wfile.write(content)
        except OSError:
            pass  # The client has seen enough.

    return respond


def keys(*entries: dict[str, Any]) -> Callable[[BaseHTTPRequestHandler], None]:
    """A response with a JWKS."""
    return body(200, json.dumps({"keys": entries}).encode())
