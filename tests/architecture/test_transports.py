"""Every route and every socket event has a permission, a rate limit, a schema and a documented response."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

import config
from chatapp.app import CLIENT_EVENTS, create_app
from chatapp.core.schemas import Input
from chatapp.rest.limits import limiter
from tests.server import ROOT, environment

PUBLIC = {
    "/api/v1/auth/register",
    "/api/v1/auth/login",
    "/api/v1/auth/refresh",
    "/api/v1/auth/exchange",
    "/api/v1/auth/password/reset",
    "/api/v1/capabilities",
    "/avatars/{name}",
}
# Outside the API: the web client, health checks and documents, the same for all clients.
OUTSIDE = {
    "/",
    "/assets/<name>",
    "/healthz",
    "/readyz",
    "/metrics",
    "/docs/",
    "/docs/<path:path>",
    "/docs/dist/<path:path>",
    "/api/v1/openapi.json",
    "/docs/errors",
    "/docs/events",
    "/api/v1/asyncapi.json",
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application, without a database."""
    folder = tmp_path_factory.mktemp("app")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment("postgresql:///nowhere", folder, RATELIMIT_ENABLED="true").items():
            patch.setenv(name, value)
        yield create_app(config.load())


def test_every_route_is_declared_by_a_resource(app: Flask) -> None:
    documented = {re.sub(r"{(\w+)}", "<>", path) for path in app.extensions["api"].document()["paths"]}
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", "<>", rule.rule)
        assert path in documented or rule.rule in OUTSIDE, f"{rule.rule} is not documented"


def test_only_listed_routes_are_public(app: Flask) -> None:
    for path, operations in app.extensions["api"].document()["paths"].items():
        for method, operation in operations.items():
            if method != "parameters":
                assert (operation["security"] == []) is (path in PUBLIC), f"{method} {path}"


def test_every_documented_route_is_limited(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule not in OUTSIDE:
            limits = limiter.limit_manager.blueprint_limits(app, rule.endpoint.split(".")[0])
            expected = {"caller", "address", "key"}
            # A page loads many avatars at once, without a token.
            if rule.rule.startswith("/avatars/"):
                expected = {"downloads"}
            # Those of users are counted apart.
            elif rule.rule.endswith("/reactions/<emoji>"):
                expected = {"reactions", "caller", "key"}
            assert {limit.scope for limit in limits} == expected, rule.rule


def test_socket_events_refuse_unknown_fields(app: Flask) -> None:
    names = [event.name for event in CLIENT_EVENTS]
    assert len(names) == len(set(names))
    for event in CLIENT_EVENTS:
        assert issubclass(event.schema, Input), event.name
        assert event.summary, event.name


def test_env_example_lists_exactly_the_settings(app: Flask) -> None:
    read = set(re.findall(r'(?:read\(|text\(|env\.str\()"([A-Z_]+)"', Path(config.__file__).read_text()))
    read |= {*config.SECRETS, "DATABASE_URL", "CORS_ORIGIN", "REDIS_URL"}
    read -= {"DYNO", "AWS_ENDPOINT_URL"}  # Variables of the platform, and boto3's.
    shown = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read == shown
