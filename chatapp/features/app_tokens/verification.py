"""Verifies tokens that the operator's app issued: JWTs (RFC 7519), signed with a shared secret or by a key of its JWKS."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from jwt.exceptions import ExpiredSignatureError, PyJWTError
from marshmallow import ValidationError

from chatapp.core import settings
from chatapp.core.app_token_settings import AppTokenSettings
from chatapp.core.application import PerApplication
from chatapp.core.errors import Invalid, Json, Unauthenticated
from chatapp.core.references import as_external_id
from chatapp.core.schemas import load
from chatapp.features.app_tokens.jwks import Jwks, PublicKey, reader
from chatapp.features.users.schemas import UserFields

# Seconds by which clocks may differ, in both directions.
LEEWAY = 30
MAX_LENGTH = 8192
_FIELDS = UserFields()
# Use of a claim → the field of a user that it sets.
_USES = {"name": "displayName", "avatar": "avatar", "username": "username", "email": "email", "data": "data"}


NOT_ACCEPTED = "tokens of an app are not accepted: APP_JWT_SECRET and APP_JWT_JWKS are not set"


class RefusedToken(Unauthenticated):
    """A token of the app is not accepted; `reason` is for the operator, and does not contain the token."""

    def __init__(self, reason: str, code: str = "token_invalid") -> None:
        super().__init__(_DETAILS.get(code, "The token is invalid."), code=code)
        self.reason = reason


_DETAILS = {
    "issuer_unknown": "The server does not accept tokens of this issuer.",
    "token_expired": "The token has expired.",
    "user_unknown": "The user of the token does not exist here.",
}


@dataclass(frozen=True, slots=True)
class AppToken:
    """A verified token of the app. `fields` are the valid claims about the user, `ignored` the names of the others."""

    external_id: str
    issued_at: datetime | None
    expires_at: float
    fields: Json
    ignored: tuple[str, ...]
    hash: bytes


def _issuer_keys() -> Jwks:
    config = settings.current()
    assert config.app_tokens
    assert config.app_tokens.jwks
    return Jwks(reader(config.app_tokens.jwks, config.outgoing))


_jwks = PerApplication(_issuer_keys)


def verify(token: str) -> AppToken:
    """Verify a token; raises RefusedToken, and Unavailable if the keys of the issuer can't be fetched."""
    config = settings.current().app_tokens
    if len(token) > MAX_LENGTH:
        raise RefusedToken(f"the token is longer than {MAX_LENGTH} characters")
    try:
        header = jwt.get_unverified_header(token)
        unverified = jwt.decode(token, options={"verify_signature": False})
    except (PyJWTError, ValueError, RecursionError):
        raise RefusedToken("the text is not a JWT") from None
    issuer = unverified.get("iss")
    if config is None:
        code = "issuer_unknown" if issuer is not None else "token_invalid"
        raise RefusedToken(NOT_ACCEPTED, code)
    if config.issuer and issuer is not None and issuer != config.issuer:
        raise RefusedToken("the claim iss is not APP_JWT_ISSUER", "issuer_unknown")
    key, algorithm = _key_for(config, header)
    claims = _verified_claims(config, token, key, algorithm)
    expires_at = _check_times(config, claims)
    try:
        external_id = as_external_id(claims.get(config.claims["id"]))
    except ValidationError:
        raise RefusedToken(f"the claim {config.claims['id']} is not an external id") from None
    fields, ignored = _fields_of(config.claims, claims)
    issued_at = datetime.fromtimestamp(claims["iat"], UTC) if "iat" in claims else None
    return AppToken(external_id, issued_at, expires_at, fields, ignored, hashlib.sha256(token.encode()).digest())


def _key_for(config: AppTokenSettings, header: Mapping[str, Any]) -> tuple[str | PublicKey, str]:
    """The key and the algorithm with which a token is verified: what its header brings along is not used."""
    algorithm = header.get("alg")
    if config.secret:
        if algorithm != "HS256":
            raise RefusedToken("the algorithm is not HS256")
        return config.secret, "HS256"
    if algorithm not in ("RS256", "ES256"):
        raise RefusedToken("the algorithm is neither RS256 nor ES256")
    key = _jwks.get().find(header.get("kid"))
    if key is None:
        raise RefusedToken("the issuer has no usable key with the kid of the token")
    if key.algorithm != algorithm:
        raise RefusedToken(f"the algorithm is not that of the key, {key.algorithm}")
    return key.public, key.algorithm


def _verified_claims(config: AppTokenSettings, token: str, key: str | PublicKey, algorithm: str) -> Json:
    required = ["exp", *(["iss"] if config.issuer else []), *(["aud"] if config.audience else [])]
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=config.issuer,
            audience=config.audience,
            leeway=LEEWAY,
            options={
                "require": required,
                "verify_aud": bool(config.audience),
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except ExpiredSignatureError:
        raise RefusedToken("the token has expired", "token_expired") from None
    except (PyJWTError, ValueError, TypeError, OverflowError) as error:
        # The message names a claim or the signature, never their content.
        raise RefusedToken(f"{type(error).__name__}: {error}") from None


def _check_times(config: AppTokenSettings, claims: Json) -> float:
    """The end of a token, whose lifetime is bounded."""
    for name in ("exp", "iat", "nbf"):
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**40:
            raise RefusedToken(f"the claim {name} is not a time")
    end, longest = float(claims["exp"]), config.max_lifetime.total_seconds()
    latest = claims["iat"] + longest if "iat" in claims else time.time() + longest + LEEWAY
    if end > latest:
        raise RefusedToken("the lifetime of the token is longer than APP_JWT_MAX_LIFETIME")
    return end


def _fields_of(uses: Mapping[str, str], claims: Json) -> tuple[Json, tuple[str, ...]]:
    """The fields of a user from the claims; those that violate a rule are ignored."""
    fields: Json = {}
    ignored = []
    for use, field in _USES.items():
        claim = uses.get(use)
        if claim is None or claim not in claims:
            continue
        try:
            fields |= load(_FIELDS, {field: claims[claim]})
        except Invalid:
            ignored.append(claim)
    return fields, tuple(ignored)
