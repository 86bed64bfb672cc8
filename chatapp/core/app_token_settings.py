"""The settings of tokens that an app issues (`APP_JWT_…`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from chatapp.core.networks import Rules, check_url

MIN_SECRET_BYTES = 32
# What a claim can be used for, and the claim that is used for it.
CLAIMS = "id=sub,name=name,avatar=picture,username=preferred_username,email=email,data=chat_data"


@dataclass(frozen=True, slots=True)
class AppTokenSettings:
    """How tokens of the app are verified, with a `secret` or with the keys at `jwks`, and what their claims mean."""

    issuer: str | None
    audience: str | None
    secret: str | None = field(repr=False)
    jwks: str | None
    # Use → name of the claim.
    claims: Mapping[str, str]
    creates: bool
    updates: bool
    max_lifetime: timedelta


def parse_claims(text: str) -> Mapping[str, str]:
    """The claims of a list such as `CLAIMS`; ValueError for another one."""
    uses = dict(part.split("=", 1) for part in CLAIMS.split(","))
    claims: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        use, _, claim = map(str.strip, part.partition("="))
        if use not in uses or use in claims or not claim:
            raise ValueError(f"has '{part}': expected are {', '.join(f'{name}=…' for name in uses)}, each once")
        claims[use] = claim
    if "id" not in claims:
        raise ValueError("lacks id=…, the claim that has the external id of the user")
    return claims


def check_jwks(place: str, rules: Rules) -> None:
    """ValueError if `place` is neither an allowed URL nor a readable file."""
    if "://" in place:
        check_url(place, rules)
        return
    try:
        Path(place).read_bytes()
    except OSError as error:
        raise ValueError(f"is neither a URL nor a file that can be read: {error.strerror}") from None


def contradictions(settings: AppTokenSettings, own_secrets: set[str]) -> list[str]:
    """What is wrong with the settings together."""
    found = []
    if settings.secret and settings.jwks:
        found.append("APP_JWT_SECRET and APP_JWT_JWKS are both set: tokens are verified with one of them")
    if settings.secret and len(settings.secret.encode()) < MIN_SECRET_BYTES:
        found.append(f"APP_JWT_SECRET is shorter than {MIN_SECRET_BYTES} bytes")
    if settings.secret in own_secrets:
        found.append("APP_JWT_SECRET is one of the server's own secrets")
    if settings.jwks and not settings.audience:
        found.append("APP_JWT_AUDIENCE is missing: without it, tokens that the issuer made for other apps are accepted")
    if not settings.secret and not settings.jwks and (settings.issuer or settings.audience):
        found.append("APP_JWT_SECRET or APP_JWT_JWKS is missing: APP_JWT_ISSUER and APP_JWT_AUDIENCE need one of them")
    return found
