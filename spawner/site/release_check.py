"""What the last check of a release has found: whether its server comes up and has what the catalogue says (``releases check``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CheckState = Literal["unchecked", "passed", "failed", "changed"]
"""How a release stands by its last check; ``changed``: it is another one since."""

MAX_PROBLEMS = 20
MAX_PROBLEM_LENGTH = 300
"""So much of what was wrong is kept."""

MAX_KERNELS = 1000
"""More kernels than any release has."""


@dataclass(frozen=True, slots=True)
class ReleaseCheck:
    """What a check has found of the release whose digest was ``digest``.

    ``kernels`` is how many of its kernels have run a cell, ``problems`` what was wrong, for administrators: empty where nothing was.
    ``at`` is in seconds since the epoch, ``by`` who has checked.
    """

    tag: str
    digest: str
    kernels: int
    problems: tuple[str, ...]
    by: str
    at: float

    @property
    def passed(self) -> bool:
        """Whether nothing was wrong."""
        return not self.problems
