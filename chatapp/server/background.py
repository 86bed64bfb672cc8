"""Background tasks of a worker, started once it serves, never by a CLI command."""

from collections.abc import Callable

import gevent
import structlog

from chatapp.core.errors import Unavailable

log = structlog.get_logger()
Task = Callable[[], None]


class Background:
    """The tasks of one worker."""

    def __init__(self) -> None:
        self._tasks: list[Task] = []

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

    def start(self) -> None:
        """Start the tasks; gunicorn calls this in each worker (`gunicorn.conf.py`)."""
        for task in self._tasks:
            gevent.spawn(task)
