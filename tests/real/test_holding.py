"""What I have, by two jobs of known size on the demo's cluster, and what Slurm itself says is held."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator

import pytest
from private_slurm.cluster import PrivateCluster
from private_slurm.processes import wait_until

from spawner.advice.usage_bars import ResourceUsage, resource_usage_of
from spawner.cluster.cluster import SlurmCluster
from spawner.request.choices import Choices
from spawner.site.catalogue import parse_catalogue
from spawner.slurm import commands, sacctmgr

CATALOGUE = parse_catalogue({"releases": [{"tag": "2026.10", "date": "2026-10-01"}]})


@pytest.fixture
def idle(cluster: PrivateCluster) -> Iterator[PrivateCluster]:
    """The demo's cluster with nothing on it."""
    cluster.cancel_all()
    yield cluster
    cluster.cancel_all()


def what_has(cluster: PrivateCluster, user: str, partition: str, reservation: str = "") -> dict[str, ResourceUsage]:
    """The bars, as the product makes them of Slurm's answers at this moment."""

    async def ask() -> dict[str, ResourceUsage]:
        asked = SlurmCluster(slurm_conf=str(cluster.slurm_conf), bin_dir=str(cluster.bin_dir))
        choices = Choices(await asked.entitlement(user), CATALOGUE, now=asked.clock())
        running, pools = await asked.running_and_pools(reservation=reservation)
        config = (await asked.configuration.get()).value
        found = resource_usage_of(running, pools, choices, partition=partition, account="cin_staff", reservation=reservation, config=config)
        return {entry.resource: entry for entry in found}

    return asyncio.run(ask())


def numbers(found: dict[str, ResourceUsage]) -> dict[str, tuple[int | None, ...]]:
    """The four numbers of two bars, by resource."""
    return {name: (*dataclasses.astuple(entry.here)[:2], *dataclasses.astuple(entry.overall)[:2]) for name, entry in found.items()}


def test_two_jobs_of_known_size(idle: PrivateCluster, users: tuple[str, ...]) -> None:
    """Cores, memory and GPUs of a job with GPUs and of one without, here and overall; what Slurm says is held is the same."""
    ada = users[0]
    on_gpus = idle.submit("--cpus-per-task=6", "--mem=33G", "--gpus=1", "--partition=g100_int", "--account=cin_staff", user=ada)
    on_cores = idle.submit("--cpus-per-task=8", "--mem=1537M", "--partition=g100_cpu", "--account=cin_train", user=ada)
    waiting = idle.submit("--cpus-per-task=8", "--mem=2G", "--partition=g100_cpu", "--account=cin_train", "--hold", user=ada)
    for number in (on_gpus, on_cores):
        idle.wait_for_job_state(number, "RUNNING")
    memory = 33 * 1024
    whole = 375300
    cores = (6, 3 * 48 * 5, 14, 14 + 3 * 48 * 5 - 6 + 2 * 48 - 8)  # each core of g100_int for five jobs; g004 is reserved
    found = what_has(idle, ada, "g100_int")
    assert numbers(found) == {
        "cores": cores,
        "memory": (memory, 3 * whole, memory + 1537, 5 * whole),
        "gpus": (1, 6, 1, 6),
    }
    assert found["gpus"].here.words == "1 of 6 GPUs"
    assert {name: values[0] for name, values in numbers(what_has(idle, ada, "g100_cpu")).items()} == {"cores": 8, "memory": 1537, "gpus": 0}
    assert numbers(what_has(idle, ada, "g100_int", "s_tra_school"))["gpus"] == (0, 2, 1, 3)

    said = sacctmgr.parse_holdings(idle.run(*commands.show_holdings()).stdout)
    held: dict[str, int] = {}
    for (_account, user, _partition), use in said.associations.items():
        for name, count in use.tres if user == ada else ():
            held[name] = held.get(name, 0) + count
    overall = [entry.overall.used for entry in found.values()]
    assert [held["cpu"], held["mem"], held["gres/gpu"]] == overall

    idle.run("scancel", str(on_gpus), str(waiting))
    wait_until(lambda: what_has(idle, ada, "g100_int")["gpus"].overall.words == "0 of 6 GPUs", "the bars to be without the job", 10)
