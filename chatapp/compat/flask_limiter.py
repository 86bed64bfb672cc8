"""Private names of Flask-Limiter.

- `_check_request_limit` is called before each request, and by the wrapper of each decorated view. It finds the limits of
  the endpoint again for each request, parses them, and keeps the results in a context of the request, which takes a
  third of the server's work for a request.
- `init_app` also registers functions that run after each request, for headers and for counts that depend on the response.
  They find nothing to do, and are removed.
- `limit_manager.resolve_limits` finds the limits of an endpoint; `RuntimeLimit` is one of them.
- `get_qualified_name` is the name under which a decorated view is known.
"""

from collections.abc import Sequence
from typing import Any

from flask import Flask, current_app, request
from flask_limiter import Limiter
from flask_limiter._limits import RuntimeLimit
from flask_limiter.util import get_qualified_name

__all__ = ["TESTED", "EndpointLimiter", "RuntimeLimit"]
TESTED = ("4.1.1", "4.1.1")


class EndpointLimiter(Limiter):
    """A limiter that finds the limits of each endpoint once, and leaves counting to `check_limits`."""

    def init_app(self, app: Flask) -> None:
        """Count the requests of an application."""
        after, teardown = (list(funcs[None]) for funcs in (app.after_request_funcs, app.teardown_request_funcs))
        super().init_app(app)
        app.after_request_funcs[None], app.teardown_request_funcs[None] = after, teardown

    def prepare_limits(self, endpoint: str, limits: Sequence[RuntimeLimit]) -> Any:
        """Prepare the limits of an endpoint for `check_limits`; called before its first request is counted."""
        raise NotImplementedError

    def check_limits(self, prepared: Any) -> None:
        """Count a request against the limits of its endpoint, as `prepare_limits` returned them."""
        raise NotImplementedError

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        endpoint = request.endpoint
        if in_middleware and endpoint:
            app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
            known: dict[str, Any] = app.extensions.setdefault("endpoint_limits", {})
            if endpoint not in known:
                limits = self._limits_of(app, endpoint, request.blueprint)
                known[endpoint] = self.prepare_limits(endpoint, limits) if limits else None
            if (prepared := known[endpoint]) is not None:
                self.check_limits(prepared)

    def _limits_of(self, app: Flask, endpoint: str, blueprint: str | None) -> Sequence[RuntimeLimit]:
        view: Any = app.view_functions[endpoint]
        defaults, declared = self.limit_manager.resolve_limits(app, endpoint, blueprint, get_qualified_name(view))
        return [*defaults, *declared]
