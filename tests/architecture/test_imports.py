"""What import-linter does not check, which sees packages only: the modules in the root folder."""

import ast

import pytest

from tests.server import ROOT


def imported(name: str) -> set[str]:
    """The modules of this project that a file imports, anywhere in it."""
    nodes = list(ast.walk(ast.parse((ROOT / name).read_text())))
    modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    modules |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {
        f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    return {module for module in modules if module.partition(".")[0] == "chatapp"}


def test_the_configuration_imports_nothing_but_core() -> None:
    assert {module for module in imported("config.py") if not module.startswith("chatapp.core")} == set()


@pytest.mark.parametrize("name", ["config.py", "wsgi.py", "gunicorn.conf.py"])
def test_production_imports_no_development_server(name: str) -> None:
    assert {module for module in imported(name) if module.startswith("chatapp.launcher")} == set()
