"""The OpenAPI document and its page."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import requests

from chatapp.launcher.node import ensure_node_modules, node_binary
from tests.people import Person, data, problem
from tests.server import ROOT, Server

Json = dict[str, Any]
# schema_errors(schema, example)
SchemaErrors = Callable[[Json, Any], list[str]]
PROBLEM = "application/problem+json"
LINTERS = ROOT / "tests" / "linters"


@pytest.fixture(scope="module")
def document(server: Server) -> Json:
    """The OpenAPI document."""
    published: Json = requests.get(f"{server.url}/api/v1/openapi.json", timeout=20).json()
    return published


def operations(document: Json) -> Iterator[tuple[str, Json, list[Json]]]:
    """Each operation: its name, itself, and all its parameters."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield f"{method} {path}", operation, operation.get("parameters", []) + item.get("parameters", [])


def responses(document: Json) -> Iterator[tuple[str, int, Json]]:
    """Each response of each operation: its name, its status, itself."""
    for where, operation, _ in operations(document):
        for status, response in operation["responses"].items():
            yield f"{where} → {status}", int(status), response


def resolve(document: Json, part: Json) -> Json:
    """Resolve a reference; other values are returned unchanged."""
    for name in part.get("$ref", "").split("/")[1:]:
        document = document[name]
    return document if "$ref" in part else part


def is_bounded(document: Json, schema: Json) -> bool:
    """True if `schema` bounds its values."""
    schema = resolve(document, schema)
    if "enum" in schema or "x-max-bytes" in schema or schema.get("format") in ("uuid", "binary"):
        return True
    if choices := schema.get("anyOf"):
        return all(is_bounded(document, choice) for choice in choices)
    kinds = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
    bounds = {
        "string": "maxLength" in schema,
        "integer": {"minimum", "maximum"} <= set(schema),
        "boolean": True,
        "null": True,
        "array": "maxItems" in schema and is_bounded(document, schema["items"]),
        "object": (schema.get("additionalProperties") is False or "maxProperties" in schema)
        and all(is_bounded(document, part) for part in parts(schema)),
    }
    return all(bounds[kind] for kind in kinds)


def parts(schema: Json) -> list[Json]:
    """The schemas of an object's properties."""
    others = schema.get("additionalProperties")
    return [*schema.get("properties", {}).values(), *([others] if isinstance(others, dict) else [])]


@pytest.fixture(scope="module")
def schema_errors(document: Json) -> SchemaErrors:
    """The validation errors of an example. Most examples have the schema of errors: a schema is compiled once."""

    @cache
    def validator(schema: str) -> jsonschema_rs.Draft202012Validator:
        whole = {**json.loads(schema), "components": document["components"]}
        return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)

    def errors(schema: Json, example: Any) -> list[str]:
        return [error.message for error in validator(json.dumps(schema)).iter_errors(example)]

    return errors


def test_openapi_is_published_in_its_newest_form(document: Json) -> None:
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/messages" in document["paths"]


def lint(document: Json, folder: Path) -> list[Json]:
    """The findings of Redocly's recommended rules, including warnings."""
    cli = ensure_node_modules(LINTERS) / "@redocly" / "cli" / "bin" / "cli.js"
    (folder / "openapi.json").write_text(json.dumps(document))
    command = [
        str(node_binary()),
        str(cli),
        "lint",
        "openapi.json",
        "--extends=recommended",
        "--skip-rule=info-license",
    ]
    done = subprocess.run(
        [*command, "--format=json"],
        cwd=folder,
        env=os.environ | {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.startswith("{"), done.stderr
    problems: list[Json] = json.loads(done.stdout)["problems"]
    return problems


def test_redocly_accepts_the_document(document: Json, tmp_path: Path) -> None:
    assert lint(document, tmp_path) == []


def test_redocly_would_object_to_ambiguous_paths(document: Json, tmp_path: Path) -> None:
    again = {"/api/v1/messages/{messageId}": {"parameters": [], **document["paths"]["/api/v1/messages/{id}"]}}
    found = lint(document | {"paths": document["paths"] | again}, tmp_path)
    assert "no-identical-paths" in {problem["ruleId"] for problem in found}


def test_every_operation_says_what_it_does(document: Json) -> None:
    names = [operation["operationId"] for _, operation, _ in operations(document)]
    assert len(names) == len(set(names))
    for where, operation, _ in operations(document):
        assert len(operation["summary"]) <= 80, where
        assert operation["summary"].endswith("."), where
        assert operation["description"].endswith("."), where
        assert "security" in operation, where
        assert operation["tags"], where
        assert [status for status in operation["responses"] if status.startswith("2")], where
        assert {"429", "503"} <= set(operation["responses"]), where
        assert "401" in operation["responses"] or not operation["security"], where


def test_every_parameter_has_a_description_a_bound_and_an_example(document: Json) -> None:
    for where, _, parameters in operations(document):
        assert set(re.findall(r"{(\w+)}", where)) == {p["name"] for p in parameters if p["in"] == "path"}
        for parameter in parameters:
            schema = resolve(document, parameter["schema"])
            name = f"{where}: {parameter['name']}"
            assert parameter["description"].endswith("."), name
            assert is_bounded(document, schema), name
            # A cursor is opaque, and the types of ids and choices need no description.
            shown = {"example", "enum", "format"} & {*schema, *parameter}
            assert shown or parameter["name"] == "cursor", name


def test_every_body_has_a_description_bounds_and_an_example(document: Json, schema_errors: SchemaErrors) -> None:
    for where, operation, _ in operations(document):
        if body := operation.get("requestBody"):
            assert body["description"], where
            assert isinstance(body["required"], bool), where
            assert {"413", "415", "422"} <= set(operation["responses"]), where
            for kind, content in body["content"].items():
                assert resolve(document, content["schema"])["additionalProperties"] is False, where
                assert is_bounded(document, content["schema"]), where
                if kind == "application/json":
                    assert "400" in operation["responses"], where
                    assert content["example"], where
                    assert not schema_errors(content["schema"], content["example"]), where


def patterns(part: Any) -> Iterator[str]:
    """Each pattern of a document."""
    if isinstance(part, dict):
        if isinstance(part.get("pattern"), str):
            yield part["pattern"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from patterns(inner)


def test_line_ends_of_windows_are_accepted_as_documented(
    document: Json, alice: Person, schema_errors: SchemaErrors
) -> None:
    body = {"chatId": alice.group(), "content": "a\r\nb\rc"}
    send = document["paths"]["/api/v1/messages"]["post"]
    schema = send["requestBody"]["content"]["application/json"]["schema"]
    assert not schema_errors(schema, body)
    assert data(alice.post("/messages", body))["content"] == "a\nb\nc"


def test_patterns_mean_the_same_in_every_language(server: Server, document: Json) -> None:
    asyncapi = requests.get(f"{server.url}/api/v1/asyncapi.json", timeout=20).json()
    found = {*patterns(document), *patterns(asyncapi)}
    assert found
    texts = [
        "Grüße, 你好 😀",
        "a\tb\nc",
        "a\0b",
        "a\x7f",
        "",
        " ",
        "https://example.org/a.png",
        "Correct4Horse",
        "alice_1",
    ]
    for pattern in found:
        # Of the escapes only these two have the same meaning in ECMA-262, PCRE, Python and Java.
        assert set(re.findall(r"\\(.)", pattern)) <= {"x", "s"}, pattern
        assert not [code for code in re.findall(r"\\x(..)", pattern) if int(code, 16) > 0x7F], pattern
        for text in texts:
            # PHP's generated clients match bytes.
            by_bytes = re.search(pattern.encode(), text.encode())
            assert bool(by_bytes) is bool(re.search(pattern, text)), (pattern, text)


def test_every_success_has_a_description_and_an_example(document: Json, schema_errors: SchemaErrors) -> None:
    for where, status, response in responses(document):
        if status < 400:
            assert response["description"].endswith("."), where
            assert ("content" in response) is (status not in (204, 302, 304)), where
            for content in response.get("content", {}).values():
                assert not schema_errors(content["schema"], content["example"]), where


def test_every_error_lists_its_codes_with_examples(document: Json, schema_errors: SchemaErrors) -> None:
    for where, status, response in responses(document):
        if status >= 400:
            assert list(response["content"]) == [PROBLEM], where
            content = response["content"][PROBLEM]
            named = re.findall(r"`([a-z_]+)`", response["description"])
            assert named, where
            assert sorted(named) == sorted(content["examples"]), where
            for code, example in content["examples"].items():
                assert not schema_errors(content["schema"], example["value"]), where
                assert (example["value"]["status"], example["value"]["code"]) == (status, code), where


def test_every_field_has_a_description(document: Json) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert "enum" in schema or schema["description"], name
        for field, part in schema.get("properties", {}).items():
            assert part.get("description", "").endswith("."), f"{name}.{field}"


def test_every_response_documents_the_rate_limit_headers(document: Json) -> None:
    left = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
    special = {401: {"WWW-Authenticate"}, 429: {"Retry-After"}}
    for where, status, response in responses(document):
        assert set(response["headers"]) == left | special.get(status, set()), where
    for name, header in document["components"]["headers"].items():
        assert header["description"], name
        assert header["schema"], name


def test_responses_have_the_documented_headers(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with Server(database_url, tmp_path_factory.mktemp("counting"), RATELIMIT_ENABLED="true") as server:
        document = requests.get(f"{server.url}/api/v1/openapi.json", timeout=20).json()
        response = requests.get(f"{server.url}/api/v1/users/me", timeout=20)
    named = document["paths"]["/api/v1/users/me"]["get"]["responses"]["401"]["headers"]
    assert set(named) <= set(response.headers)


def test_rate_limits_are_documented_with_their_figures(document: Json) -> None:
    description = document["info"]["description"]
    for figure in (
        "100 per 1 min",
        "5 per 1 min",
        "10 per 1 min",
        "10 per 15 min",
        "100 per 15 min",
        "1000 per 1 min",
        "20 per 60 min",
        "20 per 1 min",
        "30 per 10 s",
        "256 KiB",
        "10 MB",
    ):
        assert f"| {figure} |" in description, figure


def test_descriptions_keep_the_paragraphs_of_docstrings(document: Json) -> None:
    description = document["paths"]["/api/v1/search/messages"]["get"]["description"]
    assert "\n\n" in description
    assert not any("\n" in paragraph or "  " in paragraph for paragraph in description.split("\n\n"))


def test_every_code_that_is_raised_is_documented(document: Json) -> None:
    sources = [path for path in (ROOT / "chatapp").rglob("*.py") if "sockets" not in path.parts]
    raised = {code for path in sources for code in re.findall(r"\bcode ?= ?\"([a-z_]+)\"", path.read_text())}
    errors = [response["content"][PROBLEM] for _, status, response in responses(document) if status >= 400]
    named = {code for error in errors for code in error["examples"]}
    named |= set(re.findall(r"`([a-z_]+)`", document["info"]["description"]))
    # A base class: subclasses and callers set the code.
    assert raised - named == {"unavailable"}


@pytest.mark.parametrize("number", ["1_0", "１０", " 5", "+5", "5.0", "1e1", "0x1", "", "-1"])
def test_non_integers_are_refused_as_documented(alice: Person, number: str) -> None:
    for path in ("/chats", "/users/search?q=a", "/messages/01a209c0-dd89-7528-89ae-40572c1fa41a"):
        assert problem(alice.get(path, limit=number)) == (422, "validation_error")
    assert problem(alice.get("/messages/01a209c0-dd89-7528-89ae-40572c1fa41a", after=number))[0] == 422


def test_docs_page_loads_no_external_resources(server: Server) -> None:
    page = requests.get(f"{server.url}/docs", timeout=20)
    assert page.status_code == 200
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert assets
    for asset in assets:
        assert not re.match(r"(https?:)?//", asset), asset
        assert requests.get(requests.compat.urljoin(page.url, asset), timeout=20).ok, asset


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_endpoints_return_ok(server: Server, path: str) -> None:
    response = requests.get(server.url + path, timeout=20)
    assert response.status_code == 200
    assert response.json()["status"] == "ok"
