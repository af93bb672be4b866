"""Budgets: how much of an account, a user or a QOS may be used in all, and how much is left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..slurm.model import Association, Holdings, Qos, Use
from .billing import Cost


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of one TRES may be used in all: GrpTRESMins of an account, of the user's own association (``own``), or of a QOS.

    All in Slurm's TRES-minutes; 60 of ``billing`` are one billing unit. ``used`` shrinks again where PriorityDecayHalfLife is set;
    ``running`` is what the jobs that run now will have used at their time limits. Both are None where nobody knows.
    A site's own command may fill one in as well.
    """

    source: str
    tres: str
    limit: int
    used: int | None = None
    running: int | None = None
    own: bool = False

    @property
    def left(self) -> int | None:
        """What a new session may use."""
        return None if self.used is None else max(0, self.limit - self.used - (self.running or 0))

    def covers(self, cost: Cost) -> bool | None:
        """Tell whether the whole session is paid for; None where that is not known.

        With AccountingStorageEnforce=safe Slurm starts no other (measured to the minute), but that it looks at a UsageFactor only where the
        QOS has the flag UsageFactorSafe. Without, it starts jobs until all is used, and then ends all of them (slurm.conf(5)). Where all is
        used, none starts that has anything of the TRES, were it charged nothing (measured).
        """
        needed = cost.minutes_of(self.tres)
        if needed is None or self.used is None or self.left is None:
            return None
        return needed <= self.left and (self.used < self.limit or not dict(cost.tres).get(self.tres, 0))

    def time_left(self, cost: Cost) -> int | None:
        """Return for how many minutes such a session is paid for; None where nobody knows, or where it uses nothing of the budget."""
        needed = cost.minutes_of(self.tres)
        return None if not needed or self.left is None else int(self.left * cost.minutes // needed)


def budgets_of(*, qos: Sequence[Qos], line: Sequence[Association], holdings: Holdings | None) -> tuple[Budget, ...]:
    """Return every budget that a job is charged to.

    A QOS's takes the place of the associations' for the same TRES (measured); of the associations', each holds.

    Parameters
    ----------
    qos
        The job's and the partition's, the one that counts first in front.
    line
        The user's own association, then its accounts up to the root.
    holdings
        What has been used; None, or without an entry of theirs, where nobody knows.
    """
    known = holdings or Holdings()
    budgets: dict[str, list[Budget]] = {}
    for each in qos:
        for tres, limit in each.limits.group_minutes:
            budgets.setdefault(tres, [_budget(f"QOS {each.name}", tres, limit, known.qos.get(each.name))])
    taken = frozenset(budgets)
    for entry in line:
        use = known.associations.get((entry.account, entry.user, entry.partition))
        for tres, limit in entry.limits.group_minutes:
            if tres not in taken:
                budgets.setdefault(tres, []).append(_budget(f"account {entry.account}", tres, limit, use, own=bool(entry.user)))
    return tuple(budget for each in budgets.values() for budget in each)


def _budget(source: str, tres: str, limit: int, use: Use | None, *, own: bool = False) -> Budget:
    if use is None:
        return Budget(source, tres, limit, own=own)
    return Budget(source, tres, limit, dict(use.minutes).get(tres, 0), dict(use.run_minutes).get(tres, 0), own)


def tightest(budgets: Iterable[Budget], cost: Cost) -> Budget | None:
    """Return the budget that would end such a session first; None where none is known to."""
    timed = [(time, number, budget) for number, budget in enumerate(budgets) if (time := budget.time_left(cost)) is not None]
    return min(timed)[2] if timed else None
