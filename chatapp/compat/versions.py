"""Compares the installed versions of libraries with those that were tested."""

import re
from importlib import metadata
from types import ModuleType
from typing import NamedTuple

import structlog

from chatapp.compat import (
    apispec,
    engineio,
    flask_cors,
    flask_limiter,
    flask_smorest,
    gevent,
    gunicorn,
    marshmallow,
    prometheus_client,
    redis,
    socketio,
    werkzeug,
)

log = structlog.get_logger()

MODULES: dict[str, ModuleType] = {
    "apispec": apispec,
    "flask-cors": flask_cors,
    "flask-limiter": flask_limiter,
    "flask-smorest": flask_smorest,
    "gevent": gevent,
    "gunicorn": gunicorn,
    "marshmallow": marshmallow,
    "prometheus-client": prometheus_client,
    "python-engineio": engineio,
    "python-socketio": socketio,
    "redis": redis,
    "werkzeug": werkzeug,
}


class Untested(NamedTuple):
    """A library whose installed version was not tested; `tested` is the range of those that were."""

    library: str
    installed: str
    tested: str


def untested_libraries() -> list[Untested]:
    """The libraries whose installed versions were not tested."""
    found = []
    for library, module in MODULES.items():
        installed = metadata.version(library)
        first, last = module.TESTED
        if not _parse(first) <= _parse(installed) <= _parse(last):
            found.append(Untested(library, installed, first if first == last else f"{first} to {last}"))
    return found


def warn_if_untested() -> None:
    """Log each library whose installed version was not tested; called by each worker when it starts."""
    for library, installed, tested in untested_libraries():
        log.warning("untested_library_version", library=library, installed=installed, tested=tested)


def _parse(version: str) -> tuple[int, ...]:
    """The numbers of a version; a pre-release counts as its release."""
    release = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, release[0].split("."))) if release else ()
