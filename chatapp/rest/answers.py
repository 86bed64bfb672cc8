"""What an operation documents that it answers: each status, with its headers, its shape and an example of it."""

from collections.abc import Callable
from typing import Any

from flask_smorest import Blueprint
from marshmallow import Schema

from chatapp.core.schemas import ProblemSchema
from chatapp.rest.examples import example, problems

# By the names under which the documents define them (see docs.py).
LIMIT_HEADERS = {name: name for name in ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")}
REFUSAL_HEADERS = {401: {"WWW-Authenticate": "WWW-Authenticate"}, 429: {"Retry-After": "Retry-After"}}

Decorator = Callable[[Any], Any]


def answering(blueprint: Blueprint, shape: type[Schema] | None, successes: dict[int, str]) -> Decorator:
    """A decorator that documents `successes`, the usual one first; they all have the same shape."""

    def document(view: Any) -> Any:
        for status, description in successes.items():
            view = blueprint.alt_response(
                status,
                schema=shape,
                description=description,
                example=example(shape()) if shape else None,
                headers=LIMIT_HEADERS,
                success=True,
            )(view)
        return view

    return document


def refusing(blueprint: Blueprint, refusals: dict[int, str], field: str) -> Decorator:
    """A decorator that documents `refusals`; `field` is one that can be wrong."""

    def document(view: Any) -> Any:
        for status, description in refusals.items():
            view = blueprint.alt_response(
                status,
                schema=ProblemSchema,
                description=description,
                content_type="application/problem+json",
                examples=problems(status, description, field),
                headers=LIMIT_HEADERS | REFUSAL_HEADERS.get(status, {}),
            )(view)
        return view

    return document
