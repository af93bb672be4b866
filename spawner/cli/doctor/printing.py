"""What the doctor prints: a line a check, more where something is wrong, or JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from ...i18n import N_, _
from .findings import Finding, Level, exit_status

MARKS = {
    Level.OK: (N_("ok"), "32"),
    Level.SKIPPED: (N_("not tried"), "2"),
    Level.NOTE: (N_("note"), "36"),
    Level.WARNING: (N_("warning"), "33"),
    Level.ERROR: (N_("error"), "31;1"),
}
"""By level: the word in front of the line, and its colour (ECMA-48, SGR), which never says what the word does not."""

FORMAT = 1
"""Of the JSON; it grows when a key changes its meaning."""


def as_text(findings: Sequence[Finding], *, colour: bool, with_lines: bool) -> str:
    """Return the findings for a terminal; ``with_lines``: with the lines of configuration that would mend them."""
    said: list[str] = []
    width = max(len(_(word)) for word, _code in MARKS.values())
    for finding in findings:
        word, code = MARKS[finding.level]
        mark = f"{_(word):<{width}}"
        said.append(f"{f'{chr(27)}[{code}m{mark}{chr(27)}[0m' if colour else mark}  {one_line(finding.sentence)}")
        if finding.is_trouble:
            said += [f"{'':<{width}}  {one_line(words)}" for words in (finding.why, finding.advice) if words]
            said.append(f"{'':<{width}}  {finding.page}")
    said += ["", *_lines(findings)] if with_lines else []
    return "\n".join([*said, "", _summary(findings)])


def one_line(words: str) -> str:
    """The words without what a terminal would act on: some of them are Slurm's, or a file's."""
    return "".join(sign if sign.isprintable() else " " for sign in words)


def _lines(findings: Iterable[Finding]) -> list[str]:
    """The lines that would mend what was found, by the file in which they belong."""
    by_place: dict[str, list[str]] = {}
    for finding in findings:
        if finding.is_trouble:
            known = by_place.setdefault(finding.place, [])
            known += [line for line in finding.lines if line not in known]
    return [line for place, lines in sorted(by_place.items()) if lines for line in (f"# {place}", *lines)]


def _summary(findings: Iterable[Finding]) -> str:
    number = dict.fromkeys(Level, 0)
    for finding in findings:
        number[finding.level] += 1
    if not any(number[level] for level in (Level.NOTE, Level.WARNING, Level.ERROR)):
        return _("Nothing is wrong with what was looked at.")
    return _("Errors: {errors}, warnings: {warnings}, notes: {notes}.").format(
        errors=number[Level.ERROR], warnings=number[Level.WARNING], notes=number[Level.NOTE]
    )


def as_json(findings: Sequence[Finding], path: str) -> str:
    """Return the findings for a program."""
    status = exit_status(findings)
    answer = {"format": FORMAT, "config": path, "exit_status": status, "findings": [finding.as_json() for finding in findings]}
    return json.dumps(answer, indent=2, ensure_ascii=False)
