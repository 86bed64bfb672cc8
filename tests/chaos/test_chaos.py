"""One minute of `make chaos`: every fault once."""

import os
from pathlib import Path

from tests.chaos.run import run
from tests.conftest import NewPostgres

SECONDS = 35
# Longer than the time after which a worker knows that it does not receive what others send.
OUTAGE = (5.0, 5.5)
# Twice that of `make chaos`: each fault still hits many operations, with half of the work.
USER_PAUSE = (0.04, 0.4)


def test_nothing_is_lost_doubled_or_leaked_under_faults(new_postgres: NewPostgres, tmp_path: Path) -> None:
    # Its data is there already.
    new_postgres(tmp_path / "postgres")
    seed = int(os.environ.get("SEED", "1"))
    result = run(
        tmp_path,
        seed=seed,
        minutes=SECONDS / 60,
        workers=3,
        people=8,
        pause=0.5,
        say=print,
        outage=OUTAGE,
        user_pause=USER_PAUSE,
    )
    assert result.held, "\n".join(
        f"{kind}: {violation}" for kind, violations in result.violations.items() for violation in violations
    )
    # It has been something to hold.
    assert result.counts["send"] > 50
    assert result.counts["connections"] > 2 * result.counts["devices"]
