"""Tests for spawner.advice.usage_bars: the two bars of each resource, on the cluster of ``builders`` and on a large one."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.advice.usage_bars import Bar, ResourceUsage, resource_usage_of
from spawner.availability.table import availability
from spawner.availability.totals import NodePool, Running, pools_of, running_jobs
from spawner.request.choices import Choices
from spawner.slurm.model import AccountingLimits, Association, Holdings, Job, Node, Partition, Qos, Use
from tests.support.builders import NOW, choices, config, cpu_partition, demo_associations, demo_nodes, node, partition, reservation

TRACKED = config(AccountingStorageTRES="cpu,mem,energy,node,billing,fs/disk,vmem,pages,gres/gpu,gres/gpu:v100")
PARTITIONS = (partition(oversubscribe="NO", oversubscribe_count=1), cpu_partition())


def job(job_id: int, tres: str, where: str = "g100_int", host: str = "g001", **changes: Any) -> Job:
    """One that runs, as squeue has it."""
    cores = re.match(r"cpu=(\d+)", tres)
    return Job(
        **{
            "job_id": job_id,
            "user": "ada",
            "state": "RUNNING",
            "partition": where,
            "nodes": (host,),
            "cores": int(cores[1]) if cores else 1,
            "tres": tres,
            **changes,
        }
    )


ON_GPUS = job(1, "cpu=4,mem=32G,node=1,billing=28,gres/gpu=1,gres/gpu:v100=1")
ON_CORES = job(2, "cpu=8,mem=1537M,node=1,billing=8", "g100_cpu", "c001")


def in_use(jobs: Iterable[Job]) -> tuple[Node, ...]:
    """The demo's nodes with what these jobs hold of them."""
    nodes = []
    for each in demo_nodes():
        here = [entry for entry in jobs if entry.nodes == (each.name,)]
        gpus = sum("gres/gpu=1" in entry.tres for entry in here)
        memory = 32768 * sum("mem=32G" in entry.tres for entry in here) + 1537 * sum("mem=1537M" in entry.tres for entry in here)
        changes = {"cores_allocated": sum(entry.cores for entry in here), "memory_mb_allocated": memory, "partitions": each.partitions}
        nodes.append(node(each.name, gres="gpu:v100:2" if each.gres else "", used=f"gpu:v100:{gpus}" if each.gres else "", **changes))
    return tuple(nodes)


def bars(
    jobs: Sequence[Job] | None = (ON_GPUS, ON_CORES),
    *,
    nodes: Sequence[Node] | None = None,
    partitions: Sequence[Partition] = PARTITIONS,
    where: str = "g100_int",
    inside: str = "",
    known_nodes: bool = True,
    settings: Any = TRACKED,
    **changes: Any,
) -> dict[str, ResourceUsage]:
    """What ada has, by resource."""
    nodes = in_use(jobs or ()) if nodes is None else nodes
    judged: Choices = choices(partitions=partitions, nodes=nodes, config=settings, **changes)
    running = None if jobs is None else running_jobs(jobs)
    free = availability(nodes, partitions, changes.get("reservations", ()), now=NOW, reservation=inside)
    found = resource_usage_of(
        running,
        pools_of(free, running) if known_nodes else None,
        judged,
        partition=where,
        account="cin_ada",
        reservation=inside,
        config=settings,
    )
    return {entry.resource: entry for entry in found}


def numbers(holding: ResourceUsage) -> tuple[int | None, ...]:
    """The four numbers of two bars."""
    return holding.here.used, holding.here.most, holding.overall.used, holding.overall.most


def test_mine_here_and_mine_overall() -> None:
    """In the partition against all of it where there is no limit; overall against that and what is free in all of the user's partitions."""
    found = bars()
    assert {name: numbers(entry) for name, entry in found.items()} == {
        "cores": (4, 192, 12, 288),
        "memory": (32768, 4 * 375300, 32768 + 1537, 6 * 375300),
        "gpus": (1, 8, 1, 8),
    }
    assert {(entry.limit_is, entry.source) for entry in found.values()} == {("all of the partition", "")}
    assert [(entry.label, entry.unit) for entry in found.values()] == [("Cores", "cores"), ("Memory", "MB"), ("GPUs", "GPUs")]
    assert found["gpus"].here.words == "1 of 8 GPUs"
    assert found["cores"].overall.words == "12 of 288 cores"
    assert found["memory"].here.words == "32 GB of 1466 GB"
    assert [found["gpus"].here.percent, found["cores"].overall.percent] == [12, 4]


def test_using_something_is_more_than_nothing() -> None:
    """With two of three GPUs mine, one of them in use by nobody: 2/3, not 2/1 (Backend.AI's issue 1031)."""
    mine = job(1, "cpu=1,mem=32G,gres/gpu=1"), job(2, "cpu=1,mem=32G,gres/gpu=1", host="g002")
    nodes = [entry for entry in in_use(mine) if entry.name in ("g001", "g002")]
    nodes[1] = node("g002", gres="gpu:v100:1", used="gpu:v100:1")
    assert numbers(bars(mine, nodes=nodes, partitions=PARTITIONS[:1])["gpus"]) == (2, 3, 2, 3)


def test_only_mine_and_only_what_holds_something() -> None:
    """Others' jobs, waiting, ending and ended ones are none of mine; suspended ones and those that are being set up are."""
    counted = [job(number, "cpu=2,mem=1G", state=state) for number, state in enumerate(("RUNNING", "SUSPENDED", "CONFIGURING", "STOPPED"))]
    others = [
        job(10, "cpu=9,mem=1G", user="grace"),
        *(job(20, "cpu=9,mem=1G", state=state) for state in ("PENDING", "COMPLETING", "COMPLETED")),
    ]
    assert bars((*counted, *others))["cores"].here.used == 8


def test_unknown_is_not_nothing() -> None:
    """No list of jobs, no list of nodes, no amounts of one job: None and a dash, and what is known besides."""
    found = bars(None)
    assert numbers(found["cores"]) == (None, 192, None, None)
    assert (found["cores"].here.words, found["cores"].overall.words) == ("— of 192 cores", "—")
    assert found["cores"].here.percent is None
    found = bars(known_nodes=False)
    assert numbers(found["cores"]) == (4, None, 12, None)
    assert (found["cores"].here.words, found["memory"].overall.words, found["cores"].limit_is) == ("4 cores", "33.5 GB", "")
    found = bars((ON_GPUS, job(3, "cpu=3,node=1,billing=3")))
    assert numbers(found["memory"]) == (None, 4 * 375300, None, None)
    assert found["cores"].here.used == 7
    for text in ("N/A", "", "nonsense", "cpu=x"):
        found = bars((job(3, text, cores=5),))
        assert (found["cores"].here.used, found["memory"].here.used, found["gpus"].here.used) == (5, None, None), text


def test_gpus_that_slurm_does_not_track() -> None:
    """Without gres/gpu in AccountingStorageTRES no job shows its GPUs: nobody knows how many; without a job there are none."""
    untracked = config(AccountingStorageTRES="cpu,mem,energy,node,billing,fs/disk,vmem,pages")
    assert bars((job(1, "cpu=4,mem=32G"),), settings=untracked)["gpus"].here.used is None
    assert bars((job(1, "cpu=4,mem=32G"),), settings=config())["gpus"].here.used is None
    assert bars((), settings=untracked)["gpus"].here.used == 0
    assert bars((job(1, "cpu=4,mem=32G"),))["gpus"].here.used == 0
    assert bars((job(1, "cpu=4,mem=32G,gres/gpu:v100=2"),), settings=untracked)["gpus"].here.used == 2


def with_limits(**limits: AccountingLimits) -> dict[str, Any]:
    """ada's association or her account's with limits; ``qos`` is that of the partition g100_int."""
    rows: list[Association] = []
    for entry in demo_associations():
        if (entry.account, entry.user) == ("cin_ada", "ada"):
            entry = Association("cin_ada", "ada", qos=("normal",), limits=limits.get("own", AccountingLimits()))
        elif entry.account == "cin_ada":
            entry = Association("cin_ada", parent="cin_staff", limits=limits.get("account", AccountingLimits()))
        rows.append(entry)
    return {
        "associations": tuple(rows),
        "qos": (Qos("normal"), Qos("int", limits=limits.get("qos", AccountingLimits()))),
        "partitions": (partition(oversubscribe="NO", oversubscribe_count=1, qos="int"), cpu_partition()),
        "uid": 1001,
    }


def test_the_tightest_limit_ends_the_bar() -> None:
    """A user's, an account's or a group's limit, whichever is least; not one for one job, nor one larger than all there is."""
    found = bars(**with_limits(qos=AccountingLimits(per_user=(("gres/gpu", 4), ("cpu", 96)), per_job=(("cpu", 2),))))
    assert (found["gpus"].here, found["gpus"].limit_is, found["gpus"].source) == (Bar(1, 4, "1 of 4 GPUs"), "your limit", "QOS int")
    assert (found["cores"].here.words, found["memory"].limit_is) == ("4 of 96 cores", "all of the partition")
    found = bars(
        **with_limits(qos=AccountingLimits(per_user=(("cpu", 96),)), account=AccountingLimits(group=(("cpu", 64), ("gres/gpu", 100))))
    )
    assert (found["cores"].here.most, found["cores"].limit_is, found["cores"].source) == (64, "a limit that you share", "account cin_ada")
    assert (found["gpus"].here.most, found["gpus"].limit_is) == (8, "all of the partition")
    found = bars(**with_limits(own=AccountingLimits(group=(("cpu", 50),))))
    assert (found["cores"].here.most, found["cores"].limit_is) == (50, "your limit")
    assert bars(**with_limits(qos=AccountingLimits(per_user=(("gres/gpu:v100", 1),))))["gpus"].here.most == 8
    found = bars(known_nodes=False, **with_limits(qos=AccountingLimits(per_user=(("gres/gpu", 4),))))
    assert numbers(found["gpus"]) == (1, 4, 1, None)


def test_limits_leave_what_is_not_held() -> None:
    """What I could still get: what limits leave of what is free, in the partitions where they hold."""
    held = Holdings(
        qos_users={("int", 1001): Use(tres=(("gres/gpu", 1), ("cpu", 4)))}, associations={("cin_ada", "", ""): Use(tres=(("cpu", 50),))}
    )
    limits = with_limits(qos=AccountingLimits(per_user=(("gres/gpu", 4), ("cpu", 24))))
    found = bars(holdings=held, **limits)
    assert numbers(found["gpus"]) == (1, 4, 1, 1 + 3)
    assert numbers(found["cores"]) == (4, 24, 12, 12 + 20 + 88)  # 20 more under the QOS; the other partition's 88 are free of it
    limits = with_limits(qos=AccountingLimits(per_user=(("cpu", 24),)), account=AccountingLimits(group=(("cpu", 80),)))
    assert numbers(bars(holdings=held, **limits)["cores"]) == (4, 24, 12, 12 + 30)  # the account's holds in both: 30 are left of 80
    used_up = Holdings(associations={("cin_ada", "", ""): Use(tres=(("cpu", 90),))})
    assert numbers(bars(holdings=used_up, **limits)["cores"]) == (4, 24, 12, 12)


def test_nodes_out_of_service_give_nothing() -> None:
    """They are no part of all there is; what I hold there still is."""
    nodes = [node(entry.name, gres="", flags="drain", partitions=entry.partitions) for entry in demo_nodes()]
    found = bars(nodes=nodes)
    assert numbers(found["cores"]) == (4, 4, 12, 12)
    assert found["cores"].here.percent == 100
    found = bars((), nodes=nodes)
    assert (found["cores"].here, found["cores"].here.percent) == (Bar(0, 0, "none"), 0)


def test_in_a_reservation() -> None:
    """All there is are the reservation's nodes, and here are my jobs on these."""
    mine = (ON_GPUS, job(5, "cpu=6,mem=32G,gres/gpu=1", host="g003"))
    found = bars(mine, reservations=(reservation(),), inside="course")
    assert numbers(found["cores"]) == (6, 48, 10, 10 + 42)
    assert found["cores"].limit_is == "all of the reservation"
    assert bars(mine, reservations=(reservation(),))["cores"].here.most == 3 * 48


def test_cores_that_jobs_share() -> None:
    """Each core is there as often as it is given out, and what jobs have of that is taken off, everybody's."""
    mine = (ON_GPUS, *(job(number, "cpu=48,mem=1G", host="g002", user="grace") for number in range(10, 13)))
    shared = (partition(), cpu_partition())
    found = bars(mine, partitions=shared)
    assert numbers(found["cores"]) == (4, 5 * 192, 4, 4 + 5 * 192 - 148 + 96)
    assert found["cores"].limit_is == "all of the partition, each core for up to 5 jobs"
    assert numbers(found["gpus"])[1] == 8
    assert numbers(bars(None, partitions=shared)["cores"]) == (None, 960, None, None)


def test_cores_of_several_kinds_of_nodes_that_jobs_share() -> None:
    """What is free is added up over all of them; memory is there once; a full node takes nothing from the others."""
    one, two = partition(oversubscribe_count=2), cpu_partition(oversubscribe="FORCE", oversubscribe_count=3)
    mine = (job(1, "cpu=96,mem=1G", "g100_cpu", "c001"), job(2, "cpu=48,mem=1G", "g100_cpu", "c001"))
    found = bars(mine, partitions=(one, two))
    assert numbers(found["cores"]) == (0, 2 * 4 * 48, 144, 144 + 2 * 4 * 48 + 3 * 2 * 48 - 144)
    assert found["cores"].limit_is == "all of the partition, each core for up to 2 jobs"
    assert found["memory"].here.most == 4 * 375300
    assert found["memory"].overall.most == 2 * 1024 + 6 * 375300
    full = (*mine, *(job(number, "cpu=48,mem=1G", "g100_cpu", "c002") for number in range(3, 6)))
    assert numbers(bars(full, partitions=(two,), where="g100_cpu")["cores"]) == (288, 288, 288, 288)


def test_parts_of_gpus_are_named_beside_the_gpus() -> None:
    """Here and overall, added up over jobs, each once though Slurm names its type as well; never beside another resource."""
    mine = (
        job(1, "cpu=1,mem=1G,gres/shard=2,gres/shard:v100=2"),
        job(2, "cpu=1,mem=1G,gres/shard=1"),
        job(3, "cpu=1,mem=1G,gres/mps=50,gres/gpu=1"),
        job(4, "cpu=1,mem=1G,gres/shard=4", "g100_cpu", "c001"),
    )
    found = bars(mine)
    assert (found["gpus"].here.words, found["gpus"].overall.words) == (
        "1 of 8 GPUs, MPS 50 and 3 shards",
        "1 of 8 GPUs, MPS 50 and 7 shards",
    )
    assert found["cores"].here.words == "3 of 192 cores"
    assert bars((job(1, "cpu=1,mem=1G,gres/shard=1"),))["gpus"].here.words == "0 of 8 GPUs and 1 shard"


def test_a_limit_as_large_as_the_partition_is_the_limit() -> None:
    """It is there when nodes are added."""
    found = bars((), **with_limits(qos=AccountingLimits(per_user=(("cpu", 192), ("gres/gpu", 1)))))
    assert (found["cores"].here.most, found["cores"].limit_is) == (192, "your limit")
    assert found["gpus"].here.words == "0 of 1 GPU"


def test_what_another_account_could_get_is_not_counted() -> None:
    """Overall counts the partitions where this session's account may run; without an account, all of the user's."""
    others = (PARTITIONS[0], cpu_partition(allow_accounts=("cin_extra",)))
    assert numbers(bars((), partitions=others)["cores"]) == (0, 192, 0, 192)
    judged: Choices = choices(partitions=others, config=TRACKED)
    pools = pools_of(availability(demo_nodes(), others, (), now=NOW), running_jobs(()))
    (cores, *_rest) = resource_usage_of(running_jobs(()), pools, judged, partition="g100_int", config=TRACKED)
    assert numbers(cores) == (0, 192, 0, 288)


def test_nodes_of_two_partitions_are_counted_once() -> None:
    """Two partitions with limits of their own on the same nodes give no more than is free on these."""
    limits = with_limits(qos=AccountingLimits(per_user=(("cpu", 180),)))
    limits["partitions"] = (*limits["partitions"], partition("twice", oversubscribe="NO", oversubscribe_count=1, is_default=False))
    nodes = [replace(each, partitions=(*each.partitions, "twice")) if each.gres else each for each in demo_nodes()]
    assert numbers(bars((), nodes=nodes, **limits)["cores"]) == (0, 180, 0, 288)


def test_nothing_in_use_in_words() -> None:
    """Where nobody knows how much there is, nothing in use is 0."""
    assert bars((), known_nodes=False)["cores"].here.words == "0 cores"


def test_where_there_is_nothing_to_show() -> None:
    """No GPUs on the cluster, no bar of them; a partition that is not the user's has none at all."""
    assert set(bars(partitions=(cpu_partition(),), where="g100_cpu")) == {"cores", "memory"}
    assert bars(where="elsewhere") == {}
    found = bars(where="g100_cpu")
    assert (found["gpus"].here.words, found["gpus"].overall.words) == ("none", "1 of 8 GPUs")


@given(
    used=st.lists(st.integers(0, 400), max_size=5),
    totals=st.lists(st.tuples(st.integers(0, 48), st.integers(0, 48)), min_size=1, max_size=4),
)
def test_bars_never_overflow(used: list[int], totals: list[tuple[int, int]]) -> None:
    """A bar is between empty and full, and without a limit never longer than it says."""
    jobs = tuple(job(number, f"cpu={cores},mem=1G") for number, cores in enumerate(used))
    pools = [
        NodePool(frozenset({"g100_int"}), *({"cores": n, "memory": n, "gpus": n} for n in (most, min(most, free))), 0)
        for most, free in totals
    ]
    for entry in resource_usage_of(
        running_jobs(jobs), pools, choices(partitions=PARTITIONS), partition="g100_int", account="cin_ada", config=TRACKED
    ):
        for bar in (entry.here, entry.overall):
            assert bar.used is not None
            assert bar.most is not None
            assert bar.used <= bar.most
            assert bar.percent is not None
            assert 0 <= bar.percent <= 100


@pytest.mark.no_cover  # tracing would be in the time that it takes
def test_a_large_cluster_is_added_up_once() -> None:
    """10,000 nodes and 100,000 jobs: what all share takes some tenths of a second at most, each user's bars a hundredth."""
    names = tuple(f"n{number:05}" for number in range(10_000))
    nodes = tuple(node(name, used="gpu:v100:1", cores_allocated=40, partitions=("g100_int",)) for name in names)
    where = (partition(nodes=names),)
    jobs = tuple(
        job(number, f"cpu={number % 40 + 1},mem={number % 1000 + 1}M,node=1", host=names[number % 10_000], user=f"u{number % 20 or 'ada'}")
        for number in range(100_000)
    )
    jobs = tuple(jobs[:95_000]) + tuple(job(number, "cpu=1,mem=1G,gres/gpu=1", host=names[0]) for number in range(5_000))
    free = availability(nodes, where, (), now=NOW)
    judged = choices(partitions=where, nodes=nodes, config=TRACKED)
    began = time.perf_counter()
    running: Running = running_jobs(jobs)
    pools = pools_of(free, running)
    shared = time.perf_counter() - began
    began = time.perf_counter()
    found = resource_usage_of(running, pools, judged, partition="g100_int", account="cin_ada", config=TRACKED)
    own = time.perf_counter() - began
    assert len(pools) == 1
    assert [entry.here.used for entry in found] == [5_000, 5_000 * 1024, 5_000]
    assert shared < 2
    assert own < 0.5
    assert isinstance(running.by_user, Mapping)


@pytest.mark.parametrize(("used", "most", "percent"), [(1, 3, 33), (5, 4, 100), (0, 0, 0), (3, 0, 100), (None, 4, None), (4, None, None)])
def test_how_full_a_bar_is(used: int | None, most: int | None, percent: int | None) -> None:
    """No division by zero, nothing above 100."""
    assert Bar(used, most, "").percent == percent
