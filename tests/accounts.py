"""Accounts for tests whose subject is something else, made in the database: a fifth of the work of a registration."""

import hashlib
import hmac
import secrets
import time
import uuid
from functools import cache
from typing import Any

import jwt
from argon2 import PasswordHasher
from sqlalchemy import create_engine

from chatapp.core.ids import new_id
from chatapp.core.names import email_key
from config import development_secrets
from tests.people import PASSWORD, Person
from tests.server import Server

ADDRESS = "127.0.0.1"
LIFETIME_SECONDS = 900
_INSERT = """
    WITH account AS (
        INSERT INTO users (id, email, email_key, username, password_hash, last_login_at)
        VALUES (%(id)s, %(email)s, %(email_key)s, %(username)s, %(password_hash)s, now())
    ), session AS (
        INSERT INTO sessions (id, user_id, kind, user_agent, address, last_used_at)
        VALUES (%(session_id)s, %(id)s, 'password', 'tests', %(address)s, now())
    ), token AS (
        INSERT INTO refresh_tokens (hash, session_id, expires_at)
        VALUES (%(token_hash)s, %(session_id)s, now() + interval '30 days')
    )
    INSERT INTO login_addresses (user_id, address_hash) VALUES (%(id)s, %(address_hash)s)
"""


class Accounts:
    """Makes accounts with the usual password on a server, each with a session of the same rights as after registration."""

    def __init__(self, server: Server) -> None:
        """The server has the secrets of its instance folder."""
        self._url = server.url
        self._engine = create_engine(server.database_url, isolation_level="AUTOCOMMIT")
        stored = development_secrets(server.instance)
        self._access, self._refresh = stored["JWT_ACCESS_SECRET"], stored["JWT_REFRESH_SECRET"].encode()

    def new(self, name: str = "someone") -> Person:
        """A new account whose name begins with `name`."""
        id, session_id, token = new_id(), new_id(), uuid.uuid4()
        username = f"{name}_{secrets.token_hex(4)}"
        email = f"{username}@example.org"
        row = {"id": id, "email": email, "email_key": email_key(email), "username": username}
        row |= {"password_hash": _password_hash(), "session_id": session_id, "address": ADDRESS}
        hashes = {
            "token_hash": self._keyed(b"stored" + token.bytes),
            "address_hash": self._keyed(b"address" + uuid.UUID(id).bytes + ADDRESS.encode()),
        }
        with self._engine.connect() as db:
            db.exec_driver_sql(_INSERT, row | hashes)
        user = {"id": id, "username": username, "email": email}
        return Person(
            self._url, {"user": user, "accessToken": self._access_token(id, session_id), "refreshToken": str(token)}
        )

    def close(self) -> None:
        """Close the connections to the database."""
        self._engine.dispose()

    def _access_token(self, user_id: str, session_id: str) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {"sub": user_id, "sid": session_id, "type": "access", "jti": str(uuid.uuid4())}
        claims |= {"iat": now, "nbf": now, "exp": now + LIFETIME_SECONDS}
        return jwt.encode(claims, self._access, "HS256")

    def _keyed(self, value: bytes) -> bytes:
        return hmac.digest(self._refresh, value, hashlib.sha256)


@cache
def _password_hash() -> str:
    """The hash of `PASSWORD`, with the parameters of `APP_ENV=test`."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
