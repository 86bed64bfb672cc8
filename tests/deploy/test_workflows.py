"""The workflows run what is there: every phase, every supported Python, every package of Node."""

import re
import tomllib
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.conftest import PHASES
from tests.server import ROOT


def workflow(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())  # type: ignore[no-any-return]


def test_every_phase_runs_on_every_supported_python() -> None:
    matrix = workflow("ci")["jobs"]["test"]["strategy"]["matrix"]
    assert set(matrix["phase"]) == {each["phase"] for each in matrix["include"]} == {"parallel", *PHASES}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f">={matrix['python'][0]}" == project["requires-python"]
    classified = [each.rpartition(" ")[2] for each in project["classifiers"] if "Python ::" in each]
    assert matrix["python"] == classified
    assert set(workflow("newest")["jobs"]["test"]["strategy"]["matrix"]["python"]) == {classified[0], classified[-1]}


def test_the_newest_releases_are_tested_by_folders_that_exist() -> None:
    commands = " ".join(step.get("run", "") for step in workflow("newest")["jobs"]["test"]["steps"])
    folders = re.findall(r"\btests/\w+", commands)
    assert {"tests/realtime", "tests/protocol", "tests/multiworker"} <= set(folders)
    assert all((ROOT / folder).is_dir() for folder in folders)


def test_every_package_of_node_gets_updates() -> None:
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    (npm,) = (each for each in updates if each["package-ecosystem"] == "npm")
    locks = {path.parent for path in ROOT.glob("*/*/package-lock.json")}
    assert {ROOT / folder.strip("/") for folder in npm["directories"]} == locks
