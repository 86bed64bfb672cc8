"""Structured logs: JSON lines, or coloured text on a terminal; never a secret, never a message's text."""

import logging
import re
import sys
from contextvars import ContextVar
from typing import Any

import structlog

from chatapp.core.api_keys import redact

# gunicorn's message about a request that it could not parse; it quotes the request after this.
_ABOUT_A_REQUEST = re.compile(r"""((?:Invalid request|Error handling request|Ignored premature)[^'"?]*).*""", re.DOTALL)
_about: ContextVar[dict[str, str] | None] = ContextVar("about", default=None)


def about(**ids: str) -> None:
    """Add `ids` to all further log entries of this greenlet, instead of earlier ones."""
    _about.set(ids)


def configure(level: str) -> None:
    """Write records from `level` up to standard error in one format, including those of libraries."""
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
    # Tracebacks without local variables: those would contain passwords and tokens.
    traceback = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
    last = [renderer, _redact] if terminal else [traceback, renderer, _redact]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # Calls below the level cost nothing.
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
    # They log every packet at INFO, and at WARNING events that unauthenticated clients can cause at will.
    for chatty in ("socketio", "engineio", "socketio.server", "engineio.server"):
        logging.getLogger(chatty).setLevel(max(logging.ERROR, root.level))


def _add_ids(_logger: object, _method: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {**(_about.get() or {}), **entry}


def _redact(_logger: object, _method: str, line: Any) -> str:
    """Remove the secrets of API keys, whatever a library logs."""
    return redact(line)


def _leave_out_requests(_logger: object, _method: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if entry["logger"].startswith("gunicorn"):
        entry["event"] = _ABOUT_A_REQUEST.sub(r"\1…", entry["event"])
    return entry
