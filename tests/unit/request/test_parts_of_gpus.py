"""Parts of GPUs in a request: what they are, which can be chosen, what becomes of them elsewhere, and how they are told."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

import re
from typing import Any

import pytest

from spawner.errors import RequestRejected
from spawner.request.choices import Choices
from spawner.request.defaults import default_values
from spawner.request.form_fields import FormField, form_fields, shown_value
from spawner.request.gpus import GpuRequest, parse_gpus
from spawner.request.model import CARD, parse_request
from spawner.request.ranges import gpus_there, ranges
from spawner.request.reconcile import reconcile
from spawner.request.validation import judge_request, resolve_request
from spawner.slurm.model import AccountingLimits, Association, Node, Qos
from tests.support.builders import ADA_LINE, choices, cpu_partition, demo_nodes, node, partition


def carded(name: str, per_card: int, gpu_type: str = "v100", gres: str = "shard", cards: int = 2, **changes: Any) -> Node:
    """An idle node with so many cards, each of them so many parts."""
    kind = f"{gpu_type}:" if gpu_type else ""
    free = ",".join([f"0/{per_card}"] * cards)
    return node(
        name, gres=f"gpu:{kind}{cards},{gres}:{kind}{cards * per_card}", used=f"gpu:{kind}0(IDX:N/A),{gres}:{kind}0({free})", **changes
    )


CPUS = demo_nodes()[4:]


def on(*nodes: Node, elsewhere: tuple[Node, ...] = (), **changes: Any) -> Choices:
    """What ada may choose: g100_int is of these nodes, g100_x of those elsewhere, g100_cpu has no GPUs."""
    places = [partition(nodes=tuple(entry.name for entry in nodes)), cpu_partition()]
    if elsewhere:
        places.append(partition("g100_x", nodes=tuple(entry.name for entry in elsewhere), is_default=False))
    return choices(**{"nodes": (*nodes, *elsewhere, *CPUS), "partitions": places, **changes})


FIFTHS, QUARTERS = carded("g001", 5), carded("x001", 4, "a100")
MANY = carded("g001", 32)
"""A card of so many parts that not all of them are offered."""


def fifths(**changes: Any) -> Choices:
    """One type of card in five parts."""
    return on(FIFTHS, **changes)


def two_kinds(**changes: Any) -> Choices:
    """V100 in five parts, and elsewhere A100 in four."""
    return on(FIFTHS, elsewhere=(QUARTERS,), **changes)


def values(offered: Choices) -> list[str]:
    """All that can be chosen."""
    return [gpus.value for gpus in offered.gpus.values()]


# --- what they are --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpus", "is_part", "whole", "amount", "words", "in_full"),
    [
        pytest.param(GpuRequest(), False, 0, 0, "no GPU", "no GPU", id="none"),
        pytest.param(GpuRequest(2, "v100"), False, 2, 2, "2 × V100", "2 × V100", id="whole"),
        pytest.param(GpuRequest(0, "", "shard"), False, 0, 0, "no GPU", "no GPU", id="no-part"),
        pytest.param(GpuRequest(1, "", "shard", 5, "v100"), True, 0, 0.2, "1/5 of a V100", "1/5 of a V100, memory not isolated", id="of-the-only-type"),
        pytest.param(GpuRequest(3, "a100", "shard", 4, "v100"), True, 0, 0.75, "3/4 of an A100", "3/4 of an A100, memory not isolated", id="of-a-type"),
        pytest.param(GpuRequest(25, "", "mps", 100), True, 0, 0.25, "25 % of a GPU", "25 % of a GPU, memory not isolated", id="of-any-type"),
        pytest.param(GpuRequest(3, "", "shard"), True, 0, 0.5, "3 shards", "3 shards, memory not isolated", id="nobody-knows-how-large"),
    ],
)  # fmt: skip
def test_a_part(gpus: GpuRequest, is_part: bool, whole: int, amount: float, words: str, in_full: str) -> None:
    """A fraction of a GPU, a half where nobody knows; it counts for no whole one, and says what sets it apart."""
    assert (gpus.is_part, gpus.whole, gpus.amount, gpus.words, gpus.words_in_full) == (is_part, whole, amount, words, in_full)


@pytest.mark.parametrize(
    ("value", "gpus"),
    [
        pytest.param(2.0, GpuRequest(2), id="a-float-that-is-whole"),
        pytest.param(9999, GpuRequest(9999), id="the-most"),
        pytest.param("9999", GpuRequest(9999), id="the-most-as-text"),
        pytest.param(" gpu:shard:2 ", GpuRequest(2, "shard"), id="a-type-that-is-called-like-a-part"),
        pytest.param("shard:shard:2", GpuRequest(2, "shard", "shard"), id="a-part-of-it"),
        pytest.param("gpu", "It has to be a number, or a type and a number such as v100:2.", id="a-name-alone"),
        pytest.param("gpu:gpu", "It has to be a number, or a type and a number such as v100:2.", id="no-count"),
        pytest.param(10_000, "It has to be a number, or a type and a number such as v100:2.", id="too-many"),
        pytest.param(10**5000, "It has to be a number, or a type and a number such as v100:2.", id="a-number-that-cannot-be-written"),
        pytest.param("10000", "It has to be a number, or a type and a number such as v100:2.", id="too-many-as-text"),
        pytest.param("shard:a:b:1", "It has to be a number, or a type and a number such as v100:2.", id="two-types"),
        pytest.param("H100:1", GpuRequest(1, "H100"), id="a-type-in-capital-letters"),
        pytest.param("v 100:1", "Its type is not one that Slurm could have.", id="type-with-a-blank"),
        pytest.param("1/5", "GPUs are counted in whole numbers; a part of one is asked for as a number of shards, such as shard:1.", id="fraction"),
        pytest.param(0.2, "GPUs are counted in whole numbers; a part of one is asked for as a number of shards, such as shard:1.", id="float"),
        pytest.param("v100:20 %", "GPUs are counted in whole numbers; a part of one is asked for as a number of shards, such as shard:1.", id="per-cent"),
        pytest.param(True, "It is neither a number nor text.", id="boolean"),
        pytest.param(None, "It is neither a number nor text.", id="nothing"),
    ],
)  # fmt: skip
def test_what_is_typed(value: Any, gpus: GpuRequest | str) -> None:
    """A count, with a type and the name of a part before it; whoever asks for a fraction is told how."""
    if isinstance(gpus, GpuRequest):
        assert parse_gpus(value) == gpus
    else:
        with pytest.raises(ValueError, match=f"^{re.escape(gpus)}$"):
            parse_gpus(value)


@pytest.mark.parametrize(
    ("card", "gpus", "words"),
    [
        pytest.param("v100/5", "shard:1", "1/5 of a V100", id="as-it-was-written"),
        pytest.param("/5", "shard:1", "1/5 of a GPU", id="a-card-without-a-type"),
        pytest.param("v100/5", "shard:a100:1", "1/5 of an A100", id="the-type-that-was-asked-for"),
        pytest.param("v100/5", "1", "1 GPU", id="not-of-a-whole-one"),
        *[pytest.param(odd, "shard:1", "1 shard", id=str(odd)) for odd in ("v100", "v100/0", "v100/05", "v100/12345", "a b/5", "x/5 ", 5, None, ["v100/5"])],
    ],
)  # fmt: skip
def test_what_a_stored_part_is_a_part_of(card: Any, gpus: str, words: str) -> None:
    """It is kept beside the request, for its words only; what cannot be read of it is left out."""
    request = parse_request({"gpus": gpus, "partition": "p", CARD: card})
    assert request.in_words == f"{words}, 1 core, 4 GB, 1 h on p"
    kept = {"v100/5": "v100/5", "/5": "/5"}.get(card if isinstance(card, str) else "")
    expected = None if gpus == "1" else "a100/5" if gpus == "shard:a100:1" else kept
    assert request.options().get(CARD) == expected


# --- as the nodes have them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "place", "known", "words"),
    [
        pytest.param("2", "", "2", "2 GPUs", id="whole-ones-are-as-they-are"),
        pytest.param("shard:2", "g100_int", "shard:2", "2/5 of a V100", id="of-its-place"),
        pytest.param("shard:2", "g100_x", "shard:2", "2/4 of an A100", id="of-another-place"),
        pytest.param("shard:2", "", "shard:2", "2 shards", id="of-no-place-sizes-differ"),
        pytest.param("shard:2", "g100_cpu", "shard:2", "2 shards", id="place-without-parts"),
        pytest.param("shard:v100:2", "g100_cpu", "shard:v100:2", "2/5 of a V100", id="of-its-type-wherever"),
        pytest.param("shard:h100:2", "g100_int", "shard:h100:2", "2 H100 shards", id="type-of-no-node"),
        pytest.param("mps:50", "g100_int", "mps:50", "MPS 50", id="another-kind-of-part"),
        pytest.param("shard:5", "g100_int", "v100:1", "1 × V100", id="all-of-a-card"),
        pytest.param("shard:10", "g100_int", "v100:2", "2 × V100", id="all-of-two-cards"),
        pytest.param("shard:v100:5", "", "v100:1", "1 × V100", id="all-of-a-card-of-a-type"),
        pytest.param("shard:7", "g100_int", "shard:7", "7/5 of a V100", id="more-than-a-card"),
        pytest.param("shard:4", "", "shard:4", "4 shards", id="all-of-the-smaller-card-only"),
    ],
)
def test_parts_as_the_nodes_have_them(asked: str, place: str, known: str, words: str) -> None:
    """A part says what it is a part of where that is one thing; all parts of a card, or of several, are whole GPUs."""
    found = two_kinds().gpus.known(parse_gpus(asked), place)
    assert (found.value, found.words) == (known, words)


def test_all_parts_of_cards_that_make_as_many() -> None:
    """Where each type makes four parts, four of no type are a GPU of any type."""
    offered = on(carded("g001", 4), elsewhere=(QUARTERS,))
    assert offered.gpus.known(parse_gpus("shard:4")) == GpuRequest(1)
    assert offered.gpus.known(parse_gpus("shard:a100:4")) == GpuRequest(1, "a100")
    part = offered.gpus.known(parse_gpus("shard:3"))
    assert (part.per_card, part.card, part.words) == (4, "", "3/4 of a GPU")


def test_two_spellings_of_a_part() -> None:
    """Where one type of card is given out in parts, its name may be left out; of another size or kind it is not the same."""
    same = fifths().gpus.are_same
    assert same(GpuRequest(2, "v100", "shard"), GpuRequest(2, "v100", "shard"))
    assert same(GpuRequest(2, "v100", "shard"), GpuRequest(2, "", "shard"))
    assert not same(GpuRequest(2, "v100", "shard"), GpuRequest(3, "", "shard"))
    assert not same(GpuRequest(2, "v100", "shard"), GpuRequest(2, "", "mps"))
    assert not same(GpuRequest(2, "a100", "shard"), GpuRequest(2, "", "shard"))
    assert not two_kinds().gpus.are_same(GpuRequest(2, "v100", "shard"), GpuRequest(2, "", "shard"))
    one_type_in_parts = on(FIFTHS, elsewhere=(node("x001", gres="gpu:a100:1"),))
    assert one_type_in_parts.gpus.are_same(GpuRequest(2, "v100", "shard"), GpuRequest(2, "", "shard"))
    assert not one_type_in_parts.gpus.are_same(GpuRequest(2, "v100"), GpuRequest(2))


# --- to choose from ---------------------------------------------------------------------------------------------------------------


PLAIN = ["0", "1", "2", "shard:1", "shard:2", "shard:3", "shard:4"]


@pytest.mark.parametrize(
    ("fields", "offered"),
    [
        pytest.param({}, PLAIN, id="slurms"),
        pytest.param({"maximum": 1}, ["0", "1", *PLAIN[3:]], id="maximum"),
        pytest.param({"maximum": 0}, ["0"], id="none-at-all"),
        pytest.param({"minimum": 1}, ["1", "2"], id="a-part-is-less-than-one"),
        pytest.param({"minimum": "v100:1", "maximum": "v100:1"}, ["1"], id="bounds-with-a-type"),
        pytest.param({"choices": ["shard:2", "1", "0"]}, ["0", "1", "shard:2"], id="choices"),
        pytest.param({"choices": ["shard:3", "shard:v100:1", "shard:1"]}, ["shard:1", "shard:3", "shard:v100:1"], id="choices-in-their-order"),
        pytest.param({"choices": ["0", "shard:a100:1", "mps:5"]}, ["0"], id="parts-that-no-node-has"),
        pytest.param({"choices": ["h100:2", "h100:1"]}, ["h100:1", "h100:2"], id="nothing-of-it-is-there"),
        pytest.param({"default": "shard:2", "locked": True}, ["shard:2"], id="locked"),
    ],
)  # fmt: skip
def test_parts_to_choose_from(fields: dict[str, Any], offered: list[str]) -> None:
    """After the whole GPUs, as far as the admin leaves them; each knows what it is a part of."""
    found = fifths(fields={"gpus": fields})
    assert values(found) == offered
    assert {(gpus.per_card, gpus.card) for gpus in found.gpus.values() if gpus.is_part} <= {(5, "v100")}


def test_parts_of_several_kinds_to_choose_from() -> None:
    """By type where cards of several types are given out in parts, shards before MPS; the same part of two nodes once."""
    assert values(two_kinds())[5:] == [
        *(f"shard:a100:{number}" for number in (1, 2, 3)),
        *(f"shard:v100:{number}" for number in range(1, 5)),
    ]
    mixed = on(FIFTHS, carded("g002", 5), elsewhere=(carded("x001", 100, gres="mps"),))
    assert values(mixed)[3:] == ["shard:1", "shard:2", "shard:3", "shard:4", *(f"mps:{tenth}" for tenth in range(10, 100, 10))]


def test_of_very_many_parts_few_are_offered_and_all_can_be_had() -> None:
    """The admin may offer others as well."""
    assert values(on(MANY))[3:] == ["shard:1", "shard:2", "shard:4", "shard:8", "shard:16"]
    assert values(on(carded("g001", 20)))[3:] == ["shard:1", *(f"shard:{tenth}" for tenth in range(2, 20, 2))]
    assert resolve_request({"gpus": "shard:3"}, on(MANY)).gpus == GpuRequest(3, "", "shard")
    assert values(on(MANY, fields={"gpus": {"choices": ["shard:3"]}})) == ["shard:3"]


# --- judged -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpus", "offered", "place", "sentence"),
    [
        pytest.param("shard:1", fifths, "g100_cpu", "partition g100_cpu gives no parts of GPUs. Choose whole GPUs, or another partition.", id="place-without"),
        pytest.param("shard:a100:1", fifths, "g100_int", "partition g100_int gives no parts of GPUs of type A100. Choose whole GPUs, or another type.", id="type-without"),
        pytest.param("mps:a100:1", fifths, "g100_int", "partition g100_int gives no parts of GPUs. Choose whole GPUs, or another partition.", id="kind-without"),
        pytest.param("shard:7", fifths, "g100_int", "“shard:7” is not less than one GPU, and a part of a GPU is: at most 4/5 of a V100. Choose a smaller part, or whole GPUs.", id="more-than-a-card"),
        pytest.param("mps:150", lambda: on(carded("g001", 100, gres="mps")), "g100_int", "“mps:150” is not less than one GPU, and a part of a GPU is: at most 99 % of a V100. Choose a smaller part, or whole GPUs.", id="more-than-all-of-MPS"),
        pytest.param("shard:a100:6", two_kinds, "g100_x", "“shard:a100:6” is not less than one GPU, and a part of a GPU is: at most 3/4 of an A100. Choose a smaller part, or whole GPUs.", id="more-than-a-card-of-a-type"),
        pytest.param("shard:1", lambda: on(FIFTHS, partitions=(partition(nodes=("g001",), oversubscribe="EXCLUSIVE"),)), "g100_int", "partition g100_int gives whole nodes, and no parts of GPUs. Choose whole GPUs, or another partition.", id="whole-nodes"),
        pytest.param("shard:1", lambda: on(node("g001"), partitions=(partition(nodes=("g001",), oversubscribe="EXCLUSIVE"),)), "g100_int", "partition g100_int gives no parts of GPUs. Choose whole GPUs, or another partition.", id="whole-nodes-without"),
        pytest.param("shard:1", lambda: fifths(fields={"gpus": {"maximum": 0}}), "g100_int", "partition g100_int gives no parts of GPUs. Choose whole GPUs, or another partition.", id="the-admin-allows-none"),
        pytest.param("shard:1", lambda: fifths(fields={"gpus": {"minimum": 1}}), "g100_int", "1/5 of a V100 is less than the 1 that a session has here. Ask for at least 1.", id="less-than-the-minimum"),
        pytest.param("shard:1", lambda: fifths(fields={"gpus": {"choices": ["shard:2", "0"]}}), "g100_int", "1/5 of a V100 cannot be chosen. Choose one of: shard:2, 0.", id="not-among-the-choices"),
        pytest.param("shard:1", lambda: fifths(fields={"gpus": {"default": "shard:2", "locked": True}}), "g100_int", "1/5 of a V100 cannot be chosen, it is set to shard:2 on this service. Leave it as it is.", id="locked"),
    ],
)  # fmt: skip
def test_parts_that_are_refused(gpus: str, offered: Any, place: str, sentence: str) -> None:
    """With what there is instead; no other field is blamed."""
    with pytest.raises(RequestRejected) as refused:
        resolve_request({"gpus": gpus, "partition": place}, offered())
    assert refused.value.errors == {"gpus": f"GPU configuration: {sentence}"}


@pytest.mark.parametrize(
    ("gpus", "fields", "read"),
    [
        pytest.param("shard:4", {}, GpuRequest(4, "", "shard"), id="the-largest-part"),
        pytest.param("shard:5", {}, GpuRequest(1, "v100"), id="all-parts-of-a-card"),
        pytest.param("shard:1", {"maximum": 1}, GpuRequest(1, "", "shard"), id="less-than-the-maximum"),
        pytest.param("shard:2", {"choices": ["shard:2"]}, GpuRequest(2, "", "shard"), id="among-the-choices"),
        pytest.param("shard:5", {"choices": ["shard:5"]}, GpuRequest(1, "v100"), id="a-choice-that-is-all-of-a-card"),
        pytest.param("shard:2", {"default": "shard:2", "locked": True}, GpuRequest(2, "", "shard"), id="locked"),
    ],
)
def test_parts_that_can_be_had(gpus: str, fields: dict[str, Any], read: GpuRequest) -> None:
    """Less than a card, and whatever the admin names."""
    request = resolve_request({"gpus": gpus}, fifths(fields={"gpus": fields}))
    assert request.gpus == read
    assert request.demand == judge_request(request.options(), fifths())[0].demand


@pytest.mark.parametrize("fields", [{"choices": ["shard:4"]}, {"default": "shard:4", "locked": True}], ids=["choices", "locked"])
def test_the_admins_parts_are_what_they_are_in_the_place(fields: dict[str, Any]) -> None:
    """Four shards are all of an A100 where cards make four, and a part of a V100 where they make five."""
    offered = two_kinds(fields={"gpus": fields})
    assert resolve_request({"gpus": "shard:4", "partition": "g100_x"}, offered).gpus == GpuRequest(1, "a100")
    assert resolve_request({"gpus": "shard:4", "partition": "g100_int"}, offered).gpus == GpuRequest(4, "", "shard")


def test_a_qos_for_jobs_with_gpus_takes_no_part_of_one() -> None:
    """MinTRESPerJob counts whole GPUs; the default is one."""
    rows = (*ADA_LINE, Association("cin_ada", "ada", "", ("gpu",)))
    only_gpus = Qos("gpu", limits=AccountingLimits(least_per_job=(("gres/gpu", 1),)))
    offered = fifths(associations=rows, qos=(only_gpus,), fields={"gpus": {"default": "shard:2"}})
    assert default_values(offered)["gpus"] == "1"
    _request, errors = judge_request({"gpus": "shard:1"}, offered)
    assert errors == {"gpus": "GPU configuration: 1/5 of a V100 is less than the 1 that QOS gpu asks for. Ask for at least 1."}


@pytest.mark.parametrize(
    ("fields", "place", "gpus"),
    [
        pytest.param({"default": "shard:2"}, "", "shard:2", id="the-admins"),
        pytest.param({"default": "shard:2"}, "g100_cpu", "0", id="place-without"),
        pytest.param({"default": "shard:5"}, "", "v100:1", id="all-of-a-card"),
        pytest.param({"default": "shard:7"}, "", "0", id="more-than-a-card"),
        pytest.param({"choices": ["shard:3", "shard:2"]}, "", "shard:2", id="the-first-of-the-choices"),
    ],
)
def test_a_part_by_default(fields: dict[str, Any], place: str, gpus: str) -> None:
    """Where it can be had; else none, or the first that can be chosen."""
    assert default_values(fifths(fields={"gpus": fields}), place)["gpus"] == gpus


# --- elsewhere --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpus", "elsewhere", "moved"),
    [
        pytest.param("shard:v100:3", (QUARTERS,), "shard:a100:3", id="a-part-of-another-type-as-near"),
        pytest.param("shard:v100:4", (QUARTERS,), "shard:a100:3", id="the-largest-part-there"),
        pytest.param("shard:3", (QUARTERS,), "shard:3", id="a-part-of-no-type-stays"),
        pytest.param("shard:v100:3", (carded("x001", 32),), "shard:v100:3", id="a-part-that-is-not-offered-and-can-be-had"),
        pytest.param("shard:3", (node("x001", gres="gpu:v100:4"),), "1", id="a-whole-one-where-there-are-no-parts"),
        pytest.param("v100:2", (carded("x001", 4, cards=1),), "1", id="no-part-instead-of-whole-ones"),
        pytest.param("v100:2", (QUARTERS,), "a100:2", id="as-many-of-another-type"),
        pytest.param("shard:4", (QUARTERS,), "a100:1", id="what-is-all-of-a-card-there"),
        pytest.param("shard:3", CPUS, "0", id="none-where-there-are-no-gpus"),
    ],
)
def test_a_part_follows_the_partition(gpus: str, elsewhere: tuple[Node, ...], moved: str) -> None:
    """It stays where it can be had; else the nearest of its kind, else of another."""
    offered = on(FIFTHS, elsewhere=elsewhere)
    request = judge_request({"gpus": gpus, "partition": "g100_int"}, offered)[0].model_copy(update={"partition": "g100_x"})
    found = reconcile(request, offered, "partition")
    assert found.request.gpus == parse_gpus(moved)
    assert set(found.moved) == ({"gpus"} if moved != gpus else set())


def test_a_part_that_the_admin_does_not_offer_does_not_stay() -> None:
    """Though a card there could give it."""
    offered = on(FIFTHS, elsewhere=(carded("x001", 32),), fields={"gpus": {"choices": ["shard:3", "shard:1"]}})
    request = judge_request({"gpus": "shard:3"}, offered)[0].model_copy(update={"gpus": GpuRequest(2, "", "shard"), "partition": "g100_x"})
    assert reconcile(request, offered, "partition").request.gpus.value in ("shard:1", "shard:3")


def test_numbers_are_those_of_the_nodes_with_parts() -> None:
    """A larger node whose cards are given out as a whole only is none for a part of one."""
    large = node("g002", cores_total=96)
    offered = on(FIFTHS, large)
    most = {gpus: ranges(resolve_request({"gpus": gpus}, offered), offered)["cores"].most for gpus in ("0", "1", "shard:1")}
    assert most == {"0": 96, "1": 96, "shard:1": 48}
    there = [gpus.value for gpus in gpus_there(resolve_request({"gpus": "0"}, offered), offered)]
    assert there == PLAIN


# --- on the form ------------------------------------------------------------------------------------------------------------------


def field(offered: Choices, value: str = "0") -> FormField:
    """The field of GPUs."""
    return next(entry for entry in form_fields(offered, {**default_values(offered), "gpus": value}, {}) if entry.key == "gpus")


def test_parts_in_a_list() -> None:
    """In a group of their own, and each says that others use the same card."""
    found = field(fifths())
    assert found.kind == "select"
    assert [(option.value, option.label, option.group) for option in found.options] == [
        ("0", "None", ""),
        ("1", "1 × V100", ""),
        ("2", "2 × V100", ""),
        *((f"shard:{number}", f"{number}/5 of a V100, memory not isolated", "Parts of a GPU") for number in range(1, 5)),
    ]
    assert found.range == "At most 2 on one node. Or a part of one, from 1/5 of a V100 on."
    assert found.help == (
        "Whole GPUs are yours alone while the session runs. A part of a GPU is not: others use the same one, and may take its memory."
    )


@pytest.mark.parametrize(
    ("nodes", "labels"),
    [
        pytest.param((carded("g001", 4, cards=1),), ["None", "1 × V100", "1/4 V100", "2/4 V100", "3/4 V100"], id="of-a-type"),
        pytest.param((carded("g001", 3, "", cards=1),), ["None", "1", "1/3 GPU", "2/3 GPU"], id="of-no-type"),
        pytest.param((carded("g001", 2, cards=1), carded("g002", 3, cards=1)), ["None", "1 × V100", "1 V100 shard", "2 V100 shards"], id="of-cards-that-differ"),
    ],
)  # fmt: skip
def test_parts_on_buttons(nodes: tuple[Node, ...], labels: list[str]) -> None:
    """In few words, and in no group."""
    found = field(on(*nodes))
    assert found.kind == "buttons"
    assert [option.label for option in found.options] == labels
    assert {option.group for option in found.options} == {""}


def test_the_help_where_there_are_no_parts() -> None:
    """GPUs are one's own there, and nothing else is said."""
    assert field(on(node("g001"))).help == "Yours alone while the session runs."


@pytest.mark.parametrize(
    ("typed", "selected", "number"),
    [
        pytest.param("shard:3", "shard:3", 9, id="a-part-that-is-not-offered"),
        pytest.param("shard:v100:3", "shard:3", 9, id="with-its-type"),
        pytest.param("shard:4", "shard:4", 8, id="a-part-that-is"),
        pytest.param("shard:32", "1", 8, id="all-of-a-card"),
        pytest.param("mps:5", "0", 8, id="a-kind-that-is-not-there"),
    ],
)
def test_a_part_that_was_typed(typed: str, selected: str, number: int) -> None:
    """It stands among the others though it is not offered to everybody, if cards are given out in such parts."""
    found = field(on(MANY), typed)
    assert (found.value, len(found.options)) == (selected, number)
    assert [option.value for option in found.options if option.selected] == [selected]
    assert {option.group for option in found.options if "shard" in option.value} == {"Parts of a GPU"}
    if number == 9:
        assert found.options[-1].label == "3/32 of a V100, memory not isolated"


def test_a_part_that_was_typed_and_is_not_among_the_admins() -> None:
    """The admin's choices are all there is."""
    assert field(on(MANY, fields={"gpus": {"choices": ["shard:1"]}}), "shard:3").value == "shard:1"


def test_parts_of_several_types_in_words() -> None:
    """Each of the types of the place, the smallest part of each."""
    both = on(FIFTHS, carded("g002", 4, "a100"))
    assert field(both).range == "At most 2 × A100, 2 × V100 on one node. Or a part of one, from 1/4 of an A100 and 1/5 of a V100 on."
    assert field(two_kinds()).range == "At most 2 × V100 on one node. Or a part of one, from 1/5 of a V100 on."


@pytest.mark.parametrize(
    ("offered", "gpus", "shown"),
    [
        pytest.param(fifths, "v100:1", "1", id="the-only-type"),
        pytest.param(fifths, "shard:v100:2", "shard:2", id="a-part-of-the-only-type"),
        pytest.param(fifths, "a100:1", "a100:1", id="another-type"),
        pytest.param(two_kinds, "v100:1", "v100:1", id="one-of-two-types"),
        pytest.param(two_kinds, "shard:v100:2", "shard:v100:2", id="a-part-of-one-of-two-types"),
    ],
)
def test_gpus_as_the_form_shows_them(offered: Any, gpus: str, shown: str) -> None:
    """As they are offered there: plain counts where there is one type."""
    assert shown_value(parse_request({"gpus": gpus}), "gpus", offered()) == shown
