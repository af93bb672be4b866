"""What holds in a partition, and how many CPUs Slurm gives out together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spawner.accounting.partition_limits import kinds_of
from spawner.availability.allocation import allows_whole, cores_for_one_job, counts_memory, cpus_given_together, in_force, unit_of
from spawner.availability.demand import Demand
from spawner.availability.forecast import ClusterForecast
from tests.support.builders import NOW, config, node, partition


@pytest.mark.parametrize(
    ("cpus", "sockets", "cores", "threads", "unit", "together"),
    [
        pytest.param(8, 1, 4, 2, "CORE", 2, id="threads"),
        pytest.param(4, 1, 4, 2, "CORE", 1, id="cpus-are-cores"),
        pytest.param(8, 1, 4, 2, "CPU", 1, id="single-threads"),
        pytest.param(8, 1, 4, 2, "", 2, id="not-known-what"),
        pytest.param(8, 0, 0, 2, "CORE", 2, id="no-topology"),
        pytest.param(8, 0, 0, 0, "CORE", 1, id="nothing-known"),
        pytest.param(16, 2, 4, 2, "SOCKET", 8, id="sockets"),
        pytest.param(16, 0, 0, 1, "SOCKET", 1, id="sockets-not-known"),
    ],
)
def test_cpus_given_together(cpus: int, sockets: int, cores: int, threads: int, unit: str, together: int) -> None:
    """By what SelectTypeParameters makes Slurm count."""
    found = node(cores_total=cpus, sockets=sockets, cores_per_socket=cores, threads_per_core=threads)
    assert cpus_given_together(found, unit) == together


@pytest.mark.parametrize(
    ("parameters", "unit"), [("CR_CPU_MEMORY", "CPU"), ("CR_Core,CR_ONE_TASK_PER_CORE", "CORE"), ("CR_SOCKET", "SOCKET"), ("", "")]
)
def test_unit(parameters: str, unit: str) -> None:
    """As scontrol prints them, in capitals or not."""
    assert unit_of(parameters) == unit


def test_what_the_cluster_says_holds_where_the_partition_says_nothing() -> None:
    """A partition's own word wins; of the memory's two limits either."""
    cluster = config(SelectTypeParameters="CR_CORE", MaxMemPerNode="1000", MaxMemPerCPU="UNLIMITED")
    found = in_force(partition(), cluster)
    assert (found.select_parameters, found.max_memory_mb_per_node, found.max_memory_mb_per_cpu) == ("CR_CORE", 1000, None)
    own = partition(select_parameters="CR_SOCKET", max_memory_mb_per_cpu=5)
    assert in_force(own, cluster) == own
    assert in_force(partition(), config()) == partition()


@pytest.mark.parametrize(
    ("sharing", "most", "allowed"),
    [("EXCLUSIVE", 47, False), ("EXCLUSIVE", 48, True), ("EXCLUSIVE", None, True), ("NO", 1, True), ("FORCE", 1, True)],
)
def test_whole_nodes(sharing: str, most: int | None, allowed: bool) -> None:
    """A partition of whole nodes has no use for one that is larger than its MaxCPUsPerNode."""
    own = partition(oversubscribe=sharing, max_cores_per_node=most)
    assert allows_whole(node(), own) is allowed
    assert bool(kinds_of(own, ("g001",), {"g001": node()})) is allowed
    (found,) = ClusterForecast([node()], [replace(own, nodes=("g001",))], now=NOW).node_classes(own.name)
    assert (found.cores_total == 0) is not allowed


@pytest.mark.parametrize(("parameters", "counted"), [("CR_CORE_MEMORY", True), ("CR_Memory", True), ("CR_CORE", False), ("", False)])
def test_memory_is_counted(parameters: str, counted: bool) -> None:
    """Only where SelectTypeParameters says so."""
    assert counts_memory(partition(select_parameters=parameters)) is counted


@pytest.mark.parametrize(
    ("most", "parameters", "cores"),
    [
        (None, "CR_CORE", 16),
        (6, "CR_CORE", 6),
        (99, "CR_CORE", 16),
        (6, "CR_SOCKET", 8),
        (8, "CR_SOCKET", 8),
        (9, "CR_SOCKET_MEMORY", 16),
        (5, "CR_CORE", 6),
        (5, "CR_CPU", 5),
    ],
)
def test_cores_for_one_job(most: int | None, parameters: str, cores: int) -> None:
    """MaxCPUsPerNode, in whole cores or sockets where these are given out."""
    found = node(cores_total=16, sockets=2, cores_per_socket=4, threads_per_core=2)
    assert cores_for_one_job(found, partition(max_cores_per_node=most, select_parameters=parameters)) == cores


@pytest.mark.parametrize(
    ("sockets", "system", "unit", "cores", "together"),
    [(2, 2, "SOCKET", 8, 2), (4, 1, "SOCKET", 12, 2), (1, 2, "SOCKET", 14, 2), (2, 2, "CORE", 14, 2), (2, 0, "SOCKET", 16, 8)],
)
def test_a_socket_of_which_the_system_keeps_a_core(sockets: int, system: int, unit: str, cores: int, together: int) -> None:
    """It is not given together with others, and is smaller than they are."""
    found = node(cores_total=16, cores_system=system, sockets=sockets, cores_per_socket=8 // sockets, threads_per_core=2)
    assert cores_for_one_job(found, partition(select_parameters=f"CR_{unit}")) == cores
    assert cpus_given_together(found, unit) == together


@pytest.mark.parametrize(("cores", "held"), [(6, True), (7, False)])
def test_cores_to_ask_for_in_whole_sockets(cores: int, held: bool) -> None:
    """A job gets a whole socket, and may ask for no more of it than MaxCPUsPerNode."""
    found = node(cores_total=16, sockets=2, cores_per_socket=4, threads_per_core=2)
    own = partition(max_cores_per_node=6, select_parameters="CR_SOCKET", oversubscribe="NO", nodes=("g001",))
    (kind,) = kinds_of(own, ("g001",), {"g001": found})
    assert (kind.cores_total, kind.most_cores, kind.could_hold(Demand(cores, 1024))) == (8, 6, held)
    (there,) = ClusterForecast([found], [own], now=NOW).node_classes(own.name)
    assert (there.most_cores, there.could_hold(Demand(cores, 1024)), there.holds(Demand(cores, 1024))) == (6, held, held)
