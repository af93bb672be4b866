"""Whether a node takes a new job now, and which GPUs it has free.

Slurm's rules that are applied here are in slurm.conf(5), sinfo(1) "NODE STATE CODES" and scontrol(1) "RESERVATIONS".
"Free" is what Slurm has not given to a job; whether a job starts at once depends on other people's jobs as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..i18n import N_
from ..slurm.model import Job, Node, Reservation
from ..slurm.shared_gres import Parts, cards_that_carry_parts, count_by_type, has_parts, parts_in, parts_of

_OUT_OF_SERVICE = (
    ("not_responding", N_("not responding")),
    ("drain", N_("drained")),
    ("fail", N_("failing")),
    ("invalid_reg", N_("wrongly configured")),
    ("maintenance", N_("in maintenance")),
    ("reserved", N_("reserved")),
    ("powering_down", N_("powering down")),
    ("power_down", N_("powering down")),
    ("reboot_issued", N_("rebooting")),
    ("blocked", N_("blocked")),
    ("external", N_("not managed here")),
)
"""Node flags that keep a new job away, in the order in which they are named, with the words for a person.

A node that is to reboot once it is idle takes jobs until then; with ``scontrol reboot ASAP`` it is drained (measured, 22.05.8).
"""

USABLE_STATES = frozenset({N_("idle"), N_("mixed"), N_("allocated")})
OTHER_STATES = frozenset({N_("down"), N_("error"), N_("future"), N_("planned"), N_("unknown")})
"""Slurm's base states, which stand on the page as they are."""


@dataclass(frozen=True, slots=True)
class GpuCount:
    """Whole GPUs of one type on one node. ``type`` is empty where Slurm has none.

    ``unfit`` are not in ``free`` although Slurm calls them free (:attr:`.Node.gpus_unfit`).
    """

    type: str
    total: int
    free: int
    unfit: int = 0


def gpus_of(node: Node) -> tuple[GpuCount, ...]:
    """Return the node's GPUs by type, the types in the node's own order.

    A GPU that carries shards is not free for a whole-GPU job (docs/slurm-facts.md#shards), so devices that shards or MPS use are
    taken off the free ones where Slurm tells how many there are; so are those that are free in Slurm's view only (``gpus_unfit``).
    """
    totals = count_by_type(node.gres, "gpu")
    used = count_by_type(node.gres_used, "gpu")
    shared = cards_that_carry_parts(node.gres_used)
    unfit = dict(node.gpus_unfit)
    counts = []
    for gpu_type, total in totals.items():
        # Where Slurm does not say of which type the cards are that carry parts, they are missed in each type: better than to promise one.
        free = total - used.get(gpu_type, 0) - shared.get(gpu_type, 0) - (shared.get("", 0) if gpu_type else 0)
        useless = max(0, min(free, unfit.get(gpu_type, 0)))
        counts.append(GpuCount(gpu_type, total, max(0, free - useless), useless))
    return tuple(counts)


class PartsOnNodes:
    """What the nodes of one answer have free in parts of GPUs; alike for nodes that are alike, and looked at once."""

    def __init__(self) -> None:
        self._with_parts: dict[int, bool] = {}
        self._found: dict[tuple[object, ...], tuple[Parts, ...]] = {}

    def of(self, node: Node, jobs: Iterable[Job] | None) -> tuple[Parts, ...]:
        """Return what the node has free; ``jobs`` are those that run on it, None where nobody knows them."""
        # GRES are told apart by identity: the grammar gives equal texts the same object, and to compare is many times slower.
        if id(node.gres) not in self._with_parts:
            self._with_parts[id(node.gres)] = has_parts(node.gres)
        if not self._with_parts[id(node.gres)]:
            return ()
        sharing = None if jobs is None else tuple(job for job in jobs if parts_in(job.tres))
        held = None if sharing is None else tuple((job.tres, len(job.nodes)) for job in sharing)
        key = (id(node.gres), id(node.gres_used), node.gpus_unfit, held)
        if key not in self._found:
            whole = {gpus.type: (gpus.total, gpus.free) for gpus in gpus_of(node)}
            self._found[key] = parts_of(node, whole, sharing)
        return self._found[key]


def cores_on_a_node(job: Job) -> int:
    """Return the cores that the job has on each of its nodes: an equal share, for Slurm's list does not say which."""
    return -(-job.cores // max(1, len(job.nodes)))


def is_active(reservation: Reservation, now: float) -> bool:
    """Tell whether the reservation holds its nodes at ``now`` (seconds since the epoch)."""
    return reservation.start <= now < reservation.end


def _holds_whole_nodes(reservation: Reservation, nodes: Mapping[str, Node]) -> bool:
    cores = sum(nodes[name].cores_total // nodes[name].cpus_per_core for name in reservation.nodes if name in nodes)
    return reservation.core_count is None or reservation.core_count >= cores


def whole_node_reservations(reservations: Iterable[Reservation], nodes: Mapping[str, Node], now: float) -> dict[str, set[str]]:
    """Return, by the name of a node, the names of the active reservations that hold all of it.

    A reservation of some cores of a node (CoreCnt below the nodes' cores) leaves the rest to everybody.
    """
    held: dict[str, set[str]] = {}
    for reservation in reservations:
        if is_active(reservation, now) and _holds_whole_nodes(reservation, nodes):
            for name in reservation.nodes:
                held.setdefault(name, set()).add(reservation.name)
    return held


def partly_reserved(reservations: Iterable[Reservation], nodes: Mapping[str, Node], now: float) -> set[str]:
    """Return the names of the nodes of which active reservations hold some cores. Slurm marks them ``RESERVED`` too (22.05.8)."""
    partial = (entry for entry in reservations if is_active(entry, now) and not _holds_whole_nodes(entry, nodes))
    return {name for entry in partial for name in entry.nodes}


def why_not_usable(node: Node, *, held: bool = False, partly: bool = False, inside: bool | None = None) -> str:
    """Return why a new job cannot run on ``node``, in a word or two of English for the catalogue; empty if it can.

    Parameters
    ----------
    held
        Whether a reservation other than the job's holds the whole node now.
    partly
        Whether reservations hold some of its cores, so that Slurm's mark ``reserved`` says nothing about the others.
    inside
        Whether the node belongs to the reservation that the job would ask for; None where it would ask for none.
    """
    if node.state not in USABLE_STATES:
        return node.state
    for flag, words in _OUT_OF_SERVICE:
        if flag == "not_responding" and "powering_up" in node.flags:
            continue  # it boots: Slurm places jobs there, and they begin once it answers (measured, 22.05.8)
        if flag in node.flags and not (flag == "reserved" and (inside or (partly and not held))):
            return words
    if inside is False:
        return N_("not in the reservation")
    return "reserved" if held else ""
