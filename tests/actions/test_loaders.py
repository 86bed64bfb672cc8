"""What is derived from schemas is made once, not for each request."""

import io
import secrets
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from chatapp.core.schemas import loader_of
from tests.files.samples import PDF
from tests.people import PASSWORD


def register(client: FlaskClient) -> Any:
    name = f"x_{secrets.token_hex(6)}"
    body = {"email": f"{name}@example.org", "username": name, "password": PASSWORD}
    return client.post("/api/v1/auth/register", json=body).json["data"]  # type: ignore[index]


def test_uploads_make_no_new_loaders(app: Flask) -> None:
    client = app.test_client()
    alice, bob = register(client), register(client)
    headers = {"Authorization": f"Bearer {alice['accessToken']}"}
    body = {"userId": bob["user"]["id"]}
    chat = client.post("/api/v1/chats/direct", json=body, headers=headers).json["data"]["id"]  # type: ignore[index]

    def upload() -> int:
        form = {"chatId": chat, "content": "", "file": (io.BytesIO(PDF), "a.pdf", "application/pdf")}
        return client.post("/api/v1/messages/upload", data=form, headers=headers).status_code

    assert upload() == 201
    made = loader_of.cache_info().currsize
    assert [upload() for _ in range(3)] == [201] * 3
    assert loader_of.cache_info().currsize == made
