"""The settings of a server, typed. `config.py` reads them from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in a moving window of `seconds`."""

    count: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an operator can set; see `.env.example` for the variable and the meaning of each."""

    app_env: str
    app_name: str
    host: str
    port: int
    cors_origins: tuple[str, ...]
    database_url: str
    database_options: str
    database_schema: str | None
    database_pooler: bool
    database_pool_size: int
    redis_url: str | None
    access_secret: str
    access_lifetime: timedelta
    refresh_secret: str
    refresh_lifetime: timedelta
    workers: int
    trusted_proxies: int
    ratelimit_enabled: bool
    rate_global: Rate
    rate_address: Rate
    rate_login: Rate
    rate_register: Rate
    rate_login_failures: Rate
    rate_login_failures_total: Rate
    rate_events: Rate
    max_sockets: int
    max_unauthenticated: int
    rate_handshakes: Rate
    max_body_bytes: int
    max_upload_bytes: int
    max_uploads: int
    upload_quota_bytes: int
    log_level: str
    metrics_port: int | None
    metrics_token: str | None
    instance_path: Path
    upload_path: Path
    s3_bucket: str | None
    web_path: Path
    web_developer_links: bool
    # Each variable as it was parsed, secrets masked, for the operator.
    shown: Mapping[str, str]

    def address(self, port: int) -> str:
        """The address that the server listens on, as host:port."""
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"

    @property
    def local_host(self) -> str:
        """The address at which this machine reaches the server."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    @property
    def spool_path(self) -> Path | None:
        """The folder of temporary files for uploads: beside the stored files, or the system's default (None)."""
        return None if self.s3_bucket else self.upload_path

    @property
    def validate_responses(self) -> bool:
        """Whether responses are validated against their schemas: in tests, so that documents and responses stay the
        same."""
        return self.app_env == "test"

    @property
    def hashes_cheaply(self) -> bool:
        """Whether passwords are hashed with minimal parameters: in tests, which register thousands of users."""
        return self.app_env == "test"


_current: Settings | None = None


def configure(settings: Settings) -> None:
    """Set the settings of this process; called once by the factory."""
    global _current
    _current = settings


def current() -> Settings:
    """The settings of this process; RuntimeError before the factory ran."""
    if _current is None:
        raise RuntimeError("The settings are read by create_app(), which has not run yet.")
    return _current
