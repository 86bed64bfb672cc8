"""`make audit`: does a pinned package have a known vulnerability?

Exit code 1 when one has. Where the advisory service can't be reached nothing was audited: that is said, loudly, and is
no failure, unless AUDIT_REQUIRED=1 asks for it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.server import ROOT

# It contains the pins of all others.
REQUIREMENTS = ("requirements-dev.txt",)
# The service behind each: PyPI's advisories, then those of OSV.
SERVICES = ("pypi", "osv")
SECONDS = 180


@dataclass
class Audit:
    """The result of a service. `reached` is False if it had no advisories to compare with."""

    reached: bool = False
    audited: int = 0
    skipped: list[str] = field(default_factory=list)
    vulnerable: list[str] = field(default_factory=list)


def read(report: dict[str, Any]) -> Audit:
    """The result in pip-audit's JSON report. A service that knows none of our packages counts as not reached."""
    audit = Audit()
    for dependency in report["dependencies"]:
        if "skip_reason" in dependency:
            audit.skipped.append(f"{dependency['name']}: {dependency['skip_reason']}")
            continue
        audit.audited += 1
        for found in dependency["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            audit.vulnerable.append(f"{dependency['name']} {dependency['version']}: {found['id']}, fixed in {fixed}")
    audit.reached = audit.audited > 0
    return audit


def ask(service: str) -> Audit:
    """What that service knows of what is pinned."""
    files = [word for name in REQUIREMENTS for word in ("-r", str(ROOT / name))]
    # Pins are complete, so that nothing has to be resolved or installed.
    options = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    command = [sys.executable, "-m", "pip_audit", *files, *options, "--vulnerability-service", service]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        return read(json.loads(done.stdout))
    except (ValueError, KeyError, subprocess.TimeoutExpired):
        return Audit()


def report(audits: Iterable[Audit], required: bool) -> int:
    """Print the findings of the first service that was reached; returns the exit code."""
    for audit in audits:
        if audit.reached:
            for line in audit.skipped:
                print(f"not audited: {line}")
            for line in audit.vulnerable:
                print(f"VULNERABLE: {line}")
            print(f"{audit.audited} packages audited, {len(audit.vulnerable)} known vulnerabilities.")
            return 1 if audit.vulnerable or (required and audit.skipped) else 0
    print("WARNING: NOTHING WAS AUDITED. No advisory service can be reached from here (PyPI, OSV).")
    print("Run `make audit` where one can, before a release; AUDIT_REQUIRED=1 makes this a failure.")
    return 1 if required else 0


if __name__ == "__main__":
    sys.exit(report((ask(service) for service in SERVICES), os.environ.get("AUDIT_REQUIRED") == "1"))
