"""What is left of the budgets that a session is charged to, in words, and what follows for a request that they do not cover.

Slurm's own budgets (GrpTRESMins) come from :func:`.budgets.budgets_of`. A site that keeps its accounts elsewhere has a command that tells
of them (``ResourceFormSpawner.budget_command``); its answer is read here as the same kind of budget. What nobody knows refuses nothing.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import ResourceFormError
from ..humanize import dated, day_and_time
from ..i18n import N_, _, decimal
from ..slurm.names import in_accounting
from .billing import Cost
from .budgets import Budget
from .limits import source_in_words

OverBudget = Literal["warn", "refuse"]

NOT_CHARGED = N_("This service is in pre-production: sessions are not charged.")

_UNITS = {"billing": "billing", "core hours": "cpu"}
"""The units of a site's command, each of them for an hour, and Slurm's name of what is counted."""


_LATEST = 1e11
"""Seconds since the epoch that every calendar can still name."""


@dataclass(frozen=True, slots=True)
class SiteBudget(Budget):
    """A budget that the site's command tells of, of ``account``, as it was at ``as_of`` (seconds since the epoch)."""

    account: str = ""
    as_of: float = 0.0


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """What the admin wants: whether sessions are charged at all, and what becomes of one that the budgets do not cover."""

    charged: bool = True
    over: OverBudget = "warn"


@dataclass(frozen=True, slots=True)
class BudgetVerdict:
    """``sentence`` is for the user, empty where the budgets cover the session or nobody knows; ``field`` is where it belongs."""

    sentence: str = ""
    field: str = "account"
    refuse: bool = False


NO_OBJECTION = BudgetVerdict()


def is_charged(not_charged: bool | Collection[str], partition: str, account: str) -> bool:
    """Tell whether such a session is charged; ``not_charged`` is all, none, or the partitions and accounts whose sessions are not."""
    if isinstance(not_charged, bool):
        return not not_charged
    return partition not in not_charged and account not in map(in_accounting, not_charged)


# --- the answer of a site's command ----------------------------------------------------------------------------------------------


def parse_site_budgets(text: str, asked_at: float) -> tuple[SiteBudget, ...]:
    """Read ``[{"account": "physics", "unit": "billing", "limit": 1000, "used": 880, "as_of": "2026-11-21T12:00:00+01:00"}]``.

    ``unit`` is ``billing`` (of Slurm's billing units, each for an hour) or ``core hours``. ``used`` may be null where it is not known,
    ``limit`` null where there is none. Without ``as_of`` it is ``asked_at`` (seconds since the epoch); a time without a zone is the Hub's.

    Raises
    ------
    ResourceFormError
        It is something else. One row that cannot be read makes the whole answer one that cannot be trusted.
    """
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"it is no JSON: {error}") from None
    if not isinstance(rows, list):
        raise _unreadable("it is no list")
    budgets = [_site_budget(row, asked_at) for row in rows]
    return tuple(budget for budget in budgets if budget is not None)


def _unreadable(what: str) -> ResourceFormError:
    return ResourceFormError(
        N_("What is left of the budgets is not known at the moment."), log=f"the answer of budget_command: {what}"[:500]
    )


def _site_budget(row: object, asked_at: float) -> SiteBudget | None:
    if not isinstance(row, Mapping):
        raise _unreadable(f"an entry that is no object: {row!r:.100}")
    account, unit = row.get("account"), row.get("unit")
    if not isinstance(account, str) or not account:
        raise _unreadable(f"an entry without an account: {row!r:.200}")
    if not isinstance(unit, str) or unit not in _UNITS:
        raise _unreadable(f"unit of {account!r:.100} is none of {', '.join(_UNITS)}")
    limit, used = (_minutes(row.get(key), key, account, up=key == "used") for key in ("limit", "used"))
    if limit is None:
        return None
    return SiteBudget(f"account {account}", _UNITS[unit], limit, used, account=account, as_of=_moment(row.get("as_of"), account, asked_at))


def _minutes(value: Any, key: str, account: str, *, up: bool) -> int | None:
    """TRES-minutes of an amount in units for an hour, a part of one counted so that nobody is told of more than there is."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        raise _unreadable(f"{key} of {account!r:.100} is no number: {value!r:.100}")
    # To a millionth first: 0.1 of an hour are six minutes, and no more, whatever the machine makes of a tenth.
    minutes = round(value * 60, 6)
    return math.ceil(minutes) if up else math.floor(minutes)


def _moment(value: Any, account: str, otherwise: float) -> float:
    if value is None:
        return otherwise
    try:
        moment = datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    except (AttributeError, TypeError, ValueError, OverflowError, OSError):
        moment = -1.0
    if not 0 <= moment < _LATEST:
        raise _unreadable(f"as_of of {account!r:.100} is no time: {value!r:.100}")
    return moment


# --- judgement -------------------------------------------------------------------------------------------------------------------


def judge_budget(budgets: Iterable[Budget], cost: Cost | None, policy: BudgetPolicy) -> BudgetVerdict:
    """Judge a session by its cost: what to say of it, and whether to refuse it because a budget is known not to cover all of its time.

    Of several such budgets the one is named that would end the session first.
    """
    if cost is None or not policy.charged:
        return NO_OBJECTION
    over = [budget for budget in budgets if budget.covers(cost) is False]
    if not over:
        return NO_OBJECTION
    first = min(over, key=lambda budget: budget.time_left(cost) or 0)
    sentence = _sentence(first.tres, nothing=not first.left).format(
        source=_whose(first.source),
        left=_hours(first.left or 0),
        limit=_hours(first.limit),
        needed=_hours(cost.minutes_of(first.tres) or 0, up=True),
        tres=first.tres,
    )
    return BudgetVerdict(sentence, refuse=policy.over == "refuse")


def _is_gpus(tres: str) -> bool:
    return tres.partition(":")[0] == "gres/gpu"


def _sentence(tres: str, *, nothing: bool) -> str:
    if tres == "billing":
        if nothing:
            return _("{source} has none of {limit} units left; this session would take up to {needed}.")
        return _("{source} has {left} of {limit} units left; this session would take up to {needed}.")
    if tres == "cpu":
        if nothing:
            return _("{source} has none of {limit} core hours left; this session would take up to {needed}.")
        return _("{source} has {left} of {limit} core hours left; this session would take up to {needed}.")
    if _is_gpus(tres):
        if nothing:
            return _("{source} has none of {limit} GPU hours left; this session would take up to {needed}.")
        return _("{source} has {left} of {limit} GPU hours left; this session would take up to {needed}.")
    if nothing:
        return _("{source} has nothing left of its budget of {tres}.")
    return _("{source} has too little left of its budget of {tres} for this session.")


def _whose(source: str) -> str:
    """The source at the beginning of a sentence."""
    source = source_in_words(source)
    return source[:1].upper() + source[1:]


def _hours(minutes: float, *, up: bool = False) -> str:
    """TRES-minutes in units for an hour: whole ones, tenths below ten; what is left is never said to be more, what is needed never less."""
    tenths = minutes / 6
    if tenths >= 100:
        return str(math.ceil(tenths / 10) if up else math.floor(tenths / 10))
    return decimal((math.ceil(tenths) if up else math.floor(tenths)) / 10, 1)


# --- in words --------------------------------------------------------------------------------------------------------------------


def budget_in_words(budget: Budget, *, now: float, as_of: float | None = None) -> str:
    """Return ``about 120 of 1000 units left (as of 12:00)``, for the form; empty for what is not counted in hours of something.

    ``as_of`` is when Slurm said so, ``now`` what time it is, both in seconds since the epoch; a site's budget has its own.
    """
    if isinstance(budget, SiteBudget):
        as_of = budget.as_of
    words = _left_in_words(budget.tres, known=budget.left is not None)
    if not words:
        return ""
    words = words.format(left=_hours(budget.left or 0), limit=_hours(budget.limit))
    return words if as_of is None else dated(_("{words} (as of {moment})"), words=words, moment=day_and_time(as_of, now))


def _left_in_words(tres: str, *, known: bool) -> str:
    if tres == "billing":
        return _("about {left} of {limit} units left") if known else _("it is not known how much of {limit} units is left")
    if tres == "cpu":
        return _("about {left} of {limit} core hours left") if known else _("it is not known how much of {limit} core hours is left")
    if _is_gpus(tres):
        return _("about {left} of {limit} GPU hours left") if known else _("it is not known how much of {limit} GPU hours is left")
    return ""
