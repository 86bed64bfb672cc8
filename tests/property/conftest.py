"""Hypothesis profiles: a quick one with the same cases in every run, and a thorough one with new cases.

HYPOTHESIS_PROFILE=thorough                          many runs, from a random seed that is printed at the end
HYPOTHESIS_SEED=7, or --hypothesis-seed=7 of pytest  the cases of that seed, with either profile
"""

import os
import secrets
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import seed as use_seed
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from sqlalchemy import Engine

import config
from chatapp.app import create_app
from chatapp.features.messages import schemas, sync
from tests.conftest import NewPerson
from tests.property.actions_transport import ActionsTransport
from tests.property.machine import PEOPLE, Caps
from tests.property.rest_transport import RestTransport
from tests.server import environment

_SHARED = settings(
    deadline=None,
    database=None,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("quick", _SHARED, max_examples=20, stateful_step_count=30, derandomize=True)
settings.register_profile("thorough", _SHARED, max_examples=300, stateful_step_count=50)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
# The machines that were run, for the summary.
_ran: list[str] = []

# try_out(machine, share): runs a machine, over a share of the profile's number of runs.
TryOut: TypeAlias = Callable[..., None]


@pytest.fixture
def try_out(request: pytest.FixtureRequest) -> TryOut:
    """Runs a machine with the settings of the profile."""
    given = request.config.getoption("--hypothesis-seed", default=None) or os.environ.get("HYPOTHESIS_SEED")
    profile = settings.get_profile(PROFILE)

    def run(machine: Callable[[], RuleBasedStateMachine], share: float = 1.0) -> None:
        chosen = settings(profile, max_examples=max(1, round(profile.max_examples * share)))
        runs = 0

        def count() -> RuleBasedStateMachine:
            nonlocal runs
            runs += 1
            return machine()

        seed = given or (None if chosen.derandomize else str(secrets.randbits(32)))
        if seed is not None:
            chosen = settings(chosen, derandomize=False)
            use_seed(seed)(count)
        try:
            run_state_machine_as_test(count, settings=chosen)  # type: ignore[arg-type]
        finally:
            _ran.append(f"{request.node.name}: {runs} runs of up to {chosen.stateful_step_count} steps, seed {seed}")

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the seeds with which a run can be repeated."""
    if PROFILE != "quick":
        for line in _ran:
            terminalreporter.write_line(line)


@pytest.fixture
def small_caps(monkeypatch: pytest.MonkeyPatch) -> Caps:
    """Bounds so low, in this process, that a few messages exceed them."""
    caps = Caps(chats=3, of_a_chat=3, at_once=5, named=4)
    monkeypatch.setattr(sync, "MAX_CHATS", caps.chats)
    monkeypatch.setattr(sync, "MAX_MESSAGES_OF_A_CHAT", caps.of_a_chat)
    monkeypatch.setattr(sync, "MAX_MESSAGES", caps.at_once)
    monkeypatch.setattr(schemas, "MAX_NAMED", caps.named)
    return caps


@pytest.fixture(scope="module")
def actions_transport(
    database_url: str, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ActionsTransport]:
    """Actions in this process, on the test database, by new users."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(database_url, tmp_path_factory.mktemp("property")).items():
            patch.setenv(name, value)
        create_app(config.load())
        yield ActionsTransport(engine, PEOPLE)


@pytest.fixture
def rest_transport(engine: Engine, register_person: NewPerson) -> RestTransport:
    """Requests to the shared server, by new users."""
    return RestTransport(engine, [register_person("prop") for _ in range(PEOPLE)])
