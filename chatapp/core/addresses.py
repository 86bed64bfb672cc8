"""Canonical client addresses, for rate limits and logs."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

# The range that one client can choose from: a limit per single IPv6 address would be useless.
IPV6_PREFIX = 64
UNKNOWN = "unknown"
# `::1` in canonical form.
IPV6_LOOPBACK = "::/64"
# The headers in which proxies name themselves or their clients.
FORWARDING = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA")


def client_address(environ: Mapping[str, Any], trusted_proxies: int) -> str:
    """The client's canonical address, according to the configured number of trusted proxies.

    `environ` is a WSGI environ, before or after ProxyFix. Each trusted proxy appends one address to `X-Forwarded-For`;
    if there are fewer, the address of the connection counts.
    """
    forwarded = environ.get("HTTP_X_FORWARDED_FOR")
    addresses = forwarded.split(",") if forwarded and trusted_proxies else []
    if len(addresses) >= trusted_proxies > 0:
        return canonical_address(addresses[-trusted_proxies])
    return canonical_address(environ.get("REMOTE_ADDR", ""))


def is_local(environ: Mapping[str, Any], trusted_proxies: int) -> bool:
    """True if the client is on this machine. Requests that name untrusted proxies are not local: a proxy on this
    machine would make every client local."""
    forwarded = environ.get("HTTP_X_FORWARDED_FOR")
    named = len(forwarded.split(",")) if forwarded else 0
    if any(name in environ for name in FORWARDING) and not 0 < trusted_proxies <= named:
        return False
    address = client_address(environ, trusted_proxies)
    return address.startswith("127.") or address == IPV6_LOOPBACK


@lru_cache(maxsize=4096)
def canonical_address(text: str) -> str:
    """`203.0.113.6` or `2001:db8:0:1::/64`, the same for every spelling of an address, with or without a port.

    An IPv4-mapped address becomes the IPv4 one. Text without an address becomes `unknown`.
    """
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(address, IPv6Address):
        if not address.ipv4_mapped:
            return str(IPv6Network((address, IPV6_PREFIX), strict=False))
        address = address.ipv4_mapped
    return str(address)
