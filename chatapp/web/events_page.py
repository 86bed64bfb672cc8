"""The Socket.IO events, for machines (`/api/v1/asyncapi.json`) and for people (`/docs/events`).

The page is made from the document alone, and is one file: no script, no style and no image from anywhere.
"""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

import orjson
from flask import Blueprint, Response, render_template
from markupsafe import Markup, escape

from chatapp.core.errors import Json

STYLE = (Path(__file__).parent / "templates" / "events.css").read_text()
# The browser itself sees to it that nothing is loaded and nothing runs but this style.
POLICY = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src "
# Fields of a schema that may be shown more than once.
SHORT = 3
_INLINE = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*")
_JSON = re.compile(r'(?P<key>"[^"]*")(?=:)|(?P<string>"(?:[^"\\]|\\.)*")|(?P<literal>true|false|null|-?\d[\d.]*)')
_FORMS = {
    "code": Markup("<code>{}</code>"),
    "strong": Markup("<strong>{}</strong>"),
    "key": Markup('<span class="key">{}</span>'),
    "string": Markup('<span class="string">{}</span>'),
    "literal": Markup('<span class="literal">{}</span>'),
}


def blueprint(document: Json) -> Blueprint:
    """The two pages of an AsyncAPI document."""
    pages = Blueprint("events_page", __name__, template_folder="templates")
    written = orjson.dumps(document, option=orjson.OPT_INDENT_2)

    @cache
    def page() -> str:
        return render_template("events.html", **_told(document), style=STYLE)

    @pages.get("/api/v1/asyncapi.json")
    def asyncapi() -> Response:
        """The document."""
        return Response(written, mimetype="application/json")

    @pages.get("/docs/events")
    def events() -> Response:
        """The document, to read."""
        digest = b64encode(sha256(STYLE.encode()).digest()).decode()
        return Response(page(), headers={"Content-Security-Policy": f"{POLICY}'sha256-{digest}'"})

    return pages


def _told(document: Json) -> Json:
    """What the template needs: the document, what it refers to most, and how to write prose and JSON."""
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
        "prose": prose,
        "code": code,
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


def prose(text: str) -> Markup:
    """The Markdown that descriptions use, as HTML: paragraphs, lists, `code` and **strong**."""
    blocks = [
        Markup("<ul>{}</ul>").format(_each(Markup("<li>{}</li>"), re.split(r"^- ", block, flags=re.MULTILINE)[1:]))
        if block.startswith("- ")
        else _each(Markup("<p>{}</p>"), [block])
        for block in text.split("\n\n")
    ]
    return Markup("\n").join(blocks)


def code(value: object) -> Markup:
    """A value as indented JSON, coloured."""
    return _marked(_JSON, orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _each(form: Markup, texts: list[str]) -> Markup:
    return Markup().join(form.format(_marked(_INLINE, text)) for text in texts)


def _marked(pattern: re.Pattern[str], text: str) -> Markup:
    """`text` as HTML, each match of `pattern` in the form that is named as its group."""
    pieces, end = [], 0
    for match in pattern.finditer(text):
        name = str(match.lastgroup)
        pieces += [escape(text[end : match.start()]), _FORMS[name].format(match[name])]
        end = match.end()
    return Markup().join([*pieces, escape(text[end:])])
