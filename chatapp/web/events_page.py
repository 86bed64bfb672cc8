"""The reference of Socket.IO events: the document (`/api/v1/asyncapi.json`) and its page (`/docs/events`).

The page is generated from the document and is one file, without scripts, styles or images from elsewhere.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache

import orjson
from flask import Blueprint, Response

from chatapp.core.errors import Json
from chatapp.core.offload import MadeLater
from chatapp.web.docs_page import render, respond

# Fields of a schema that may be shown more than once.
SHORT = 3


def blueprint(make_document: Callable[[], Json]) -> Blueprint:
    """The two pages of an AsyncAPI document."""
    pages = Blueprint("events_page", __name__, template_folder="templates")
    make = cache(make_document)
    document, written = MadeLater(make), MadeLater(lambda: orjson.dumps(make(), option=orjson.OPT_INDENT_2))

    @cache
    def page() -> str:
        return render("events.html", **_context(document()))

    @pages.get("/api/v1/asyncapi.json")
    def asyncapi() -> Response:
        """The document."""
        return Response(written(), mimetype="application/json")

    @pages.get("/docs/events")
    def events() -> Response:
        """The document as a page."""
        return respond(page())

    return pages


def _context(document: Json) -> Json:
    """The context of the template: the document, and its most referenced schemas."""
    schemas = document["components"]["schemas"]
    parts, uses = set(_references(schemas)), Counter(_references(document))
    return {
        "document": document,
        "schemas": schemas,
        # Shown once, at the end: schemas that others contain, and long ones that are used again. All others where they
        # are used.
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
    """The names of the schemas that a part of a document references, once per reference."""
    if isinstance(part, dict):
        if str(reference := part.get("$ref")).startswith("#/components/schemas/"):
            yield str(reference).rpartition("/")[2]
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)
