"""Serves files and thumbnails: the only endpoint with content that users uploaded."""

import re
import unicodedata
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

from flask import Response, request
from werkzeug.http import dump_options_header

from chatapp.core.errors import Json, NotFound
from chatapp.core.offload import in_thread
from chatapp.features.files import queries
from chatapp.features.files.queries import Download
from chatapp.features.files.schemas import SignatureQuery
from chatapp.features.files.storage import LocalStorage, storage
from chatapp.rest.resource import Caller, Resource

PARTS = {
    "fileName": {
        "description": "The random name in a message's `fileUrl` or `thumbnailUrl`.",
        "schema": {"type": "string", "maxLength": 40},
        "example": "0123456789abcdef0123456789abcdef.png",
    }
}
# Browsers must not execute the content, load anything for it, or guess another type.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Vary": "Authorization",
}
# The content under a name never changes; the permission is checked again after this.
CACHED_SECONDS = 3600
PIECE = 128 * 1024
_ONE_RANGE = re.compile(r"bytes=([0-9]+-[0-9]*|-[0-9]+)")

resource = Resource("files", "/uploads", "Files and thumbnails.", PARTS, base="")


@resource.endpoint(
    "GET",
    "/<fileName>",
    query=SignatureQuery,
    signed=True,
    also={
        206: "The range of bytes that the header `Range` names.",
        302: "The file is stored in a bucket: fetch it from `Location` within 5 minutes.",
        304: "Not modified: `If-None-Match` contains the `ETag`.",
    },
    errors={
        401: "The request has no valid signature, and its access token is missing or invalid (`token_invalid`). "
        "The access token has expired (`token_expired`).",
        404: "The file was deleted, no chat of the caller contains it, or it is in the upload folder of another server, "
        "which the detail names (`not_found`).",
        416: "The range is beyond the end of the file (`range_not_satisfiable`).",
    },
)
def download_file(caller: Caller, file_name: str, query: Json) -> Response:
    """Download a file or a thumbnail.

    Requires a signed URL, as a message contains it (valid for at least one hour), or the access token of a member of a
    chat that contains the file. Images are served inline, all other files as attachments with their original name.
    """
    signature = {"message_id": query["message"], "expires": query["expires"], "signature": query["signature"]}
    return _hand_out(queries.find_signed(file_name, **signature) or queries.find_visible(caller(), file_name))


def _hand_out(file: Download) -> Response:
    store = storage()
    headers = HEADERS | {
        "Content-Type": file.media_type,
        "Content-Disposition": _disposition(file),
        "Cache-Control": f"private, max-age={CACHED_SECONDS}",
    }
    if not isinstance(store, LocalStorage):
        where = store.url(file.name, headers, head=request.method == "HEAD")
        return Response(status=302, headers=HEADERS | {"Location": where, "Cache-Control": "private, no-store"})
    reading = Reading(store.path(file.name))
    try:
        size = in_thread(reading.path.stat).st_size
    except FileNotFoundError:
        raise _missing(file, store) from None
    response = Response(reading, headers=headers, direct_passthrough=True)
    response.content_length = size
    response.set_etag(file.name)
    environ = dict(request.environ)
    if not _ONE_RANGE.fullmatch(environ.get("HTTP_RANGE", "")):
        environ.pop("HTTP_RANGE", None)  # Several ranges, or an invalid one: send the whole file instead of an error.
    return response.make_conditional(environ, accept_ranges=True, complete_length=size)  # type: ignore[return-value]


def _missing(file: Download, store: LocalStorage) -> NotFound:
    """The error for a file that is not in the folder of this server although it has an upload."""
    own = in_thread(store.known_folder_id)
    if file.folder_id in (None, own):
        return NotFound("The file was deleted.")
    return NotFound(
        f"The file is in upload folder {file.folder_id}, and this server has upload folder {own}. "
        "All servers need the same folder, or a bucket."
    )


def _disposition(file: Download) -> str:
    """RFC 6266: images inline, other files as attachments; the name as UTF-8, with an ASCII fallback for old clients."""
    plain = unicodedata.normalize("NFKD", file.file_name).encode("ascii", "ignore").decode()
    plain = re.sub(r'["\\%]', "", plain).strip()
    if plain.startswith("."):
        plain = f"file{plain}"
    names = {"filename": plain}
    if plain != file.file_name:
        names["filename*"] = f"UTF-8''{quote(file.file_name, safe='!#$&+-.^_`|~')}"
    return dump_options_header("inline" if file.media_type.startswith("image/") else "attachment", names)


class Reading:
    """Iterates over the pieces of a file from a position. The file is open only meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._from = 0
        self._file: IO[bytes] | None = None

    def seekable(self) -> bool:
        """Ranges are supported."""
        return True

    def seek(self, place: int) -> None:
        """Start there."""
        self._from = place

    def tell(self) -> int:
        """The start position."""
        return self._from

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if piece := in_thread(self._read):
            return piece
        raise StopIteration

    def _read(self) -> bytes:
        if self._file is None:
            self._file = self.path.open("rb")
            self._file.seek(self._from)
        return self._file.read(PIECE)

    def close(self) -> None:
        """Called by the server at the end of the response."""
        if self._file:
            self._file.close()
