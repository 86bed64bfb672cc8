"""REST endpoints of avatars."""

import re

from flask import Response, request

from chatapp import representations
from chatapp.core.errors import Json, NotFound
from chatapp.core.identity import Actor, Principal
from chatapp.core.references import PATH_SCHEMA, reference_in_path
from chatapp.features.avatars import actions
from chatapp.features.avatars.schemas import AvatarForm, SizeQuery
from chatapp.features.files.quota import UploadInProgress
from chatapp.features.files.storage import storage
from chatapp.features.server_chats.queries import find_group
from chatapp.representations.chat import ChatSchema, ServerChatSchema
from chatapp.representations.user import Me, MeSchema, ServerUser, ServerUserSchema
from chatapp.rest.limits import limit_downloads
from chatapp.rest.resource import DATABASE_UNAVAILABLE, FORM_ERRORS, NOT_VISIBLE, Resource

PARTS = {"chatId": {"description": "A group of which the caller is an ADMIN."}}
SERVER_PARTS = {
    name: {
        "description": "A UUID, or `ext:` and the external id, percent-encoded.",
        "schema": PATH_SCHEMA,
        "example": "ext:4711",
    }
    for name in ("user", "chat")
}
NAME = {
    "name": {
        "description": "The random name in an `avatar`.",
        "schema": {"type": "string", "maxLength": 40},
        "example": "0123456789abcdef0123456789abcdef.webp",
    }
}
UPLOAD_ERRORS = {
    415: f"{FORM_ERRORS[415]} The file is not an image of an accepted type, its content does not match its name or declared "
    "type, or it is too expensive to decode (`unsupported_file_type`).",
    422: "A field is invalid, or the crop is not inside the image (`validation_error`).",
    429: "A rate limit is exceeded (`rate_limited`): requests, uploads in progress, or uploaded bytes per day. "
    "Retry after `Retry-After` seconds.",
    503: f"{DATABASE_UNAVAILABLE} The server is busy (`busy`). The file storage is unavailable (`storage_unavailable`).",
}
GROUP_ERRORS = NOT_VISIBLE | {
    403: "The caller is not an ADMIN of the group (`forbidden`).",
    409: "The chat is a direct chat (`not_a_group`).",
}
MANAGED = {403: "Only the app of this server changes profiles (`profile_managed`)."}
USER_ERRORS = {
    404: "The user does not exist (`not_found`).",
    409: "A job is erasing the user (`job_running`).",
}
CHAT_ERRORS = {404: "The chat does not exist (`not_found`).", 409: "The chat is a direct chat (`not_a_group`)."}
# What a name shows never changes.
FOR_EVER = "public, max-age=31536000, immutable"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": FOR_EVER,
}
_NAME = re.compile(r"[0-9a-f]{32}\.webp")

resource = Resource("avatars", "", "Avatars of users and groups, by upload.", PARTS)
servers = Resource("server avatars", "/server", "Avatars of users and groups of your app.", SERVER_PARTS)
images = Resource("avatar images", "/avatars", "The pictures of avatars.", NAME, base="", limit=limit_downloads)


def _authorize_mine(actor: Actor, _known: Json) -> UploadInProgress:
    actions.authorize_me()
    return UploadInProgress(actor.user_id)


def _authorize_groups(actor: Actor, known: Json) -> UploadInProgress:
    actions.authorize_group(actor, known["chat_id"])
    return UploadInProgress(actor.user_id)


@resource.endpoint(
    "PUT",
    "/users/me/avatar",
    form=AvatarForm,
    authorize_upload=_authorize_mine,
    returns=MeSchema,
    errors=UPLOAD_ERRORS | MANAGED,
)
def set_my_avatar(actor: Actor, body: Json) -> Me:
    """Upload the caller's avatar.

    Accepted types: .jpg .jpeg .png .gif .webp. The server crops the picture to a square and stores it in two sizes, as
    WebP without metadata; `avatar` is its path. It replaces the previous one.
    """
    return actions.set_my_avatar(actor, **body)


@resource.endpoint("DELETE", "/users/me/avatar", returns=MeSchema, errors=MANAGED)
def remove_my_avatar(actor: Actor) -> Me:
    """Remove the caller's avatar.

    An uploaded picture is deleted within an hour.
    """
    return actions.remove_my_avatar(actor)


@resource.endpoint(
    "PUT",
    "/chats/<uuid:chatId>/avatar",
    form=AvatarForm,
    authorize_upload=_authorize_groups,
    returns=ChatSchema,
    errors=UPLOAD_ERRORS | GROUP_ERRORS,
)
def set_group_avatar(actor: Actor, chat_id: str, body: Json) -> representations.Chat:
    """Upload the avatar of a group.

    Requires the member role ADMIN. Otherwise as `PUT /users/me/avatar`.
    """
    return actions.set_group_avatar(actor, chat_id, **body)


@resource.endpoint("DELETE", "/chats/<uuid:chatId>/avatar", returns=ChatSchema, errors=GROUP_ERRORS)
def remove_group_avatar(actor: Actor, chat_id: str) -> representations.Chat:
    """Remove the avatar of a group.

    Requires the member role ADMIN. An uploaded picture is deleted within an hour.
    """
    return actions.remove_group_avatar(actor, chat_id)


def _authorize_users(principal: Principal, known: Json) -> UploadInProgress | None:
    actions.authorize_user(principal, reference_in_path(known["user"]))
    return _allowance(principal)


def _authorize_chats(principal: Principal, known: Json) -> UploadInProgress | None:
    find_group(reference_in_path(known["chat"]))
    return _allowance(principal)


def _allowance(principal: Principal) -> UploadInProgress | None:
    """That of a user with the role ADMIN; the limit of an API key bounds what it uploads."""
    return UploadInProgress(principal.id) if principal.id and principal.type == "user" else None


@servers.endpoint(
    "PUT",
    "/users/<user>/avatar",
    form=AvatarForm,
    authorize_upload=_authorize_users,
    returns=ServerUserSchema,
    scope="users",
    errors=UPLOAD_ERRORS | USER_ERRORS,
)
def set_user_avatar(principal: Principal, user: str, body: Json) -> ServerUser:
    """Upload the avatar of a user.

    As `PUT /users/me/avatar`. For a user whose role is not USER, it also requires the scope `admin`.
    """
    return actions.set_user_avatar(principal, reference_in_path(user), **body)


@servers.endpoint("DELETE", "/users/<user>/avatar", returns=ServerUserSchema, scope="users", errors=USER_ERRORS)
def remove_user_avatar(principal: Principal, user: str) -> ServerUser:
    """Remove the avatar of a user.

    An uploaded picture is deleted within an hour.
    """
    return actions.remove_user_avatar(principal, reference_in_path(user))


@servers.endpoint(
    "PUT",
    "/chats/<chat>/avatar",
    form=AvatarForm,
    authorize_upload=_authorize_chats,
    returns=ServerChatSchema,
    scope="chats",
    errors=UPLOAD_ERRORS | CHAT_ERRORS,
)
def set_chat_avatar(principal: Principal, chat: str, body: Json) -> representations.ServerChat:
    """Upload the avatar of a group, as a server.

    As `PUT /users/me/avatar`.
    """
    return actions.set_chat_avatar(principal, reference_in_path(chat), **body)


@servers.endpoint("DELETE", "/chats/<chat>/avatar", returns=ServerChatSchema, scope="chats", errors=CHAT_ERRORS)
def remove_chat_avatar(principal: Principal, chat: str) -> representations.ServerChat:
    """Remove the avatar of a group, as a server.

    An uploaded picture is deleted within an hour.
    """
    return actions.remove_chat_avatar(principal, reference_in_path(chat))


@images.endpoint(
    "GET",
    "/<name>",
    query=SizeQuery,
    public=True,
    file=True,
    also={304: "Not modified: `If-None-Match` contains the `ETag`."},
    errors={404: "There is no such picture, or it was replaced or deleted (`not_found`)."},
)
def download_avatar(name: str, query: Json) -> Response:
    """Download an avatar.

    A WebP image of 512 × 512 or 96 × 96 pixels, without authentication. The image at a URL never changes.
    """
    stored = actions.stored_name(name, query["size"])
    content = storage().read(stored) if _NAME.fullmatch(name) else None
    if content is None:
        raise NotFound("Avatar not found.")
    response = Response(content, mimetype=actions.MEDIA_TYPE, headers=HEADERS)
    response.set_etag(stored)
    return response.make_conditional(request)  # type: ignore[return-value]
