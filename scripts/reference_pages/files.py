"""The page of the files that an admin writes, key by key: the catalogue of releases, presets and fields, notices, storage areas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from spawner.request.policy import FieldPolicy
from spawner.request.presets import Preset
from spawner.site.areas import Area
from spawner.site.catalogue import Catalogue
from spawner.site.notices import Board

from .markdown import came_with, code, plain, table

MODELS: Mapping[str, tuple[type[BaseModel], str]] = {
    "The catalogue of releases": (
        Catalogue,
        "`c.ResourceFormSpawner.catalogue_file`. [](/releases.md) tells how it is used.",
    ),
    "Presets": (Preset, "`c.ResourceFormSpawner.presets`, and `presets` in `c.ResourceFormSpawner.form_file`: a list of these."),
    "Fields": (
        FieldPolicy,
        "`c.ResourceFormSpawner.fields`, and `fields` in `c.ResourceFormSpawner.form_file`: by the name of a [field](fields.md), these.",
    ),
    "Notices": (Board, "`c.ResourceFormSpawner.notices_file`, and what `c.ResourceFormSpawner.notices_command` prints."),
    "Storage areas": (Area, "`c.ResourceFormSpawner.home_links`: by the name of an area its path, or these. [](/storage.md) has examples."),
}
"""By heading: the model of what is written there, and where it is written."""


def page() -> str:
    """Return the page.

    Raises
    ------
    ValueError
        A key has no description; the message names it.
    """
    return "\n\n".join(_parts())


def _parts() -> Iterator[str]:
    yield "# Files of an admin"
    yield (
        "Every key of what an admin writes beside the configuration, made of the code. A key that is not here is refused, with the line in "
        "which it stands. Everything here came with " + came_with("files") + "."
    )
    for title, (model, words) in MODELS.items():
        schema = model.model_json_schema()
        yield f"## {title}"
        yield words
        yield _keys(title, schema)
        for name, found in schema.get("$defs", {}).items():
            yield f"### {name}"
            yield _keys(name, found)


def _keys(owner: str, schema: Mapping[str, Any]) -> str:
    rows = []
    for key, found in schema["properties"].items():
        if not found.get("description"):
            raise ValueError(f"{owner}: the key {key} has no description")
        default = "needed" if key in schema.get("required", ()) else code(_written(found.get("default")))
        rows.append((code(key), _type(found), default, plain(found["description"])))
    return table(("key", "type", "default", "what it is"), rows)


def _written(default: Any) -> str:
    return "" if default in (None, "", [], {}) else str(default).lower() if isinstance(default, bool) else str(default)


def _type(schema: Mapping[str, Any]) -> str:
    """The type in words, with links to what has keys of its own."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(code(value) for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {})) or 'values'}"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"by name: {_type(values)}" if isinstance(values, Mapping) and values else "by name: a value"
    several = [_type(entry) for entry in (*schema.get("anyOf", ()), *schema.get("oneOf", ())) if entry.get("type") != "null"]
    if several:
        return " or ".join(dict.fromkeys(several))
    if schema.get("format") in ("date", "date-time"):
        return "a day" if schema["format"] == "date" else "a day or a moment"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    kinds = schema.get("type", [])
    return " or ".join(words[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))
