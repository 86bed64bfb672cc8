"""Background tasks of a worker, started once it serves, never by a CLI command."""

from collections.abc import Callable

import gevent
import structlog

from chatapp.core import application
from chatapp.core.errors import Unavailable

log = structlog.get_logger()
Task = Callable[[], None]


class Background:
    """The tasks of one worker, for the application in which this is created."""

    def __init__(self) -> None:
        self._application = application.current()
        self._tasks: list[Task] = []
        self._last_tasks: list[Task] = []

    def every(self, seconds: float, task: Task) -> None:
        """Run `task` repeatedly, `seconds` after it ended; exceptions are logged."""

        def loop() -> None:
            while True:
                try:
                    task()
                except Unavailable as error:
                    log.debug("background_task_deferred", task=task.__qualname__, reason=error.code)
                except Exception:
                    log.exception("background_task_failed", task=task.__qualname__)
                gevent.sleep(seconds)

        self._tasks.append(loop)

    def at_end(self, task: Task) -> None:
        """Run `task` once when the worker ends regularly, after its last request; exceptions are logged."""

        self._last_tasks.append(task)

    def start(self) -> None:
        """Start the tasks; gunicorn calls this in each worker (`gunicorn.conf.py`)."""
        for task in self._tasks:
            gevent.spawn(self._application.run, task)

    def finish(self) -> None:
        """Run the tasks of the end; the worker calls this."""
        for task in self._last_tasks:
            try:
                self._application.run(task)
            except Unavailable as error:
                log.debug("background_task_deferred", task=task.__qualname__, reason=error.code)
            except Exception:
                log.exception("background_task_failed", task=task.__qualname__)
