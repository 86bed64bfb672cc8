"""`make bench`: what the server does in a second and what that costs, as a table and as JSON.

    python -m bench                 everything, in three rounds: the medians (about 20 minutes)
    python -m bench --runs 1 pairs  only what has "pairs" in its name, once

One worker (or two), pinned to one core, on a PostgreSQL of its own with fsync and synchronous_commit on; PostgreSQL and the load
generator have the other cores.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.connecting import connects, logins
from bench.killing import killed
from bench.machine import machine
from bench.measure import Result
from bench.requests import chat_list, history, post
from bench.site import CLIENT_CORE, ROOT, Site, site
from bench.talking import group, one_pair, pairs, typing

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
    return found


def two_workers(made: Site) -> list[Result]:
    """Pairs and a group again, on two workers with a queue between them, each compared with one worker just before."""
    results = []
    for scenario in (pairs, lambda made: group(made, 500)):
        made.start(1)
        alone = scenario(made)
        made.start(2, REDIS_URL=made.queue_url)
        result = scenario(made)
        result.name += ", 2 workers"
        result.more["times the CPU of 1"] = result.cpu_us / alone.cpu_us
        results.append(result)
    return results


SCENARIOS: dict[str, Scenario] = {
    "machine": lambda _made: machine(),
    "pairs": lambda made: [pairs(made)],
    "latency": lambda made: [one_pair(made)],
    "groups": lambda made: [group(made, members) for members in (100, 500, 1000)],
    "typing": lambda made: [typing(made)],
    "growth": lambda made: [group(made, members, online=2, senders=2) for members in (10, 100, 1000)],
    "history": histories,
    "chats": lambda made: [chat_list(made)],
    "post": lambda made: [post(made)],
    "logins": lambda made: [logins(made)],
    "connect": lambda made: [connects(made, count) for count in (2_000, 10_000)],
    "workers": two_workers,
    "kill": lambda made: [killed(made)],
}


def main() -> None:
    """Run the scenarios and report."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--runs", type=int, default=3, help="how many rounds; medians of them are reported")
    parser.add_argument("names", nargs="*", help=f"parts of the names: {', '.join(SCENARIOS)}")
    wanted = parser.parse_args()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, set(range(CLIENT_CORE, os.cpu_count() or 1)))
    names = [name for name in SCENARIOS if not wanted.names or any(part in name for part in wanted.names)]
    rounds: list[list[Result]] = []
    # Not each scenario three times: a shared machine is slow for minutes, which then spoil one round of each.
    for number in range(1, wanted.runs + 1):
        rounds.append([])
        for name in names:
            print(f"round {number} of {wanted.runs}: {name}", file=sys.stderr, flush=True)
            rounds[-1] += _run(SCENARIOS[name])
    lines = [_median(list(each)) for each in zip(*rounds, strict=True)]
    print(f"{'':<38} {'a second':>10} {'':<10} {'CPU µs':>8} {'p50 ms':>8} {'p99 ms':>8}  generator")
    for line in lines:
        _print(line)
    RESULTS.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    report = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine, "runs": wanted.runs}
    path = RESULTS / "latest.json"
    path.write_text(json.dumps(report | {"results": [line.as_json() for line in lines]}, indent=1) + "\n")
    print(f"\n{path.relative_to(ROOT)}", file=sys.stderr)


def _run(scenario: Scenario) -> list[Result]:
    """A scenario on a new site."""
    with tempfile.TemporaryDirectory() as folder, site(Path(folder)) as made:
        made.start(1)
        return scenario(made)


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
        p50=middle([run.p50 for run in runs]),
        p99=middle([run.p99 for run in runs]),
        generator=middle([run.generator for run in runs]) or 0.0,
        more={key: middle([run.more[key] for run in runs]) or 0.0 for key in first.more},
    )


def _print(line: Result) -> None:
    p50, p99 = (f"{value:8.2f}" if value is not None else " " * 8 for value in (line.p50, line.p99))
    more = ", ".join(f"{key} {value:,.{2 if 0 < value < 10 else 1}f}" for key, value in line.more.items())
    cpu = f"{line.cpu_us:,.{3 if line.cpu_us < 1 else 1}f}" if line.cpu_us else ""
    rate = f"{line.name:<38} {line.rate:>10,.0f} {line.unit:<10} {cpu:>8}"
    print(f"{rate} {p50} {p99}  {line.generator:.2f} core  {more}")


if __name__ == "__main__":
    main()
