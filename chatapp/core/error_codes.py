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
    "token_invalid": ErrorCode(401, "The token is missing or invalid, or its session has ended. Log in again."),
    "token_expired": ErrorCode(401, "The token has expired. Use the refresh token to get a new access token."),
    "invalid_credentials": ErrorCode(
        401,
        "The username, email address or password is wrong, or the account is deactivated. The response does not say which.",
    ),
    "refresh_reused": ErrorCode(401, "The refresh token was already used. Its session has ended. Log in again."),
    "forbidden": ErrorCode(403, "The caller can see the object but lacks the role for this operation."),
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
    "client_id_reused": ErrorCode(
        422, "The sender used this `clientId` for a message with another chat, content or file."
    ),
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
    "storage_unavailable": ErrorCode(503, "The file storage is unavailable or full. Retry later."),
}
