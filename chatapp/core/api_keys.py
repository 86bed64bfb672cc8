"""The format of API keys: `csk_<id>_<secret>`, with an id of 22 and a secret of 43 characters of base64url.

Nothing of a secret is stored or logged, only its SHA-256. The id is a UUID and no secret: logs name keys by it.
"""

import base64
import hashlib
import re
import secrets
import uuid
from typing import NamedTuple

PREFIX = "csk_"
_ID = "[A-Za-z0-9_-]{22}"
_SECRET = "[A-Za-z0-9_-]{43}"
_KEY = re.compile(f"{PREFIX}({_ID})_({_SECRET})")
_KEY_LIKE = re.compile(f"{PREFIX}({_ID})[A-Za-z0-9_-]*")
# What is left of a key in logs and errors.
_REDACTED = r"csk_\1_…"


class ParsedKey(NamedTuple):
    """The id of a key, and the SHA-256 of its secret."""

    id: str
    hash: bytes


def looks_like_key(token: object) -> bool:
    """True for a text that can't be an access token."""
    return isinstance(token, str) and token.startswith(PREFIX)


def parse(token: str) -> ParsedKey | None:
    """The parts of a well-formed key, else None."""
    match = _KEY.fullmatch(token)
    if not match:
        return None
    id = uuid.UUID(bytes=base64.urlsafe_b64decode(f"{match[1]}=="))
    # Each id has one spelling, though the last character has four bits that are not part of it.
    return ParsedKey(str(id), hash_secret(match[2])) if _encode(id.bytes) == match[1] else None


def find(text: str) -> str | None:
    """The id of the first key in `text`, or None."""
    match = _KEY.search(text) if PREFIX in text else None
    return str(uuid.UUID(bytes=base64.urlsafe_b64decode(f"{match[1]}=="))) if match else None


def redact(text: str) -> str:
    """`text` without the secrets of keys."""
    return _KEY_LIKE.sub(_REDACTED, text) if PREFIX in text else text


def new_secret() -> str:
    """A secret of 256 random bits."""
    return _encode(secrets.token_bytes(32))


def hash_secret(secret: str) -> bytes:
    """The SHA-256 of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def assemble(id: str, secret: str) -> str:
    """The complete key."""
    return f"{PREFIX}{_encode(uuid.UUID(id).bytes)}_{secret}"


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
