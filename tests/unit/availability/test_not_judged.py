"""Fields of slurm.conf that are in force and not judged here: then nobody knows. And MaxCPUsPerSocket, which is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spawner.advice.verdict import verdict
from spawner.availability.allocation import most_cpus
from spawner.availability.forecast import ClusterForecast
from spawner.availability.node_choice import NodeChoice
from spawner.request.model import parse_request
from spawner.slurm.model import Job, Node, Partition
from spawner.slurm.scontrol import parse_nodes, parse_partitions
from tests.support.builders import NOW

NODE = Node("n1", "n1", "idle", cores_total=8, memory_mb=16000, sockets=2, cores_per_socket=4)
PARTITION = Partition("p", nodes=("n1",))


def kind(nodes: tuple[Node, ...], partition: Partition, features: tuple[str, ...] = (), cores: int = 1, jobs: tuple[Job, ...] = ()) -> str:
    """What is said of a job with so many cores."""
    forecast = ClusterForecast(nodes, (partition,), jobs=jobs, now=NOW, choice=NodeChoice(all_of=frozenset(features)))
    return verdict(parse_request({"partition": "p", "cores": cores, "memory": "1G", "walltime": "10m", "gpus": 0}), forecast).kind


@pytest.mark.parametrize(
    ("node", "partition", "features", "expected"),
    [
        pytest.param({}, {}, (), "now", id="nothing"),
        pytest.param({"not_judged": "RestrictedCoresPerGPU"}, {}, (), "unknown", id="of-the-node"),
        pytest.param({}, {"not_judged": "ExclusiveTopo"}, (), "unknown", id="of-the-partition"),
        pytest.param({"features": ("a",), "features_available": ("a", "b")}, {}, ("a",), "now", id="active"),
        pytest.param({"features": ("a",), "features_available": ("a", "b")}, {}, ("b",), "unknown", id="after-a-reboot"),
        pytest.param({"features": ("a",), "features_available": ("a", "b")}, {}, ("c",), "never", id="not-at-all"),
    ],
)
def test_verdict(node: dict[str, Any], partition: dict[str, Any], features: tuple[str, ...], expected: str) -> None:
    """Where all nodes that have it free depend on something else, nobody knows."""
    assert kind((replace(NODE, **node),), replace(PARTITION, **partition), features) == expected


def test_another_node_that_does_not_depend_on_it() -> None:
    """One node of which all is known is enough."""
    other = replace(NODE, name="n2", not_judged="RestrictedCoresPerGPU")
    assert kind((NODE, other), replace(PARTITION, nodes=("n1", "n2"))) == "now"


def test_they_are_read() -> None:
    """As Slurm prints them."""
    line = "NodeName=n1 CoresPerSocket=4 CPUAlloc=0 CPUTot=8 AvailableFeatures=a,b ActiveFeatures=a RealMemory=1 AllocMem=0 "
    (node,) = parse_nodes(line + "State=IDLE ThreadsPerCore=1 RestrictedCoresPerGPU=4(0-31)\n")
    assert (node.not_judged, node.features_available) == ("RestrictedCoresPerGPU", ("a", "b"))
    for printed, field in (("ExclusiveTopo=YES", "ExclusiveTopo"), ("Exclusive=TOPO", "ExclusiveTopo"), ("Exclusive=NODE", "")):
        (found,) = parse_partitions(f"PartitionName=p {printed} MaxTime=60 MaxCPUsPerSocket=2 State=UP\n")
        assert (found.not_judged, found.max_cores_per_socket) == (field, 2)


@pytest.mark.parametrize(
    ("per_node", "per_socket", "sockets", "most"),
    [(None, None, 2, None), (3, None, 2, 3), (None, 2, 2, 4), (3, 2, 2, 3), (6, 2, 2, 4), (None, 2, 0, None)],
)
def test_most_cpus(per_node: int | None, per_socket: int | None, sockets: int, most: int | None) -> None:
    """The smaller of both; of sockets nothing follows where Slurm does not say how many there are."""
    bounded = replace(PARTITION, max_cores_per_node=per_node, max_cores_per_socket=per_socket)
    assert most_cpus(bounded, replace(NODE, sockets=sockets)) == most


@pytest.mark.parametrize(("cores", "expected"), [(2, "now"), (3, "wait"), (5, "never")])
def test_cpus_of_a_socket(cores: int, expected: str) -> None:
    """Two of four CPUs of each socket; the partition's own jobs take of them."""
    job = Job(1, "grace", "RUNNING", partition="p", cores=2, nodes=("n1",), start=int(NOW) - 60, end=int(NOW) + 3600)
    busy = replace(NODE, state="mixed", cores_allocated=2)
    assert kind((busy,), replace(PARTITION, max_cores_per_socket=2), cores=cores, jobs=(job,)) == expected
