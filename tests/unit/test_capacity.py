"""The documented table of what many sockets need is the computed one."""

from bench.capacity import DOCS, documented, table


def test_documented_table_is_computed() -> None:
    assert documented(DOCS.read_text()) == table(), "python -m bench.capacity --write"
