"""Presets: what an admin may write, who may choose them, what a request becomes of one, and what can be had now."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError

from spawner.errors import NoAccount, RequestRejected
from spawner.hub.settings.spawner import SpawnerSettings
from spawner.i18n import using
from spawner.request.choices import Choices
from spawner.request.defaults import default_values
from spawner.request.form_data import read_form
from spawner.request.form_fields import form_fields
from spawner.request.gpus import GpuRequest
from spawner.request.model import FIELDS, parse_request
from spawner.request.presets import MAX_PRESETS, Preset, parse_presets
from spawner.request.restore import restore_valid
from spawner.request.suggestions import offered_presets
from spawner.request.validation import judge_request, resolve_request, true_preset
from spawner.site.audience import UNKNOWN_VIEWER, Audience, Viewer
from tests.support.builders import HOUR, NOW, choices, demo_nodes, node, partition, reservation

SMALL = {"name": "small", "label": "Small GPU", "values": {"gpus": "v100:1", "cores": 8, "memory": "32G", "walltime": "4h"}}
CPU = {"name": "cpu", "values": {"partition": "g100_cpu", "cores": 2}}
COURSE = {"name": "course", "values": {"reservation": "course"}}
TWO_TYPES = {
    "nodes": (*demo_nodes(), node("x001", gres="gpu:a100:4")),
    "partitions": (partition(), partition("g100_x", nodes=("x001",), is_default=False)),
}


def preset(**changes: Any) -> dict[str, Any]:
    """One as an admin writes it."""
    return {**SMALL, **changes}


def with_presets(*presets: dict[str, Any], groups: tuple[str, ...] = ("users",), **changes: Any) -> Choices:
    """The choices of ada on the demo's cluster, with these presets."""
    return choices(**changes).with_presets(parse_presets(presets or (SMALL, CPU)), groups)


# --- what the admin writes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("presets", "words"),
    [
        pytest.param("small", ["a list of presets"], id="text"),
        pytest.param({"small": SMALL}, ["a list of presets"], id="a-dictionary"),
        pytest.param(7, ["a list of presets"], id="a-number"),
        pytest.param([7], ["[0]", "preset:"], id="entry-that-is-none"),
        pytest.param([{"values": {"cores": 1}}], ["[0]", "name: Field required"], id="no-name"),
        pytest.param([{"name": "a"}], ["['a']", "values: Field required"], id="no-values"),
        pytest.param([preset(values={})], ["['small']", "at least one field is needed"], id="empty"),
        pytest.param([preset(values={"colour": "red"})], ["there is no field 'colour'", "cores"], id="unknown-field"),
        pytest.param([preset(values={"preset": "cpu"})], ["there is no field 'preset'"], id="preset-of-a-preset"),
        pytest.param([preset(values={"profile": "x"})], ["there is no field 'profile'"], id="not-the-users-field"),
        pytest.param([preset(values={"memory": "lots"})], ["['small']", "values:", "“lots”"], id="value-that-cannot-be-read"),
        pytest.param([preset(values={"environment": {"PATH": "/"}})], ["PATH is reserved"], id="reserved-variable"),
        pytest.param([preset(name="a b")], ["['a b']", "name:"], id="name-of-two-words"),
        pytest.param([preset(name="-x")], ["name:"], id="name-like-an-option"),
        pytest.param([preset(label="x" * 61)], ["label:", "60"], id="long-label"),
        pytest.param([preset(label="x" * 61, description="x" * 201)], ["label: String should have at most 60 characters; description: String"], id="two-mistakes"),
        pytest.param([preset(color="red")], ["color: Extra inputs are not permitted"], id="unknown-key"),
        pytest.param([preset(groups="students")], ["groups:"], id="group-not-in-a-list"),
        pytest.param([preset(groups=[""])], ["groups.0:"], id="empty-name"),
        pytest.param([SMALL, SMALL], ["['small']", "two presets of this name"], id="twice"),
        pytest.param([preset(name=f"p{number}") for number in range(MAX_PRESETS + 1)], ["more than 100 presets"], id="too-many"),
    ],
)  # fmt: skip
def test_wrong_presets(presets: Any, words: list[str]) -> None:
    """The message names the trait, the preset and what is wrong, in English whatever the reader's language; so does the trait's."""
    with using("it"), pytest.raises(ValueError, match=r"^ResourceFormSpawner\.presets") as refused:
        parse_presets(presets)
    assert all(word in str(refused.value) for word in words), refused.value
    with pytest.raises(TraitError, match="presets"):
        SpawnerSettings(presets=presets)


def test_presets_are_read() -> None:
    """In the admin's order; the label stands for the name."""
    found = parse_presets([SMALL, CPU])
    assert [entry.name for entry in found] == ["small", "cpu"]
    assert [entry.title for entry in found] == ["Small GPU", "cpu"]
    assert (found[0].read().memory, found[0].read().gpus) == (32768, GpuRequest(1, "v100"))
    assert parse_presets(()) == ()


def test_trait() -> None:
    """A list, or a function that is asked later."""
    assert SpawnerSettings(presets=[SMALL]).presets == [SMALL]
    assert SpawnerSettings().presets == []
    assert SpawnerSettings(presets=lambda spawner: [CPU]).presets(None) == [CPU]


# --- for whom -------------------------------------------------------------------------------------------------------------------


READER = Viewer(frozenset({"users", "gpu"}), frozenset({"cin_ada"}), frozenset({"g100_int"}), frozenset({"course"}))


@pytest.mark.parametrize(
    ("only_for", "groups", "expected"),
    [
        (None, ("school",), False),
        (Audience(), (), True),
        (Audience(groups=("school",)), ("school",), True),
        (Audience(groups=("school",)), ("staff",), False),
    ],
)
def test_whom_presets_alone_are_shown(only_for: Audience | None, groups: tuple[str, ...], *, expected: bool) -> None:
    """Then there is no field on the page; what a request may ask for is the same."""
    offered = choices().with_presets(parse_presets([preset()]), groups, only_for)
    assert offered.only_presets is expected
    assert bool(form_fields(offered, default_values(offered), {})) is not expected
    assert resolve_request({"cores": 3}, offered).cores == 3
    nobodys = choices().with_presets(parse_presets([preset(groups=["others"])]), groups, only_for)
    assert form_fields(nobodys, default_values(nobodys), {}), "whoever has no preset chooses by the fields"


def test_the_trait_of_presets_alone() -> None:
    """True, or an audience; what is none is refused with the trait's name."""
    assert SpawnerSettings(only_presets=True).only_presets is True
    assert SpawnerSettings(only_presets={"groups": ["school"]}).only_presets == {"groups": ["school"]}
    with pytest.raises(TraitError, match=r"only_presets.*\n?.*group"):
        SpawnerSettings(only_presets={"group": ["school"]})


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        pytest.param({}, True, id="everyone"),
        pytest.param({"groups": ["gpu", "other"]}, True, id="one-of-the-groups"),
        pytest.param({"groups": ["other"]}, False, id="other-groups"),
        pytest.param({"accounts": ["cin_ada"]}, True, id="account"),
        pytest.param({"accounts": ["cin_grace"]}, False, id="other-account"),
        pytest.param({"partitions": ["g100_cpu", "g100_int"]}, True, id="partition"),
        pytest.param({"partitions": ["g100_cpu"]}, False, id="other-partition"),
        pytest.param({"reservations": ["course"]}, True, id="reservation"),
        pytest.param({"reservations": ["other"]}, False, id="other-reservation"),
        pytest.param({"groups": ["gpu"], "accounts": ["cin_ada"]}, True, id="both"),
        pytest.param({"groups": ["gpu"], "accounts": ["cin_grace"]}, False, id="one-of-two"),
    ],
)
def test_audience(audience: dict[str, Any], expected: bool) -> None:
    """Of each list that is given, one name; of whom nothing is known, what is for everyone."""
    assert Audience(**audience).admits(READER) is expected
    assert Audience(**audience).admits(UNKNOWN_VIEWER) is (not audience)


@pytest.mark.parametrize(
    ("own", "changes", "expected"),
    [
        pytest.param({"values": {"partition": "g100_int"}}, {}, True, id="their-partition"),
        pytest.param({"values": {"partition": "gone"}}, {}, False, id="no-partition"),
        pytest.param({"values": {"partition": "g100_cpu"}}, {"fields": {"partition": {"choices": ["g100_int"]}}}, False, id="narrowed-away"),
        pytest.param({"values": {"account": "cin_extra"}}, {}, True, id="their-account"),
        pytest.param({"values": {"account": "cin_grace"}}, {}, False, id="account-of-others"),
        pytest.param({"values": {"account": "cin_ada"}}, {"associations": None}, False, id="site-without-accounts"),
        pytest.param({"values": {"reservation": "course"}}, {"reservations": (reservation(),)}, True, id="their-reservation"),
        pytest.param({"values": {"reservation": "course"}}, {"reservations": (reservation(users=("grace",)),)}, False, id="reservation-of-others"),
        pytest.param({"values": {"reservation": "course"}}, {"reservations": (reservation(start=NOW + HOUR),)}, True, id="reservation-to-come"),
        pytest.param({"values": {"reservation": "", "cores": 1}}, {}, True, id="none"),
        pytest.param({"groups": ["students"]}, {}, False, id="group"),
    ],
)  # fmt: skip
def test_who_may_choose_it(own: dict[str, Any], changes: dict[str, Any], expected: bool) -> None:
    """Those of the audience who may choose what the preset itself names."""
    offered = with_presets(preset(**own), **changes)
    assert bool(offered.presets) is expected
    assert bool(offered_presets(choices(**changes).with_presets(parse_presets([preset(**own)]), ("users",)))) is expected


# --- a request with a preset ----------------------------------------------------------------------------------------------------


def test_preset_expands() -> None:
    """``{"preset": "small"}`` is the whole request: the defaults, with the preset's values, and its name."""
    request = resolve_request({"preset": "small"}, with_presets())
    assert (request.preset, request.cores, request.memory, request.walltime) == ("small", 8, 32768, 240)
    assert (request.gpus, request.partition, request.account, request.release) == (GpuRequest(1, "v100"), "g100_int", "cin_ada", "2026.10")
    assert request.options()["preset"] == "small"


def test_defaults_follow_the_preset() -> None:
    """What the preset leaves out is a default that goes with what it says."""
    request = resolve_request({"preset": "cpu"}, with_presets(fields={"gpus": {"default": 1}}))
    assert (request.preset, request.partition, request.cores, request.gpus) == ("cpu", "g100_cpu", 2, GpuRequest())


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param({"cores": 8}, True, id="the-same"),
        pytest.param({"memory": 32}, True, id="the-same-in-other-words"),
        pytest.param({"walltime": 240}, True, id="the-same-time"),
        pytest.param({"gpus": 1}, True, id="the-only-type"),
        pytest.param({"gpus": "gpu:v100:1"}, True, id="with-the-resource"),
        pytest.param({"account": "cin_extra", "interface": "notebook"}, True, id="what-the-preset-leaves-open"),
        pytest.param({"environment": {"A": "1"}}, True, id="environment"),
        pytest.param({"cores": 7}, False, id="fewer-cores"),
        pytest.param({"memory": "31G"}, False, id="less-memory"),
        pytest.param({"walltime": "3h"}, False, id="less-time"),
        pytest.param({"gpus": 0}, False, id="no-gpu"),
        pytest.param({"gpus": "v100:2"}, False, id="more-gpus"),
        pytest.param({"partition": "g100_cpu", "gpus": 0}, False, id="elsewhere"),
    ],
)
def test_given_values_win(given: dict[str, Any], kept: bool) -> None:
    """No error, and never the preset's value instead of a typed one (Backend.AI #581); the preset's name goes if its values do not hold."""
    offered = with_presets()
    request = resolve_request({"preset": "small", **given}, offered)
    asked = parse_request(given)
    for name in given:
        assert getattr(request, name) == getattr(asked, name)
    assert request.preset == ("small" if kept else "")
    assert request.cores == given.get("cores", 8)


def test_untyped_gpus_are_another_thing_where_there_are_two_types() -> None:
    """Any GPU is not a V100 there."""
    offered = with_presets(**TWO_TYPES)
    assert resolve_request({"preset": "small", "gpus": 1}, offered).preset == ""
    assert resolve_request({"preset": "small", "gpus": "v100:1"}, offered).preset == "small"
    assert not offered.gpus.are_same(GpuRequest(1, "v100"), GpuRequest(1, "a100"))
    assert not choices().gpus.are_same(GpuRequest(1, "a100"), GpuRequest(1))
    assert not choices().gpus.are_same(GpuRequest(1, "v100"), GpuRequest(1, "", "shard"))


def test_a_posted_form() -> None:
    """A browser posts all fields; empty ones are filled from the preset, an empty preset is none."""
    posted = {"preset": ["small"], "cores": [""], "memory": ["32"], "gpus": ["1"], "walltime": ["4:00:00"], "reservation": [""]}
    request = resolve_request(read_form(posted), with_presets())
    assert (request.preset, request.cores, request.memory) == ("small", 8, 32768)
    assert resolve_request(read_form({"preset": [""]}), with_presets()).preset == ""
    assert resolve_request({"preset": ""}, with_presets()).cores == 1


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gone", "Preset: “gone” is not a preset that you may choose. Leave it out, or choose one of: Small GPU (small), cpu."),
        ("Small GPU", "Preset: “Small GPU” is not a name of at most 64 letters, digits and . _ + @ -. Choose one from the list."),
        (["small"], "Preset: “['small']” is not a name of at most 64 letters, digits and . _ + @ -. Choose one from the list."),
    ],
)
def test_unknown_preset(name: Any, sentence: str) -> None:
    """It is refused on its field, and the others are named."""
    with pytest.raises(RequestRejected) as refused:
        resolve_request({"preset": name}, with_presets())
    assert refused.value.errors == {"preset": sentence}


def test_preset_of_others_is_unknown() -> None:
    """Its name tells nobody that there is one."""
    offered = with_presets(preset(groups=["students"]))
    assert judge_request({"preset": "small"}, offered)[1] == {"preset": "Preset: “small” is not a preset here. Leave it out."}


def test_request_that_was_moved_is_not_the_presets() -> None:
    """For whoever changes a request after it was judged."""
    offered = with_presets()
    request = resolve_request({"preset": "small"}, offered)
    assert true_preset(request, offered) is request
    assert true_preset(request.model_copy(update={"cores": 4}), offered).preset == ""


@given(
    name=st.sampled_from(["small", "cpu", "gone", "", 7, None]),
    given_values=st.fixed_dictionaries(
        {},
        optional={
            "cores": st.sampled_from([1, 2, 8, 49, "many"]),
            "gpus": st.sampled_from([0, 1, "v100:1", "a100:1"]),
            "partition": st.sampled_from(["g100_int", "g100_cpu", "gone", 3]),
            "walltime": st.sampled_from(["4h", "240", "soon"]),
        },
    ),
)
def test_a_preset_says_the_truth(name: Any, given_values: dict[str, Any]) -> None:
    """Whatever is asked for, a request that is let through has all values of the preset that it names, and every value that was given."""
    offered = with_presets()
    request, errors = judge_request({"preset": name, **given_values}, offered)
    assert set(errors) <= set(FIELDS)
    if errors:
        return
    assert request.preset in ("", name)
    if request.preset:
        found = offered.preset(request.preset)
        assert found is not None
        meant = resolve_request({**request.options(), **found.values}, offered)
        assert offered.gpus.are_same(meant.gpus, request.gpus), "1 and v100:1 are the same where there is one type"
        assert meant.model_copy(update={"gpus": request.gpus}) == request
    asked = parse_request(given_values)
    assert all(getattr(request, key) == getattr(asked, key) for key in given_values)


# --- what was remembered --------------------------------------------------------------------------------------------------------


def test_remembered_preset() -> None:
    """It comes back while its values do."""
    offered = with_presets()
    stored = resolve_request({"preset": "small"}, offered).options()
    values, dropped = restore_valid(stored, offered)
    assert (values["preset"], values["cores"], dropped) == ("small", 8, ())


def test_remembered_preset_that_is_gone() -> None:
    """Its values stay, without the name; a note says so."""
    stored = resolve_request({"preset": "small"}, with_presets()).options()
    for offered in (choices(), with_presets(CPU)):
        values, dropped = restore_valid(stored, offered)
        assert "preset" not in values
        assert (values["cores"], values["memory"], dropped) == (8, "32G", ("Preset",))


def test_what_is_dropped_is_called_as_the_admin_calls_it() -> None:
    """A preset as well as a field."""
    named = {"preset": {"label": "Kit"}, "cores": {"label": "CPUs", "maximum": 8}}
    _values, dropped = restore_valid({"preset": "gone", "cores": 9, "memory": "900G"}, choices(fields=named))
    assert dropped == ("Kit", "CPUs", "Memory")


def test_remembered_preset_that_was_changed() -> None:
    """The user gets what the user had, which is the preset no more."""
    stored = resolve_request({"preset": "small"}, with_presets()).options()
    values, dropped = restore_valid(stored, with_presets(preset(values={"cores": 4})))
    assert (values["cores"], values.get("preset"), dropped) == (8, None, ())


def test_remembered_preset_that_cannot_be_had() -> None:
    """It does not bring back the value that is dropped, nor cost the others theirs."""
    big = preset(values={"gpus": 2, "cores": 8})
    stored = resolve_request({"preset": "small", "account": "cin_extra"}, with_presets(big)).options()
    values, dropped = restore_valid(stored, with_presets(big, fields={"gpus": {"maximum": 1}}))
    assert (values["gpus"], values["cores"], values["account"], values.get("preset")) == ("0", 8, "cin_extra", None)
    assert dropped == ("GPU configuration",)


# --- what is offered ------------------------------------------------------------------------------------------------------------


def test_offers() -> None:
    """Each with the whole request, or with the sentence why not."""
    offered = with_presets(SMALL, CPU, preset(name="huge", values={"cores": 49}))
    small, cpu, huge = offered_presets(offered)
    assert (small.preset, cpu.preset, huge.preset) == offered.presets
    assert small.request == resolve_request({"preset": "small"}, offered)
    assert cpu.request is not None
    assert (cpu.request.partition, cpu.why_not) == ("g100_cpu", "")
    assert huge.request is None
    assert huge.why_not.startswith("Number of cores: 49")


def test_offer_of_a_reservation_to_come() -> None:
    """It is shown, and says when."""
    (offer,) = offered_presets(with_presets(COURSE, reservations=(reservation(start=NOW + HOUR),)))
    assert offer.request is None
    assert "begins at" in offer.why_not


def test_offer_in_a_closed_partition() -> None:
    """It is shown with the admin's words."""
    offered = parse_presets([CPU])
    base = choices()
    shut = Choices(base.entitlement, base.catalogue, now=base.now, closed={"g100_cpu": "Firmware update"})
    (offer,) = offered_presets(shut.with_presets(offered, ()))
    assert offer.why_not == "Partition: “g100_cpu” takes no new sessions at the moment. Firmware update. Choose one of: g100_int."


def test_nobody_without_an_account_is_offered_anything() -> None:
    """As everywhere."""
    with pytest.raises(NoAccount):
        offered_presets(choices("nobody").with_presets(parse_presets([SMALL]), ()))


def test_a_preset_is_frozen() -> None:
    """It is shared by all users."""
    (found,) = parse_presets([SMALL])
    with pytest.raises(ValueError, match="frozen"):
        found.name = "other"
    assert isinstance(found, Preset)
