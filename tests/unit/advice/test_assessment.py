"""What the page says about one request, of its parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spawner.accounting.billing import Cost
from spawner.accounting.billing_rule import billing_rule
from spawner.advice.assessment import (
    Assessment,
    alternatives_to,
    budgets_there,
    cost_there,
    nodes_with_room,
    read_and_reconcile,
    request_in_words,
    review,
    verdict_of,
    warnings,
)
from spawner.advice.verdict import Verdict
from spawner.availability.forecast import ClusterForecast
from spawner.errors import NoAccount
from spawner.request.choices import Choices
from spawner.request.model import SessionRequest
from spawner.slurm.model import AccountingLimits, Association, Holdings, Node, Qos, Use
from tests.support.builders import (
    NOW,
    choices,
    config,
    cpu_partition,
    demo_associations,
    demo_nodes,
    entitled,
    limited,
    node,
    partition,
    reservation,
)

SMALL = {"cores": 4, "memory": "16G", "walltime": "1h", "partition": "g100_int"}


def forecast(*nodes: Node) -> ClusterForecast:
    """The demo's cluster, or these nodes of it, without jobs."""
    return ClusterForecast(nodes or demo_nodes(), (partition(), cpu_partition()), (), (), now=NOW, as_of=NOW)


def under(name: str, *qos: Qos) -> Choices:
    """ada's choices where her jobs run under the QOS of this name."""
    rows = tuple(
        replace(entry, qos=(name,), default_qos=name) if (entry.account, entry.user) == ("cin_ada", "ada") else entry
        for entry in demo_associations()
    )
    return choices(associations=rows, qos=(Qos("normal"), *qos), partitions=(partition(), cpu_partition()))


def on(offered: Choices, **options: Any) -> tuple[Assessment, Verdict]:
    """A request as it was read, and the verdict while all nodes are idle."""
    found = read_and_reconcile({**SMALL, **options}, offered)
    return found, verdict_of(found.request, found.errors, forecast(), offered)


# --- read and settled ---------------------------------------------------------------------------------------------------------


def test_a_request_that_can_be_had() -> None:
    found, said = on(choices(), gpus=1)
    assert (found.errors, found.moved, found.only_gpu_type) == ({}, {}, "v100")
    assert found.ranges["cores"].most == 48
    assert [gpus.count for gpus in found.gpus] == [0, 1, 2]
    assert (said.kind, said.nodes_that_fit) == ("now", 4)


def test_what_cannot_be_read_has_its_default_and_its_error() -> None:
    """An unreadable value moves nothing, and says what is wrong with it, not with the default in its place."""
    found = read_and_reconcile({**SMALL, "memory": "much", "partition": "g100_cpu"}, choices(), "memory")
    assert set(found.errors) == {"memory"}
    assert found.moved == {}
    assert found.request.partition == "g100_cpu"


def test_an_unreadable_field_that_others_follow_moves_none() -> None:
    found = read_and_reconcile({**SMALL, "gpus": "all of them", "cores": 99}, choices(), "gpus")
    assert set(found.errors) == {"gpus", "cores"}
    assert found.moved == {}


def test_without_an_account_nothing_can_be_asked_for() -> None:
    nobody = tuple(entry for entry in demo_associations() if entry.user != "ada")
    with pytest.raises(NoAccount):
        read_and_reconcile(SMALL, Choices(entitled(associations=nobody), choices().catalogue, {}, now=NOW))


# --- verdict ----------------------------------------------------------------------------------------------------------------------


def test_what_is_refused_is_never() -> None:
    found, said = on(choices(), cores=99)
    assert (said.kind, said.field, said.sentence) == ("never", "cores", found.errors["cores"])


@pytest.mark.parametrize(("flags", "kind"), [("", "never"), ("PartitionTimeLimit", "now")])
def test_a_time_beyond_the_partitions(flags: str, kind: str) -> None:
    """Its MaxTime is 8 hours, which does not count for jobs of a QOS with PartitionTimeLimit (sacctmgr(1))."""
    found, said = on(under("long", Qos("long", frozenset(flags.split()))), walltime="9h")
    assert (said.kind, set(found.errors)) == (kind, {"walltime"} if kind == "never" else set())
    assert found.request.walltime == 540


def test_without_an_answer_of_slurm_nothing_is_known() -> None:
    offered = choices()
    found = read_and_reconcile(SMALL, offered)
    assert verdict_of(found.request, {}, None, offered).kind == "unknown"
    assert alternatives_to(found.request, Verdict("unknown", ""), None, offered) == ()


@pytest.mark.parametrize(
    ("limits", "held", "options", "sentence"),
    [
        (
            {"per_user": (("gres/gpu", 2),)},
            Holdings(qos_users={("int", 1001): Use(tres=(("gres/gpu", 1),))}),
            {"gpus": 2},
            "Will wait: your sessions and jobs leave 1 GPU of the 2 GPUs that QOS int allows.",
        ),
        (
            {"per_user": (("cpu", 8),)},
            Holdings(qos_users={("int", 1001): Use(tres=(("cpu", 7),))}),
            {"cores": 2},
            "Will wait: your sessions and jobs leave 1 core of the 8 cores that QOS int allows.",
        ),
        (
            {"group": (("mem", 64 * 1024),)},
            Holdings(qos={"int": Use(tres=(("mem", 60 * 1024),))}),
            {"memory": "8G"},
            "Will wait: the jobs of all who share it leave 4 GB of the 64 GB that QOS int allows.",
        ),
        (
            {"group": (("gres/gpu:v100", 4),)},
            Holdings(qos={"int": Use(tres=(("gres/gpu:v100", 9),))}),
            {"gpus": "v100:1"},
            "Will wait: the jobs of all who share it leave 0 V100 of the 4 V100 that QOS int allows.",
        ),
        (
            {"max_jobs": 1},
            Holdings(qos_users={("int", 1001): Use(jobs=1, submitted=1)}),
            {},
            "Will wait: QOS int allows 1 jobs, and as many are there.",
        ),
    ],
    ids=["own-gpus", "own-cores", "memory-of-all", "a-type-held-beyond-its-limit", "number-of-jobs"],
)
def test_held_back_by_what_others_hold(limits: dict[str, Any], held: Holdings, options: dict[str, Any], sentence: str) -> None:
    """The nodes have it, and Slurm lets the job wait all the same."""
    _, said = on(limited(held, **limits), **options)
    assert (said.kind, said.sentence) == ("wait", sentence)
    assert said.nodes_that_fit == 4


def test_a_used_up_budget_is_never() -> None:
    held = Holdings(qos={"int": Use(minutes=(("cpu", 1000),))})
    found, said = on(limited(held, group_minutes=(("cpu", 1100),)))
    assert (found.errors, said.kind, said.field) == ({}, "never", "account")
    assert said.sentence == "QOS int has only 1 h 40 min of cores left, and this takes 4 h of cores."


def test_no_alternative_is_one_that_would_wait_as_well() -> None:
    """Fewer GPUs do not help where the limit leaves none; where it leaves one, one is offered."""
    busy = [node(f"g00{number}", used="gpu:v100:1(IDX:0)") for number in range(1, 5)]
    for left, counts in ((0, set()), (1, {1})):
        offered = limited(Holdings(qos_users={("int", 1001): Use(tres=(("gres/gpu", 2 - left),))}), per_user=(("gres/gpu", 2),))
        request = read_and_reconcile({**SMALL, "gpus": 2}, offered).request
        there = forecast(*busy)
        found = alternatives_to(request, verdict_of(request, {}, there, offered), there, offered)
        assert {entry.request.gpus.count for entry in found} - {0} == counts


def test_nothing_else_is_offered_for_what_starts_now() -> None:
    offered = choices()
    request = read_and_reconcile(SMALL, offered).request
    assert alternatives_to(request, Verdict("now", ""), forecast(), offered) == ()


# --- cost ---------------------------------------------------------------------------------------------------------------------


def test_cost_and_budgets_of_the_qos() -> None:
    """The demo's weights: 4 cores, 32 GB and a GPU are 4 + 8 + 16; a QOS with UsageFactor 0.5 halves them."""
    weighed = partition(qos="int", billing_weights=(("cpu", "1.0"), ("mem", "0.25G"), ("gres/gpu", "16.0")))
    rows = tuple(
        Association("cin_ada", "ada", qos=("half",), default_qos="half", limits=entry.limits)
        if (entry.account, entry.user) == ("cin_ada", "ada")
        else entry
        for entry in demo_associations()
    )
    offered = choices(
        associations=rows,
        partitions=(weighed,),
        qos=(Qos("half", usage_factor=0.5, limits=AccountingLimits(group_minutes=(("billing", 6000),))), Qos("int")),
        uid=1001,
    )
    request = read_and_reconcile({**SMALL, "memory": "32G", "gpus": 1}, offered).request
    conf = config(
        AccountingStorageTRES="cpu,mem,node,billing,gres/gpu",
        PriorityFlags="",
        SelectType="select/cons_tres",
        SelectTypeParameters="CR_CORE_MEMORY",
        MaxMemPerNode="UNLIMITED",
    )
    rule = billing_rule(weighed, demo_nodes()[:4], replace(conf, version=(24, 11, 5)))
    cost = cost_there(request, offered, rule)
    assert cost is not None
    assert (cost.billing, cost.per_hour, cost.total) == (28, 14.0, 14.0)
    assert [budget.limit for budget in budgets_there(request, offered)] == [6000]
    assert cost_there(request, offered, None) is None
    nowhere = request.model_copy(update={"partition": "nowhere"})
    assert budgets_there(nowhere, offered) == ()


# --- in words -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "4 cores, 16 GB for 1 h on g100_int as cin_ada"),
        ({"account": ""}, "4 cores, 16 GB for 1 h on g100_int"),
        ({"reservation": "course"}, "4 cores, 16 GB for 1 h on g100_int in reservation course as cin_ada"),
        ({"reservation": "course", "account": ""}, "4 cores, 16 GB for 1 h on g100_int in reservation course"),
        ({"cores": 1}, "1 core, 16 GB for 1 h on g100_int as cin_ada"),
    ],
    ids=["plain", "no-accounting", "reservation", "reservation-without-accounting", "one-core"],
)
def test_request_in_words(changes: dict[str, Any], words: str) -> None:
    request = read_and_reconcile(SMALL, choices()).request.model_copy(update=changes)
    assert request_in_words(request) == words


def test_gpus_in_words_have_their_type_where_there_is_one_only() -> None:
    request = read_and_reconcile({**SMALL, "gpus": 2}, choices()).request
    assert request_in_words(request).startswith("2 GPUs, ")
    assert request_in_words(request, "v100").startswith("2 × V100, ")


def test_a_time_that_is_hardly_meant() -> None:
    """Allowed, and warned of: whoever wrote 5 meant hours, mostly."""
    offered = choices()
    for minutes, words in ((5, ("Only 5 min: that is over before much is done. For hours, write 5h.",)), (10, ()), (60, ())):
        assert warnings(read_and_reconcile({"walltime": minutes}, offered)) == words
    assert warnings(read_and_reconcile({"walltime": 5, "cores": "many"}, offered)) == ()


def test_nodes_with_room() -> None:
    """Those that have all of it free for as long as it lasts, by name, no more than are asked for; none where nobody knows."""
    offered = choices()
    nodes = (node("g001", used="gpu:v100:1"), node("g002"), node("g003", flags="drain"), node("g004"))
    forecast = ClusterForecast(nodes, [partition()], [], [], now=NOW, as_of=NOW)
    assessment = read_and_reconcile({"gpus": 2}, offered)
    known = replace(assessment, forecast=forecast, verdict=Verdict("now", ""))
    assert nodes_with_room(known, offered, 10) == ("g002", "g004")
    assert nodes_with_room(known, offered, 1) == ("g002",)
    assert nodes_with_room(replace(known, verdict=Verdict("unknown", "")), offered, 10) == ()
    assert nodes_with_room(assessment, offered, 10) == ()


def test_review() -> None:
    """What is asked for, its price, whether it starts."""
    request = read_and_reconcile(SMALL, choices()).request
    cost = Cost(8, exact=True, minutes=60, usage_factor=1.0, tres=())
    words = request_in_words(request)
    assert review(Assessment(request, {}, Verdict("now", ""), cost=cost)) == f"{words}: 8 units an hour; starts now."
    assert review(Assessment(request, {}, Verdict("wait", ""), cost=cost), charged=False) == f"{words}: not charged; will wait."
    assert review(Assessment(request, {}, Verdict("never", ""))) == f"{words}: cannot be had."
    assert review(Assessment(request, {}, Verdict("unknown", ""))) == f"{words}."


# --- reservations that draw jobs in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "options", "kind"),
    [
        ({}, {}, "now"),
        ({"flags": frozenset({"SPEC_NODES"})}, {}, "wait"),
        ({"start": NOW + 60}, {}, "wait"),
        ({"partition": "g100_int"}, {}, "now"),
        ({"partition": "g100_cpu"}, {}, "wait"),
        ({"users": ("grace",)}, {}, "wait"),
        ({"accounts": ("cin_ada",)}, {}, "now"),
        ({"accounts": ("cin_extra",)}, {"account": "cin_ada"}, "wait"),
        ({"end": NOW + 1800}, {}, "wait"),
        ({"end": NOW + 3600}, {}, "now"),
        ({"end": NOW + 1800, "flags": frozenset({"MAGNETIC", "FLEX"})}, {}, "now"),
        ({}, {"reservation": "other"}, "wait"),
    ],
    ids=[
        *("it draws", "another flag", "not begun", "its partition", "another partition", "another user's"),
        *("the account's", "another account's", "ends before", "ends with it", "FLEX", "another is named"),
    ],
)
def test_a_magnetic_reservation(changes: dict[str, Any], options: dict[str, Any], kind: str) -> None:
    """Slurm draws a job into it that may be there and names no reservation; whatever else is not free does not matter."""
    there = {"nodes": ("g003",), "flags": frozenset({"MAGNETIC", "SPEC_NODES"}), "core_count": None, **changes}
    known = (reservation("magnet", **there), reservation("other", nodes=("g004",), core_count=None))
    busy = [replace(each, cores_allocated=48, memory_mb_allocated=each.memory_mb) if each.name != "g003" else each for each in demo_nodes()]
    request = SessionRequest.model_validate({**SMALL, "account": "cin_ada", **options})
    seen = ClusterForecast(busy, (partition(oversubscribe="NO", oversubscribe_count=1), cpu_partition()), known, (), now=NOW, as_of=NOW)
    assert verdict_of(request, {}, seen, choices(reservations=known, fields={"reservation": {"choices": [""]}})).kind == kind


def test_a_magnetic_reservation_that_ends_it() -> None:
    """Before 25.11 Slurm draws in what is longer than the reservation, and ends it with that: nobody knows how long it lasts."""
    magnet = reservation("magnet", end=NOW + 1800, nodes=("g003",), flags=frozenset({"MAGNETIC"}), core_count=None)
    request = SessionRequest.model_validate({**SMALL, "account": "cin_ada"})
    seen = ClusterForecast(demo_nodes(), (partition(), cpu_partition()), (magnet,), (), now=NOW, as_of=NOW)
    offered = choices(reservations=(magnet,))
    assert verdict_of(request, {}, seen, offered).kind == "now"
    before = replace(offered, entitlement=replace(offered.entitlement, drawn_in_though_longer=True))
    found = verdict_of(request, {}, seen, before)
    assert (found.kind, found.field) == ("unknown", "walltime")
    assert found.sentence.startswith("Reservation “magnet” may draw this session in, and end it at")
    short = request.model_copy(update={"walltime": 30})
    assert verdict_of(short, {}, seen, before).kind == "now"
    assert verdict_of(request.model_copy(update={"reservation": "magnet"}), {}, seen, before).field != "walltime"
