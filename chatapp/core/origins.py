"""Origins of web pages (RFC 6454), in the form that browsers send."""

import re
from ipaddress import IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[^\s/?#@:\[\]*\\]+)(?::([0-9]{1,5}))?/?", re.IGNORECASE)


def parse_origin(text: str) -> str:
    """An origin as browsers send it: lower case, without a trailing slash or the scheme's default port.

    ValueError if `text` is not the origin of a page (`https://app.example.com`); a path, a wildcard and `null` are not.
    """
    match = _ORIGIN.fullmatch(text.strip())
    if not match:
        raise ValueError(f"'{text.strip()}' is not an origin such as https://app.example.com (scheme, host, port)")
    scheme, host, port = match[1].lower(), match[2].lower(), int(match[3]) if match[3] else None
    if port is not None and not 0 < port < 65536:
        raise ValueError(f"'{text.strip()}' has a port that does not exist")
    try:
        host = f"[{IPv6Address(host[1:-1]).compressed}]" if host[0] == "[" else host.encode("idna").decode()
    except ValueError:
        raise ValueError(f"'{text.strip()}' has a host that is not valid") from None
    return f"{scheme}://{host}" if port in (None, DEFAULT_PORTS.get(scheme)) else f"{scheme}://{host}:{port}"
