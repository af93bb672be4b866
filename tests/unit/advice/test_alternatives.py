"""What would start now instead: each case by hand, and for any cluster that an alternative holds what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.advice.alternatives import MAX_ALTERNATIVES, Alternative, alternatives
from spawner.advice.verdict import verdict
from spawner.availability.forecast import ClusterForecast
from spawner.request.model import SessionRequest, parse_request
from spawner.request.validation import check_request
from spawner.slurm.model import Job, Node, Partition, Reservation
from tests.support.builders import HOUR, MEMORY_MB, NOW, choices, cpu_partition, node, partition, reservation

ONE_USED, TWO_USED = "gpu:v100:1(IDX:0)", "gpu:v100:2(IDX:0-1)"


def asked(**options: Any) -> SessionRequest:
    """A complete request of ada's: 1 GPU, 4 cores, 8 GB and 2 hours on the GPU partition, unless the options say otherwise."""
    preset = {"account": "cin_ada", "partition": "g100_int", "cores": 4, "memory": "8G", "gpus": 1, "walltime": "2h"}
    return parse_request({**preset, "release": "2026.10", "interface": "lab", **options})


def offered(
    request: SessionRequest,
    *nodes: Node,
    partitions: Sequence[Partition] = (),
    reservations: Sequence[Reservation] = (),
    jobs: Sequence[Job] | None = (),
    fields: dict[str, Any] | None = None,
    refused: bool = False,
    **changes: Any,
) -> tuple[Alternative, ...]:
    """The alternatives on a cluster of these nodes, all in one GPU partition that shares no cores unless partitions are given."""
    names = tuple(entry.name for entry in nodes)
    everywhere = tuple(partitions) or (partition(nodes=names, oversubscribe="NO", oversubscribe_count=1),)
    own = choices(nodes=nodes, partitions=everywhere, reservations=reservations, fields=fields, **changes)
    return alternatives(request, ClusterForecast(nodes, everywhere, reservations, jobs, now=NOW), own, refused=refused)


def changes_of(found: Sequence[Alternative]) -> list[dict[str, str]]:
    """What each of them changes, in order."""
    return [dict(entry.change) for entry in found]


def test_fewer_gpus() -> None:
    """Three nodes with one free GPU: one instead of two, and only then none."""
    found = offered(asked(gpus=2), *(node(f"g00{number}", used=ONE_USED) for number in (1, 2, 3)))
    assert [(dict(entry.change), entry.sentence) for entry in found] == [
        ({"gpus": "1"}, "1 GPU instead of 2: starts now."),
        ({"gpus": "0"}, "No GPU instead of 2 GPUs: starts now."),
    ]


def test_fewer_of_the_same_type_and_another_type() -> None:
    """Both are one change; three A100 are as many as three V100, so they come first."""
    nodes = [node("g001", gres="gpu:v100:3", used=ONE_USED), node("g002", gres="gpu:a100:3")]
    found = offered(asked(gpus="v100:3"), *nodes)
    assert changes_of(found) == [{"gpus": "v100:2"}, {"gpus": "a100:3"}, {"gpus": "0"}]
    assert found[0].sentence == "2 × V100 instead of 3: starts now."
    assert found[1].sentence == "3 × A100 instead of 3 × V100: starts now."


@pytest.mark.parametrize(
    ("request_", "only", "change", "sentence"),
    [
        pytest.param(asked(cores=16), {"cores_allocated": 38}, {"cores": "10"}, "10 cores instead of 16: starts now.", id="cores"),
        pytest.param(
            asked(memory="64G"),
            {"memory_mb_allocated": MEMORY_MB - 40_000},
            {"memory": "39G"},
            "39 GB instead of 64 GB: starts now.",
            id="memory",
        ),
        pytest.param(
            asked(cores=16, memory="64G"),
            {"cores_allocated": 40, "memory_mb_allocated": MEMORY_MB - 40_000},
            {"cores": "8", "memory": "39G"},
            "8 cores instead of 16, 39 GB instead of 64 GB: starts now.",
            id="both",
        ),
        pytest.param(
            asked(cores=3),
            {"threads_per_core": 2, "cores_allocated": 45},
            {"cores": "2"},
            "2 cores instead of 3: starts now.",
            id="threads",
        ),
    ],
)
def test_less_of_a_number(request_: SessionRequest, only: dict[str, int], change: dict[str, str], sentence: str) -> None:
    """As much as there is, in whole GB."""
    found = offered(request_, node(**only))
    assert (changes_of(found), found[0].sentence) == ([change], sentence)


@pytest.mark.parametrize(
    ("begins_in", "change"),
    [(100 * 60, "01:30:00"), (59 * 60, "00:55:00"), (13 * 60, "00:12:00"), (11 * 60, "00:10:00"), (10 * 60, None)],
)
def test_shorter_before_a_maintenance(begins_in: int, change: str | None) -> None:
    """The time that is left, as a person would type it; a few minutes are no session."""
    service = reservation("service", start=NOW + begins_in, end=NOW + 9 * HOUR, nodes=("g001",), users=(), flags=frozenset({"MAINT"}))
    found = offered(asked(), node("g001"), reservations=(service,))
    assert changes_of(found) == ([{"walltime": change}] if change else [])


def test_another_partition_with_its_limits() -> None:
    """The other partition's nodes, the account that may run there, and no longer than it allows."""
    two = (
        partition(nodes=("g001",)),
        partition("other", nodes=("g002",), is_default=False, max_minutes=90, allow_accounts=("cin_extra",)),
        partition("closed", nodes=("g003",), is_default=False, allow_accounts=("cin_grace",)),
    )
    nodes = [node("g001", used=TWO_USED), node("g002"), node("g003")]
    found = offered(asked(), *nodes, partitions=two)
    assert changes_of(found) == [
        {"partition": "other", "account": "cin_extra", "walltime": "01:30:00"},
        {"gpus": "0"},
    ]
    assert found[0].sentence == "1 h 30 min instead of 2 h, partition other, account cin_extra: starts now."


def test_own_reservation() -> None:
    """Nodes that are kept for the user are offered, those of somebody else's reservation are not."""
    nodes = [node("g001", gres="gpu:v100:2", used=TWO_USED), node("g003"), node("g004")]
    kept = (reservation(nodes=("g003",)), reservation("hers", nodes=("g004",), users=("grace",)))
    found = offered(asked(walltime="1h"), *nodes, reservations=kept)
    assert changes_of(found) == [{"reservation": "course"}, {"gpus": "0"}]
    assert found[0].sentence == "In reservation course: starts now."
    full = [node("g001"), node("g003", used=TWO_USED)]
    assert offered(asked(reservation="course"), *full, reservations=kept[:1])[0].sentence == "Without a reservation: starts now."
    locked = {"reservation": {"default": "course", "locked": True}}
    assert changes_of(offered(asked(reservation="course"), *full, reservations=kept[:1], fields=locked)) == [{"gpus": "0"}]


def test_what_the_admin_leaves() -> None:
    """Only values that the admin offers; nothing below a minimum; a locked field stays."""
    busy = node(memory_mb_allocated=MEMORY_MB - 40_000)
    assert changes_of(offered(asked(memory="64G"), busy, fields={"memory": {"choices": ["8G", "16G", "64G"]}})) == [{"memory": "16G"}]
    assert offered(asked(memory="64G"), busy, fields={"memory": {"minimum": "48G"}}) == ()
    assert offered(asked(memory="64G"), busy, fields={"memory": {"default": "64G", "locked": True}}) == ()
    used = node(used=ONE_USED)
    assert changes_of(offered(asked(gpus=2), used, fields={"gpus": {"choices": ["0", "2"]}})) == [{"gpus": "0"}]
    assert changes_of(offered(asked(gpus=2), used, fields={"gpus": {"minimum": 1}})) == [{"gpus": "1"}]


def test_for_what_can_never_run() -> None:
    """Too many of anything: as many as there are."""
    assert changes_of(offered(asked(gpus=4), node())) == [{"gpus": "2"}, {"gpus": "0"}]
    assert changes_of(offered(asked(cores=99), node())) == [{"cores": "48"}]
    assert changes_of(offered(asked(walltime="12h"), node(), refused=True)) == [{"walltime": "08:00:00"}]


def test_none() -> None:
    """Nothing to offer where the request starts itself, where nothing is free, and where nobody knows."""
    assert offered(asked(), node()) == ()
    assert offered(asked(), node(flags="drain")) == ()
    assert offered(asked(), node(cores_allocated=48)) == ()
    assert offered(asked(), node(), jobs=(Job(1, "eve", "PENDING", "Resources", partition="g100_int"),)) == ()
    assert offered(asked(gpus="shard:1"), node(gres="gpu:t4:1,shard:t4:4")) == ()


def test_at_most_four() -> None:
    """The nearest four of many partitions, in the order of their names where they are equally near."""
    parts = [partition(nodes=("g000",)), *(partition(f"p{number}", nodes=(f"g00{number}",), is_default=False) for number in range(1, 8))]
    nodes = [node("g000", flags="drain"), *(node(f"g00{number}") for number in range(1, 8))]
    found = offered(asked(), *nodes, partitions=parts)
    assert changes_of(found) == [{"partition": f"p{number}"} for number in range(1, MAX_ALTERNATIVES + 1)]


names = st.sampled_from(["g001", "g002", "g003", "g004"])
clusters = st.lists(
    st.builds(
        node,
        name=names,
        gres=st.sampled_from(["gpu:v100:2", "gpu:a100:2", ""]),
        used=st.sampled_from(["", ONE_USED, TWO_USED]),
        flags=st.sampled_from(["", "", "drain"]),
        cores_allocated=st.integers(0, 48),
        memory_mb_allocated=st.integers(0, MEMORY_MB),
        threads_per_core=st.sampled_from([1, 2]),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda entry: entry.name,
)
job_lists = st.lists(
    st.builds(
        Job,
        job_id=st.integers(1, 99),
        user=st.just("eve"),
        state=st.sampled_from(["RUNNING", "PENDING"]),
        reason=st.just("Resources"),
        partition=st.sampled_from(["g100_int", "alone"]),
        start=st.integers(NOW, NOW + 9 * HOUR),
        cores=st.integers(1, 48),
        nodes=st.tuples(names),
        planned_nodes=st.tuples(names),
    ),
    max_size=8,
)
reservation_lists = st.lists(
    st.builds(
        reservation,
        name=st.sampled_from(["one", "two"]),
        start=st.integers(NOW - HOUR, NOW + 4 * HOUR),
        end=st.just(NOW + 6 * HOUR),
        nodes=st.tuples(names),
        users=st.sampled_from([("ada",), ("grace",)]),
    ),
    max_size=2,
    unique_by=lambda entry: entry.name,
)
requests = st.builds(
    asked,
    cores=st.integers(1, 64),
    memory=st.integers(1, 500).map(lambda number: f"{number}G"),
    gpus=st.sampled_from(["0", "1", "2", "3", "v100:1", "v100:2", "a100:1"]),
    walltime=st.integers(1, 600),
    partition=st.sampled_from(["g100_int", "alone", "g100_cpu"]),
)


@given(clusters, job_lists, reservation_lists, requests)
def test_an_alternative_starts_now_and_may_be_had(
    nodes: list[Node], jobs: list[Job], reservations: list[Reservation], request_: SessionRequest
) -> None:
    """Each starts now by the same verdict, passes the gate, differs, is what its change makes of the request, and stands once."""
    every = tuple(entry.name for entry in nodes)
    parts = (
        partition(nodes=every),
        partition("alone", nodes=every[:2], is_default=False, oversubscribe="NO", oversubscribe_count=1),
        cpu_partition(nodes=every[2:]),
    )
    own = choices(nodes=nodes, partitions=parts, reservations=reservations)
    forecast = ClusterForecast(nodes, parts, reservations, jobs, now=NOW)
    found = alternatives(request_, forecast, own)
    assert len(found) <= MAX_ALTERNATIVES
    assert not found or verdict(request_, forecast).kind in ("wait", "never")
    for entry in found:
        assert verdict(entry.request, forecast).kind == "now"
        assert check_request(entry.request, own) == {}
        assert entry.change
        assert entry.request != request_
        assert parse_request({**request_.options(), **entry.change}) == entry.request
    assert len({entry.sentence for entry in found}) == len(found)
