"""Every error code: its HTTP status and its description.

The page `/docs/errors` is generated from this table and from the operations, which describe their own codes. Tests fail for
a code that is not listed.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """When a code occurs, as a sentence or two, and the HTTP status of its problems."""

    status: int
    occurs: str


CODES: Mapping[str, ErrorCode] = {
    "bad_request": ErrorCode(400, "The request is not valid HTTP, or has an invalid header."),
    "malformed_json": ErrorCode(400, "The body is not valid JSON, or is shorter than its declared length."),
    "malformed_form": ErrorCode(400, "The body of the upload is not a valid multipart form."),
    "malformed_packet": ErrorCode(400, "Sockets only: the packet is not an event with one object as its payload."),
    "cursor_invalid": ErrorCode(400, "The `cursor` was not issued for this list and query."),
    "key_invalid": ErrorCode(401, "The API key is unknown, revoked or wrong, or is part of a URL."),
    "key_expired": ErrorCode(401, "The API key has expired."),
    "issuer_unknown": ErrorCode(401, "The server does not accept tokens of your app, or not of this issuer."),
    "user_unknown": ErrorCode(401, "The token of your app names a user who does not exist here."),
    "token_invalid": ErrorCode(401, "The token is missing or invalid, or its session has ended. Log in again."),
    "token_expired": ErrorCode(401, "The token has expired. Use the refresh token to get a new access token."),
    "invalid_credentials": ErrorCode(
        401,
        "The username, email address or password is wrong, or the account is deactivated. The response does not say which.",
    ),
    "refresh_reused": ErrorCode(401, "The refresh token was already used. Its session has ended. Log in again."),
    "mention_all_forbidden": ErrorCode(403, "Only ADMINs can mention all members of a group of this size."),
    "forbidden": ErrorCode(403, "The caller can see the object but lacks the role for this operation."),
    "scope_missing": ErrorCode(403, "The API key lacks a scope, which `errors.scope` names."),
    "registration_closed": ErrorCode(403, "Users cannot register on this server (`REGISTRATION=closed`)."),
    "password_login_off": ErrorCode(403, "Users cannot log in with a password on this server (`PASSWORD_LOGIN=off`)."),
    "password_wrong": ErrorCode(403, "The current password is wrong."),
    "key_in_browser": ErrorCode(
        403, "The request has an API key and comes from a page of a browser. The key is exposed: rotate it."
    ),
    "act_as_forbidden": ErrorCode(
        403, "`Act-As` is not accepted for this operation or with this token, or the operation needs it."
    ),
    "search_off": ErrorCode(403, "Users cannot search messages on this server (`SEARCH=off`)."),
    "profile_managed": ErrorCode(403, "Your app manages the profiles of users (`PROFILE_EDITING=server`)."),
    "chat_data_managed": ErrorCode(403, "Your app manages the `data` of chats (`CHAT_DATA=server`)."),
    "cannot_send": ErrorCode(403, "The other user of the direct chat cannot receive messages."),
    "you_blocked": ErrorCode(403, "The caller blocks the other user of the direct chat."),
    "origin_not_allowed": ErrorCode(
        403, "The server does not accept requests from the origin of this page (`CORS_ORIGIN`)."
    ),
    "not_found": ErrorCode(404, "The object or path does not exist, or the object is not visible to the caller."),
    "unknown_event": ErrorCode(404, "Sockets only: the server has no event with this name."),
    "method_not_allowed": ErrorCode(405, "The path does not support this method. `Allow` lists the supported ones."),
    "request_timeout": ErrorCode(408, "The body of the request took too long to arrive."),
    "conflict": ErrorCode(409, "The object is in a state that forbids the change, such as a deleted message."),
    "email_taken": ErrorCode(409, "Another account has this email address."),
    "username_taken": ErrorCode(409, "Another account has this username."),
    "message_deleted": ErrorCode(409, "The message was deleted."),
    "edit_window_over": ErrorCode(409, "The message is too old to be edited (`EDIT_WINDOW`)."),
    "too_many_pins": ErrorCode(409, "The chat has 100 pinned messages."),
    "too_many_edits": ErrorCode(409, "The message was edited 100 times."),
    "too_many_reactions": ErrorCode(
        409, "The message has the maximum number of different reactions, or of reactions of the caller."
    ),
    "user_inactive": ErrorCode(409, "The user is deactivated."),
    "job_running": ErrorCode(409, "A job is erasing the user."),
    "no_password": ErrorCode(409, "The account has no password."),
    "limit_reached": ErrorCode(409, "The maximum number of these objects exists."),
    "external_id_taken": ErrorCode(409, "Another object has this `externalId`."),
    "not_a_member": ErrorCode(409, "The user is not a member of the chat."),
    "not_a_group": ErrorCode(409, "The operation is for groups only, and the chat is a direct chat."),
    "last_admin": ErrorCode(409, "The change would leave the group, or the server, without an ADMIN."),
    "group_full": ErrorCode(409, "The group has the maximum number of members."),
    "body_too_large": ErrorCode(413, "The body of the request is too large for this operation."),
    "file_too_large": ErrorCode(413, "The file is larger than the server accepts."),
    "payload_too_large": ErrorCode(413, "Sockets only: the payload of the event is larger than 64 KiB."),
    "uri_too_long": ErrorCode(414, "The path and query are too long."),
    "unsupported_media_type": ErrorCode(415, "The `Content-Type` or `Content-Encoding` is not supported."),
    "unsupported_file_type": ErrorCode(
        415,
        "The type of the file is not accepted, its content does not match its name or declared type, or it is too expensive "
        "to decode.",
    ),
    "range_not_satisfiable": ErrorCode(416, "The requested range is beyond the end of the file."),
    "validation_error": ErrorCode(
        422, "A field is missing, unknown or invalid. `errors` contains messages for each field."
    ),
    "code_invalid": ErrorCode(422, "The code is unknown, was used, or has expired."),
    "client_id_reused": ErrorCode(422, "The sender used this `clientId` for another message."),
    "rate_limited": ErrorCode(
        429,
        "A rate limit or quota is exceeded. Retry after `Retry-After` seconds (sockets: `retryAfter`).",
    ),
    "headers_too_large": ErrorCode(431, "The headers of the request are too large."),
    "internal_error": ErrorCode(
        500, "Internal server error. The server's log contains the cause under the `X-Request-ID` of the response."
    ),
    "unavailable": ErrorCode(503, "A service that the server depends on is unavailable. Retry later."),
    "busy": ErrorCode(503, "The server is busy with work of this kind. Retry in a moment."),
    "database_unavailable": ErrorCode(503, "The database is unavailable or read-only. Retry later."),
    "issuer_unavailable": ErrorCode(503, "The keys of the issuer of your app's tokens cannot be fetched. Retry later."),
    "storage_unavailable": ErrorCode(503, "The file storage is unavailable or full. Retry later."),
}
