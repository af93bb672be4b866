"""The page of a request's fields, of share/resource_form/request_fields.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from spawner.request.model import SessionRequest

from .markdown import came_with, code, plain, table

DATA = Path(__file__).resolve().parents[2] / "share" / "resource_form" / "request_fields.json"


def page() -> str:
    """Return the page."""
    return "\n\n".join(_parts())


def _parts() -> Iterator[str]:
    yield "# Fields of a request"
    yield (
        "What a session is asked for with, by whichever door: the form, a link (`/hub/spawn?cores=4`), REST, a file, a preset, "
        "`resource-form launch`. Each is written as it is typed. [](/form.md) tells of the form, "
        "and [`c.ResourceFormSpawner.fields`](settings.md#cresourceformspawnerfields) narrows a field."
    )
    yield table(("field", "on the form", "what it means", "unit", "default", "came with"), _rows())


def _rows() -> Iterator[tuple[str, ...]]:
    for field in json.loads(DATA.read_text())["fields"]:
        if not field["description"]:
            raise ValueError(f"the field {field['name']} has no description")
        default = SessionRequest.model_fields[field["name"]].get_default(call_default_factory=True)
        shown = code(json.dumps(default)) if isinstance(default, (str, int, dict)) else code(default)
        yield code(field["name"]), plain(field["title"]), plain(field["description"]), field["unit"], shown, came_with(field["name"])
