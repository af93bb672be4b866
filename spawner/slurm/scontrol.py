"""What ``scontrol show`` prints, turned into the model. Pure; an answer that cannot be read raises ``SlurmOutputError``.

Of a node with a value that cannot be read only name and address are known: it is used for nothing, and nobody's session is lost with it.
A partition's limit that cannot be read is not judged by us, and a partition or reservation without its nodes or times is left out.

Free text (Reason, Comment, Extra) may hold anything, ``Key=`` too. It cannot forge a value: scontrol prints such texts after all that is
read here (src/api/node_info.c, reservation_info.c), a node's keys end there, and the first of two equal keys counts. A newline in a
node's Comment could make up a whole node, but only for who may administer Slurm anyway, and not one of a name that exists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

from .model import Node, Partition, Reservation, SlurmConfig, Tres
from .names import in_accounting
from .reading import Reading
from .tres import tres_of
from .values import NULL, dotted, gres, hosts, limit, minutes, moment, names_of, number, unreadable


def _lines(text: str, start: re.Pattern[str], nothing: str, reading: Reading) -> Iterator[str]:
    """The lines that start a record of ``scontrol --oneliner``; any other continues the free text of the one before it."""
    found = False
    lines = reading.lines(text, "scontrol")
    for line in lines:
        if start.match(line):
            found = True
            yield line
    # A site's script around scontrol may print a notice before it and after it.
    if not found and nothing not in map(str.strip, lines):
        unreadable("no record in scontrol's answer", text)


_NODE_START = re.compile(r"NodeName=[^\s=]+ (?:\w+=\S* )*CoresPerSocket=[0-9]", re.ASCII)
_PARTITION_START = re.compile(r"PartitionName=\S.*? [A-Z][A-Za-z]*=")
_RESERVATION_START = re.compile(r"ReservationName=\S.*? StartTime=")
"""Names of both may hold blanks and signs."""
_KEY = re.compile(r"(?:^| +)([A-Z][A-Za-z]*)=")


def _fields(line: str) -> dict[str, str]:
    """``Key=value`` pairs of a record whose values may hold blanks (a Unix group's name does); the first of equal keys counts."""
    parts = _KEY.split(line)
    fields: dict[str, str] = {}
    for key, value in zip(parts[1::2], parts[2::2], strict=True):
        fields.setdefault(key, value.strip(" "))
    return fields


def _once(names: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            unreadable(f"two records of one {what}", name)
        seen.add(name)


# --- nodes ---

_SUFFIXES = {
    "*": "not_responding",
    "~": "powered_down",
    "#": "powering_up",
    "!": "power_down",
    "%": "powering_down",
    "$": "maintenance",
    "@": "reboot_requested",
    "^": "reboot_issued",
    "-": "planned",
}
"""sinfo(1), NODE STATE CODES. 21.08 appends them in scontrol too."""

_BASES = {"alloc": "allocated", "mix": "mixed", "futr": "future", "unk": "unknown", "err": "error"}
_BASE_NAMES = frozenset({"idle", "mixed", "allocated", "down", "error", "future", "unknown"})

_FLAGS = {
    "maint": "maintenance",
    "resv": "reserved",
    "plnd": "planned",
    "drained": "drain",
    "draining": "drain",
    "drng": "drain",
    "failing": "fail",
    "failg": "fail",
    "no_respond": "not_responding",
    "inval": "invalid_reg",
    "comp": "completing",
    "reboot": "reboot_issued",
    "boot": "reboot_issued",
    "": "completing",
}
"""Short and combined words for what scontrol spells out since 22.05. An empty one is the ``+`` that ends ``ALLOCATED+``."""

_COMBINED = {"drained": "idle", "draining": "allocated", "drng": "allocated", "failing": "allocated", "failg": "allocated"}


@lru_cache(maxsize=1024)
def _node_state(text: str) -> tuple[str, frozenset[str]]:
    """Base and flags of ``IDLE+DRAIN``, ``DOWN*+CLOUD``, ``MIXED+MAINTENANCE+RESERVED``, ``DRAINED*``."""
    base, flags = "", set()
    for index, raw in enumerate(text.split("+")):
        word = raw.lower()
        while word and word[-1] in _SUFFIXES:
            flags.add(_SUFFIXES[word[-1]])
            word = word[:-1]
        if index == 0:
            base = _BASES.get(word, word)
            if base in _BASE_NAMES:
                continue
            base = _COMBINED.get(word, "idle" if _FLAGS.get(word, word) in _SINGLE_WORDS else "unknown")
        flags.add(_FLAGS.get(word, word))
    return base, frozenset(flags)


_SINGLE_WORDS = frozenset(
    {"maintenance", "reserved", "planned", "drain", "fail", "invalid_reg", "completing", "reboot_issued", "blocked"}
    | {"powered_down", "powering_down", "power_down", "powering_up"}
)
"""Words that older versions print alone for a node on which nothing runs."""

_FREE_TEXT = re.compile(r" (?:Reason|Comment|Extra)=")
_STAMPED_REASON = re.compile(r" Reason=(.*?) \[[^\[\]\s]+@[^\[\]\s]+\]")
_PLAIN_REASON = re.compile(r" Reason=(.*?)(?= +(?:Comment|Extra|InstanceId|InstanceType|ReservationName)=|$)")


def parse_nodes(text: str, reading: Reading | None = None) -> tuple[Node, ...]:
    """Read the nodes of ``scontrol -d -o show node``.

    Reason, Comment and Extra come after all that is read (src/api/node_info.c), so the keys end there. The stamp ``[who@when]`` is taken
    off Reason, for it names a person. The operating system's own words, between ``OS=`` and ``RealMemory=``, are skipped.

    Raises
    ------
    SlurmOutputError
        There is no node, none can be read, one is listed twice, or the answer was cut short.
    """
    reading = reading or Reading()
    lines = _lines(text, _NODE_START, "No nodes in the system", reading)
    nodes = tuple(reading.each(lines, lambda line: _read_node(line, reading), _unread_node))
    _once((node.name for node in nodes), "node")
    return nodes


def _read_node(line: str, reading: Reading) -> Node:
    fields, free_text = _keys_of_node(line)
    try:
        return _node(fields, free_text, reading)
    except KeyError as missing:
        unreadable(f"a node without {missing}", line)


def _unread_node(line: str) -> Node:
    fields, _free_text = _keys_of_node(line)
    name = fields["NodeName"]
    return Node(name, fields.get("NodeAddr", name), "unknown")


def _keys_of_node(line: str) -> tuple[dict[str, str], str]:
    """The keys of a node, without its operating system's words, and its free text."""
    os_at = line.find(" OS=")
    memory_at = line.find(" RealMemory=", os_at) if os_at >= 0 else -1
    if memory_at >= 0:
        line = line[:os_at] + line[memory_at:]
    free_text = _FREE_TEXT.search(line)
    keys = line[: free_text.start()] if free_text else line
    fields: dict[str, str] = {}
    for token in reversed(keys.split(" ")):
        key, _, value = token.partition("=")
        fields[key] = value
    return fields, line[free_text.start() :] if free_text else ""


def _node(fields: Mapping[str, str], free_text: str, reading: Reading) -> Node:
    name = fields["NodeName"]
    state, flags = _node_state(fields["State"])
    total = number(fields["CPUTot"], "CPUTot")
    effective = number(fields.get("CPUEfctv", "0"), "CPUEfctv")
    reason = _STAMPED_REASON.match(free_text) or _PLAIN_REASON.match(free_text)
    return Node(
        name=name,
        address=fields.get("NodeAddr", name),
        state=state,
        flags=flags,
        cores_total=total,
        cores_allocated=number(fields["CPUAlloc"], "CPUAlloc"),
        cores_system=total - effective if 0 < effective < total else 0,
        memory_mb=number(fields["RealMemory"], "RealMemory"),
        memory_mb_allocated=number(fields["AllocMem"], "AllocMem"),
        memory_mb_system=number(fields.get("MemSpecLimit", "0"), "MemSpecLimit"),
        threads_per_core=number(fields.get("ThreadsPerCore", "1"), "ThreadsPerCore"),
        sockets=number(fields.get("Sockets", "0"), "Sockets"),
        cores_per_socket=number(fields.get("CoresPerSocket", "0"), "CoresPerSocket"),
        gres=reading.needed(gres, fields.get("Gres", ""), "Gres of " + name),
        gres_used=reading.needed(gres, fields.get("GresUsed", ""), "GresUsed of " + name),
        partitions=names_of(fields.get("Partitions", "")),
        features=names_of(fields.get("ActiveFeatures", "")),
        features_available=names_of(fields.get("AvailableFeatures", "")),
        not_judged="RestrictedCoresPerGPU" if fields.get("RestrictedCoresPerGPU") else "",
        arch=fields.get("Arch", ""),
        reason=reason[1].strip(" ") if reason else "",
        owner="" if fields.get("Owner", "") in NULL else fields["Owner"].partition("(")[0],
        mcs_label="" if fields.get("MCS_label", "") in NULL else fields["MCS_label"],
    )


# --- partitions and reservations ---


def parse_partitions(text: str, reading: Reading | None = None) -> tuple[Partition, ...]:
    """Read the partitions of ``scontrol -a -o show partition`` (scontrol(1), PARTITIONS; slurm.conf(5) for the meaning).

    Raises
    ------
    SlurmOutputError
        There is no partition, none can be read, one is listed twice, or the answer was cut short.
    """
    reading = reading or Reading()
    lines = _lines(text, _PARTITION_START, "No partitions in the system", reading)
    partitions = tuple(reading.each(lines, lambda line: _partition(_fields(line), reading)))
    _once((partition.name for partition in partitions), "partition")
    return partitions


def _partition(fields: Mapping[str, str], reading: Reading) -> Partition:
    def value(key: str) -> str:
        return fields.get(key, "")

    def read(reader: Callable[[str, str], int | None], key: str, default: str = "") -> int | None:
        return reading.value(reader, value(key) or default, f"{key} of {name}", None)

    def allowed(key: str) -> tuple[str, ...] | None:
        return None if value(key) == "ALL" else names_of(value(key)) or None

    def in_slurmdbd(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if names is None else tuple(map(in_accounting, names))

    name = fields["PartitionName"]
    if "MaxTime" not in fields:
        unreadable("a partition without MaxTime", str(dict(fields)))
    sharing, _, jobs = value("OverSubscribe").partition(":")
    # From 26.05 on (slurm.conf(5), Exclusive: "This replaces the deprecated options OverSubscribe=EXCLUSIVE, ExclusiveUser, and
    # ExclusiveTopo"), with OverSubscribe=NO beside it. One job a segment of the topology has whole nodes as well.
    exclusive = value("Exclusive")
    if exclusive in ("NODE", "TOPO") or value("ExclusiveTopo") == "YES":
        sharing = "EXCLUSIVE"
    # slurm.conf(5), OverSubscribe: four jobs a core where FORCE or YES gives no number.
    shared_by = reading.value(number, jobs or "4", "OverSubscribe of " + name, 1) if sharing in ("FORCE", "YES") else 1
    return Partition(
        name=name,
        state=value("State") or "UNKNOWN",
        is_default=value("Default") == "YES",
        nodes=reading.needed(hosts, value("Nodes"), "Nodes of " + name),
        total_nodes=read(number, "TotalNodes", "0") or 0,
        max_minutes=read(minutes, "MaxTime", "NONE"),
        default_minutes=read(minutes, "DefaultTime", "NONE"),
        allow_accounts=in_slurmdbd(allowed("AllowAccounts")),
        deny_accounts=in_slurmdbd(names_of(value("DenyAccounts")) or None),
        allow_groups=allowed("AllowGroups"),
        allow_qos=in_slurmdbd(allowed("AllowQos")),
        deny_qos=in_slurmdbd(names_of(value("DenyQos")) or None),
        qos="" if value("QoS") in NULL else in_accounting(value("QoS")),
        max_cores_per_node=read(limit, "MaxCPUsPerNode"),
        max_cores_per_socket=read(limit, "MaxCPUsPerSocket"),
        max_memory_mb_per_node=read(limit, "MaxMemPerNode"),
        max_memory_mb_per_cpu=read(limit, "MaxMemPerCPU"),
        default_memory_mb_per_node=read(limit, "DefMemPerNode"),
        default_memory_mb_per_cpu=read(limit, "DefMemPerCPU"),
        default_memory_mb_per_gpu=reading.value(_of_job_defaults, value("JobDefaults"), "JobDefaults of " + name, None),
        min_nodes=read(number, "MinNodes", "0") or 0,
        max_nodes=read(limit, "MaxNodes"),
        oversubscribe=sharing or "NO",
        oversubscribe_count=shared_by,
        hidden=value("Hidden") == "YES",
        root_only=value("RootOnly") == "YES",
        reservation_required=value("ReqResv") == "YES",
        billing_weights=_weights(value("TRESBillingWeights")),
        tres=reading.value(_tres, value("TRES"), "TRES of " + name, ()) or (),
        priority_tier=read(number, "PriorityTier", "1") or 0,
        preempt_mode=value("PreemptMode"),
        grace_seconds=read(number, "GraceTime", "0") or 0,
        not_judged="ExclusiveTopo" if value("ExclusiveTopo") == "YES" or exclusive == "TOPO" else "",
        exclusive_user=value("ExclusiveUser") == "YES" or exclusive == "USER",
        alloc_nodes=None
        if value("AllocNodes") in ("ALL", *NULL)
        else reading.value(hosts, value("AllocNodes"), "AllocNodes of " + name, None),
        select_parameters="" if value("SelectTypeParameters") in (*NULL, "NONE") else value("SelectTypeParameters"),
    )


def _tres(text: str, what: str) -> Tres:
    return tres_of(text, what, rounded=True)


def _of_job_defaults(text: str, what: str) -> int | None:
    """DefMemPerGPU of ``DefCpuPerGPU=4,DefMemPerGPU=1000`` (slurm.conf(5), JobDefaults)."""
    found = dict(entry.partition("=")[::2] for entry in names_of(text)).get("DefMemPerGPU")
    return None if found is None else number(found, what)


def _weights(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (entry.partition("=") for entry in names_of(text))
    return tuple((tres.strip(" ").lower(), weight) for tres, _, weight in pairs if weight)


def parse_reservations(text: str, reading: Reading | None = None) -> tuple[Reservation, ...]:
    """Read the reservations of ``scontrol -a -o show reservation``; none for "No reservations in the system".

    Raises
    ------
    SlurmOutputError
        None can be read (times that are not in seconds: SLURM_TIME_FORMAT was not set), one is listed twice, or the answer was cut short.
    """
    reading = reading or Reading()
    lines = _lines(text, _RESERVATION_START, "No reservations in the system", reading)
    reservations = tuple(reading.each(lines, lambda line: _reservation(_fields(line), reading)))
    _once((reservation.name for reservation in reservations), "reservation")
    return reservations


def _reservation(fields: Mapping[str, str], reading: Reading) -> Reservation:
    def value(key: str) -> str:
        return fields.get(key, "")

    name = fields["ReservationName"]
    if "EndTime" not in fields:
        unreadable("a reservation without an end", str(dict(fields)))
    return Reservation(
        name=name,
        start=moment(value("StartTime"), "StartTime") or 0,
        end=moment(value("EndTime"), "EndTime") or 0,
        nodes=reading.needed(hosts, value("Nodes"), "Nodes of " + name),
        node_count=reading.value(number, value("NodeCnt") or "0", "NodeCnt of " + name, 0),
        core_count=reading.value(limit, value("CoreCnt"), "CoreCnt of " + name, None),
        users=names_of(value("Users")),
        groups=names_of(value("Groups")),
        accounts=tuple(map(in_accounting, names_of(value("Accounts")))),
        qos=tuple(map(in_accounting, names_of(value("QOS")))),
        allowed_partitions=names_of(value("AllowedPartitions")),
        # With AllowedPartitions it is the first of these, be they allowed or barred (measured on 26.05.5).
        partition="" if value("PartitionName") in NULL or names_of(value("AllowedPartitions")) else value("PartitionName"),
        flags=frozenset(names_of(value("Flags"))),
        state=value("State"),
    )


# --- configuration ---

_CONFIG_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_/()-]*) +=(?: (.*))?", re.ASCII)
_DOTTED = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4})+", re.ASCII)


def config_values(lines: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return what lines such as ``Key   = value`` say; any other is left out."""
    matches = (_CONFIG_LINE.fullmatch(line.rstrip()) for line in lines)
    return tuple((match[1], match[2] or "") for match in matches if match)


def parse_config(text: str, reading: Reading | None = None) -> SlurmConfig:
    """Read ``scontrol show config``; the version is SLURM_VERSION, which is the controller's.

    Raises
    ------
    SlurmOutputError
        There is no ClusterName and no SLURM_VERSION, or the answer was cut short.
    """
    lines = (reading or Reading()).lines(text, "scontrol show config")
    config = SlurmConfig(values=config_values(lines))
    cluster, version = config.get("ClusterName"), _DOTTED.match(config.get("SLURM_VERSION"))
    if not cluster and not version:
        unreadable("neither ClusterName nor SLURM_VERSION in scontrol's answer", text)
    return SlurmConfig(dotted(version[0]) if version else (), cluster, config.values)
