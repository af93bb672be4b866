"""How often what we said of a request was wrong, as one table by site and version of Slurm, from the reports of all tests.

A test hands its counts on as a property (:func:`record`): so they come from any worker to the process that prints the end of the run. The
file that ``RESOURCE_FORM_SITES_TABLE`` names gets the same in Markdown: docs/slurm-sites.md is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

PROPERTY = "what was said"
KINDS = ("now", "wait", "never")
BAR = {"now": 0.01, "wait": 0.05, "never": 0.0}
"""The share of wrong ones: of the first two less than this, of the last none."""


@dataclass(frozen=True)
class Counts:
    """What was said of the requests of one site under one Slurm: how often each kind, and how often that was wrong."""

    site: str
    slurm: str
    said: Mapping[str, int]
    wrong: Mapping[str, int]

    @classmethod
    def of(cls, site: str, slurm: str, trials: Iterable[tuple[str, bool]]) -> Counts:
        """Count trials, each what was said and whether that was wrong."""
        trials = list(trials)
        return cls(site, slurm, Counter(kind for kind, _wrong in trials), Counter(kind for kind, wrong in trials if wrong))

    def cell(self, kind: str) -> str:
        """``6``; ``2 of 6`` where two were wrong."""
        said, wrong = self.said.get(kind, 0), self.wrong.get(kind, 0)
        return f"{wrong} of {said}" if wrong else str(said)


def record(record_property: Callable[[str, object], None], counts: Counts) -> None:
    """Hand the counts of a test on to the end of the run."""
    record_property(PROPERTY, (counts.site, counts.slurm, dict(counts.said), dict(counts.wrong)))


def recorded(properties: Iterable[tuple[str, object]]) -> list[Counts]:
    """The counts among the properties of reports."""
    return [Counts(*value) for name, value in properties if name == PROPERTY and isinstance(value, (tuple, list))]


def total(rows: Iterable[Counts], site: str, slurm: str) -> Counts:
    """All of them together."""
    said: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for row in rows:
        said.update(row.said)
        wrong.update(row.wrong)
    return Counts(site, slurm, said, wrong)


def above_the_bar(counts: Counts) -> list[str]:
    """What is wrong more often than it may be, a line each."""
    found = []
    for kind, bar in BAR.items():
        said, wrong = counts.said.get(kind, 0), counts.wrong.get(kind, 0)
        if wrong and wrong >= bar * said:
            found.append(f"{counts.site}, Slurm {counts.slurm}: {wrong} of {said} “{kind}” were wrong, the bar is {bar:.0%}")
    return found


def cells_of(rows: Iterable[Counts]) -> list[list[str]]:
    """The table: a line a site in the order of the rows, a line of sums; of each version three columns."""
    rows = list(rows)
    slurms = sorted({row.slurm for row in rows})
    by_place = {(row.site, row.slurm): row for row in rows}
    sums = {slurm: total((row for row in rows if row.slurm == slurm), "all", slurm) for slurm in slurms}
    lines = [["", *(f"{slurm} {kind}" for slurm in slurms for kind in KINDS)]]
    for site in dict.fromkeys(row.site for row in rows):
        found = [by_place.get((site, slurm)) for slurm in slurms]
        lines.append([site, *(row.cell(kind) if row else "" for row in found for kind in KINDS)])
    lines.append(["all", *(sums[slurm].cell(kind) for slurm in slurms for kind in KINDS)])
    return lines


def as_text(rows: Iterable[Counts]) -> list[str]:
    """The table in columns, for a terminal."""
    cells = cells_of(rows)
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in cells]


def as_markdown(rows: Iterable[Counts]) -> str:
    """The table, for the docs."""
    head, *lines = cells_of(rows)
    rule = ["---", *("--:" for _ in head[1:])]
    return "".join(f"| {' | '.join(line)} |\n" for line in (["site", *head[1:]], rule, *lines))
