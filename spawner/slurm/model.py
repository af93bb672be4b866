"""What Slurm says, as frozen dataclasses.

Units are Slurm's own: memory in MB (1 MB = 1024 * 1024 bytes), durations in minutes, moments in seconds since the epoch.
``None`` stands for "no limit" or "not set", as each field's docstring says; an unknown value is never written as 0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

Tres = tuple[tuple[str, int], ...]
"""Amounts by Slurm's names in lower case: ``cpu``, ``mem`` (MB), ``node``, ``billing``, ``gres/gpu``, ``gres/gpu:v100``."""


@dataclass(frozen=True, slots=True)
class Gres:
    """One entry of a GRES string such as ``gpu:a100:2(IDX:0-1)``.

    ``detail`` is what stood in the parentheses (``IDX:0-1``, ``S:0-1``, ``2/8,3/8``), empty where there were none.
    """

    name: str
    type: str = ""
    count: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A compute node, from ``scontrol show node -d -o``.

    ``state`` is the base state in lower case (``idle``, ``mixed``, ``allocated``, ``down``, ``error``, ``future``, ``unknown``),
    ``flags`` the rest in lower case (``drain``, ``maintenance``, ``reserved``, ``not_responding``, ``planned``, ``powered_down``, …).
    ``cores_system`` are the cores that Slurm keeps for the system (CoreSpecCount): part of ``cores_total``, never given to a job.
    ``cores_*`` are what Slurm calls CPUs: threads where it counts these. ``sockets`` and ``cores_per_socket`` are the hardware's, 0 where
    Slurm does not say.
    ``owner`` is the user whose node it is while their exclusive jobs run, ``mcs_label`` whose jobs alone may run there; empty for none.
    ``features`` are the active ones, ``features_available`` those that a reboot may make active (scontrol(1)). ``not_judged`` names a field
    that says who may run there in a way that is not judged here (docs/slurm-fields.md).
    ``gpus_unfit`` is no word of Slurm's: by type, the GPUs that Slurm calls free and the devices' own report does not (:mod:`.gpu`).
    """

    name: str
    address: str
    state: str
    flags: frozenset[str] = frozenset()
    cores_total: int = 0
    cores_allocated: int = 0
    cores_system: int = 0
    memory_mb: int = 0
    memory_mb_allocated: int = 0
    memory_mb_system: int = 0
    threads_per_core: int = 1
    sockets: int = 0
    cores_per_socket: int = 0
    gres: tuple[Gres, ...] = ()
    gres_used: tuple[Gres, ...] = ()
    partitions: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    arch: str = ""
    reason: str = ""
    gpus_unfit: tuple[tuple[str, int], ...] = ()
    owner: str = ""
    mcs_label: str = ""
    features_available: tuple[str, ...] = ()
    not_judged: str = ""

    @property
    def cores_schedulable(self) -> int:
        """The number of cores that jobs may have: CPUEfctv, which 21.08 does not print (all cores there)."""
        return max(0, self.cores_total - self.cores_system)

    @property
    def cpus_per_core(self) -> int:
        """The number of Slurm's CPUs on one core: 1 where CPUs= of slurm.conf is the number of cores, whatever threads these have."""
        cores = self.sockets * self.cores_per_socket
        return max(1, self.cores_total // cores if cores else self.threads_per_core)

    @property
    def memory_mb_schedulable(self) -> int:
        """The MB that jobs may have: RealMemory less MemSpecLimit."""
        return max(0, self.memory_mb - self.memory_mb_system)


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition, from ``scontrol show partition -a -o``.

    ``allow_*`` is ``None`` where Slurm says ALL; ``deny_*`` is ``None`` where nothing is denied.
    ``max_minutes`` is ``None`` for UNLIMITED; ``default_minutes`` is ``None`` where DefaultTime is not set.
    ``max_cores_per_node``, ``max_cores_per_socket``, ``max_memory_mb_per_node``, ``max_memory_mb_per_cpu``, ``max_nodes`` are ``None`` for
    UNLIMITED.
    ``default_memory_mb_per_…`` is what a job gets that asks for no memory, ``None`` where Slurm does not say: then all of the node's.
    ``oversubscribe`` is ``NO``, ``EXCLUSIVE``, ``YES`` or ``FORCE``; ``oversubscribe_count`` is how many jobs may share a core,
    1 for the first two.
    ``billing_weights`` maps lower-case TRES names to the weight as printed (``{"cpu": "1.0", "mem": "0.25G"}``).
    ``tres`` is what all its nodes have together, those that are not shown among them.
    ``select_parameters`` is the partition's own SelectTypeParameters as printed, empty where the cluster's hold.
    ``priority_tier`` orders partitions before any job's priority; ``preempt_mode`` is what becomes of its jobs that make room, as printed
    (``OFF``, ``REQUEUE``, ``CANCEL``, ``GANG,SUSPEND``), ``grace_seconds`` how long they are given for it.
    ``not_judged`` names a field that is in force and not judged here (docs/slurm-fields.md).
    ``version`` is the cluster's Slurm, as :attr:`SlurmConfig.version`, where that is known here (:func:`.in_force`).
    ``exclusive_user``: its nodes are one user's at a time. ``alloc_nodes`` are the hosts that jobs may be submitted from, ``None`` for all.
    """

    name: str
    state: str = "UP"
    is_default: bool = False
    nodes: tuple[str, ...] = ()
    total_nodes: int = 0
    max_minutes: int | None = None
    default_minutes: int | None = None
    allow_accounts: tuple[str, ...] | None = None
    deny_accounts: tuple[str, ...] | None = None
    allow_groups: tuple[str, ...] | None = None
    allow_qos: tuple[str, ...] | None = None
    deny_qos: tuple[str, ...] | None = None
    qos: str = ""
    max_cores_per_node: int | None = None
    max_cores_per_socket: int | None = None
    max_memory_mb_per_node: int | None = None
    max_memory_mb_per_cpu: int | None = None
    default_memory_mb_per_node: int | None = None
    default_memory_mb_per_cpu: int | None = None
    default_memory_mb_per_gpu: int | None = None
    min_nodes: int = 0
    max_nodes: int | None = None
    oversubscribe: str = "NO"
    oversubscribe_count: int = 1
    hidden: bool = False
    root_only: bool = False
    reservation_required: bool = False
    billing_weights: tuple[tuple[str, str], ...] = ()
    select_parameters: str = ""
    tres: Tres = ()
    priority_tier: int = 1
    preempt_mode: str = ""
    grace_seconds: int = 0
    exclusive_user: bool = False
    alloc_nodes: tuple[str, ...] | None = None
    not_judged: str = ""
    version: tuple[int, ...] = ()

    @property
    def bounds_cores(self) -> bool:
        """Whether its jobs together may have some of a node's CPUs only."""
        return self.max_cores_per_node is not None or self.max_cores_per_socket is not None


@dataclass(frozen=True, slots=True)
class License:
    """One licence, from ``scontrol show license -o``: how many there are, and how many jobs may still have."""

    name: str
    total: int = 0
    free: int = 0


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reservation, from ``scontrol show reservation -a -o``.

    ``users``, ``groups``, ``accounts``, ``qos`` and ``allowed_partitions`` (the last two from 25.11 on) hold the names as printed; a name
    with a leading ``-`` means everyone except it.
    ``start`` and ``end`` are seconds since the epoch. ``core_count`` is ``None`` where Slurm does not say.
    """

    name: str
    start: int = 0
    end: int = 0
    nodes: tuple[str, ...] = ()
    node_count: int = 0
    core_count: int | None = None
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    partition: str = ""
    flags: frozenset[str] = frozenset()
    state: str = ""
    qos: tuple[str, ...] = ()
    allowed_partitions: tuple[str, ...] = ()

    def takes_partition(self, name: str) -> bool:
        """Tell whether jobs of the partition may use it, as far as AllowedPartitions says."""
        return not self.allowed_partitions or is_admitted((name,), self.allowed_partitions)

    def takes_qos(self, name: str) -> bool:
        """Tell whether jobs of the QOS may use it; yes where nobody knows the QOS."""
        return not self.qos or not name or is_admitted((name,), self.qos)


def is_admitted(names: Collection[str], listing: Sequence[str]) -> bool:
    """Tell whether a list of a reservation's admits one of the names; with ``-`` entries it admits everyone but those named."""
    refused = {entry[1:] for entry in listing if entry.startswith("-")}
    return not refused & set(names) if refused else bool(set(listing) & set(names))


@dataclass(frozen=True, slots=True)
class AccountingLimits:
    """The limits of an association or of a QOS, by sacctmgr(1)'s words. Empty and ``None``: no limit.

    ``per_job`` MaxTRESPerJob, ``per_node`` MaxTRESPerNode, ``least_per_job`` MinTRESPerJob, ``per_job_minutes`` MaxTRESMinsPerJob,
    ``per_user`` MaxTRESPerUser, ``per_account`` MaxTRESPerAccount, ``group`` GrpTRES, ``group_minutes`` GrpTRESMins and
    ``group_run_minutes`` GrpTRESRunMins; ``…minutes`` are amounts times minutes. ``max_minutes`` is MaxWall.
    ``max_jobs`` and ``max_submit`` hold for one user: MaxJobs of an association, MaxJobsPerUser of a QOS.
    """

    per_job: Tres = ()
    per_node: Tres = ()
    per_job_minutes: Tres = ()
    least_per_job: Tres = ()
    per_user: Tres = ()
    per_account: Tres = ()
    group: Tres = ()
    group_minutes: Tres = ()
    group_run_minutes: Tres = ()
    max_minutes: int | None = None
    max_jobs: int | None = None
    max_jobs_per_account: int | None = None
    max_submit: int | None = None
    max_submit_per_account: int | None = None
    group_jobs: int | None = None
    group_submit: int | None = None


NO_LIMITS = AccountingLimits()


@dataclass(frozen=True, slots=True)
class Qos:
    """A quality of service, from ``sacctmgr show qos``. ``flags`` as printed: ``OverPartQOS``, ``PartitionTimeLimit``, …

    ``usage_factor`` is None where it cannot be read. ``preempts`` are the QOS whose jobs make room for its own; ``preempt_mode`` is what
    becomes of its own that do, empty where the cluster's PreemptMode holds; ``exempt_seconds`` is how long they run before they may have
    to, None where the cluster's PreemptExemptTime holds, and ``grace_seconds`` how long they may take for it.
    """

    name: str
    flags: frozenset[str] = frozenset()
    limits: AccountingLimits = NO_LIMITS
    usage_factor: float | None = 1.0
    preempts: frozenset[str] = frozenset()
    preempt_mode: str = ""
    exempt_seconds: int | None = None
    grace_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """The amounts that jobs hold and have used, from ``scontrol show assoc_mgr``; TRES of which there is nothing are left out.

    ``jobs`` run, ``submitted`` run or wait; ``tres`` is held by those that run; ``minutes`` is what was used of a budget (GrpTRESMins),
    ``run_minutes`` what the running jobs may still use until their time limits.
    """

    jobs: int = 0
    submitted: int = 0
    tres: Tres = ()
    minutes: Tres = ()
    run_minutes: Tres = ()


@dataclass(frozen=True, slots=True)
class Holdings:
    """The uses of all associations and QOS at one moment.

    ``associations`` by (account, user, partition), user and partition empty where the association names none; it has every association
    that slurmctld knows. ``qos`` by name; ``qos_users`` by (QOS, numeric user id); ``qos_accounts`` by (QOS, account). ``parents`` has the
    account above each account that has one.
    """

    associations: Mapping[tuple[str, str, str], Use] = field(default_factory=dict)
    qos: Mapping[str, Use] = field(default_factory=dict)
    qos_users: Mapping[tuple[str, int], Use] = field(default_factory=dict)
    qos_accounts: Mapping[tuple[str, str], Use] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Association:
    """One row of ``sacctmgr show assoc``: the right of ``user`` to charge ``account``.

    ``user`` is empty for the account's own row, ``partition`` where the association holds for any partition.
    ``parent`` is the parent account, on the account's own row only. Of the ``limits``, those for one job or one user (Max…) are inherited
    from the account and its parents where the row itself has none, as sacctmgr prints them; Grp… are the row's own.
    """

    account: str
    user: str = ""
    partition: str = ""
    qos: tuple[str, ...] = ()
    default_qos: str = ""
    parent: str = ""
    cluster: str = ""
    limits: AccountingLimits = NO_LIMITS


@dataclass(frozen=True, slots=True)
class UserDefaults:
    """One row of ``sacctmgr show user``: the account that a job without ``--account`` is charged to, and what the user may do.

    ``admin_level`` as printed: ``None``, ``Operator``, ``Administrator``.
    """

    user: str
    default_account: str = ""
    admin_level: str = "None"

    @property
    def is_operator(self) -> bool:
        """Whether Slurm shows this user other people's jobs whatever PrivateData hides (sacctmgr(1), AdminLevel)."""
        return self.admin_level in ("Operator", "Administrator")


UNREAD = "UNREAD"
"""No word of Slurm's: the state of a job that it has listed in a row that cannot be read."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job, from the bulk ``squeue``.

    ``state`` is Slurm's long word in upper case (``PENDING``, ``RUNNING``, …). ``batch_host`` is a NodeName, empty until the job
    has started. ``start``, ``end`` and ``submit`` are seconds since the epoch, ``None`` where Slurm prints N/A. ``exit_code`` is
    the raw wait status.
    ``comment`` is filled only where the jobs of one user are looked up by their tag: it is the user's own text.
    ``cores`` are those of all its nodes together, what Slurm has given once it runs. ``nodes`` are the ones it has, ``planned_nodes``
    those that backfill has chosen for a job that waits, at ``start``. ``tres`` is what Slurm has given it, what it asks for while it waits,
    as printed (``cpu=4,mem=32G,node=1,billing=28,gres/gpu=1``): of most jobs nobody reads it.
    ``priority`` is Slurm's own number for the order of those that wait, the largest first; 0 is on hold, or not known.
    ``tasks`` is how many tasks of an array wait in this one row, and may run at once; 1 for any other job, 0 for what stands in line as a
    part of another row. ``qos`` is the QOS that it runs under.
    Of a job in the state :data:`UNREAD` nothing but its id is known, and where that is 0, not even that.
    """

    job_id: int
    user: str
    state: str
    reason: str = ""
    batch_host: str = ""
    partition: str = ""
    submit: int | None = None
    start: int | None = None
    end: int | None = None
    exit_code: int | None = None
    comment: str = ""
    cores: int = 0
    nodes: tuple[str, ...] = ()
    planned_nodes: tuple[str, ...] = ()
    tres: str = ""
    priority: int = 0
    tasks: int = 1
    qos: str = ""


@dataclass(frozen=True, slots=True)
class SlurmConfig:
    """What ``scontrol show config`` says and this product reads; ``values`` holds every key as printed.

    ``version`` is the controller's, as a tuple of integers, empty where it could not be read.
    """

    version: tuple[int, ...] = ()
    cluster_name: str = ""
    values: tuple[tuple[str, str], ...] = ()

    def get(self, key: str, default: str = "") -> str:
        """Return the value of ``key`` as Slurm prints it, or ``default``."""
        for name, value in self.values:
            if name == key:
                return value
        return default
