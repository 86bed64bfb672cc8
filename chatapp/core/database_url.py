"""Parses `DATABASE_URL`, in the forms that platforms and other drivers use."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

SCHEMES = ("postgres", "postgresql")
# Parameters that libpq 18 accepts in a URL; it rejects any other.
LIBPQ = frozenset(
    re.findall(
        r"\w+",
        """
        host hostaddr port dbname user password passfile require_auth channel_binding connect_timeout client_encoding
        application_name fallback_application_name keepalives keepalives_idle keepalives_interval keepalives_count
        tcp_user_timeout replication gssencmode sslmode sslnegotiation sslcompression sslcert sslkey sslkeylogfile
        sslpassword sslcertmode sslrootcert sslcrl sslcrldir sslsni ssl_min_protocol_version ssl_max_protocol_version
        min_protocol_version max_protocol_version krbsrvname gsslib gssdelegation scram_client_key scram_server_key
        service servicefile target_session_attrs load_balance_hosts
        """,
    )
)
# Settings of other drivers without a counterpart here: caches, pools and query time-outs.
IGNORED = frozenset(
    re.findall(
        r"\w+",
        """
        pool_timeout socket_timeout pool_size max_connections statement_cache_size prepared_statement_cache_size
        max_idle_connection_lifetime max_connection_lifetime preparethreshold single_use_connections
        """,
    )
)
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_PLAIN_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_$-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """`url` for SQLAlchemy, and the settings from parameters of other drivers.

    `options` are command-line options of the session (`-c name=value`), `schema` is the schema of the tables (None:
    from the role's search_path), `pool_size` the connections per worker, `pooler` whether a pooler in transaction mode
    is in between.
    """

    url: str
    options: str = ""
    schema: str | None = None
    pool_size: int | None = None
    pooler: bool = False


def parse(text: str) -> DatabaseUrl:
    """The parts of a PostgreSQL URL; ValueError names what is invalid."""
    scheme, separator, rest = text.strip().removeprefix("jdbc:").partition("://")
    if not separator or scheme.lower().split("+")[0] not in SCHEMES:
        raise ValueError("is not a PostgreSQL URL (postgresql://user:password@host/database)")
    # As SQLAlchemy parses it: a password may contain anything but "@".
    match = re.fullmatch(r"((?:[^:/?@]*(?::[^@]*)?@)?)([^/?]*)((?:/[^?]*)?)(?:\?(.*))?", rest, re.DOTALL)
    if not match:
        raise ValueError("is not a PostgreSQL URL (postgresql://user:password@host/database)")
    credentials, hosts, path, query = match[1], match[2], match[3], match[4] or ""
    given = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if value]
    places = [_place(place) for place in hosts.split(",")]
    if len(places) > 1:
        # SQLAlchemy accepts several hosts only as parameters.
        given += [("host", place) for place in places]
        hosts = ""
    return _with_parameters(f"postgresql+psycopg2://{credentials}{hosts}{path}", given)


def _place(place: str) -> str:
    """`host`, `host:port` or `[address]:port`, unchanged; ValueError for an invalid port."""
    port = re.fullmatch(r"(?:\[[^\]]*\]|[^:]*)(?::(.*))?", place)
    if not port:
        raise ValueError(f"has the host '{place}', which is not valid (write an IPv6 address in brackets)")
    if port[1] and not (port[1].isdecimal() and 0 < int(port[1]) < 65536):
        raise ValueError(f"has the port '{port[1]}', which is not a number from 1 to 65535")
    return place


def _with_parameters(url: str, given: list[tuple[str, str]]) -> DatabaseUrl:
    known: list[tuple[str, str]] = []
    options: list[str] = []
    schema: str | None = None
    pool_size: int | None = None
    pooler = False
    for name, value in given:
        lower = name.lower()
        if lower in ("schema", "currentschema"):
            schema = _schema(value)
        elif lower == "connection_limit":
            pool_size = _number(name, value)
        elif lower == "pgbouncer":
            pooler = _flag(name, value)
        elif lower == "options":
            options.append(value)
        elif parameter := _libpq_parameter(name, value):
            known.append(parameter)
    if schema == "public" and pooler:
        schema = None  # It is in every role's search_path.
    if pooler and (schema or options):
        raise ValueError(
            "has pgbouncer=true together with 'schema' or 'options', which such a pooler does not pass on: set them for"
            " the role (ALTER ROLE … SET search_path = …)"
        )
    if known:
        url += "?" + urlencode(known, safe="/", quote_via=quote)
    return DatabaseUrl(url, " ".join(options), schema, pool_size, pooler)


def _libpq_parameter(name: str, value: str) -> tuple[str, str] | None:
    """The libpq parameter for one in a URL, None for one without effect here; ValueError for an unknown one."""
    lower = name.lower()
    if lower in ("ssl", "sslmode"):
        return "sslmode", _ssl_mode(name, value)
    if lower == "applicationname":
        return "application_name", value
    if lower == "connect_timeout":
        return lower, str(_number(name, value))
    if lower in LIBPQ:
        return lower, value
    if lower not in IGNORED:
        raise ValueError(f"has the parameter '{name}', which PostgreSQL's client does not know: remove it")
    return None


def _schema(value: str) -> str:
    if not _PLAIN_SCHEMA.fullmatch(value):
        raise ValueError(f"has the schema '{value}', which is not a plain name")
    return value


def _number(name: str, value: str) -> int:
    if not (value.isdecimal() and int(value)):
        raise ValueError(f"has {name}={value}, which is not a whole number above 0")
    return int(value)


def _flag(name: str, value: str) -> bool:
    if value.lower() not in _FLAGS:
        raise ValueError(f"has {name}={value}, which is neither true nor false")
    return _FLAGS[value.lower()]


def _ssl_mode(name: str, value: str) -> str:
    """The sslmode of libpq; drivers for Node.js use `ssl=true` and `no-verify`."""
    lower = value.lower()
    mode = {"no-verify": "require"}.get(lower, lower)
    if name.lower() == "ssl" and lower in _FLAGS:
        mode = "require" if _FLAGS[lower] else "disable"
    if mode not in SSL_MODES:
        raise ValueError(f"has {name}={value}, which is none of {', '.join(SSL_MODES)}")
    return mode
