"""Declares a REST endpoint in one place: authentication, rate limits, schemas, and documentation.

    resource = Resource("chats", "/chats", "Direct chats and groups.")

    @resource.endpoint("POST", "/direct", body=DirectChatSchema, returns=ChatSchema, status=201, errors=(404, 422))
    def create_direct_chat(actor: Actor, body: Json) -> Json: ...

The view gets `actor` (unless `public`; with `scope`, `principal` instead), the validated `body` and `query`, and path parameters as text (`<uuid:chatId>`
in the rule is `chat_id`). It returns the object, None for 204, a `Page` for a list, or the object and a status; only a
view that serves a file returns a `Response`. The docstring of the view is the summary and, after an empty line, the
description of the operation; its name is the operation id.
"""

import functools
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from flask import Blueprint as FlaskBlueprint
from flask import Request, Response, current_app, g, request
from flask_smorest import Blueprint
from marshmallow import Schema, fields
from webargs.flaskparser import FlaskParser

from chatapp.compat.flask_smorest import document_responses
from chatapp.compat.gunicorn import InvalidBody
from chatapp.core import private_ids, settings
from chatapp.core.errors import Forbidden, Invalid, Json, Malformed, TooLarge, UnsupportedType
from chatapp.core.examples import example
from chatapp.core.identity import Actor, Principal
from chatapp.core.json_input import BOM, decode_json
from chatapp.core.objects import ApiObject, schema_of
from chatapp.core.pagination import Page, PageMeta, SignedCursor
from chatapp.core.permissions import PART_OF, require_scope
from chatapp.core.schemas import Output, load, validate_response
from chatapp.core.settings import Rate
from chatapp.core.uploads import Allowance
from chatapp.rest.bearer import current_actor, current_principal, refuse_acting
from chatapp.rest.limits import limit_requests, limited
from chatapp.rest.multipart import Form, require_no_encoding
from chatapp.rest.responses import error_responses, success_responses

# Documented by endpoints whose object may be hidden from the caller.
NOT_VISIBLE = {404: "The object does not exist or is not visible to the caller (`not_found`)."}
INVALID = {422: "A field is invalid (`validation_error`)."}
UNAUTHORIZED = {
    401: "The access token is missing or invalid (`token_invalid`). The access token has expired (`token_expired`)."
}
KEY_UNAUTHORIZED = {
    401: "The API key is unknown, revoked or wrong (`key_invalid`). The API key has expired (`key_expired`). The access token "
    "is missing or invalid (`token_invalid`). The access token has expired (`token_expired`)."
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

CURSOR_ERRORS = {400: "The cursor was not issued for this list and query (`cursor_invalid`)."}

# A form contains a file; its fields are checked before the file is read.
FORM_ERRORS = {
    400: "The body is not a valid form (`malformed_form`).",
    413: "The file is too large (`file_too_large`). The other fields are larger than 256 KiB (`body_too_large`).",
    415: "The `Content-Type` is not multipart/form-data, or the body is compressed (`unsupported_media_type`).",
}
# Seconds after which the sender of a slow body is authenticated again.
MAX_BODY_DELAY = 0.5
A_FILE = {"type": "string", "format": "binary"}

# The `scope` of an endpoint that every API key may call: each has it.
ANY_KEY = "jobs:read"
# What users with the role MODERATOR may do too.
MODERATION = "moderation"
# The bound of JSON bodies for servers, in bytes: batches are larger than what users send.
MAX_SERVER_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """The results of a batch, in the order of the request, and its `meta`."""

    items: Sequence[ApiObject]
    meta: ApiObject


Returned = ApiObject | Page | Batch | Response | None | tuple[ApiObject | Page, int]
Caller = Callable[[], Actor]
# The argument of a view that names the caller.
Authenticated = dict[str, Actor | Principal]
AuthorizeUpload = Callable[[Any, Json], Allowance | None]
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
        if len(raw) > _max_body(req):
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
        ignored, and the first of duplicate ones counts, except for lists."""
        req = req or request
        if location == "json":
            return load(argmap, self.load_json(req, argmap))
        if not req.query_string:
            return load(argmap, {})
        known, lists = _parameters_of(argmap)
        values: Json = {name: value for name, value in req.args.items() if name in known}
        return load(argmap, values | {name: req.args.getlist(name) for name in lists if name in values})


@functools.cache
def _parameters_of(query: Schema) -> tuple[frozenset[str], frozenset[str]]:
    """The names of the query parameters of a schema, and of those that may be repeated."""
    names = {field.data_key or name: field for name, field in query.load_fields.items()}
    return frozenset(names), frozenset(name for name, field in names.items() if isinstance(field, fields.List))


class ApiBlueprint(Blueprint):  # type: ignore[misc]
    """A flask-smorest blueprint that parses bodies strictly."""

    ARGUMENTS_PARSER = JsonParser()


class Resource:
    """The endpoints of one feature under `/api/v1` + `prefix`; `parts` documents path parameters by name.

    API keys can act as users, except in what is about sessions (`/auth`) and the server (`/admin`).
    """

    def __init__(
        self,
        name: str,
        prefix: str,
        description: str,
        parts: Mapping[str, Json] | None = None,
        *,
        base: str = "/api/v1",
        limit: Callable[[FlaskBlueprint], None] = limit_requests,
    ) -> None:
        self.blueprint = ApiBlueprint(name, name, url_prefix=base + prefix, description=description)
        limit(self.blueprint)
        self._parts = parts or {}
        self._acting = not prefix.startswith(("/auth", "/admin"))

    def endpoint(
        self,
        method: str,
        rule: str,
        *,
        returns: type[Schema] | None = None,
        many: bool = False,
        meta: type[Schema] | None = None,
        body: type[Schema] | None = None,
        form: type[Schema] | None = None,
        authorize_upload: AuthorizeUpload | None = None,
        query: type[Schema] | None = None,
        status: int = 200,
        also: dict[int, str] | None = None,
        public: bool = False,
        signed: bool = False,
        file: bool = False,
        scope: str | None = None,
        acting: bool | None = None,
        cache_seconds: int = 0,
        rate: Callable[[], Rate] | None = None,
        errors: dict[int, str] | None = None,
    ) -> Callable[[View], View]:
        """Publish a view. A list (`many`) is a page; `meta` describes that of a batch, or of another kind of page. `also` documents further successes, `errors` the errors in addition to the common ones.

        `errors` maps a status to its description, with one sentence per error; error codes in backticks become the
        examples. `rate` limits the endpoint per client address, in addition to the limits on all requests.

        With `form`, the body contains a file; `authorize_upload` gets the actor (or principal), and the path parameters
        and the fields before the file; it raises an error, or returns the allowance that counts the bytes. An endpoint
        with `file` serves files. A `signed` one accepts a signature in the query: the view gets `caller`, to be called
        without a valid signature, which returns the actor or raises Unauthenticated. An endpoint for servers requires an
        API key with `scope`, or a user whose role has it; with `ANY_KEY`, any API key or a user with the role ADMIN.
        `acting` overrides whether API keys can act as users here. Caches of all kinds may keep a response for
        `cache_seconds`.
        """
        accepts_acting = self._acting if acting is None else acting
        all_errors = UNAVAILABLE | (INVALID if body or form or (query and not signed) else {})
        all_errors |= (BODY_ERRORS if body else {}) | (FORM_ERRORS if form else {})
        if query and any(isinstance(field, SignedCursor) for field in query().fields.values()):
            all_errors |= CURSOR_ERRORS
        all_errors |= {} if public else KEY_UNAUTHORIZED if scope else UNAUTHORIZED
        all_errors |= (_scope_errors(scope) if scope else {}) | (errors or {})

        def publish(view: View) -> View:
            envelope_schema = envelope(returns, many, meta) if returns else None
            parsed = [] if signed else [name for name, schema in (("body", body), ("query", query)) if schema]
            handler = _handler(view, parsed, functools.partial(_respond, status, envelope_schema))
            decorated: Any = self._with_input(handler, query, body, signed=signed)
            if form:
                decorated = self._with_form(decorated, form, authorize_upload)
            is_file = signed or file
            shape = A_FILE if is_file else envelope_schema
            success_description = (
                "The file." if is_file else _summary(returns, many) if returns else "Done; the response has no body."
            )
            successes = {status: success_description} | (also or {})
            shapes = [schema for schema in (body, form, query) if schema]
            some_field = next((f.data_key or name for s in shapes for name, f in s().fields.items()), "")
            ways = _security(public, signed, scope, acting=accepts_acting)
            documented = self.blueprint.doc(security=ways, operationId=view.__name__)(decorated)
            responses = success_responses(shape, successes) | error_responses(all_errors, some_field)
            document_responses(decorated, documented, responses)
            if signed:
                decorated = functools.wraps(decorated)(
                    functools.partial(decorated, caller=lambda: current_actor(current_app))
                )
            elif scope:
                decorated = _with_scope(decorated, scope)
            elif not public:
                decorated = _authenticated(decorated, acting=accepts_acting)
            if cache_seconds:
                decorated = _cached(decorated, cache_seconds)
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
    view: View, parsed_names: Sequence[str], respond: Callable[[Returned, Actor | None], Response]
) -> Callable[..., Response]:
    """The function that handles a request: calls `view` with path parameters and parsed input, in webargs' order."""

    @functools.wraps(view)
    def handle_request(*parsed: Json, **arguments: Any) -> Response:
        given = _given(arguments)
        given |= zip(parsed_names, parsed, strict=True)
        if given.keys() & {"actor", "principal"} and time.monotonic() > g.authenticated_at + MAX_BODY_DELAY:
            # The body arrived slowly: the session may have ended, the role changed, or the key been revoked.
            given |= g.authenticate()
        return respond(view(**given), given.get("actor"))

    return handle_request


def _given(arguments: Json) -> Json:
    """The arguments of a view, path parameters as text."""
    return {_snake(name): str(value) if isinstance(value, UUID) else value for name, value in arguments.items()}


def _needed(schema: type[Schema]) -> bool:
    """True if a request needs this body."""
    return any(field.required for field in schema().fields.values())


def _summary(schema: type[Schema], many: bool = False) -> str:
    """The first line of a schema's docstring, for the reader of a response."""
    said = (schema.__doc__ or "").partition("\n")[0]
    return f"A page of a list. Each item: {said}" if many else said


@functools.cache
def _snake(name: str) -> str:
    """`chatId` → `chat_id`."""
    return re.sub("[A-Z]", lambda capital: "_" + capital[0].lower(), name)


def _authenticated(view: Callable[..., Response], *, acting: bool) -> Callable[..., Response]:
    """Authenticate before the body is validated: unauthenticated clients learn nothing about schemas."""

    def authenticate() -> Authenticated:
        if not acting:
            refuse_acting()
        return {"actor": current_actor(current_app)}

    @functools.wraps(view)
    def guarded(**arguments: Any) -> Response:
        return view(**_authenticate(authenticate), **arguments)

    return guarded


def _cached(view: Callable[..., Response], seconds: int) -> Callable[..., Response]:
    """Let caches keep a response for so many seconds."""

    @functools.wraps(view)
    def cached(**arguments: Any) -> Response:
        response = view(**arguments)
        response.headers["Cache-Control"] = f"public, max-age={seconds}"
        return response

    return cached


def _with_scope(view: Callable[..., Response], scope: str) -> Callable[..., Response]:
    """Authenticate and authorise a server before the body is validated."""

    def authenticate() -> Authenticated:
        principal = current_principal(current_app)
        if "Act-As" in request.headers:
            raise Forbidden("Servers call this operation as themselves.", code="act_as_forbidden")
        require_scope(principal, scope)
        return {"principal": principal}

    @functools.wraps(view)
    def guarded(**arguments: Any) -> Response:
        return view(**_authenticate(authenticate), **arguments)

    return guarded


def _authenticate(authenticate: Callable[[], Authenticated]) -> Authenticated:
    """The argument of a view that names the caller. Authenticates the request, and again later if its body is slow."""
    caller = authenticate()
    g.authenticated_at, g.authenticate = time.monotonic(), authenticate
    return caller


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

    whole, before_its_file = schema(), schema(partial=True)

    def with_form(view: Callable[..., Response]) -> Callable[..., Response]:
        @functools.wraps(view)
        def filled(**arguments: Any) -> Response:
            def before_file(parts: Json) -> Allowance | None:
                known = _given(arguments) | load(before_its_file, parts)
                caller = known.pop("principal", None) or known.pop("actor")
                return authorize_upload(caller, known) if authorize_upload else None

            with closing(Form(settings.current(), before_file)) as form:
                form.read(request)
                return view(body=load(whole, form.parts), **arguments)

        return filled

    return with_form


def _respond(status: int, schema: type[Schema] | None, returned: Returned, actor: Actor | None) -> Response:
    if isinstance(returned, tuple):
        returned, status = returned
    if isinstance(returned, Response):
        return returned
    if returned is None:
        response = Response(status=status)
        del response.headers["Content-Type"]
        return response
    if isinstance(returned, Page):
        content: Json = {"data": returned.items, "meta": returned.meta()}
    elif isinstance(returned, Batch):
        content = {"data": returned.items, "meta": returned.meta}
    else:
        content = {"data": returned}
    body = orjson.dumps(content)
    if actor and private_ids.hides_from(actor, schema):
        content["data"] = orjson.Fragment(private_ids.visible_to(actor, orjson.dumps(content["data"])))
        body = orjson.dumps(content)
    if settings.current().validate_responses and schema:
        validate_response(schema, orjson.loads(body))
    return Response(body, status, mimetype="application/json")


@functools.cache
def envelope(schema: type[Schema], many: bool, meta_schema: type[Schema] | None = None) -> type[Schema]:
    """The schema of `{"data": …}` around `schema`, or of `{"data": […], "meta": {…}}` for a list."""
    name = schema.__name__.removesuffix("Schema")
    if many:
        kind = meta_schema.__name__.removesuffix("MetaSchema") if meta_schema else "List"
        about, about_meta = (
            ("The items, in the order of the request.", "The result of the batch.")
            if kind == "Batch"
            else ("The items of the page, in the order of the list.", "The position of the page in the list.")
        )
        items = fields.List(fields.Nested(schema), required=True, metadata={"description": about})
        meta = fields.Nested(meta_schema or schema_of(PageMeta), required=True, metadata={"description": about_meta})
        made = Output.from_dict({"data": items, "meta": meta}, name=f"{name}{kind}")
    else:
        data = fields.Nested(schema, required=True, metadata={"description": "The requested object."})
        made = Output.from_dict({"data": data}, name=f"{name}Envelope")
    made.__doc__ = _summary(schema, many)
    return made


def reject_large_bodies() -> None:
    """Refuse a body above the limit before reading it (uploads have their own limit).

    A body without a length is cut off one byte beyond the limit, so that it is recognised as too large.
    """
    request.max_content_length = _max_body(request) + 1


def _max_body(req: Request) -> int:
    """The bound of the JSON body of a request, in bytes."""
    is_for_servers = req.path.startswith("/api/v1/server/")
    return MAX_SERVER_BODY if is_for_servers else settings.current().max_body_bytes


def _security(public: bool, signed: bool, scope: str | None, *, acting: bool) -> list[Json]:
    """The ways to authenticate, for the documents."""
    if public:
        return []
    if scope:
        return [{"key": [] if scope == ANY_KEY else [PART_OF.get(scope, scope)]}, {"bearer": []}]
    return [{"bearer": []}, *([{"signature": []}] if signed else []), *([{"key": ["act"]}] if acting else [])]


def _scope_errors(scope: str) -> dict[int, str]:
    """The errors of an endpoint that requires `scope`."""
    lacks = "" if scope == ANY_KEY else f"The API key lacks the scope {PART_OF.get(scope, scope)} (`scope_missing`). "
    roles = "MODERATOR or ADMIN" if scope == MODERATION else "ADMIN"
    return {
        403: f"{lacks}The caller is a user without the role {roles}, or the operation is for API keys only (`forbidden`). The "
        "request has an API key and comes from a page of a browser (`key_in_browser`)."
    }
