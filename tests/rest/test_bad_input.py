"""Malformed requests get a clear response too."""

import gzip
import json
import socket
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlparse

import pytest
import requests

from tests.people import Backend, Person, data, problem
from tests.server import Server

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("body", [b"{", b"nonsense", b"{'a': 1}", b'{"a": 1,}', b"\xff\xfe", b'{"a": NaN}'])
def test_malformed_json_and_invalid_field_have_different_errors(alice: Person, body: bytes) -> None:
    assert problem(alice.request("POST", "/messages", data=body, headers=JSON)) == (400, "malformed_json")


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"null", b"[[[[]]]]"])
def test_body_must_be_an_object(alice: Person, body: bytes) -> None:
    assert problem(alice.request("POST", "/messages", data=body, headers=JSON)) == (422, "validation_error")


def test_deeply_nested_json_is_refused(alice: Person) -> None:
    status, _ = problem(alice.request("POST", "/messages", data=b'{"a":' * 5000 + b"1" + b"}" * 5000, headers=JSON))
    assert status in (400, 422)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_a_body_of_another_type_is_refused(alice: Person, kind: str) -> None:
    response = alice.request("POST", "/messages", data=b"{}", headers={"Content-Type": kind})
    assert problem(response) == (415, "unsupported_media_type")


def test_a_body_without_a_type_is_refused(alice: Person) -> None:
    assert problem(alice.request("POST", "/messages", data=b"{}")) == (415, "unsupported_media_type")


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "GZIP", "identity, gzip"])
def test_a_compressed_body_is_refused(alice: Person, coding: str) -> None:
    headers = JSON | {"Content-Encoding": coding}
    response = alice.request("POST", "/messages", data=gzip.compress(b"{}"), headers=headers)
    assert problem(response) == (415, "unsupported_media_type")
    assert "Content-Encoding" in response.json()["detail"]
    form = {"Content-Type": "multipart/form-data; boundary=x", "Content-Encoding": coding}
    response = alice.request("POST", "/messages/upload", data=gzip.compress(b"--x--"), headers=form)
    assert problem(response) == (415, "unsupported_media_type")


def test_the_identity_coding_is_no_compression(alice: Person, bob: Person) -> None:
    body = json.dumps({"userId": bob.id})
    response = alice.request("POST", "/chats/direct", data=body, headers=JSON | {"Content-Encoding": "identity"})
    assert response.status_code == 201


def test_a_byte_order_mark_before_json_is_skipped(alice: Person, bob: Person) -> None:
    body = b"\xef\xbb\xbf" + json.dumps({"userId": bob.id}).encode()
    assert alice.request("POST", "/chats/direct", data=body, headers=JSON).status_code == 201


@pytest.mark.parametrize("body", [b'{"a": "\\ud800', b'{"a": "\\ud800", "b": NaN}', b'{"a": "\\ud800"' + b"[" * 5000])
def test_malformed_json_with_unpaired_surrogate_is_refused(alice: Person, body: bytes) -> None:
    assert problem(alice.request("POST", "/messages", data=body, headers=JSON)) == (400, "malformed_json")


def test_a_huge_body_is_refused(alice: Person) -> None:
    response = alice.request("POST", "/messages", data=b'{"content": "' + b"x" * 300_000 + b'"}', headers=JSON)
    assert problem(response) == (413, "body_too_large")


def test_huge_body_without_content_length_is_refused(alice: Person) -> None:
    chunks = iter([b'{"content": "', b"x" * 300_000, b'"}'])
    assert problem(alice.request("POST", "/messages", data=chunks, headers=JSON)) == (413, "body_too_large")


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"2\r\n{}}}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n"])
def test_a_body_in_broken_chunks_is_malformed(server: Server, alice: Person, chunks: bytes) -> None:
    where = urlparse(server.url)
    connection = HTTPConnection(str(where.hostname), where.port, timeout=20)
    connection.putrequest("POST", "/api/v1/messages")
    for name, value in (JSON | {"Transfer-Encoding": "chunked", "Authorization": f"Bearer {alice.token}"}).items():
        connection.putheader(name, value)
    connection.endheaders(chunks)
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["code"]) == (400, "malformed_json")
    connection.close()


def test_long_query_is_a_validation_error(alice: Person) -> None:
    assert problem(alice.get("/users/search", q="x" * 8000)) == (422, "validation_error")


@pytest.mark.parametrize(
    ("head", "error"),
    [
        (b"nonsense\r\n\r\n", (400, "bad_request")),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", (400, "bad_request")),
        (b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\n\r\n", (414, "uri_too_long")),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 10_000 + b"\r\n\r\n", (431, "headers_too_large")),
    ],
)
def test_invalid_http_is_a_problem(server: Server, head: bytes, error: tuple[int, str]) -> None:
    where = urlparse(server.url)
    with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
        connection.sendall(head)
        response = HTTPResponse(connection)
        response.begin()
        body = json.loads(response.read())
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (response.status, body["code"]) == error
    assert set(body) == {"type", "title", "status", "detail", "code"}


def test_truncated_body_is_not_treated_as_empty(server: Server, alice: Person) -> None:
    where = urlparse(server.url)
    head = (
        f"POST /api/v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\nContent-Length: 9\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port), timeout=20) as connection:
        connection.sendall(head.encode())
        connection.shutdown(socket.SHUT_WR)
        response = HTTPResponse(connection)
        response.begin()
        assert (response.status, json.loads(response.read())["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("path", ["/nothing", "/users/me/more", "/chats/direct/x"])
def test_an_unknown_path_is_not_found(alice: Person, path: str) -> None:
    assert problem(alice.get(path)) == (404, "not_found")


def test_wrong_method_lists_allowed_methods(alice: Person) -> None:
    response = alice.delete("/users/me")
    assert problem(response) == (405, "method_not_allowed")
    assert {"GET", "PATCH"} <= _allowed(response)


@pytest.mark.parametrize("path", ["/server/users/lookup", "/server/chats/direct"])
def test_allow_lists_no_methods_of_paths_with_an_id(backend: Backend, path: str) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        response = backend.request(method, path)
        assert problem(response) == (405, "method_not_allowed")
        # An external id may have any name, for PUT without `ext:`.
        assert _allowed(response) == {"POST", "PUT", "OPTIONS"}
    prefix, _, name = path.rpartition("/")
    data(backend.put(path, {"name": "Group"} if "chats" in path else {}))
    for same in (f"{prefix}/ext:{name}", f"{prefix}/ext%3A{name}"):
        assert data(backend.get(same))["externalId"] == name


def _allowed(response: requests.Response) -> set[str]:
    return {method.strip() for method in response.headers["Allow"].split(",")}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Basic YTpi",
        "Token x",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
        "Bearer \xe9",
    ],
)
def test_invalid_token_reveals_nothing(server: Server, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    response = requests.get(f"{server.url}/api/v1/users/me", headers=headers, timeout=20)
    assert problem(response) == (401, "token_invalid")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_unauthenticated_requests_are_not_validated(server: Server) -> None:
    response = requests.post(f"{server.url}/api/v1/messages", data=b"{", headers=JSON, timeout=20)
    assert problem(response) == (401, "token_invalid")


def test_forwarded_headers_do_not_change_the_path(server: Server) -> None:
    response = requests.get(f"{server.url}/healthz", headers={"SCRIPT_NAME": "/healthz"}, timeout=20)
    assert (response.status_code, response.json()["status"]) == (200, "ok")
