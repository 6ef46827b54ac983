"""The OpenAPI description as a page can show it: operations by subject, and what they answer.

In: the description as FastAPI writes it. Out: plain values. Knows no template.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

JSON = "application/json"
SUBJECTS = ("jobs", "runs", "artists", "ledger", "studio")


@dataclass(frozen=True, kw_only=True)
class Field:
    """A parameter or a key. `where`: `path`, `query` or `body`; "" for a key of an answer."""

    name: str
    kind: str
    words: str
    required: bool
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What can be asked. `answers`: status, and the object or the kind of file."""

    id: str
    method: str
    path: str
    title: str
    words: str
    fields: tuple[Field, ...]
    answers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Model:
    """An object of the JSON."""

    name: str
    words: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, kw_only=True)
class Description:
    """The whole API; `address`: where it lies on this server."""

    title: str
    version: str
    words: str
    address: str
    subjects: tuple[tuple[str, tuple[Operation, ...]], ...]
    models: tuple[Model, ...]


def described(openapi: Mapping[str, Any]) -> Description:
    """What a page shows of an OpenAPI description."""
    schemas = openapi["components"]["schemas"]
    operations: dict[str, list[Operation]] = {subject: [] for subject in SUBJECTS}
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            operations[operation["tags"][0]].append(_operation(path, method, operation, schemas))
    hidden = {"HTTPValidationError", "ValidationError"}
    return Description(
        title=openapi["info"]["title"],
        version=openapi["info"]["version"],
        words=openapi["info"]["description"],
        address=openapi["servers"][0]["url"],
        subjects=tuple((subject, tuple(some)) for subject, some in operations.items()),
        models=tuple(
            Model(
                name=name,
                words=schema.get("description", ""),
                fields=tuple(_keys(schema, "")),
            )
            for name, schema in schemas.items()
            if name not in hidden and not name.startswith("Body_")
        ),
    )


def _operation(
    path: str, method: str, about: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Operation:
    fields = [
        Field(
            name=one["name"],
            kind=kind_of(one["schema"]),
            words=one.get("description", ""),
            required=one.get("required", False),
            where=one["in"],
        )
        for one in about.get("parameters", ())
    ]
    for content in about.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"]
        fields += _keys(schemas[_name(schema)] if "$ref" in schema else schema, "body")
    answers = []
    for status, answer in about["responses"].items():
        if status.startswith("2"):
            for kind, content in (answer.get("content") or {JSON: {}}).items():
                answers.append(
                    (status, kind_of(content.get("schema", {})) if kind == JSON else kind)
                )
    return Operation(
        id=about["operationId"],
        method=method.upper(),
        path=path,
        title=about["summary"],
        words=about.get("description", ""),
        fields=tuple(fields),
        answers=tuple(answers),
    )


def _keys(schema: Mapping[str, Any], where: str) -> Iterator[Field]:
    for name, one in schema.get("properties", {}).items():
        yield Field(
            name=name,
            kind=kind_of(one),
            words=one.get("description", ""),
            required=name in schema.get("required", ()),
            where=where,
        )


def kind_of(schema: Mapping[str, Any]) -> str:
    """A schema in a few words: `integer`, `list of EntryRecord`, `string or null`."""
    if "$ref" in schema:
        return _name(schema)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(kind_of(one) for one in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {kind_of(schema.get('items', {})) or 'values'}"
    if "contentMediaType" in schema or schema.get("format") == "binary":
        return "file"
    return str(schema.get("type", "object"))


def _name(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]
