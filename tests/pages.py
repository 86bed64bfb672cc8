"""The pages of the documentation, as tests read them."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests


class Links(HTMLParser):
    """What a page is made of: its tags, where it points and what can be pointed at."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.targets: set[str] = set()
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "src"):
                self.targets.add(value or "")
            elif name == "id":
                self.ids.append(value or "")


def check_self_contained(page: requests.Response) -> None:
    """AssertionError if a page loads anything, could run anything, or has a link that leads nowhere."""
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    found = Links(page.text)
    assert not found.tags & {"script", "img", "iframe", "object", "embed"}
    assert not re.search(r"url\(|@import", page.text)
    assert len(found.ids) == len(set(found.ids))
    for target in found.targets - {"data:,"}:
        if target.startswith("#"):
            assert target.removeprefix("#") in found.ids, target
        else:
            assert re.match(r"/(?!/)", target), target
            assert requests.get(urljoin(page.url, target), timeout=20).ok, target
