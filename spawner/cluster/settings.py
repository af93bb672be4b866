"""What an admin may set of :class:`spawner.cluster.cluster.SlurmCluster`."""

from __future__ import annotations

import logging
from typing import Any

from traitlets import Bool, Enum, Float, HasTraits, List, TraitError, Unicode, validate
from traitlets.config import Config

OLD_SECTION = "Cluster"
"""What the section of the configuration was called before it was SlurmCluster."""


def warn_of_old_section(config: Config, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
    """Tell the log which names of the configuration to change, if a section of the old name sets something."""
    # get() and not an attribute, which would make the section.
    if options := sorted(config.get(OLD_SECTION) or ()):
        log.warning(
            "The configuration's section %s is called SlurmCluster now. The old name still works; write %s instead.",
            OLD_SECTION,
            ", ".join(f"c.SlurmCluster.{option}" for option in options),
        )


class ClusterSettings(HasTraits):
    """The traits of :class:`spawner.cluster.cluster.SlurmCluster`, checked when they are set."""

    slurm_conf = Unicode(
        "",
        help="""
        Path of slurm.conf, given to every Slurm command as SLURM_CONF. A command that runs through sudo is told by the rule
        (``share/resource_form/sudoers``), so that the Hub cannot name another one.

        Empty (the default): the SLURM_CONF that the Hub was started with, else Slurm's own default.
        Example: ``c.SlurmCluster.slurm_conf = "/etc/slurm/slurm.conf"``
        """,
    ).tag(config=True)

    bin_dir = Unicode(
        "",
        help="""
        Folder of sbatch, squeue, scancel, scontrol and sacctmgr.

        Empty (the default): searched on the Hub's PATH. Example: ``c.SlurmCluster.bin_dir = "/opt/slurm/bin"``
        """,
    ).tag(config=True)

    sudo = List(
        Unicode(),
        default_value=["sudo", "-n"],
        help="""
        How a Hub that is not root runs sbatch and scancel as the user: the first arguments, before ``-u USER``.

        A Hub that is root needs no sudo. The rule for sudoers is in ``share/resource_form/sudoers``, with the two programs to install.
        Default: ``["sudo", "-n"]``
        """,
    ).tag(config=True)

    hub_name = Unicode(
        "jupyterhub",
        help="""
        What this Hub calls itself in the comment of its jobs. Two Hubs on one cluster need two names: by it each tells its own jobs.

        Default: ``"jupyterhub"``
        """,
    ).tag(config=True)

    orphaned_jobs = Enum(
        ["adopt", "cancel", "report"],
        default_value="adopt",
        help="""
        What becomes of a job that carries this Hub's name and belongs to none of its sessions, as after the loss of its database.

        ``"adopt"`` (the default): it becomes a session of its user again, if the job answers; else it is reported. ``"cancel"``: it is
        cancelled. ``"report"``: the log says so, and how to end it. In each case the log names it.
        """,
    ).tag(config=True)

    sweep_interval = Float(
        600.0,
        help="Seconds after which jobs without a session are looked for, from the start of the Hub on. Default: 600.",
    ).tag(config=True)

    partitions = List(
        Unicode(),
        help="""
        Names of the partitions that sessions may run in; a job can land in no other.

        Empty (the default): every partition that is not hidden. Example: ``c.SlurmCluster.partitions = ["g100_int"]``
        """,
    ).tag(config=True)

    memory_option = Enum(
        ["mem", "mem-per-cpu", "none"],
        default_value="mem",
        help="""
        How jobs ask for their memory: ``"mem"`` is ``--mem`` with all of it, ``"mem-per-cpu"`` a share for each CPU, for sites whose
        plugins want that, ``"none"`` not at all: then a session gets what Slurm gives by itself (DefMemPerCPU and so on of slurm.conf(5)),
        and the form has no memory to choose. On nodes of which slurm.conf says no RealMemory it is always ``"none"``.

        Default: ``"mem"``
        """,
    ).tag(config=True)

    gpu_option = Enum(
        ["gres", "gpus", "gpus-per-node"],
        default_value="gres",
        help="""
        How jobs ask for GPUs: ``"gres"`` is ``--gres=gpu:…``, ``"gpus"`` and ``"gpus-per-node"`` are the options of these names, for sites
        whose plugins want one of them. Parts of GPUs are always asked for by ``--gres``.

        Default: ``"gres"``
        """,
    ).tag(config=True)

    submit_hosts = List(
        Unicode(),
        help="""
        Names by which Slurm knows the machine that jobs are submitted from: a partition may take jobs of some hosts only (AllocNodes of
        slurm.conf(5)), and the form does not offer one that takes none of these.

        Empty (the default): the names of the Hub's machine. Example: ``["portal01"]``
        """,
    ).tag(config=True)

    nodes_interval = Float(
        20.0,
        help="Seconds for which the state of the nodes counts as fresh, while somebody looks at it. Default: 20.",
    ).tag(config=True)

    layout_interval = Float(
        180.0,
        help="Seconds for which partitions and reservations count as fresh, while somebody looks at a form. Default: 180.",
    ).tag(config=True)

    accounting_interval = Float(
        600.0,
        help="Seconds for which accounts and associations count as fresh, while somebody looks at a form. Default: 600.",
    ).tag(config=True)

    holdings_interval = Float(
        120.0,
        help="""
        Seconds for which it counts as fresh what jobs hold of the limits that users, accounts and QOS share, and what is used of budgets,
        while somebody looks at a form. It is asked only where there are such limits, and less often while sessions start. Default: 120.
        """,
    ).tag(config=True)

    jobs_interval = Float(
        15.0,
        help="Seconds for which the list of jobs counts as fresh. One squeue serves all sessions. Default: 15.",
    ).tag(config=True)

    starting_interval = Float(
        8.0,
        help="As :attr:`jobs_interval`, while some session is starting. Default: 8.",
    ).tag(config=True)

    usage_interval = Float(
        60.0,
        help="""
        Seconds between two questions (``sstat``) about what running sessions use of CPU and memory, while their users look at them: one
        question serves all of them. 0: it is not asked, and not shown. Slurm answers only a Hub that is root or SlurmUser.
        Default: 60.
        """,
    ).tag(config=True)

    gpu_reports_fresh = Float(
        90.0,
        help="""
        Seconds for which the report of a node about its GPUs counts; after that the node is as one that does not report.

        Default: 90, six times the interval at which nodes report.
        """,
    ).tag(config=True)

    trust_gpu_reports = Bool(
        True,
        help="""
        Whether a GPU that Slurm calls free does not count as free where its node reports it as faulty, or as filled by a process outside
        of Slurm.

        This is about what the form says: Slurm goes on giving such GPUs to jobs. False: they count, and are only shown as what they are.
        Default: True
        """,
    ).tag(config=True)

    gpu_stray_after = Float(
        30.0,
        help="""
        Seconds for which a GPU has to be in use although Slurm calls it free, until it counts as filled by a process outside of Slurm.

        Where jobs leave the GPU slowly, more. Default: 30
        """,
    ).tag(config=True)

    estimates = Bool(
        True,
        help="""
        Whether users may ask when a request would start (``sbatch --test-only``, which submits nothing). A question takes the controller's
        locks for a moment and one job id; four are asked at once, and ``c.ResourceFormBounds`` says how many a minute.

        Default: True. Example: False where the controller is busy as it is.
        """,
    ).tag(config=True)

    estimate_timeout = Float(
        3.0,
        help="Seconds after which such a question is given up. Default: 3.",
    ).tag(config=True)

    command_timeout = Float(
        60.0,
        help="Seconds after which a Slurm command that only reads is ended. Default: 60.",
    ).tag(config=True)

    @validate(
        "nodes_interval",
        "layout_interval",
        "accounting_interval",
        "holdings_interval",
        "jobs_interval",
        "starting_interval",
        "estimate_timeout",
        "command_timeout",
        "sweep_interval",
        "gpu_reports_fresh",
        "gpu_stray_after",
    )
    def _is_positive(self, proposal: Any) -> float:
        if proposal["value"] <= 0:
            raise TraitError(f"SlurmCluster.{proposal['trait'].name} must be a number of seconds above 0")
        return float(proposal["value"])

    @validate("usage_interval")
    def _check_usage_interval(self, proposal: Any) -> float:
        if not proposal["value"] >= 0:
            raise TraitError("SlurmCluster.usage_interval must be 0 or a number of seconds above it")
        return float(proposal["value"])
