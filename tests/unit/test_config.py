"""The environment is read once, typed, and all errors are reported."""

import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import config
from chatapp.core.database_url import DatabaseUrl, parse
from chatapp.core.settings import Rate
from tests.server import ROOT

PRODUCTION = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgres://someone@db.example.org/chat",
    "CORS_ORIGIN": "https://app.example.org",
    "JWT_ACCESS_SECRET": "a" * 32,
    "JWT_REFRESH_SECRET": "b" * 32,
}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for line in (ROOT / ".env.example").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            monkeypatch.delenv(line.partition("=")[0], raising=False)
    monkeypatch.setenv("INSTANCE_PATH", str(tmp_path))


def given(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("10s", timedelta(seconds=10)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("30d", timedelta(days=30)),
    ],
)
def test_durations_are_written_short(text: str, span: timedelta) -> None:
    assert config.parse_duration(text) == span


@pytest.mark.parametrize("text", ["", "10", "m", "0s", "-1s", "1.5h", "10 weeks"])
def test_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        config.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("100/60s", Rate(100, 60)),
        ("5/60", Rate(5, 60)),
        ("20/15m", Rate(20, 900)),
        ("5 per minute", Rate(5, 60)),
        ("100 per 1 hour", Rate(100, 3600)),
        ("100 requests / 60 s", Rate(100, 60)),
        ("3 in 2 minutes", Rate(3, 120)),
        ("100;w=60", Rate(100, 60)),
    ],
)
def test_limits_have_a_short_and_a_long_form(text: str, rate: Rate) -> None:
    assert config.parse_rate(text, 1) == rate


def test_limit_without_window_keeps_the_default_window(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, RATELIMIT_REGISTER="1000", RATELIMIT_EVENTS="100")
    settings = config.load()
    assert (settings.rate_register, settings.rate_events) == (Rate(1000, 60), Rate(100, 10))


@pytest.mark.parametrize(
    "text", ["", "0", "0/60s", "5/0s", "a/60s", "100/", "100 per fortnight", "100/month", "-1/60s"]
)
def test_invalid_limit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a limit"):
        config.parse_rate(text, 60)


def test_development_needs_no_settings_and_keeps_its_secrets(tmp_path: Path) -> None:
    first, second = config.load(), config.load()
    assert first.access_secret == second.access_secret != first.refresh_secret
    assert len(first.access_secret) >= config.MIN_SECRET_LENGTH
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600


def test_truncated_secrets_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("")
    with pytest.raises(config.ConfigError, match="lacks a secret"):
        config.load()


def test_documented_limits_are_the_defaults() -> None:
    settings = config.load()
    assert (settings.port, settings.workers, settings.trusted_proxies) == (3000, 1, 0)
    assert (settings.access_lifetime, settings.refresh_lifetime) == (timedelta(minutes=15), timedelta(days=30))
    assert (settings.rate_global, settings.rate_login, settings.rate_register) == (
        Rate(100, 60),
        Rate(10, 60),
        Rate(5, 60),
    )
    assert settings.rate_address == Rate(1000, 60)
    assert (settings.rate_login_failures, settings.rate_login_failures_total) == (Rate(10, 900), Rate(100, 900))
    assert settings.ratelimit_enabled
    assert settings.max_upload_bytes == 10 * 1024 * 1024


@pytest.mark.parametrize(
    ("text", "address", "here"),
    [
        ("", "127.0.0.1:3000", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0:3000", "127.0.0.1"),
        ("::", "[::]:3000", "::1"),
        ("[::1]", "[::1]:3000", "::1"),
        ("2001:DB8::1", "[2001:db8::1]:3000", "2001:db8::1"),
        ("localhost", "localhost:3000", "localhost"),
    ],
)
def test_a_host_is_an_address_or_a_name(monkeypatch: pytest.MonkeyPatch, text: str, address: str, here: str) -> None:
    given(monkeypatch, HOST=text)
    settings = config.load()
    assert (settings.address(settings.port), settings.local_host) == (address, here)


@pytest.mark.parametrize(("text", "level"), [("debug", "DEBUG"), ("warn", "WARNING"), ("Fatal", "CRITICAL")])
def test_log_levels_have_aliases(monkeypatch: pytest.MonkeyPatch, text: str, level: str) -> None:
    given(monkeypatch, LOG_LEVEL=text)
    assert config.load().log_level == level


def test_production_starts_with_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **PRODUCTION)
    assert config.load().cors_origins == ("https://app.example.org",)


@pytest.mark.parametrize("missing", ["DATABASE_URL", "CORS_ORIGIN", "JWT_ACCESS_SECRET", "JWT_REFRESH_SECRET"])
def test_production_lists_missing_settings(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    given(monkeypatch, **(PRODUCTION | {missing: ""}))
    with pytest.raises(config.ConfigError, match=f"{missing} is missing"):
        config.load()


def test_all_errors_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, APP_ENV="production", PORT="http", RATELIMIT_GLOBAL="lots", JWT_ACCESS_SECRET="short")
    with pytest.raises(config.ConfigError) as caught:
        config.load()
    for name in ("PORT", "RATELIMIT_GLOBAL", "JWT_ACCESS_SECRET", "JWT_REFRESH_SECRET", "DATABASE_URL", "CORS_ORIGIN"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"JWT_ACCESS_SECRET": "a" * 31}, "JWT_ACCESS_SECRET is weaker than 32 characters"),
        ({"JWT_REFRESH_SECRET": "a" * 32}, "JWT_ACCESS_SECRET and JWT_REFRESH_SECRET are the same"),
        ({"WEB_CONCURRENCY": "2"}, "REDIS_URL is missing"),
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL is not a PostgreSQL URL"),
        ({"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY must be a whole number above 0"),
        ({"RATELIMIT_ENABLED": "maybe"}, "RATELIMIT_ENABLED must be true or false"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL must be"),
        ({"PORT": "70000"}, "PORT must be a port"),
        ({"HOST": "http://127.0.0.1"}, "HOST must be an address"),
        ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES must be"),
        ({"WEB_CONCURRENCY": "x"}, "WEB_CONCURRENCY must be a whole number above 0, not 'x'"),
        ({"WEB_CONCURRENCY": "²"}, "WEB_CONCURRENCY must be"),
        ({"APP_ENV": "prod"}, "APP_ENV must be development, production or test, not 'prod'"),
        ({"CORS_ORIGIN": ","}, "CORS_ORIGIN names no origin"),
        ({"AVATAR_HOSTS": "https://a.example"}, "AVATAR_HOSTS https://a.example is not a host"),
        ({"AVATAR_HOSTS": "a.example; script-src *"}, "AVATAR_HOSTS a.example; script-src \\* is not a host"),
        ({"JWT_ACCESS_EXPIRES_IN": "99999999999d"}, "JWT_ACCESS_EXPIRES_IN '99999999999d' is longer"),
        ({"APP_LOGO_URL": "javascript:alert(1)"}, "APP_LOGO_URL is not an http"),
        ({"APP_LOGO_URL": "https://a.example"}, "APP_LOGO_URL is not an http"),
        ({"APP_ACCENT": "red"}, "APP_ACCENT must be a colour such as #5450d6, not 'red'"),
        ({"APP_NAME": "x" * 51}, "APP_NAME must be 1 to 50 printable characters"),
        ({"APP_NAME": "a\nb"}, "APP_NAME must be"),
        ({"APP_NAME": "  "}, "APP_NAME must be"),
        ({"METRICS_PORT": "3000"}, "METRICS_PORT and PORT are both 3000"),
        ({"S3_BUCKET": "s3://files"}, "S3_BUCKET 's3://files' is not the name"),
        ({"AWS_ENDPOINT_URL": "minio:9000"}, "AWS_ENDPOINT_URL 'minio:9000' is not"),
        ({"UPLOAD_PATH": __file__}, "UPLOAD_PATH .* is not a folder"),
        ({"REDIS_URL": "localhost:6379"}, "REDIS_URL is not a Redis URL"),
        ({"REDIS_URL": "redis://:hush@h:x/0"}, "REDIS_URL has the host and port 'h:x', which are not valid"),
        ({"REDIS_URL": "redis://h/first"}, "REDIS_URL names the database 'first'"),
        ({"REDIS_URL": "redis://h?protocol=3"}, "REDIS_URL has protocol=3, and the server speaks only protocol 2"),
        ({"REDIS_URL": "redis://h?family=0"}, "REDIS_URL has the parameter 'family'"),
        ({"DATABASE_URL": "postgres://h/d?sslaccept=strict"}, "DATABASE_URL has the parameter 'sslaccept'"),
        ({"DATABASE_URL": "postgres://u:hush@h:port/d"}, "DATABASE_URL has the port 'port'"),
        ({"DATABASE_URL": "postgres://h/d?connection_limit=many"}, "DATABASE_URL has connection_limit=many"),
        ({"DATABASE_URL": "postgres://h/d?pgbouncer=maybe"}, "DATABASE_URL has pgbouncer=maybe"),
        ({"DATABASE_URL": "postgres://h/d?sslmode=on"}, "DATABASE_URL has sslmode=on"),
        ({"DATABASE_URL": "postgres://h/d?schema=a%20b"}, "DATABASE_URL has the schema 'a b'"),
        ({"DATABASE_URL": "postgres://h/d?pgbouncer=true&schema=x"}, "DATABASE_URL has pgbouncer=true together"),
    ],
)
def test_invalid_production_settings_are_refused(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], error: str
) -> None:
    given(monkeypatch, **(PRODUCTION | changes))
    with pytest.raises(config.ConfigError, match=f"^{error}.*[.]$") as caught:
        config.load()
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("postgres://u:p@h:5/d?sslmode=require", DatabaseUrl("postgresql+psycopg2://u:p@h:5/d?sslmode=require")),
        ("postgresql://u:p@h/d", DatabaseUrl("postgresql+psycopg2://u:p@h/d")),
        ("postgresql+psycopg2://u:p@h/d", DatabaseUrl("postgresql+psycopg2://u:p@h/d")),
        ("postgresql+psycopg://u:p@h/d", DatabaseUrl("postgresql+psycopg2://u:p@h/d")),
        ("jdbc:postgresql://h/d?user=u", DatabaseUrl("postgresql+psycopg2://h/d?user=u")),
        ("postgres://u:p#?/s%40s@h/d", DatabaseUrl("postgresql+psycopg2://u:p#?/s%40s@h/d")),
        ("postgres://u@[::1]:5432/d", DatabaseUrl("postgresql+psycopg2://u@[::1]:5432/d")),
        ("postgres://h/d?schema=public", DatabaseUrl("postgresql+psycopg2://h/d", schema="public")),
        ("postgres://h/d?currentSchema=talk", DatabaseUrl("postgresql+psycopg2://h/d", schema="talk")),
        ("postgres://h/d?connection_limit=5&pool_timeout=2", DatabaseUrl("postgresql+psycopg2://h/d", pool_size=5)),
        ("postgres://h/d?pgbouncer=true&schema=public", DatabaseUrl("postgresql+psycopg2://h/d", pooler=True)),
        ("postgres://h/d?ssl=true", DatabaseUrl("postgresql+psycopg2://h/d?sslmode=require")),
        ("postgres://h/d?sslmode=no-verify", DatabaseUrl("postgresql+psycopg2://h/d?sslmode=require")),
        ("postgres://h/d?options=-c%20a%3Db", DatabaseUrl("postgresql+psycopg2://h/d", options="-c a=b")),
        ("postgres://u@a:1,b:2/d", DatabaseUrl("postgresql+psycopg2://u@/d?host=a%3A1&host=b%3A2")),
    ],
)
def test_database_urls_of_other_drivers_are_accepted(url: str, read: DatabaseUrl) -> None:
    assert parse(url) == read


def test_connection_limit_is_the_default_of_the_pool_size(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, DATABASE_URL="postgres://h/d?connection_limit=5")
    assert config.load().database_pool_size == 5
    given(monkeypatch, DATABASE_POOL_SIZE="7")
    assert config.load().database_pool_size == 7


def test_uploads_to_an_ephemeral_disk_must_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, DYNO="web.1")
    with pytest.raises(config.ConfigError, match="S3_BUCKET is missing"):
        config.load()
    given(monkeypatch, FORCE_LOCAL_STORAGE="true")
    assert config.load().s3_bucket is None
    given(monkeypatch, FORCE_LOCAL_STORAGE="", S3_BUCKET="files")
    assert config.load().s3_bucket == "files"


def test_a_bucket_needs_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, S3_BUCKET="files")
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(config.ConfigError) as raised:
        config.load()
    assert str(raised.value) == ("S3_BUCKET needs packages that are not installed: pip install -r requirements-s3.txt.")


FLASK = ["-m", "flask", "--app", "wsgi"]


@pytest.mark.parametrize(
    ("command", "changes", "says"),
    [
        (["-m", "gunicorn", "wsgi:app"], {"APP_ENV": "production"}, "DATABASE_URL is missing."),
        ([*FLASK, "db", "upgrade"], {"APP_ENV": "production"}, "DATABASE_URL is missing."),
        (["-m", "gunicorn", "wsgi:app"], {"DATABASE_URL": "postgres://h/d?x=1"}, "DATABASE_URL has the parameter 'x'"),
        ([*FLASK, "db", "upgrade"], {"DATABASE_URL": "postgres://h/d?x=1"}, "DATABASE_URL has the parameter 'x'"),
        ([*FLASK, "db", "upgrade"], {"WEB_CONCURRENCY": "x"}, "WEB_CONCURRENCY must be a whole number"),
        ([*FLASK, "chat", "check"], {"WEB_CONCURRENCY": "x"}, "WEB_CONCURRENCY must be a whole number"),
        (["-m", "chatapp.launcher"], {"WEB_CONCURRENCY": "x"}, "WEB_CONCURRENCY must be a whole number"),
        (["-m", "chatapp.launcher"], {"INSTANCE_PATH": "/dev/null/x"}, "INSTANCE_PATH /dev/null/x can't be used"),
        ([*FLASK, "chat", "check"], {"UPLOAD_PATH": "/dev/null/x"}, "UPLOAD_PATH can't be used"),
    ],
)
def test_start_failure_is_explained(command: list[str], changes: dict[str, str], says: str, tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "INSTANCE_PATH": str(tmp_path), "UPLOAD_PATH": str(tmp_path)} | changes
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: The environment can't be served with:\n")


def test_self_signed_redis_of_a_platform_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, REDIS_URL="rediss://:secret@queue.example.org:6380", FORCE_LOCAL_STORAGE="true")
    assert config.load().redis_url == "rediss://:secret@queue.example.org:6380"
    given(monkeypatch, DYNO="web.1")
    assert config.load().redis_url == "rediss://:secret@queue.example.org:6380?ssl_cert_reqs=none"
