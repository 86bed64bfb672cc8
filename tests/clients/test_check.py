"""`make check` covers the clients, and reports if it can't."""

from typing import NoReturn

import pytest

from chatapp.launcher.node import NodeError
from tests.clients import check


@pytest.fixture
def _without_node(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_folder: object) -> NoReturn:
        raise NodeError("Node.js 20.19 or newer is needed.")

    monkeypatch.setattr(check, "ensure_node_modules", fail)
    monkeypatch.setattr("sys.argv", ["check"])


@pytest.mark.usefixtures("_without_node")
def test_missing_node_is_reported_and_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main() == 0
    assert capsys.readouterr().err == "The clients were not checked. Node.js 20.19 or newer is needed.\n"


@pytest.mark.usefixtures("_without_node")
def test_missing_node_fails_where_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE_NODE", "1")
    assert check.main() == 1
