"""How a job asks for memory and GPUs where a site wants other options than --mem and --gres, and what is judged then."""

from __future__ import annotations

from typing import Any

import pytest

from spawner.accounting.partition_limits import kinds_of, limits_of
from spawner.availability.allocation import in_force, memory_rule_of
from spawner.availability.demand import AS_ASKED, Demand, MemoryRule
from spawner.job.sbatch import Tag, job_environment, sbatch_arguments
from spawner.request.form_fields import form_fields
from spawner.request.model import parse_request
from spawner.slurm.scontrol import parse_partitions
from tests.support.builders import choices, config, node, partition
from tests.support.job_requests import LAB, SERVER, request_for

TAG = Tag("jupyterhub", "ada", "", "0123456789abcdef")
PER_CPU = MemoryRule("mem-per-cpu")


def options(request: dict[str, Any], memory: MemoryRule = AS_ASKED, gpu_option: str = "gres") -> list[str]:
    """Those of sbatch's options that are about memory and GPUs."""
    argv = sbatch_arguments(parse_request(request), TAG, home="/home/ada", memory=memory, gpu_option=gpu_option)
    return [argument for argument in argv if argument.startswith(("--mem", "--g"))]


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        pytest.param(AS_ASKED, ["--mem=8192M"], id="all-of-it"),
        pytest.param(PER_CPU, ["--mem-per-cpu=2730M"], id="a-share-each"),
        pytest.param(MemoryRule("mem-per-cpu", cpus_together=2), ["--mem-per-cpu=2048M"], id="of-the-cpus-it-gets"),
        pytest.param(MemoryRule("mem-per-cpu", whole_cpus=16), ["--mem-per-cpu=512M"], id="of-a-whole-node"),
        pytest.param(MemoryRule("mem-per-cpu", whole_cpus=100000), ["--mem-per-cpu=1M"], id="never-none-for-that-is-all"),
        pytest.param(MemoryRule("none"), [], id="not-at-all"),
    ],
)
def test_memory(memory: MemoryRule, expected: list[str]) -> None:
    """Three cores with 8 GB: never more than was asked for, and for each CPU at least 1 MB."""
    assert options({"cores": 3, "memory": "8G"}, memory) == expected


@pytest.mark.parametrize(
    ("gpus", "option", "expected"),
    [
        ("v100:2", "gres", "--gres=gpu:v100:2"),
        ("v100:2", "gpus", "--gpus=v100:2"),
        ("2", "gpus", "--gpus=2"),
        ("v100:2", "gpus-per-node", "--gpus-per-node=v100:2"),
        ("shard:1", "gpus", "--gres=shard:1"),
    ],
)
def test_gpus(gpus: str, option: str, expected: str) -> None:
    """The same GPUs by another name; parts of one have no other option."""
    assert options({"gpus": gpus}, MemoryRule("none"), option) == [expected]


@pytest.mark.parametrize(
    ("rule", "demand", "taken"),
    [
        pytest.param(AS_ASKED, Demand(3, 8000), 8000, id="as-asked"),
        pytest.param(MemoryRule("mem-per-cpu", 2), Demand(3, 8000), 8000, id="per-cpu"),
        pytest.param(MemoryRule("none", per_cpu=100), Demand(3, 8000), 400, id="default-per-cpu"),
        pytest.param(MemoryRule("none", per_node=300), Demand(3, 8000), 300, id="default-per-node"),
        pytest.param(MemoryRule("none", per_gpu=5000, per_cpu=100), Demand(3, 8000, gpus=2), 10000, id="default-per-gpu"),
        pytest.param(MemoryRule("none", per_gpu=5000, per_cpu=100), Demand(3, 8000), 400, id="without-gpus"),
        pytest.param(MemoryRule("none"), Demand(3, 8000), 64000, id="all-of-the-node"),
    ],
)
def test_what_a_job_takes(rule: MemoryRule, demand: Demand, taken: int) -> None:
    """On a node with 64000 MB, where it gets four CPUs."""
    assert rule.taken(demand, 4, 64000) == taken


def test_defaults_of_slurm() -> None:
    """The partition's own, else the cluster's; UNLIMITED is none."""
    text = "PartitionName=p MaxTime=60 DefMemPerNode=UNLIMITED JobDefaults=DefCpuPerGPU=4,DefMemPerGPU=1000 State=UP\n"
    own = parse_partitions(text)[0]
    assert (own.default_memory_mb_per_node, own.default_memory_mb_per_cpu, own.default_memory_mb_per_gpu) == (None, None, 1000)
    assert in_force(own, config(DefMemPerCPU="200")).default_memory_mb_per_cpu == 200
    assert in_force(own, config(DefMemPerNode="UNLIMITED")).default_memory_mb_per_node is None
    stated = parse_partitions("PartitionName=p MaxTime=60 DefMemPerNode=300 State=UP\n")[0]
    assert in_force(stated, config(DefMemPerCPU="200")).default_memory_mb_per_cpu is None


def test_nodes_that_say_nothing() -> None:
    """Where no node says its memory nothing is asked for, whatever the option; where one does, it is."""
    unset, stated = node("g001", memory_mb=1), node("g002")
    assert not memory_rule_of(partition(), [unset, unset], "mem").is_asked_for
    assert memory_rule_of(partition(), [unset, stated], "mem") == AS_ASKED
    assert memory_rule_of(partition(), [], "mem") == AS_ASKED


def test_what_may_be_asked_for() -> None:
    """Where none is asked for no amount is too much, and the nodes decide by what Slurm gives; a form has nothing to choose there."""
    nodes = {entry.name: entry for entry in (node("g001", memory_mb=1), node("g002", memory_mb=1))}
    there = partition(nodes=("g001", "g002"))
    kinds = kinds_of(there, there.nodes, nodes, memory_rule_of(there, nodes.values(), "mem"))
    limits = limits_of(there, ("cin_staff",), nodes, kinds)
    assert not limits.asks_for_memory
    assert limits.max_memory_mb >= 500_000
    assert limits.fits_one_node(Demand(2, 400_000))
    assert not limits.fits_one_node(Demand(200, 1))
    assert limits.amounts(Demand(2, 400_000))["memory"] == 1


@pytest.mark.parametrize(("memory", "is_told"), [(AS_ASKED, True), (PER_CPU, True), (MemoryRule("none"), False)])
def test_what_the_server_is_told(memory: MemoryRule, is_told: bool) -> None:
    """How much memory a job gets that asks for none is not the Hub's to say."""
    environment = job_environment(request_for({}), SERVER, command=["x"], interface=LAB, memory=memory)
    assert ("MEM_LIMIT" in environment) == is_told
    assert "CPU_LIMIT" in environment


def test_the_form() -> None:
    """The field is there as long as one partition asks for memory."""
    nodes = (node("g001", memory_mb=1),)
    without = choices(nodes=nodes, partitions=(partition(nodes=("g001",)),))
    assert "memory" not in [field.key for field in form_fields(without, {}, {})]
    assert "memory" in [field.key for field in form_fields(choices(), {}, {})]
