"""`python -m chatapp.launcher`: starts all parts of a development server in order, and stops them in reverse."""

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import config
from chatapp.core.embedded_database import default_url
from chatapp.core.settings import Settings
from chatapp.launcher.postgres import EmbeddedPostgres
from chatapp.launcher.process import LauncherError, end, spawn, survivor, wait_for
from chatapp.launcher.progress import step
from chatapp.launcher.valkey import EmbeddedValkey

DATABASE = "chat"
# Less than 8 seconds in total; killing a process after that loses no data.
SERVER_STOP_SECONDS, VALKEY_STOP_SECONDS, POSTGRES_STOP_SECONDS = 4.0, 1.0, 2.0
LEFTOVERS_SECONDS = 10.0
HEALTHY_SECONDS = 60.0
WATCH_SECONDS = 0.2


def main() -> int:
    """Run until the server ends or a signal asks to stop; returns the exit code."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, interrupt)
    try:
        settings = config.load()
        with only_one(settings.instance_path), ExitStack() as started:
            return serve(settings, started)
    except KeyboardInterrupt:
        return 0
    except config.ConfigError as error:
        print(f"error: The environment can't be served with:\n{error}", file=sys.stderr)
    except (LauncherError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
    return 1


def interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Raise the exception that stops the launcher, once; further signals are ignored."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def only_one(instance: Path) -> Iterator[None]:
    """Create and lock the instance folder; LauncherError if it is in use."""
    instance.mkdir(parents=True, exist_ok=True)
    with (instance / "launcher.lock").open("w") as lock:

        def taken() -> bool:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        # A killed launcher may still be ending.
        if not wait_for(taken, 1):
            raise LauncherError(f"A server is running from {instance} already: stop it first.")
        yield


def serve(settings: Settings, started: ExitStack) -> int:
    """Start missing parts and the server, keep them running, return the server's exit code.

    `started` contains what has to be stopped, in order.
    """
    home, environment = settings.instance_path, dict(os.environ)
    pid_file = home / "server.pid"
    free_port(settings.host, settings.port, pid_file)
    services: dict[str, EmbeddedPostgres | EmbeddedValkey] = {}
    applied: set[str] = set()
    if settings.database_url == default_url(home / "postgres", DATABASE):
        services["PostgreSQL"] = postgres = EmbeddedPostgres(home / "postgres")
        started.callback(postgres.stop, POSTGRES_STOP_SECONDS)
        with step("Starting PostgreSQL" if postgres.is_made else "Making the database and starting PostgreSQL"):
            postgres.start()
            postgres.create_database(DATABASE)
            applied = postgres.revisions(DATABASE)
    if settings.workers > 1 and not settings.redis_url:
        services["Valkey"] = valkey = EmbeddedValkey(home / "valkey")
        started.callback(valkey.stop, VALKEY_STOP_SECONDS)
        with step("Starting Valkey"):
            valkey.start()
        environment["REDIS_URL"] = valkey.url
    with step("Bringing the database up to date"):
        if applied != newest_revisions():
            migrate(environment)
    command = [sys.executable, "-m", "gunicorn", "--pid", str(pid_file), "wsgi:app"]
    server = spawn(command, on_parent_death=signal.SIGKILL, env=environment, cwd=config.ROOT)
    started.callback(end, server, (signal.SIGTERM, SERVER_STOP_SECONDS))
    started.callback(print, "Stopping ...", flush=True)
    with step("Starting the server"):
        if not wait_for(lambda: server.poll() is not None or responds(settings), HEALTHY_SECONDS):
            raise LauncherError(f"The server does not respond on {settings.address(settings.port)}.")
    if server.poll() is None:
        announce(settings)
    while (code := server.poll()) is None:
        for name, service in services.items():
            if not service.running:
                print(f"{name} ended by itself and is started again.", flush=True)
                service.start()
        time.sleep(WATCH_SECONDS)
    how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
    print(f"The server ended by itself, {how}.", file=sys.stderr)
    return code if code >= 0 else 128 - code


def free_port(host: str, port: int, pid_file: Path) -> None:
    """End the server that a killed launcher left behind; LauncherError if `port` is still in use afterwards."""
    left_behind = pid_file.exists()
    if pid := survivor(pid_file, f"--pid {pid_file}"):
        os.killpg(pid, signal.SIGKILL)
    pid_file.unlink(missing_ok=True)
    # The workers of a killed server take a moment to notice.
    if not wait_for(lambda: trouble_with(host, port) is None, LEFTOVERS_SECONDS if left_behind else 0):
        raise LauncherError(f"Port {port} can't be used ({trouble_with(host, port)}): set PORT to another.")


def trouble_with(host: str, port: int) -> str | None:
    """Why no server can listen on `port` of `host`; None if one can."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror
    return None


def newest_revisions() -> set[str]:
    """The migrations that no other one follows. Read as text: Alembic takes as long as a server to find that nothing is
    left to do."""
    sources = [path.read_text() for path in (config.ROOT / "migrations" / "versions").glob("*.py")]
    revisions, followed = (
        {name for source in sources for name in re.findall(rf'^{of} = "(\w+)"$', source, re.MULTILINE)}
        for of in ("revision", "down_revision")
    )
    return revisions - followed


def migrate(environment: Mapping[str, str]) -> None:
    """Migrate the database, without output unless that fails: then SystemExit."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    migration = spawn(command, env=environment, cwd=config.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, output = migration.communicate()
    if migration.returncode != 0:
        sys.exit(output.decode(errors="replace").strip() or "error: The database could not be brought up to date.")


def responds(settings: Settings) -> bool:
    """True if the server responds."""
    # Without the proxy of the environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{local_url(settings)}/healthz", timeout=2):
            return True
    except OSError:
        return False


def local_url(settings: Settings) -> str:
    """The address of the server for a browser on this machine."""
    host = settings.local_host
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def announce(settings: Settings) -> None:
    """Print all addresses."""
    address = local_url(settings)
    lines = {
        "Chat": f"{address}/",
        "API docs": f"{address}/docs, {address}/docs/events",
        "Health": f"{address}/healthz, {address}/readyz",
        "Data": f"{settings.instance_path}, {settings.upload_path}",
        "Stop": "Ctrl-C",
    }
    print("\n" + "\n".join(f"  {name:<12} {value}" for name, value in lines.items()) + "\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
