"""The server under measurement: a durable database, one real server on a core of its own, people in it."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import psutil
from sqlalchemy import Engine, create_engine, text

from chatapp.core.ids import new_id
from chatapp.launcher.postgres import EmbeddedPostgres
from chatapp.launcher.process import end, spawn
from chatapp.launcher.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parent.parent
PORT = int(os.environ.get("BENCH_PORT", "3917"))
SECRET = "a secret that is known to the bench only"
# Six workers on a busy core take most of a minute.
START_SECONDS = 120.0
SERVER_CORE, CLIENT_CORE = 0, 1

_USERS = text(
    """
    INSERT INTO users (id, email, email_key, username, password_hash)
    SELECT id, name || '@example.org', name || '@example.org', name, :hash
    FROM unnest(CAST(:ids AS uuid[]), CAST(:names AS text[])) u (id, name)
    """
)
_SESSIONS = text(
    "INSERT INTO sessions (id, user_id) SELECT * FROM unnest(CAST(:sids AS uuid[]), CAST(:ids AS uuid[])) s (sid, uid)"
)
_CHAT = text(
    """
    INSERT INTO chats (id, type, name, direct_key, member_count, last_rev)
    VALUES (:id, :type, :name, :direct_key, :member_count, 1)
    """
)
_MEMBERS = text(
    """
    INSERT INTO members (chat_id, user_id, role)
    SELECT :id, u, CASE WHEN n = 1 AND :type = 'GROUP' THEN 'ADMIN' ELSE 'MEMBER' END
    FROM unnest(CAST(:user_ids AS uuid[])) WITH ORDINALITY m (u, n)
    """
)
_FILL = text(
    """
    INSERT INTO messages (id, chat_id, seq, rev, sender_id, content)
    SELECT gen_random_uuid(), :chat_id, n, n + 1, :sender_id, 'message number ' || n || ' of a long conversation'
    FROM generate_series(:first, :last) n
    """
)
_FILLED = (
    text("UPDATE chats SET last_seq = :last, last_rev = :last + 1 WHERE id = :chat_id"),
    text("UPDATE members SET delivered_seq = :last, read_seq = :last WHERE chat_id = :chat_id"),
)


@dataclass(frozen=True, slots=True)
class User:
    """A user with an access token."""

    id: str
    name: str
    token: str


# Every limit is counted, as by default; those that one machine with a few users reaches are higher.
LIMITS = {
    "RATELIMIT_ENABLED": "true",
    "RATELIMIT_GLOBAL": "10000000/60s",
    "RATELIMIT_ADDRESS": "10000000/60s",
    "RATELIMIT_LOGIN": "10000000/60s",
    "RATELIMIT_EVENTS": "10000000/10s",
    "RATELIMIT_REACTIONS": "10000000/60s",
    "RATELIMIT_HANDSHAKES": "10000000/10s",
    "MAX_UNAUTHENTICATED": "100000",
}


class Site:
    """A running server and its database; `password` is that of all users. `root` is the source of the server."""

    password = "Correct4Horse"

    def __init__(
        self, engine: Engine, environment: dict[str, str], queue_url: str, postgres: EmbeddedPostgres, root: Path
    ) -> None:
        self.root = root
        self.engine = engine
        self.postgres = postgres
        self.queue_url = queue_url
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._hash = ""

    def start(self, workers: int = 1, **changes: str) -> None:
        """Wait until a server with that many workers responds; the previous one is stopped."""
        self.stop()
        environment = self._environment | {"WEB_CONCURRENCY": str(workers)} | changes
        self._process = spawn([sys.executable, "-m", "gunicorn", "wsgi:app"], env=environment, cwd=self.root)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/healthz", timeout=5):
                    break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        # A worker that is still starting gets no sockets, and its processor time would be that of the scenario.
        while not self._has_started(workers):
            if time.monotonic() > deadline:
                raise TimeoutError(f"Not all of {workers} workers have started.")
            time.sleep(0.1)
        # Several too: what one more costs shows when nothing else of their surroundings has changed.
        for worker in self.workers:
            worker.cpu_affinity([SERVER_CORE])
        time.sleep(1.0)  # The first beats of the background tasks.

    def _has_started(self, workers: int) -> bool:
        """True once all workers are in service."""
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=5) as response:
            lines = response.read().decode().splitlines()
        return f"chat_workers {workers}.0" in lines and "chat_queue_connected 0.0" not in lines

    def stop(self) -> None:
        """End the server."""
        if self._process:
            end(self._process, (signal.SIGTERM, 10))
            self._process = None

    def kill(self) -> None:
        """End the server and the database as a power cut would, as far as processes are concerned."""
        assert self._process
        for process in (*self.workers, psutil.Process(self._process.pid)):
            process.kill()
        self.postgres.kill()
        self.engine.dispose()

    @property
    def workers(self) -> list[psutil.Process]:
        """The processes that serve."""
        assert self._process
        return list(psutil.Process(self._process.pid).children())

    def cpu_seconds(self) -> float:
        """The processor time that the workers have used so far."""
        return float(sum(times.user + times.system for times in (worker.cpu_times() for worker in self.workers)))

    def database_cpu_seconds(self) -> float:
        """The processor time that PostgreSQL has used so far."""
        server = psutil.Process(self.postgres.pid)
        ended = server.cpu_times()
        running = [ended, *(child.cpu_times() for child in server.children())]
        return float(ended.children_user + ended.children_system + sum(times.user + times.system for times in running))

    def memory(self) -> int:
        """The bytes of memory that only the workers use."""
        return int(sum(worker.memory_full_info().uss for worker in self.workers))

    def users(self, count: int) -> list[User]:
        """That many new people, logged in."""
        if not self._hash:
            from argon2 import PasswordHasher

            self._hash = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(self.password)
        ids, sids = [new_id() for _ in range(count)], [new_id() for _ in range(count)]
        names = [f"user{self._made + n}" for n in range(count)]
        self._made += count
        with self.engine.begin() as db:
            db.execute(_USERS, {"ids": ids, "names": names, "hash": self._hash})
            db.execute(_SESSIONS, {"ids": ids, "sids": sids})
        return [User(id, name, _token(id, sid)) for id, sid, name in zip(ids, sids, names, strict=True)]

    def chat(self, members: Sequence[User], *, type: str = "GROUP") -> str:
        """The id of a new chat of these people."""
        pair = ":".join(sorted(member.id for member in members)) if type == "DIRECT" else None
        values = {"id": new_id(), "type": type, "user_ids": [member.id for member in members]}
        about = {"name": None if pair else "A group", "direct_key": pair, "member_count": len(members)}
        with self.engine.begin() as db:
            db.execute(_CHAT, values | about)
            db.execute(_MEMBERS, values)
        return str(values["id"])

    def fill(self, chat_id: str, sender: User, *, stored: int, total: int, tidy: bool = True) -> None:
        """Have a chat that has `stored` messages hold `total`, all of them read."""
        values = {"chat_id": chat_id, "sender_id": sender.id, "first": stored + 1, "last": total}
        with self.engine.begin() as db:
            for statement in (_FILL, *_FILLED):
                db.execute(statement, values)
        if tidy:
            self.tidy()

    def tidy(self) -> None:
        """Have PostgreSQL write down and count what it holds, rather than while it is measured."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.execute(text("VACUUM ANALYZE"))
            db.execute(text("CHECKPOINT"))


@contextmanager
def site(folder: Path, root: Path = ROOT) -> Iterator[Site]:
    """A site in an empty folder: PostgreSQL with fsync and synchronous_commit on, a queue for several workers."""
    with EmbeddedPostgres(folder / "postgres") as postgres, EmbeddedValkey(folder / "valkey") as valkey:
        postgres.create_database("bench")
        url = postgres.url("bench")
        environment = os.environ | {
            "DATABASE_URL": url,
            "INSTANCE_PATH": str(folder),
            "PORT": str(PORT),
            **LIMITS,
            "MAX_SOCKETS_PER_USER": "100000",
            "LOG_LEVEL": "warning",
            "JWT_ACCESS_SECRET": SECRET,
            "JWT_ACCESS_EXPIRES_IN": "2h",
        }
        migrate = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
        subprocess.run(migrate, cwd=root, env=environment, check=True, capture_output=True)
        engine = create_engine(url)
        made = Site(engine, environment, valkey.url, postgres, root)
        try:
            yield made
        finally:
            made.stop()
            engine.dispose()


def _token(user_id: str, session_id: str) -> str:
    now = datetime.now(UTC)
    claims = {"sub": user_id, "sid": session_id, "type": "access", "fresh": False, "jti": new_id()}
    return jwt.encode(claims | {"iat": now, "nbf": now, "exp": now + timedelta(hours=2)}, SECRET, algorithm="HS256")
