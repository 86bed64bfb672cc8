"""Permissions of routes: every route × every kind of user. A route that is missing here fails the build."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.authorisation.conftest import A_PDF, PEOPLE, Scene, new_scene
from tests.people import PASSWORD, Person, data, problem
from tests.server import Server

ANYONE = (200,) * 6
MEMBERS = (404, 404, 200, 200, 404, 404)
GROUP_ADMIN = (404, 404, 403, 200, 404, 404)
ADMIN = (403, 403, 403, 403, 403, 200)


Body = Callable[[Scene], dict[str, Any] | None]


def nothing(_scene: Scene) -> None:
    """No body."""


def empty(_scene: Scene) -> dict[str, Any]:
    """A body that changes nothing, or that only public routes refuse."""
    return {}


# route → body, and what each of PEOPLE gets; 200 stands for any success.
MATRIX: dict[str, tuple[Body, tuple[int, ...]]] = {
    "POST /auth/register": (empty, (422,) * 6),
    "POST /auth/login": (empty, (422,) * 6),
    # An access token is no refresh token.
    "POST /auth/refresh": (empty, (401,) * 6),
    "POST /auth/logout": (nothing, ANYONE),
    "GET /users/me": (nothing, ANYONE),
    "PATCH /users/me": (empty, ANYONE),
    "GET /users/search": (nothing, ANYONE),
    "GET /users/{username}": (nothing, ANYONE),
    "GET /chats": (nothing, ANYONE),
    "POST /chats/direct": (lambda scene: {"userId": scene.stranger.id}, ANYONE),
    "POST /chats/groups": (lambda scene: {"name": "New"}, ANYONE),
    "GET /chats/{chatId}": (nothing, MEMBERS),
    "GET /chats/{chatId}/members": (nothing, MEMBERS),
    "PATCH /chats/{chatId}": (lambda scene: {"name": "Other"}, GROUP_ADMIN),
    "DELETE /chats/{chatId}": (nothing, GROUP_ADMIN),
    "POST /chats/{chatId}/members": (lambda scene: {"userId": scene.stranger.id}, GROUP_ADMIN),
    "DELETE /chats/{chatId}/members/{userId}": (nothing, GROUP_ADMIN),
    "PATCH /chats/{chatId}/members/{userId}/role": (lambda scene: {"role": "ADMIN"}, GROUP_ADMIN),
    "DELETE /chats/{chatId}/leave": (nothing, MEMBERS),
    "GET /messages/{id}": (nothing, MEMBERS),
    "POST /messages/upload": (lambda scene: {"chatId": scene.chat_id}, MEMBERS),
    "GET /uploads/{fileName}": (nothing, MEMBERS),
    "POST /messages": (lambda scene: {"chatId": scene.chat_id, "content": "x"}, MEMBERS),
    "PATCH /messages/{id}": (lambda scene: {"content": "x"}, (404, 404, 403, 403, 404, 404)),
    "DELETE /messages/{id}": (nothing, (404, 404, 403, 200, 200, 200)),
    "POST /messages/{chatId}/read": (nothing, MEMBERS),
    "GET /messages/{messageId}/statuses": (nothing, MEMBERS),
    "POST /sync": (lambda scene: {"chats": {}}, ANYONE),
    "GET /admin/users": (nothing, ADMIN),
    "PATCH /admin/users/{userId}": (empty, ADMIN),
}
PUBLIC = {"POST /auth/register", "POST /auth/login", "POST /auth/refresh"}


def call(server: Server, route: str, scene: Scene, token: str | None) -> requests.Response:
    method, path = route.split()
    parts = {
        "{chatId}": scene.chat_id,
        "{messageId}": scene.message_id,
        "{id}": scene.chat_id if method == "GET" else scene.message_id,
        "{fileName}": scene.file_name,
        "{userId}": scene.author.id,
        "{username}": scene.author.name,
    }
    for part, value in parts.items():
        path = path.replace(part, value)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    query = {"q": "a"} if path.endswith("/search") else {}
    body = MATRIX[route][0](scene)
    url = server.url + (path if path.startswith("/uploads/") else f"/api/v1{path}")
    if path.endswith("/upload"):
        return requests.post(url, data=body, files={"file": ("notes.pdf", A_PDF)}, headers=headers, timeout=20)
    return requests.request(method, url, json=body, params=query, headers=headers, timeout=20)


def test_the_matrix_lists_every_route(server: Server) -> None:
    paths = requests.get(f"{server.url}/api/v1/openapi.json", timeout=20).json()["paths"]
    routes = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, operations in paths.items()
        for method in operations
        if method != "parameters"
    }
    assert routes == set(MATRIX)


@pytest.mark.parametrize("token", [None, "not.a.token"])
@pytest.mark.parametrize("route", sorted(set(MATRIX) - PUBLIC))
def test_every_route_needs_a_valid_token(server: Server, lasting_scene: Scene, route: str, token: str | None) -> None:
    assert problem(call(server, route, lasting_scene, token)) == (401, "token_invalid")


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("route", sorted(MATRIX))
def test_responses_match_the_matrix(
    server: Server, people: dict[str, Person], lasting_scene: Scene, route: str, who: str
) -> None:
    person = people[who]
    expected = MATRIX[route][1][PEOPLE.index(who)]
    scene = new_scene(people) if expected == 200 and not route.startswith("GET ") else lasting_scene
    if route == "POST /auth/logout":
        account = {"username": person.name, "password": PASSWORD}
        person = Person(server.url, data(requests.post(f"{server.url}/api/v1/auth/login", json=account, timeout=20)))
    response = call(server, route, scene, person.token)
    if expected == 200:
        assert response.ok, response.text
    else:
        code = {401: "token_invalid", 403: "forbidden", 404: "not_found", 422: "validation_error"}[expected]
        assert problem(response) == (expected, code)


def test_moderators_who_are_members_delete_and_do_not_edit(people: dict[str, Person], scene: Scene) -> None:
    moderator, owner = people["moderator"], people["group_admin"]
    assert owner.post(f"/chats/{scene.chat_id}/members", {"userId": moderator.id}).status_code == 201
    assert problem(moderator.patch(f"/messages/{scene.message_id}", {"content": "x"})) == (403, "forbidden")
    assert moderator.delete(f"/messages/{scene.message_id}").status_code == 204


def test_former_members_can_not_change_their_messages(people: dict[str, Person], scene: Scene) -> None:
    assert scene.author.delete(f"/chats/{scene.chat_id}/leave").status_code == 204
    path = f"/messages/{scene.message_id}"
    assert problem(scene.author.patch(path, {"content": "x"})) == (404, "not_found")
    assert problem(scene.author.delete(path)) == (404, "not_found")


def test_direct_chats_refuse_group_operations(alice: Person, bob: Person, carol: Person) -> None:
    chat = f"/chats/{alice.direct_chat(bob)}"
    responses = [
        alice.patch(chat, {"name": secrets.token_hex(2)}),
        alice.delete(chat),
        alice.post(f"{chat}/members", {"userId": carol.id}),
        alice.delete(f"{chat}/members/{bob.id}"),
        alice.patch(f"{chat}/members/{bob.id}/role", {"role": "ADMIN"}),
        alice.delete(f"{chat}/leave"),
    ]
    assert [problem(response) for response in responses] == [(409, "not_a_group")] * 6
    assert problem(carol.delete(f"{chat}/leave")) == (404, "not_found")
