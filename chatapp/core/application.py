"""The state of an application: one process can have several, each with its own database, settings and sockets.

A module declares its state where it uses it:

    _queues = PerApplication[dict[str, list[PendingMessage]]](dict)
    ...
    queue = _queues.get()[chat_id]

An application is entered where its work begins: a request, an app context, a background task, a packet of a socket, and
a greenlet that `spawn` starts; gevent itself starts greenlets without a context. Anywhere else the newest application is
the current one, so a script with one application enters nothing.

State of the process stays in plain modules: metrics (gauges report the newest application), the log configuration,
thread pools, and what is constant after the imports.
"""

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, Generic, ParamSpec, TypeVar

import gevent

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Application:
    """The values of all `PerApplication` objects for one application; they are freed with it."""

    created = 0

    def __init__(self) -> None:
        global _sole
        self.values: dict[object, Any] = {}
        Application.created += 1
        # The first one is `_newest` below, which counts only until the factory creates another.
        _sole = self if Application.created <= 2 else None
        for each in _declared:
            each.forget_sole()

    def enter(self) -> "Entered":
        """Make this the current application, until `leave`."""
        return _current.set(self)

    def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call `work` in this application."""
        entered = self.enter()
        try:
            return work(*args, **kwargs)
        finally:
            leave(entered)


Entered = Token[Application]
_current: ContextVar[Application] = ContextVar("application")
_declared: list["PerApplication[Any]"] = []
# The only application of the process; None once there were several.
_sole: Application | None = None
# Before the first one is created: what needs no settings works without an application too.
_newest = Application()


def current() -> Application:
    """The application that was entered, else the newest one."""
    return _current.get(_newest)


def leave(entered: Entered) -> None:
    """Return to the application from before `enter`."""
    _current.reset(entered)


def use_by_default(application: Application) -> None:
    """Make this the current application wherever none was entered; called by the factory."""
    global _newest
    _newest = application


def spawn(work: Callable[..., Any], *args: Any, **kwargs: Any) -> gevent.Greenlet:
    """Run `work` in a greenlet, in the current application."""
    return gevent.spawn(current().run, work, *args, **kwargs)


def spawn_later(seconds: float, work: Callable[..., Any], *args: Any, **kwargs: Any) -> gevent.Greenlet:
    """Like `spawn`, after `seconds`."""
    return gevent.spawn_later(seconds, current().run, work, *args, **kwargs)


class PerApplication(Generic[T]):
    """A value of each application, made by `make` when it is first used, or else `set` by the factory.

    It also keeps the value of the only application of the process, since a message looks up 16 values.
    """

    __slots__ = ("_make", "_of_sole")

    def __init__(self, make: Callable[[], T] | None = None) -> None:
        self._make = make
        self._of_sole: T | None = None
        _declared.append(self)

    def get(self) -> T:
        """The value of the current application; RuntimeError if the factory has to set it and has not run yet."""
        value = self._of_sole
        return value if value is not None else self._find()

    def _find(self) -> T:
        application = _current.get(_newest)
        try:
            value: T = application.values[self]
        except KeyError:
            if self._make is None:
                raise RuntimeError("This is set by create_app(), which has not run yet.") from None
            value = self._make()
            self.set(value)
        if application is _sole:
            self._of_sole = value
        return value

    def set(self, value: T) -> None:
        """Set the value of the current application."""
        current().values[self] = value
        self._of_sole = None

    def forget_sole(self) -> None:
        """Keep no value: another application was created."""
        self._of_sole = None
