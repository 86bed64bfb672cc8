"""Declares a REST endpoint in one place: authentication, rate limits, schemas, and documentation.

    resource = Resource("chats", "/chats", "Direct chats and groups.")

    @resource.endpoint("POST", "/direct", body=DirectChatSchema, returns=ChatSchema, status=201, errors=(404, 422))
    def create_direct_chat(actor: Actor, body: Json) -> Json: ...

The view gets `actor` (unless `public`), the validated `body` and `query`, and path parameters as text (`<uuid:chatId>`
in the rule is `chat_id`). It returns the object, None for 204, a `Page` for a list, or the object and a status; only a
view that serves a file returns a `Response`. The docstring of the view is the summary and, after an empty line, the
description of the operation; its name is the operation id.
"""

import functools
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any
from uuid import UUID

import orjson
from flask import Request, Response, current_app, g, request
from flask_smorest import Blueprint
from marshmallow import Schema, fields
from webargs.flaskparser import FlaskParser

from chatapp.compat.flask_smorest import document_responses
from chatapp.compat.gunicorn import InvalidBody
from chatapp.core import settings
from chatapp.core.errors import Invalid, Json, Malformed, TooLarge, UnsupportedType
from chatapp.core.examples import example
from chatapp.core.identity import Actor
from chatapp.core.json_input import BOM, decode_json
from chatapp.core.pagination import Page
from chatapp.core.schemas import Output, load, validate_response
from chatapp.core.settings import Rate
from chatapp.core.uploads import Allowance
from chatapp.rest.bearer import current_actor
from chatapp.rest.limits import limit_requests, limited
from chatapp.rest.multipart import Form, require_no_encoding
from chatapp.rest.responses import error_responses, success_responses

# Documented by endpoints whose object may be hidden from the caller.
NOT_VISIBLE = {404: "The object does not exist or is not visible to the caller (`not_found`)."}
INVALID = {422: "A field is invalid (`validation_error`)."}
UNAUTHORIZED = {
    401: "The access token is missing or invalid (`token_invalid`). The access token has expired (`token_expired`)."
}
DATABASE_UNAVAILABLE = "The database is unavailable (`database_unavailable`)."
UNAVAILABLE = {
    429: "A rate limit is exceeded (`rate_limited`). Retry after `Retry-After` seconds.",
    503: DATABASE_UNAVAILABLE,
}
BODY_ERRORS = {
    400: "The body is not valid JSON (`malformed_json`).",
    413: "The body is larger than 256 KiB (`body_too_large`).",
    415: "The `Content-Type` is not JSON, or the body is compressed (`unsupported_media_type`).",
}

# A form contains a file; its fields are checked before the file is read.
FORM_ERRORS = {
    400: "The body is not a valid form (`malformed_form`).",
    413: "The file is too large (`file_too_large`). The other fields are larger than 256 KiB (`body_too_large`).",
    415: "The `Content-Type` is not multipart/form-data, or the body is compressed (`unsupported_media_type`).",
}
# Seconds after which the sender of a slow body is authenticated again.
MAX_BODY_DELAY = 0.5
A_FILE = {"type": "string", "format": "binary"}

Returned = Json | Page | Response | None | tuple[Json, int]
Caller = Callable[[], Actor]
AuthorizeUpload = Callable[[Actor, Json], Allowance]
View = Callable[..., Returned]


class JsonParser(FlaskParser):
    """Parses request bodies: 415 for other media types, 400 for invalid JSON, 422 for an invalid field."""

    def load_json(self, req: Request, schema: Schema) -> Any:
        try:
            raw = req.get_data()
        except InvalidBody:
            raise Malformed("The body does not match its headers.") from None
        if len(raw) < (req.content_length or 0):
            raise Malformed("The body does not match its headers.")
        if not raw:
            return {}
        if len(raw) > settings.current().max_body_bytes:
            raise TooLarge("The body is too large.")
        if not req.is_json:
            raise UnsupportedType("The body must be JSON (Content-Type: application/json).")
        require_no_encoding(req)
        try:
            body = decode_json(raw.removeprefix(BOM))
        except ValueError:
            raise Malformed("The body is not valid JSON.") from None
        if not isinstance(body, dict):
            raise Invalid("The body must be an object.")
        return body

    def parse(self, argmap: Any, req: Request | None = None, *, location: str | None = None, **_options: Any) -> Any:
        """The validated body or query, treated like the payload of a socket event; unknown query parameters are
        ignored, and the first of duplicate ones counts."""
        req = req or request
        if location == "json":
            return load(argmap, self.load_json(req, argmap))
        known = {field.data_key or name for name, field in argmap.load_fields.items()}
        return load(argmap, {name: value for name, value in req.args.items() if name in known})


class ApiBlueprint(Blueprint):  # type: ignore[misc]
    """A flask-smorest blueprint that parses bodies strictly."""

    ARGUMENTS_PARSER = JsonParser()


class PageMeta(Output):
    """Pagination of a list."""

    nextCursor = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The `cursor` of the next page; null on the last page."},
    )
    hasMore = fields.Boolean(required=True, metadata={"description": "True if there is a next page."})


class Resource:
    """The endpoints of one feature under `/api/v1` + `prefix`; `parts` documents path parameters by name."""

    def __init__(
        self,
        name: str,
        prefix: str,
        description: str,
        parts: Mapping[str, Json] | None = None,
        *,
        base: str = "/api/v1",
    ) -> None:
        self.blueprint = ApiBlueprint(name, name, url_prefix=base + prefix, description=description)
        limit_requests(self.blueprint)
        self._parts = parts or {}

    def endpoint(
        self,
        method: str,
        rule: str,
        *,
        returns: type[Schema] | None = None,
        many: bool = False,
        body: type[Schema] | None = None,
        form: type[Schema] | None = None,
        authorize_upload: AuthorizeUpload | None = None,
        query: type[Schema] | None = None,
        status: int = 200,
        also: dict[int, str] | None = None,
        public: bool = False,
        signed: bool = False,
        rate: Callable[[], Rate] | None = None,
        errors: dict[int, str] | None = None,
    ) -> Callable[[View], View]:
        """Publish a view. `also` documents further successes, `errors` the errors in addition to the common ones.

        `errors` maps a status to its description, with one sentence per error; error codes in backticks become the
        examples. `rate` limits the endpoint per client address, in addition to the limits on all requests.

        With `form`, the body contains a file; `authorize_upload` gets the actor and the fields before the file, and
        raises an error, or returns the allowance that counts the bytes. A `signed` endpoint serves files and accepts a
        signature in the query: the view gets `caller`, to be called without a valid signature, which returns the actor
        or raises Unauthenticated.
        """
        all_errors = UNAVAILABLE | (INVALID if body or form or (query and not signed) else {})
        all_errors |= (BODY_ERRORS if body else {}) | (FORM_ERRORS if form else {})
        all_errors |= ({} if public else UNAUTHORIZED) | (errors or {})

        def publish(view: View) -> View:
            parsed = [] if signed else [name for name, schema in (("body", body), ("query", query)) if schema]
            handler = _handler(view, parsed, lambda returned: _respond(returned, status, returns, many))
            decorated: Any = self._with_input(handler, query, body, signed=signed)
            if form:
                decorated = self._with_form(decorated, form, authorize_upload)
            shape = A_FILE if signed else envelope(returns, many) if returns else None
            success_description = (
                "The file." if signed else _summary(returns, many) if returns else "Done; the response has no body."
            )
            successes = {status: success_description} | (also or {})
            shapes = [schema for schema in (body, form, query) if schema]
            some_field = next((f.data_key or name for s in shapes for name, f in s().fields.items()), "")
            ways: list[Json] = [] if public else [{"bearer": []}, *([{"signature": []}] if signed else [])]
            documented = self.blueprint.doc(security=ways, operationId=view.__name__)(decorated)
            responses = success_responses(shape, successes) | error_responses(all_errors, some_field)
            document_responses(decorated, documented, responses)
            if signed:
                decorated = functools.wraps(decorated)(
                    functools.partial(decorated, caller=lambda: current_actor(current_app))
                )
            elif not public:
                decorated = _authenticated(decorated)
            if rate:
                decorated = limited(rate)(decorated)
            parts = [
                {"in": "path", "name": name, "required": True, **about}
                for name, about in self._parts.items()
                if f"{name}>" in rule
            ]
            self.blueprint.route(rule, methods=[method], parameters=parts)(decorated)
            return view

        return publish

    def _with_input(self, handler: Any, query: type[Schema] | None, body: type[Schema] | None, *, signed: bool) -> Any:
        """Validate the query and the JSON body of requests, and document them."""
        # webargs passes the values of the innermost schema first.
        if query and signed:
            handler = self.blueprint.doc(parameters=[{"in": "query", "schema": query}])(_as_it_is(query)(handler))
        elif query:
            handler = self.blueprint.arguments(query(), location="query")(handler)
        if body:
            handler = self.blueprint.arguments(
                body(), location="json", required=_needed(body), description=_summary(body), example=example(body())
            )(handler)
        return handler

    def _with_form(self, handler: Any, form: type[Schema], authorize_upload: AuthorizeUpload | None) -> Any:
        """Parse the form of requests, and document it."""
        content = {"multipart/form-data": {"schema": form}}
        described = {"required": True, "description": _summary(form), "content": content}
        return self.blueprint.doc(requestBody=described)(_with_form(form, authorize_upload)(handler))


def _handler(
    view: View, parsed_names: Sequence[str], respond: Callable[[Returned], Response]
) -> Callable[..., Response]:
    """The function that handles a request: calls `view` with path parameters and parsed input, in webargs' order."""

    @functools.wraps(view)
    def handle_request(*parsed: Json, **arguments: Any) -> Response:
        given = {_snake(name): str(v) if isinstance(v, UUID) else v for name, v in arguments.items()}
        given |= zip(parsed_names, parsed, strict=True)
        if "actor" in given and time.monotonic() > g.authenticated_at + MAX_BODY_DELAY:
            # The body arrived slowly: the session may have ended, or the role changed.
            given["actor"] = current_actor(current_app)
        return respond(view(**given))

    return handle_request


def _needed(schema: type[Schema]) -> bool:
    """True if a request needs this body."""
    return any(field.required for field in schema().fields.values())


def _summary(schema: type[Schema], many: bool = False) -> str:
    """The first line of a schema's docstring, for the reader of a response."""
    said = (schema.__doc__ or "").partition("\n")[0]
    return f"A page of a list. Each item: {said}" if many else said


def _snake(name: str) -> str:
    """`chatId` → `chat_id`."""
    return re.sub("[A-Z]", lambda capital: "_" + capital[0].lower(), name)


def _authenticated(view: Callable[..., Response]) -> Callable[..., Response]:
    """Authenticate before the body is validated: unauthenticated clients learn nothing about schemas."""

    @functools.wraps(view)
    def guarded(**arguments: Any) -> Response:
        actor = current_actor(current_app)
        g.authenticated_at = time.monotonic()
        return view(actor=actor, **arguments)

    return guarded


def _as_it_is(schema: type[Schema]) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Pass the query parameters of a schema without validation: an invalid signature is no validation error."""

    def with_query(view: Callable[..., Response]) -> Callable[..., Response]:
        @functools.wraps(view)
        def filled(**arguments: Any) -> Response:
            return view(query={name: request.args.get(name, "") for name in schema().fields}, **arguments)

        return filled

    return with_query


def _with_form(
    schema: type[Schema], authorize_upload: AuthorizeUpload | None
) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Parse a form and pass it as `body`; its file exists until the end of the request."""

    def with_form(view: Callable[..., Response]) -> Callable[..., Response]:
        @functools.wraps(view)
        def filled(*, actor: Actor, **arguments: Any) -> Response:
            def before_file(parts: Json) -> Allowance | None:
                known = load(schema(partial=True), parts)
                return authorize_upload(actor, known) if authorize_upload else None

            with closing(Form(settings.current(), before_file)) as form:
                form.read(request)
                return view(actor=actor, body=load(schema(), form.parts), **arguments)

        return filled

    return with_form


def _respond(returned: Returned, status: int, schema: type[Schema] | None, many: bool) -> Response:
    if isinstance(returned, tuple):
        returned, status = returned
    if isinstance(returned, Response):
        return returned
    if returned is None:
        response = Response(status=status)
        del response.headers["Content-Type"]
        return response
    if isinstance(returned, Page):
        content: Json = {
            "data": returned.items,
            "meta": {"nextCursor": returned.next_cursor, "hasMore": returned.next_cursor is not None},
        }
    else:
        content = {"data": returned}
    body = orjson.dumps(content)
    if settings.current().validate_responses and schema:
        validate_response(envelope(schema, many), orjson.loads(body))
    return Response(body, status, mimetype="application/json")


@functools.cache
def envelope(schema: type[Schema], many: bool) -> type[Schema]:
    """The schema of `{"data": …}` around `schema`, or of `{"data": […], "meta": {…}}` for a list."""
    name = schema.__name__.removesuffix("Schema")
    if many:
        items = fields.List(fields.Nested(schema), required=True, metadata={"description": "In order, a page of them."})
        meta = fields.Nested(PageMeta, required=True, metadata={"description": "Where the list goes on."})
        made = Output.from_dict({"data": items, "meta": meta}, name=f"{name}List")
    else:
        data = fields.Nested(schema, required=True, metadata={"description": "The requested object."})
        made = Output.from_dict({"data": data}, name=f"{name}Envelope")
    made.__doc__ = _summary(schema, many)
    return made


def reject_large_bodies() -> None:
    """Refuse a body above the limit before reading it (uploads have their own limit).

    A body without a length is cut off one byte beyond the limit, so that it is recognised as too large.
    """
    request.max_content_length = settings.current().max_body_bytes + 1
