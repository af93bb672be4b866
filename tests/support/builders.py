"""A cluster like the demo's, made of the model's objects: g[001-004] with two V100 each, c[001-002] without GPUs.

``ada`` has the accounts ``cin_ada`` (default) and ``cin_extra``, ``grace`` has ``cin_grace``; ``cin_other`` is nobody's of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from spawner.accounting.entitlement import Entitlement, entitlement
from spawner.accounting.partition_limits import NodeKind
from spawner.accounting.qos import AccountingData, AccountingRecords
from spawner.request.choices import Choices
from spawner.request.policy import parse_policies
from spawner.site.catalogue import Catalogue, parse_catalogue
from spawner.slurm.grammar import parse_gres
from spawner.slurm.model import AccountingLimits, Association, Holdings, Node, Partition, Qos, Reservation, SlurmConfig, UserDefaults

NOW = 1_800_000_000
HOUR = 3600
MEMORY_MB = 375300

CATALOGUE = {
    "releases": [
        {"tag": "2026.10", "label": "Release 2026.10", "date": "2026-10-01", "interfaces": ["lab", "notebook", "terminal"]},
        {"tag": "2024.04", "label": "Release 2024.04", "date": "2024-04-15", "interfaces": ["lab"]},
    ]
}

UNSET: Any = object()


def node(name: str = "g001", *, gres: str = "gpu:v100:2", used: str = "", state: str = "idle", flags: str = "", **changes: Any) -> Node:
    """A node of 48 cores and 375300 MB; GRES as scontrol prints them, flags parted by blanks."""
    values: dict[str, Any] = {
        "name": name,
        "address": "127.0.1.1",
        "state": state,
        "flags": frozenset(flags.split()),
        "cores_total": 48,
        "memory_mb": MEMORY_MB,
        "gres": parse_gres(gres),
        "gres_used": parse_gres(used),
        "partitions": ("g100_int",),
    }
    return Node(**{**values, **changes})


def demo_nodes() -> tuple[Node, ...]:
    """All idle."""
    gpu_nodes = [node(f"g00{number}", used="gpu:v100:0(IDX:N/A)") for number in range(1, 5)]
    return (*gpu_nodes, *(node(f"c00{number}", gres="", partitions=("g100_cpu",)) for number in (1, 2)))


def partition(name: str = "g100_int", **changes: Any) -> Partition:
    """The demo's GPU partition: the default one, 8 hours at most, five jobs a core."""
    values: dict[str, Any] = {
        "name": name,
        "is_default": True,
        "nodes": ("g001", "g002", "g003", "g004"),
        "max_minutes": 480,
        "oversubscribe": "FORCE",
        "oversubscribe_count": 5,
    }
    return Partition(**{**values, **changes})


def cpu_partition(name: str = "g100_cpu", **changes: Any) -> Partition:
    """The demo's partition without GPUs: one day at most."""
    values: dict[str, Any] = {"name": name, "nodes": ("c001", "c002"), "max_minutes": 1440}
    return Partition(**{**values, **changes})


def reservation(name: str = "course", **changes: Any) -> Reservation:
    """One that runs for two hours more, on g003, for ada."""
    values: dict[str, Any] = {
        "name": name,
        "start": NOW - HOUR,
        "end": NOW + 2 * HOUR,
        "nodes": ("g003",),
        "node_count": 1,
        "core_count": 48,
        "users": ("ada",),
        "state": "ACTIVE",
    }
    return Reservation(**{**values, **changes})


def demo_associations() -> tuple[Association, ...]:
    """The accounts' own rows, and the users'."""
    accounts = [Association(account, parent="root") for account in ("cin_staff", "cin_grace", "cin_other")]
    below = [Association(account, parent="cin_staff") for account in ("cin_ada", "cin_extra")]
    users = [Association("cin_ada", "ada"), Association("cin_extra", "ada"), Association("cin_grace", "grace")]
    return (Association("root"), *accounts, *below, *users, Association("cin_other", "eve"))


ADA_LINE = (Association("root"), Association("cin_staff", parent="root"), Association("cin_ada", parent="cin_staff"))
"""The rows of the account ``cin_ada`` and its parents."""


def config(**values: str) -> SlurmConfig:
    """A configuration with these values."""
    return SlurmConfig(values=tuple(values.items()))


DEFAULTS = (UserDefaults("ada", "cin_ada"), UserDefaults("grace", "cin_grace"))


def entitled(
    user: str = "ada",
    *,
    groups: Collection[str] = ("users",),
    associations: Sequence[Association] | None = UNSET,
    partitions: Sequence[Partition] = UNSET,
    reservations: Sequence[Reservation] = (),
    nodes: Sequence[Node] = UNSET,
    now: float = NOW,
    qos: Sequence[Qos] = (),
    uid: int = -1,
    shapes: Mapping[str, tuple[NodeKind, ...]] | None = None,
    **accounting: Any,
) -> Entitlement:
    """What ``user`` may choose on the demo's cluster, or on one that differs as the arguments say.

    ``accounting`` goes to :class:`spawner.accounting.qos.AccountingData`: ``holdings``, ``config``, ``job_qos``.
    """
    rows = demo_associations() if associations is UNSET else associations
    records = None if rows is None else AccountingRecords(tuple(rows), DEFAULTS, tuple(qos))
    return entitlement(
        user,
        AccountingData(records, **accounting),
        groups=groups,
        partitions=(partition(), cpu_partition()) if partitions is UNSET else partitions,
        reservations=reservations,
        nodes=demo_nodes() if nodes is UNSET else nodes,
        now=now,
        uid=uid,
        shapes=shapes,
    )


def catalogue(data: Mapping[str, Any] | None = None) -> Catalogue:
    """Two releases; only the newer offers more than the Lab."""
    return parse_catalogue(data or CATALOGUE)


def choices(
    user: str = "ada", *, fields: Mapping[str, Any] | None = None, releases: Mapping[str, Any] | None = None, **changes: Any
) -> Choices:
    """What a request of ``user`` is judged by; ``fields`` is the admin's configuration, ``changes`` go to :func:`entitled`."""
    return Choices(entitled(user, **changes), catalogue(releases), parse_policies(fields or {}), now=float(changes.get("now", NOW)))


def limited(held: Holdings | None = None, **limits: Any) -> Choices:
    """ada's choices where the QOS of the GPU partition has these limits."""
    rows = tuple(
        replace(entry, qos=("normal",)) if (entry.account, entry.user) == ("cin_ada", "ada") else entry for entry in demo_associations()
    )
    return choices(
        associations=rows,
        qos=(Qos("normal"), Qos("int", limits=AccountingLimits(**limits))),
        partitions=(partition(qos="int"), cpu_partition()),
        holdings=held or Holdings(),
        config=config(AccountingStorageEnforce="associations,limits,qos,safe"),
        uid=1001,
    )
