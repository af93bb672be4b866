"""A real Slurm cluster, and a Hub, in one folder each: what the demo shows and what the tests run against.

Nothing outside the folders is touched but what `packages` installs and the users that `users` makes.
"""

from __future__ import annotations

from private_slurm.cluster import PrivateCluster, stop_cluster
from private_slurm.errors import PrivateSlurmError
from private_slurm.hub import PrivateHub, service_config, shared_password_config, stop_hub
from private_slurm.newer_slurm import ensure_newer_slurm, slurm_of
from private_slurm.packages import (
    SLURM_PACKAGES,
    ensure_checkout,
    ensure_debian_packages,
    ensure_node_package,
    ensure_venv,
    missing_debian_packages,
)
from private_slurm.ports import PortReservations
from private_slurm.processes import wait_until
from private_slurm.releases import DEMO_RELEASES, Release, catalogue_text, ensure_release
from private_slurm.spec import (
    Account,
    ClusterSpec,
    Member,
    NodeGroup,
    Partition,
    Qos,
    Reservation,
    SlurmInstallation,
    demo_spec,
    expand_hostlist,
)
from private_slurm.users import DEMO_USERS, available_users, ensure_system_users, remove_system_users

__all__ = [
    "DEMO_RELEASES",
    "DEMO_USERS",
    "SLURM_PACKAGES",
    "Account",
    "ClusterSpec",
    "Member",
    "NodeGroup",
    "Partition",
    "PortReservations",
    "PrivateCluster",
    "PrivateHub",
    "PrivateSlurmError",
    "Qos",
    "Release",
    "Reservation",
    "SlurmInstallation",
    "available_users",
    "catalogue_text",
    "demo_spec",
    "ensure_checkout",
    "ensure_debian_packages",
    "ensure_newer_slurm",
    "ensure_node_package",
    "ensure_release",
    "ensure_system_users",
    "ensure_venv",
    "expand_hostlist",
    "missing_debian_packages",
    "remove_system_users",
    "service_config",
    "shared_password_config",
    "slurm_of",
    "stop_cluster",
    "stop_hub",
    "wait_until",
]
