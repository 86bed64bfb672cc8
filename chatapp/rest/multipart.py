"""Streaming parser for forms with a file (RFC 7578): fields are collected, the file is written to disk in pieces."""

from collections.abc import Callable
from typing import Any

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.http import parse_options_header

from chatapp.compat.werkzeug import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData
from chatapp.core.errors import Invalid, Json, Malformed, TooLarge, UnsupportedType
from chatapp.core.settings import Settings
from chatapp.core.uploads import Allowance, UploadedFile, file_too_large

PIECE = 64 * 1024
MAX_PARTS = 20
BeforeFile = Callable[[Json], Allowance | None]


class Form:
    """The parts of a form by name: text fields and one file, which is removed when the form is closed."""

    def __init__(self, settings: Settings, before_file: BeforeFile) -> None:
        self.parts: dict[str, Any] = {}
        self._settings = settings
        self._before_file = before_file
        self._allowance: Allowance | None = None
        self._open: tuple[str, bytearray | UploadedFile] | None = None
        self._text_left = settings.max_body_bytes

    def close(self) -> None:
        """Remove the file, and end the upload."""
        for part in [*self.parts.values(), *(self._open or ())]:
            if isinstance(part, UploadedFile):
                part.file.close()
        if self._allowance:
            self._allowance.close()

    def read(self, request: Request) -> None:
        """Read the body of a request. `before_file` gets the fields that precede the file; it may refuse the upload, or
        return its allowance.

        Raises UnsupportedType for another type of body, Malformed for an invalid one, TooLarge, and Invalid for a
        duplicate or non-text part.
        """
        kind, options = parse_options_header(request.content_type)
        if kind != "multipart/form-data":
            raise UnsupportedType("The body must be a form with a file (Content-Type: multipart/form-data).")
        require_no_encoding(request)
        limit = self._settings.max_upload_bytes + self._settings.max_body_bytes
        if (request.content_length or 0) > limit:
            raise file_too_large(self._settings.max_upload_bytes)
        request.max_content_length = limit
        boundary = options.get("boundary", "").encode("latin-1", "replace")
        decoder = MultipartDecoder(boundary, 4 * PIECE, max_parts=MAX_PARTS)
        try:
            if not boundary:
                raise ValueError
            while (event := self._next(decoder, request)) is not None:
                self._take(event)
        except RequestEntityTooLarge:
            raise TooLarge("The form is too large, or has too many parts.") from None
        except (ValueError, AttributeError, ClientDisconnected):
            raise Malformed("The body is not a valid form.", code="malformed_form") from None

    def _next(self, decoder: MultipartDecoder, request: Request) -> Event | None:
        while isinstance(event := decoder.next_event(), NeedData):
            decoder.receive_data(request.stream.read(PIECE) or None)
        return None if isinstance(event, Epilogue) else event

    def _take(self, event: Event) -> None:
        if isinstance(event, Field | File):
            if event.name in self.parts:
                raise Invalid("A field is not valid.", errors={event.name: ["Must come once."]})
            self._open = event.name or "", self._begin(event)
        elif isinstance(event, Data) and self._open:
            name, part = self._open
            if isinstance(part, UploadedFile):
                if event.data:
                    part.write(event.data)
            else:
                self._text_left -= len(event.data)
                if self._text_left < 0:
                    raise TooLarge("The form's fields are too large.")
                part += event.data
            if not event.more_data:
                self.parts[name] = part if isinstance(part, UploadedFile) else _text(name, part)
                self._open = None

    def _begin(self, event: Field | File) -> bytearray | UploadedFile:
        if isinstance(event, Field):
            return bytearray()
        if any(isinstance(part, UploadedFile) for part in self.parts.values()):
            raise Invalid("A field is not valid.", errors={event.name or "": ["There can be one file."]})
        self._allowance = self._before_file(self.parts)
        declared = parse_options_header(event.headers.get("Content-Type"))[0].lower()
        return UploadedFile(
            event.filename,
            declared,
            folder=self._settings.spool_path,
            limit=self._settings.max_upload_bytes,
            allowance=self._allowance,
        )


def require_no_encoding(request: Request) -> None:
    """Raise UnsupportedType for a body with a `Content-Encoding` other than `identity`: bodies are not decompressed."""
    codings = request.headers.get("Content-Encoding")
    if codings and any(coding.strip() not in ("", "identity") for coding in codings.lower().split(",")):
        raise UnsupportedType("The body must not be compressed (Content-Encoding: identity, or none).")


def _text(name: str, part: bytearray) -> str:
    try:
        return part.decode()
    except UnicodeDecodeError:
        raise Invalid("A field is not valid.", errors={name: ["Not valid UTF-8 text."]}) from None
