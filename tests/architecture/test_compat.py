"""Private names of libraries are used only in `chatapp/compat`, which lists the versions that were tested."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import cast

import pytest

from chatapp.cli.check import CHECKS, CheckWarning
from chatapp.compat import versions
from chatapp.core.settings import Settings
from tests.server import ROOT

COMPAT = ROOT / "chatapp" / "compat"
SOURCES = [
    *sorted(path for path in (ROOT / "chatapp").rglob("*.py") if COMPAT not in path.parents),
    *(ROOT / name for name in ("gunicorn.conf.py", "wsgi.py", "config.py", "migrations/env.py")),
]
# The documented modules of libraries of which other modules are private.
PUBLIC_MODULES = {
    "apispec": {"apispec", "apispec.ext.marshmallow"},
    "engineio": set[str](),
    "flask_cors": {"flask_cors"},
    "flask_jwt_extended": {"flask_jwt_extended"},
    "flask_limiter": {"flask_limiter"},
    "flask_smorest": {"flask_smorest"},
    "flask_socketio": {"flask_socketio"},
    "gunicorn": {"gunicorn.glogging"},
    "limits": {"limits.storage"},
    "marshmallow": {"marshmallow"},
    "prometheus_client": {"prometheus_client", "prometheus_client.multiprocess"},
    "redis": {"redis", "redis.backoff", "redis.retry"},
    "socketio": {"socketio.exceptions"},
    "werkzeug": {"werkzeug.exceptions", "werkzeug.http", "werkzeug.middleware.proxy_fix", "werkzeug.routing"},
}
# Documented in spite of the underscore: by Werkzeug for proxies, by SQLAlchemy for rows, by Python for named tuples.
PUBLIC_ATTRIBUTES = {"_asdict", "_fields", "_get_current_object", "_mapping", "_replace"}
# Documented by marshmallow for fields to override.
PUBLIC_HOOKS = {"_deserialize"}
# Attributes without an underscore that no library documents.
PRIVATE_ATTRIBUTES = {
    "DEFAULT_ERROR_RESPONSE_NAME",
    "after_request_funcs",
    "backend",
    "create_queue",
    "eio",
    "eio_sid_from_sid",
    "force_close",
    "generate_id",
    "log_message_keys",
    "ma_plugin",
    "make_connection",
    "max_body_chunk",
    "schemas",
    "take_buffered",
    "unreader",
    "write_error",
    "write_nonblock",
}
PRIVATE_KEYS = {"gunicorn.socket"}
# Documented attributes of modules and proxies; all others keep what their library has set.
PUBLIC_ASSIGNMENTS = {"Image.MAX_IMAGE_PIXELS", "g.authenticated_at", "request.max_content_length"}


def private_uses(code: str) -> list[str]:
    """The statements and expressions of a module that use private names of libraries."""
    tree = ast.parse(code)
    own = set(own_names(tree))
    libraries = {name for node in ast.walk(tree) for name in imported(node)}
    return [ast.unparse(node) for node in ast.walk(tree) if is_private_use(node, own, libraries)]


def is_private_use(node: ast.AST, own: set[str], libraries: set[str]) -> bool:
    """True if a node uses a private name; `own` are the names of its module, `libraries` those that it imports."""
    if isinstance(node, ast.ImportFrom) and any(is_private(alias.name) for alias in node.names):
        return True
    if isinstance(node, ast.Attribute):
        is_own = node.attr in own and isinstance(node.value, ast.Name)
        if node.attr in PUBLIC_HOOKS:
            # Fields may override and extend it, but not call that of other fields.
            return ast.unparse(node.value) != "super()"
        return node.attr in PRIVATE_ATTRIBUTES or (
            is_private(node.attr) and not is_own and node.attr not in PUBLIC_ATTRIBUTES
        )
    if isinstance(node, ast.Constant):
        return node.value in PRIVATE_KEYS
    return any(map(is_private_module, modules(node))) or any(
        root_of(target) in libraries and ast.unparse(target) not in PUBLIC_ASSIGNMENTS for target in assigned(node)
    )


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def own_names(tree: ast.Module) -> Iterator[str]:
    """The names that a module defines itself: functions, variables, attributes of its objects, and its slots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and root_of(node) in ("self", "cls"):
            yield node.attr


def modules(node: ast.AST) -> list[str]:
    """The modules that a statement imports, or imports from."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        # `from gunicorn import util` imports a module; `from flask_smorest import Api` does not.
        inner = [f"{node.module}.{alias.name}" for alias in node.names if alias.name.islower()]
        return (
            inner if node.module in PUBLIC_MODULES and node.module not in PUBLIC_MODULES[node.module] else [node.module]
        )
    return []


def is_private_module(module: str) -> bool:
    library = module.partition(".")[0]
    return library in PUBLIC_MODULES and module not in PUBLIC_MODULES[library]


def imported(node: ast.AST) -> list[str]:
    """The names that a statement imports from other packages than this one."""
    if isinstance(node, ast.Import):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("chatapp"):
        return [alias.asname or alias.name for alias in node.names]
    return []


def assigned(node: ast.AST) -> list[ast.expr]:
    """The attributes that a statement assigns."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    return [target for target in targets if isinstance(target, ast.Attribute)]


def root_of(node: ast.expr) -> str:
    """`request` for `request.body.reader`; "" unless it begins with a name."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(ROOT)))
def test_private_names_are_used_only_in_compat(source: Path) -> None:
    assert private_uses(source.read_text()) == []


@pytest.mark.parametrize(
    "code",
    [
        "self.server._trigger_event('disconnect')",
        "server.eio.send(1)",
        "class A:\n    def _ok(self): return self.server._ok()",
        "row = value._hooks",
        "class A:\n    def _deserialize(self, field): return field._deserialize(1)",
        "class Field(fields.Integer):\n    def load(self): return self._validated(1)",
        "from engineio.packet import Packet",
        "from gunicorn import util",
        "import engineio.server",
        "import gunicorn.util",
        "from flask_socketio import _ManagedSession",
        "from gunicorn.workers.ggevent import GeventWorker",
        "from werkzeug.sansio.multipart import MultipartDecoder",
        "from gevent.server import StreamServer\nStreamServer.max_accept = 1",
        "import flask\nflask.json.dumps = None",
        "environ['gunicorn.socket']",
    ],
)
def test_a_private_use_is_found(code: str) -> None:
    assert private_uses(code)


@pytest.mark.parametrize(
    "code",
    [
        "class A:\n    def __init__(self): self._own = 1\n    def read(self, other): return other._own",
        "Account(**row._mapping)",
        "from redis.retry import Retry",
        "from flask_smorest import Api",
        "from flask import request\nrequest.max_content_length = 1",
    ],
)
def test_a_public_use_is_no_private_one(code: str) -> None:
    assert private_uses(code) == []


OVERRIDDEN = """
import importlib, inspect, pathlib, sys
own = {"chatapp", *sys.stdlib_module_names}
for path in sorted(pathlib.Path("chatapp").rglob("*.py")):
    if path.parts[1] in ("compat", "launcher") or path.name == "__main__.py":
        continue
    module = importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
    for name, cls in inspect.getmembers(module, inspect.isclass):
        if cls.__module__ != module.__name__:
            continue
        inherited = {a for base in cls.__mro__[1:] if base.__module__.partition(".")[0] not in own for a in vars(base)}
        for attribute in vars(cls).keys() & inherited:
            if inspect.isfunction(vars(cls)[attribute]) and attribute[0] == "_" and not attribute.endswith("__"):
                print(f"{cls.__module__}.{name}.{attribute}")
"""


def test_classes_override_no_private_attribute() -> None:
    done = subprocess.run([sys.executable, "-c", OVERRIDDEN], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {line for line in done.stdout.split() if line.rpartition(".")[2] not in PUBLIC_HOOKS} == set()


def test_every_module_of_compat_is_checked_at_start_up() -> None:
    checked = {Path(str(module.__file__)).name for module in versions.MODULES.values()}
    # `gunicorn_processes.py` has its versions in `gunicorn.py`.
    assert {path.name for path in COMPAT.glob("*.py")} - checked == {
        "__init__.py",
        "gunicorn_processes.py",
        "versions.py",
    }


def test_pinned_versions_were_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    pins = dict(re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    monkeypatch.setattr(metadata, "version", pins.__getitem__)
    assert versions.untested_libraries() == []


@pytest.mark.parametrize(
    ("installed", "is_tested"),
    [("26.8.9", False), ("26.9", True), ("26.9.0", True), ("26.10.0rc1", True), ("26.10.1", True), ("26.11.0", False)],
)
def test_versions_are_compared_by_number(monkeypatch: pytest.MonkeyPatch, installed: str, is_tested: bool) -> None:
    monkeypatch.setattr(versions, "MODULES", {"gevent": importlib.import_module("chatapp.compat.gevent")})
    monkeypatch.setattr("chatapp.compat.gevent.TESTED", ("26.9", "26.10.1"))
    monkeypatch.setattr(metadata, "version", lambda _library: installed)
    expected = [] if is_tested else [versions.Untested("gevent", installed, "26.9 to 26.10.1")]
    assert versions.untested_libraries() == expected


def test_untested_version_is_logged_once_for_each_library(monkeypatch: pytest.MonkeyPatch) -> None:
    logged = []

    class Log:
        """Records warnings."""

        def warning(self, event: str, **values: str) -> None:
            logged.append((event, values))

    monkeypatch.setattr(versions, "log", Log())
    monkeypatch.setattr("chatapp.compat.gevent.TESTED", ("1.0", "1.1"))
    versions.warn_if_untested()
    installed = metadata.version("gevent")
    assert logged == [
        ("untested_library_version", {"library": "gevent", "installed": installed, "tested": "1.0 to 1.1"})
    ]


def test_check_lists_untested_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "were tested" in CHECKS["libraries"](cast(Settings, None))
    monkeypatch.setattr("chatapp.compat.gevent.TESTED", ("1.0", "1.1"))
    with pytest.raises(CheckWarning, match=rf"gevent {re.escape(metadata.version('gevent'))} \(tested: 1.0 to 1.1\)"):
        CHECKS["libraries"](cast(Settings, None))
