"""Parts of GPUs: which of them a node has, how much of one card is free, and what is said of a request for them, in every room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.accounting.limits import amounts_of, resource_of
from spawner.advice.alternatives import alternatives
from spawner.advice.assessment import nodes_with_room, read_and_reconcile, request_in_words, verdict_of
from spawner.advice.usage_bars import resource_usage_of
from spawner.advice.verdict import Verdict
from spawner.availability.demand import Demand
from spawner.availability.forecast import ClusterForecast
from spawner.availability.node_fit import sharing_jobs
from spawner.availability.node_state import PartsOnNodes, gpus_of
from spawner.availability.table import availability, excerpt
from spawner.availability.totals import running_jobs
from spawner.cache import Snapshot
from spawner.errors import RequestRejected
from spawner.hub.form.render import render_availability
from spawner.request.choices import Choices
from spawner.request.defaults import default_values
from spawner.request.form_fields import form_fields
from spawner.request.gpus import GpuRequest
from spawner.request.model import parse_request
from spawner.request.policy import parse_policies
from spawner.request.validation import resolve_request
from spawner.slurm.model import Job, Node
from spawner.slurm.shared_gres import ANY, largest_free, needs_jobs, part_kinds, parts_in, steps
from tests.support.builders import NOW, choices, config, node, partition

FIFTHS = "gpu:v100:2,shard:v100:10"


def job(tres: str, *nodes: str, **changes: Any) -> Job:
    """A job that runs on these nodes, g001 if none is named."""
    return Job(
        **{"job_id": 1, "user": "eve", "state": "RUNNING", "partition": "g100_int", "nodes": nodes or ("g001",), "tres": tres, **changes}
    )


def shards(*sizes: int) -> list[Job]:
    """Jobs on g001 with so many shards each."""
    return [job(f"cpu=1,mem=1G,node=1,billing=1,gres/shard={size}", job_id=number) for number, size in enumerate(sizes, 1)]


def free(gres: str, used: str, jobs: Sequence[Job] | None = ()) -> list[tuple[str, str, int, int, int]]:
    """What the node has free in parts: name, type, parts a card, the largest one at least and at most."""
    entry = node(gres=gres, used=used)
    return [(each.gres, each.type, each.per_card, each.least, each.most) for each in PartsOnNodes().of(entry, jobs)]


# --- what a node has ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gres", "used", "kinds"),
    [
        pytest.param(FIFTHS, "", [("shard", "v100", 2, 5)], id="typed"),
        pytest.param("gpu:v100:2,shard:10", "", [("shard", "v100", 2, 5)], id="as-in-slurm.conf"),
        pytest.param("gpu:2,shard:8", "", [("shard", "", 2, 4)], id="untyped"),
        pytest.param("gpu:v100:2,gpu:a100:2,shard:20", "", [("shard", "v100", 2, 5), ("shard", "a100", 2, 5)], id="dealt-out"),
        pytest.param("gpu:v100:2,mps:v100:200", "", [("mps", "v100", 2, 100)], id="mps"),
        pytest.param("gpu:v100:2,shard:v100:11", "", [], id="not-the-same-on-each-card"),
        pytest.param("gpu:v100:2,shard:v100:11", "shard:v100:0(0/6,0/5)", [], id="not-the-same-as-slurm-says"),
        pytest.param("gpu:v100:2,shard:v100:8", "shard:v100:0(0/8)", [("shard", "v100", 1, 8)], id="one-card-only"),
        pytest.param("gpu:v100:2", "", [], id="whole-gpus"),
        pytest.param("shard:4", "", [], id="without-gpus"),
        pytest.param("gpu:0,shard:0", "", [], id="nothing"),
        pytest.param("", "", [], id="null"),
    ],
)
def test_the_cards_that_are_given_out_in_parts(gres: str, used: str, kinds: list[tuple[str, str, int, int]]) -> None:
    """By type; the number of parts is that of one card, and none where the cards differ."""
    assert [(kind.gres, kind.type, kind.cards, kind.per_card) for kind in part_kinds(node(gres=gres, used=used))] == kinds


@pytest.mark.parametrize(
    ("gres", "per_card", "offered"),
    [
        ("shard", 1, ()),
        ("shard", 2, (1,)),
        ("shard", 5, (1, 2, 3, 4)),
        ("shard", 16, (1, 2, 4, 8)),
        ("shard", 20, (1, 2, 4, 6, 8, 10, 12, 14, 16, 18)),
        ("mps", 100, (10, 20, 30, 40, 50, 60, 70, 80, 90)),
        ("mps", 50, (5, 10, 15, 20, 25, 30, 35, 40, 45)),
    ],
)
def test_of_a_card_of_many_parts_not_each_number_is_offered(gres: str, per_card: int, offered: tuple[int, ...]) -> None:
    """At most about ten, the smallest shard always, never the whole card."""
    assert steps(gres, per_card) == offered


# --- what is free -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("used", "bounds"),
    [
        pytest.param("gpu:v100:0(IDX:N/A),shard:v100:0(0/5,0/5)", (5, 5), id="idle"),
        pytest.param("gpu:v100:0(IDX:N/A),shard:v100:4(4/5,0/5)", (5, 5), id="a-whole-card"),
        pytest.param("gpu:v100:0(IDX:N/A),shard:v100:6(3/5,3/5)", (2, 2), id="two-and-two-are-not-four"),
        pytest.param("gpu:v100:1(IDX:1),shard:v100:4(4/5,0/5)", (1, 1), id="the-other-is-taken-and-reads-0"),
        pytest.param("gpu:v100:1(IDX:1),shard:v100:4(4/5,-/5)", (1, 1), id="the-other-is-taken-and-says-so"),
        pytest.param("gpu:v100:2(IDX:0-1),shard:v100:0(0/5,0/5)", (0, 0), id="both-are-taken"),
        pytest.param("gpu:v100:0(IDX:N/A),shard:v100:7(5/5,2/5)", (3, 3), id="one-is-full"),
    ],
)
def test_since_23_11_it_is_exact(used: str, bounds: tuple[int, int]) -> None:
    """Measured on 24.11.5, but for the dash, which later ones print for a card that is taken as a whole."""
    assert free(FIFTHS, used, None) == [("shard", "v100", 5, *bounds)]


@pytest.mark.parametrize(
    ("used", "jobs", "bounds"),
    [
        pytest.param("gpu:v100:0(IDX:N/A),shard:v100:0(IDX:N/A)", (), (5, 5), id="idle"),
        pytest.param("gpu:v100:2(IDX:0-1),shard:v100:0(IDX:N/A)", (), (0, 0), id="taken"),
        pytest.param("gpu:v100:1(IDX:1),shard:v100:1(IDX:0)", shards(1, 1, 1), (2, 2), id="one-card"),
        pytest.param("gpu:v100:0(IDX:N/A),shard:v100:1(IDX:0)", shards(3), (5, 5), id="and-a-free-one"),
        pytest.param("gpu:v100:0(IDX:N/A),shard:v100:2(IDX:0-1)", shards(3, 3), (2, 2), id="no-other-way-to-lay-them"),
        pytest.param("gpu:v100:0(IDX:N/A),shard:v100:2(IDX:0-1)", shards(5, 1, 1), (3, 3), id="one-full-and-one-not"),
        pytest.param("gpu:v100:0(IDX:N/A),shard:v100:2(IDX:0-1)", shards(2, 1, 1), (3, 4), id="two-ways"),
        pytest.param("gpu:v100:0(IDX:N/A),shard:v100:1(IDX:1)", shards(3, 3), (2, 2), id="22.05-has-forgotten-a-card"),
        pytest.param("gpu:v100:0(IDX:N/A),shard:v100:2(IDX:0-1)", shards(3), (0, 4), id="of-another-moment"),
        pytest.param("gpu:v100:0(IDX:N/A),shard:v100:2(IDX:0-1)", None, (0, 4), id="nobody-knows-the-jobs"),
        pytest.param("gpu:v100:0(IDX:N/A),shard:v100:1(IDX:0)", None, (5, 5), id="one-is-free-whoever-has-the-other"),
        pytest.param(
            "gpu:v100:0(IDX:N/A),shard:v100:2(IDX:0-1)", [job("gres/shard=4", "g001", "g002")], (0, 5 - 1), id="a-job-on-two-nodes"
        ),
    ],
)
def test_before_it_follows_from_the_jobs(used: str, jobs: Sequence[Job] | None, bounds: tuple[int, int]) -> None:
    """22.05 says how many cards carry parts; how full they are follows from what the jobs have, as far as it does."""
    assert free(FIFTHS, used, jobs) == [("shard", "v100", 5, *bounds)]


def test_of_mps_one_card_of_a_node_carries_all() -> None:
    """Measured: a second card is not given out in parts while the first one is, however little of it is used."""
    gres = "gpu:v100:2,mps:v100:200"
    assert free(gres, "gpu:v100:0(IDX:N/A),mps:v100:60(60/100,0/100)", None) == [("mps", "v100", 100, 40, 40)]
    assert free(gres, "gpu:v100:1(IDX:0),mps:v100:60(0/100,60/100)", None) == [("mps", "v100", 100, 40, 40)]
    assert free(gres, "gpu:v100:1(IDX:0),mps:v100:0(0/100,0/100)", None) == [("mps", "v100", 100, 100, 100)]
    assert free(gres, "mps:v100:1(IDX:0)", [job("gres/mps=30"), job("gres/mps=30")]) == [("mps", "v100", 100, 40, 40)]
    assert free(gres, "mps:v100:0(IDX:N/A)", [job("gres/mps=30")]) == [("mps", "v100", 100, 70, 70)]
    assert free(gres, "mps:v100:0(IDX:N/A)") == [("mps", "v100", 100, 100, 100)]
    assert free(gres, "mps:v100:1(IDX:0)", None) == [("mps", "v100", 100, 0, 100)]


def test_jobs_that_do_not_say_which_of_two_types_they_have() -> None:
    """22.05 does not say it even where AccountingStorageTRES has the types: each is at worst, and at best, what the others leave."""
    gres = "gpu:v100:1,gpu:a100:1,shard:v100:5,shard:a100:5"
    assert free(gres, "shard:v100:1(IDX:0),shard:a100:1(IDX:1)", shards(4, 1)) == [("shard", "v100", 5, 1, 4), ("shard", "a100", 5, 1, 4)]
    assert free(gres, "shard:v100:1(IDX:0),shard:a100:0(IDX:N/A)", shards(3, 1)) == [("shard", "v100", 5, 1, 4), ("shard", "a100", 5, 2, 5)]
    typed = [job("gres/shard=4,gres/shard:v100=4"), job("gres/shard=1,gres/shard:a100=1")]
    assert free(gres, "shard:v100:1(IDX:0),shard:a100:1(IDX:1)", typed) == [("shard", "v100", 5, 1, 1), ("shard", "a100", 5, 4, 4)]


def test_a_card_that_carries_parts_is_no_free_gpu() -> None:
    """Of each type by itself; where Slurm does not say of which type the card is, it is promised in none."""

    def whole(gres: str, used: str) -> dict[str, int]:
        return {gpus.type: gpus.free for gpus in gpus_of(node(gres=gres, used=used))}

    both = "gpu:v100:2,gpu:a100:2,shard:v100:10,shard:a100:10"
    assert whole(both, "gpu:v100:1(IDX:0),shard:v100:3(0/5,3/5),shard:a100:0(0/5,0/5)") == {"v100": 0, "a100": 2}
    assert whole(both, "shard:v100:0(IDX:N/A),shard:a100:2(IDX:2-3)") == {"v100": 2, "a100": 0}
    assert whole("gpu:v100:2,gpu:a100:2,shard:20", "shard:1(IDX:0)") == {"v100": 1, "a100": 1}
    assert whole("gpu:2,shard:10", "gpu:0,shard:1(IDX:0)") == {"": 1}


def test_a_gpu_that_a_stray_process_fills_is_no_free_part() -> None:
    """What is not counted as a free GPU is none for parts."""
    entry = node(gres=FIFTHS, used="gpu:v100:1(IDX:0),shard:v100:0(0/5,0/5)", gpus_unfit=(("v100", 1),))
    assert [each.most for each in PartsOnNodes().of(entry, ())] == [0]


@given(st.lists(st.integers(1, 5), max_size=12), st.integers(1, 3))
def test_the_bounds_hold_for_every_way_to_lay_the_jobs(sizes: list[int], cards: int) -> None:
    """Jobs that are put on the first card that has room for them are one of the ways."""
    loads = [0] * cards
    laid = []
    for size in sizes:
        card = next((index for index in range(cards) if loads[index] + size <= 5), None)
        if card is not None:
            loads[card] += size
            laid.append((size, 0))
    bounds = largest_free(tuple(sorted(laid, reverse=True)), ((cards, 5, sum(map(bool, loads))),))
    assert bounds is not None
    assert bounds[0][0] <= 5 - min(loads) <= bounds[0][1]


def test_many_jobs_on_many_cards_take_no_time() -> None:
    """Then only what they have together is looked at."""
    assert largest_free(((3, ANY),) * 30 + ((1, ANY),) * 20, ((16, 10, 16), (8, 10, 8))) == ((4, 10), (0, 10))


def test_what_jobs_have() -> None:
    """Counts by name, and by type where Slurm says it; nothing of what only looks like it."""
    assert parts_in("cpu=1,gres/shard=3,gres/shard:v100=3,gres/gpu=1") == {"shard": 3, "shard:v100": 3}
    assert parts_in("gres/shardlike=3,gres/shard=x,") == {}
    assert list(sharing_jobs([*shards(1), job("gres/shard=1", state="PENDING"), job("cpu=1", "g002")])) == ["g001"]


def test_the_jobs_are_needed_only_where_they_tell_something() -> None:
    """A cluster without parts, without jobs that have some, or since 23.11, asks for no list of jobs for its table."""
    assert not needs_jobs([node(), node(gres=FIFTHS, used="shard:v100:0(IDX:N/A)"), node(gres=FIFTHS, used="shard:v100:4(4/5,0/5)")])
    assert needs_jobs([node(), node(gres=FIFTHS, used="shard:v100:1(IDX:0)")])


# --- what is said of a request --------------------------------------------------------------------------------------------------


SHARED_NODE = node(gres=FIFTHS, used="gpu:v100:0(IDX:N/A),shard:v100:6(3/5,3/5)")


def chosen(*nodes: Node, fields: Mapping[str, Any] | None = None, **changes: Any) -> Choices:
    """What can be chosen in one partition of these nodes."""
    return choices(nodes=nodes, partitions=(partition(nodes=tuple(entry.name for entry in nodes), **changes),), fields=fields)


def said(gpus: Any, *nodes: Node, jobs: Sequence[Job] | None = (), **changes: Any) -> Verdict:
    """The verdict on a request for these GPUs."""
    options = chosen(*nodes, **changes)
    found = read_and_reconcile({"gpus": gpus}, options)
    forecast = ClusterForecast(nodes, (partition(nodes=tuple(entry.name for entry in nodes), **changes),), (), jobs, now=NOW)
    return verdict_of(found.request, found.errors, forecast, options)


@pytest.mark.parametrize(
    ("asked", "kind", "sentence"),
    [
        ("shard:2", "now", "Starts now: 1 node has all of it free."),
        ("shard:3", "wait", "Will wait: no GPU has 3/5 of a V100 free; 1 node has one with 2/5."),
        ("v100:1", "wait", "Will wait: no node has a free V100."),
        ("shard:5", "wait", "Will wait: no node has a free V100."),
        ("shard:10", "wait", "Will wait: no node has 2 free V100."),
        (
            "shard:6",
            "never",
            (
                "GPU configuration: “shard:6” is not less than one GPU, and a part of a GPU is: at most 4/5 of a V100. "
                "Choose a smaller part, or whole GPUs."
            ),
        ),
        ("mps:10", "never", "GPU configuration: partition g100_int gives no parts of GPUs. Choose whole GPUs, or another partition."),
        (
            "shard:a100:1",
            "never",
            "GPU configuration: partition g100_int gives no parts of GPUs of type A100. Choose whole GPUs, or another type.",
        ),
    ],
)
def test_a_part_comes_from_one_card(asked: str, kind: str, sentence: str) -> None:
    """Two and two free fifths are not three; five fifths are one GPU; more than a card is no part of it."""
    found = said(asked, SHARED_NODE)
    assert (found.kind, found.sentence) == (kind, sentence)


@pytest.mark.parametrize("asked", [0.2, "0.2", "1/5", "v100:0.2", "20%"])
def test_a_fraction_is_refused_with_what_to_ask_for_instead(asked: Any) -> None:
    """GPUs and their parts are counted in whole numbers."""
    assert "such as shard:1" in said(asked, SHARED_NODE).sentence


def test_nobody_knows() -> None:
    """Where Slurm does not say how its jobs lie on the cards it is unknown, and only for what may be."""
    old = node(gres=FIFTHS, used="shard:v100:2(IDX:0-1)")
    assert said("shard:3", old, jobs=shards(2, 1, 1)).kind == "now"
    found = said("shard:4", old, jobs=shards(2, 1, 1))
    assert found == Verdict(
        "unknown",
        "Slurm does not say how its jobs are spread over the GPUs of 1 node: 4/5 of a V100 may be free on one of them, or not.",
    )
    assert said("shard:4", old, jobs=shards(3, 3)).kind == "wait"


def test_no_part_with_the_cores_that_are_asked_for() -> None:
    """The node that has the part has too little of the rest."""
    full = node(gres=FIFTHS, used="shard:v100:0(0/5,0/5)", memory_mb_allocated=375300)
    assert said("shard:1", full).sentence == "Will wait: no node with 1/5 of a V100 free has 4 GB free."


def test_who_gets_the_whole_node_gets_no_part() -> None:
    """Measured: such a job waits for ever."""
    found = said("shard:1", SHARED_NODE, oversubscribe="EXCLUSIVE")
    assert found.kind == "never"
    assert "gives whole nodes, and no parts of GPUs" in found.sentence


def test_untyped_gpus_are_taken_of_all_types_of_a_node_together() -> None:
    """Measured: --gres=gpu:3 gets two V100 and one A100; slices count like any type."""
    mixed = node(gres="gpu:v100:2,gpu:a100:4", used="gpu:v100:1(IDX:0),gpu:a100:3(IDX:2-4)")
    assert [said(gpus, mixed).kind for gpus in (1, 2, 3, 6, 7)] == ["now", "now", "wait", "wait", "never"]
    assert [said(f"a100:{number}", mixed).kind for number in (1, 2)] == ["now", "wait"]
    slices = node(gres="gpu:a100:2,gpu:a100_3g.20gb:2", used="gpu:a100:2(IDX:0-1),gpu:a100_3g.20gb:0(IDX:N/A)")
    assert [said(gpus, slices).kind for gpus in ("a100:1", "a100_3g.20gb:2", 2, 3)] == ["wait", "now", "now", "wait"]
    assert said("a100_3g.20gb:1", node(gres="gpu:a100_3g.20gb:1", used="gpu:a100_3g.20gb:1")).sentence == (
        "Will wait: no node has a free A100 slice 3g.20gb."
    )


# --- the same thing by several names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "value", "words"),
    [
        ("shard:1", "shard:1", "1/5 of a V100"),
        ("shard:v100:4", "shard:v100:4", "4/5 of a V100"),
        ("shard:5", "v100:1", "1 × V100"),
        ("shard:v100:10", "v100:2", "2 × V100"),
        ("v100:1", "v100:1", "1 × V100"),
    ],
)
def test_five_fifths_are_one_gpu(asked: str, value: str, words: str) -> None:
    """Whatever door it came through; the request knows how many parts make one."""
    request = resolve_request({"gpus": asked}, chosen(SHARED_NODE))
    assert (request.gpus.value, request.gpus.words) == (value, words)
    assert request.gpus == GpuRequest(request.gpus.count, request.gpus.type, request.gpus.gres), "what it knows makes it no other request"


def test_parts_of_several_kinds_of_cards() -> None:
    """A part that is all of one card and not of another is a part; how much of a card it is depends on the card."""
    options = chosen(node("g001", gres=FIFTHS), node("g002", gres="gpu:a100:1,shard:a100:8"))
    assert resolve_request({"gpus": "shard:5"}, options).gpus.value == "shard:5"
    assert resolve_request({"gpus": "shard:5"}, options).gpus.words == "5 shards"
    assert resolve_request({"gpus": "shard:a100:5"}, options).gpus.words == "5/8 of an A100"
    assert resolve_request({"gpus": "shard:8"}, options).gpus.value == "a100:1"
    same = chosen(node("g001", gres=FIFTHS), node("g002", gres="gpu:a100:1,shard:a100:5"))
    assert resolve_request({"gpus": "shard:5"}, same).gpus.value == "1", "of whichever type"


def test_what_is_said_without_knowing_the_nodes() -> None:
    """As it stands in a database: nobody knows how many parts make a GPU."""
    assert GpuRequest(1, gres="shard").words == "1 shard"
    assert GpuRequest(2, "v100", "shard").words == "2 V100 shards"
    assert GpuRequest(20, "v100", "mps").words == "V100 MPS 20"
    assert GpuRequest(1, "3g.20gb").words == "1 × GPU slice 3g.20gb"
    assert GpuRequest(2, "a100_1g.5gb").words == "2 × A100 slice 1g.5gb"
    assert GpuRequest(1, "mi250x").words == "1 × MI250X"


def test_a_session_goes_on_being_called_what_it_was_started_as() -> None:
    """What is kept of a request in the Hub's database says it in the same words, and cannot be made to say anything else."""
    kept = resolve_request({"gpus": "shard:2"}, chosen(SHARED_NODE)).options()
    assert (kept["gpus"], kept["gpu_card"]) == ("shard:2", "v100/5")
    assert parse_request(kept).gpus.words == "2/5 of a V100"
    for forged in ("<b>/5", "v100/0", "v100/99999", "/", 5, None, ["v100/5"]):
        assert parse_request({**kept, "gpu_card": forged}).gpus.words == "2 shards"
    assert parse_request({**kept, "gpus": "v100:2"}).gpus.words == "2 × V100"
    assert "gpu_card" not in resolve_request({"gpus": "1"}, chosen(SHARED_NODE)).options()
    assert resolve_request({**kept, "gpu_card": "a100/9"}, chosen(SHARED_NODE)).gpus.words == "2/5 of a V100", "the nodes know better"


# --- what is offered ----------------------------------------------------------------------------------------------------------


def offered(*nodes: Node, **changes: Any) -> list[tuple[str, str, str]]:
    """The options of the form: value, label, group."""
    options = chosen(*nodes, **changes)
    field = next(entry for entry in form_fields(options, default_values(options), {}) if entry.key == "gpus")
    return [(option.value, option.label, option.group) for option in field.options]


def test_parts_are_offered_after_whole_gpus() -> None:
    """On buttons in short, in a list with what sets them apart."""
    assert offered(node(gres="gpu:v100:1,shard:v100:4")) == [
        ("0", "None", ""),
        ("1", "1 × V100", ""),
        ("shard:1", "1/4 V100", ""),
        ("shard:2", "2/4 V100", ""),
        ("shard:3", "3/4 V100", ""),
    ]
    found = offered(SHARED_NODE)
    assert found[:3] == [("0", "None", ""), ("1", "1 × V100", ""), ("2", "2 × V100", "")]
    assert found[3] == ("shard:1", "1/5 of a V100, memory not isolated", "Parts of a GPU")
    assert [value for value, _, _ in found[3:]] == ["shard:1", "shard:2", "shard:3", "shard:4"]


def test_slices_and_several_types_are_told_apart() -> None:
    """Every type by its name; parts by the type where there are several."""
    labels = [label for _, label, _ in offered(node(gres="gpu:a100:1,gpu:a100_3g.20gb:2"))]
    assert labels == ["None", "1 × A100", "1 × A100 slice 3g.20gb", "2 × A100 slice 3g.20gb"]
    values = [value for value, _, _ in offered(node("g001", gres="gpu:v100:1,shard:v100:2"), node("g002", gres="gpu:t4:1,shard:t4:2"))]
    assert values == ["0", "t4:1", "v100:1", "shard:t4:1", "shard:v100:1"]
    untyped = offered(node("g001", gres="gpu:1"), node("g002", gres="gpu:v100:1"))
    assert untyped == [("0", "None", ""), ("1", "1 of any type", ""), ("v100:1", "1 × V100", "")]


def test_what_the_admin_leaves_of_them() -> None:
    """Parts can be forbidden, be the only choice, or be other ones than are offered else."""
    assert [value for value, _, _ in offered(SHARED_NODE, fields={"gpus": {"choices": [0, 1, 2]}})] == ["0", "1", "2"]
    assert [value for value, _, _ in offered(SHARED_NODE, fields={"gpus": {"choices": [0, "shard:2"]}})] == ["0", "shard:2"]
    mps = node(gres="gpu:v100:1,mps:v100:100")
    assert [value for value, _, _ in offered(mps, fields={"gpus": {"choices": [0, "mps:25", 1]}})] == ["0", "1", "mps:25"]
    assert [value for value, _, _ in offered(SHARED_NODE, fields={"gpus": {"minimum": 1}})] == ["1", "2"]
    only_whole = chosen(SHARED_NODE, fields={"gpus": {"choices": [0, 1]}})
    with pytest.raises(RequestRejected, match=r"1/5 of a V100 cannot be chosen. Choose one of: 0, 1\."):
        resolve_request({"gpus": "shard:1"}, only_whole)
    with pytest.raises(RequestRejected, match="less than the 1"):
        resolve_request({"gpus": "shard:1"}, chosen(SHARED_NODE, fields={"gpus": {"minimum": 1}}))
    assert resolve_request({}, chosen(SHARED_NODE, fields={"gpus": {"default": "shard:2"}})).gpus.value == "shard:2"
    with pytest.raises(ValueError, match="minimum and maximum count whole GPUs"):
        parse_policies({"gpus": {"maximum": "shard:2"}})


def test_a_part_that_is_not_offered_can_be_asked_for_all_the_same() -> None:
    """Of a hundred parts not each is offered; what a program asks for, or a link, stands in the form."""
    mps = node(gres="gpu:v100:1,mps:v100:100")
    request = resolve_request({"gpus": "mps:33"}, chosen(mps))
    assert request.gpus.words == "33 % of a V100"
    options = chosen(mps)
    field = next(entry for entry in form_fields(options, {**default_values(options), "gpus": "mps:33"}, {}) if entry.key == "gpus")
    assert field.value == "mps:33"
    assert read_and_reconcile({"gpus": "mps:33"}, options, "partition").request.gpus.value == "mps:33"


def test_the_field_says_what_a_part_is() -> None:
    """Its help, and the range."""
    options = chosen(SHARED_NODE)
    field = next(entry for entry in form_fields(options, default_values(options), {}) if entry.key == "gpus")
    assert field.help.endswith("A part of a GPU is not: others use the same one, and may take its memory.")
    assert field.range == "At most 2 on one node. Or a part of one, from 1/5 of a V100 on."


# --- in other rooms -----------------------------------------------------------------------------------------------------------


def test_the_nearest_requests_that_would_start() -> None:
    """A smaller part of a card, or a whole one elsewhere; a part for whole GPUs, as the least of them."""
    other = node("g002", gres="gpu:v100:1", used="gpu:v100:0(IDX:N/A)")
    nodes = (SHARED_NODE, other)
    options = chosen(*nodes)
    forecast = ClusterForecast(nodes, (partition(nodes=("g001", "g002")),), (), (), now=NOW)
    sentences = [entry.sentence for entry in alternatives(resolve_request({"gpus": "shard:4"}, options), forecast, options)]
    assert sentences == [
        "1 GPU instead of 4/5 of a V100: starts now.",
        "2/5 of a V100 instead of 4/5: starts now.",
        "No GPU instead of 4/5 of a V100: starts now.",
    ]
    sentences = [entry.sentence for entry in alternatives(resolve_request({"gpus": 2}, options), forecast, options)]
    assert sentences[:2] == ["1 GPU instead of 2: starts now.", "2/5 of a V100 instead of 2 GPUs: starts now."]


def test_the_request_in_words() -> None:
    """In the line that the page shows, and in the summary."""
    request = resolve_request({"gpus": "shard:1"}, chosen(SHARED_NODE))
    assert request_in_words(request, "v100") == "1/5 of a V100, 1 core, 4 GB for 1 h on g100_int as cin_ada"
    assert request.summary.startswith("1/5 of a V100, 1 core")


def test_a_place_without_parts_gets_whole_gpus_instead() -> None:
    """When the partition is changed, the nearest that it has; the sentence says so."""
    elsewhere = node("g002", gres="gpu:a100:1", partitions=("other",))
    options = choices(nodes=(SHARED_NODE, elsewhere), partitions=(partition(nodes=("g001",)), partition("other", nodes=("g002",))))
    moved = read_and_reconcile({"gpus": "shard:2", "partition": "other"}, options, "partition")
    assert moved.request.gpus.value == "a100:1"
    assert moved.moved["gpus"].startswith("GPU configuration is now 1 × A100 instead of 2/5 of a V100")


def test_parts_count_against_limits_of_parts_only() -> None:
    """As Slurm counts them: gres/shard is no gres/gpu."""
    assert amounts_of(Demand(4, 1000, "v100", 2, 30, "shard")) == {
        **amounts_of(Demand(4, 1000, minutes=30)),
        "shard": 2,
        "shard:v100": 2,
    }
    assert [resource_of(tres) for tres in ("gres/gpu:v100", "gres/shard", "gres/shard:v100", "gres/mps", "gres/nic")] == [
        "gpus:v100",
        "shard",
        "shard:v100",
        "mps",
        "",
    ]


def test_the_bars_name_parts_beside_gpus() -> None:
    """They are none of the GPUs that are counted."""
    options = chosen(SHARED_NODE)
    jobs = [job("cpu=1,mem=1G,gres/shard=3", user="ada", cores=1), job("cpu=1,mem=1G,gres/gpu=1", user="ada", cores=1)]
    tracked = config(AccountingStorageTRES="cpu,mem,gres/gpu,gres/shard")
    bars = resource_usage_of(running_jobs(jobs), None, options, partition="g100_int", account="cin_ada", config=tracked)
    assert bars[-1].here.words == "1 GPU and 3 shards"
    assert bars[-1].here.used == 1


# --- the table ------------------------------------------------------------------------------------------------------------------


def table(*nodes: Node, jobs: Sequence[Job] | None = None, **changes: Any) -> Any:
    """What the partition of these nodes has free."""
    sharing = None if jobs is None else sharing_jobs(jobs)
    everywhere = (partition(nodes=tuple(entry.name for entry in nodes), **changes),)
    return availability(nodes, everywhere, (), now=NOW, sharing=sharing)


def test_the_table_counts_nodes_by_the_largest_part_of_one_card() -> None:
    """The contract's table stays whole GPUs; the other has parts, and the nodes of which nobody knows it."""
    found = table(
        SHARED_NODE,
        node("g002", gres=FIFTHS, used="shard:v100:1(0/5,1/5)"),
        node("g003", gres=FIFTHS, used="shard:v100:2(IDX:0-1)"),
        node("g004", gres=FIFTHS, used="gpu:v100:2(IDX:0-1),shard:v100:0(0/5,0/5)"),
        node("g005", gres=FIFTHS, used="shard:v100:0(0/5,0/5)", flags="drain"),
        node("c001", gres=""),
    ).partitions[0]
    assert found.gpu_table == {"v100": {"0": 3, "1": 1, "2": 0}}
    assert found.shared_gpu_table == {"shard:v100": {"0": 1, "1": 0, "2": 1, "3": 0, "4": 0, "5": 1, "unknown": 1}}


def test_the_table_with_the_jobs() -> None:
    """Before 23.11 they say what Slurm does not."""
    found = table(node(gres=FIFTHS, used="shard:v100:2(IDX:0-1)"), jobs=shards(3, 3)).partitions[0]
    assert found.shared_gpu_table["shard:v100"]["2"] == 1


def test_no_parts_in_the_table_of_a_partition_that_gives_whole_nodes() -> None:
    """And none where there are none."""
    assert table(SHARED_NODE, oversubscribe="EXCLUSIVE").partitions[0].shared_gpu_table == {}
    assert table(node()).partitions[0].shared_gpu_table == {}


def test_the_table_on_the_page() -> None:
    """A row set for each type: whole GPUs, slices, parts."""
    found = table(node("g001", gres="gpu:a100:1,gpu:a100_3g.20gb:2"), replace(SHARED_NODE, name="g002"))
    html = render_availability(Snapshot(excerpt(found, "g100_int"), NOW, stale=False, error=""))
    captions = [part.split("</caption>")[0] for part in html.split("<caption>")[1:]]
    assert [caption.split(">")[1].split("<")[0] for caption in captions] == ["A100", "A100 slice 3g.20gb", "V100", "parts of one V100"]
    assert '<th scope="row">2/5 free</th><td class="text-end">1</td>' in html
    assert "no part free" in html


def test_the_page_marks_nodes_with_parts_by_what_one_card_has() -> None:
    """A part comes from one card: five of ten shards may be free, and no card has three."""
    options = chosen(SHARED_NODE)
    forecast = ClusterForecast((SHARED_NODE,), (partition(nodes=("g001",)),), (), (), now=NOW)
    for wanted, names in (("shard:2", ("g001",)), ("shard:3", ())):
        found = read_and_reconcile({"gpus": wanted}, options)
        assert nodes_with_room(replace(found, forecast=forecast, verdict=Verdict("now", "")), options, 10) == names
