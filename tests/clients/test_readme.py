"""Examples in the README of the TypeScript client work with the installed package."""

from pathlib import Path

import pytest

from tests.clients.package import PACKAGE, fresh_clone, install
from tests.documents import programs
from tests.server import Server


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An application into which the package was installed."""
    folder = tmp_path_factory.mktemp("readme")
    application = folder / "application"
    application.mkdir()
    install(application, fresh_clone(folder))
    return application


def test_readme_programs_run(application: Path, server: Server) -> None:
    shown = [program for program in programs(PACKAGE / "README.md", {}) if program.language == "js"]
    assert len(shown) == 3
    for program in shown:
        program.run(application, {"CHAT_URL": server.url})
