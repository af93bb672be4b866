"""What a check finds: how grave it is, in a sentence, why it matters, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How grave a finding is. ``SKIPPED``: it could not be looked at, and nothing follows."""

    OK = "ok"
    SKIPPED = "skipped"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


EXIT_STATUS = {Level.WARNING: 1, Level.ERROR: 3}
"""Of the command, by the gravest finding; 0 for none of these, 2 is a wrong call."""

HUB_FILE = "jupyterhub_config.py"
SLURM_FILE = "slurm.conf"
SHELL = "sh"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of the check ``check``, whose name stays what it is from version to version.

    ``lines`` are for the file ``place`` (:data:`HUB_FILE`, :data:`SLURM_FILE`), or commands (:data:`SHELL`).
    """

    check: str
    level: Level
    sentence: str
    why: str = ""
    advice: str = ""
    lines: tuple[str, ...] = ()
    place: str = HUB_FILE

    @property
    def page(self) -> str:
        """Where the docs tell of it."""
        return f"docs/doctor.md#{self.check}"

    @property
    def is_trouble(self) -> bool:
        """Whether there is something to tell besides the one line."""
        return self.level not in (Level.OK, Level.SKIPPED)

    def as_json(self) -> dict[str, object]:
        """Return it for a program."""
        return {
            "check": self.check,
            "level": self.level.value,
            "sentence": self.sentence,
            "why": self.why,
            "what_to_do": self.advice,
            "docs": self.page,
            "lines": list(self.lines),
            "place": self.place if self.lines else "",
        }


def well(check: str, sentence: str) -> Finding:
    """Return that all is well."""
    return Finding(check, Level.OK, sentence)


def skipped(check: str, sentence: str) -> Finding:
    """Return that it could not be looked at, and why."""
    return Finding(check, Level.SKIPPED, sentence)


def note(check: str, sentence: str, why: str, advice: str, *lines: str, place: str = HUB_FILE) -> Finding:
    """Return what the admin may want to know."""
    return Finding(check, Level.NOTE, sentence, why, advice, lines, place)


def warning(check: str, sentence: str, why: str, advice: str, *lines: str, place: str = HUB_FILE) -> Finding:
    """Return what works less well than it might, or will fail for some."""
    return Finding(check, Level.WARNING, sentence, why, advice, lines, place)


def error(check: str, sentence: str, why: str, advice: str, *lines: str, place: str = HUB_FILE) -> Finding:
    """Return what keeps sessions from starting."""
    return Finding(check, Level.ERROR, sentence, why, advice, lines, place)


def exit_status(findings: Iterable[Finding]) -> int:
    """Return the exit status of the command, by the gravest finding."""
    return max((EXIT_STATUS.get(finding.level, 0) for finding in findings), default=0)


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return some names in a line, and how many there are besides."""
    found = list(names)
    more = f", … (+{len(found) - most})" if len(found) > most else ""
    return ", ".join(found[:most]) + more
