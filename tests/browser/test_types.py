"""The client's source fits its library's types."""

from chatapp.launcher.node import run_npm
from chatapp.launcher.web import WEB


def test_types_compile() -> None:
    run_npm(WEB, "run", "check", seconds=120)
