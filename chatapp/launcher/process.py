"""Child processes that end with their parent, and run as an unprivileged user if the parent is root.

Run as a script, this file is executed between fork and exec: it drops root, asks the kernel for a signal on the
parent's death and executes the command. `preexec_fn` might deadlock in a parent with threads.
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
# linux/prctl.h, linux/capability.h, linux/securebits.h. The program `setpriv` can't decide after the change of the user
# whether that user needs a capability.
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 28, 47, 2
CAP_DAC_OVERRIDE, CAP_SETPCAP = 1, 8
CAPABILITY_VERSION_3 = 0x20080522
SECBIT_NO_SETUID_FIXUP = 1 << 2


class LauncherError(Exception):
    """A process could not be started; the message is one sentence that says what to do."""


class User(NamedTuple):
    """The user that a child runs as."""

    uid: int
    gid: int


def unprivileged_user(folder: Path) -> User | None:
    """The user for work in `folder` if this process is root: the owner of the folder (or of its parents) if not root,
    else `nobody`.

    None if this process is not root: then children run as the same user. LauncherError if there is no such user.
    """
    # Imported here: Windows has no such module, and the configuration, which imports this one, does not need it.
    import pwd

    if os.geteuid() != 0:
        return None
    owner = next(place for place in (folder, *folder.parents) if place.exists()).stat().st_uid
    if owner:
        # initdb refuses a user without a name.
        with suppress(KeyError):
            return User(*pwd.getpwuid(owner)[2:4])
    with suppress(KeyError):
        return User(*pwd.getpwnam("nobody")[2:4])
    raise LauncherError("Running as root requires the unprivileged user 'nobody' for the database.")


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment for other programs: without secrets, or settings (PGPORT) that would affect them."""
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
    """A child in its own session (no Ctrl-C reaches it) that gets `on_parent_death` when this thread ends.

    `user` is the user that it runs as, and `reach` are paths that the user needs, whatever the permissions of the
    folders above them. On macOS the kernel has no such signal and the child outlives a killed parent.
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
    """Send each signal in turn, waiting that many seconds after it, then kill the rest of its session."""
    for number, seconds in steps:
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            break
    # A killed server leaves its workers behind.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """True if `condition` became true within `seconds`; it is checked at least once."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def survivor(pid_file: Path, words: str) -> int | None:
    """The process in `pid_file`, if it lives and was started with these `words`.

    The pid alone is not enough: after a crash, or in a new container, another process may have it.
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
    """Hold these capabilities (bit masks, the low 32) and no others."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(held, held, inheritable, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(ctypes.byref(header), ctypes.byref(data)) != 0:
        raise OSError(ctypes.get_errno(), f"capset: {os.strerror(ctypes.get_errno())}")


def _become(user: User, reach: Sequence[str]) -> None:
    """Drop root for `user`; keep the capability to open files only if something in `reach` is closed to them."""
    os.setgroups([])
    os.setgid(user.gid)
    linux = sys.platform == "linux"
    if linux:
        _prctl(PR_SET_KEEPCAPS, 1)
    os.setuid(user.uid)
    closed = [path for path in reach if not os.access(path, os.X_OK)]
    if not linux:
        # The capability can't be kept there; the command will report what it can't open.
        return
    if not closed:
        _set_capabilities(0, 0)
        return
    try:
        # CAP_DAC_READ_SEARCH would be enough, but containers withhold it.
        _set_capabilities(1 << CAP_DAC_OVERRIDE | 1 << CAP_SETPCAP, 1 << CAP_DAC_OVERRIDE)
        # access(2), with which PostgreSQL looks for its own files, ignores capabilities otherwise.
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
    # Python ignores SIGPIPE, and ignored signals stay ignored after exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]} can't be run: {error.strerror}.")


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2:])
