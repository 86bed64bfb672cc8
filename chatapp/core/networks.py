"""Which addresses the server may send requests to.

https only; http too except in production. There, every address of a host must be public, or in `WEBHOOK_NETWORKS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SSH = 22
# Addresses that contain an IPv4 address in their last 32 bits (NAT64).
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Rules:
    """Where requests may go: to `networks` too, and anywhere over http unless `is_strict`."""

    is_strict: bool
    networks: Sequence[Network] = ()


def check_url(url: str, rules: Rules) -> SplitResult:
    """The parts of a URL; ValueError if it violates the rules literally: by its scheme, port, user name or address."""
    parts = urlsplit(url)
    schemes = ("https",) if rules.is_strict else ("https", "http")
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"is not an {' or '.join(schemes)} URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not contain a user name or password")
    if parts.port in (0, _SSH):
        raise ValueError(f"must not have the port {parts.port}")
    try:
        address = ip_address(parts.hostname)
    except ValueError:
        return parts
    require_allowed(address, rules)
    return parts


def require_allowed(address: Address, rules: Rules) -> None:
    """ValueError unless requests to this address are allowed."""
    if rules.is_strict and not is_public(address) and not any(_contains(each, address) for each in rules.networks):
        raise ValueError(f"has the address {address}, which is not public")


def is_public(address: Address) -> bool:
    """True for an address of the internet that belongs to one host."""
    if isinstance(address, IPv6Address):
        if embedded := _embedded(address):
            return is_public(embedded)
        if address.teredo:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address to which packets for an IPv6 address go, if it contains one."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _contains(network: Network, address: Address) -> bool:
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.version == network.version and address in network
