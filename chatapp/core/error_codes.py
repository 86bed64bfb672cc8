"""Every code that a problem can have: the status that it comes with, and when it occurs.

The page `/docs/errors` is made of this table; what a single operation says of a code stands at the operation. A code that
is not listed here fails the tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """When a code occurs, as a sentence or two, and the HTTP status of its problems."""

    status: int
    occurs: str


CODES: Mapping[str, ErrorCode] = {
    "bad_request": ErrorCode(400, "The request is not valid HTTP, or one of its headers can't be read."),
    "malformed_json": ErrorCode(400, "The body is not well-formed JSON, or ends before its declared length."),
    "malformed_form": ErrorCode(400, "The body of an upload is not a well-formed multipart form."),
    "malformed_packet": ErrorCode(400, "Sockets only: the packet is no event with one object as its payload."),
    "token_invalid": ErrorCode(
        401, "There is no token, the token can't be verified, or its session has ended. Log in again."
    ),
    "token_expired": ErrorCode(401, "The token is too old. Exchange the refresh token for a new access token."),
    "invalid_credentials": ErrorCode(
        401, "No active account has this name or address and this password. The response does not say which is wrong."
    ),
    "refresh_reused": ErrorCode(
        401, "The refresh token was used before. Its session has ended, on all devices that share it. Log in again."
    ),
    "forbidden": ErrorCode(403, "The caller can see the object, and lacks the role to change it."),
    "origin_not_allowed": ErrorCode(
        403, "The page that sent the request is of an origin that the server does not accept (`CORS_ORIGIN`)."
    ),
    "not_found": ErrorCode(404, "The object or path does not exist, or the caller can't see it."),
    "unknown_event": ErrorCode(404, "Sockets only: the server has no event of this name."),
    "method_not_allowed": ErrorCode(405, "The path exists and does not have this method. `Allow` lists those it has."),
    "request_timeout": ErrorCode(408, "The body of the request took too long to arrive."),
    "conflict": ErrorCode(409, "The object is in a state that forbids the change, such as a deleted message."),
    "email_taken": ErrorCode(409, "Another account has this e-mail address."),
    "username_taken": ErrorCode(409, "Another account has this username."),
    "not_a_group": ErrorCode(409, "Only groups have this operation, and the chat is a direct chat."),
    "last_admin": ErrorCode(409, "The change would leave the group, or the server, without an ADMIN."),
    "group_full": ErrorCode(409, "The group has as many members as a group can have."),
    "body_too_large": ErrorCode(413, "The body of the request is larger than the bound of the operation."),
    "file_too_large": ErrorCode(413, "The file is larger than the server accepts."),
    "payload_too_large": ErrorCode(413, "Sockets only: the payload of the event is larger than 64 KiB."),
    "uri_too_long": ErrorCode(414, "The path and query are longer than the server reads."),
    "unsupported_media_type": ErrorCode(415, "The `Content-Type` or `Content-Encoding` is not one that is read here."),
    "unsupported_file_type": ErrorCode(
        415,
        "The file is of a type that is not accepted, its bytes don't match its name or its declared type, or it would take "
        "too much to decode or to unpack.",
    ),
    "range_not_satisfiable": ErrorCode(416, "The file ends before the requested range begins."),
    "validation_error": ErrorCode(
        422, "A field is missing, unknown or not valid. `errors` has messages for each field."
    ),
    "client_id_reused": ErrorCode(
        422, "The sender used this `clientId` for a message with another chat, content or file."
    ),
    "rate_limited": ErrorCode(
        429,
        "A rate limit or quota is used up. `Retry-After`, or `retryAfter` on a socket, says in how many seconds to retry.",
    ),
    "headers_too_large": ErrorCode(431, "The headers of the request are larger than the server reads."),
    "internal_error": ErrorCode(
        500, "The server failed. Its log has the cause, under the `X-Request-ID` of the response."
    ),
    "unavailable": ErrorCode(503, "Something that the server needs does not respond. Retry later."),
    "busy": ErrorCode(503, "The server has more work of this kind than it can queue. Retry in a moment."),
    "database_unavailable": ErrorCode(503, "The database does not respond, or accepts no writes. Retry later."),
    "storage_unavailable": ErrorCode(503, "The storage of files does not respond, or is full. Retry later."),
}
