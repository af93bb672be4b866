"""The page of the addresses that we add to a Hub, of docs/openapi.yaml, which tests hold to the code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from .markdown import came_with, code, plain, table

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"


def page() -> str:
    """Return the page."""
    return "\n\n".join(_parts(yaml.safe_load(DOCUMENT.read_text())))


def _parts(document: Mapping[str, Any]) -> Iterator[str]:
    yield "# Addresses"
    yield plain(document["info"]["description"])
    yield "All of them lie below `/hub`. The document itself, for programs, is `docs/openapi.yaml`."
    for tag in document["tags"]:
        yield f"## {tag['name'].capitalize()}"
        yield plain(tag["description"])
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if method != "parameters" and tag["name"] in operation["tags"]:
                    yield from _operation(document, path, method, operation, operations.get("parameters", []))
    yield "## What the answers hold"
    for name, schema in document["components"]["schemas"].items():
        yield f"### {name}"
        if schema.get("description"):
            yield plain(schema["description"])
        if schema.get("properties"):
            yield table(
                ("key", "type", "what it is"),
                ((code(key), _type(found), plain(found.get("description", ""))) for key, found in schema["properties"].items()),
            )


def _operation(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any], more: list[Any]) -> Iterator[str]:
    yield f"### {method.upper()} {plain(path)}"
    yield f"{plain(operation['summary'])} Came with {came_with(path)}."
    if operation.get("description"):
        yield plain(operation["description"])
    parameters = [_found(document, entry) for entry in (*more, *operation.get("parameters", []))]
    if parameters:
        yield table(
            ("parameter", "in", "type", "what it is"),
            ((code(entry["name"]), entry["in"], _type(entry["schema"]), plain(entry.get("description", ""))) for entry in parameters),
        )
    taken = operation.get("requestBody", {}).get("content", {})
    if taken:
        yield "Takes " + ", or ".join(_type(entry.get("schema", {})) + f" as {code(kind)}" for kind, entry in taken.items()) + "."
    yield table(("answer", "what it is"), ((status, _answer(document, entry)) for status, entry in operation["responses"].items()))


def _answer(document: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
    found = _found(document, entry)
    kinds = [_type(content["schema"]) for content in found.get("content", {}).values() if content.get("schema", {}).get("$ref")]
    return plain(found["description"]) + (f" {' or '.join(kinds)}." if kinds else "")


def _found(document: Mapping[str, Any], entry: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in entry:
        found: Any = document
        for part in entry["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        entry = found
    return entry


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return "one of " + ", ".join(code(value) for value in schema["enum"])
    kind = schema.get("type", "")
    kinds = kind if isinstance(kind, list) else [kind] if kind else []
    if "array" in kinds and schema.get("items"):
        return f"array of {_type(schema['items']) or 'anything'}"
    several = [_type(entry) for key in ("oneOf", "anyOf", "allOf") for entry in schema.get(key, ())]
    return " or ".join(filter(None, (*kinds, *several)))
