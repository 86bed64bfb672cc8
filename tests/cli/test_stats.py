"""The state of the server, on the command line."""

import json

from chatapp.core.version import __version__
from tests.cli.conftest import Chat


def test_the_state_is_printed_for_people_and_for_scripts(chat: Chat) -> None:
    shown = chat("stats")
    assert shown.returncode == 0, shown.stderr
    for word in (__version__, "Database", "Queue", "Users", "Jobs failed"):
        assert word in shown.stdout
    state = json.loads(chat("stats", "--json").stdout)
    assert state["version"] == __version__
    assert set(state["jobs"]) == {"queued", "running", "failed"}
