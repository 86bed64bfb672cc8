"""What the features of this server declare."""

from collections.abc import Callable, Mapping, Sequence

from chatapp.core import settings
from chatapp.core.application import PerApplication
from chatapp.core.settings import Settings
from chatapp.features.capabilities.schemas import Capabilities

CONTRACT = "1.1"

_declared = PerApplication[tuple[list[str], Mapping[str, Callable[[Settings], int]]]]()


def declare(names: Sequence[str], limits: Mapping[str, Callable[[Settings], int]]) -> None:
    """Set the names and limits that the features declare; called by the factory."""
    _declared.set((list(names), limits))


def read() -> Capabilities:
    """The features and limits of this server."""
    config = settings.current()
    names, limits = _declared.get()
    return {
        "contract": CONTRACT,
        "appName": config.app_name,
        "registration": "open" if config.is_registration_open else "closed",
        "passwordLogin": config.has_password_login,
        "appTokens": config.app_tokens is not None,
        "mail": False,
        "totp": False,
        "accountDeletion": False,
        "features": names,
        "limits": {name: value(config) for name, value in limits.items()},
    }
