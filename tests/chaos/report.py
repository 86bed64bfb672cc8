"""What is told of a run."""

from tests.chaos.run import Result


def write(result: Result) -> None:
    """Soon."""
