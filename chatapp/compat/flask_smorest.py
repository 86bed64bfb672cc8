"""Private names of flask-smorest.

- The attribute `_apidoc` of a view has its documentation; responses are in it as `response.responses`, by status. They
  are written there directly: the library's decorator of each response copies the whole documentation, which took a
  quarter of the start, and wraps the view, which costs requests 1 µs.
- `DEFAULT_ERROR_RESPONSE_NAME` is a response that every operation gets, and `Error` and `PaginationMetadata` are schemas
  of errors and pages, which this API has its own of.
- `ma_plugin` is apispec's plugin for marshmallow.
"""

from typing import Any

from flask import Flask

from chatapp.compat.apispec import schemas_of

TESTED = ("0.47.0", "0.47.0")

_OWN_SCHEMAS = ("Error", "PaginationMetadata")
# What the library keeps of each response, by status.
Responses = dict[int, list[dict[str, Any]]]


def document_responses(view: Any, documented: Any, responses: Responses) -> None:
    """Give `view` the documentation of `documented`, which the library's decorator has made of it, with `responses`."""
    view._apidoc = documented._apidoc | {"response": {"responses": responses}}


def init_api(api: Any, app: Flask, **spec: Any) -> Any:
    """Initialise the extension without responses and schemas of its own; returns apispec's converter of schemas."""
    api.DEFAULT_ERROR_RESPONSE_NAME = None
    api.init_app(app, spec_kwargs=spec)
    for name in _OWN_SCHEMAS:
        del schemas_of(api.spec)[name]
    return api.ma_plugin.converter
