"""Child processes that end with their parent, run as an unprivileged user where the parent is root.

Run as a script, this file stands between fork and exec: it drops root, asks the kernel for a signal on the
parent's death and becomes the command. `preexec_fn` might deadlock in a parent that has threads.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

POLL_SECONDS = 0.02
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "TZ", "TMPDIR")
# linux/prctl.h, linux/capability.h, linux/securebits.h
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 28, 47, 2
CAP_DAC_OVERRIDE, CAP_SETPCAP = 1, 8
CAPABILITY_VERSION_3 = 0x20080522
SECBIT_NO_SETUID_FIXUP = 1 << 2


class LauncherError(Exception):
    """Something could not be started; the message is one sentence that says what to do."""


class User(NamedTuple):
    """Who a child runs as."""

    uid: int
    gid: int


def unprivileged_user(folder: Path) -> User | None:
    """Who works in `folder` when we are root: its owner (or that of what is above it) if a user, else nobody.

    None where we are not root, and the child runs as ourselves. LauncherError where there is no such user.
    """
    # Not above: Windows has none, and configuration, which imports this module, has no use for it.
    import pwd

    if os.geteuid() != 0:
        return None
    owner = next(place for place in (folder, *folder.parents) if place.exists()).stat().st_uid
    if owner:
        # initdb refuses a user that has no name.
        with suppress(KeyError):
            return User(*pwd.getpwuid(owner)[2:4])
    with suppress(KeyError):
        return User(*pwd.getpwnam("nobody")[2:4])
    raise LauncherError("Running as root requires the unprivileged user 'nobody' for the database.")


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment for a program that is not ours: without secrets, or settings (PGPORT) to sway it."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | extra


def spawn(
    command: Sequence[str | Path],
    *,
    on_parent_death: signal.Signals = signal.SIGTERM,
    user: User | None = None,
    reach: Sequence[Path] = (),
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int | IO[bytes] | None = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """A child in its own session (no Ctrl-C reaches it) that gets `on_parent_death` as this thread ends.

    `user` is who it runs as, and `reach` the paths which that user has to reach, whatever the folders above
    them allow. On macOS the kernel has no such signal and the child outlives a killed parent.
    """
    plan = {"parent": os.getpid(), "signal": on_parent_death, "user": user, "reach": [str(path) for path in reach]}
    return subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, json.dumps(plan), *map(str, command)],
        env=env,
        cwd=cwd,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes], *steps: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn, allowing that many seconds after it, then kill what is left of its session."""
    for number, seconds in steps:
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            break
    # A server that was killed leaves its workers.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether `condition` came true within `seconds`; it is asked at least once."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def survivor(pid_file: Path, words: str) -> int | None:
    """The process that `pid_file` names, if it lives and was started with these `words`.

    Its number alone says little: after a crash, or in a new container, somebody else may have it.
    """
    try:
        pid = int(pid_file.read_text().split()[0])
        # Empty for a zombie.
        command_line = (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ") if sys.platform == "linux" else _ps(pid)
        )
    except (OSError, ValueError, IndexError):
        return None
    return pid if f" {words} " in f"{os.fsdecode(command_line)} " else None


def _ps(pid: int) -> bytes:
    return subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True).stdout.strip()


def _prctl(option: int, *values: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, *(ctypes.c_ulong(v) for v in (*values, 0, 0, 0, 0)[:4])) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}): {os.strerror(ctypes.get_errno())}")


def _set_capabilities(held: int, inheritable: int) -> None:
    """Hold these capabilities (bit masks, the low 32) and no other."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(held, held, inheritable, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(ctypes.byref(header), ctypes.byref(data)) != 0:
        raise OSError(ctypes.get_errno(), f"capset: {os.strerror(ctypes.get_errno())}")


def _become(user: User, reach: Sequence[str]) -> None:
    """Drop root for `user`; only if something in `reach` is closed to them keep the right to open it."""
    os.setgroups([])
    os.setgid(user.gid)
    linux = sys.platform == "linux"
    if linux:
        _prctl(PR_SET_KEEPCAPS, 1)
    os.setuid(user.uid)
    closed = [path for path in reach if not os.access(path, os.X_OK)]
    if not linux:
        # There, no right can be kept; the command will say what it can't open.
        return
    if not closed:
        _set_capabilities(0, 0)
        return
    try:
        # Not CAP_DAC_READ_SEARCH, which would do: containers withhold it.
        _set_capabilities(1 << CAP_DAC_OVERRIDE | 1 << CAP_SETPCAP, 1 << CAP_DAC_OVERRIDE)
        # access(2), by which PostgreSQL looks for its own files, disregards capabilities otherwise.
        _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
        _set_capabilities(1 << CAP_DAC_OVERRIDE, 1 << CAP_DAC_OVERRIDE)
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE)
    except OSError as error:
        sys.exit(f"User {user.uid}, who replaces root, can't reach {closed[0]} ({error.strerror}).")


def _main(plan: str, command: list[str]) -> None:
    options = json.loads(plan)
    if options["user"]:
        _become(User(*options["user"]), options["reach"])
    if sys.platform == "linux":
        # After the change of user, which clears it.
        _prctl(PR_SET_PDEATHSIG, options["signal"])
    if os.getppid() != options["parent"]:
        sys.exit("The parent ended first.")
    # Python ignores it, and what is ignored stays so over exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]} can't be run: {error.strerror}.")


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2:])
