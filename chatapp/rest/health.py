"""Liveness (`/healthz`) and readiness (`/readyz`)."""

from collections.abc import Callable, Mapping

import orjson
from flask import Blueprint, Response
from sqlalchemy import text

from chatapp.core.db import reading
from chatapp.core.errors import Unavailable
from chatapp.core.version import __version__

Check = Callable[[], None]


def check_database() -> None:
    """Raise if the database does not respond or is read-only."""
    with reading() as db:
        if db.execute(text("SELECT current_setting('transaction_read_only')")).scalar() == "on":
            raise Unavailable("The database is read-only.", code="database_unavailable")


def blueprint(checks: Mapping[str, Check], warnings: Mapping[str, Callable[[], bool]]) -> Blueprint:
    """The two endpoints. `checks` maps the parts that readiness needs to functions that raise while the part is
    unavailable. `warnings` are conditions that `/readyz` reports without becoming unready."""
    pages = Blueprint("health", __name__)

    @pages.get("/healthz")
    def healthz() -> Response:
        """The process responds; which version it is."""
        return Response(orjson.dumps({"status": "ok", "version": __version__}), mimetype="application/json")

    @pages.get("/readyz")
    def readyz() -> Response:
        """Check all parts; 503 with the unavailable ones."""
        results = {name: _responds(check) for name, check in checks.items()}
        ready = all(results.values())
        report: dict[str, object] = {
            "status": "ok" if ready else "unavailable",
            "checks": {name: "ok" if ok else "unavailable" for name, ok in results.items()},
        }
        if present := [name for name, is_present in warnings.items() if is_present()]:
            report["warnings"] = present
        return Response(orjson.dumps(report), 200 if ready else 503, mimetype="application/json")

    return pages


def _responds(check: Check) -> bool:
    try:
        check()
    except Exception:
        return False
    return True
