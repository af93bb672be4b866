"""A node's GPUs by Slurm and by NVML: which device is which, what is given away, what is of no use although it is free."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.gpu.agent.schema import FAULTS, Device
from spawner.gpu.device_matching import Reported, device_views
from spawner.gpu.devices import STRAY_MB, DeviceView, own_views, unfit
from tests.support.builders import node
from tests.support.gpu_nodes import A100, V100, device, report, split


def views(gres: str, used: str, *devices: Device) -> tuple[DeviceView, ...]:
    return device_views(node(gres=gres, used=used), report(*devices), 3.0)


def told(found: tuple[DeviceView, ...]) -> list[tuple[int, str, bool | None, str]]:
    return [(view.index, view.type, view.allocated, view.key) for view in found]


def words(gres: str, used: str) -> list[bool | None]:
    """What is said to be given away of as many cards as there are."""
    total = sum(entry.count for entry in node(gres=gres).gres if entry.name == "gpu")
    return [view.allocated for view in views(gres, used, *(device(index) for index in range(total)))]


# --- which device is which ---


def test_without_a_report_nothing_is_said() -> None:
    assert device_views(node(), None, None) == ()


def test_a_node_that_has_nothing_to_say_of_its_devices_is_as_one_without_a_report() -> None:
    assert device_views(node(), report(error="no_library"), 3.0) == ()
    assert device_views(node(), report(error="no_driver"), 3.0) == ()


def test_a_node_without_gpus_in_slurm_has_none() -> None:
    assert views("", "", device(0)) == ()
    assert views("shard:4", "", device(0)) == ()


def test_each_gpu_of_slurms_is_the_device_in_its_place() -> None:
    assert told(views("gpu:v100:2", "gpu:v100:1(IDX:1)", device(0), device(1))) == [
        (0, "v100", False, "GPU-0"),
        (1, "v100", True, "GPU-1"),
    ]


def test_devices_are_ordered_as_their_files_not_as_nvml_numbers_them() -> None:
    found = views("gpu:v100:2", "gpu:v100:1(IDX:0)", device(0, minor=1), device(1, minor=0))

    assert told(found) == [(0, "v100", True, "GPU-1"), (1, "v100", False, "GPU-0")]


def test_a_lost_device_that_does_not_tell_its_number_keeps_its_place() -> None:
    lost = Device(1, faults=("lost",))

    found = views("gpu:v100:3", "", device(0), lost, device(2))

    assert told(found) == [(0, "v100", False, "GPU-0"), (1, "v100", False, "#1"), (2, "v100", False, "GPU-2")]
    assert [view.faulty for view in found] == [False, True, False]


def test_where_a_lost_device_could_stand_in_two_places_nothing_is_guessed() -> None:
    found = views("gpu:v100:3", "gpu:v100:1(IDX:0)", device(0, minor=2), Device(1, faults=("lost",)), device(2, minor=0))

    assert {(view.allocated, view.matched) for view in found} == {(None, False)}


def test_another_number_of_devices_than_slurm_has_is_not_matched() -> None:
    found = views("gpu:v100:4", "gpu:v100:2(IDX:0-1)", device(0), device(1), device(3))

    assert told(found) == [(0, "v100", None, "GPU-0"), (1, "v100", None, "GPU-1"), (3, "v100", None, "GPU-3")]
    assert own_views(found, {0, 1}) == ()


def test_two_types_of_whole_cards_go_by_the_names_of_the_devices() -> None:
    found = views("gpu:a100:1,gpu:v100:2", "gpu:v100:1(IDX:2)", device(0), device(1), device(2, name=A100))

    assert told(found) == [(0, "a100", False, "GPU-2"), (1, "v100", False, "GPU-0"), (2, "v100", True, "GPU-1")]


def test_types_that_the_devices_names_do_not_tell_go_by_order() -> None:
    found = views("gpu:fast:1,gpu:slow:1", "gpu:slow:1(IDX:1)", device(0), device(1))

    assert told(found) == [(0, "fast", False, "GPU-0"), (1, "slow", True, "GPU-1")]


def test_types_that_the_devices_names_contradict_are_not_matched() -> None:
    found = views("gpu:a100:1,gpu:v100:1", "gpu:v100:1(IDX:1)", device(0), device(1))

    assert told(found) == [(0, "", None, "GPU-0"), (1, "", None, "GPU-1")]


def test_numbers_in_use_that_contradict_the_order_leave_it_open_which_is_which() -> None:
    """Slurm gives number 2 to a job that has an a100: so its a100 is not the first, as ``Gres=`` has it."""
    found = views("gpu:a100:1,gpu:v100:2", "gpu:a100:1(IDX:2)", device(0, name=A100), device(1), device(2))

    assert {(view.allocated, view.matched) for view in found} == {(None, False)}


def test_a_card_under_mig_is_its_slices() -> None:
    found = views(
        "gpu:a100:1,gpu:a100_3g.20gb:2", "gpu:a100:1(IDX:0),gpu:a100_3g.20gb:1(IDX:2)", device(0, name=A100), split(1, "3g.20gb", "3g.20gb")
    )

    assert told(found) == [(0, "a100", True, "GPU-0"), (1, "a100_3g.20gb", False, "MIG-1-0"), (2, "a100_3g.20gb", True, "MIG-1-1")]
    assert [view.profile for view in found] == [None, "3g.20gb", "3g.20gb"]
    assert found[1].parent is not None
    assert found[1].parent.uuid == "GPU-1"
    assert (found[1].utilisation, found[1].power, found[1].memory_used_mb) == (None, None, 10)


@pytest.mark.parametrize(
    ("gres", "profiles", "keys"),
    [
        pytest.param(
            "gpu:3g.20gb:1,gpu:1g.5gb:2", ("3g.20gb", "1g.5gb", "1g.5gb"), ["MIG-0-0", "MIG-0-1", "MIG-0-2"], id="profiles-as-types"
        ),
        pytest.param("gpu:a100_1g.5gb:1,gpu:a100_1g.5gb+me:1", ("1g.5gb+me", "1g.5gb"), ["MIG-0-1", "MIG-0-0"], id="with-media-engines"),
        pytest.param("gpu:1g.5gb:2", ("1g.5gb+me", "1g.5gb"), ["MIG-0-0", "MIG-0-1"], id="one-type-for-both"),
        pytest.param("gpu:A100_3G.20GB:1", ("3g.20gb",), ["MIG-0-0"], id="capitals"),
        pytest.param("gpu:3g:1,gpu:2g:1", ("2g.10gb", "3g.20gb"), ["MIG-0-1", "MIG-0-0"], id="part-of-the-profile"),
    ],
)
def test_slices_go_by_their_profile(gres: str, profiles: tuple[str, ...], keys: list[str]) -> None:
    found = views(gres, "", split(0, *profiles))

    assert [view.key for view in found] == keys
    assert all(view.matched for view in found)


def test_slices_of_two_cards_follow_the_cards() -> None:
    found = views("gpu:a100_3g.20gb:4", "gpu:a100_3g.20gb:1(IDX:1)", split(0, "3g.20gb", "3g.20gb"), split(1, "3g.20gb", "3g.20gb"))

    assert told(found)[1:3] == [(1, "a100_3g.20gb", True, "MIG-0-1"), (2, "a100_3g.20gb", False, "MIG-1-0")]


def test_slices_that_are_not_as_many_as_slurms_are_not_matched_and_whole_cards_are() -> None:
    found = views("gpu:a100:1,gpu:a100_3g.20gb:2", "", device(0, name=A100), split(1, "3g.20gb"))

    assert told(found) == [(0, "a100", False, "GPU-0"), (1, "a100_3g.20gb", None, "MIG-1-0")]


def test_slices_that_slurm_has_and_the_node_not_are_there_without_a_device() -> None:
    found = views("gpu:a100:1,gpu:a100_3g.20gb:1", "gpu:a100_3g.20gb:1(IDX:1)", device(0, name=A100))

    assert told(found) == [(0, "a100", False, "GPU-0"), (1, "a100_3g.20gb", True, "#1")]
    assert found[1].device is None
    assert (found[1].memory_used_mb, found[1].faulty, found[1].temperature) == (None, False, None)


def test_slices_that_two_types_could_mean_are_given_to_neither() -> None:
    found = views("gpu:a100_1g.5gb:1,gpu:h100_1g.5gb:1", "gpu:h100_1g.5gb:1(IDX:1)", split(0, "1g.5gb", "1g.5gb"))

    assert [(view.type, view.allocated, view.device) for view in found] == [("a100_1g.5gb", False, None), ("h100_1g.5gb", True, None)]


def test_a_fault_of_the_card_is_a_fault_of_its_slices() -> None:
    found = views("gpu:a100_3g.20gb:2", "", split(0, "3g.20gb", "3g.20gb", faults=("row_remap_failure",), temperature=41))

    assert [(view.faulty, view.temperature) for view in found] == [(True, 41), (True, 41)]


def test_a_job_has_the_views_of_its_own_numbers() -> None:
    found = views("gpu:v100:2", "gpu:v100:2(IDX:0-1)", device(0), device(1))

    assert [view.key for view in own_views(found, (1,))] == ["GPU-1"]
    assert own_views(found, (7,)) == ()


# --- what Slurm has given away ---


@pytest.mark.parametrize(
    ("gres", "used", "expected"),
    [
        pytest.param("gpu:v100:2", "gpu:v100:0(IDX:N/A)", [False, False], id="none"),
        pytest.param("gpu:v100:2", "", [False, False], id="none-listed-since-24.05"),
        pytest.param("gpu:v100:4", "gpu:v100:3(IDX:0,2-3)", [True, False, True, True], id="some"),
        pytest.param("gpu:4", "gpu:(null):2(IDX:0-1)", [True, True, False, False], id="untyped"),
        pytest.param("gpu:a100:2(S:0),gpu:a100:2(S:1)", "gpu:a100:3(IDX:0-2)", [True, True, True, False], id="on-two-sockets"),
        pytest.param("gpu:v100:2", "gpu:v100:1", [None, None], id="counts-only"),
        pytest.param("gpu:v100:2", "gpu:v100:2", [True, True], id="counts-only-all"),
        pytest.param("gpu:v100:2", "gpu:v100:0", [False, False], id="counts-only-none"),
        pytest.param("gpu:v100:4", "gpu:v100:3(IDX:0,2", [None] * 4, id="list-cut-short"),
        pytest.param("gpu:v100:2", "gpu:1(IDX:1)", [False, True], id="typed-but-used-untyped"),
        pytest.param("gpu:t4:2,shard:t4:16", "gpu:t4:0(IDX:N/A),shard:t4:5(0/8,5/8)", [False, True], id="shards-by-card"),
        pytest.param("gpu:t4:2,shard:t4:16", "gpu:t4:1(IDX:0),shard:t4:3(-/8,3/8)", [True, True], id="a-card-and-shards"),
        pytest.param("gpu:4,shard:20", "gpu:1(IDX:0),shard:8(-/5,5/5,3/5,0/5)", [True, True, True, False], id="untyped-shards"),
        pytest.param("gpu:t4:2,shard:t4:8", "gpu:t4:0(IDX:N/A),shard:t4:1(IDX:1)", [False, True], id="shards-before-23.11"),
        pytest.param("gpu:t4:2,shard:t4:8", "gpu:t4:1(IDX:0),shard:t4:1", [True, None], id="shards-without-numbers"),
        pytest.param("gpu:t4:2,mps:t4:200", "gpu:t4:0(IDX:N/A),mps:t4:50(50/100,0/100)", [True, False], id="mps"),
        pytest.param("gpu:t4:2,shard:t4:16", "gpu:t4:0(IDX:N/A),shard:t4:0(0/8,0/8)", [False, False], id="no-shards-used"),
        pytest.param("gpu:t4:3,shard:t4:16", "shard:t4:2(2/8,0/8)", [None] * 3, id="shards-on-fewer-cards"),
        pytest.param("gpu:v100:2,nic:1", "gpu:v100:0(IDX:N/A),nic:1", [False, False], id="another-resource"),
    ],
)
def test_what_slurm_has_given_away(gres: str, used: str, expected: list[bool | None]) -> None:
    assert words(gres, used) == expected


def test_of_shards_whose_numbers_may_count_from_elsewhere_nothing_is_guessed() -> None:
    """Before 23.11, of two types of which the second has shards: the list's first could be the node's first card or the type's."""
    found = views("gpu:a100:1,gpu:t4:2,shard:t4:8", "shard:t4:1(IDX:1)", device(0, name=A100), device(1, name="T4"), device(2, name="T4"))

    assert [view.allocated for view in found] == [False, None, None]


# --- faults, strays, and what is taken off ---


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"faults": ("lost",)}, True),
        ({"faults": ("no_answer",)}, True),
        ({"faults": ("row_remap_failure",)}, True),
        ({"faults": ("xid",), "last_xid": 79}, True),
        ({"faults": ("xid",)}, True),
        ({"faults": ("xid",), "last_xid": 63}, False),
        ({"faults": ("ecc",), "ecc_uncorrected": 2}, False),
        ({"faults": ("retired_pages", "power")}, False),
        ({}, False),
    ],
)
def test_faulty_is_what_cannot_be_used(changes: dict[str, Any], expected: bool) -> None:
    found = views("gpu:v100:1", "", device(0, **changes))

    assert found[0].faulty is expected
    assert found[0].faults == changes.get("faults", ())


def test_a_driver_that_was_replaced_under_the_node_makes_all_its_gpus_faulty() -> None:
    found = device_views(node(used="gpu:v100:1(IDX:0)"), report(error="version_mismatch"), 3.0)

    assert [(view.allocated, view.faulty) for view in found] == [(True, True), (False, True)]
    assert unfit(found) == (("v100", 1),)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"memory_used_mb": STRAY_MB}, True),
        ({"memory_used_mb": STRAY_MB - 1}, False),
        ({"memory_used_mb": 64, "processes": 1}, True),
        ({"memory_used_mb": 63, "processes": 1}, False),
        ({"memory_used_mb": 64, "processes": None}, False),
        ({"memory_used_mb": None, "processes": 3, "utilisation": 100}, False),
    ],
)
def test_a_gpu_is_filled_by_its_memory(changes: dict[str, Any], expected: bool) -> None:
    assert views("gpu:v100:1", "", device(0, **changes))[0].is_filled is expected


def test_a_stray_is_one_that_was_found_and_is_still_there() -> None:
    full = device(1, memory_used_mb=20_000)

    def strays(used: str, second: Device) -> list[bool]:
        found = device_views(node(used=used), report(device(0), second), 3.0, {"GPU-1"})
        return [view.stray for view in found]

    assert strays("gpu:v100:0(IDX:N/A)", full) == [False, True]
    assert strays("gpu:v100:1(IDX:1)", full) == [False, False]
    assert strays("gpu:v100:0(IDX:N/A)", device(1)) == [False, False]


def test_what_is_taken_off_is_of_the_free_ones_by_type() -> None:
    lost = ("lost",)
    found = views(
        "gpu:a100:2,gpu:v100:3",
        "gpu:a100:1(IDX:0),gpu:v100:1(IDX:2)",
        device(0, name=A100, faults=lost),
        device(1, name=A100),
        device(2, faults=lost),
        device(3, faults=lost),
        device(4, memory_used_mb=20_000),
    )

    assert unfit(found) == (("v100", 1),)
    assert unfit(replace(view, stray=view.index == 4) for view in found) == (("v100", 2),)


def test_of_gpus_of_which_it_is_not_known_whether_they_are_free_none_is_taken_off() -> None:
    assert unfit(views("gpu:v100:3", "", device(0, faults=("lost",)), device(1))) == ()
    assert unfit(views("gpu:v100:2", "gpu:v100:1", device(0, faults=("lost",)), device(1))) == ()


def test_what_was_reported_is_found_by_the_nodes_name() -> None:
    reported = Reported({"g001": (report(device(0), device(1, memory_used_mb=20_000)), 4.5)}, {"g001": frozenset({"GPU-1"})})

    assert [(view.age, view.stray) for view in reported.views(node())] == [(4.5, False), (4.5, True)]
    assert reported.views(node("g002")) == ()


# --- whatever is said ---

names = st.sampled_from(["", "v100", "a100", "a100_3g.20gb", "1g.5gb", "t4"])
gres_texts = st.lists(st.tuples(st.sampled_from(["gpu", "gpu", "shard", "mps"]), names, st.integers(0, 4)), max_size=4).map(
    lambda entries: ",".join(f"{name}:{kind + ':' if kind else ''}{count}" for name, kind, count in entries)
)
details = st.sampled_from(["", "(IDX:N/A)", "(IDX:0)", "(IDX:0-1)", "(IDX:1,3-4)", "(IDX:9-99999999999)", "(1/4,-/4)", "(IDX:,)"])
used_texts = st.lists(st.tuples(st.sampled_from(["gpu", "shard"]), names, st.integers(0, 5), details), max_size=4).map(
    lambda entries: ",".join(f"{name}:{kind + ':' if kind else ''}{count}{detail}" for name, kind, count, detail in entries)
)
some_devices = st.lists(
    st.builds(
        lambda index, name, minor, mig, faults, profiles: replace(
            split(index, *profiles) if mig else device(index, name=name), minor=minor, faults=tuple(faults)
        ),
        st.integers(0, 7),
        st.sampled_from([V100, A100, ""]),
        st.none() | st.integers(0, 7),
        st.booleans(),
        st.sets(st.sampled_from(FAULTS)),
        st.lists(st.sampled_from(["3g.20gb", "1g.5gb", "1g.5gb+me", ""]), max_size=3),
    ),
    max_size=6,
    unique_by=lambda each: each.index,
)


@given(gres_texts, used_texts, some_devices)
def test_whatever_slurm_and_the_devices_say_none_is_told_twice_and_no_more_taken_off_than_is_free(
    gres: str, used: str, devices: list[Device]
) -> None:
    found = views(gres, used, *devices)

    matched = [view for view in found if view.matched]
    assert len({view.index for view in matched}) == len(matched)
    told_of = [view.key for view in found if view.device is not None]
    assert len(set(told_of)) == len(told_of)
    assert all(view.allocated is None for view in found if not view.matched)
    free: dict[str, int] = {}
    for entry in node(gres=gres).gres:
        if entry.name == "gpu":
            free[entry.type] = free.get(entry.type, 0) + entry.count
    for gpu_type, number in unfit(replace(view, stray=True) for view in found):
        assert number <= free[gpu_type]
