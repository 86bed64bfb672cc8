"""The headers of all responses."""

from typing import TypeAlias

HeaderList: TypeAlias = list[tuple[str, str]]

JSON = ("application/json", "application/problem+json")
ALWAYS = {"X-Content-Type-Options": "nosniff"}
# Pages that need more set their own: `web/client_page.py`, `rest/docs.py`.
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
OF_PAGES = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
BY_TYPE = {
    **dict.fromkeys(JSON, ALWAYS | {"Cache-Control": "no-store"}),
    "text/html": ALWAYS | OF_PAGES,
}
# Headers to add by media type: the lower-case name, and the header.
_ADDED = {
    media_type: [(name.lower(), (name, value)) for name, value in of.items()] for media_type, of in BY_TYPE.items()
}
_ADDED_ALWAYS = [(name.lower(), (name, value)) for name, value in ALWAYS.items()]


def complete(headers: HeaderList) -> HeaderList:
    """The `headers` of a response with the defaults for its media type; headers that are set already stay."""
    given = set()
    media_type, varies = "", False
    for name, value in headers:
        key = name.lower()
        given.add(key)
        if key == "content-type":
            media_type = value.partition(";")[0]
        elif key == "vary" and "origin" in value.lower():
            varies = True
    added = [header for key, header in _ADDED.get(media_type, _ADDED_ALWAYS) if key not in given]
    return [*headers, *added] if varies else [*headers, *added, ("Vary", "Origin")]
