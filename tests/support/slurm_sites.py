"""A Slurm site as a few lines of data, for the harness of :mod:`.conformance`: how it is set up, who is on it, what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from private_slurm.newer_slurm import SLURMS
from private_slurm.spec import ClusterSpec, NodeGroup, Partition, SlurmInstallation

Did = Literal["started", "waited", "never"]

NODES = (NodeGroup("n[1-2]", cpus=8, memory_mb=16000, gres="gpu:v100:2"),)
PARTITIONS = (Partition("open", "n[1-2]", "Default=YES MaxTime=8:00:00"),)
ACCOUNTING = "add account base\nadd user {ada},{grace} account=base defaultaccount=base"
"""What most sites are, where it does not matter: two nodes of two GPUs, one partition, one account."""


@dataclass(frozen=True)
class Ask:
    """One request of ada's: ``options`` as a form or program gives them; what is missing has the product's own default.

    ``slurm`` is what Slurm is known to do with it, empty where it may do what it likes as long as we say the same. ``busy`` is what others
    run meanwhile, in place of the site's own. ``unknown`` allows us to say that nobody knows. ``words`` stand in what is said.
    ``place`` is the place in the queue of one that waits: ``2 of 2``. ``seconds`` is how long "now" may be.
    ``before`` are argument lists of scontrol once the others run; ``wait NODE WORD`` waits for a state, ``hidden`` for one not shown.
    """

    options: Mapping[str, Any]
    slurm: Did | str = ""
    busy: tuple[str, ...] | None = None
    unknown: bool = False
    words: str = ""
    place: str = ""
    seconds: float = 12.0
    before: tuple[str, ...] = ()


_RULES = ("before", "busy", "unknown", "words", "place", "seconds")


def ask(slurm: Did | str = "", /, **options: Any) -> Ask:
    """A request, its options as keywords, and those of :class:`Ask`."""
    rules = {name: options.pop(name) for name in _RULES if name in options}
    return Ask(options, slurm, **rules)


@dataclass(frozen=True)
class SlurmSite:
    """One site.

    ``accounting`` are lines for one sacctmgr, ``limits`` those that need the cluster's GRES known to slurmdbd. ``once_up`` are argument
    lists of scontrol once all nodes are up. ``busy`` are others' jobs, each ``USER: OPTIONS`` of sbatch with ``ada``, ``grace`` or
    ``root``; they hold what they have until the end. ``busy_options`` are what each of them asks for that says nothing else of memory.
    ``wrappers`` put a shell script in the place of a command, where ``$REAL`` is the command itself. ``settings`` are traits of
    SlurmCluster, ``sbatch_options`` the admin's own, ``fields`` how the admin narrows the form. ``hub_user`` (``ada``, ``grace`` or
    ``alan``) is who asks Slurm in place of root, ``slurmdbd_conf`` are settings of slurmdbd's. ``draws`` is how many requests are drawn
    at random from what the form offers. ``slurms`` are the versions it is about; with ``by_version`` its rule differs between them, or
    may, so that it is always tried on all of these.
    """

    name: str
    about: str
    nodes: tuple[NodeGroup, ...] = NODES
    partitions: tuple[Partition, ...] = PARTITIONS
    slurm_conf: Mapping[str, str] = field(default_factory=dict)
    slurm_conf_lines: tuple[str, ...] = ()
    accounting: str = ACCOUNTING
    limits: str = ""
    reservations: Mapping[str, str] = field(default_factory=dict)
    once_up: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    asks: tuple[Ask, ...] = ()
    draws: int = 3
    wrappers: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    sbatch_options: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    busy_options: tuple[str, ...] = ("--mem=100",)
    hub_user: str = ""
    slurmdbd_conf: Mapping[str, str] = field(default_factory=dict)
    drawn: bool = False
    """Drawn at random: what others are to run may be refused, and we may say of a request that nobody knows."""
    slurms: tuple[str, ...] = SLURMS
    by_version: bool = False
    releases: tuple[Mapping[str, Any], ...] = ({"tag": "one", "date": "2026-10-01", "interfaces": ["lab"]},)
    """The catalogue; the first one is asked for where a request names none."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Other files of Slurm's configuration, by their name beside slurm.conf."""

    def spec(self, slurm: SlurmInstallation, users: Mapping[str, str]) -> ClusterSpec:
        """The cluster of this site, with these users as its ``ada`` and ``grace``."""
        backfill = {"SchedulerParameters": "batch_sched_delay=0,bf_interval=1,sched_interval=2,bf_window=2880,bf_continue"}
        return ClusterSpec(
            name=self.name,
            nodes=self.nodes,
            partitions=self.partitions,
            slurm_conf={**backfill, **self.slurm_conf},
            slurm_conf_lines=self.slurm_conf_lines,
            slurmdbd_conf=self.slurmdbd_conf,
            sacctmgr_lines=tuple(self.accounting.format(**users).splitlines()),
            files=self.files,
            slurm=slurm,
        )
