"""Parts of GPUs: shards and MPS. Which of them a node has, and how large a part some card of it still has free.

A node counts its parts over all of its cards, but a job gets them from one card only, and a card that carries parts is no free GPU; of MPS
only one card of a node is given out in parts at a time. ``shard:6`` over cards of five waits for ever, and so does ``shard:3`` where two
cards have two each. Measured on 22.05.8 and 24.11.5; ``tests/real/test_gpu_shapes.py`` measures it again.

Since 23.11 GresUsed has each card: ``shard:v100:4(4/5,0/5)``, which says nothing of whether the second one is taken as a whole. Before, its
number is that of the cards that carry parts: how full these are follows from the jobs, as far as it does. And 22.05.8 forgets a card there
as soon as one of several jobs on it ends: Slurm then gives it away as a whole GPU, but does not give away the parts that are still in use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .model import Gres, Job, Node

SHARED = ("shard", "mps")
"""Slurm's names of the resources that are parts of GPUs (gres.conf(5))."""

MAX_STEPS = 10
"""Of a card of a hundred parts not each number of them is offered."""


@dataclass(frozen=True, slots=True)
class PartKind:
    """The cards of one type on a node that are given out in parts, ``per_card`` each. ``type`` is empty where Slurm has none."""

    gres: str
    type: str
    cards: int
    per_card: int


@dataclass(frozen=True, slots=True)
class Parts:
    """As :class:`PartKind`, with what is free now: the largest part that one card has is from ``least`` to ``most``, equal where known."""

    gres: str
    type: str
    per_card: int
    least: int
    most: int


def steps(gres: str, per_card: int) -> tuple[int, ...]:
    """Return the parts of one card that are offered: each where these are few, else tenths or halves; of shards the smallest always."""
    if per_card <= MAX_STEPS:
        return tuple(range(1, per_card))
    if gres == "mps" or per_card % MAX_STEPS == 0:
        sizes = {per_card * tenth // MAX_STEPS for tenth in range(1, MAX_STEPS)}
    else:
        sizes = {2**power for power in range(per_card.bit_length()) if 2**power < per_card}
    return tuple(sorted(sizes | {1} if gres == "shard" else sizes))


def count_by_type(gres: Iterable[Gres], name: str) -> dict[str, int]:
    """Count one resource by type; of no type under the empty name."""
    counts: dict[str, int] = {}
    for entry in gres:
        if entry.name == name:
            counts[entry.type] = counts.get(entry.type, 0) + entry.count
    return counts


def has_parts(gres: Iterable[Gres]) -> bool:
    """Tell whether some of these resources are parts of GPUs."""
    return any(entry.name in SHARED and entry.count for entry in gres)


# --- what a node has ----------------------------------------------------------------------------------------------------------


def part_kinds(node: Node) -> tuple[PartKind, ...]:
    """Return the cards of the node that are given out in parts.

    Those whose cards have different numbers of parts are left out: nobody could say what one part of them is.
    """
    if not has_parts(node.gres):
        return ()
    gpus = count_by_type(node.gres, "gpu")
    found = []
    for name in SHARED:
        for gpu_type, count in _with_types(count_by_type(node.gres, name), gpus).items():
            each = _each_card(node.gres_used, name, gpu_type, count)
            cards = len(each) or gpus.get(gpu_type, 0)
            sizes = {size for _, size in each}
            if cards and count and count % cards == 0 and len(sizes) < 2:
                found.append(PartKind(name, gpu_type, cards, count // cards))
    return tuple(found)


def _with_types(counts: Mapping[str, int], gpus: Mapping[str, int]) -> Mapping[str, int]:
    """Parts without a type, as slurm.conf has them until the node has registered, by the types of its GPUs: Slurm deals them out evenly."""
    cards = sum(gpus.values())
    if "" not in counts or "" in gpus or not cards or counts[""] % cards:
        return counts
    dealt = {gpu_type: counts[""] // cards * number for gpu_type, number in gpus.items()}
    return {gpu_type: count for gpu_type, count in {**counts, **dealt}.items() if gpu_type}


_CARD = re.compile(r"([0-9]{1,9}|-)/([0-9]{1,9})", re.ASCII)


def cards_in(detail: str) -> tuple[tuple[int | None, int], ...]:
    """Read used and available parts of each card, from ``3/5,-/5``.

    Used is None for a card that is taken as a whole. Nothing of ``IDX:0-1``.
    """
    cards = [_CARD.fullmatch(text) for text in detail.split(",")]
    return tuple((None if card[1] == "-" else int(card[1]), int(card[2])) for card in cards if card)


def _each_card(gres_used: Iterable[Gres], name: str, gpu_type: str, count: int) -> tuple[tuple[int | None, int], ...]:
    """As :func:`cards_in`, nothing where that does not come to all of the node's parts."""
    for entry in gres_used:
        if (entry.name, entry.type) == (name, gpu_type):
            cards = cards_in(entry.detail)
            return cards if sum(size for _, size in cards) == count else ()
    return ()


def cards_that_carry_parts(gres_used: Iterable[Gres], names: Sequence[str] = SHARED) -> dict[str, int]:
    """Count how many cards of each type carry parts."""
    cards: dict[str, int] = {}
    for entry in gres_used:
        if entry.name in names and entry.count:
            each = cards_in(entry.detail)
            number = sum(1 for used, _ in each if used) if each else entry.count
            cards[entry.type] = cards.get(entry.type, 0) + number
    return cards


# --- what is free -------------------------------------------------------------------------------------------------------------


def parts_of(node: Node, whole: Mapping[str, tuple[int, int]], jobs: Iterable[Job] | None) -> tuple[Parts, ...]:
    """Return what the node has free in parts.

    Parameters
    ----------
    whole
        By type, how many GPUs the node has and how many of them are free as a whole.
    jobs
        Those that run on the node; None where nobody knows them.
    """
    kinds = part_kinds(node)
    jobs = None if jobs is None else tuple(jobs)
    found = []
    for name in dict.fromkeys(kind.gres for kind in kinds):
        carrying = cards_that_carry_parts(node.gres_used, (name,))
        groups = [
            _Group(kind, carrying.get(kind.type, carrying.get("", 0)), *whole.get(kind.type, (0, 0))) for kind in kinds if kind.gres == name
        ]
        each = [_each_card(node.gres_used, name, group.kind.type, group.kind.cards * group.kind.per_card) for group in groups]
        if all(each):
            taken = name == "mps" and any(carrying.values())
            ranges = tuple(_as_told(group, cards, taken=taken) for group, cards in zip(groups, each, strict=True))
        elif name == "mps":
            ranges = _as_jobs_leave_one(groups, jobs)
        else:
            ranges = _as_jobs_leave(groups, jobs)
        for group, (least, most) in zip(groups, ranges, strict=True):
            found.append(Parts(name, group.kind.type, group.kind.per_card, least, most))
    return tuple(found)


Bounds = tuple[tuple[int, int], ...]
"""Of each group of cards the largest part that one of them has free, at least and at most."""


@dataclass(frozen=True, slots=True)
class _Group:
    """The cards of one kind: of ``total`` GPUs ``free`` ones are free as a whole, and ``carrying`` ones are known to carry parts."""

    kind: PartKind
    carrying: int
    total: int
    free: int

    @property
    def trusted(self) -> tuple[int, int]:
        """The largest free part if all cards but the ``carrying`` ones are as free as they seem, at least and at most."""
        size = self.kind.per_card
        if self.free:
            return size, size
        return (0, size - 1) if self.carrying else (0, 0)

    @property
    def anything(self) -> tuple[int, int]:
        """What can be said if nothing fits together."""
        return 0, self.kind.per_card if self.free else self.kind.per_card - 1


def _as_told(group: _Group, each: Sequence[tuple[int | None, int]], *, taken: bool) -> tuple[int, int]:
    """Where Slurm says how full each card is; ``taken``: no other card may carry parts beside the one that does."""
    size, cards = group.kind.per_card, group.kind.cards
    partly = max((size - used for used, _ in each if used), default=0)
    # Of a node's GPUs some may not be there for parts at all.
    surely, perhaps = max(0, group.free - max(0, group.total - cards)), min(group.free, cards)
    return size if surely and not taken else partly, size if perhaps and not taken else partly


def _as_jobs_leave_one(groups: Sequence[_Group], jobs: Iterable[Job] | None) -> Bounds:
    """MPS: one card carries all of it."""
    carrying = sum(group.carrying for group in groups)
    if jobs is None:
        return tuple(group.anything if carrying else group.trusted for group in groups)
    used = sum(parts_in(job.tres).get("mps", 0) for job in jobs)
    if not used and not carrying:
        return tuple(group.trusted for group in groups)
    known = len(groups) == 1 or carrying == 1
    ranges = []
    for group in groups:
        left = group.kind.per_card - used
        if not used or left < 0:
            ranges.append(group.anything)
        elif known:
            ranges.append((left, left) if group.carrying or len(groups) == 1 else (0, 0))
        else:
            ranges.append((0, left))
    return tuple(ranges)


def _as_jobs_leave(groups: Sequence[_Group], jobs: Iterable[Job] | None) -> Bounds:
    """Shards: the jobs' are laid on the cards in every way that goes with what is known of these."""
    if jobs is None:
        return tuple(group.trusted for group in groups)
    names = [f"shard:{group.kind.type.lower()}" for group in groups]
    sizes: list[tuple[int, int]] = []
    for job in jobs:
        parts = parts_in(job.tres)
        typed = [(count, names.index(name)) for name, count in parts.items() if name in names]
        sizes += typed or [(count, 0 if len(groups) == 1 else ANY) for name, count in parts.items() if name == "shard"]
        if parts and len(job.nodes) > 1:
            return tuple(group.anything for group in groups)
    cards = tuple((group.carrying + min(group.free, group.kind.cards), group.kind.per_card, group.carrying) for group in groups)
    return largest_free(tuple(sorted(sizes, reverse=True)), cards) or tuple(group.anything for group in groups)


def needs_jobs(nodes: Iterable[Node]) -> bool:
    """Tell whether what is free in parts on some of the nodes follows from the jobs only."""
    return any(
        entry.name in SHARED and entry.count and not cards_in(entry.detail)
        for node in nodes
        if has_parts(node.gres)
        for entry in node.gres_used
    )


_PART_TRES = re.compile(r"gres/((?:shard|mps)(?::[^,=]+)?)=([0-9]{1,9})(?=,|\Z)", re.ASCII)


@lru_cache(maxsize=4096)  # most jobs are alike, and the list is read again and again
def parts_in(tres: str) -> Mapping[str, int]:
    """Return the parts of GPUs among a job's TRES: ``shard``, ``shard:v100``, ``mps``."""
    return {match[1].lower(): int(match[2]) for match in _PART_TRES.finditer(tres)}


MAX_PACKINGS = 500
ANY = -1


@lru_cache(maxsize=4096)
def largest_free(sizes: tuple[tuple[int, int], ...], groups: tuple[tuple[int, int, int], ...]) -> Bounds | None:
    """Return the largest part that is free on a card of each group, at least and at most.

    Every way to lay the jobs on the cards is looked at, or, where these are many, only how much they have together. None where there is no
    way: the jobs are not those of the same moment, or not all of them.

    Parameters
    ----------
    sizes
        What each job has, and the number of the group whose cards it is on; :data:`ANY` where that is not known.
    groups
        How many cards there are, how many parts make one, and how many of them carry some at least.
    """
    packings = {tuple((0,) * cards for cards, _, _ in groups)}
    for size, of_group in sizes:
        allowed = range(len(groups)) if of_group == ANY else (of_group,)
        packings = {
            (*packing[:group], tuple(sorted((*loads[:index], loads[index] + size, *loads[index + 1 :]))), *packing[group + 1 :])
            for packing in packings
            for group in allowed
            for loads in (packing[group],)
            for index in range(len(loads))
            if loads[index] + size <= groups[group][1]
        }
        if len(packings) > MAX_PACKINGS:
            return _largest_by_sums(sizes, groups)
    packings = {
        packing
        for packing in packings
        if all(sum(map(bool, loads)) >= carrying for loads, (_, _, carrying) in zip(packing, groups, strict=True))
    }
    if not packings:
        return None
    ranges = []
    for group, (cards, per_card, _) in enumerate(groups):
        largest = [per_card - packing[group][0] for packing in packings] if cards else [0]
        ranges.append((min(largest), max(largest)))
    return tuple(ranges)


def _largest_by_sums(sizes: Iterable[tuple[int, int]], groups: Sequence[tuple[int, int, int]]) -> Bounds:
    """As :func:`largest_free`: if the jobs had all that may be theirs in a group, some card would still have its share of what is left."""
    ranges = []
    for group, (cards, per_card, _) in enumerate(groups):
        used = sum(size for size, of_group in sizes if of_group in (ANY, group))
        free = max(0, cards * per_card - used)
        ranges.append((-(-free // max(1, cards)), per_card if cards else 0))
    return tuple(ranges)
