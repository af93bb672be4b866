"""A request as a small YAML file, to be kept, handed on, and opened again on the form, by REST or from a terminal: the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ..errors import RequestRejected
from ..i18n import _
from ..site.located_yaml import read_located
from .field_values import quoted
from .model import APPEARANCE_FIELDS, FIELDS, FORM_FIELDS, SessionRequest, at_field, label_of, read_request
from .variables import MASK, masked, with_known

MAX_CHARACTERS = 400_000
"""Of a file: all variables that a session may have, written with escapes."""

FIELDS_OF_A_FILE = (*FORM_FIELDS, "shared_memory", *APPEARANCE_FIELDS, "environment")
"""In the order in which they are written. What a preset stands for is written out: it may be another by then."""


class _Dumper(yaml.SafeDumper):
    """YAML in which text with line breaks of any kind stands in double quotation marks: PyYAML folds U+0085 to a blank elsewhere."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if text.splitlines() not in ([], [text]) else None)


_Dumper.add_representer(str, _text)


def as_yaml(request: SessionRequest) -> str:
    """Return a request as a file. What looks secret among its variables is :data:`.variables.MASK`."""
    options = request.options()
    values = {name: options[name] for name in FIELDS_OF_A_FILE if name in options}
    if "environment" in values:
        values["environment"] = masked(values["environment"])
    lines = [_("A saved request. Open it from the form, or start it from a terminal.")]
    if request.release:
        lines.append(_("With “release: default” it has the release that is the default when it is opened."))
    if MASK in values.get("environment", {}).values():
        lines.append(_("A value that looks secret is not saved: {mask} is asked for when the file is opened.").format(mask=MASK))
    head = "".join(f"# {line}\n" for line in lines)
    return head + str(yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=10_000))


def read_saved(text: str) -> dict[str, Any]:
    """Read a file as the options of a request, each value as it is written. JSON is read as well.

    The options can be read, and are not judged: who may have what is :func:`.validation.resolve_request`'s to say.

    Raises
    ------
    RequestRejected
        With a sentence for each mistake, and its line.
    """
    if len(text) > MAX_CHARACTERS:
        sentence = _("A saved request has at most {most} characters.").format(most=MAX_CHARACTERS)
        raise RequestRejected({"file": sentence}, log="a saved request was too large")
    try:
        found = read_located(text.removeprefix("\ufeff"), as_text=True)
    except ValueError as error:
        sentence = _("This is no saved request: {why}.").format(why=error)
        raise RequestRejected({"file": sentence}, log="a file was opened that is no saved request") from None
    options = {} if found.data in (None, "") else found.data
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise RequestRejected(
            {"file": _("This is no saved request: it has no “field: value” lines.")}, log="a file without fields was opened"
        )
    errors: dict[str, str] = {}
    for name, value in options.items():
        if name not in FIELDS:
            errors[name] = _("{name} is not a field of a request. Leave it out. The fields are: {list}.").format(
                name=quoted(name), list=", ".join(FIELDS)
            )
        elif name != "environment" and not isinstance(value, str):
            errors[name] = at_field(label_of(name), _("one value is needed, and no list."))
    errors |= _unreadable({name: value for name, value in options.items() if name not in errors})
    if errors:
        log = f"a saved request was refused for its {', '.join(quoted(name) for name in list(errors)[:5])}"
        raise RequestRejected({name: _in_line(found.line_of((name,)), sentence) for name, sentence in errors.items()}, log=log)
    return {str(name): value for name, value in options.items()}


def _unreadable(options: Mapping[str, Any]) -> Mapping[str, str]:
    # A mask is asked for where the request is opened.
    known = {name: "" for name, value in options["environment"].items() if value == MASK} if _has_variables(options) else {}
    variables = {"environment": with_known(options["environment"], known)} if "environment" in options else {}
    try:
        read_request({**options, **variables})
    except RequestRejected as error:
        return error.errors
    return {}


def _has_variables(options: Mapping[str, Any]) -> bool:
    return isinstance(options.get("environment"), Mapping)


def _in_line(line: int | None, sentence: str) -> str:
    return sentence if line is None else _("Line {number}: {sentence}").format(number=line, sentence=sentence)
