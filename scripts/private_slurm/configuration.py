"""The text of Slurm's configuration files for a private cluster. Pure: values in, text out."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from private_slurm import control_groups
from private_slurm.spec import ClusterSpec, Gres


@dataclass(frozen=True)
class Layout:
    """Where everything of one cluster lies: paths below its folder, ports, the host's name and the daemons' user."""

    folder: Path
    host: str
    user: str
    controller_port: int
    database_port: int
    node_ports: Mapping[str, int]

    @property
    def slurm_conf(self) -> Path:
        """The configuration that clients and daemons read."""
        return self.folder / "etc" / "slurm.conf"

    @property
    def slurmdbd_conf(self) -> Path:
        """slurmdbd's configuration; beside slurm.conf, where slurmdbd looks for it."""
        return self.folder / "etc" / "slurmdbd.conf"

    @property
    def munge_socket(self) -> Path:
        """The socket of the cluster's own munged."""
        return self.folder / "munge" / "socket"

    @property
    def mysql_socket(self) -> Path:
        """The socket of the cluster's own MariaDB, its only way in."""
        return self.folder / "mysql" / "socket"

    def device(self, node: str, index: int) -> Path:
        """The file that stands for one GPU of one node."""
        return self.folder / "dev" / node / f"nvidia{index}"


def slurm_conf(spec: ClusterSpec, layout: Layout) -> str:
    """slurm.conf; the spec's settings win over the defaults here."""
    settings = {
        "ClusterName": spec.name,
        "SlurmctldHost": f"{layout.host}(127.0.0.1)",
        "SlurmctldPort": str(layout.controller_port),
        "SlurmUser": layout.user,
        "SlurmdUser": layout.user,
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={layout.munge_socket}",
        "CredType": "cred/munge",
        "StateSaveLocation": str(layout.folder / "state"),
        "SlurmdSpoolDir": str(layout.folder / "spool" / "%n"),
        "SlurmctldPidFile": str(layout.folder / "state" / "slurmctld.pid"),
        "SlurmdPidFile": str(layout.folder / "spool" / "%n.pid"),
        "SlurmctldLogFile": str(layout.folder / "log" / "slurmctld.log"),
        "SlurmdLogFile": str(layout.folder / "log" / "slurmd-%n.log"),
        "LogTimeFormat": "iso8601_ms",
        "SlurmctldDebug": "info",
        "SlurmdDebug": "info",
        "SlurmdParameters": "config_overrides",
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/none",
        "JobAcctGatherType": "jobacct_gather/linux",
        "JobCompType": "jobcomp/none",
        "MpiDefault": "none",
        "MailProg": "/bin/true",
        "SwitchType": "switch/none",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core_Memory",
        "SchedulerType": "sched/backfill",
        "SchedulerParameters": "batch_sched_delay=0,bf_interval=5,bf_window=2880,bf_continue",
        "PriorityType": "priority/multifactor",
        "AccountingStorageType": "accounting_storage/slurmdbd",
        "AccountingStorageHost": "127.0.0.1",
        "AccountingStoragePort": str(layout.database_port),
        "AccountingStoragePass": str(layout.munge_socket),
        "AccountingStorageEnforce": "associations,limits,qos",
        "ReturnToService": "2",
        "MinJobAge": "300",
        # The logs of sessions lie in the users' homes by their jobs' ids, and the users are those of every cluster on this machine.
        "FirstJobId": str(1000 * (1 + zlib.crc32(str(layout.folder).encode()) % 900)),
        "KillWait": "5",
        "MessageTimeout": "10",
        "SlurmdTimeout": "60",
        "SlurmctldTimeout": "60",
        "InactiveLimit": "0",
        "Waittime": "0",
    }
    resources = sorted({(gres.name, gres.type) for group in spec.nodes for gres in group.resources})
    if resources:
        settings["GresTypes"] = ",".join(sorted({name for name, _ in resources}))
        typed = [f"gres/{name}:{kind}" for name, kind in resources if kind]
        settings["AccountingStorageTRES"] = ",".join(sorted({f"gres/{name}" for name, _ in resources}) + typed)
    if spec.slurm.plugins:
        settings["PluginDir"] = str(spec.slurm.plugins)
    if spec.control_groups:
        settings.update(control_groups.SETTINGS)
    settings.update(spec.slurm_conf)
    lines = [f"{key}={value}" for key, value in settings.items()]
    return "\n".join([*lines, *spec.slurm_conf_lines, *_node_lines(spec, layout), *_partition_lines(spec)]) + "\n"


def slurmdbd_conf(spec: ClusterSpec, layout: Layout) -> str:
    """slurmdbd.conf; the database lets the daemon's user in by its Unix identity, so there is no password. The spec's settings win."""
    settings = {
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={layout.munge_socket}",
        "DbdHost": "localhost",
        "DbdAddr": "127.0.0.1",
        "DbdPort": str(layout.database_port),
        "SlurmUser": layout.user,
        "StorageType": "accounting_storage/mysql",
        "StorageHost": "localhost",
        "StorageUser": layout.user,
        "StorageLoc": "slurm_accounting",
        "PidFile": str(layout.folder / "state" / "slurmdbd.pid"),
        "LogFile": str(layout.folder / "log" / "slurmdbd.log"),
        "DebugLevel": "info",
    }
    if spec.slurm.plugins:
        settings["PluginDir"] = str(spec.slurm.plugins)
    settings.update(spec.slurmdbd_conf)
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def gres_conf(spec: ClusterSpec, layout: Layout) -> str:
    """gres.conf: a device file for each GPU; other resources, such as shards, are counts."""
    lines = ["AutoDetect=off"]
    for group in spec.nodes:
        for node in group.names if group.with_slurmd else []:
            for gres, first in with_first_device(group.resources):
                if not gres.count:
                    continue
                kind = f" Type={gres.type}" if gres.type else ""
                source = f"File={device_range(layout, node, first, gres.count)}" if gres.name == "gpu" else f"Count={gres.count}"
                lines.append(f"NodeName={node} Name={gres.name}{kind} {source}")
        if not group.with_slurmd:
            lines.extend(
                f"NodeName={group.nodes} Name={gres.name}" + (f" Type={gres.type}" if gres.type else "") + f" Count={gres.count}"
                for gres in group.resources
            )
    return "\n".join(lines) + "\n"


def cgroup_conf(spec: ClusterSpec, release: tuple[int, int]) -> str:
    """cgroup.conf; without control groups a plugin that touches none, by the name that this release of Slurm has for it."""
    if spec.control_groups:
        return control_groups.cgroup_conf(release)
    return "CgroupPlugin=disabled\n" if release >= (24, 5) else "CgroupPlugin=cgroup/v1\n"


def with_first_device(resources: list[Gres]) -> list[tuple[Gres, int]]:
    """Each resource with the number of its first device file: the GPUs of a node are counted through, whatever their type."""
    numbered, first = [], 0
    for gres in resources:
        numbered.append((gres, first))
        first += gres.count if gres.name == "gpu" else 0
    return numbered


def device_range(layout: Layout, node: str, first: int, count: int) -> str:
    """The device files of one type of GPU, as gres.conf writes them."""
    if count == 1:
        return str(layout.device(node, first))
    return str(layout.device(node, first).parent / f"nvidia[{first}-{first + count - 1}]")


def _node_lines(spec: ClusterSpec, layout: Layout) -> list[str]:
    """One line a node: each has an address of its own on the loopback network, and its name resolves nowhere."""
    lines, number = [], 0
    for group in spec.nodes:
        shape = f"CPUs={group.cpus} RealMemory={group.memory_mb}" + (f" Gres={group.gres}" if group.gres else "")
        options = f" {group.options}" if group.options else ""
        if not group.with_slurmd:
            lines.append(f"NodeName={group.nodes} {shape}{options}")
            continue
        for name in group.names:
            number += 1
            address = f"NodeHostname={layout.host} NodeAddr={node_address(number)} Port={layout.node_ports[name]}"
            lines.append(f"NodeName={name} {address} {shape} State=UNKNOWN{options}")
    return lines


def node_address(number: int) -> str:
    """The loopback address of the cluster's nth node, counted from 1."""
    return f"127.0.{1 + (number - 1) // 254}.{1 + (number - 1) % 254}"


def _partition_lines(spec: ClusterSpec) -> list[str]:
    return [f"PartitionName={part.name} Nodes={part.nodes} {part.options or 'MaxTime=INFINITE'} State=UP" for part in spec.partitions]
