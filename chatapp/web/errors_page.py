"""The error reference (`/docs/errors`): the table of codes, and the operations that document each of them."""

from collections import defaultdict
from collections.abc import Callable
from functools import cache
from http import HTTPStatus

from flask import Blueprint, Response

from chatapp.core.error_codes import CODES
from chatapp.core.errors import Invalid, Json
from chatapp.web.docs_page import render, respond

PROBLEM = "application/problem+json"
EXAMPLE = Invalid("A field is not valid.", errors={"content": ["Missing data."]})
# sentence → the operations that document it.
Causes = dict[str, list[Json]]


def blueprint(openapi: Callable[[], Json]) -> Blueprint:
    """The page; `openapi` returns the OpenAPI document, which is complete by the first request."""
    pages = Blueprint("errors_page", __name__, template_folder="templates")

    @cache
    def page() -> str:
        causes = causes_by_code(openapi())
        groups: defaultdict[HTTPStatus, Json] = defaultdict(dict)
        for code, entry in CODES.items():
            groups[HTTPStatus(entry.status)][code] = {"occurs": entry.occurs, "causes": causes.get(code, {})}
        return render("errors.html", groups=groups, example=EXAMPLE.problem())

    @pages.get("/docs/errors")
    def errors() -> Response:
        """Each code, with its status and description."""
        return respond(page())

    return pages


def causes_by_code(document: Json) -> dict[str, Causes]:
    """The descriptions of each code in the operations of an OpenAPI document."""
    found: defaultdict[str, Causes] = defaultdict(dict)
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for response in operation["responses"].values() if method != "parameters" else ():
                for code, shown in response.get("content", {}).get(PROBLEM, {}).get("examples", {}).items():
                    named = {"name": f"{method.upper()} {path}", "summary": operation["summary"]}
                    found[code].setdefault(shown["value"]["detail"], []).append(named)
    return found
