"""State belongs to an application (`core/application.py`); what belongs to the process is listed here."""

import ast
from collections.abc import Iterator

from tests.server import ROOT

CHATAPP = ROOT / "chatapp"
# State of the process, or set to the same value by each application.
OF_THE_PROCESS = {
    "core/application.py": {"_declared", "_newest", "_sole"},
    "core/batching.py": {"_greenlets"},
    "core/metrics.py": {"ALL"},
    "fanout/broadcast.py": {"_encode"},
    "features/files/actions.py": {"_reported_folders"},
    "server/websocket.py": {"_dirty"},
    "sockets/server_events.py": {"_schemas"},
}
EMPTY_CONTAINERS = {"Counter", "defaultdict", "deque", "dict", "list", "set"}
# Their greenlets act within an application: they are started by `application.spawn`.
WITHIN_APPLICATIONS = ("core", "fanout", "features", "rest", "web")


def trees() -> Iterator[tuple[str, ast.Module]]:
    """The modules of the server by path; the launcher is another process."""
    for path in sorted(CHATAPP.rglob("*.py")):
        name = path.relative_to(CHATAPP).as_posix()
        if not name.startswith("launcher/"):
            yield name, ast.parse(path.read_text())


def is_filled_later(value: ast.expr | None) -> bool:
    """True for an empty container and None."""
    if isinstance(value, ast.Dict):
        return not value.keys
    if isinstance(value, ast.List | ast.Set | ast.Tuple):
        return not value.elts
    if isinstance(value, ast.Call):
        function = value.func.value if isinstance(value.func, ast.Subscript) else value.func
        return isinstance(function, ast.Name) and function.id in EMPTY_CONTAINERS and not value.args
    return isinstance(value, ast.Constant) and value.value is None


def state(tree: ast.Module) -> set[str]:
    """The variables of a module that functions change."""
    found = {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if targets and is_filled_later(node.value):  # type: ignore[attr-defined]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_state_of_the_process_is_listed() -> None:
    found = {name: variables for name, tree in trees() if (variables := state(tree))}
    assert found == OF_THE_PROCESS


def test_greenlets_are_started_in_an_application() -> None:
    for name, tree in trees():
        if name.startswith(WITHIN_APPLICATIONS) and name != "core/application.py":
            used = {
                f"{node.value.id}.{node.attr}"
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            }
            assert not used & {"gevent.spawn", "gevent.spawn_later"}, name
