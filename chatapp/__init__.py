"""A self-hosted chat server: `create_app` creates the application.

Imports are lazy: processes that only start and watch others import single modules of this package.
"""

from typing import TYPE_CHECKING, Any

from chatapp.core.version import __version__ as __version__

if TYPE_CHECKING:
    from chatapp.app import create_app as create_app


def __getattr__(name: str) -> Any:
    if name != "create_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from chatapp.app import create_app

    return create_app
