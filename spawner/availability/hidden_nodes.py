"""Nodes that Slurm does not show while they are switched off: before 23.02 those of a cloud, unless PrivateData says ``cloud``.

Their partitions name them, and print what all their nodes have together (TRES). What is left of that, without the nodes that are shown,
is what the hidden ones have; each counts as an equal part of it. They may be down as well: nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..slurm.model import Gres, Node, Partition, SlurmConfig
from ..slurm.privacy import private_data

NOT_SHOWN = "not_shown"
"""No word of Slurm's: the flag of a node that it does not show."""

_GRES = "gres/"


def may_hide_nodes(config: SlurmConfig) -> bool:
    """Tell whether Slurm leaves out nodes that are switched off: power is saved, and PrivateData does not say ``cloud``.

    Since 23.02 they are shown in any case (its release notes; measured, 24.11.5).
    """
    if config.version >= (23, 2):
        return False
    return config.get("ResumeProgram") not in ("", "(null)") and "cloud" not in private_data(config)


def with_hidden(nodes: Sequence[Node], partitions: Iterable[Partition], config: SlurmConfig) -> tuple[Node, ...]:
    """Return the nodes that there are: those that are shown without those of the future, and those that partitions name beside them."""
    there_now = tuple(node for node in nodes if node.state != "future")
    if not may_hide_nodes(config):
        return there_now
    known = {node.name: node for node in nodes}
    found: dict[str, Node] = {}
    there = tuple(partitions)
    # Those with the fewest nodes first: what is left of them is the closest to what one of their nodes has.
    for partition in sorted(there, key=lambda entry: len(entry.nodes)):
        hidden = [name for name in partition.nodes if name not in known and name not in found]
        if hidden:
            shown = [(known.get(name) or found[name]) for name in partition.nodes if name in known or name in found]
            size = _each_of(partition, shown, len(hidden))
            if size is not None:
                cores, memory_mb, gres = size
                names = {name: tuple(entry.name for entry in there if name in entry.nodes) for name in hidden}
                flags = frozenset({"cloud", "powered_down", NOT_SHOWN})
                found |= {
                    name: Node(name, name, "idle", flags, cores_total=cores, memory_mb=memory_mb, gres=gres, partitions=names[name])
                    for name in hidden
                }
    return (*there_now, *found.values())


def _each_of(partition: Partition, shown: Iterable[Node], number: int) -> tuple[int, int, tuple[Gres, ...]] | None:
    """Cores, MB and GRES of each of so many hidden nodes; None where the partition does not say."""
    left = dict(partition.tres)
    if not left.get("cpu"):
        return None
    for node in shown:
        left["cpu"] -= node.cores_total
        left["mem"] = left.get("mem", 0) - node.memory_mb
        for entry in node.gres:
            for name in {f"{_GRES}{entry.name}".lower(), f"{_GRES}{entry.name}:{entry.type}".lower() if entry.type else ""} & left.keys():
                left[name] -= entry.count
    cores = left["cpu"] // number
    if cores < 1:
        return None
    typed = [(name, count) for name, count in left.items() if name.startswith(_GRES) and ":" in name and count > 0]
    plain = [(name, count) for name, count in left.items() if name.startswith(_GRES) and ":" not in name and count > 0]
    gres = [_gres(name, count // number) for name, count in typed]
    gres += [_gres(name, count // number) for name, count in plain if not any(other.startswith(f"{name}:") for other, _count in typed)]
    return cores, max(1, left.get("mem", 0) // number), tuple(entry for entry in gres if entry.count)


def _gres(tres: str, count: int) -> Gres:
    name, _colon, gres_type = tres.removeprefix(_GRES).partition(":")
    return Gres(name, gres_type, count)
