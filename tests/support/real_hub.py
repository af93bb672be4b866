"""The Hubs that the real tests bring up on a real cluster, and what they are made from."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from private_slurm.cluster import PrivateCluster
from private_slurm.demo_setup import SERVICE_SCOPES, plugin_config
from private_slurm.hub import PrivateHub, service_config, shared_password_config
from private_slurm.spec import ClusterSpec, SlurmInstallation, demo_spec

from tests.support.site_under_test import PASSWORD, Site

UNBOUNDED = """
c.JupyterHub.named_server_limit_per_user = 0
c.JupyterHub.authenticate_prometheus = False
for name in ("requests", "requests_of_strangers", "pages", "checks", "start_requests"):
    setattr(c.ResourceFormBounds, name, 1_000_000)
"""
"""Tests ask far more often than people; what bounds do is tested on Hubs that have them."""

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Environments:
    """What the Hubs and the sessions of the tests run from: ``folder`` is this worker's own, ``installed`` that of all workers."""

    folder: Path
    installed: Path
    hub: Path
    proxy: Path
    catalogue: Path
    slurm: SlurmInstallation


def needs_users(users: tuple[str, ...], number: int) -> None:
    """Skip, and say why, where there are not enough users to be told apart."""
    if len(users) < number:
        pytest.skip(f"needs root: {number} users of the system")


def cluster_spec(users: tuple[str, ...], slurm: SlurmInstallation) -> ClusterSpec:
    """The demo's cluster; the third user has no account."""
    return demo_spec(users[:2], name="tests", slurm=slurm)


def bin_dir_of(cluster: PrivateCluster) -> str:
    """The setting ``bin_dir`` of a Hub on this cluster: empty where Slurm's commands are on the PATH, as they are at most sites."""
    return "" if cluster.spec.slurm == SlurmInstallation() else str(cluster.bin_dir)


def make_hub(
    folder: Path,
    environments: Environments,
    cluster: PrivateCluster,
    users: tuple[str, ...],
    token: str,
    more: str = "",
    base_url: str = "/",
    before: str = "",
) -> PrivateHub:
    """A Hub with our spawner on ``cluster``; ``before`` and ``more`` are lines above and below ``spawner.configure(c)``."""
    shutil.rmtree(folder, ignore_errors=True)
    config = "".join(
        [
            shared_password_config(list(users), PASSWORD),
            service_config("tests", token, SERVICE_SCOPES),
            before,
            plugin_config(cluster.slurm_conf, environments.catalogue, bin_dir_of(cluster)),
            "c.JupyterHub.allow_named_servers = True\n",
            "c.SlurmCluster.nodes_interval = 2\n",
            UNBOUNDED,
            more,
        ]
    )
    return PrivateHub(folder, bin_dir=environments.hub, proxy=environments.proxy, config=config, base_url=base_url)


@contextmanager
def running(hub: PrivateHub, cluster: PrivateCluster, users: tuple[str, ...], token: str) -> Iterator[Site]:
    """The Hub, started, with its users; in the end nothing of it runs."""
    hub.start()
    try:
        site = Site(cluster, hub, token, users)
        for user in users:
            site.call("POST", f"/users/{user}")
        yield site
        site.clean()
    finally:
        hub.close()


@contextmanager
def open_site(
    name: str,
    environments: Environments,
    cluster: PrivateCluster,
    users: tuple[str, ...],
    more: str = "",
    base_url: str = "/",
    before: str = "",
) -> Iterator[Site]:
    """A Hub in a folder of this name, with its users; in the end nothing of it runs."""
    token = secrets.token_hex(16)
    hub = make_hub(environments.folder / name, environments, cluster, users, token, more, base_url, before)
    with running(hub, cluster, users, token) as site:
        yield site
