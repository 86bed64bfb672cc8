"""Origins are compared in the form that browsers send, and few refused ones are logged."""

from typing import Any

import pytest
import structlog

import config
from chatapp.core.origins import parse_origin
from chatapp.rest import origins
from chatapp.rest.origins import Origins


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("https://app.example.com/", "https://app.example.com"),
        (" HTTPS://App.Example.COM ", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://app.example.com:80/", "http://app.example.com"),
        ("http://app.example.com:443", "http://app.example.com:443"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("http://[0:0::1]:3000", "http://[::1]:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_origins_are_normalised(written: str, sent: str) -> None:
    assert parse_origin(written) == sent


@pytest.mark.parametrize(
    "text",
    [
        "app.example.com",
        "localhost:5173",
        "https://app.example.com/chat",
        "https://app.example.com?x=1",
        "https://app.example.com//",
        "https://*.example.com",
        "https://user@app.example.com",
        "https://app.example.com:0",
        "https://app.example.com:70000",
        "https://app example.com",
        "https://a..example.com",
        "http://[::g]",
        "https://",
        "null",
        "file://",
    ],
)
def test_invalid_origin_is_refused_at_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGIN", f"https://app.example.com, {text}")
    with pytest.raises(config.ConfigError, match=r"^CORS_ORIGIN ") as error:
        config.load()
    assert str(error.value).count("\n") == 0
    assert text in str(error.value)


def test_several_origins_are_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGIN", "https://App.example.com/,https://admin.example.com:443")
    assert config.load().cors_origins == ("https://app.example.com", "https://admin.example.com")


def request(origin: str, host: str = "chat.example.com", scheme: str = "https", **headers: str) -> dict[str, Any]:
    sent = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return {"HTTP_ORIGIN": origin, "HTTP_HOST": host, "wsgi.url_scheme": scheme} | sent


@pytest.mark.parametrize(
    ("proxies", "environ", "accepted"),
    [
        (0, request("https://chat.example.com"), True),
        (0, request("https://CHAT.example.com"), True),
        (0, request("https://chat.example.com", host="Chat.example.com:443"), True),
        (0, request("https://chat.example.com:8443", host="chat.example.com:8443"), True),
        (0, request("https://chat.example.com:8443"), False),
        (0, request("http://chat.example.com"), False),
        (0, request("http://[::1]:3000", host="[::1]:3000", scheme="http"), True),
        (0, request("null", host="null"), False),
        (0, request("https://", host=""), False),
        # Without a trusted proxy no forwarded header counts.
        (0, request("https://evil.example", x_forwarded_host="evil.example"), False),
        (1, request("https://public.example", x_forwarded_host="public.example"), True),
        (1, request("https://evil.example", x_forwarded_host="evil.example, public.example"), False),
        (2, request("https://public.example", x_forwarded_host="evil.example, public.example, inner"), True),
        (2, request("https://evil.example", x_forwarded_host="evil.example"), False),
    ],
)
def test_own_origin_depends_on_trusted_proxies(proxies: int, environ: dict[str, Any], accepted: bool) -> None:
    assert Origins(["https://app.example.com"], proxies).accepts(environ) is accepted


def test_few_refused_origins_are_logged() -> None:
    policy = Origins(["https://app.example.com"], 0)
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            for number in range(origins.MAX_LOGGED + 50):
                policy.error(request(f"https://evil{number}.example"))
        policy.error(request("https://evil.example/" + "a" * 5000))
    assert len(lines) == origins.MAX_LOGGED
    assert {line["event"] for line in lines} == {"origin_refused"}
