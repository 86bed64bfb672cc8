"""Test users of the REST API."""

import secrets
from pathlib import Path
from typing import Any

import requests

PASSWORD = "Correct4Horse"
TIMEOUT = 20


class Person:
    """A logged-in user. `id` and `name` are those of the account, `token` their access token.

    `certificate` is the file of a certificate that is trusted in addition to the usual ones.
    """

    def __init__(self, url: str, login: dict[str, Any], verify: Path | None = None) -> None:
        self.url = url
        self.id: str = login["user"]["id"]
        self.name: str = login["user"]["username"]
        self.email: str = login["user"]["email"]
        self.token: str = login["accessToken"]
        self.refresh_token: str = login["refreshToken"]
        self.certificate = verify
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Bearer {self.token}"
        # The environment may name proxies and certificates of its own.
        self._http.trust_env = False
        self._http.verify = str(verify) if verify else True

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """The response to a request for `/api/v1` + `path`."""
        return self._http.request(method, f"{self.url}/api/v1{path}", timeout=TIMEOUT, **options)

    def get(self, path: str, **query: Any) -> requests.Response:
        """GET with a query."""
        return self.request("GET", path, params=query)

    def post(self, path: str, body: Any = None) -> requests.Response:
        """POST a JSON body."""
        return self.request("POST", path, json=body)

    def patch(self, path: str, body: Any) -> requests.Response:
        """PATCH with a JSON body."""
        return self.request("PATCH", path, json=body)

    def delete(self, path: str) -> requests.Response:
        """DELETE."""
        return self.request("DELETE", path)

    def direct_chat(self, other: "Person") -> str:
        """The id of the direct chat with another user."""
        return str(data(self.post("/chats/direct", {"userId": other.id}))["id"])

    def group(self, *others: "Person", name: str = "Group") -> str:
        """The id of a new group with these members, of which the user is the ADMIN."""
        body = {"name": name, "memberIds": [other.id for other in others]}
        return str(data(self.post("/chats/groups", body))["id"])

    def send(self, chat_id: str, content: str, **fields: Any) -> dict[str, Any]:
        """Send a message; returns the `Message`."""
        return data(self.post("/messages", {"chatId": chat_id, "content": content, **fields}))  # type: ignore[no-any-return]

    def upload(
        self, chat_id: str, name: str, whole: bytes, declared: str | None = None, **fields: Any
    ) -> requests.Response:
        """The response to an upload; without a declared type none is sent."""
        file = (name, whole, declared) if declared else (name, whole)
        return self.request("POST", "/messages/upload", data={"chatId": chat_id, **fields}, files={"file": file})


class Backend:
    """A server that calls the REST API with an API key."""

    def __init__(self, url: str, key: str, id: str = "") -> None:
        self.url = url
        self.key = key
        self.id = id

    def request(self, method: str, path: str, *, act_as: str | None = None, **options: Any) -> requests.Response:
        """The response to a request for `/api/v1` + `path`, as the user of `act_as`."""
        headers = {"Authorization": f"Bearer {self.key}"} | ({"Act-As": act_as} if act_as else {})
        headers |= options.pop("headers", {})
        return requests.request(method, f"{self.url}/api/v1{path}", headers=headers, timeout=TIMEOUT, **options)

    def get(self, path: str, *, act_as: str | None = None, **query: Any) -> requests.Response:
        """GET with a query."""
        return self.request("GET", path, params=query, act_as=act_as)

    def post(self, path: str, body: Any = None, *, act_as: str | None = None) -> requests.Response:
        """POST a JSON body."""
        return self.request("POST", path, json=body, act_as=act_as)

    def put(self, path: str, body: Any = None, *, act_as: str | None = None) -> requests.Response:
        """PUT a JSON body."""
        return self.request("PUT", path, json=body, act_as=act_as)

    def patch(self, path: str, body: Any, *, act_as: str | None = None) -> requests.Response:
        """PATCH with a JSON body."""
        return self.request("PATCH", path, json=body, act_as=act_as)

    def delete(self, path: str, *, act_as: str | None = None) -> requests.Response:
        """DELETE."""
        return self.request("DELETE", path, act_as=act_as)


def register(url: str, name: str = "someone", password: str = PASSWORD, verify: Path | None = None) -> Person:
    """A new account whose name begins with `name`; `verify` is the file of a certificate to trust."""
    username = f"{name}_{secrets.token_hex(4)}"
    account = {"username": username, "email": f"{username}@example.org", "password": password}
    trusted = str(verify) if verify else True
    response = requests.post(f"{url}/api/v1/auth/register", json=account, timeout=TIMEOUT, verify=trusted)
    return Person(url, data(response), verify)


def data(response: requests.Response) -> Any:
    """The `data` of a success; AssertionError with the problem otherwise."""
    assert response.ok, f"{response.status_code}: {response.text}"
    assert response.headers["Content-Type"] == "application/json"
    return response.json()["data"]


def secret_part(key: str) -> str:
    """The secret of an API key: its last 43 characters, which can contain underscores too."""
    return key[-43:]


def problem(response: requests.Response) -> tuple[int, str]:
    """The status and code of a problem, after checking its format."""
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    body = response.json()
    assert body["status"] == response.status_code
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    assert body["type"] == f"/docs/errors#{body['code']}"
    return response.status_code, body["code"]
