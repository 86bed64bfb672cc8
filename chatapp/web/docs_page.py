"""The common parts of documentation pages: a frame, a style, and headers that forbid loading or running anything else."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from flask import Response, render_template
from markupsafe import Markup, escape

from chatapp.core import settings

STYLE = (Path(__file__).parent / "templates" / "docs.css").read_text()
POLICY = (
    "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    f" style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
)
_INLINE = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*")
_JSON = re.compile(r'(?P<key>"[^"]*")(?=:)|(?P<string>"(?:[^"\\]|\\.)*")|(?P<literal>true|false|null|-?\d[\d.]*)')
_FORMS = {
    "code": Markup("<code>{}</code>"),
    "strong": Markup("<strong>{}</strong>"),
    "key": Markup('<span class="key">{}</span>'),
    "string": Markup('<span class="string">{}</span>'),
    "literal": Markup('<span class="literal">{}</span>'),
}


def render(template: str, **context: Any) -> str:
    """Render a page; `prose` and `code` render Markdown and JSON of the context."""
    return render_template(
        template, **context, app_name=settings.current().app_name, style=STYLE, prose=prose, code=code
    )


def respond(html: str) -> Response:
    """The response with a page."""
    return Response(html, headers={"Content-Security-Policy": POLICY})


def prose(text: str) -> Markup:
    """Render the Markdown of descriptions: paragraphs, lists, `code` and **strong**."""
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
    """`text` as HTML; each match of `pattern` gets the format named by its group."""
    pieces, end = [], 0
    for match in pattern.finditer(text):
        name = str(match.lastgroup)
        pieces += [escape(text[end : match.start()]), _FORMS[name].format(match[name])]
        end = match.end()
    return Markup().join([*pieces, escape(text[end:])])
