"""The commands and programs that the documents show, run as they are written.

A fence says what its lines are. Those of `sh`, `python` and `js` are run: in each page all of the shell is one script,
and a block of another language that imports something begins a program, which the next ones go on with. An `output`
fence shows what is printed, "…" standing for anything. All other languages are to be read; programs in `py` run until they
are stopped, and have tests of their own.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chatapp.launcher.node import ensure_node_modules, node_binary
from chatapp.launcher.postgres import find_binaries
from tests.server import ROOT
from tests.socket_clients.javascript import JS

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TO_READ = {"console", "html", "http", "ini", "json", "nginx", "promql", "py", "sql", "text", "ts", "tsx", "yaml"}
BEGINNINGS = {"python": re.compile(r"^(import|from) ", re.MULTILINE), "js": re.compile(r"^import ", re.MULTILINE)}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What a script of the shell finds: no target of make is really made, which would run this very test.
PRELUDE = 'set -eu\nmake() { command make -n "$@"; }\n'


@dataclass
class Program:
    """Lines of a page that are run together; `output` is what the page says that they print."""

    language: str
    text: str = ""
    output: list[str] = field(default_factory=list)

    def run(self, folder: Path, environment: Mapping[str, str], commands: Sequence[Path] = ()) -> str:
        """Everything it printed; AssertionError if it failed, or printed something else than the page says.

        The shell finds programs in the folders of `commands` first.
        """
        done = subprocess.run(
            self._command(folder),
            cwd=ROOT if self.language == "sh" else folder,
            env=os.environ | environment | {"PATH": _path(commands)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{self.text}\n{done.stdout}\n{done.stderr}"
        for line in self.output:
            pattern = ".*".join(re.escape(part) for part in line.split("…"))
            assert re.search(f"^{pattern}$", done.stdout, re.MULTILINE), f"{line} is not in:\n{done.stdout}"
        return done.stdout

    def _command(self, folder: Path) -> list[str | Path]:
        if self.language == "sh":
            return ["sh", "-c", PRELUDE + self.text]
        if self.language == "python":
            (folder / "program.py").write_text(self.text)
            return [sys.executable, "program.py"]
        modules = folder / "node_modules"
        if not modules.exists():
            modules.symlink_to(ensure_node_modules(JS))
        (folder / "program.mjs").write_text(self.text)
        return [node_binary(), "program.mjs"]


def programs(page: Path, changes: Mapping[str, str]) -> list[Program]:
    """All that a page has to run, in its order; `changes` are words of it that mean something else here."""
    text = page.read_text()
    for word, other in changes.items():
        text = text.replace(word, other)
    found: list[Program] = []
    last: dict[str, Program] = {}
    shown = None
    for language, lines in _FENCE.findall(text):
        if language == "output":
            assert shown, f"{page.name}: nothing printed this:\n{lines}"
            shown.output += lines.splitlines()
        elif language in ("sh", *BEGINNINGS):
            if language not in last or (language in BEGINNINGS and BEGINNINGS[language].search(lines)):
                last[language] = Program(language)
                found.append(last[language])
            shown = last[language]
            shown.text += lines
        else:
            assert language in TO_READ, f"{page.name}: is {language or 'a fence without a language'} to be run?"
    return found


def _path(first: Sequence[Path]) -> str:
    """Where commands are found: those of this environment, and the programs of a database."""
    return os.pathsep.join(
        [*map(str, first), str(Path(sys.executable).parent), str(find_binaries()[0]), os.environ["PATH"]]
    )
