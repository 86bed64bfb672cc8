"""Documents the responses of an operation: each status with its headers, schema and example."""

from marshmallow import Schema

from chatapp.compat.flask_smorest import Responses
from chatapp.core.errors import Json
from chatapp.core.examples import example, problems
from chatapp.core.problem import ProblemSchema

# By their names in the documents (see docs.py).
LIMIT_HEADERS = {name: name for name in ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")}
ERROR_HEADERS = {401: {"WWW-Authenticate": "WWW-Authenticate"}, 429: {"Retry-After": "Retry-After"}}
# Responses without a body.
EMPTY = (204, 302, 304)


def success_responses(shape: type[Schema] | Json | None, successes: dict[int, str]) -> Responses:
    """Document `successes`; those with a body have the schema `shape`."""
    responses: Responses = {}
    for status, description in successes.items():
        response: Json = {"description": description, "headers": dict(LIMIT_HEADERS), "content_type": None}
        if shape and status not in EMPTY:
            response["schema"] = shape
            response["example"] = example(shape()) if isinstance(shape, type) else "…"
            response["content_type"] = None if isinstance(shape, type) else "*/*"
        responses[status] = [response]
    return responses


def error_responses(errors: dict[int, str], field: str) -> Responses:
    """Document `errors`; `field` is a field that can be invalid."""
    return {
        status: [
            {
                "schema": ProblemSchema,
                "description": description,
                "examples": problems(status, description, field),
                "headers": LIMIT_HEADERS | ERROR_HEADERS.get(status, {}),
                "content_type": "application/problem+json",
            }
        ]
        for status, description in errors.items()
    }
