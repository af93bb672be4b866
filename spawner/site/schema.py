"""The JSON schema of a catalogue, for editors: made of the model, so that it says the same."""

from __future__ import annotations

import json
from typing import Any

from .._data import folder
from .catalogue import Catalogue
from .software import ALIASES

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def catalogue_schema() -> dict[str, Any]:
    """Return the JSON schema of a catalogue as an admin writes it: an interface's name is its key, and nothing of a known one is needed."""
    schema = Catalogue.model_json_schema()
    interface = schema["$defs"]["Interface"]
    interface["properties"].pop("name")
    interface.pop("required", None)
    architectures = schema["$defs"]["Release"]["properties"]["architectures"]
    names = architectures.pop("propertyNames", {}).get("enum", [])
    architectures["propertyNames"] = {"enum": [*names, *ALIASES]}
    return {"$schema": DIALECT, "title": "Catalogue of releases of jupyterhub-resource-form", **_without_titles(schema)}


def schema_text() -> str:
    """Return the schema as the text of a file."""
    return json.dumps(catalogue_schema(), indent=1, ensure_ascii=False) + "\n"


def _without_titles(part: Any) -> Any:
    """Pydantic makes a title of each field's name, which says nothing more."""
    if isinstance(part, dict):
        kept = {key: value for key, value in part.items() if not (key == "title" and isinstance(value, str))}
        return {key: _without_titles(value) for key, value in kept.items()}
    return [_without_titles(value) for value in part] if isinstance(part, list) else part


if __name__ == "__main__":
    (folder("share") / "resource_form" / "releases.schema.json").write_text(schema_text(), encoding="utf-8")
