"""Schemas of uploads and signed URLs."""

import re
import unicodedata
from typing import Any

from marshmallow import ValidationError, fields

from chatapp.core.schemas import Input
from chatapp.core.uploads import UploadedFile

MAX_NAME_LENGTH = 255
# Characters that change the reading direction: "exe.jpg" for "gpj.exe".
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class SignatureQuery(Input):
    """Signature of a `fileUrl` or `thumbnailUrl`."""

    message = fields.String(
        metadata={
            "description": "The message that contains the file.",
            "maxLength": 36,
            "example": "01a209c0-dd89-7528-89ae-40572c1fa41a",
        },
    )
    expires = fields.String(
        metadata={
            "description": "When the URL expires, in seconds since 1970 (UTC).",
            "maxLength": 12,
            "example": "1795348800",
        },
    )
    signature = fields.String(
        metadata={
            "description": "The signature of the server.",
            "maxLength": 32,
            "example": "5f0c2b6f9a3d4e17b8a1c0d2e3f40516",
        },
    )


class File(fields.Field[UploadedFile]):
    """A non-empty file; its name has no folders and no control characters."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"type": "string", "format": "binary"} | kwargs.pop("metadata", {})
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> UploadedFile:
        if not isinstance(value, UploadedFile):
            raise ValidationError("Must be a file, with a file name.")
        name = unicodedata.normalize("NFC", value.name)
        if any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
            raise ValidationError("The file name contains a control character.")
        name = _DIRECTIONS.sub("", name).replace("\\", "/").rpartition("/")[2].strip()
        if not 0 < len(name) <= MAX_NAME_LENGTH:
            raise ValidationError(f"The file name must have 1–{MAX_NAME_LENGTH} characters.")
        if not value.size:
            raise ValidationError("The file is empty.")
        value.name = name
        return value
