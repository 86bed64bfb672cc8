"""Parses `/metrics` for tests."""

import requests
from prometheus_client.parser import text_string_to_metric_families

Numbers = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(url: str, **headers: str) -> Numbers:
    """All samples, by name and labels."""
    response = requests.get(f"{url}/metrics", headers=headers, timeout=20)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(response.text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def number(numbers: Numbers, name: str, **labels: str) -> float:
    """A sample, 0 if it is missing."""
    return numbers.get((name, tuple(sorted(labels.items()))), 0.0)
