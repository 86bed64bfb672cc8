"""Requests to addresses that the operator configures, by the rules of `networks.py`.

The connection goes to an address that was checked, whatever the name resolves to a moment later. Redirects are not
followed, proxies of the environment are not used, and the time and the size of a response are bounded.
"""

import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import ip_address
from urllib.parse import SplitResult

import gevent

from chatapp.core.networks import Rules, check_url, require_allowed

_CHUNK = 8192


class OutgoingError(Exception):
    """A request was not sent, or has no complete response; the message says why, for the log."""


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response, of any status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def fetch(
    url: str,
    rules: Rules,
    *,
    seconds: float,
    max_bytes: int,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Send a request and read its response within `seconds`; raises OutgoingError."""
    deadline = time.monotonic() + seconds
    try:
        with gevent.Timeout(seconds, TimeoutError("no complete response in time")):
            parts = check_url(url, rules)
            connection = _connect(parts, rules, seconds)
            try:
                target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
                connection.request(method, target, body, dict(headers or {}))
                return _read(connection.getresponse(), max_bytes, deadline)
            finally:
                connection.close()
    except (OSError, HTTPException, ValueError) as error:
        raise OutgoingError(str(error) or type(error).__name__) from error


def _connect(parts: SplitResult, rules: Rules, seconds: float) -> HTTPConnection:
    """A connection to the first address of the host that accepts one; all addresses must be allowed."""
    host, is_encrypted = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if is_encrypted else 80)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    for address in addresses:
        require_allowed(ip_address(address.partition("%")[0]), rules)
    failure: OSError = OSError("the name has no address")
    for address in addresses:
        connection = _Connection(host, port, address, seconds, is_encrypted=is_encrypted)
        try:
            connection.connect()
            return connection
        except OSError as error:
            connection.close()
            failure = error
    raise failure


class _Connection(HTTPConnection):
    """A connection to one address of a host."""

    def __init__(self, host: str, port: int, address: str, seconds: float, *, is_encrypted: bool) -> None:
        super().__init__(host, port, timeout=seconds)
        self._address, self._is_encrypted = address, is_encrypted
        # Otherwise the header Host would contain the port.
        self.default_port = 443 if is_encrypted else 80

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        try:
            context = ssl.create_default_context() if self._is_encrypted else None
            self.sock = context.wrap_socket(plain, server_hostname=self.host) if context else plain
        except BaseException:
            plain.close()
            raise


def _read(response: HTTPResponse, max_bytes: int, deadline: float) -> Response:
    body = bytearray()
    while chunk := response.read1(_CHUNK):
        body += chunk
        if len(body) > max_bytes:
            raise ValueError(f"the response is larger than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError("no complete response in time")
    if response.length:
        raise ValueError("the response is shorter than its declared length")
    return Response(response.status, {name.lower(): value for name, value in response.getheaders()}, bytes(body))
