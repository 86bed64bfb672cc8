"""Reports runs in docs/reliability.md: one row each, the newest first."""

import re
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.completeness import INCOMPLETE
from tests.chaos.run import Result

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- chaos: written by `make chaos` -->", "<!-- chaos: end -->"
HEAD = (
    "| command | day | faults | connections | sends acknowledged | edits, deletions, reads | joined, left, removed "
    "| events received | syncs | lost | doubled | out of order | leaked "
    "| incomplete without `sync` | anything else |"
)
MAX_ROWS = 6
VIOLATIONS = ("lost", "doubled", "out of order", "leaked", INCOMPLETE)


def command(result: Result) -> str:
    """The command that repeats a run."""
    return f"`make chaos SEED={result.seed} MINUTES={result.minutes:g} WORKERS={result.workers} PEOPLE={result.people}`"


def row(result: Result) -> str:
    """A run as a row of the table."""
    did, violations = result.counts, {kind: len(found) for kind, found in result.violations.items()}
    cells = [
        command(result),
        f"{datetime.now(UTC):%Y-%m-%d}",
        str(result.faults.total()),
        f"{did['connections']:,}",
        f"{did['send']:,}",
        f"{did['edit'] + did['delete'] + did['read']:,}",
        f"{did['members'] + did['leave']:,}",
        f"{did['events received']:,}",
        f"{did['syncs']:,}",
        *(str(violations.pop(kind)) for kind in VIOLATIONS),
        str(sum(violations.values())),
    ]
    return f"| {' | '.join(cells)} |"


def write(result: Result, page: Path = PAGE) -> None:
    """Add a run to the page, replacing an earlier one of the same command."""
    old = page.read_text().partition(BEGIN)[2].partition(END)[0]
    rows = [line for line in old.splitlines() if line.startswith("| `make") and command(result) not in line]
    put_table(BEGIN, END, HEAD, [row(result), *rows[: MAX_ROWS - 1]], page)


def put_table(begin: str, end: str, head: str, rows: list[str], page: Path = PAGE) -> None:
    """Write a table between two comments of the page."""
    before, _, rest = page.read_text().partition(begin)
    after = rest.partition(end)[2]
    page.write_text("\n".join([before + begin, "", head, re.sub(r"[^|]+", "---", head), *rows, "", end + after]))
