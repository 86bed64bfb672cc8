"""Structured logs: JSON lines, or coloured text on a terminal; never a secret, never a message's text."""

import logging
import re
import sys
from contextvars import ContextVar

import structlog

# What gunicorn says of a request that it could not take, and quotes from there on.
_ABOUT_A_REQUEST = re.compile(r"""((?:Invalid request|Error handling request|Ignored premature)[^'"?]*).*""", re.DOTALL)
_about: ContextVar[dict[str, str] | None] = ContextVar("about", default=None)


def about(**ids: str) -> None:
    """Have all that this greenlet logs from now on carry `ids`, instead of those that it carried before."""
    _about.set(ids)


def configure(level: str) -> None:
    """Write everything from `level` up to standard error, in one form, the libraries' records included."""
    shared: list[structlog.typing.Processor] = [
        _add_ids,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _leave_out_requests,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    terminal = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if terminal
        else structlog.processors.JSONRenderer()
    )
    # Tracebacks without local variables: those would hold passwords and tokens.
    traceback = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
    last = [renderer] if terminal else [traceback, renderer]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # What is below the level costs nothing.
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # They log every packet at INFO, and at WARNING what any client without a token can make them log at will.
    for chatty in ("socketio", "engineio", "socketio.server", "engineio.server"):
        logging.getLogger(chatty).setLevel(max(logging.ERROR, root.level))


def _add_ids(_logger: object, _method: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {**(_about.get() or {}), **entry}


def _leave_out_requests(_logger: object, _method: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if entry["logger"].startswith("gunicorn"):
        entry["event"] = _ABOUT_A_REQUEST.sub(r"\1…", entry["event"])
    return entry
