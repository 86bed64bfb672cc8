"""The site under test: a server with several workers, its database and Redis, each behind a proxy."""

import os
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

import psutil
from sqlalchemy import Engine, NullPool, create_engine, text

from chatapp.core.embedded_database import PORT, socket_folder
from chatapp.launcher.postgres import EmbeddedPostgres
from chatapp.launcher.valkey import EmbeddedValkey
from tests import once
from tests.chaos.proxy import Proxy
from tests.edited import EditedServer
from tests.server import UNREACHED_LIMITS, free_port, migrate

# Records who joined and left which chat, with the change's number, where leaving users can't delete it.
_NOTE_MEMBERSHIPS = """
    CREATE TABLE membership_log (
        id bigint GENERATED ALWAYS AS IDENTITY, chat_id uuid NOT NULL, user_id uuid NOT NULL, came boolean NOT NULL,
        rev bigint NOT NULL
    );
    CREATE FUNCTION note_membership() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO membership_log (chat_id, user_id, came, rev)
        SELECT coalesce(NEW.chat_id, OLD.chat_id), coalesce(NEW.user_id, OLD.user_id), TG_OP = 'INSERT',
               coalesce((SELECT last_rev FROM chats WHERE id = coalesce(NEW.chat_id, OLD.chat_id)), 9223372036854775807);
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER note_membership AFTER INSERT OR DELETE ON members
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_membership();
"""

# How many seconds an outage takes at least and at most: longer than the time after which a worker knows that it does not
# receive what others send.
OUTAGE = (5.0, 20.0)


def listener_on(port: int | None) -> int:
    """The id of the process that listens on a TCP port of this machine."""
    listening = (each for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN)
    return next(int(each.pid) for each in listening if each.laddr.port == port)


class Site:
    """All processes, and faults for each of them. `url` is the address for clients.

    A `once` subscriber of the server writes every event of a message to the file `written`.
    """

    def __init__(self, folder: Path, workers: int, outage: tuple[float, float] = OUTAGE) -> None:
        self.outage = outage
        self._rest = ExitStack()
        # Paths of unix sockets have to be short.
        place = Path(self._rest.enter_context(tempfile.TemporaryDirectory(prefix="chaos-", dir="/tmp")))
        place.chmod(0o755)
        self.postgres = self._rest.enter_context(EmbeddedPostgres(folder / "postgres"))
        self.postgres.create_database("chat")
        direct = self.postgres.url("chat")
        migrate(direct, folder)
        self.engine: Engine = create_engine(direct, poolclass=NullPool)
        with self.engine.begin() as db:
            db.execute(text(_NOTE_MEMBERSHIPS))
        self.valkey = self._rest.enter_context(EmbeddedValkey(folder / "valkey"))
        self.database = Proxy(place / f".s.PGSQL.{PORT}", socket_folder(self.postgres.folder) / f".s.PGSQL.{PORT}")
        queue, clients = free_port(), free_port()
        valkey_port = urlsplit(self.valkey.url).port
        assert valkey_port
        self.queue = Proxy(queue, valkey_port)
        self.written = folder / "once"
        self.server = EditedServer(
            f"postgresql://postgres@/chat?host={quote(str(place))}&port={PORT}",
            folder,
            once.lines(self.written),
            REDIS_URL=self.valkey.url.replace(f":{valkey_port}/", f":{queue}/"),
            WEB_CONCURRENCY=str(workers),
            JWT_ACCESS_EXPIRES_IN="1d",
            **UNREACHED_LIMITS,
        )
        self.clients = Proxy(clients, self.server.port)
        self.url = f"http://127.0.0.1:{clients}"
        self.server.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for proxy in (self.clients, self.queue, self.database):
            proxy.close()
        self.server.stop()
        self.engine.dispose()
        self._rest.close()

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers."""
        return [child.pid for child in psutil.Process(self.server.pid).children()]

    def kill_postgres(self, down: float) -> None:
        """`kill -9` all processes of the database, and restart it after a while."""
        postmaster = psutil.Process(int((self.postgres.folder / "data/postmaster.pid").read_text().split()[0]))
        for process in (postmaster, *postmaster.children()):
            try:
                process.kill()
            except psutil.NoSuchProcess:
                pass
        time.sleep(down)
        self.postgres.kill()
        self.postgres.start()

    def kill_valkey(self, down: float) -> None:
        """`kill -9` Redis, and restart it empty after a while."""
        self.valkey.kill()
        time.sleep(down)
        self.valkey.start()

    def suspend_valkey(self, seconds: float) -> None:
        """Suspend Redis for a while."""
        self.hang(listener_on(urlsplit(self.valkey.url).port), seconds)

    def cut_off_valkey(self, seconds: float) -> None:
        """Drop all packets between the server and Redis for a while."""
        self.queue.block()
        time.sleep(seconds)
        self.queue.heal()

    def kill_server(self, down: float) -> None:
        """`kill -9` the server and all its workers."""
        self.server.kill()
        time.sleep(down)
        self.server.start()

    def restart_server(self) -> None:
        """Restart the server as a platform does."""
        self.server.stop(30)
        self.server.start()

    def hang(self, pid: int, seconds: float) -> None:
        """Suspend a process for a while."""
        self._signal(pid, signal.SIGSTOP)
        time.sleep(seconds)
        self._signal(pid, signal.SIGCONT)

    def kill_worker(self, pid: int) -> None:
        """`kill -9` a worker, which gunicorn replaces."""
        self._signal(pid, signal.SIGKILL)

    def heal(self) -> None:
        """End all faults."""
        for proxy in (self.clients, self.queue, self.database):
            proxy.heal()

    @staticmethod
    def _signal(pid: int, number: signal.Signals) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
