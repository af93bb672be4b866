"""The fields of a form follow each other: when one is changed, values that go with it stay, and others move to the nearest that do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..i18n import _
from ..site.release import day_of
from .choices import Choices
from .defaults import default_release, default_values
from .gpus import GpuRequest
from .model import NUMBERS_IN_WORDS, SessionRequest, label_of
from .ranges import gpus_there, limits_there, ranges
from .validation import check_request, true_preset

PLACE = ("reservation", "partition", "account")
FOLLOWED = (*PLACE, "gpus", "release")
"""The fields that others follow."""

MAX_TRIED = 300
"""Combinations of account, partition and reservation that are looked at; a user with more has to choose by hand."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The request with its fields fitted to each other, and a sentence for each field that was moved."""

    request: SessionRequest
    moved: Mapping[str, str]


def reconcile(request: SessionRequest, choices: Choices, changed: str) -> Reconciled:
    """Fit ``request`` to the one field that the user has changed; that field stays as it is, right or wrong.

    A field that others do not follow (:data:`FOLLOWED`) moves none: who types a number is told what is wrong with it.
    """
    if changed not in FOLLOWED:
        return Reconciled(request, {})
    placed = _place(request, choices, changed)
    if changed != "gpus":
        placed = _with_gpus(placed, choices)
    for name, allowed in ranges(placed, choices).items():
        placed = placed.model_copy(update={name: allowed.nearest(getattr(placed, name))})
    # What the time may be depends on the amounts that have just moved.
    again = ranges(placed, choices)
    if "walltime" in again:
        placed = placed.model_copy(update={"walltime": again["walltime"].nearest(placed.walltime)})
    placed = _with_interface(placed, choices)
    placed = true_preset(placed, choices)
    return Reconciled(placed, dict(_sentences(request, placed, choices)))


def _place(request: SessionRequest, choices: Choices, changed: str) -> SessionRequest:
    """The nearest partition, account and reservation that go together, the changed one kept."""
    for candidate in _places(request, choices, changed):
        if not any(name in (*PLACE, "release") for name in check_request(candidate, choices)):
            return candidate
    return request


def _places(request: SessionRequest, choices: Choices, changed: str) -> Iterator[SessionRequest]:
    others: dict[str, list[str]] = {
        "account": [name for name in choices.accounts or () if name != request.account],
        "reservation": [name for name in choices.reservation_values if name != request.reservation],
        "partition": [entry.name for entry in choices.partitions if entry.name != request.partition],
        "release": _other_releases(request, choices),
    }
    others.pop(changed, None)
    tried = 0
    combinations: list[tuple[str, ...]] = [(), *((name,) for name in others)]
    combinations += [(first, second) for first in others for second in others if first < second]
    for names in combinations:
        for values in _product([others[name] for name in names]):
            yield request.model_copy(update=dict(zip(names, values, strict=True)))
            tried += 1
            if tried >= MAX_TRIED:
                return


def _other_releases(request: SessionRequest, choices: Choices) -> list[str]:
    """The releases that another place may have, the one first that would be preselected; those under "Advanced" are moved to by no one."""
    preferred = default_release(choices)
    standing = [entry for entry in choices.releases if entry.standing(day_of(choices.now)) == "tested"]
    return [entry.tag for entry in sorted(standing, key=lambda entry: entry is not preferred) if entry.tag != request.release]


def _product(lists: list[list[str]]) -> Iterator[tuple[str, ...]]:
    if not lists:
        yield ()
        return
    for value in lists[0]:
        for rest in _product(lists[1:]):
            yield (value, *rest)


def _with_gpus(request: SessionRequest, choices: Choices) -> SessionRequest:
    """The asked GPUs where the place has them, else as many as it has of that type, else of any, else none."""
    release = choices.release(request.release)
    offered = [gpus for gpus in gpus_there(request, choices) if release is None or gpus.whole >= release.least_gpus]
    asked = choices.gpus.known(request.gpus, request.partition)
    if not offered or asked in offered or any(choices.gpus.are_same(asked, gpus) for gpus in offered):
        return request.model_copy(update={"gpus": asked})
    if (release is None or asked.whole >= release.least_gpus) and _is_there(asked, request, choices):
        return request.model_copy(update={"gpus": asked})

    def distance(gpus: GpuRequest) -> tuple[bool, bool, bool, float]:
        other = gpus.gres != asked.gres
        amount = abs(asked.amount - gpus.amount) if other else abs(asked.count - gpus.count)
        return (bool(asked.count) != bool(gpus.count), other, asked.type != gpus.type, amount)

    return request.model_copy(update={"gpus": min(offered, key=distance)})


def _is_there(gpus: GpuRequest, request: SessionRequest, choices: Choices) -> bool:
    """Whether it is a part of a GPU that can be had, though it is none of those to choose from: of a hundred parts there are too many."""
    limits = limits_there(request, choices)
    return (
        gpus.is_part and limits is not None and choices.policy("gpus").choices is None and limits.has_part(gpus.gres, gpus.type, gpus.count)
    )


def _with_interface(request: SessionRequest, choices: Choices) -> SessionRequest:
    release = choices.release(request.release)
    names = [interface.name for interface in choices.interfaces(release)] if release is not None else []
    if not names or request.interface in names:
        return request
    preferred = default_values(choices)["interface"]
    return request.model_copy(update={"interface": preferred if preferred in names else names[0]})


def _sentences(before: SessionRequest, after: SessionRequest, choices: Choices) -> Iterator[tuple[str, str]]:
    for name in (*PLACE, "gpus", "cores", "memory", "walltime", "release", "interface"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            label = choices.policy(name).label or label_of(name)
            sentence = _("{field} is now {new} instead of {old}, which cannot be had with the new choice.")
            yield name, sentence.format(field=label, new=_words(name, new, choices), old=_words(name, old, choices))


def _words(name: str, value: object, choices: Choices) -> str:
    if isinstance(value, GpuRequest):
        return value.words
    if isinstance(value, int):
        return NUMBERS_IN_WORDS[name](value)
    if name == "release":
        return choices.catalogue.labels().release(value) or _("None")
    if name == "interface":
        return choices.catalogue.labels().interface(value) or _("None")
    return str(value) or _("None")
