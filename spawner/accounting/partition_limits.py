"""What one job may ask of a partition: its nodes' shapes, less the partition's limits (slurm.conf(5)) and those of accounting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..availability.allocation import allows_whole, cores_for_one_job, cores_to_ask, cpus_given_together, odd_threads, unit_of
from ..availability.demand import AS_ASKED, Demand, MemoryRule, NodeSize, in_whole_cores
from ..availability.node_state import gpus_of
from ..slurm.model import Node, Partition
from ..slurm.resources import CORES, GPUS, MEMORY, MINUTES
from ..slurm.shared_gres import has_parts, part_kinds
from .budgets import Budget
from .limits import Limit, amounts_of, typed


@dataclass(frozen=True, slots=True)
class NodeKind(NodeSize):
    """Nodes of one shape: the largest single-node job that each can hold. ``gpus`` maps types to counts.

    ``parts`` are the kinds of parts of GPUs: Slurm's name, the type of the card, and how many of them make one card. ``architecture`` is
    that of uname(1), empty while no node has told it.
    """

    gpus: tuple[tuple[str, int], ...]
    parts: tuple[tuple[str, str, int], ...] = ()
    architecture: str = ""

    def gpus_total(self, gpu_type: str) -> int:
        """Return the number of GPUs of this type; of all types together for the empty type: Slurm mixes them for a job that names none."""
        return sum(count for name, count in self.gpus if gpu_type in ("", name))

    @property
    def gpu_types(self) -> tuple[str, ...]:
        """The types of its GPUs."""
        return tuple(name for name, _count in self.gpus)

    def part_total(self, gres: str, gpu_type: str) -> int:
        """Return how many parts a card of this type, or of any for the empty one, makes at most; 0 where none is given out in parts."""
        return max((per_card for name, kind, per_card in self.parts if name == gres and gpu_type in ("", kind)), default=0)

    def may_be_asked_for(self, demand: Demand) -> bool:
        """Tell whether all of it may be asked of a node together.

        Threads count one by one: where Slurm gives out single threads (CR_CPU), whole cores would refuse a job that can run.
        """
        return self.could_hold(demand, single_threads=True)


@dataclass(frozen=True, slots=True)
class JobRules:
    """What accounting says of the jobs of one account in one partition.

    ``qos`` is the one that they run under, empty where there is none. ``needs_reservation``: the QOS has RequiresReservation.
    ``beyond_partition_time``: it has PartitionTimeLimit, so that the partition's MaxTime does not count (sacctmgr(1)). ``usage_factor`` is
    what it charges for a unit, None where Slurm's word cannot be read; ``budgets`` are what its jobs are charged to. ``asked_qos`` is what
    a job has to ask for by name, because the partition does not take the one that it would have by itself; empty for nothing.
    """

    qos: str = ""
    limits: tuple[Limit, ...] = ()
    needs_reservation: bool = False
    beyond_partition_time: bool = False
    usage_factor: float | None = 1.0
    budgets: tuple[Budget, ...] = ()
    asked_qos: str = ""


NO_RULES = JobRules()


@dataclass(frozen=True, slots=True)
class PartitionLimits:
    """What one job may ask of a partition.

    ``accounts`` are those of the user's that may run there; ``refused`` says of others why not. ``max_cores``, ``max_memory_mb`` are
    those of the largest node, less the limits; ``gpus`` is the largest count per type; ``max_minutes`` is None where nothing bounds the
    time, ``partition_minutes`` the partition's own MaxTime. ``users_per_core`` is how many jobs may share a core (OverSubscribe), 1 where
    cores are not shared. ``exclusive``: a job gets, and is counted, all cores and GPUs of its node. ``most_nodes`` is MaxNodes, None for
    any number. ``memory_mb_per_core`` is MaxMemPerCPU: who asks for more memory gets more cores. ``inside`` has the shapes of the nodes
    within each reservation that keeps a job on its own nodes.

    In an entitlement the numbers are the widest that any of the accounts has; :meth:`narrowed` has those of one account and one
    reservation. ``binding`` has, by resource, the limit of accounting that made a number smaller than the nodes' own, ``least`` what a job
    must have of a resource at least.
    """

    name: str
    is_default: bool
    accounts: tuple[str, ...]
    max_cores: int
    max_memory_mb: int
    gpus: tuple[tuple[str, int], ...]
    max_minutes: int | None
    default_minutes: int | None
    users_per_core: int
    reservation_required: bool
    kinds: tuple[NodeKind, ...]
    partition_minutes: int | None = None
    exclusive: bool = False
    most_nodes: int | None = None
    memory_mb_per_core: int | None = None
    rules: Mapping[str, JobRules] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    inside: Mapping[str, tuple[NodeKind, ...]] = field(default_factory=dict)
    binding: Mapping[str, Limit] = field(default_factory=dict)
    least: Mapping[str, Limit] = field(default_factory=dict)

    @property
    def architectures(self) -> frozenset[str] | None:
        """The architectures of its nodes, as uname(1) names them; None while that of some is not known."""
        there = frozenset(kind.architecture for kind in self.kinds)
        return there if there and "" not in there else None

    def gpus_of(self, gpu_type: str) -> int:
        """Return the most GPUs of this type on one node; of all its types together for the empty type."""
        if not gpu_type:
            most = max((kind.gpus_total("") for kind in self.kinds), default=0)
        else:
            most = dict(self.gpus).get(gpu_type, 0)
        limits = (self.binding.get(key) for key in (GPUS, typed(GPUS, gpu_type)))
        return min([most, *(limit.most for limit in limits if limit is not None)])

    @property
    def asks_for_memory(self) -> bool:
        """Whether jobs here say how much memory they need."""
        return any(kind.memory_rule.is_asked_for for kind in self.kinds)

    @property
    def parts(self) -> tuple[tuple[str, str, int], ...]:
        """The kinds of parts of GPUs that one job may have; none where it gets the whole node, for it would wait for ever (measured)."""
        return () if self.exclusive else tuple(sorted({part for kind in self.kinds for part in kind.parts}))

    def card_in_parts(self, gres: str, gpu_type: str) -> int:
        """Return how many parts make one card, at most; 0 where none is given out in parts."""
        return 0 if self.exclusive else max((kind.part_total(gres, gpu_type) for kind in self.kinds), default=0)

    def has_part(self, gres: str, gpu_type: str, count: int) -> bool:
        """Tell whether some card can be asked for so large a part of it, which is less than all of it."""
        return 0 < count < self.card_in_parts(gres, gpu_type)

    def fits_one_node(self, demand: Demand) -> bool:
        """Tell whether some node, empty, could hold all of it together."""
        return any(kind.may_be_asked_for(demand) for kind in self.kinds)

    def at_least(self, resource: str) -> int:
        """Return the least of the resource that a job here must have, 0 where nothing is said."""
        return self.least[resource].most if resource in self.least else 0

    def least_gpus_missing(self, gpu_type: str, gpus: int) -> Limit | None:
        """Return the limit that asks for more GPUs than so many of this type (empty: of any); None where they are enough.

        Jobs that name no type have none of a type that a limit asks for.
        """
        of_type = typed(GPUS, gpu_type)
        for resource, limit in self.least.items():
            if resource.partition(":")[0] == GPUS and (gpus if resource in (GPUS, of_type) else 0) < limit.most:
                return limit
        return None

    def rules_for(self, account: str) -> JobRules:
        """Return what accounting says of the account's jobs here."""
        return self.rules.get(account, NO_RULES)

    def narrowed(self, account: str, reservation: str = "") -> PartitionLimits:
        """Return the same for the jobs of one account in one reservation (empty: in none)."""
        kinds = self.inside.get(reservation, self.kinds) if reservation else self.kinds
        return _narrowed(self, kinds, self.rules_for(account))

    def takes_too_much(self, node: NodeSize, demand: Demand, account: str) -> bool:
        """Tell whether all of the node, which an exclusive partition gives to the job, is more than the account may have now."""
        if not self.exclusive:
            return False
        whole = whole_amounts(node, demand)
        return any(not limit.least and (limit.forbids(whole) or limit.delays(whole)) for limit in self.rules_for(account).limits)

    def amounts(self, demand: Demand) -> dict[str, int]:
        """Return such a job, by resource, as Slurm counts it against its limits. Measured on 22.05.8.

        Whole cores where these have threads; all of the node where it is exclusive; as many cores as MaxMemPerCPU makes of the memory
        (:meth:`.MemoryRule.cores_given`).
        """
        fitting = [kind for kind in self.kinds if kind.may_be_asked_for(demand)] or self.kinds
        cores = fitting[0].memory_rule.cores_given(demand) if fitting else demand.cores
        demand = replace(demand, memory_mb=min((kind.memory_taken(demand) for kind in fitting), default=demand.memory_mb))
        if self.exclusive and fitting:
            kind = min(fitting, key=lambda entry: (entry.cores_total, entry.gpus_total("")))
            return whole_amounts(kind, demand)
        together = min((kind.cores_together for kind in fitting), default=1)
        return amounts_of(replace(demand, cores=in_whole_cores(cores, together)))


def whole_amounts(node: NodeSize, demand: Demand) -> dict[str, int]:
    """Return what a job that gets the whole node has, by resource, as Slurm counts it: all cores and GPUs, the memory as asked for."""
    amounts = amounts_of(replace(demand, cores=max(demand.cores, node.cores_total)))
    gpus = {GPUS: max(demand.gpus, node.gpus_total("")) * demand.nodes}
    for gpu_type in node.gpu_types:
        name = typed(GPUS, gpu_type)
        gpus[name] = (gpus.get(name, 0) if gpu_type else 0) + node.gpus_total(gpu_type) * demand.nodes
    return {**amounts, **gpus}


def kinds_of(
    partition: Partition, names: Iterable[str], nodes: Mapping[str, Node], memory_rule: MemoryRule = AS_ASKED
) -> tuple[NodeKind, ...]:
    """Return the shapes of these nodes, as far as one job may have them; nodes out of service count, for they come back."""
    unit = unit_of(partition.select_parameters)
    kinds: dict[NodeKind, None] = {}
    known: dict[tuple[object, ...], None] = {}
    with_parts: dict[int, bool] = {}
    in_parts: dict[tuple[int, int], tuple[tuple[str, str, int], ...]] = {}
    for name in names:
        node = nodes.get(name)
        if node is None:
            continue
        # The grammar gives equal GRES the same object; to compare them would take most of the time with thousands of nodes.
        together = cpus_given_together(node, unit)
        size = (node.cores_schedulable, node.memory_mb_schedulable, together, node.sockets, node.arch)
        if id(node.gres) not in with_parts:
            with_parts[id(node.gres)] = has_parts(node.gres)
        parts: tuple[tuple[str, str, int], ...] = ()
        if with_parts[id(node.gres)]:
            # GresUsed has how many parts each card makes, which need not be the same on nodes with equal totals.
            gres = (id(node.gres), id(node.gres_used))
            if gres not in in_parts:
                in_parts[gres] = tuple((kind.gres, kind.type, kind.per_card) for kind in part_kinds(node))
            parts = in_parts[gres]
        key = (*size, id(node.gres), parts)
        if key in known:
            continue
        known[key] = None
        if not allows_whole(node, partition):
            continue
        cores, memory_mb = cores_for_one_job(node, partition), node.memory_mb_schedulable
        if partition.max_memory_mb_per_node is not None:
            memory_mb = min(memory_mb, partition.max_memory_mb_per_node)
        if partition.max_memory_mb_per_cpu is not None:
            memory_mb = min(memory_mb, partition.max_memory_mb_per_cpu * cores)
        if cores and memory_mb:
            gpus = tuple((gpus.type, gpus.total) for gpus in gpus_of(node) if gpus.total)
            most, odd = cores_to_ask(node, partition), odd_threads(node, partition)
            kind = NodeKind(cores, memory_mb, together, gpus, parts, node.arch, memory_rule=memory_rule, cores_to_ask=most, odd_threads=odd)
            kinds[kind] = None
    return tuple(kinds)


def limits_of(
    partition: Partition, accounts: tuple[str, ...], nodes: Mapping[str, Node], kinds: tuple[NodeKind, ...] | None = None
) -> PartitionLimits:
    """Return what a job on one node may ask of ``partition`` before accounting is looked at; ``kinds`` where they are known already."""
    if kinds is None:
        kinds = kinds_of(partition, partition.nodes, nodes)
    return PartitionLimits(
        name=partition.name,
        is_default=partition.is_default,
        accounts=accounts,
        max_cores=max((kind.most_cores for kind in kinds), default=0),
        max_memory_mb=_most_memory(kinds),
        gpus=_most_gpus(kinds),
        max_minutes=partition.max_minutes,
        partition_minutes=partition.max_minutes,
        default_minutes=partition.default_minutes,
        users_per_core=partition.oversubscribe_count if partition.oversubscribe in ("FORCE", "YES") else 1,
        reservation_required=partition.reservation_required,
        kinds=kinds,
        exclusive=partition.oversubscribe == "EXCLUSIVE",
        most_nodes=partition.max_nodes,
        memory_mb_per_core=partition.max_memory_mb_per_cpu,
    )


NOT_ASKED_FOR_MB = 1024 * 1024
"""The most memory where jobs do not say how much they need: any amount is taken, and none is asked of Slurm."""


def _most_memory(kinds: Iterable[NodeKind]) -> int:
    """The most that may be asked for."""
    return max((kind.memory_mb_total if kind.memory_rule.is_asked_for else NOT_ASKED_FOR_MB for kind in kinds), default=0)


def most_by_type(gpus: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the largest of the counts of each type, types in alphabetical order."""
    most: dict[str, int] = {}
    for gpu_type, count in gpus:
        most[gpu_type] = max(most.get(gpu_type, 0), count)
    return dict(sorted(most.items()))


def _most_gpus(kinds: Iterable[NodeKind]) -> tuple[tuple[str, int], ...]:
    return tuple(most_by_type(entry for kind in kinds for entry in kind.gpus).items())


def _bound(limits: Iterable[Limit], resource: str) -> Limit | None:
    """The tightest of the limits of one resource that do not depend on the time."""
    upper = [limit for limit in limits if limit.resource == resource and limit.measure == "amount" and not limit.least]
    return min(upper, key=lambda limit: limit.most, default=None)


def _narrowed(partition: PartitionLimits, kinds: tuple[NodeKind, ...], rules: JobRules) -> PartitionLimits:
    limits = rules.limits
    if partition.exclusive:
        kinds = tuple(kind for kind in kinds if not _exceeds(kind, limits))
    cores = max((kind.most_cores for kind in kinds), default=0)
    memory_mb = _most_memory(kinds)
    minutes = None if rules.beyond_partition_time else partition.partition_minutes
    binding: dict[str, Limit] = {}
    together = min((kind.cores_together for kind in kinds), default=1)
    bound = _bound(limits, CORES)
    if bound is not None and bound.most // together * together < cores and not partition.exclusive:
        cores, binding[CORES] = bound.most // together * together, bound
    bound = _bound(limits, MEMORY)
    if bound is not None and bound.most < memory_mb and memory_mb != NOT_ASKED_FOR_MB:
        memory_mb, binding[MEMORY] = bound.most, bound
    bound = _bound(limits, MINUTES)
    if bound is not None and (minutes is None or bound.most < minutes):
        minutes, binding[MINUTES] = bound.most, bound
    for resource in dict.fromkeys(limit.resource for limit in limits if limit.resource.startswith(GPUS)):
        bound = _bound(limits, resource)
        if bound is not None and not partition.exclusive:
            binding[resource] = bound
    return replace(
        partition,
        kinds=kinds,
        max_cores=cores,
        max_memory_mb=memory_mb,
        gpus=tuple((name, min(count, binding[GPUS].most) if GPUS in binding else count) for name, count in _most_gpus(kinds)),
        max_minutes=minutes,
        reservation_required=partition.reservation_required or rules.needs_reservation,
        binding=binding,
        least={limit.resource: limit for limit in limits if limit.least},
    )


def _exceeds(kind: NodeKind, limits: Iterable[Limit]) -> bool:
    """Whether a job that is given the whole node is too large."""
    return any(not limit.least and limit.forbids(_whole(kind)) for limit in limits)


def _whole(kind: NodeKind) -> dict[str, int]:
    return amounts_of(Demand(kind.cores_total, 1, gpus=kind.gpus_total("")))


def widest(partition: PartitionLimits) -> PartitionLimits:
    """Return the partition with the widest numbers that any of its accounts has."""
    if not any(rules.limits or rules.needs_reservation or rules.beyond_partition_time for rules in partition.rules.values()):
        return partition
    all_of_them = [partition.narrowed(account) for account in partition.accounts or ("",)]
    times = [each.max_minutes for each in all_of_them]
    gpus = most_by_type((gpu_type, each.gpus_of(gpu_type)) for each in all_of_them for gpu_type, _count in each.gpus)
    return replace(
        partition,
        max_cores=max(each.max_cores for each in all_of_them),
        max_memory_mb=max(each.max_memory_mb for each in all_of_them),
        gpus=tuple((name, count) for name, count in gpus.items() if count),
        max_minutes=None if None in times else max(time for time in times if time is not None),
        reservation_required=all(each.reservation_required for each in all_of_them),
    )
