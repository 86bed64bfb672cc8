"""Documents the responses of an operation: each status with its headers, schema and example."""

from collections.abc import Callable
from typing import Any

from flask_smorest import Blueprint
from marshmallow import Schema

from chatapp.core.errors import Json
from chatapp.core.schemas import ProblemSchema
from chatapp.rest.examples import example, problems

# By their names in the documents (see docs.py).
LIMIT_HEADERS = {name: name for name in ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")}
ERROR_HEADERS = {401: {"WWW-Authenticate": "WWW-Authenticate"}, 429: {"Retry-After": "Retry-After"}}

Decorator = Callable[[Any], Any]


# Responses without a body.
EMPTY = (204, 302, 304)


def document_successes(blueprint: Blueprint, shape: type[Schema] | Json | None, successes: dict[int, str]) -> Decorator:
    """A decorator that documents `successes`, the usual one first; those with a body have the schema `shape`."""

    def document(view: Any) -> Any:
        for status, description in successes.items():
            shown = None if status in EMPTY else shape
            view = blueprint.alt_response(
                status,
                schema=shown,
                description=description,
                example=example(shown()) if isinstance(shown, type) else shown and "…",
                content_type="*/*" if isinstance(shown, dict) else None,
                headers=LIMIT_HEADERS,
                success=True,
            )(view)
        return view

    return document


def document_errors(blueprint: Blueprint, error_responses: dict[int, str], field: str) -> Decorator:
    """A decorator that documents `error_responses`; `field` is a field that can be invalid."""

    def document(view: Any) -> Any:
        for status, description in error_responses.items():
            view = blueprint.alt_response(
                status,
                schema=ProblemSchema,
                description=description,
                content_type="application/problem+json",
                examples=problems(status, description, field),
                headers=LIMIT_HEADERS | ERROR_HEADERS.get(status, {}),
            )(view)
        return view

    return document
