"""The TypeScript client installs from a fresh clone, and its package works with common tools and as its README shows."""

import json
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from chatapp.launcher.node import ensure_node_modules, node_binary
from tests.clients.package import PACKAGE, fresh_clone, install
from tests.documents import programs
from tests.server import ROOT, Server

PROGRAM = """
import { ChatClient, type Chat, RateLimitedError } from "@chatapp/client";

const client: ChatClient = new ChatClient({ url: "http://127.0.0.1:1" });
const chats: readonly Chat[] = client.chats;
const stop: () => void = client.subscribe((change) => console.log(change.session, chats.length));
stop();
client.close();
const limited = new RateLimitedError({ type: "", title: "", status: 429, detail: "", code: "" }, 3);
console.log(client.session.state, limited.retryAfter);
"""
# Module resolution → the `module` that goes with it.
RESOLUTIONS = {"node16": "node16", "nodenext": "nodenext", "bundler": "esnext"}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the package, installed into an empty project in its folder."""
    folder = tmp_path_factory.mktemp("application")
    (folder / "package.json").write_text('{ "type": "module" }')
    (folder / "program.ts").write_text(PROGRAM)
    return install(folder, fresh_clone(tmp_path_factory.mktemp("clone")))


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_package_types_resolve(packed: Path, resolution: str) -> None:
    application = packed.parent
    options = ["--strict", "--target", "es2022", "--module", RESOLUTIONS[resolution], "--moduleResolution", resolution]
    options += ["--types", "", "--ignoreConfig", "--outDir", resolution, "program.ts"]
    compiler = ensure_node_modules(PACKAGE) / "typescript" / "bin" / "tsc"
    done = subprocess.run(
        [node_binary(), compiler, *options], cwd=application, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout
    done = subprocess.run(
        [node_binary(), f"{resolution}/program.js"], cwd=application, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "unknown 3\n", done.stderr


def test_readme_programs_run(packed: Path, server: Server) -> None:
    shown = [program for program in programs(PACKAGE / "README.md", {}) if program.language == "js"]
    assert len(shown) == 3
    for program in shown:
        program.run(packed.parent, {"CHAT_URL": server.url})


def test_source_maps_contain_their_sources(packed: Path) -> None:
    with tarfile.open(packed) as archive:
        files = {name: archive.extractfile(name) for name in archive.getnames()}
        maps = {name: json.load(file) for name, file in files.items() if file and name.endswith(".js.map")}
    assert "package/dist/index.js.map" in maps
    for name, found in maps.items():
        contained = [bool(text) for text in found.get("sourcesContent", [])]
        assert all(contained), name
        assert len(contained) == len(found["sources"]), name


def test_package_contains_only_the_build(packed: Path) -> None:
    with tarfile.open(packed) as archive:
        paths = [PurePosixPath(name).relative_to("package") for name in archive.getnames()]
    assert {path.parts[0] for path in paths} == {"dist", "package.json", "README.md"}


def test_package_linters_pass(packed: Path) -> None:
    modules = ensure_node_modules(ROOT / "tests" / "linters")
    linters: list[list[str | Path]] = [
        [modules / "publint" / "src" / "cli.js", "--strict", packed],
        # An ES module: no build for CommonJS, and none for a resolution that knows no `exports`.
        [modules / "@arethetypeswrong" / "cli" / "dist" / "index.js", "--profile", "esm-only", packed],
    ]
    for linter in linters:
        done = subprocess.run([node_binary(), *linter], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
