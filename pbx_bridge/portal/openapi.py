"""The OpenAPI 3.1 document, made from the operations once at start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from pydantic import BaseModel, TypeAdapter

from .answers import ProblemDocument
from .forms import SERVICE_ID_PATTERN
from .limits import UNCOUNTED
from .operations import CALL_ID_PATTERN, EVENT_ID_PATTERN, Answer, Header, Operation
from .problems import CATALOGUE, MEDIA_TYPE, OF_SIGNATURES
from .queries import NoQuery
from .rights import SCOPES

_REFS = "#/components/schemas/{model}"
_PROBLEM_HEADERS = {
    401: Header("WWW-Authenticate", "RFC 6750, section 3"),
    503: Header("Retry-After", "seconds", {"type": "integer"}, required=True),
}
_PATH_PATTERNS = {
    "client_id": "^[A-Za-z0-9_.-]{1,128}$",
    "key_id": "^[A-Za-z0-9_.-]{1,128}$",
    "event_id": EVENT_ID_PATTERN,
    "recording_id": "^rec_[a-z0-9]{1,64}_[0-9]{13}$",
    "service_id": SERVICE_ID_PATTERN,
    "queue": "^[A-Za-z0-9_.-]{1,64}$",
    "agent_id": "^[A-Za-z0-9_.-]{1,64}$",
}
Schemas = Mapping[Any, Any]


def build(operations: tuple[Operation, ...], version: str) -> dict[str, Any]:
    """The document. Pure and slow (some ten milliseconds): keep the result."""
    schemas, components = _schemas(operations)
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas, components)
    for query in {operation.query for operation in operations}:
        components.pop(query.__name__, None)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pbx-bridge",
            "version": version,
            "description": "Calls between citizens and the support desk. Errors are RFC 9457 problem documents.",
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _security_schemes()},
    }


def problems_of(operation: Operation) -> tuple[str, ...]:
    """The slugs an operation may answer with: its own, and those that follow from what it takes."""
    slugs = set(operation.problems) | {"internal-error", "malformed-request"}
    if operation.id not in UNCOUNTED:
        slugs |= {"too-many-requests"}
    if _scope(operation) is not None:
        slugs |= {"unauthorized", "invalid-token", "insufficient-scope", "wrong-role", "database-unavailable"}
        slugs |= set(OF_SIGNATURES)
    if operation.query is not NoQuery:
        slugs |= {"validation-failed"}
    if operation.body is not None:
        slugs |= {"too-large", "too-slow"}
        if operation.body.media_type == "application/json":
            slugs |= {"malformed-json", "unsupported-media-type", "validation-failed"}
    return tuple(sorted(slugs, key=list(CATALOGUE).index))


def _scope(operation: Operation) -> str | None:
    return operation.right.scope if operation.right else None


def _models(operation: Operation) -> Iterator[type[BaseModel]]:
    yield operation.query
    if operation.body:
        yield operation.body.model
    for answer in operation.answers:
        yield from (model for model in answer.content.values() if isinstance(model, type))


def _schemas(operations: Iterable[Operation]) -> tuple[Schemas, dict[str, Any]]:
    models = {model for operation in operations for model in _models(operation)} | {ProblemDocument}
    ordered = sorted(models, key=lambda model: model.__name__)
    inputs = [(model, "validation", TypeAdapter(model)) for model in ordered]
    schemas, definitions = TypeAdapter.json_schemas(inputs, ref_template=_REFS)  # type: ignore[arg-type]
    return schemas, definitions["$defs"]


def _operation(operation: Operation, schemas: Schemas, components: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "security": [{"token": [scope]}] if (scope := _scope(operation)) else [],
        "parameters": [*_path_parameters(operation), *_query(operation, components), *_headers(operation.headers)],
        "responses": _responses(operation, schemas),
    }
    if operation.description:
        described["description"] = operation.description
    if operation.body:
        content = {
            "schema": schemas[operation.body.model, "validation"],
            "examples": {name: {"value": value} for name, value in operation.body.examples.items()},
        }
        described["requestBody"] = {"required": True, "content": {operation.body.media_type: content}}
    return described


def _path_parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    if "{call_id}" in operation.path:
        yield _parameter("path", "call_id", {"type": "string", "pattern": CALL_ID_PATTERN}, required=True)
    if "{user_id}" in operation.path:
        words = "the portal's own id of the citizen, percent-encoded (a slash is %2F)"
        schema = {"type": "string", "minLength": 1, "maxLength": 128, "description": words}
        yield _parameter("path", "user_id", schema, required=True)
    for name, pattern in _PATH_PATTERNS.items():
        if f"{{{name}}}" in operation.path:
            yield _parameter("path", name, {"type": "string", "pattern": pattern}, required=True)
    if "{slug}" in operation.path:
        yield _parameter("path", "slug", {"type": "string", "enum": list(CATALOGUE)}, required=True)


def _query(operation: Operation, components: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    schema = components[operation.query.__name__]
    for name, described in schema.get("properties", {}).items():
        yield _parameter("query", name, _without_null(described), required=name in schema.get("required", ()))


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query cannot say null: that the parameter may be left out is said by `required`."""
    kept = {key: value for key, value in schema.items() if key not in ("anyOf", "title")}
    if kept.get("default", "") is None:
        del kept["default"]
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            kept |= choice
    return kept


def _headers(headers: Iterable[Header]) -> Iterator[dict[str, Any]]:
    for header in headers:
        yield _parameter("header", header.name, dict(header.schema), header.required, header.description)


def _parameter(
    where: str, name: str, schema: dict[str, Any], required: bool, description: str | None = None
) -> dict[str, Any]:
    description = schema.pop("description", None) or description
    parameter = {"in": where, "name": name, "required": required, "schema": schema}
    return parameter | ({"description": description} if description else {})


def _responses(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    responses = {str(answer.status): _answer(answer, schemas) for answer in operation.answers}
    slugs = sorted(problems_of(operation), key=lambda slug: CATALOGUE[slug].status)
    for status, group in groupby(slugs, key=lambda slug: CATALOGUE[slug].status):
        problem = _problem(status, list(group), schemas)
        if str(status) in responses:  # the token page's own errors beside ours
            responses[str(status)]["content"] |= problem["content"]
        else:
            responses[str(status)] = problem
    return responses


def _answer(answer: Answer, schemas: Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.description}
    if answer.headers:
        described["headers"] = {header.name: _header(header) for header in answer.headers}
    if answer.content:
        described["content"] = {media: {"schema": _schema(what, schemas)} for media, what in answer.content.items()}
    if answer.example is not None:
        described["content"]["application/json"]["example"] = answer.example
    return described


def _schema(what: type[BaseModel] | Mapping[str, Any], schemas: Schemas) -> Any:
    return schemas[what, "validation"] if isinstance(what, type) else what


def _header(header: Header) -> dict[str, Any]:
    return {"description": header.description, "required": header.required, "schema": dict(header.schema)}


def _problem(status: int, slugs: list[str], schemas: Schemas) -> dict[str, Any]:
    words = "; ".join(f"`{slug}`: {CATALOGUE[slug].title}" for slug in slugs)
    content = {MEDIA_TYPE: {"schema": schemas[ProblemDocument, "validation"]}}
    described: dict[str, Any] = {"description": words, "content": content}
    if header := _PROBLEM_HEADERS.get(status):
        described["headers"] = {header.name: _header(header)}
    return described


def _security_schemes() -> dict[str, Any]:
    # Not `oauth2`: its tokenUrl must be absolute, and the service does not know by which name it is reached.
    scopes = "; ".join(f"`{scope}`: {meaning}" for scope, meaning in SCOPES.items())
    words = f"An access token from `POST /oauth/token`. Scopes: {scopes}."
    return {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": words}}
