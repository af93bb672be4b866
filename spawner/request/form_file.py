"""The admin's file of fields and presets: read again when it changes, so that a course is added without a restart of the Hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import FormFileError
from ..i18n import N_
from ..site.located_yaml import Located, Place, read_located
from ..site.watched_file import WatchedFile
from .policy import FieldPolicy, parse_policies
from .presets import Preset, parse_presets

KEYS = ("fields", "presets")

UNREADABLE = N_("The rules of the form cannot be read, so no session can be started. Ask the support.")


@dataclass(frozen=True)
class FormRules:
    """What an admin says of the form: how fields are narrowed, by their names, and the presets, in their order."""

    fields: Mapping[str, FieldPolicy] = field(default_factory=dict)
    presets: tuple[Preset, ...] = ()

    def over(self, fields: Mapping[str, FieldPolicy], presets: tuple[Preset, ...]) -> FormRules:
        """Return these with those of the configuration behind them: a field or a preset that both name is as it is here."""
        own = {preset.name for preset in self.presets}
        return FormRules({**fields, **self.fields}, (*(preset for preset in presets if preset.name not in own), *self.presets))


class FormFile(WatchedFile[FormRules]):
    """Fields and presets in a file."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, read_form_file)


def read_form_file(path: Path) -> FormRules:
    """Read the file: YAML with ``fields`` and ``presets``, as the settings of these names have them.

    Raises
    ------
    FormFileError
        It cannot be read, or says something else; the log names each mistake with its line.
    """
    try:
        located = read_located(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _broken(path, error.strerror or type(error).__name__) from None
    except ValueError as error:  # not UTF-8 either
        raise _broken(path, str(error)) from None
    data = located.data if located.data is not None else {}
    if not isinstance(data, Mapping):
        raise _broken(path, f"a mapping is needed, with {' and '.join(KEYS)}")
    fields, presets = data.get("fields"), data.get("presets")
    problems = [*_strange(data, located), *_problems_of_fields(fields, located), *_problems_of_presets(presets, located)]
    if problems:
        raise _broken(path, "; ".join(problems))
    return FormRules(parse_policies(fields or {}), parse_presets(presets or ()))


def _broken(path: Path, what: str) -> FormFileError:
    return FormFileError(UNREADABLE, log=f"{path}: {what}")


def _at(located: Located, place: Place, what: str) -> str:
    line = located.line_of(place)
    return f"line {line}: {what}" if line is not None else what


def _strange(data: Mapping[str, Any], located: Located) -> Iterator[str]:
    for key in data:
        if key not in KEYS:
            yield _at(located, (key,), f"there is no key {key!r}; the keys are {', '.join(KEYS)}")


def _problems_of_fields(fields: object, located: Located) -> Iterator[str]:
    if fields is None:
        return
    if not isinstance(fields, Mapping):
        yield _at(located, ("fields",), "fields: a mapping is needed, from the name of a field to what is said of it")
        return
    for name, settings in fields.items():
        try:
            parse_policies({name: settings}, trait="fields")
        except ValueError as error:
            yield _at(located, ("fields", name), _in_a_line(error))


def _problems_of_presets(presets: object, located: Located) -> Iterator[str]:
    if presets is None:
        return
    if not isinstance(presets, list):
        yield _at(located, ("presets",), "presets: a list is needed")
        return
    names: set[str] = set()
    for index, entry in enumerate(presets):
        try:
            (preset,) = parse_presets([entry], trait="presets")
        except ValueError as error:
            yield _at(located, ("presets", index), _in_a_line(error))
            continue
        if preset.name in names:
            yield _at(located, ("presets", index, "name"), f"presets[{preset.name!r}]: there are two presets of this name")
        names.add(preset.name)


def _in_a_line(error: ValueError) -> str:
    return " ".join(str(error).replace("Value error, ", "").split())
