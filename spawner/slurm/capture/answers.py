"""Each of Slurm's answers in other words. What is not known to be harmless is made unreadable. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ..sacctmgr import ASSOCIATION_COLUMNS, QOS_COLUMNS, USER_COLUMNS
from ..squeue import HEADER, JOB_COLUMNS, MARK, SEPARATOR
from . import words
from .disguise import Disguise

Change = Callable[[Disguise, str], str]

FILE_MARK = "0123456789abcdef"
"""Stands in the file where the real question had a secret of the process (:data:`spawner.slurm.squeue.MARK`)."""


def rewritten(name: str, text: str, disguise: Disguise) -> str:
    """Return the answer to the question of this name; a line that has another shape becomes a text."""
    line_of = _ANSWERS[name]
    return "\n".join(line_of(disguise, line) for line in text.split("\n"))


def _text(disguise: Disguise, value: str) -> str:
    return disguise.text(value)


def _nothing(_disguise: Disguise, _value: str) -> str:
    return ""


def _plain(disguise: Disguise, value: str) -> str:
    return disguise.plain(value)


def _name(kind: str) -> Change:
    return lambda disguise, value: disguise.names(value, kind)


def _hosts(disguise: Disguise, value: str) -> str:
    return disguise.hosts(value)


def _each_key(keys: str, change: Change) -> dict[str, Change]:
    return dict.fromkeys(keys.split(), change)


def _moment(disguise: Disguise, value: str) -> str:
    return disguise.moment(value)


def _minute(disguise: Disguise, value: str) -> str:
    return disguise.moment(value, step=60)


def _features(disguise: Disguise, value: str) -> str:
    return ",".join(disguise.word(word, "features") for word in value.split(","))


_GRES_WORD = re.compile(r"[^\W\d](?:[^:(),=\s/])*|[0-9]\w*[^\W\d][^:(),=\s/]*")
_GRES_OWN = frozenset({"IDX", "S", "N", "A", "null", "no_consume", *words.COMMON_RESOURCES})
_COUNT = re.compile(r"[0-9]+[KMGTPkmgtp]?", re.ASCII)


def _gres(disguise: Disguise, value: str) -> str:
    def word(match: re.Match[str]) -> str:
        found = match[0]
        return found if found in _GRES_OWN or _COUNT.fullmatch(found) else disguise.type_of_gres(found)

    return _GRES_WORD.sub(word, value)


_TRES_ENTRY = re.compile(r"([A-Za-z]+)(?:/([^=,:]+))?(?::([^=,]+))?=(.*)", re.ASCII)


def _tres(disguise: Disguise, value: str) -> str:
    return value if value in words.RESERVED else ",".join(_one_tres(disguise, entry) for entry in value.split(","))


def _one_tres(disguise: Disguise, entry: str) -> str:
    match = _TRES_ENTRY.fullmatch(entry if "=" in entry else f"{entry}=")
    if match is None:
        return disguise.text(entry)
    group, name, kind, count = match.groups()
    said = group
    if name:
        keeps = name in words.COMMON_RESOURCES
        said += "/" + (name if keeps else disguise.type_of_gres(name) if group.lower() == "gres" else disguise.name(name, "resource"))
    if kind:
        said += ":" + disguise.type_of_gres(kind)
    return f"{said}={disguise.plain(count)}" if "=" in entry else said


# --- scontrol ---------------------------------------------------------------------------------------------------------------------

_KEY = re.compile(r"((?:^| +)[A-Z][A-Za-z_]*=)")

_NODE: Mapping[str, Change] = {
    **dict.fromkeys(("NodeName", "NodeAddr", "NodeHostName", "BcastAddr"), _hosts),
    **dict.fromkeys(("Owner",), _name("user")),
    **dict.fromkeys(("MCS_label",), _name("group")),
    **dict.fromkeys(("Partitions",), _name("partition")),
    **dict.fromkeys(("ReservationName",), _name("reservation")),
    **dict.fromkeys(("AvailableFeatures", "ActiveFeatures"), _features),
    **dict.fromkeys(("Gres", "GresUsed", "GresDrain"), _gres),
    **dict.fromkeys(("CfgTRES", "AllocTRES"), _tres),
    **dict.fromkeys(("BootTime", "SlurmdStartTime", "LastBusyTime", "ResumeAfterTime"), _moment),
    **_each_key(
        "Arch CoresPerSocket CPUAlloc CPUEfctv CPUTot CPULoad Port Version RealMemory AllocMem FreeMem Sockets Boards State NextState "
        "CoreSpecCount CPUSpecList MemSpecLimit ThreadsPerCore TmpDisk Weight CapWatts CurrentWatts AveWatts "
        "RestrictedCoresPerGPU CpuBind",
        _plain,
    ),
}

_PARTITION: Mapping[str, Change] = {
    **dict.fromkeys(("PartitionName", "Alternate"), _name("partition")),
    **dict.fromkeys(("AllowAccounts", "DenyAccounts"), _name("account")),
    "AllowGroups": _name("group"),
    **dict.fromkeys(("AllowQos", "DenyQos", "QoS"), _name("QOS")),
    **dict.fromkeys(("Nodes", "AllocNodes"), _hosts),
    "NodeSets": _name("node set"),
    **dict.fromkeys(("TRES", "TRESBillingWeights"), _tres),
    **_each_key(
        "Default DefaultTime DisableRootJobs ExclusiveUser ExclusiveTopo GraceTime Hidden MaxNodes MaxTime MinNodes LLN MaxCPUsPerNode "
        "MaxCPUsPerSocket PriorityJobFactor PriorityTier RootOnly ReqResv OverSubscribe OverTimeLimit PreemptMode State TotalCPUs "
        "TotalNodes SelectTypeParameters JobDefaults DefMemPerNode MaxMemPerNode DefMemPerCPU MaxMemPerCPU ResumeTimeout SuspendTimeout "
        "SuspendTime "
        "PowerDownOnIdle CpuBind",
        _plain,
    ),
}

_RESERVATION: Mapping[str, Change] = {
    "ReservationName": _name("reservation"),
    "PartitionName": _name("partition"),
    "Users": _name("user"),
    "Groups": _name("group"),
    "Accounts": _name("account"),
    "QOS": _name("QOS"),
    **dict.fromkeys(("Nodes", "NodeName"), _hosts),
    **dict.fromkeys(("StartTime", "EndTime"), _moment),
    "Features": _features,
    "TRES": _tres,
    **_each_key("Duration NodeCnt CoreCnt CoreIDs Flags State Watts MaxStartDelay", _plain),
}


def _record(first: str, keys: Mapping[str, Change], ends_at: re.Pattern[str] | None = None) -> Change:
    """The line of a record: each known key in its own way, others as texts; from ``ends_at`` on all is text."""

    def change(disguise: Disguise, line: str) -> str:
        if not line.startswith(f"{first}="):
            return disguise.text(line)
        end = ends_at.search(line) if ends_at else None
        known, rest = (line[: end.start()], line[end.start() :]) if end else (line, "")
        parts = _KEY.split(known)
        said = [disguise.text(parts[0])]
        for key, value in zip(parts[1::2], parts[2::2], strict=True):
            bare = value.rstrip(" ")
            said += [key, keys.get(key.strip(" ="), _text)(disguise, bare), value[len(bare) :]]
        return "".join(said) + (disguise.text(rest) if rest else "")

    return change


_FREE_TEXT = re.compile(r" (?:Reason|Comment|Extra)=")

_CONFIG_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_]*)( +=)(?: (.*))?", re.ASCII)
_TRES_SETTINGS = ("AccountingStorageTRES", "PriorityWeightTRES")
CONFIG_KEYS = frozenset(
    _each_key(
        "AccountingStorageEnforce AccountingStoreFlags AccountingStorageType AllowSpecResourcesUsage CompleteWait ClusterName "
        "DefMemPerNode DefMemPerCPU DisableRootJobs EnforcePartLimits GresTypes InactiveLimit JobAcctGatherType JobRequeue "
        "JobSubmitPlugins KillWait "
        "LaunchParameters MCSPlugin MaxArraySize MaxJobCount MaxMemPerCPU MaxMemPerNode MaxNodeCount MaxStepCount MaxTasksPerNode "
        "MessageTimeout MinJobAge OverTimeLimit PreemptExemptTime PreemptMode PreemptParameters PreemptType PriorityCalcPeriod "
        "PriorityDecayHalfLife PriorityFavorSmall PriorityFlags PriorityMaxAge PriorityParameters PriorityType PriorityUsageResetPeriod "
        "PriorityWeightAge PriorityWeightAssoc PriorityWeightFairShare PriorityWeightJobSize PriorityWeightPartition PriorityWeightQOS "
        "PrivateData ProctrackType PrologFlags ReconfigFlags ResumeTimeout ReturnToService SLURM_VERSION SchedulerParameters "
        "SchedulerTimeSlice SchedulerType SelectType SelectTypeParameters SlurmUser SlurmdParameters SuspendTime SuspendTimeout TaskPlugin "
        "TaskPluginParam",
        _plain,
    )
) | frozenset(_TRES_SETTINGS)
"""What the product reads of the configuration, and what says how Slurm schedules: nothing else of it is written."""

_LEFT_OUT = "\0"


def _setting(disguise: Disguise, line: str) -> str:
    if not line or re.fullmatch(r"Configuration data as of [0-9]+", line):
        return f"Configuration data as of {disguise.moment(line.rpartition(chr(32))[2])}" if line else ""
    match = _CONFIG_LINE.fullmatch(line.rstrip())
    if match is None or match[1] not in CONFIG_KEYS:
        return _LEFT_OUT
    key, equals, value = match[1], match[2], match[3] or ""
    if key == "ClusterName":
        value = disguise.name(value, "cluster")
    elif key == "SlurmUser":
        value = disguise.name(value, "user")
    elif key == "JobSubmitPlugins":
        value = ",".join(word if word in words.JOB_SUBMIT_PLUGINS else disguise.name(word, "plugin") for word in value.split(","))
    elif key in _TRES_SETTINGS or key == "GresTypes":
        value = _tres(disguise, value) if key in _TRES_SETTINGS else _gres(disguise, value)
    else:
        value = disguise.plain(value)
    return f"{key}{equals} {value}"


_LIMITS_OF = re.compile(r"((?:^|\} ?| )) ?([^{}=]+?)=\{([^{}]*)\}")


def _holding(disguise: Disguise, line: str) -> str:
    if line.startswith("ClusterName="):
        return _association_held(disguise, line)
    if not line.startswith("QOS="):
        return disguise.text(line)
    head, separator, users = line.partition(" User Limits=")
    head, account_separator, accounts = head.partition(" Account Limits=")
    said = _qos_held(disguise, head)
    if account_separator:
        said += account_separator + _each_limit(disguise, accounts, "account")
    return said + (separator + _each_limit(disguise, users, "user") if separator else "")


def _each_limit(disguise: Disguise, text: str, kind: str) -> str:
    if "{" not in text:
        return text if text in ("No Accounts", "No Users", "") else disguise.text(text)

    def one(match: re.Match[str]) -> str:
        who = match[2].strip()
        said = disguise.number(who, "user id") if kind == "user" and who.isdecimal() else disguise.name(who, kind)
        return f" {said}={{{_held_values(disguise, match[3])}}}"

    return _LIMITS_OF.sub(one, text)


_HELD_KEY = re.compile(r"((?:^| +)[A-Z][A-Za-z/]*=)")
_HELD: Mapping[str, Change] = {
    "ClusterName": _name("cluster"),
    "Account": _name("account"),
    "ParentAccount": _name("account"),
    "UserName": _name("user"),
    "Partition": _name("partition"),
    "QOS": lambda disguise, value: disguise.name(value.partition("(")[0], "QOS") + value[len(value.partition("(")[0]) :],
    "Lineage": _nothing,
    "Comment": _text,
}


def _held_values(disguise: Disguise, text: str) -> str:
    parts = _HELD_KEY.split(text)
    said = [disguise.text(parts[0])]
    for key, value in zip(parts[1::2], parts[2::2], strict=True):
        name = key.strip(" =")
        said += [key, (_HELD.get(name) or (_tres if "TRES" in name else _plain))(disguise, value)]
    return "".join(said)


_association_held = _qos_held = _held_values


# --- sacctmgr and squeue ----------------------------------------------------------------------------------------------------------

_COLUMN: Mapping[str, Change] = {
    "Cluster": _name("cluster"),
    "Account": _name("account"),
    "DefaultAccount": _name("account"),
    "ParentName": _name("account"),
    "User": _name("user"),
    "UserName": _name("user"),
    "Partition": _name("partition"),
    "QOS": _name("QOS"),
    "DefaultQOS": _name("QOS"),
    "Name": _name("QOS"),
    "Preempt": _name("QOS"),
    "BatchHost": _hosts,
    "NodeList": _hosts,
    "SchedNodes": _hosts,
    "SubmitTime": _minute,
    "StartTime": _minute,
    "EndTime": _minute,
    "tres-alloc": _tres,
    "Reason": _text,
}


def _cell(disguise: Disguise, column: str, cell: str) -> str:
    return (_COLUMN.get(column) or (_tres if "TRES" in column else _plain))(disguise, cell)


def _table(columns: tuple[str, ...]) -> Change:
    def change(disguise: Disguise, line: str) -> str:
        cells = line.split("|")
        if len(cells) != len(columns):
            return disguise.text(line)
        return "|".join(_cell(disguise, column, cell) for column, cell in zip(columns, cells, strict=True))

    return change


_JOB_ID = re.compile(r"([0-9]+)([_+][0-9\[\],%-]+)?(?:\.\.\.\])?", re.ASCII)


_HEADINGS = re.compile(rf"[A-Z_:{re.escape(SEPARATOR)}-]+", re.ASCII)


def _job(disguise: Disguise, line: str) -> str:
    written, separator, rest = line.partition(f"{SEPARATOR}{MARK}{SEPARATOR}")
    if separator and written == HEADER and _HEADINGS.fullmatch(rest):
        return SEPARATOR.join((written, FILE_MARK, rest))
    cells = rest.split(SEPARATOR, len(JOB_COLUMNS) - 2)
    job_id = _JOB_ID.fullmatch(written)
    if not separator or job_id is None or len(cells) != len(JOB_COLUMNS) - 1:
        return disguise.text(line)
    row = [_cell(disguise, column, cell) for column, cell in zip(JOB_COLUMNS[1:], cells, strict=True)]
    return SEPARATOR.join((f"{disguise.number(job_id[1], 'job')}{job_id[2] or ''}", FILE_MARK, *row))


_ANSWERS: Mapping[str, Change] = {
    "version": _plain,
    "nodes": _record("NodeName", _NODE, _FREE_TEXT),
    "partitions": _record("PartitionName", _PARTITION),
    "reservations": _record("ReservationName", _RESERVATION),
    "configuration": _setting,
    "associations": _table(ASSOCIATION_COLUMNS),
    "users": _table(USER_COLUMNS),
    "QOS": _table(QOS_COLUMNS),
    "holdings": _holding,
    "jobs": _job,
}


def without_what_is_left_out(text: str) -> tuple[str, int]:
    """Return the text without the lines that do not belong into the file, and how many they were."""
    lines = text.split("\n")
    kept = [line for line in lines if line != _LEFT_OUT]
    return "\n".join(kept), len(lines) - len(kept)
