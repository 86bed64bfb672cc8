"""The master process of gunicorn, with a reload (SIGHUP) during which no request fails.

gunicorn itself starts the new workers and ends the old ones at the same time, seconds before the new ones can serve.
Here one new worker starts; once it is ready, one old worker drains; and so on. If the new settings or code fail, the
old workers continue to serve.
"""

import signal
from typing import Any

import structlog

from chatapp.compat.gunicorn_processes import BaseArbiter, HaltServer, use_arbiter

log = structlog.get_logger()

# The signal that makes a worker move its clients to the other workers and end.
DRAIN = signal.SIGUSR2


class Arbiter(BaseArbiter):
    """Starts, watches and replaces workers; imports nothing of the application."""

    # Workers up to this age run the code from before the last reload.
    _outdated_age = 0

    def setup(self, app: Any) -> None:
        """Called by gunicorn with its configuration, at the start and for a reload. Exits if the configuration can't be
        used."""
        if app.cfg.is_ssl:
            raise SystemExit(
                "error: certfile and keyfile are set, but this server does not speak TLS itself:"
                " remove them and let a proxy in front do so (deploy/nginx.conf)."
            )
        super().setup(app)

    def reload(self) -> None:
        """SIGHUP: read the configuration again and replace all workers, one at a time."""
        app, before = self.app, self.app.cfg
        try:
            app.reload()
            if app.cfg.address != before.address:
                log.warning("bind_needs_restart", present=before.bind, wanted=app.cfg.bind)
                app.cfg.set("bind", before.bind)
            self.setup(app)
        except SystemExit as error:
            app.cfg = before
            log.error("reload_refused", reason=str(error))
            return
        self.log.reopen_files()
        self._outdated_age = self.worker_age
        self.manage_workers()

    def manage_workers(self) -> None:
        """Called by gunicorn about once a second: take the next step towards the configured workers."""
        outdated = sorted((w for w in self.WORKERS.values() if w.age <= self._outdated_age), key=lambda w: w.age)
        if not outdated:
            super().manage_workers()
            return
        present = [w for w in self.WORKERS.values() if w.age > self._outdated_age]
        if any(not worker.ready for worker in present) or any(worker.leaving for worker in outdated):
            return
        if not present or len(present) + len(outdated) <= self.num_workers:
            self.spawn_worker()
        elif outdated[0].ready:
            # Before that, a worker may not handle the signal yet.
            outdated[0].leaving = True
            self.kill_worker(outdated[0].pid, DRAIN)

    def reap_workers(self) -> None:
        """Called by gunicorn when a process has ended. The server survives new workers that can't start."""
        try:
            super().reap_workers()
        except HaltServer as failure:
            if all(worker.age > self._outdated_age for worker in self.WORKERS.values()):
                raise
            log.error("reload_abandoned", reason=failure.reason)
            self._outdated_age = 0


def install() -> None:
    """Make gunicorn use this master; called by its configuration file, which it reads first."""
    use_arbiter(Arbiter)
