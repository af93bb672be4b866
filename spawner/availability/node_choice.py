"""Which nodes the admin's own options of sbatch leave to every job, and whether it gets them for itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..slurm.grammar import expand_hostlist
from ..slurm.model import Node, Partition


@dataclass(frozen=True, slots=True)
class NodeChoice:
    """What of sbatch(1) ``--constraint``, ``--exclude``, ``--nodelist`` and ``--exclusive`` follows for the node of a job on one node.

    ``all_of`` are features, and of each group in ``any_of`` one is enough; empty for no condition. ``only`` are the nodes that may be
    taken, None for any. ``whole``: the job gets all of its node; ``one_user``: its node is for its user's jobs. ``is_known`` is
    False where an option is not understood: then the node may be one that the job cannot have.
    """

    all_of: frozenset[str] = frozenset()
    any_of: tuple[frozenset[str], ...] = ()
    excluded: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    whole: bool = False
    one_user: bool = False
    is_known: bool = True

    def admits(self, node: Node) -> bool:
        """Tell whether a job may run on the node."""
        # A node may be rebooted to have a feature that it could have (slurm.conf(5), NodeFeaturesPlugins).
        if not self.has_features((*node.features, *node.features_available)):
            return False
        return node.name not in self.excluded and (self.only is None or node.name in self.only)

    def has_features(self, features: Iterable[str]) -> bool:
        """Tell whether these are the features that a job asks for."""
        there = set(features)
        return self.all_of <= there and all(group & there for group in self.any_of)

    def asked_of(self, partition: Partition) -> Partition:
        """Return the partition as such a job meets it: one that shares by FORCE does so all the same (slurm.conf(5), OverSubscribe)."""
        if self.whole and partition.oversubscribe not in ("FORCE", "EXCLUSIVE"):
            partition = replace(partition, oversubscribe="EXCLUSIVE")
        return replace(partition, exclusive_user=True) if self.one_user else partition


ANY_NODE = NodeChoice()
WHOLE_NODES = NodeChoice(whole=True)

_PART = re.compile(r"\(([^][()*:&]+)\)|([^][()*:|&]+)")
"""One of what ``&`` joins: features of which one is enough, in parentheses, or a feature."""


def node_choice_of(sbatch_options: Iterable[str]) -> NodeChoice:
    """Return what the options say; of those that stand there twice the last counts.

    Features joined by ``&``, or by ``|`` (in parentheses where ``&`` joins them with others), are understood; several nodes in
    ``--nodelist`` are not, for the job would need all of them.
    """
    choice = ANY_NODE
    known: dict[str, bool] = {}
    for option in sbatch_options:
        name, equals, value = option.partition("=")
        if name == "--constraint":
            features = _features(value)
            known[name] = features is not None
            all_of, any_of = features or (frozenset(), ())
            choice = replace(choice, all_of=all_of, any_of=any_of)
        elif name in ("--exclude", "--nodelist"):
            nodes = _nodes(value)
            known[name] = nodes is not None and (name == "--exclude" or len(nodes) < 2)
            if name == "--exclude":
                choice = replace(choice, excluded=nodes or frozenset())
            else:
                choice = replace(choice, only=nodes or None)
        elif name == "--exclusive":
            choice = replace(choice, whole=not equals or not value, one_user=value == "user")
            known[name] = value in ("", "user")
    return replace(choice, is_known=all(known.values()))


def _features(text: str) -> tuple[frozenset[str], tuple[frozenset[str], ...]] | None:
    """All that the node must have, and the groups of which one is enough; None where that is not understood (counts, AND of nodes)."""
    if "|" in text and not set(text) & set("[]()*:&"):
        return frozenset(), (frozenset(text.split("|")) - {""},)
    parts = [_PART.fullmatch(part) for part in text.split("&") if part]
    if not all(parts):
        return None
    groups = [frozenset((part[1] or part[2]).split("|")) - {""} for part in parts if part is not None]
    return frozenset().union(*(group for group in groups if len(group) == 1)), tuple(group for group in groups if len(group) > 1)


def _nodes(text: str) -> frozenset[str] | None:
    try:
        return frozenset(expand_hostlist(text)) if text else frozenset()
    except ValueError:
        return None
