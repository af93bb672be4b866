"""Accounts, QOS, their limits and what is held of them: the tables of sacctmgr, and ``scontrol show assoc_mgr``. Pure.

sacctmgr's tables have no free text. An answer that cannot be read raises ``SlurmOutputError``. A limit that cannot be read is not judged
by us: Slurm judges it itself when a job is submitted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from ..errors import SlurmOutputError
from .grammar import parse_duration_seconds
from .model import NO_LIMITS, AccountingLimits, Association, Holdings, Qos, SlurmConfig, Tres, Use, UserDefaults
from .reading import Reading, columns_of, table_rows
from .scontrol import config_values
from .tres import tres_of
from .values import limit, minutes, names_of, unreadable

_ASSOCIATION_LIMITS = {
    "MaxTRES": "per_job",
    "MaxTRESPerNode": "per_node",
    "MaxTRESMins": "per_job_minutes",
    "GrpTRES": "group",
    "GrpTRESMins": "group_minutes",
    "GrpTRESRunMins": "group_run_minutes",
    "MaxWall": "max_minutes",
    "MaxJobs": "max_jobs",
    "MaxSubmit": "max_submit",
    "GrpJobs": "group_jobs",
    "GrpSubmit": "group_submit",
}
_QOS_LIMITS = {
    "MaxTRES": "per_job",
    "MaxTRESPerNode": "per_node",
    "MaxTRESMins": "per_job_minutes",
    "MinTRES": "least_per_job",
    "MaxTRESPU": "per_user",
    "MaxTRESPA": "per_account",
    "GrpTRES": "group",
    "GrpTRESMins": "group_minutes",
    "GrpTRESRunMins": "group_run_minutes",
    "MaxWall": "max_minutes",
    "MaxJobsPU": "max_jobs",
    "MaxJobsPA": "max_jobs_per_account",
    "MaxSubmitPU": "max_submit",
    "MaxSubmitPA": "max_submit_per_account",
    "GrpJobs": "group_jobs",
    "GrpSubmit": "group_submit",
}
"""sacctmgr(1)'s columns, the names of 21.08 to 25.11, and where each goes."""

ASSOCIATION_COLUMNS = ("Cluster", "Account", "User", "Partition", "QOS", "DefaultQOS", "ParentName", *_ASSOCIATION_LIMITS)
USER_COLUMNS = ("User", "DefaultAccount", "AdminLevel")
QOS_COLUMNS = ("Name", "Flags", "UsageFactor", "Preempt", "PreemptMode", "PreemptExemptTime", "GraceTime", *_QOS_LIMITS)

_NO_ACCOUNTING = ("not running a supported accounting_storage plugin", "Slurm accounting storage is disabled")


def has_no_accounting(stderr: str) -> bool:
    """Tell whether sacctmgr or sacct says on stderr that this Slurm keeps no accounts at all."""
    return any(words in stderr for words in _NO_ACCOUNTING)


def parse_associations(text: str, reading: Reading | None = None) -> tuple[Association, ...]:
    """Read the rows of ``sacctmgr -nP show assoc`` with :data:`ASSOCIATION_COLUMNS`, of every cluster that slurmdbd serves.

    Raises
    ------
    SlurmOutputError
        No row has that many columns, or the answer was cut short.
    """
    reading = reading or Reading()
    return tuple(
        Association(account, user, partition, names_of(qos), default_qos, parent, cluster, _limits(limits, _ASSOCIATION_LIMITS, reading))
        for cluster, account, user, partition, qos, default_qos, parent, *limits in _rows(text, ASSOCIATION_COLUMNS, reading)
    )


def parse_user_defaults(text: str, reading: Reading | None = None) -> tuple[UserDefaults, ...]:
    """Read the rows of ``sacctmgr -nP show user`` with :data:`USER_COLUMNS`.

    Raises
    ------
    SlurmOutputError
        As :func:`parse_associations`.
    """
    return tuple(UserDefaults(user, account, level) for user, account, level in _rows(text, USER_COLUMNS, reading or Reading()))


def parse_qos(text: str, reading: Reading | None = None) -> tuple[Qos, ...]:
    """Read the rows of ``sacctmgr -nP show qos`` with :data:`QOS_COLUMNS`.

    Raises
    ------
    SlurmOutputError
        As :func:`parse_associations`.
    """
    reading = reading or Reading()
    return tuple(
        Qos(
            name,
            frozenset(names_of(flags)),
            _limits(limits, _QOS_LIMITS, reading),
            reading.value(_factor, factor, f"UsageFactor of {name}", None),
            frozenset(names_of(preempts)),
            "" if mode == "cluster" else mode.upper(),
            reading.value(_seconds, exempt, f"PreemptExemptTime of {name}", None),
            reading.value(_seconds, grace, f"GraceTime of {name}", 0) or 0,
        )
        for name, flags, factor, preempts, mode, exempt, grace, *limits in _rows(text, QOS_COLUMNS, reading)
    )


_OF_DATABASE = "SlurmDBD configuration:"


def parse_database_config(text: str, reading: Reading | None = None) -> SlurmConfig:
    """Read slurmdbd's own part of ``sacctmgr show config``; empty where it has none.

    Raises
    ------
    SlurmOutputError
        The answer was cut short.
    """
    lines = list((reading or Reading()).lines(text, "sacctmgr show config"))
    begins = next((number for number, line in enumerate(lines) if line.strip() == _OF_DATABASE), len(lines))
    return SlurmConfig(values=config_values(lines[begins:]))


def _rows(text: str, columns: Sequence[str], reading: Reading) -> list[list[str]]:
    return reading.each(table_rows(reading.lines(text, "sacctmgr"), "sacctmgr"), lambda line: columns_of(line, columns, "sacctmgr"))


def _factor(text: str, what: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text or "1", re.ASCII):
        unreadable(f"{what} is no number", text)
    return float(text or "1")


def _seconds(text: str, what: str) -> int | None:
    """A duration in seconds; None where the QOS has none of its own."""
    try:
        return parse_duration_seconds(text) if text else None
    except ValueError:
        unreadable(f"{what} is no duration", text)


def _limits(cells: list[str], columns: Mapping[str, str], reading: Reading) -> AccountingLimits:
    if not any(cells):
        return NO_LIMITS
    names = tuple(columns.items())
    try:
        return _limits_of(tuple(cells), names)
    except SlurmOutputError:
        readable = (reading.value(_checked, cell, column, "") for cell, column in zip(cells, columns, strict=True))
        return _limits_of(tuple(readable), names)


def _checked(cell: str, column: str) -> str:
    """The cell as it is, if it can be read."""
    _limit_of(cell, column)
    return cell


def _limit_of(cell: str, column: str) -> Tres | int | None:
    if not cell:
        return None
    if "TRES" in column:
        return tres_of(cell, column)
    return minutes(cell, column) if column == "MaxWall" else limit(cell, column)


@lru_cache(maxsize=4096)  # thousands of users have the limits of their account
def _limits_of(cells: tuple[str, ...], columns: tuple[tuple[str, str], ...]) -> AccountingLimits:
    found = {name: _limit_of(cell, column) for cell, (column, name) in zip(cells, columns, strict=True) if cell}
    return AccountingLimits(**found)  # type: ignore[arg-type]


# --- what is held ---

_HEADING = "Association Manager state"
_ASSOCIATION = re.compile(r"ClusterName=\S* Account=(\S.*?) UserName=(.*?) Partition=(.*?) (?=[A-Z][A-Za-z]*=)")
_PARENT = re.compile(r" ParentAccount=(\S.*?)\([0-9]+\) ", re.ASCII)
_QOS = re.compile(r"QOS=(\S.*?)\([0-9]+\) (?=[A-Z][A-Za-z]*=)")
_GROUP_USE = re.compile(
    r" GrpJobs=\w+\((\d{1,18})\) .*? ?GrpSubmitJobs=\w+\((\d{1,18})\) .*?GrpTRES=(\S*) GrpTRESMins=(\S*) GrpTRESRunMins=(\S*)", re.ASCII
)
_ONE_OF_QOS = re.compile(
    r"(?:^|\}) *([^{}]+?)=\{MaxJobsP[AU]=\w+\((\d{1,18})\) .*?MaxSubmitJobsP[AU]=\w+\((\d{1,18})\) MaxTRESP[AU]=([^\s}]*)", re.ASCII
)
_USED_TRES = re.compile(r"([^=,]+)=(?:N|[0-9]+)\(([0-9]{1,20})\)", re.ASCII)
_NUMERIC_ID = re.compile(r"\(?([0-9]{1,10})\)?", re.ASCII)


def parse_holdings(text: str, reading: Reading | None = None) -> Holdings:
    """Read the records of ``scontrol -o show assoc_mgr flags=assoc,qos``: ``LIMIT(USED)`` of each TRES (src/scontrol/info_assoc_mgr.c).

    Users of a QOS stand there by their numeric id, in newer versions behind the name: ``1001={…}``, ``ada(1001)={…}``.

    Raises
    ------
    SlurmOutputError
        It is another answer, no record of it can be read, or it was cut short.
    """
    reading = reading or Reading()
    if _HEADING not in text:
        unreadable("no answer of the association manager", text)
    lines = reading.lines(text, "scontrol show assoc_mgr")
    associations: dict[tuple[str, str, str], Use] = {}
    qos: dict[str, Use] = {}
    qos_users: dict[tuple[str, int], Use] = {}
    qos_accounts: dict[tuple[str, str], Use] = {}
    parents: dict[str, str] = {}

    def read(line: str) -> None:
        if match := _ASSOCIATION.match(line):
            account, user, partition = match.groups()
            associations[(account, user.partition("(")[0], partition)] = _group_use(line)
            if parent := _PARENT.search(line):
                parents[account] = parent[1]
        elif match := _QOS.match(line):
            name = match[1]
            head, _, users = line.partition(" User Limits=")
            head, _, accounts = head.partition(" Account Limits=")
            qos[name] = _group_use(head)
            qos_accounts.update({(name, account): use for account, use in _each(accounts)})
            for who, use in _each(users):
                numeric = _NUMERIC_ID.fullmatch(who[who.find("(") :] if "(" in who else who)
                if numeric:
                    qos_users[(name, int(numeric[1]))] = use

    reading.each((line for line in lines if _ASSOCIATION.match(line) or _QOS.match(line)), read)
    return Holdings(associations, qos, qos_users, qos_accounts, parents)


_NOTHING = Use()


def _group_use(record: str) -> Use:
    match = _GROUP_USE.search(record)
    if match is None:
        unreadable("a record of the association manager without what is used", record)
    jobs, submitted, tres, used, running = match.groups()
    use = Use(int(jobs), int(submitted), _used(tres), _used(used), _used(running))
    return _NOTHING if use == _NOTHING else use


def _each(text: str) -> Iterator[tuple[str, Use]]:
    for who, jobs, submitted, tres in _ONE_OF_QOS.findall(text):
        yield who, Use(int(jobs), int(submitted), _used(tres))


@lru_cache(maxsize=1024)
def _used(text: str) -> Tres:
    return tuple((name.lower(), int(count)) for name, count in _USED_TRES.findall(text) if int(count))
