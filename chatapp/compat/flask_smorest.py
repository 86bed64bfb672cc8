"""Private names of flask-smorest.

- The attribute `_apidoc` of a view has its documentation; responses are in it as `response.responses`, by status. They
  are written there directly: the library's decorator of each response copies the whole documentation, which took a
  quarter of the start, and wraps the view, which costs requests 1 µs.
- `DEFAULT_ERROR_RESPONSE_NAME` is a response that every operation gets, and `Error` and `PaginationMetadata` are schemas
  of errors and pages, which this API has its own of.
- `ma_plugin` is apispec's plugin for marshmallow.
- `_openapi_json` is the view of the document, and `register_blueprint` adds to the document at once.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask_smorest import Api

from chatapp.compat.apispec import schemas_of

TESTED = ("0.47.0", "0.47.0")

_OWN_SCHEMAS = ("Error", "PaginationMetadata")
# What the library keeps of each response, by status.
Responses = dict[int, list[dict[str, Any]]]


class LateApi(Api):  # type: ignore[misc]
    """Registers blueprints without documenting them, until `complete` is called once; `view` returns the document."""

    def __init__(self, view: Callable[[], Any]) -> None:
        super().__init__()
        self._openapi_json = view
        self._undocumented: list[Any] = []

    def register_blueprint(self, blueprint: Any, **options: Any) -> None:
        """Register a blueprint with the application."""
        self._app.register_blueprint(blueprint, **options)
        self._undocumented.append(blueprint)

    def complete(self) -> None:
        """Add the registered blueprints to the document."""
        for blueprint in self._undocumented:
            blueprint.register_views_in_doc(self, self._app, self.spec, name=blueprint.name, parameters=None)
            self.spec.tag({"name": blueprint.name, "description": blueprint.description})
        self._undocumented.clear()


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
