"""`make bench`: what the server does in a second and what that costs, as a table and as JSON.

    python -m bench                 everything, in three rounds: the medians (about 20 minutes)
    python -m bench --runs 1 pairs  only what has "pairs" in its name, once
    python -m bench --against REV   the server of another revision too, in turns: both and their ratios

One worker (or several), pinned to one core, on a PostgreSQL of its own with fsync and synchronous_commit on, with rate
limits on; PostgreSQL and the load generator have the other cores.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench.connecting import connects, logins
from bench.growth import large, seen_before
from bench.killing import killed
from bench.machine import machine
from bench.measure import Result
from bench.reacting import celebration, posts
from bench.requests import around, chat_list, history, post, replies
from bench.searching import indexing, searches
from bench.site import CLIENT_CORE, ROOT, Site, site
from bench.storms import handshakes, storm
from bench.talking import group, one_pair, pairs, receipts, typing

RESULTS = ROOT / "bench" / "results"
Scenario = Callable[[Site], list[Result]]


def histories(made: Site) -> list[Result]:
    """The same pages of a chat with 1,000, 100,000 and 1,000,000 messages."""
    found = []
    reader, writer = made.users(2)
    chat = made.chat((reader, writer), type="DIRECT")
    stored = 0
    for total in (1_000, 100_000, 1_000_000):
        made.fill(chat, writer, stored=stored, total=total)
        stored = total
        found += [history(made, chat, reader, total, deep=deep) for deep in (False, True)]
    return [*found, around(made, chat, reader, stored)]


def two_workers(made: Site) -> list[Result]:
    """Pairs and a group again, on two workers with a queue between them, each compared with one worker just before."""
    results = []
    for scenario in (pairs, lambda made: group(made, 500)):
        results += _on_workers(made, scenario, 2)
    return results


def many_pairs(made: Site) -> list[Result]:
    """25 to 400 pairs on one, two and three workers."""
    results = []
    for count in (25, 100, 400):
        results += _on_workers(made, partial(pairs, count=count), 2, 3)
    return results


def six_workers(made: Site) -> list[Result]:
    """Pairs and a group of 50 on six workers, each compared with one worker just before."""
    results = []
    for scenario in (pairs, lambda made: group(made, 50)):
        results += _on_workers(made, scenario, 6)
    return results


def _on_workers(made: Site, scenario: Callable[[Site], Result], *numbers: int) -> list[Result]:
    made.start(1)
    alone = scenario(made)
    results = [alone]
    for number in numbers:
        made.start(number, REDIS_URL=made.queue_url)
        result = scenario(made)
        result.name += f", {number} workers"
        result.more["times the CPU of 1"] = result.cpu_us / alone.cpu_us
        results.append(result)
    return results


SCENARIOS: dict[str, Scenario] = {
    "machine": lambda _made: machine(),
    "pairs": lambda made: [pairs(made)],
    "latency": lambda made: [one_pair(made)],
    "steady": lambda made: [one_pair(made, 300), one_pair(made, 300, reading=True)],
    "groups": lambda made: [group(made, members) for members in (100, 500, 1000)],
    "typing": lambda made: [typing(made)],
    "receipts": lambda made: [receipts(made)],
    "growth": lambda made: [group(made, members, online=2, senders=2) for members in (10, 100, 1000)],
    "history": histories,
    "replies": replies,
    "chats": lambda made: [chat_list(made, count) for count in (200, 5000)],
    "post": lambda made: [post(made)],
    "reactions": lambda made: [posts(made, reacting=reacting) for reacting in (False, True)],
    "celebration": lambda made: [celebration(made)],
    "logins": lambda made: [logins(made)],
    "connect": lambda made: [connects(made, count) for count in (2_000, 19_800)],
    "handshakes": lambda made: [handshakes(made)],
    "storm": lambda made: [storm(made)],
    "seen": seen_before,
    "workers": two_workers,
    "many": many_pairs,
    "six": six_workers,
    "large": large,
    "indexing": indexing,
    "search": searches,
    "kill": lambda made: [killed(made)],
}


def main() -> None:
    """Run the scenarios and report."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--runs", type=int, default=3, help="how many rounds; medians of them are reported")
    parser.add_argument("--against", metavar="REV", help="measure the server of this revision too, in turns")
    parser.add_argument("names", nargs="*", help=f"parts of the names: {', '.join(SCENARIOS)}")
    wanted = parser.parse_args()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, set(range(CLIENT_CORE, os.cpu_count() or 1)))
    names = [name for name in SCENARIOS if not wanted.names or any(part in name for part in wanted.names)]
    with tempfile.TemporaryDirectory() as folder:
        roots = [ROOT]
        if wanted.against:
            roots.insert(0, _source(wanted.against, Path(folder, "source")))
        found = _rounds(names, roots, wanted.runs)
    print(f"{'':<42} {'a second':>10} {'':<10} {'CPU µs':>8} {'DB µs':>8} {'p50 ms':>8} {'p99 ms':>8}  generator")
    if wanted.against:
        for before, after in zip(*found, strict=True):
            _compare(before, after, wanted.against)
        return
    for line in found[0]:
        _print(line)
    RESULTS.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    report = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine, "runs": wanted.runs}
    path = RESULTS / "latest.json"
    path.write_text(json.dumps(report | {"results": [line.as_json() for line in found[0]]}, indent=1) + "\n")
    print(f"\n{path.relative_to(ROOT)}", file=sys.stderr)


def _source(revision: str, folder: Path) -> Path:
    """The source of a revision, in a folder; its server runs with the packages of this one."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    subprocess.run(["tar", "x"], cwd=folder, check=True, input=archive.stdout)
    return folder


def _rounds(names: list[str], roots: list[Path], runs: int) -> list[list[Result]]:
    """For each source its results: of each figure the median over all rounds."""
    found: dict[Path, list[list[Result]]] = {root: [] for root in roots}
    # Not each scenario three times: a shared machine is slow for minutes, which then spoil one round of each.
    for number in range(1, runs + 1):
        for root in roots:
            found[root].append([])
        for name in names:
            print(f"round {number} of {runs}: {name}", file=sys.stderr, flush=True)
            # In turns, and the other one first in the next round.
            for root in roots[:: 1 if number % 2 else -1]:
                found[root][-1] += _run(SCENARIOS[name], root)
    return [[_median(list(each)) for each in zip(*rounds, strict=True)] for rounds in found.values()]


def _run(scenario: Scenario, root: Path) -> list[Result]:
    """A scenario on a new site."""
    with tempfile.TemporaryDirectory() as folder, site(Path(folder), root) as made:
        made.start(1)
        return scenario(made)


def _compare(before: Result, after: Result, revision: str) -> None:
    """Print both results and the ratios of their figures."""
    name, before.name, after.name = after.name, f"  {revision}", "  now"
    ratios = [
        f"{figure} × {now / then:.2f}"
        for figure, then, now in (
            ("CPU", before.cpu_us, after.cpu_us),
            ("DB", before.database_us, after.database_us),
            ("p50", before.p50, after.p50),
            ("p99", before.p99, after.p99),
        )
        if then and now
    ]
    print(f"{name}: {', '.join(ratios)}")
    _print(before)
    _print(after)


def _median(runs: list[Result]) -> Result:
    """Of each figure the median over several runs."""

    def middle(figures: list[float | None]) -> float | None:
        known = [figure for figure in figures if figure is not None]
        return statistics.median(known) if known else None

    first = runs[0]
    return Result(
        first.name,
        first.unit,
        rate=middle([run.rate for run in runs]) or 0.0,
        cpu_us=middle([run.cpu_us for run in runs]) or 0.0,
        database_us=middle([run.database_us for run in runs]) or 0.0,
        p50=middle([run.p50 for run in runs]),
        p99=middle([run.p99 for run in runs]),
        generator=middle([run.generator for run in runs]) or 0.0,
        more={key: middle([run.more[key] for run in runs]) or 0.0 for key in first.more},
    )


def _print(line: Result) -> None:
    p50, p99 = (f"{value:8.2f}" if value is not None else " " * 8 for value in (line.p50, line.p99))
    more = ", ".join(f"{key} {value:,.{2 if 0 < value < 10 else 1}f}" for key, value in line.more.items())
    cpu, database = (
        f"{value:,.{3 if value < 1 else 1}f}" if value else "" for value in (line.cpu_us, line.database_us)
    )
    rate = f"{line.name:<42} {line.rate:>10,.0f} {line.unit:<10} {cpu:>8} {database:>8}"
    print(f"{rate} {p50} {p99}  {line.generator:.2f} core  {more}")


if __name__ == "__main__":
    main()
