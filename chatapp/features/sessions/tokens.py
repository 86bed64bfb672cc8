"""Refresh tokens: random UUIDs, each of which determines its successor.

The successor is a keyed hash of the token, so that it can be returned again without being stored. The database contains
keyed hashes too, which are useless to a reader.
"""

import hashlib
import hmac
import uuid

from chatapp.core import settings


def new_refresh_token() -> str:
    """The first refresh token of a session."""
    return str(uuid.uuid4())


def successor(token: str) -> str:
    """The refresh token that follows `token`, always the same; ValueError for an invalid token."""
    return str(uuid.UUID(bytes=_keyed(b"successor", uuid.UUID(token).bytes)[:16], version=4))


def token_hash(token: str) -> bytes:
    """The hash under which the database stores `token`: 32 bytes."""
    return _keyed(b"stored", uuid.UUID(token).bytes)


def address_hash(user_id: str, address: str) -> bytes:
    """The hash under which the database stores a client address of that user: 32 bytes."""
    return _keyed(b"address", uuid.UUID(user_id).bytes + address.encode())


def _keyed(purpose: bytes, value: bytes) -> bytes:
    return hmac.digest(settings.current().refresh_secret.encode(), purpose + value, hashlib.sha256)
