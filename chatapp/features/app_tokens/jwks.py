"""The public keys (JWKS, RFC 7517) of the issuer of the app's tokens: from a URL, or from a file.

Keys are cached. While the URL fails, keys that were fetched lately stay valid.
"""

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import orjson
import structlog
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from gevent.lock import BoundedSemaphore

from chatapp.core.errors import Unavailable
from chatapp.core.networks import Rules
from chatapp.core.outgoing import OutgoingError, fetch

log = structlog.get_logger()

# In seconds: how long keys are used without a new fetch, how long while fetching fails, and between two fetches.
FRESH_SECONDS = 600.0
MAX_AGE_SECONDS = 86_400.0
RETRY_SECONDS = 30.0
FETCH_SECONDS = 5.0
MAX_BYTES = 256 * 1024
MIN_RSA_BITS = 2048
# A signature with a larger key would cost milliseconds.
MAX_RSA_BITS = 8192

PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, and the one algorithm that it is for."""

    algorithm: str
    public: PublicKey


# A key and its `kid`, which a document with one key need not have.
NamedKey: TypeAlias = tuple[object, Key]
# Reads the document; raises OutgoingError, OSError or ValueError.
Read = Callable[[], bytes]


def reader(place: str, rules: Rules) -> Read:
    """A function that reads the document at a URL or in a file."""
    if "://" not in place:
        return Path(place).read_bytes

    def read() -> bytes:
        response = fetch(place, rules, seconds=FETCH_SECONDS, max_bytes=MAX_BYTES)
        if response.status != 200:
            raise OutgoingError(f"the response has the status {response.status}")
        return response.body

    return read


class Jwks:
    """The keys of one issuer, fetched when they are needed, once at a time."""

    def __init__(self, read: Read, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._lock = BoundedSemaphore(1)
        self._keys: Sequence[NamedKey] = ()
        self._fetched_at = self._tried_at = -MAX_AGE_SECONDS
        self._failed = True

    def find(self, kid: str | None) -> Key | None:
        """The key with this id, or the only key if a token names none; None if there is no such key.

        Raises Unavailable (`issuer_unavailable`) if the keys are not known and can't be fetched.
        """
        if self._clock() - self._fetched_at < FRESH_SECONDS and (key := self._select(kid)):
            return key
        with self._lock:
            key = self._select(kid)
            now = self._clock()
            # Another request may have fetched them meanwhile.
            is_fresh = now - self._fetched_at < FRESH_SECONDS
            if not (is_fresh and key) and now - self._tried_at >= RETRY_SECONDS:
                self._fetch()
                key = self._select(kid)
            is_old = self._clock() - self._fetched_at >= MAX_AGE_SECONDS
            if is_old or (key is None and self._failed):
                seconds = max(1, round(self._tried_at + RETRY_SECONDS - self._clock()))
                raise Unavailable(
                    "The keys of the issuer can't be fetched.", code="issuer_unavailable", retry_after=seconds
                )
            return key

    def _select(self, kid: str | None) -> Key | None:
        if kid is None:
            return self._keys[0][1] if len(self._keys) == 1 else None
        return next((key for id, key in self._keys if id == kid), None)

    def _fetch(self) -> None:
        self._tried_at = self._clock()
        try:
            keys = parse(self._read())
        except (OutgoingError, OSError, ValueError) as error:
            self._failed = True
            log.warning("app_token_keys_unavailable", reason=str(error))
            return
        self._keys, self._failed, self._fetched_at = keys, False, self._clock()


def parse(document: bytes) -> list[NamedKey]:
    """The usable keys of a document with their ids; ValueError if it is not a JWKS."""
    try:
        entries = orjson.loads(document)["keys"]
    except (KeyError, TypeError):
        raise ValueError("the document is not a JWKS") from None
    if not isinstance(entries, list):
        raise ValueError("the document is not a JWKS")
    dicts = [entry for entry in entries if isinstance(entry, dict)]
    return [(entry.get("kid"), key) for entry in dicts if (key := _usable(entry))]


def _usable(entry: Mapping[str, object]) -> Key | None:
    """The key of an entry for RS256 or ES256; None for any other, which is ignored."""
    if entry.get("use", "sig") != "sig":
        return None
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        key = _public_key(entry)
    except (KeyError, TypeError, ValueError):
        return None
    return key if key and entry.get("alg", key.algorithm) == key.algorithm else None


def _public_key(entry: Mapping[str, object]) -> Key | None:
    """The public key alone: private members are not read."""
    if entry.get("kty") == "RSA":
        modulus, exponent = _number(entry["n"]), _number(entry["e"])
        if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS:
            return None
        return Key("RS256", rsa.RSAPublicNumbers(exponent, modulus).public_key())
    if entry.get("kty") == "EC" and entry.get("crv") == "P-256":
        point = ec.EllipticCurvePublicNumbers(_number(entry["x"]), _number(entry["y"]), ec.SECP256R1())
        return Key("ES256", point.public_key())
    return None


def _number(text: object) -> int:
    if not isinstance(text, str):
        raise ValueError("not base64url")
    return int.from_bytes(base64.urlsafe_b64decode(f"{text}{'=' * (-len(text) % 4)}"))
