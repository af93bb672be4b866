"""How the cluster is set up: what is known to go wrong with a setting of slurm.conf or of accounts. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...availability.allocation import counts_memory, in_force
from ...availability.hidden_nodes import may_hide_nodes
from ...i18n import _
from ...slurm.model import Node, Partition
from ...slurm.names import in_accounting
from ...slurm.precautions import of_slurm
from ...slurm.versions import accounts_are_hierarchical, unknown_accounts_are_ignored
from .facts import SlurmFacts
from .findings import SLURM_FILE, Finding, error, listed, note, warning, well

MIN_MEMORY_MB = 1
"""RealMemory where slurm.conf says none (slurm.conf(5))."""
OUT = frozenset({"drain", "not_responding", "fail", "maintenance", "powering_down", "reboot_issued"})
DOWN = frozenset({"down", "error", "unknown"})


def _offered(facts: SlurmFacts) -> list[Partition]:
    return [in_force(entry, facts.configuration) for entry in facts.partitions if entry.name in facts.offered]


def _nodes(facts: SlurmFacts) -> list[Node]:
    offered = set(facts.offered)
    return [node for node in facts.nodes if node.state != "future" and offered.intersection(node.partitions)]


def cloud_nodes(facts: SlurmFacts) -> Iterator[Finding]:
    """Slurm shows nodes that are switched off."""
    if may_hide_nodes(facts.configuration):
        yield warning(
            "cloud-nodes",
            _("Slurm does not show nodes while they are switched off (PrivateData without cloud, before 23.02)."),
            _("What they have is guessed, and whether a session can start there is not known."),
            _("Add cloud to PrivateData: it is what shows them."),
            f"PrivateData={','.join(filter(None, (facts.configuration.get('PrivateData').replace('none', ''), 'cloud')))}",
            place=SLURM_FILE,
        )
    else:
        yield well("cloud-nodes", _("Slurm shows all of its nodes."))


def partitions(facts: SlurmFacts) -> Iterator[Finding]:
    """There are partitions to offer, and those that the configuration names are there."""
    there = {entry.name for entry in facts.partitions}
    gone = [(where, name) for where, name in facts.named if name not in there]
    for where, name in gone:
        yield warning(
            "partitions",
            _("{where} names the partition {name}, which Slurm does not have.").format(where=where, name=name),
            _("What names it cannot be had. Slurm tells capitals from small letters here."),
            _("Slurm has: {names}").format(names=listed(sorted(there), 10)),
        )
    if not facts.offered:
        yield error(
            "partitions",
            _("There is no partition in which a session may run."),
            _("Nobody can start one."),
            _("Name partitions that there are; hidden ones are offered only if they are named."),
            f"c.SlurmCluster.partitions = {sorted(there)[:3]}",
        )
    elif not gone:
        yield well("partitions", _("Sessions may run in: {names}").format(names=listed(facts.offered)))


def nodes(facts: SlurmFacts) -> Iterator[Finding]:
    """Some node is in service."""
    there = _nodes(facts)
    serving = [node for node in there if node.state not in DOWN and not node.flags & OUT]
    if there and not serving:
        yield warning(
            "nodes",
            _("None of the {number} nodes is in service.").format(number=len(there)),
            _("Sessions wait until one is: {reason}").format(reason=listed(sorted({node.reason for node in there if node.reason}), 3)),
            _("See why Slurm has taken them out."),
            "sinfo -R",
            place="sh",
        )
    else:
        yield well("nodes", _("{serving} of {number} nodes are in service.").format(serving=len(serving), number=len(there)))


def allow_accounts(facts: SlurmFacts) -> Iterator[Finding]:
    """What AllowAccounts and DenyAccounts say is what they mean in this version of Slurm."""
    records, found = facts.accounting, False
    if records is None or records.hides_users:
        yield well("allow-accounts", _("No partition asks for accounts that could be misread."))
        return
    known = {entry.account for entry in records.associations}
    parents = {entry.parent for entry in records.associations if entry.parent}
    is_hierarchical = accounts_are_hierarchical(facts.configuration.version)
    for partition in _offered(facts):
        for option, names in (("AllowAccounts", partition.allow_accounts), ("DenyAccounts", partition.deny_accounts)):
            listing = {in_accounting(name) for name in names or ()}
            above = sorted(listing & parents)
            if listing and unknown_accounts_are_ignored(facts.configuration.version) and not listing & known:
                found = True
                yield warning(
                    "allow-accounts",
                    _("{option} of {partition} names no account that slurmdbd has: {names}").format(
                        option=option, partition=partition.name, names=listed(sorted(listing))
                    ),
                    _("This version of Slurm leaves such names out, so that it counts as no list: the partition takes every account."),
                    _("Name accounts that there are."),
                )
            elif above and not is_hierarchical:
                found = True
                yield note(
                    "allow-accounts",
                    _("{option} of {partition} names {names}, which have accounts below them.").format(
                        option=option, partition=partition.name, names=listed(above)
                    ),
                    _("In this version the accounts below are not meant; from Slurm 23.02 on they are."),
                    _("Name the accounts below as well, if they are meant, before Slurm is upgraded or in any case."),
                )
    if not found:
        yield well("allow-accounts", _("AllowAccounts and DenyAccounts mean what they say."))


def part_limits(facts: SlurmFacts) -> Iterator[Finding]:
    """What lies beyond a partition's limits is refused, by Slurm or by the form."""
    value = facts.configuration.get("EnforcePartLimits") or "NO"
    unjudged = [entry.name for entry in facts.partitions if entry.name in facts.offered and entry.not_judged]
    if value == "NO" and unjudged:
        yield note(
            "part-limits",
            _("EnforcePartLimits=NO, and {names} have a limit that the form does not judge.").format(names=listed(unjudged)),
            _("Slurm takes a job beyond it, which then waits for ever."),
            _("Have Slurm refuse such jobs."),
            "EnforcePartLimits=ALL",
            place=SLURM_FILE,
        )
    else:
        yield well("part-limits", _("The form judges the partitions’ limits itself (EnforcePartLimits={value}).").format(value=value))


def select_type(facts: SlurmFacts) -> Iterator[Finding]:
    """Jobs are given cores and memory, and not whole nodes."""
    kind = facts.configuration.get("SelectType")
    parameters = facts.configuration.get("SelectTypeParameters")
    uncounted = [entry.name for entry in _offered(facts) if not counts_memory(entry)]
    if kind.endswith("/linear"):
        yield warning(
            "select-type",
            _("SelectType={kind} gives each job whole nodes.").format(kind=kind),
            _("Each session holds a node, and is charged for it, whatever it asks for."),
            _("Let Slurm give out cores and memory, if sessions are to share nodes."),
            "SelectType=select/cons_tres",
            "SelectTypeParameters=CR_Core_Memory",
            place=SLURM_FILE,
        )
    elif uncounted:
        yield note(
            "select-type",
            _("SelectTypeParameters={value}: Slurm does not count memory in {names}.").format(value=parameters, names=listed(uncounted)),
            _("Sessions on a node may need more than it has, and be killed for it."),
            _("Have Slurm count memory."),
            "SelectTypeParameters=CR_Core_Memory",
            place=SLURM_FILE,
        )
    else:
        yield well("select-type", _("Slurm gives out cores and memory ({kind}, {value}).").format(kind=kind, value=parameters))


def memory(facts: SlurmFacts) -> Iterator[Finding]:
    """slurm.conf says how much memory nodes have."""
    unset = [node.name for node in _nodes(facts) if 0 <= node.memory_mb <= MIN_MEMORY_MB and "not_shown" not in node.flags]
    if unset:
        yield warning(
            "memory",
            _("slurm.conf says no RealMemory of {nodes}.").format(nodes=listed(unset)),
            _("To Slurm they have 1 MB: no job there can ask for memory, and the form has none to choose."),
            _("Say what they have, as slurmd finds it."),
            "slurmd -C",
            place="sh",
        )
    else:
        yield well("memory", _("slurm.conf says how much memory nodes have."))


def memory_spec_limit(facts: SlurmFacts) -> Iterator[Finding]:
    """What is kept for the system is kept, and leaves something."""
    kept = [node for node in _nodes(facts) if node.memory_mb_system]
    large = [node.name for node in kept if node.memory_mb > MIN_MEMORY_MB and 2 * node.memory_mb_system > node.memory_mb]
    idle = [node.name for node in kept if not any(counts_memory(entry) for entry in _offered(facts) if entry.name in node.partitions)]
    if large:
        yield warning(
            "memory-spec-limit",
            _("MemSpecLimit keeps more than half of the memory of {nodes} for the system.").format(nodes=listed(large)),
            _("Sessions get what is left; the form offers no more than that."),
            _("MemSpecLimit is in MB: see whether it is meant."),
        )
    elif idle:
        yield warning(
            "memory-spec-limit",
            _("MemSpecLimit of {nodes} keeps nothing: Slurm does not count memory there.").format(nodes=listed(idle)),
            _("Jobs may use what is meant for the system."),
            _("Have Slurm count memory."),
            "SelectTypeParameters=CR_Core_Memory",
            place=SLURM_FILE,
        )
    else:
        yield well("memory-spec-limit", _("What MemSpecLimit keeps for the system leaves the nodes most of their memory."))


def kept_environments(facts: SlurmFacts) -> Iterator[Finding]:
    """slurmdbd keeps no job's variables."""
    words = of_slurm(facts.configuration)
    if words:
        flags = [flag for flag in facts.configuration.get("AccountingStoreFlags").split(",") if flag.strip().lower() != "job_env"]
        yield warning(
            "kept-environments",
            _("Slurm’s AccountingStoreFlags has job_env: slurmdbd keeps the variables of each job."),
            _("The session’s token and what users set is among them, and operators can read it."),
            _("Take job_env out, and clear what is kept already (docs/security.md)."),
            f"AccountingStoreFlags={','.join(flags)}",
            place=SLURM_FILE,
        )
    else:
        yield well("kept-environments", _("slurmdbd keeps no job’s variables."))


def gpu_accounting(facts: SlurmFacts) -> Iterator[Finding]:
    """GPUs are counted by accounting, where there are any."""
    has_gpus = any(entry.name == "gpu" for node in _nodes(facts) for entry in node.gres)
    tres = facts.configuration.get("AccountingStorageTRES").lower()
    if has_gpus and facts.accounting is not None and "gres/gpu" not in tres.split(","):
        yield warning(
            "gpu-accounting",
            _("AccountingStorageTRES does not name gres/gpu, and nodes have GPUs."),
            _("Limits, prices and budgets cannot speak of GPUs."),
            _("Add it; what is there stays."),
            f"AccountingStorageTRES={','.join(filter(None, (tres, 'gres/gpu')))}",
            place=SLURM_FILE,
        )
    else:
        yield well("gpu-accounting", _("Accounting counts GPUs, where there are any."))


def environment_plugins(facts: SlurmFacts) -> str:
    """Return the submit plugins, for the line about the request that was tried."""
    value = facts.configuration.get("JobSubmitPlugins")
    return "" if value in ("", "(null)") else value
