"""The site beside which the Hub is installed: a Slurm cluster, accounts, shared folders. It stands in for the reader's own."""

from __future__ import annotations

import re
import time
from pathlib import Path

from install_guide.machine import Machine, MachineError

CHECKOUT = Path(__file__).resolve().parents[2]
GROUP, USER, ADMIN, PASSWORD = "hpc-users", "ada", "grace", "a password of the guide"
FOLDER = "/srv/cluster"

CLUSTER = f"""
import signal, sys
sys.path.insert(0, "/root/scripts")
from pathlib import Path
from private_slurm.cluster import PrivateCluster
from private_slurm.spec import demo_spec
with PrivateCluster(demo_spec([{USER!r}, {ADMIN!r}]), Path({FOLDER!r})) as cluster:
    print("ready", flush=True)
    signal.pause()
"""

PACKAGES = (
    "munge mariadb-server slurm-client slurm-wlm-basic-plugins slurm-wlm-mysql-plugin slurmctld slurmd slurmdbd python3 python3-venv "
    "ca-certificates"
)


def add_people(machine: Machine) -> None:
    """The accounts of the site, with the same numbers on each machine, as a directory service has them."""
    machine.run(
        f"""
        groupadd --gid 20000 {GROUP}
        useradd --uid 20001 --gid {GROUP} --shell /bin/bash --home-dir /home/{USER} {USER}
        useradd --uid 20002 --gid {GROUP} --shell /bin/bash --home-dir /home/{ADMIN} {ADMIN}
        for name in {USER} {ADMIN}; do mkdir -p /home/$name; chown $name:{GROUP} /home/$name; done
        printf '%s\\n' '{USER}:{PASSWORD}' '{ADMIN}:{PASSWORD}' | chpasswd
        """
    )


def start_cluster(machine: Machine) -> None:
    """Install Debian's Slurm, and start controller, accounting and nodes; return once jobs can run."""
    machine.run(f"apt-get -q update && apt-get -q -y install --no-install-recommends {PACKAGES}")
    target = machine.path("/root/scripts/private_slurm")
    target.mkdir(parents=True)
    for source in (CHECKOUT / "scripts" / "private_slurm").glob("*.py"):
        (target / source.name).write_bytes(source.read_bytes())
    machine.path("/root/cluster.py").write_text(CLUSTER)
    machine.run("python3 /root/cluster.py >/root/cluster.log 2>&1 & disown")
    log = machine.path("/root/cluster.log")
    deadline = time.monotonic() + 120
    while "ready" not in log.read_text():
        if time.monotonic() > deadline or "Error" in log.read_text():
            raise MachineError(f"The cluster of the site does not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.2)


def hand_over(site: Machine, hub: Machine, folder: str) -> None:
    """Give the Hub's machine what an administrator of the cluster gives: slurm.conf and munge's key.

    The cluster's munged is in a folder of its own; on the Hub's machine it is where munge has it.
    """
    target = hub.path(folder)
    target.mkdir(parents=True)
    text = site.path(f"{FOLDER}/etc/slurm.conf").read_text()
    text = re.sub(r"^(AuthInfo|AccountingStoragePass)=.*\n", "", text, flags=re.MULTILINE)
    (target / "slurm.conf").write_text(text)
    (target / "munge.key").write_bytes(site.path(f"{FOLDER}/munge/key").read_bytes())
