"""Which nodes are kept for other people's jobs: a node of one user (ExclusiveUser), a node of one security label (MCS).

The rules are those of slurm.conf(5) "ExclusiveUser", "MCSPlugin" and "MCSParameters", and of ``filter_by_node_owner`` and
``filter_by_node_mcs`` in src/slurmctld/node_scheduler.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..i18n import N_
from ..slurm.model import Job, Node, Partition, SlurmConfig

ONE_USER = N_("in use by others, and kept to one user at a time")
LABELLED = N_("kept for jobs of others by its security label")


@dataclass(frozen=True, slots=True)
class Submitter:
    """Whose job it is, as far as Slurm looks at it in choosing nodes. ``qos`` is the job's own, ``groups`` are the system's."""

    user: str = ""
    account: str = ""
    qos: str = ""
    groups: frozenset[str] = frozenset()


NOBODY = Submitter()


@dataclass(frozen=True, slots=True)
class SecurityLabels:
    """Multi-Category Security as the site has it; ``plugin`` is empty where it has none.

    Jobs have labels of themselves where they are ``enforced``; a node takes the label of its jobs where these ``select`` it.
    ``listed`` are the groups that may be labels, the first of a user's counts.
    """

    plugin: str = ""
    enforced: bool = False
    select: bool = False
    listed: tuple[str, ...] = ()

    @classmethod
    def parse(cls, config: SlurmConfig) -> SecurityLabels:
        """Read the configuration as Slurm prints it: ``enforced,select,privatedata:physics|chemistry``."""
        kind, _slash, plugin = config.get("MCSPlugin").partition("/")
        if kind != "mcs" or plugin not in ("user", "group", "account"):
            return NO_LABELS
        common, _colon, listed = config.get("MCSParameters").partition(":")
        common = common.lower()
        select = "select" in common and "noselect" not in common and "ondemandselect" not in common
        return cls(plugin, "enforced" in common, select, tuple(filter(None, listed.split("|"))))

    def of(self, submitter: Submitter) -> str:
        """Return the label that Slurm gives to the submitter's job; empty for none."""
        if not self.enforced:
            return ""
        if self.plugin == "group":
            return next((group for group in self.listed if group in submitter.groups), "")
        return submitter.account if self.plugin == "account" else submitter.user

    @property
    def one_user(self) -> bool:
        """Whether a node has the jobs of one user at a time."""
        return self.plugin == "user" and self.enforced and self.select

    def bars(self, node: Node, submitter: Submitter, *, has_jobs: bool) -> bool:
        """Tell whether the label of the node, or the jobs without one on it, keep the submitter's job away."""
        if not self.plugin:
            return False
        own = self.of(submitter) if self.select else ""
        if own:
            return node.mcs_label != own if node.mcs_label else has_jobs
        return bool(node.mcs_label)


NO_LABELS = SecurityLabels()


def kept_for_others(
    nodes: Iterable[Node], partition: Partition, submitter: Submitter, labels: SecurityLabels, jobs_on: Callable[[str], Iterable[Job]]
) -> dict[str, str]:
    """Return, by the names of nodes that another's jobs keep the submitter's away from, why.

    ``jobs_on`` has the jobs that hold something there. Where nobody knows them, a node on which anything is allocated counts as
    another's in a partition of exclusive users.
    """
    found: dict[str, str] = {}
    for node in nodes:
        jobs = tuple(jobs_on(node.name))
        if partition.exclusive_user:
            others = any(job.user != submitter.user for job in jobs) if jobs else bool(node.cores_allocated)
        else:
            others = node.owner not in ("", submitter.user)
        if others:
            found[node.name] = ONE_USER
        elif labels.bars(node, submitter, has_jobs=bool(jobs or node.cores_allocated)):
            found[node.name] = LABELLED
    return found
