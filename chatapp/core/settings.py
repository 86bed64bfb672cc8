"""The settings of a server, typed. `config.py` reads them from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from chatapp.core.app_token_settings import AppTokenSettings
from chatapp.core.application import PerApplication
from chatapp.core.networks import Rules


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
    app_logo_url: str | None
    app_accent: str | None
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
    server_api_key: str | None
    is_registration_open: bool
    has_password_login: bool
    public_url: str | None
    rate_codes: Rate
    # None: tokens of an app are not accepted.
    app_tokens: AppTokenSettings | None
    rate_exchange: Rate
    outgoing: Rules
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
    chat_data_managed: bool
    profiles_managed: bool
    external_ids_private: bool
    max_sockets: int
    rate_server: Rate
    rate_wrong_keys: Rate
    max_sockets_per_key: int
    max_unauthenticated: int
    rate_handshakes: Rate
    max_body_bytes: int
    max_upload_bytes: int
    max_uploads: int
    upload_quota_bytes: int
    edit_history: str
    edit_window: timedelta | None
    rate_reactions: Rate
    rate_signals: Rate
    rate_mention_all: Rate
    rate_reports: Rate
    rate_drafts: Rate
    has_search: bool
    rate_search: Rate
    audit_days: int
    log_level: str
    metrics_port: int | None
    metrics_token: str | None
    instance_path: Path
    upload_path: Path
    s3_bucket: str | None
    web_path: Path
    avatar_hosts: tuple[str, ...]
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
    def local_url(self) -> str:
        """The URL at which this machine reaches the server."""
        host = f"[{self.local_host}]" if ":" in self.local_host else self.local_host
        return f"http://{host}:{self.port}"

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


_settings = PerApplication[Settings]()
# Sets the settings of the application; called by the factory.
configure = _settings.set
# The settings of the application; RuntimeError before the factory ran.
current = _settings.get
