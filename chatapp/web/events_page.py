"""The Socket.IO events, for machines (`/api/v1/asyncapi.json`) and for people (`/docs/events`).

The page is made from the document alone, and is one file: no script, no style and no image from anywhere.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache

import orjson
from flask import Blueprint, Response

from chatapp.core.errors import Json
from chatapp.web.docs_page import render, respond

# Fields of a schema that may be shown more than once.
SHORT = 3


def blueprint(document: Json) -> Blueprint:
    """The two pages of an AsyncAPI document."""
    pages = Blueprint("events_page", __name__, template_folder="templates")
    written = orjson.dumps(document, option=orjson.OPT_INDENT_2)

    @cache
    def page() -> str:
        return render("events.html", **_context(document))

    @pages.get("/api/v1/asyncapi.json")
    def asyncapi() -> Response:
        """The document."""
        return Response(written, mimetype="application/json")

    @pages.get("/docs/events")
    def events() -> Response:
        """The document, to read."""
        return respond(page())

    return pages


def _context(document: Json) -> Json:
    """What the template needs: the document, and what it refers to most."""
    schemas = document["components"]["schemas"]
    parts, uses = set(_references(schemas)), Counter(_references(document))
    return {
        "document": document,
        "schemas": schemas,
        # Shown once, at the end: what others are made of, and what is long and used again. All else where it is used.
        "objects": {
            name: schema
            for name, schema in schemas.items()
            if "properties" in schema and (name in parts or (uses[name] > 1 and len(schema["properties"]) > SHORT))
        },
        "host": document["servers"]["chat"]["variables"]["host"]["default"],
        "events": document["channels"]["chat"]["messages"],
        "acks": document["channels"]["acks"]["messages"],
    }


def _references(part: object) -> Iterator[str]:
    """The names of the schemas that a part of a document refers to, each as often as it does."""
    if isinstance(part, dict):
        if str(reference := part.get("$ref")).startswith("#/components/schemas/"):
            yield str(reference).rpartition("/")[2]
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)
