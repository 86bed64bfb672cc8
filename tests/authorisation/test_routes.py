"""Permissions of routes: every route × every kind of user. A route that is missing here fails the build."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest
import requests

from chatapp.core.ids import new_id
from tests.authorisation.conftest import A_PDF, PEOPLE, Scene, new_scene
from tests.files.samples import image
from tests.people import PASSWORD, Person, data, problem
from tests.server import Server

ANYONE = (200,) * 6
MEMBERS = (404, 404, 200, 200, 404, 404)
GROUP_ADMIN = (404, 404, 403, 200, 404, 404)
ADMIN = (403, 403, 403, 403, 403, 200)
# Only for API keys.
KEY = (403,) * 6
MODERATORS = (403, 403, 403, 403, 200, 200)
# Of an object that does not exist.
UNKNOWN_TO_ADMIN = (403, 403, 403, 403, 403, 404)


UNKNOWN_ID = "00000000-0000-7000-8000-00000000000f"
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
    "GET /auth/sessions": (nothing, ANYONE),
    "DELETE /auth/sessions": (nothing, ANYONE),
    # The session of another user.
    "DELETE /auth/sessions/{sessionId}": (nothing, (404,) * 6),
    # An empty body.
    "POST /auth/password/change": (empty, (422,) * 6),
    "POST /auth/password/reset": (empty, (422,) * 6),
    "POST /auth/exchange": (empty, (422,) * 6),
    "GET /users/me": (nothing, ANYONE),
    "PATCH /users/me": (empty, ANYONE),
    "GET /users/me/settings": (nothing, ANYONE),
    "PATCH /users/me/settings": (empty, ANYONE),
    "GET /users/me/blocks": (nothing, ANYONE),
    "PUT /users/me/blocks/{userId}": (nothing, ANYONE),
    "DELETE /users/me/blocks/{userId}": (nothing, ANYONE),
    "GET /users/search": (nothing, ANYONE),
    "GET /search/messages": (nothing, ANYONE),
    "GET /search/chats": (nothing, ANYONE),
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
    "GET /chats/{chatId}/messages/{messageId}": (nothing, MEMBERS),
    "GET /chats/{chatId}/files": (nothing, MEMBERS),
    "GET /users/me/mentions": (nothing, ANYONE),
    "GET /users/me/unread": (nothing, ANYONE),
    "PATCH /chats/{chatId}/me": (lambda _scene: {"isArchived": True}, MEMBERS),
    "POST /chats/{chatId}/clear": (empty, MEMBERS),
    "POST /messages/hide": (lambda scene: {"messageIds": [scene.message_id]}, MEMBERS),
    "PUT /chats/{chatId}/draft": (lambda _scene: {"content": "x"}, MEMBERS),
    # Nobody in the scene has one.
    "GET /chats/{chatId}/draft": (nothing, (404,) * 6),
    "DELETE /chats/{chatId}/draft": (nothing, MEMBERS),
    "POST /chats/{chatId}/signal": (lambda scene: {"name": "x"}, MEMBERS),
    "POST /messages/upload": (lambda scene: {"chatId": scene.chat_id}, MEMBERS),
    "GET /uploads/{fileName}": (nothing, MEMBERS),
    "GET /avatars/{name}": (nothing, (404,) * 6),
    "PUT /users/me/avatar": (nothing, ANYONE),
    "DELETE /users/me/avatar": (nothing, ANYONE),
    "PUT /server/users/{user}/avatar": (nothing, ADMIN),
    "DELETE /server/users/{user}/avatar": (nothing, ADMIN),
    "PUT /server/chats/{chat}/avatar": (nothing, KEY),
    "DELETE /server/chats/{chat}/avatar": (nothing, KEY),
    "PUT /chats/{chatId}/avatar": (nothing, GROUP_ADMIN),
    "DELETE /chats/{chatId}/avatar": (nothing, GROUP_ADMIN),
    "POST /messages": (lambda scene: {"chatId": scene.chat_id, "content": "x"}, MEMBERS),
    "PATCH /messages/{id}": (lambda scene: {"content": "x"}, (404, 404, 403, 403, 404, 404)),
    "DELETE /messages/{id}": (nothing, (404, 404, 403, 200, 200, 200)),
    "PUT /messages/{messageId}/pin": (nothing, GROUP_ADMIN),
    "DELETE /messages/{messageId}/pin": (nothing, GROUP_ADMIN),
    "GET /chats/{chatId}/pins": (nothing, MEMBERS),
    "GET /messages/{messageId}/versions": (nothing, MEMBERS),
    "POST /messages/forward": (
        lambda scene: {"messageIds": [scene.message_id], "chatIds": [scene.chat_id], "clientId": new_id()},
        MEMBERS,
    ),
    "POST /messages/{chatId}/read": (nothing, MEMBERS),
    "GET /messages/{messageId}/statuses": (nothing, MEMBERS),
    "GET /messages/{messageId}/reactions": (nothing, MEMBERS),
    "PUT /messages/{messageId}/reactions/{emoji}": (nothing, MEMBERS),
    "DELETE /messages/{messageId}/reactions/{emoji}": (nothing, MEMBERS),
    "POST /sync": (lambda scene: {"chats": {}}, ANYONE),
    "GET /server/chats": (nothing, ADMIN),
    "GET /server/chats/{chat}": (nothing, ADMIN),
    "PUT /server/chats/{chat}": (lambda scene: {"name": "x"}, KEY),
    "PATCH /server/chats/{chat}": (lambda scene: {"name": "x"}, KEY),
    "DELETE /server/chats/{chat}": (nothing, KEY),
    "POST /server/chats/direct": (lambda scene: {"userIds": [scene.author.id, scene.stranger.id]}, KEY),
    "POST /server/chats/{chat}/members": (lambda scene: {"userIds": [scene.stranger.id]}, KEY),
    "PATCH /server/chats/{chat}/members/{user}": (lambda scene: {"role": "ADMIN"}, KEY),
    "DELETE /server/chats/{chat}/members/{user}": (nothing, KEY),
    "GET /server/chats/{chat}/messages": (nothing, KEY),
    "POST /server/chats/{chat}/messages": (lambda scene: {"content": "x"}, KEY),
    "PATCH /server/messages/{messageId}": (lambda scene: {"content": "x"}, KEY),
    "DELETE /server/messages/{messageId}": (nothing, KEY),
    "GET /admin/users": (nothing, ADMIN),
    "PATCH /admin/users/{userId}": (empty, ADMIN),
    "GET /capabilities": (nothing, ANYONE),
    "POST /admin/keys": (lambda _scene: {"name": "key", "scopes": []}, ADMIN),
    "GET /admin/keys": (nothing, ADMIN),
    "PATCH /admin/keys/{keyId}": (empty, UNKNOWN_TO_ADMIN),
    "POST /admin/keys/{keyId}/rotate": (empty, UNKNOWN_TO_ADMIN),
    "DELETE /admin/keys/{keyId}": (nothing, UNKNOWN_TO_ADMIN),
    "GET /admin/audit": (nothing, ADMIN),
    "POST /reports": (lambda scene: {"messageId": scene.message_id, "reason": "spam"}, MEMBERS),
    "GET /admin/reports": (nothing, MODERATORS),
    # No report has the id.
    "PATCH /admin/reports/{reportId}": (empty, (403, 403, 403, 403, 404, 404)),
    "GET /admin/state": (nothing, ADMIN),
    "GET /admin/jobs": (nothing, ADMIN),
    # No job has the id of a chat.
    "GET /server/jobs/{id}": (nothing, (403, 403, 403, 403, 403, 404)),
    # Administrators issue no tokens.
    "POST /server/tokens": (lambda scene: {"userId": scene.stranger.id}, (403,) * 6),
    "GET /server/users/{user}/sessions": (nothing, ADMIN),
    "DELETE /server/users/{user}/sessions": (nothing, ADMIN),
    "DELETE /server/users/{user}/sessions/{sessionId}": (nothing, (403, 403, 403, 403, 403, 404)),
    "POST /server/users/{user}/revoke-tokens": (empty, ADMIN),
    "PUT /server/users/{user}": (empty, ADMIN),
    "POST /server/users": (lambda scene: {"users": [{"externalId": "matrix"}]}, ADMIN),
    "GET /server/users": (nothing, ADMIN),
    "POST /server/users/lookup": (lambda scene: {"externalIds": ["matrix"]}, ADMIN),
    "GET /server/users/{user}": (nothing, ADMIN),
    "PATCH /server/users/{user}": (empty, ADMIN),
    "DELETE /server/users/{user}": (nothing, UNKNOWN_TO_ADMIN),
    "POST /server/users/{user}/deactivate": (nothing, ADMIN),
    "POST /server/users/{user}/reactivate": (nothing, ADMIN),
    "POST /server/presence": (lambda scene: {"userIds": [scene.author.id]}, ADMIN),
    "POST /server/unread": (lambda scene: {"userIds": [scene.author.id]}, ADMIN),
}
PUBLIC = {
    "GET /avatars/{name}",
    "GET /capabilities",
    "POST /auth/register",
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/password/reset",
    "POST /auth/exchange",
}


def call(server: Server, route: str, scene: Scene, token: str | None) -> requests.Response:
    method, path = route.split()
    parts = {
        "{chatId}": scene.chat_id,
        "{chat}": scene.chat_id,
        "{messageId}": scene.message_id,
        "{id}": scene.chat_id if method == "GET" else scene.message_id,
        "{fileName}": scene.file_name,
        "{userId}": scene.spare.id if "/blocks/" in path else scene.author.id,
        "{username}": scene.author.name,
        "{keyId}": UNKNOWN_ID,
        "{reportId}": UNKNOWN_ID,
        "{emoji}": ":wave:",
        "{user}": {"PUT /server/users/{user}": "matrix", "DELETE /server/users/{user}": UNKNOWN_ID}.get(
            route, scene.spare.id
        ),
        "{sessionId}": scene.stranger.id,
        "{name}": f"{'0' * 32}.webp",
    }
    for part, value in parts.items():
        path = path.replace(part, value)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    query = {"q": "a"} if "/search" in path else {}
    body = MATRIX[route][0](scene)
    url = server.url + (path if path.startswith(("/uploads/", "/avatars/")) else f"/api/v1{path}")
    if path.endswith("/upload"):
        return requests.post(url, data=body, files={"file": ("notes.pdf", A_PDF)}, headers=headers, timeout=20)
    if method == "PUT" and path.endswith("/avatar"):
        return requests.put(url, files={"file": ("a.png", image("PNG"))}, headers=headers, timeout=20)
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
