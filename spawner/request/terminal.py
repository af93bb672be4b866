"""The fields of a request for the terminal's help, which runs where there is no pydantic: ``python -m spawner.request.terminal``."""

from __future__ import annotations

import json

from .._data import folder
from ..i18n import ENGLISH, using
from .model import FIELDS, help_of, label_of, unit_of

FILE = "request_fields.json"


def fields_text() -> str:
    """Return the file: each field's name, title, description and unit, in English, in the model's order."""
    with using(ENGLISH):
        fields = [{"name": name, "title": label_of(name), "description": help_of(name), "unit": unit_of(name)} for name in FIELDS]
    return json.dumps({"fields": fields}, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (folder("share") / "resource_form" / FILE).write_text(fields_text(), "utf-8")
