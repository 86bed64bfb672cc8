"""One client has one address, however it is spelled and whichever proxy forwarded it."""

import pytest

from chatapp.core.addresses import canonical_address, client_address


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("203.0.113.6", "203.0.113.6"),
        (" 203.0.113.6 ", "203.0.113.6"),
        ("203.0.113.6:50000", "203.0.113.6"),
        ("::ffff:203.0.113.6", "203.0.113.6"),
        ("::ffff:cb00:7106", "203.0.113.6"),
        ("[::ffff:203.0.113.6]:50000", "203.0.113.6"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:DB8:0:0:ffff::2", "2001:db8::/64"),
        ("[2001:db8::1]:50000", "2001:db8::/64"),
        ('"[2001:db8::1]"', "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", "unknown"),
        ("unknown", "unknown"),
        ("203.0.113.6, 203.0.113.7", "unknown"),
        ("203.0.113.256", "unknown"),
        ("[2001:db8::1", "2001:db8::/64"),
    ],
)
def test_address_spellings_are_canonicalised(spelling: str, canonical: str) -> None:
    assert canonical_address(spelling) == canonical


@pytest.mark.parametrize(
    ("forwarded", "trusted_proxies", "address"),
    [
        (None, 0, "192.0.2.1"),
        ("203.0.113.6", 0, "192.0.2.1"),
        (None, 1, "192.0.2.1"),
        ("203.0.113.6", 1, "203.0.113.6"),
        ("203.0.113.6:50000", 1, "203.0.113.6"),
        ("198.51.100.7, 203.0.113.6:50000", 1, "203.0.113.6"),
        ("198.51.100.7, 203.0.113.6, 10.0.0.1", 2, "203.0.113.6"),
        ("203.0.113.6", 2, "192.0.2.1"),
    ],
)
def test_forwarded_address_counts_only_from_trusted_proxies(
    forwarded: str | None, trusted_proxies: int, address: str
) -> None:
    environ = {"REMOTE_ADDR": "192.0.2.1"} | ({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})
    assert client_address(environ, trusted_proxies) == address
