"""What was found of releases, as lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from ..hub_client import plain

Outcome = Literal["passed", "failed", "not tried"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, in words. ``architecture`` is empty where the release has none of its own."""

    good: bool
    words: str
    architecture: str = ""


@dataclass
class ReleaseFindings:
    """All that was found of one release. ``not_tried`` says why it could not be looked at, which is nothing about the release itself."""

    tag: str
    digest: str
    findings: list[Finding] = field(default_factory=list)
    kernels: set[str] = field(default_factory=set)
    not_tried: str = ""

    @property
    def outcome(self) -> Outcome:
        """How it ended; what is wrong counts even where something else could not be tried."""
        if self.problems:
            return "failed"
        return "not tried" if self.not_tried else "passed"

    @property
    def problems(self) -> list[str]:
        """What is wrong with it."""
        return [_with_architecture(finding) for finding in self.findings if not finding.good]

    def line(self, finding: Finding) -> str:
        """Return a finding as a line."""
        return plain(f"{self.tag}: {'' if finding.good else 'WRONG: '}{_with_architecture(finding)}")

    def last_line(self) -> str:
        """Return how it ended, as a line."""
        if self.outcome == "passed":
            return f"{self.tag}: passed, {len(self.kernels)} {'kernel runs' if len(self.kernels) == 1 else 'kernels run'}"
        if self.outcome == "failed":
            return f"{self.tag}: FAILED, {len(self.problems)} {'thing is' if len(self.problems) == 1 else 'things are'} wrong"
        return plain(f"{self.tag}: NOT TRIED: {self.not_tried}")

    def as_json(self) -> dict[str, Any]:
        """Return it as a program reads it."""
        return {
            "tag": self.tag,
            "digest": self.digest,
            "outcome": self.outcome.replace(" ", "_"),
            "kernels": len(self.kernels),
            "not_tried": self.not_tried,
            "findings": [{"good": one.good, "words": one.words, "architecture": one.architecture} for one in self.findings],
        }


def exit_status(all_of_them: Iterable[ReleaseFindings]) -> int:
    """Return the exit status: 0 where all have passed."""
    return int(any(found.outcome != "passed" for found in all_of_them))


def _with_architecture(finding: Finding) -> str:
    return f"{finding.architecture}: {finding.words}" if finding.architecture else finding.words
