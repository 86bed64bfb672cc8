"""Reads the environment once, typed. Refuses settings that production can't use, and reports all errors at once."""

import os
import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl

from environs import Env, EnvError

from chatapp.core import api_keys, app_token_settings, database_url
from chatapp.core.app_token_settings import AppTokenSettings
from chatapp.core.causes import without_secrets
from chatapp.core.database_url import DatabaseUrl
from chatapp.core.embedded_database import default_url
from chatapp.core.networks import Network, Rules
from chatapp.core.origins import parse_origin
from chatapp.core.settings import Rate, Settings

ROOT = Path(__file__).resolve().parent
SECRETS = ("JWT_ACCESS_SECRET", "JWT_REFRESH_SECRET")
MIN_SECRET_LENGTH = 32
MAX_APP_NAME = 50
APP_ENVS = ("development", "production", "test")
# Ten years: a longer duration makes no sense, and dates computed from it would overflow.
MAX_SECONDS = 3650 * 86400
# Parameters of a URL that redis-py accepts.
REDIS_PARAMETERS = frozenset(
    re.findall(
        r"\w+",
        """
        db username password client_name protocol max_connections timeout socket_timeout socket_connect_timeout
        socket_keepalive retry_on_timeout health_check_interval ssl_cert_reqs ssl_ca_certs ssl_ca_path ssl_certfile
        ssl_keyfile ssl_check_hostname
        """,
    )
)
T = TypeVar("T")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RATE = re.compile(
    r"(\d+)(?:requests?)?(?:(/|per|in|;w=)(\d*)([smhd]|(?:sec(?:ond)?|min(?:ute)?|hour|day)s?)?)?", re.ASCII
)


class ConfigError(Exception):
    """The environment is invalid; the message has one line per error."""


def parse_duration(text: str) -> timedelta:
    """A span written as `10s`, `15m`, `2h` or `30d`; ValueError for anything else."""
    match = re.fullmatch(r"(\d+)\s*([smhd])", text.strip().lower())
    if not match or not int(match[1]):
        raise ValueError(f"'{text}' is not a duration such as 10s, 15m, 2h or 30d")
    if (seconds := int(match[1]) * _SECONDS[match[2]]) > MAX_SECONDS:
        raise ValueError(f"'{text}' is longer than {MAX_SECONDS // _SECONDS['d']}d")
    return timedelta(seconds=seconds)


def parse_rate(text: str, usual_seconds: int) -> Rate:
    """A limit written as `100/60s`, in words (`100 requests per minute`) or as headers do (`100;w=60`).

    A number alone is for the usual window. ValueError for anything else.
    """
    match = _RATE.fullmatch("".join(text.lower().split()))
    count, window, number, unit = match.groups() if match else ("0", "", "", "")
    seconds = int(number or 1) * _SECONDS[(unit or "s")[0]] if number or unit else usual_seconds * (not window)
    if not int(count) or not seconds:
        raise ValueError(f"'{text}' is not a limit such as 100/60s or '5 per minute'")
    return Rate(int(count), seconds)


def masked(name: str, value: str) -> str:
    """`value` for display: only the length of a secret, and URLs without passwords."""
    if value and re.search("SECRET|TOKEN|PASSWORD(?!_LOGIN)|_KEY", name):
        return f"({len(value)} characters)"
    return without_secrets(value)


def queue_url(url: str, *, self_signed: bool) -> str:
    """`url`, set to accept any certificate if a platform's own Redis has a self-signed one."""
    _check_redis_url(url)
    encrypted = url.startswith("rediss://") and "ssl_cert_reqs" not in url
    return f"{url}{'&' if '?' in url else '?'}ssl_cert_reqs=none" if encrypted and self_signed else url


def development_secrets(instance: Path) -> dict[str, str]:
    """The secrets of a development server, generated once in `instance/secrets.env` (mode 0600)."""
    path = instance / "secrets.env"
    if not path.exists():
        instance.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{name}={secrets.token_urlsafe(48)}\n" for name in SECRETS)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(lines)
        try:
            # A link fails if the name exists: of two servers that start at once, one's secrets win.
            os.link(draft, path)
        except FileExistsError:
            pass
        draft.unlink()
    stored = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    if any(len(stored.get(name, "")) < MIN_SECRET_LENGTH for name in SECRETS):
        raise ConfigError(f"{path} lacks a secret: remove it to have new ones made (all sessions end).")
    return stored


class _Environment:
    """Reads settings from environment variables (`.env` beside this file fills gaps).

    `errors` describes what is wrong with them, `shown` has each value as it was understood, secrets masked.
    """

    def __init__(self) -> None:
        self._env = Env()
        if (ROOT / ".env").exists():
            self._env.read_env(str(ROOT / ".env"), recurse=False)
        self.errors: list[str] = []
        self.shown: dict[str, str] = {}

    def unlisted(self, name: str) -> str:
        """A variable that is no setting of this server."""
        return self._env.str(name, "")

    def text(self, name: str, default: str = "") -> str:
        """A variable, or `default` if it is missing or empty."""
        value = self._env.str(name, default) or default
        self.shown[name] = masked(name, value)
        return value

    def read(self, name: str, default: str, parse: Callable[[str], T]) -> T:
        """A variable as `parse` reads it; `default` is parsed instead of an invalid value."""
        try:
            return parse(self.text(name, default))
        except (ValueError, EnvError) as error:
            self.errors.append(f"{name} {error}")
            return parse(default)

    def with_secrets(self, given: dict[str, str], instance: Path) -> dict[str, str]:
        """`given` with the stored secrets of a development server where it has none."""
        if all(given[name] for name in SECRETS):
            return given
        try:
            return development_secrets(instance) | {name: value for name, value in given.items() if value}
        except OSError as error:
            self.errors.append(f"INSTANCE_PATH {instance} can't be used: {error.strerror}")
            return given

    def database(self, given: dict[str, str], instance: Path) -> DatabaseUrl:
        """The database of DATABASE_URL, or the embedded one of a development server."""
        try:
            return database_url.parse(given.get("DATABASE_URL") or default_url(instance / "postgres", "chat"))
        except ValueError as error:
            self.errors.append(f"DATABASE_URL {error}")
            return DatabaseUrl("")

    def check_production(self, given: dict[str, str], workers: int) -> None:
        """Record what production lacks."""
        self.errors += [f"{name} is missing" for name, value in given.items() if not value and name != "REDIS_URL"]
        self.errors += [
            f"{name} is weaker than {MIN_SECRET_LENGTH} characters"
            for name in SECRETS
            if 0 < len(given[name]) < MIN_SECRET_LENGTH
        ]
        if given["JWT_ACCESS_SECRET"] and given["JWT_ACCESS_SECRET"] == given["JWT_REFRESH_SECRET"]:
            self.errors.append("JWT_ACCESS_SECRET and JWT_REFRESH_SECRET are the same")
        if workers > 1 and not given["REDIS_URL"]:
            self.errors.append(
                "REDIS_URL is missing: more than one worker (WEB_CONCURRENCY) needs a queue between them"
            )

    def app_tokens(self, rules: Rules, own_secrets: set[str]) -> AppTokenSettings | None:
        """How tokens of an app are verified, None if they are not accepted."""

        def jwks(text: str) -> str | None:
            if text:
                app_token_settings.check_jwks(text, rules)
            return text or None

        found = AppTokenSettings(
            issuer=self.text("APP_JWT_ISSUER") or None,
            audience=self.text("APP_JWT_AUDIENCE") or None,
            secret=self.text("APP_JWT_SECRET") or None,
            jwks=self.read("APP_JWT_JWKS", "", jwks),
            claims=self.read("APP_JWT_CLAIMS", app_token_settings.CLAIMS, app_token_settings.parse_claims),
            creates=self.read("APP_JWT_CREATES", "true", _flag),
            updates=self.read("APP_JWT_UPDATES", "true", _flag),
            max_lifetime=self.read("APP_JWT_MAX_LIFETIME", "24h", parse_duration),
        )
        self.errors += app_token_settings.contradictions(found, own_secrets)
        return found if found.secret or found.jwks else None

    def check_storage(self, s3_bucket: str | None, upload_path: Path, *, ephemeral: bool) -> None:
        """Record why uploads can't be stored; `ephemeral` is whether the disk is lost with the process."""
        if not s3_bucket and upload_path.exists() and not upload_path.is_dir():
            self.errors.append(f"UPLOAD_PATH {upload_path} is not a folder")
        if (endpoint := self.unlisted("AWS_ENDPOINT_URL")) and not re.match("https?://[^/]", endpoint):
            self.errors.append(f"AWS_ENDPOINT_URL '{endpoint}' is not an http(s) URL")
        forced = self.read("FORCE_LOCAL_STORAGE", "false", _flag)
        if ephemeral and not s3_bucket and not forced:
            self.errors.append(
                "S3_BUCKET is missing: the disk of this platform (DYNO) forgets what is stored on it"
                " (FORCE_LOCAL_STORAGE=true to store files there all the same)"
            )


def load() -> Settings:
    """The settings that the environment describes; raises ConfigError."""
    env = _Environment()
    text, read = env.text, env.read
    app_env = read("APP_ENV", "development", _app_env)
    production = app_env == "production"
    instance = Path(text("INSTANCE_PATH", str(ROOT / "instance"))).resolve()
    given = {name: text(name) for name in (*SECRETS, "DATABASE_URL", "CORS_ORIGIN", "REDIS_URL")}
    workers = read("WEB_CONCURRENCY", "1", _count)
    if production:
        env.check_production(given, workers)
    else:
        given = env.with_secrets(given, instance)
    database = env.database(given, instance)
    env.shown |= {name: masked(name, value) for name, value in (given | {"DATABASE_URL": database.url}).items()}
    s3_bucket = read("S3_BUCKET", "", _bucket)
    upload_path = Path(text("UPLOAD_PATH", str(ROOT / "uploads"))).resolve()
    # A platform that sets DYNO gives each process its own disk, which is lost with the process.
    dyno = bool(env.unlisted("DYNO"))
    env.check_storage(s3_bucket, upload_path, ephemeral=dyno)
    rate_global = read("RATELIMIT_GLOBAL", "100/60s", _rate_in(60))
    port = read("PORT", "3000", _port)
    metrics_port = read("METRICS_PORT", "", lambda text: _port(text) if text else None)
    if metrics_port == port:
        env.errors.append(f"METRICS_PORT and PORT are both {port}")
    outgoing = Rules(is_strict=production, networks=read("WEBHOOK_NETWORKS", "", _networks))
    own_secrets = {given[name] for name in SECRETS if given.get(name)}
    settings = Settings(
        app_env=app_env,
        app_name=read("APP_NAME", "Chat", _app_name),
        app_logo_url=read("APP_LOGO_URL", "", _logo_url),
        app_accent=read("APP_ACCENT", "", _accent),
        host=read("HOST", "127.0.0.1", _host),
        port=port,
        cors_origins=read("CORS_ORIGIN", "*", _origins),
        database_url=database.url,
        database_options=database.options,
        database_schema=database.schema,
        database_pooler=database.pooler,
        database_pool_size=read("DATABASE_POOL_SIZE", str(database.pool_size or 20), _count),
        redis_url=read("REDIS_URL", "", lambda text: queue_url(text, self_signed=dyno) or None),
        access_secret=given.get("JWT_ACCESS_SECRET", ""),
        access_lifetime=read("JWT_ACCESS_EXPIRES_IN", "15m", parse_duration),
        refresh_secret=given.get("JWT_REFRESH_SECRET", ""),
        refresh_lifetime=read("JWT_REFRESH_EXPIRES_IN", "30d", parse_duration),
        server_api_key=read("SERVER_API_KEY", "", _api_key),
        is_registration_open=read("REGISTRATION", "open", _one_of("open", "closed")) == "open",
        has_password_login=read("PASSWORD_LOGIN", "on", _flag),
        public_url=read("PUBLIC_URL", "", _public_url),
        app_tokens=env.app_tokens(outgoing, own_secrets),
        rate_exchange=read("RATELIMIT_EXCHANGE", "30/60s", _rate_in(60)),
        outgoing=outgoing,
        rate_codes=read("RATELIMIT_CODES", "10/60s", _rate_in(60)),
        workers=workers,
        trusted_proxies=read("TRUSTED_PROXIES", "0", _count_or_none),
        ratelimit_enabled=read("RATELIMIT_ENABLED", "true", _flag),
        rate_global=rate_global,
        rate_address=read("RATELIMIT_ADDRESS", f"{10 * rate_global.count}/{rate_global.seconds}s", _rate_in(60)),
        rate_login=read("RATELIMIT_LOGIN", "10/60s", _rate_in(60)),
        rate_register=read("RATELIMIT_REGISTER", "5/60s", _rate_in(60)),
        rate_login_failures=read("RATELIMIT_LOGIN_FAILURES", "10/15m", _rate_in(15 * 60)),
        rate_login_failures_total=read("RATELIMIT_LOGIN_FAILURES_TOTAL", "100/15m", _rate_in(15 * 60)),
        rate_events=read("RATELIMIT_EVENTS", "60/10s", _rate_in(10)),
        profiles_managed=read("PROFILE_EDITING", "self", _one_of("self", "server")) == "server",
        external_ids_private=read("EXTERNAL_IDS", "public", _one_of("public", "private")) == "private",
        chat_data_managed=read("CHAT_DATA", "admins", _one_of("admins", "server")) == "server",
        max_sockets=read("MAX_SOCKETS_PER_USER", "20", _count),
        rate_server=read("RATELIMIT_SERVER", "6000/60s", _rate_in(60)),
        rate_wrong_keys=read("RATELIMIT_WRONG_KEYS", "20/60s", _rate_in(60)),
        max_sockets_per_key=read("MAX_SOCKETS_PER_KEY", "1000", _count),
        max_unauthenticated=read("MAX_UNAUTHENTICATED", "200", _count),
        rate_handshakes=read("RATELIMIT_HANDSHAKES", "300/10s", _rate_in(10)),
        max_body_bytes=256 * 1024,
        max_upload_bytes=read("MAX_UPLOAD_MB", "10", _count) * 1024 * 1024,
        max_uploads=read("MAX_UPLOADS_PER_USER", "2", _count),
        upload_quota_bytes=read("UPLOAD_QUOTA_MB", "1024", _count) * 1024 * 1024,
        edit_history=read("EDIT_HISTORY", "members", _one_of("members", "admins", "off")),
        edit_window=read("EDIT_WINDOW", "", lambda text: parse_duration(text) if text else None),
        rate_reactions=read("RATELIMIT_REACTIONS", "60/60s", _rate_in(60)),
        rate_signals=read("RATELIMIT_SIGNALS", "30/10s", _rate_in(10)),
        rate_mention_all=read("RATELIMIT_MENTION_ALL", "10/1h", _rate_in(60 * 60)),
        rate_reports=read("RATELIMIT_REPORTS", "20/1h", _rate_in(60 * 60)),
        rate_drafts=read("RATELIMIT_DRAFTS", "60/60s", _rate_in(60)),
        has_search=read("SEARCH", "on", _flag),
        rate_search=read("RATELIMIT_SEARCH", "20/60s", _rate_in(60)),
        audit_days=read("AUDIT_DAYS", "365", _days),
        log_level=read("LOG_LEVEL", "INFO", _log_level),
        metrics_port=metrics_port,
        metrics_token=text("METRICS_TOKEN") or None,
        instance_path=instance,
        upload_path=upload_path,
        s3_bucket=s3_bucket,
        web_path=Path(text("WEB_PATH", str(ROOT / "clients" / "web" / "dist"))).resolve(),
        avatar_hosts=read("AVATAR_HOSTS", "", _hosts),
        web_developer_links=read("WEB_DEVELOPER_LINKS", "", lambda text: _flag(text) if text else not production),
        shown=env.shown,
    )
    if env.errors:
        raise ConfigError("\n".join(f"{error}." for error in env.errors))
    return settings


def _app_env(text: str) -> str:
    if text not in APP_ENVS:
        raise ValueError(f"must be development, production or test, not '{text}'")
    return text


def _api_key(text: str) -> str | None:
    if text and not api_keys.parse(text):
        raise ValueError("is not an API key: make one with flask --app wsgi chat new-key-secret")
    return text or None


def _app_name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > MAX_APP_NAME or not name.isprintable():
        raise ValueError(f"must be 1 to {MAX_APP_NAME} printable characters")
    return name


def _logo_url(text: str) -> str | None:
    if text and not re.fullmatch(r"https?://[A-Za-z0-9.:-]+/[!-~]*|/[!-~]+", text):
        raise ValueError("is not an http(s) URL, or a path of this server")
    return text or None


def _accent(text: str) -> str | None:
    if text and not re.fullmatch("#[0-9A-Fa-f]{6}", text):
        raise ValueError(f"must be a colour such as #5450d6, not '{text}'")
    return text or None


def _bucket(text: str) -> str | None:
    if text and not re.fullmatch(r"arn:[\w.:/-]+|[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]", text, re.ASCII):
        raise ValueError(f"'{text}' is not the name of a bucket")
    if text and not find_spec("boto3"):
        raise ValueError("needs packages that are not installed: pip install -r requirements-s3.txt")
    return text or None


def _check_redis_url(url: str) -> None:
    """ValueError, without the password, if `url` is not a URL of Redis."""
    if not url:
        return
    match = re.fullmatch(r"(rediss?|unix)://(?:[^/?]*@)?([^/?]*)(/[^?]*)?(?:\?(.*))?", url)
    if not match:
        raise ValueError("is not a Redis URL (redis://:password@host:6379/0)")
    place, path = match[2], match[3] or ""
    port = re.fullmatch(r"(?:\[[^\]]*\]|[^:]*)(?::(.*))?", place)
    if not port or (port[1] and not (port[1].isdecimal() and 0 < int(port[1]) < 65536)):
        raise ValueError(f"has the host and port '{place}', which are not valid")
    if match[1] != "unix" and path.strip("/") and not path.strip("/").isdecimal():
        raise ValueError(f"names the database '{path.strip('/')}', which is not a number")
    for name, value in parse_qsl(match[4] or ""):
        if name not in REDIS_PARAMETERS:
            raise ValueError(f"has the parameter '{name}', which Redis's client does not know: remove it")
        if name == "protocol" and value != "2":
            raise ValueError(f"has protocol={value}, and the server speaks only protocol 2: remove it")
        if name == "ssl_cert_reqs" and value not in ("none", "optional", "required"):
            raise ValueError(f"has ssl_cert_reqs={value}, which is none of none, optional, required")


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ValueError(f"must be a whole number above 0, not '{text}'")
    return int(text)


def _days(text: str) -> int:
    if (days := _count(text)) > MAX_SECONDS // _SECONDS["d"]:
        raise ValueError(f"must be at most {MAX_SECONDS // _SECONDS['d']}, not {days}")
    return days


def _count_or_none(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"must be a whole number from 0 on, not '{text}'")
    return int(text)


def _origins(text: str) -> tuple[str, ...]:
    """The origins of a comma-separated list, in the form that browsers send; `*` stands for all."""
    if not (origins := [each.strip() for each in text.split(",") if each.strip()]):
        raise ValueError("names no origin")
    return tuple("*" if each == "*" else parse_origin(each) for each in origins)


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be {' or '.join(choices)}, not '{text}'")
        return text

    return parse


def _hosts(text: str) -> tuple[str, ...]:
    """The hosts of a comma-separated list, each with a port if it is not the usual one."""
    hosts = [each.strip().lower() for each in text.split(",") if each.strip()]
    for host in hosts:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?", host):
            raise ValueError(f"{host} is not a host, such as images.example.org")
    return tuple(hosts)


def _rate_in(usual_seconds: int) -> Callable[[str], Rate]:
    return lambda text: parse_rate(text, usual_seconds)


def _host(text: str) -> str:
    host = text.strip().removeprefix("[").removesuffix("]")
    try:
        return str(ip_address(host))
    except ValueError:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", host):
            raise ValueError(f"must be an address such as 127.0.0.1, 0.0.0.0 or ::, not '{text}'") from None
    return host


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError(f"must be a port from 1 to 65535, not '{text}'")
    return int(text)


def _flag(text: str) -> bool:
    flags = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.strip().lower() not in flags:
        raise ValueError(f"must be true or false, not '{text}'")
    return flags[text.strip().lower()]


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())
    except ValueError as error:
        raise ValueError(f"must be networks such as 10.0.0.0/8: {error}") from None


def _public_url(text: str) -> str | None:
    """The URL without a slash at its end."""
    if text and not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", text):
        raise ValueError(f"'{text}' is not an http(s) URL without a query")
    return text.rstrip("/") or None


def _log_level(text: str) -> str:
    level = {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(text.upper(), text.upper())
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError(f"must be DEBUG, INFO, WARNING, ERROR or CRITICAL, not '{text}'")
    return level
