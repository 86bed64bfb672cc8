"""Undocumented names of Werkzeug.

- `werkzeug.sansio.multipart` is the parser behind `request.files`. It is used directly, so that the fields before a file
  are checked before the file is read, and a file is written where it will stay (`rest/multipart.py`).
- `Rule._compile_builder` makes the functions that build URLs of a route. Nothing here builds any.
"""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

__all__ = ["Data", "Epilogue", "Event", "Field", "File", "LateRule", "MultipartDecoder", "NeedData"]

TESTED = ("3.1.9", "3.1.9")


class LateRule(Rule):
    """A rule that compiles the functions that build its URLs once one is built: for all rules that took two thirds of the
    time in which the application is created."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled: list[Callable[..., tuple[str, str]]] = []

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            if not compiled:
                compiled.append(super(LateRule, self)._compile_builder(append_unknown))
            return compiled[0](rule, **values)

        return build
