"""What is said of a request: now, wait, never or unknown, and the very sentence."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.advice.verdict import Verdict, verdict
from spawner.availability.age import TOO_OLD_SECONDS
from spawner.availability.forecast import ClusterForecast
from spawner.availability.node_choice import NodeChoice
from spawner.availability.preemption import Preemption
from spawner.request.gpus import GpuRequest
from spawner.request.model import SessionRequest, parse_request
from spawner.slurm.model import Job, Node, Partition, Reservation
from tests.support.builders import HOUR, MEMORY_MB, NOW, cpu_partition, demo_nodes, node, partition, reservation

ONE_USED, TWO_USED = "gpu:v100:1(IDX:0)", "gpu:v100:2(IDX:0-1)"


def asked(**options: Any) -> SessionRequest:
    """One core, 4 GB and one hour on the demo's GPU partition, unless the options say otherwise."""
    return parse_request({"partition": "g100_int", "cores": 1, "memory": "4G", "walltime": "1h", **options})


def said(
    request: SessionRequest,
    *nodes: Node,
    partitions: Sequence[Partition] = (),
    reservations: Sequence[Reservation] = (),
    jobs: Sequence[Job] | None = (),
    as_of: float = NOW,
    is_silent: bool = False,
    features: Sequence[str] = (),
) -> Verdict:
    """The verdict on a cluster of these nodes, all of them in the GPU partition unless partitions are given."""
    everywhere = partitions or (partition(nodes=tuple(entry.name for entry in nodes)),)
    return verdict(
        request,
        ClusterForecast(
            nodes, everywhere, reservations, jobs, now=NOW, as_of=as_of, is_silent=is_silent, choice=NodeChoice(all_of=frozenset(features))
        ),
    )


def four(*used: str, **changes: Any) -> list[Node]:
    """g001 to g004 with these GPUs used."""
    return [node(f"g00{number}", used=text, **changes) for number, text in enumerate(used, 1)]


def clock(moment: float) -> str:
    """The moment as the sentences have it: a test must not depend on the machine's time zone."""
    then, today = (datetime.datetime.fromtimestamp(value).astimezone() for value in (moment, NOW))
    return f"{then:%H:%M}" if then.date() == today.date() else f"{then:%H:%M on %a} {then.day} {then:%b}"


def running(job_id: int = 1, *, nodes: tuple[str, ...] = ("g001",), cores: int = 48, **changes: Any) -> Job:
    """A job that runs in the GPU partition."""
    return Job(**{"job_id": job_id, "user": "eve", "state": "RUNNING", "partition": "g100_int", "nodes": nodes, "cores": cores, **changes})


def pending(job_id: int = 99, **changes: Any) -> Job:
    """A job that waits for resources of the GPU partition; without a plan, unless the changes give one."""
    return Job(**{"job_id": job_id, "user": "eve", "state": "PENDING", "reason": "Resources", "partition": "g100_int", **changes})


# --- now ----------------------------------------------------------------------------------------------------------------------


def test_now() -> None:
    """On the idle demo one GPU can be had on each of four nodes."""
    found = verdict(asked(gpus=1), ClusterForecast(demo_nodes(), (partition(), cpu_partition()), now=NOW))
    assert found == Verdict("now", "Starts now: 4 nodes have all of it free.", nodes_that_fit=4)


def test_now_on_one_node() -> None:
    """Only the node with two free GPUs can run it."""
    assert said(asked(gpus=2), *four(ONE_USED, TWO_USED, ONE_USED, "")) == Verdict("now", "Starts now: 1 node has all of it free.", "", 1)


def test_now_where_the_node_is_asleep() -> None:
    """A node that is switched off is used, and takes minutes to start."""
    found = said(asked(), node(flags="powered_down cloud"))
    assert (found.kind, found.nodes_that_fit) == ("now", 1)
    assert found.sentence == "Starts now: 1 node has all of it free; it has to be switched on first, which takes minutes."
    assert "switched" not in said(asked(), node(flags="powered_down cloud"), node("g002")).sentence


def test_every_core_and_megabyte() -> None:
    """The whole of an empty node can be had, and not one more of anything."""
    assert said(asked(cores=48, memory=f"{MEMORY_MB}M", gpus=2), node()).kind == "now"
    assert said(asked(cores=48, memory="1G"), node(cores_allocated=1), partitions=(partition(oversubscribe="NO"),)).kind == "wait"
    assert said(asked(memory=f"{MEMORY_MB - 1023}M"), node(memory_mb_allocated=1024)).kind == "wait"


# --- wait ---------------------------------------------------------------------------------------------------------------------

NO = (partition(oversubscribe="NO", oversubscribe_count=1),)


@pytest.mark.parametrize(
    ("request_", "nodes", "sentence"),
    [
        pytest.param(
            asked(gpus=2), four(ONE_USED, ONE_USED, ONE_USED, TWO_USED), "no node has 2 free GPUs; 3 have one.", id="three-ones-are-not-two"
        ),
        pytest.param(asked(gpus="v100:2"), four(ONE_USED, TWO_USED), "no node has 2 free V100; 1 has one.", id="one-has-one"),
        pytest.param(asked(gpus=1), four(TWO_USED, TWO_USED), "no node has a free GPU.", id="none-free"),
        pytest.param(
            asked(gpus=3), [node(gres="gpu:a100:4", used="gpu:a100:2(IDX:0-1)")], "no node has 3 free GPUs; 1 has 2.", id="most-is-two"
        ),
        pytest.param(
            asked(gpus="v100:1", cores=16),
            [node("g001", cores_allocated=40), node("g002", used=TWO_USED)],
            "no node with a free V100 has 16 cores free.",
            id="cores-elsewhere",
        ),
        pytest.param(
            asked(gpus="v100:2", memory="64G"),
            [node("g001", memory_mb_allocated=MEMORY_MB - 4096), node("g002", used=ONE_USED)],
            "no node with 2 free V100 has 64 GB free.",
            id="memory-elsewhere",
        ),
        pytest.param(
            asked(gpus=1, cores=16, memory="64G"),
            [node("g001", cores_allocated=40), node("g002", memory_mb_allocated=MEMORY_MB - 4096)],
            "no node with a free GPU has 16 cores and 64 GB free.",
            id="cores-here-memory-there",
        ),
        pytest.param(asked(cores=16), [node(cores_allocated=40)], "no node has 16 cores free.", id="cores"),
        pytest.param(asked(cores=1), [node(cores_allocated=48)], "no node has 1 core free.", id="one-core"),
        pytest.param(asked(memory="64G"), [node(memory_mb_allocated=MEMORY_MB)], "no node has 64 GB free.", id="memory"),
        pytest.param(asked(), [node(flags="drain")], "the only node that could run it is drained.", id="drained"),
        pytest.param(
            asked(),
            [node("g001", flags="drain"), node("g002", flags="drain")],
            "all 2 nodes that could run it are drained.",
            id="all-drained",
        ),
        pytest.param(
            asked(gpus=2),
            [node("g001", flags="drain"), node("g002", state="down"), node("g003", flags="drain"), node("g004", gres="gpu:v100:1")],
            "the nodes that could run it are drained (2), down (1).",
            id="the-small-one-is-not-named",
        ),
    ],
)
def test_wait(request_: SessionRequest, nodes: list[Node], sentence: str) -> None:
    """The reason as a person says it; nothing fits."""
    everywhere = (partition(nodes=tuple(entry.name for entry in nodes), oversubscribe="NO", oversubscribe_count=1),)
    assert said(request_, *nodes, partitions=everywhere) == Verdict("wait", f"Will wait: {sentence}")


def test_wait_for_a_whole_node() -> None:
    """A partition of whole nodes gives none that is in use, by whatever."""
    whole = (partition(nodes=("g001",), oversubscribe="EXCLUSIVE", oversubscribe_count=1),)
    for busy in ({"cores_allocated": 1}, {"memory_mb_allocated": 1}, {"used": ONE_USED}, {"state": "mixed"}):
        found = said(asked(), node(**busy), partitions=whole)
        assert found.sentence == "Will wait: the only node that could run it is in use, and the partition gives whole nodes only."
    part = reservation("part", nodes=("g001",), core_count=8)
    found = said(asked(), node(flags="reserved"), partitions=whole, reservations=(part,))
    assert found.sentence == "Will wait: the only node that could run it is partly reserved, and the partition gives whole nodes only."
    assert said(asked(), node(), partitions=whole).kind == "now"


def test_wait_while_the_partition_is_closed() -> None:
    """Slurm takes jobs for a partition that is down, and starts none."""
    found = said(asked(), node(), partitions=(partition(nodes=("g001",), state="DOWN"),))
    assert found == Verdict("wait", "Will wait: partition g100_int is closed for the moment.")


# --- the cores of a partition that shares them --------------------------------------------------------------------------------


def test_shared_cores() -> None:
    """FORCE:5: five whole-node jobs run on a node, a sixth waits; GPUs and memory are never shared.

    Measured: docs/slurm-facts.md#shared-cores.
    """
    full = node(state="allocated", cores_allocated=48)
    four_jobs = [running(number) for number in range(1, 5)]
    assert said(asked(cores=48), full, jobs=four_jobs).kind == "now"
    five_jobs = [*four_jobs, running(5)]
    assert said(asked(cores=1), full, jobs=five_jobs).sentence == "Will wait: no node has 1 core free."
    assert said(asked(cores=1, gpus=1), node(cores_allocated=48, used=TWO_USED), jobs=four_jobs).kind == "wait"
    assert said(asked(memory="8G"), node(memory_mb_allocated=MEMORY_MB), jobs=()).kind == "wait"


def test_small_jobs_share_a_row() -> None:
    """Two jobs of 20 cores are in one row: nine of them leave 28 cores in the fifth row, and ten leave 8 in each."""
    nine = [running(number, cores=20) for number in range(1, 10)]
    busy = node(cores_allocated=40)
    assert said(asked(cores=28), busy, jobs=nine).kind == "now"
    assert said(asked(cores=29), busy, jobs=nine).kind == "wait"
    ten = [*nine, running(10, cores=20)]
    assert said(asked(cores=8), busy, jobs=ten).kind == "now"
    assert said(asked(cores=9), busy, jobs=ten).kind == "wait"
    halves = [running(number, cores=24) for number in range(1, 11)]
    assert said(asked(cores=1), node(cores_allocated=48), jobs=halves).kind == "wait"
    assert said(asked(cores=24), node(cores_allocated=48), jobs=halves[1:]).kind == "now"
    assert said(asked(cores=25), node(cores_allocated=48), jobs=halves[1:]).kind == "wait"
    assert said(asked(cores=48), node(cores_allocated=48), jobs=halves[2:]).kind == "now"
    mixed = [node("g001", cores_allocated=48), node("g002", cores_allocated=48)]
    assert said(asked(cores=1), *mixed, jobs=halves).nodes_that_fit == 1


def test_ended_jobs_hold_nothing() -> None:
    """A job that is over, or waits, takes no row."""
    over = [running(number, state="COMPLETED") for number in range(1, 6)]
    assert said(asked(cores=48), node(cores_allocated=48), jobs=over).kind == "now"


def test_a_job_on_several_nodes_counts_its_share() -> None:
    """96 cores on two nodes are 48 on each."""
    wide = [running(number, nodes=("g001", "g002"), cores=96) for number in range(1, 6)]
    found = said(asked(cores=1), node("g001", cores_allocated=48), node("g002", cores_allocated=48), node("g003"), jobs=wide)
    assert (found.kind, found.nodes_that_fit) == ("now", 1)


MODES = {
    "NO": partition("NO", nodes=("g001",), oversubscribe="NO", oversubscribe_count=1, version=(22, 5, 8)),
    "YES-4": partition("YES-4", nodes=("g001",), oversubscribe="YES", oversubscribe_count=4, version=(22, 5, 8)),
    "FORCE-1": partition("FORCE-1", nodes=("g001",), oversubscribe="FORCE", oversubscribe_count=1, version=(22, 5, 8)),
    "FORCE-2": partition("FORCE-2", nodes=("g001",), oversubscribe="FORCE", oversubscribe_count=2, version=(22, 5, 8)),
    "FORCE-5": partition("FORCE-5", nodes=("g001",), oversubscribe="FORCE", oversubscribe_count=5, version=(22, 5, 8)),
    "EXCLUSIVE": partition("EXCLUSIVE", nodes=("g001",), oversubscribe="EXCLUSIVE", oversubscribe_count=1, version=(22, 5, 8)),
}
STARTS_BESIDE = {
    "FORCE-5": {"FORCE-5", "FORCE-1", "FORCE-2"},
    "NO": {"NO", "YES-4"},
    "YES-4": {"YES-4"},
    "FORCE-1": {"FORCE-5", "NO", "YES-4", "FORCE-1", "FORCE-2"},
    "FORCE-2": {"FORCE-5", "FORCE-1", "FORCE-2"},
    "EXCLUSIVE": set(),
}
"""A job of 10 cores runs in the first partition; which of them start one beside it on the node. Measured on 22.05.8."""


@pytest.mark.parametrize("first", MODES)
@pytest.mark.parametrize("then", MODES)
def test_partitions_that_share_a_node(first: str, then: str) -> None:
    """Jobs of a sharing partition and of one that does not share never meet on a node, however many cores are free."""
    busy = node(state="mixed", cores_allocated=48 if first == "EXCLUSIVE" else 10)
    jobs = [running(partition=first, cores=busy.cores_allocated)]
    found = said(asked(partition=then, cores=10), busy, partitions=tuple(MODES.values()), jobs=jobs)
    assert found.kind == ("now" if then in STARTS_BESIDE[first] else "wait")


def test_cores_per_node_of_a_partition() -> None:
    """MaxCPUsPerNode holds for all jobs of the partition on a node together."""
    part = (partition(nodes=("g001",), oversubscribe="NO", oversubscribe_count=1, max_cores_per_node=30),)
    busy = node(cores_allocated=20)
    assert said(asked(cores=10), busy, partitions=part, jobs=[running(cores=20)]).kind == "now"
    assert said(asked(cores=11), busy, partitions=part, jobs=[running(cores=20)]).kind == "wait"
    assert said(asked(cores=31), busy, partitions=part, jobs=[running(cores=20)]).field == "cores"


def test_threads_are_given_as_cores() -> None:
    """With two threads a core Slurm takes 4 for 3: where 3 are free, 3 do not fit."""
    assert said(asked(cores=3), node(threads_per_core=2, cores_allocated=44), partitions=NO).kind == "now"
    assert said(asked(cores=3), node(threads_per_core=2, cores_allocated=45), partitions=NO).kind == "wait"


# --- reservations -------------------------------------------------------------------------------------------------------------


def test_reserved_until() -> None:
    """The end of the other's reservation is in the sentence."""
    found = said(asked(), node("g003"), reservations=(reservation(),))
    assert found.sentence == f"Will wait: the only node that could run it is reserved until {clock(NOW + 2 * HOUR)}."
    longer = reservation("longer", end=NOW + 3 * HOUR)
    for both in ((reservation(), longer), (longer, reservation())):
        assert f"until {clock(NOW + 3 * HOUR)}." in said(asked(), node("g003"), reservations=both).sentence
    assert said(asked(), node("g003"), reservations=(reservation(end=NOW),)).kind == "now"


def test_own_reservation() -> None:
    """Inside one's reservation only its nodes count, and it keeps nobody away."""
    nodes = [node("g001"), node("g003")]
    assert said(asked(reservation="course"), *nodes, reservations=(reservation(),)).nodes_that_fit == 1
    found = said(asked(reservation="course", gpus=1), node("g001"), node("g003", used=TWO_USED), reservations=(reservation(),))
    assert found.sentence == "Will wait: no node has a free GPU."
    too_much = said(asked(reservation="course", gpus=3), *nodes, reservations=(reservation(),))
    assert too_much == Verdict("never", "Can never run here: no node of reservation course in g100_int has more than 2 GPUs.", "gpus")


def test_reservation_that_has_not_begun() -> None:
    """Slurm takes the job, and starts it when the reservation does."""
    found = said(asked(reservation="course"), node("g003"), reservations=(reservation(start=NOW + HOUR),))
    assert found == Verdict("wait", f"Will wait: reservation course begins at {clock(NOW + HOUR)}.")


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"MAINT"}, f"it runs into the maintenance at {clock(NOW + 3 * HOUR)}: choose at most 2 h 59 min."),
        (set(), f"the free nodes are reserved from {clock(NOW + 3 * HOUR)} on: choose at most 2 h 59 min."),
    ],
    ids=["maintenance", "reservation"],
)
def test_before_a_reservation(flags: set[str], sentence: str) -> None:
    """A job that would still run when the reservation begins is not started; what is advised fits."""
    later = reservation("later", start=NOW + 3 * HOUR, end=NOW + 5 * HOUR, flags=frozenset(flags))
    found = said(asked(walltime="4h"), node("g003"), reservations=(later,))
    assert found == Verdict("wait", f"Will wait: {sentence}")
    assert said(asked(walltime="179m"), node("g003"), reservations=(later,)).kind == "now"
    assert said(asked(walltime="180m"), node("g003"), reservations=(later,)).kind == "wait"
    assert said(asked(walltime="4h"), node("g003"), node("g004"), reservations=(later,)).nodes_that_fit == 1


def test_some_cores_of_a_node() -> None:
    """A reservation of 8 cores leaves 40 to everybody, and the GPUs. Measured: 24 of 32 start, 25 wait."""
    part = reservation("part", core_count=8)
    assert said(asked(cores=40, gpus=2), node("g003", flags="reserved"), reservations=(part,)).kind == "now"
    assert said(asked(cores=41), node("g003", flags="reserved"), reservations=(part,)).sentence == "Will wait: no node has 41 cores free."
    inside = asked(cores=9, reservation="part")
    assert said(inside, node("g003", flags="reserved"), reservations=(part,)).field == "cores"


def test_overlapping_reservation() -> None:
    """A job in a reservation that may overlap runs whatever else is reserved."""
    own = reservation("own", flags=frozenset({"OVERLAP"}))
    other = reservation("other", start=NOW + 60, flags=frozenset({"MAINT"}))
    assert said(asked(reservation="own"), node("g003"), reservations=(own, other)).kind == "now"
    assert said(asked(reservation="own"), node("g003"), reservations=(reservation("own"), other)).kind == "wait"


# --- jobs that wait already ---------------------------------------------------------------------------------------------------


def test_behind_a_planned_job() -> None:
    """Backfill keeps the planned nodes for the job in front: only what ends before it starts goes in between. Measured on 22.05.8."""
    front = pending(planned_nodes=("g001",), start=NOW + 20 * 60)
    found = said(asked(walltime="1h"), node(used=ONE_USED), jobs=[front])
    assert found.sentence == (
        f"Will wait: the free nodes are kept for jobs that wait already and start at {clock(NOW + 20 * 60)}: choose at most 19 min."
    )
    short = said(asked(walltime="19m"), node(used=ONE_USED), jobs=[front])
    assert short.kind == "now"
    assert short.sentence.endswith("Starts as soon as Slurm looks at the gaps between a job that waits.")
    assert said(asked(walltime="1h"), node(), node("g002"), jobs=[front]).nodes_that_fit == 1


def test_the_first_claim_counts() -> None:
    """Of several plans and reservations on a node the earliest ends what can run there; the one that leaves most time is named."""
    plans = [pending(number, planned_nodes=("g001",), start=NOW + hours * HOUR) for number, hours in enumerate((5, 2, 4), 1)]
    assert "at most 1 h 59 min" in said(asked(walltime="6h"), node(), jobs=plans).sentence
    later = [reservation(f"r{hours}", start=NOW + hours * HOUR, end=NOW + 9 * HOUR, nodes=("g001",)) for hours in (3, 1, 2)]
    assert "at most 59 min" in said(asked(walltime="6h"), node(), jobs=plans, reservations=later).sentence
    assert "at most 1 h 59 min" in said(asked(walltime="6h"), node(), jobs=plans, reservations=later[:1]).sentence
    assert (
        "at most 4 h 59 min"
        in said(
            asked(walltime="6h"), node(), node("g002"), jobs=[*plans, pending(9, planned_nodes=("g002",), start=NOW + 5 * HOUR)]
        ).sentence
    )


def test_behind_a_job_that_starts_any_moment() -> None:
    """A plan of the past is one of the next second."""
    found = said(asked(), node(), jobs=[pending(planned_nodes=("g001",), start=NOW - 5)])
    assert found.sentence == "Will wait: the free nodes are kept for jobs that wait already and start any moment."


def test_behind_jobs_without_a_plan() -> None:
    """Nobody knows which nodes they get: what is free may be theirs."""
    found = said(asked(), node(), jobs=[pending(1), pending(2, reason="Priority")])
    assert found == Verdict("wait", "Will wait: 2 jobs in front, and Slurm has not decided yet where they run.", nodes_that_fit=1)
    assert "a job in front, and Slurm has not decided yet where it runs" in said(asked(), node(), jobs=[pending()]).sentence


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(pending(partition="other"), id="another-partition"),
        pytest.param(pending(reason="Dependency"), id="held-alone"),
        pytest.param(pending(reason="AssocGrpCpuLimit"), id="its-own-limit"),
        pytest.param(running(), id="runs"),
    ],
)
def test_not_in_front(job: Job) -> None:
    """Jobs that wait for something else, or elsewhere, are not in front."""
    assert said(asked(), node(), jobs=[job]).kind == "now"


def test_in_front_in_several_partitions() -> None:
    """A job for several partitions waits in each."""
    assert said(asked(), node(), jobs=[pending(partition="other,g100_int")]).kind == "wait"


def test_planned_node_without_the_list_of_jobs() -> None:
    """Where the jobs are not known, Slurm's mark on the node is all there is."""
    assert said(asked(), node(flags="planned"), jobs=None).sentence == (
        "Will wait: the only node that could run it is kept for a job that waits already."
    )
    assert said(asked(), node(flags="planned"), jobs=()).kind == "now"


# --- never --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "field", "sentence"),
    [
        ({"gpus": "v100:3"}, "gpus", "no node of g100_int has more than 2 V100."),
        ({"gpus": 3}, "gpus", "no node of g100_int has more than 2 GPUs."),
        ({"gpus": "a100:1"}, "gpus", "no node of g100_int has any A100."),
        ({"partition": "g100_cpu", "gpus": 1}, "gpus", "no node of g100_cpu has any GPUs."),
        ({"cores": 49}, "cores", "no node of g100_int has more than 48 cores."),
        ({"memory": "400G"}, "memory", "no node of g100_int has more than 366.5 GB."),
        ({"reservation": "gone"}, "reservation", "there is no reservation “gone”."),
    ],
)
def test_never(options: dict[str, Any], field: str, sentence: str) -> None:
    """The field at fault, and how much there is; nodes that are out of service count, for they come back."""
    nodes = [*demo_nodes()[1:], node(flags="drain")]
    found = said(asked(**options), *nodes, partitions=(partition(), cpu_partition()))
    assert found == Verdict("never", f"Can never run here: {sentence}", field)


def test_never_together() -> None:
    """Each can be had, but on different nodes."""
    nodes = [node("g001", memory_mb=100_000), node("g002", gres="")]
    found = said(asked(gpus=1, memory="200G"), *nodes)
    assert found == Verdict("never", "Can never run here: no node of g100_int has 1 GPU, 1 core and 200 GB together.", "gpus")
    nodes = [node("g001", cores_total=8), node("g002", memory_mb=100_000)]
    assert said(asked(cores=16, memory="200G"), *nodes).field == "memory"


@pytest.mark.parametrize("state", ["DRAIN", "INACTIVE"])
def test_never_in_a_partition_that_takes_no_jobs(state: str) -> None:
    """sbatch refuses at once."""
    assert said(asked(), node(), partitions=(partition(nodes=("g001",), state=state),)).field == "partition"


def test_never_with_an_option_of_the_admin() -> None:
    """Where every job asks for a feature, only nodes that have it count."""
    assert said(asked(), node(features=("ib", "avx")), node("g002"), features=("ib",)).nodes_that_fit == 1
    assert said(asked(), node("g002"), features=("ib",)).kind == "never"


# --- unknown ------------------------------------------------------------------------------------------------------------------


def test_unknown() -> None:
    """No answer of Slurm's, an old one, or one that does not say it: that is not "no"."""
    assert said(asked(), node(), as_of=NOW - TOO_OLD_SECONDS).kind == "now"
    assert said(asked(), node(), as_of=NOW - TOO_OLD_SECONDS - 1).kind == "unknown"
    assert said(asked(), node(), as_of=NOW - 30).kind == "now"
    assert said(asked(), node(), as_of=NOW - 30, is_silent=True).kind == "unknown"
    whole = partition(oversubscribe="EXCLUSIVE", exclusive_user=True)
    assert said(asked(), node(), partitions=[whole], as_of=NOW - 30, is_silent=True).kind == "unknown"
    assert said(asked(partition="elsewhere"), node()).kind == "unknown"
    assert verdict(asked(), ClusterForecast((), (partition(),), now=NOW)).kind == "unknown"
    assert said(asked(gpus="shard:1"), node(gres="gpu:t4:1,shard:t4:4", used="shard:t4:1(IDX:0)")).kind == "unknown"


# --- the words of each case ----------------------------------------------------------------------------------------------------


def fifths(count: int) -> GpuRequest:
    """So many fifths of a V100."""
    return GpuRequest(count, "", "shard", per_card=5, card="v100")


def shards(name: str, used: str, **changes: Any) -> Node:
    """Two V100 of five shards each, given away as told: ``2/5,5/5``; empty: Slurm does not say on which card."""
    total = sum(int(card.partition("/")[0]) for card in used.split(",")) if used else 3
    return node(name, gres="gpu:v100:2,shard:v100:10", used=f"gpu:v100:0(IDX:N/A),shard:v100:{total}({used or '3'})", **changes)


FULL = "5/5,5/5"


@pytest.mark.parametrize(
    ("request_", "nodes", "sentence"),
    [
        pytest.param(
            asked(gpus=fifths(4)),
            [shards("g001", "2/5,5/5"), shards("g002", FULL)],
            "no GPU has 4/5 of a V100 free; 1 node has one with 3/5.",
            id="the largest part",
        ),
        pytest.param(
            asked(gpus=fifths(4)),
            [shards("g001", "2/5,5/5"), shards("g002", "3/5,2/5")],
            "no GPU has 4/5 of a V100 free; 2 nodes have one with 3/5.",
            id="two nodes with it",
        ),
        pytest.param(asked(gpus=fifths(1)), [shards("g001", FULL)], "no GPU has 1/5 of a V100 free.", id="none"),
        pytest.param(asked(gpus="shard:4"), [shards("g001", "2/5,5/5")], "no GPU has 4 shards free.", id="how many make one is not known"),
        pytest.param(
            asked(gpus=fifths(1), cores=16),
            [shards("g001", "0/5,0/5", cores_allocated=40)],
            "no node with 1/5 of a V100 free has 16 cores free.",
            id="cores beside a part",
        ),
        pytest.param(
            asked(gpus=1),
            [node("g001", used=ONE_USED, gpus_unfit=(("v100", 1),))],
            "no node has a free GPU. Slurm may still give you 1 that is faulty or in use outside of Slurm.",
            id="one unfit",
        ),
        pytest.param(
            asked(gpus=2),
            [node("g001", gpus_unfit=(("v100", 1),)), node("g002", gpus_unfit=(("v100", 1),))],
            "no node has 2 free GPUs; 2 have one. Slurm may still give you some of 2 that are faulty or in use outside of Slurm.",
            id="two unfit",
        ),
        pytest.param(
            asked(gpus=2),
            [node("g001", used=ONE_USED, gpus_unfit=(("v100", 1),))],
            "no node has 2 free GPUs.",
            id="too few even with the unfit one",
        ),
        pytest.param(
            asked(gpus=3),
            [node(name, gres="gpu:a100:4", used="gpu:a100:2(IDX:0-1)") for name in ("g001", "g002")],
            "no node has 3 free GPUs; 2 have 2.",
            id="two have two",
        ),
        pytest.param(asked(gpus=2), four(TWO_USED, TWO_USED), "no node has 2 free GPUs.", id="none of two"),
        pytest.param(asked(gpus="v100:1"), four(TWO_USED), "no node has a free V100.", id="none of a type"),
        pytest.param(
            asked(cores=16, memory="64G"),
            [node("g001", cores_allocated=40), node("g002", memory_mb_allocated=MEMORY_MB)],
            "no node has 16 cores and 64 GB free.",
            id="each by itself",
        ),
        pytest.param(
            asked(),
            [node("g001", state="down"), node("g002", flags="drain"), node("g003", state="down"), node("g004", flags="drain")],
            "the nodes that could run it are down (2), drained (2).",
            id="as many of each: in alphabetical order",
        ),
    ],
)
def test_why_it_waits(request_: SessionRequest, nodes: list[Node], sentence: str) -> None:
    """The sentence names what is missing, and the most that can be had instead."""
    everywhere = (partition(nodes=tuple(entry.name for entry in nodes), oversubscribe="NO", oversubscribe_count=1),)
    found = said(request_, *nodes, partitions=everywhere)
    assert found == Verdict("wait", f"Will wait: {sentence}")


@pytest.mark.parametrize(
    ("nodes", "sentence"),
    [
        pytest.param([shards("g001", "")], "the GPUs of 1 node: 4/5 of a V100 may be free", id="one"),
        pytest.param(
            [shards("g001", ""), shards("g002", ""), shards("g003", FULL)], "the GPUs of 2 nodes: 4/5 of a V100 may be free", id="two"
        ),
    ],
)
def test_a_part_that_may_be_free(nodes: list[Node], sentence: str) -> None:
    """Where Slurm does not say on which card its shards are, nobody knows; on how many nodes that is so is said."""
    found = said(asked(gpus=fifths(4)), *nodes)
    assert found.kind == "unknown"
    assert found.sentence == f"Slurm does not say how its jobs are spread over {sentence} on one of them, or not."
    service = reservation(start=NOW + HOUR, nodes=tuple(entry.name for entry in nodes), core_count=48 * len(nodes))
    assert said(asked(gpus=fifths(4), walltime="4h"), *nodes, reservations=(service,)).kind == "wait"
    assert said(asked(gpus=fifths(4), walltime="59m"), *nodes, reservations=(service,)).kind == "unknown"


@pytest.mark.parametrize(
    ("request_", "nodes", "options", "field", "sentence"),
    [
        pytest.param(
            asked(gpus=fifths(6)), [shards("g001", FULL)], {}, "gpus", "a part of a GPU cannot be more than one GPU.", id="more than a card"
        ),
        pytest.param(
            asked(gpus=fifths(1)), [node()], {}, "gpus", "no node of g100_int has GPUs of which a part could be had.", id="no parts"
        ),
        pytest.param(
            asked(gpus=fifths(5), cores=49),
            [shards("g001", FULL)],
            {},
            "cores",
            "no node of g100_int has more than 48 cores.",
            id="all of a card",
        ),
        pytest.param(asked(), [], {"partitions": (partition(nodes=()),)}, "partition", "there is no node of g100_int.", id="no node"),
        pytest.param(
            asked(reservation="course"),
            [],
            {"reservations": (reservation(),)},
            "reservation",
            "there is no node of reservation course in g100_int.",
            id="no node of a reservation",
        ),
        pytest.param(
            asked(), [], {"partitions": (partition(state="DRAIN"),)}, "partition", "partition g100_int takes no jobs.", id="closed for good"
        ),
        pytest.param(
            asked(cores=48, memory=f"{MEMORY_MB}M"),
            [node("g001", cores_total=8), node("g002", memory_mb=1024)],
            {},
            "memory",
            "no node of g100_int has 48 cores and 375300 MB together.",
            id="together",
        ),
        pytest.param(
            asked(memory=f"{MEMORY_MB + 1}M"),
            [node("g001", memory_mb=1024), node("g002")],
            {},
            "memory",
            "no node of g100_int has more than 366.5 GB.",
            id="the largest node counts",
        ),
    ],
)
def test_why_it_never_runs(request_: SessionRequest, nodes: list[Node], options: dict[str, Any], field: str, sentence: str) -> None:
    """The field at fault and what there is at most."""
    everywhere = nodes or [node("g009")]
    assert said(request_, *everywhere, **options) == Verdict("never", f"Can never run here: {sentence}", field)


@pytest.mark.parametrize(
    ("nodes", "jobs", "sentence"),
    [
        pytest.param(
            [node(flags="powered_down cloud"), node("g002", flags="powered_down cloud")],
            [],
            "Starts now: 2 nodes have all of it free; all are switched off, which takes minutes.",
            id="all asleep",
        ),
        pytest.param(
            [node(), node("g002")],
            [pending(number, planned_nodes=("g001",), start=NOW + 3 * HOUR) for number in (1, 2)],
            "Starts now: 2 nodes have all of it free. Starts as soon as Slurm looks at the gaps between 2 jobs that wait.",
            id="between jobs",
        ),
    ],
)
def test_how_it_starts(nodes: list[Node], jobs: list[Job], sentence: str) -> None:
    """How many nodes, whether they have to be switched on, and whether others wait."""
    assert said(asked(), *nodes, jobs=jobs) == Verdict("now", sentence, nodes_that_fit=2)


@pytest.mark.parametrize(
    ("flags", "starts", "sentence"),
    [
        pytest.param({"MAINT"}, 90, f"it runs into the maintenance at {clock(NOW + 90)}.", id="less than a minute left"),
        pytest.param({"MAINT"}, 120, f"it runs into the maintenance at {clock(NOW + 120)}: choose at most 1 min.", id="one minute left"),
        pytest.param(set(), 90, f"the free nodes are reserved from {clock(NOW + 90)} on.", id="reserved, no minute left"),
    ],
)
def test_no_time_is_advised_where_there_is_none(flags: set[str], starts: int, sentence: str) -> None:
    """A minute is kept for the start itself; with nothing left no time is to be chosen."""
    soon = reservation("soon", start=NOW + starts, end=NOW + HOUR, flags=frozenset(flags))
    assert said(asked(), node("g003"), reservations=(soon,)) == Verdict("wait", f"Will wait: {sentence}")


def test_no_time_is_advised_behind_a_job_that_starts_within_a_minute() -> None:
    """The same, of nodes that are kept for a job."""
    found = said(asked(), node(), jobs=[pending(planned_nodes=("g001",), start=NOW + 90)])
    assert found.sentence == f"Will wait: the free nodes are kept for jobs that wait already and start at {clock(NOW + 90)}."


def test_words_of_the_unknown() -> None:
    """Whether Slurm has never said it, or not lately."""
    assert said(asked(partition="elsewhere"), node()) == Verdict("unknown", "Slurm has not said yet what is free.")
    since = NOW - TOO_OLD_SECONDS - 1
    assert said(asked(), node(), as_of=since) == Verdict("unknown", f"Slurm has not said since {clock(since)} what is free.")


# --- for any cluster ----------------------------------------------------------------------------------------------------------

clusters = st.lists(
    st.builds(
        node,
        name=st.sampled_from(["g001", "g002", "g003", "g004"]),
        used=st.sampled_from(["", ONE_USED, TWO_USED]),
        flags=st.sampled_from(["", "", "drain", "planned", "reserved"]),
        cores_allocated=st.integers(0, 48),
        memory_mb_allocated=st.integers(0, MEMORY_MB),
        threads_per_core=st.sampled_from([1, 2]),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda entry: entry.name,
)
names = st.sampled_from(["g001", "g002", "g003", "g004"])
job_lists = st.lists(
    st.one_of(
        st.builds(running, job_id=st.integers(1, 99), nodes=st.tuples(names), cores=st.integers(1, 48)),
        st.builds(pending, planned_nodes=st.tuples(names), start=st.integers(NOW - 60, NOW + 9 * HOUR)),
    ),
    max_size=12,
)
reservation_lists = st.lists(
    st.builds(
        reservation,
        name=st.sampled_from(["one", "two"]),
        start=st.integers(NOW - HOUR, NOW + 4 * HOUR),
        end=st.just(NOW + 6 * HOUR),
        nodes=st.tuples(names),
        core_count=st.sampled_from([8, 48]),
        flags=st.sampled_from([frozenset(), frozenset({"MAINT"})]),
    ),
    max_size=2,
    unique_by=lambda entry: entry.name,
)
modes = st.sampled_from([("NO", 1), ("FORCE", 5), ("FORCE", 1), ("EXCLUSIVE", 1)])


@given(
    clusters,
    job_lists,
    reservation_lists,
    modes,
    st.tuples(st.integers(1, 48), st.integers(1, MEMORY_MB), st.integers(0, 2), st.integers(1, 480)),
    st.tuples(st.integers(1, 48), st.integers(1, MEMORY_MB), st.integers(0, 2), st.integers(1, 480)),
)
def test_asking_for_less_never_makes_it_wait(
    nodes: list[Node],
    jobs: list[Job],
    reservations: list[Reservation],
    mode: tuple[str, int],
    one: tuple[int, int, int, int],
    other: tuple[int, int, int, int],
) -> None:
    """What starts now starts with fewer cores, less memory, fewer GPUs or a shorter time as well, on at least as many nodes."""
    part = partition(nodes=tuple(entry.name for entry in nodes), oversubscribe=mode[0], oversubscribe_count=mode[1])
    forecast = ClusterForecast(nodes, (part,), reservations, jobs, now=NOW)

    def of(cores: int, memory: int, gpus: int, minutes: int) -> Verdict:
        return verdict(asked(cores=cores, memory=f"{memory}M", gpus=gpus, walltime=minutes), forecast)

    more, less = of(*map(max, one, other)), of(*map(min, one, other))
    assert less.nodes_that_fit >= more.nodes_that_fit
    assert (more.kind, less.kind) in {(kind, kind) for kind in ("now", "wait", "never")} | {
        ("wait", "now"),
        ("never", "now"),
        ("never", "wait"),
    }


@given(clusters, job_lists, reservation_lists, modes, st.permutations(range(4)))
def test_the_order_of_the_nodes_says_nothing(
    nodes: list[Node], jobs: list[Job], reservations: list[Reservation], mode: tuple[str, int], order: list[int]
) -> None:
    """The same sentence however Slurm lists its nodes and jobs: it does not flicker from one answer to the next."""
    part = partition(nodes=tuple(entry.name for entry in nodes), oversubscribe=mode[0], oversubscribe_count=mode[1])
    turned = [nodes[index] for index in order if index < len(nodes)]
    other = partition(nodes=tuple(entry.name for entry in turned), oversubscribe=mode[0], oversubscribe_count=mode[1])
    request = asked(gpus=1, cores=8, memory="64G")
    first = verdict(request, ClusterForecast(nodes, (part,), reservations, jobs, now=NOW))
    assert first == verdict(request, ClusterForecast(turned, (other,), reservations[::-1], jobs[::-1], now=NOW))


HIGH, LOW = partition("high", nodes=("g001",), priority_tier=2), partition("low", nodes=("g001",), priority_tier=1)
BELOW = running(partition="low", tres="cpu=48,mem=4G,gres/gpu=2")


def met(modes: str, *, grace_seconds: int = 0, request: SessionRequest | None = None) -> Verdict:
    """The verdict in the higher of two partitions, whose node a job of the lower one has."""
    full = node("g001", state="allocated", used=TWO_USED, cores_allocated=48)
    partitions = (HIGH, replace(LOW, grace_seconds=grace_seconds))
    rules = Preemption("partition", frozenset(modes.split(",")))
    forecast = ClusterForecast([full], partitions, jobs=[BELOW], now=NOW, preemption=rules)
    return verdict(request or asked(partition="high", gpus="2"), forecast)


@pytest.mark.parametrize(
    ("modes", "grace_seconds", "kind", "sentence"),
    [
        ("CANCEL", 0, "now", "Starts now: jobs of lower rank make room for it."),
        ("CANCEL", 60, "now", "Starts now: jobs of lower rank make room for it, which may take 1 min."),
        ("CANCEL", 61, "now", "Starts now: jobs of lower rank make room for it, which may take 2 min."),
        ("GANG,SUSPEND", 0, "wait", "Will wait: no node has 2 free GPUs."),
        (
            "CANCEL,PRIORITY",
            0,
            "unknown",
            "It starts now if Slurm ranks it above jobs that run and would have to make room, or waits for them.",
        ),
        ("OFF", 0, "wait", "Will wait: no node has 2 free GPUs."),
    ],
)
def test_others_make_room(modes: str, grace_seconds: int, kind: str, sentence: str) -> None:
    """It is said that they do, and not who; a job that is suspended keeps its GPUs."""
    found = met(modes, grace_seconds=grace_seconds)
    assert (found.kind, found.sentence) == (kind, sentence)
    assert found.nodes_that_fit == (1 if kind == "now" else 0)


def test_room_that_is_not_enough() -> None:
    """What never fits does not fit then either, and what has to wait says why as before."""
    assert met("CANCEL", request=asked(partition="high", gpus="3")).kind == "never"
    assert met("CANCEL", request=asked(partition="low", gpus="1")).sentence == "Will wait: no node has a free GPU."


@pytest.mark.parametrize(
    ("large", "kind", "words"),
    [
        ((), "now", "Starts now: 2 nodes have all of it free."),
        (("g001",), "unknown", "it depends on Slurm's choice"),
        (("g001", "g002"), "wait", "the free nodes are larger than your limits allow"),
    ],
)
def test_whole_nodes_beyond_the_limits(large: tuple[str, ...], kind: str, words: str) -> None:
    """Slurm chooses a node before it looks whether the account may have all of it."""
    nodes = [node("g001"), node("g002", memory_mb=MEMORY_MB + 1024)]
    sizes = {MEMORY_MB: "g001", MEMORY_MB + 1024: "g002"}
    forecast = ClusterForecast(nodes, [partition(nodes=("g001", "g002"), oversubscribe="EXCLUSIVE")], now=NOW, jobs=())
    found = verdict(asked(), forecast, too_large=lambda entry: sizes[entry.memory_mb_total] in large)
    assert (found.kind, words in found.sentence) == (kind, True), found.sentence
