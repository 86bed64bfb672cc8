"""How `make audit` evaluates the responses of services."""

from typing import Any

import pytest

from tests.audit import Audit, read, report

CLEAN: dict[str, Any] = {"name": "flask", "version": "3.1.3", "vulns": []}
HOLED: dict[str, Any] = {
    "name": "oldlib",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"], "aliases": [], "description": "x"}],
}
UNKNOWN: dict[str, Any] = {"name": "flask", "skip_reason": "Dependency not found on PyPI"}


def audited(*dependencies: dict[str, Any]) -> Audit:
    return read({"dependencies": list(dependencies), "fixes": []})


@pytest.mark.parametrize("required", [False, True])
def test_a_vulnerable_package_fails(capsys: pytest.CaptureFixture[str], required: bool) -> None:
    assert report([audited(CLEAN, HOLED)], required) == 1
    assert "oldlib 1.0: PYSEC-2026-1, fixed in 1.1" in capsys.readouterr().out


@pytest.mark.parametrize("required", [False, True])
def test_nothing_found_is_a_success(required: bool) -> None:
    assert report([audited(CLEAN)], required) == 0


@pytest.mark.parametrize("audit", [Audit(), audited(UNKNOWN, UNKNOWN)])
def test_unreachable_service_is_no_success(capsys: pytest.CaptureFixture[str], audit: Audit) -> None:
    assert report([audit, audit], required=False) == 0
    assert "NOTHING WAS AUDITED" in capsys.readouterr().out
    assert report([audit, audit], required=True) == 1


def test_second_service_is_used_if_the_first_is_unreachable() -> None:
    assert report([audited(UNKNOWN), audited(HOLED)], required=False) == 1
