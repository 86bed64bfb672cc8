"""`python -m tests.chaos`, which is `make chaos`: see `arguments` for what can be asked for."""

import argparse
import os
import secrets
import sys
import tempfile
from pathlib import Path

from tests.chaos.report import write
from tests.chaos.run import run


def arguments() -> argparse.Namespace:
    """Settings from the environment or the command line."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    new_seed = str(secrets.randbelow(1_000_000))
    parser.add_argument("--seed", type=int, default=os.environ.get("SEED") or new_seed, help="what breaks, and when")
    parser.add_argument("--minutes", type=float, default=os.environ.get("MINUTES") or "10", help="for how long")
    parser.add_argument("--workers", type=int, default=os.environ.get("WORKERS") or "3", help="of the server")
    parser.add_argument("--people", type=int, default=os.environ.get("PEOPLE") or "16", help="who talk")
    parser.add_argument("--no-report", action="store_true", help="leave docs/reliability.md as it is")
    return parser.parse_args()


def main() -> int:
    """Run and report; 0 if there were no violations."""
    wanted = arguments()
    print(f"SEED={wanted.seed} MINUTES={wanted.minutes:g} WORKERS={wanted.workers} PEOPLE={wanted.people}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chatapp-chaos-") as folder:
        result = run(
            Path(folder),
            seed=wanted.seed,
            minutes=wanted.minutes,
            workers=wanted.workers,
            people=wanted.people,
            pause=2.0,
            say=lambda words: print(words, flush=True),
        )
        if not result.held:
            kept = Path("instance", f"chaos-{wanted.seed}.log")
            kept.write_text("".join(path.read_text() for path in Path(folder).glob("server-*.log")))
            print(f"What the server wrote is in {kept}.")
    for name, number in sorted((*result.counts.items(), *result.faults.items())):
        print(f"{number:8,}  {name}")
    for kind, violations in result.violations.items():
        print(f"{len(violations):8,}  {kind}")
        for violation in violations[:20]:
            print(f"            {violation}")
    if not wanted.no_report:
        write(result)
    return 0 if result.held else 1


if __name__ == "__main__":
    sys.exit(main())
