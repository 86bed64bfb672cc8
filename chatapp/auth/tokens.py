"""Refresh tokens: random UUIDs, each of which determines its successor.

The successor is a keyed hash of the token, so that the same answer can be given again without having been stored; and
what the database holds is a keyed hash too, of no use to whoever reads it.
"""

import hashlib
import hmac
import uuid

from chatapp.core import settings


def new_refresh_token() -> str:
    """The first refresh token of a session."""
    return str(uuid.uuid4())


def successor(token: str) -> str:
    """The refresh token that follows `token`; always the same one. ValueError for what can't be a token."""
    return str(uuid.UUID(bytes=_keyed(b"successor", uuid.UUID(token).bytes)[:16], version=4))


def token_hash(token: str) -> bytes:
    """What the database knows `token` by: 32 bytes."""
    return _keyed(b"stored", uuid.UUID(token).bytes)


def address_hash(user_id: str, address: str) -> bytes:
    """What the database knows a client address of that user by: 32 bytes."""
    return _keyed(b"address", uuid.UUID(user_id).bytes + address.encode())


def _keyed(purpose: bytes, value: bytes) -> bytes:
    return hmac.digest(settings.current().refresh_secret.encode(), purpose + value, hashlib.sha256)
