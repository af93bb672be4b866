"""Fields that follow each other, and the ranges that they follow into."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.request.choices import Choices
from spawner.request.model import SessionRequest
from spawner.request.presets import parse_presets
from spawner.request.ranges import Range, gpus_there, ranges
from spawner.request.reconcile import MAX_TRIED, reconcile
from spawner.request.validation import check_request, judge_request
from spawner.slurm.model import AccountingLimits, Association, Qos
from tests.support.builders import ADA_LINE, MEMORY_MB, choices, cpu_partition, node, partition, reservation


def asked(offered: Choices, **options: Any) -> SessionRequest:
    """The request of ``options``, completed with defaults and not settled."""
    return judge_request(options, offered)[0]


# --- ranges --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "value", "nearest"),
    [
        (Range(1, 48), 4, 4),
        (Range(1, 48), 99, 48),
        (Range(2, 48), 1, 2),
        (Range(1, None), 10_000, 10_000),
        (Range(1, 48, (4, 8, 16)), 5, 4),
        (Range(1, 48, (4, 8)), 6, 4),
        (Range(1, 8, (4, 16)), 40, 4),
        (Range(1, 2, (4, 16)), 40, 16),
    ],
    ids=[
        "inside",
        "too-much",
        "too-little",
        "unbounded",
        "nearest-of-a-list",
        "the-smaller-of-two",
        "a-listed-one-that-fits",
        "none-of-the-list-fits",
    ],
)
def test_nearest(bounds: Range, value: int, nearest: int) -> None:
    assert bounds.nearest(value) == nearest


def test_ranges_are_those_of_the_partition() -> None:
    offered = choices()
    there = ranges(asked(offered, partition="g100_int"), offered)
    assert {name: (entry.least, entry.most) for name, entry in there.items()} == {
        "cores": (1, 48),
        "memory": (1, MEMORY_MB),
        "walltime": (1, 480),
    }
    assert ranges(asked(offered, partition="g100_cpu"), offered)["walltime"].most == 1440


def test_ranges_are_those_of_the_nodes_that_have_the_gpus() -> None:
    """A request for two GPUs cannot have the memory of the large node that has one."""
    large = node("g002", gres="gpu:v100:1", memory_mb=4 * MEMORY_MB, cores_total=96)
    offered = choices(nodes=(node("g001"), large), partitions=(partition(nodes=("g001", "g002")),))
    one = ranges(asked(offered, gpus=1), offered)
    two = ranges(asked(offered, gpus=2), offered)
    assert (one["cores"].most, one["memory"].most) == (96, 4 * MEMORY_MB)
    assert (two["cores"].most, two["memory"].most) == (48, MEMORY_MB)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ({"maximum": 16}, "cores", Range(1, 16)),
        ({"minimum": 4}, "cores", Range(4, 48)),
        ({"choices": [8, 2]}, "cores", Range(1, 48, (2, 8))),
        ({"default": 4, "locked": True}, "cores", Range(1, 48, (4,))),
    ],
    ids=["maximum", "minimum", "choices", "locked"],
)
def test_ranges_are_narrowed_by_the_admin(field: dict[str, Any], value: str, expected: Range) -> None:
    offered = choices(fields={value: field})
    assert ranges(asked(offered), offered)[value] == expected


def test_no_ranges_in_a_partition_that_cannot_be_chosen() -> None:
    offered = choices()
    request = asked(offered).model_copy(update={"partition": "nowhere"})
    assert ranges(request, offered) == {}
    assert [gpus.count for gpus in gpus_there(request, offered)] == [0]


def test_gpus_of_the_place() -> None:
    offered = choices()
    assert {gpus.count for gpus in gpus_there(asked(offered, partition="g100_int"), offered)} == {0, 1, 2}
    assert {gpus.count for gpus in gpus_there(asked(offered, partition="g100_cpu"), offered)} == {0}


# --- fields that follow ----------------------------------------------------------------------------------------------------


def test_what_is_typed_moves_nothing() -> None:
    """A number that is too large stays, and is told to be wrong."""
    offered = choices()
    request = asked(offered).model_copy(update={"cores": 99})
    for name in ("cores", "memory", "walltime", "interface"):
        settled = reconcile(request, offered, name)
        assert settled.request == request
        assert settled.moved == {}
    assert "cores" in check_request(request, offered)


def test_a_partition_without_gpus_takes_them_away() -> None:
    offered = choices()
    request = asked(offered, gpus=2, cores=4).model_copy(update={"partition": "g100_cpu"})
    settled = reconcile(request, offered, "partition")
    assert (settled.request.gpus.count, settled.request.cores, settled.request.partition) == (0, 4, "g100_cpu")
    assert settled.moved == {"gpus": "GPU configuration is now no GPU instead of 2 GPUs, which cannot be had with the new choice."}


def test_time_follows_the_partition() -> None:
    offered = choices()
    request = asked(offered, partition="g100_cpu", walltime="20h").model_copy(update={"partition": "g100_int"})
    settled = reconcile(request, offered, "partition")
    assert settled.request.walltime == 480
    assert set(settled.moved) == {"walltime"}
    assert "8 h instead of 20 h" in settled.moved["walltime"]


def test_time_follows_the_end_of_a_reservation() -> None:
    offered = choices(reservations=(reservation(),))
    request = asked(offered, walltime="4h").model_copy(update={"reservation": "course"})
    settled = reconcile(request, offered, "reservation")
    assert settled.request.reservation == "course"
    assert settled.request.walltime <= 120
    assert check_request(settled.request, offered) == {}


def test_the_partition_follows_the_reservation() -> None:
    """A reservation of nodes that are in another partition takes the request there."""
    elsewhere = reservation(nodes=("c001",), partition="g100_cpu")
    offered = choices(reservations=(elsewhere,))
    request = asked(offered, partition="g100_int").model_copy(update={"reservation": "course"})
    settled = reconcile(request, offered, "reservation")
    assert (settled.request.reservation, settled.request.partition) == ("course", "g100_cpu")
    assert "partition" in settled.moved


def test_the_account_follows_the_partition() -> None:
    """The changed field stays; the account moves to one that may be used there."""
    offered = choices(partitions=(partition(), cpu_partition(allow_accounts=("cin_extra",))))
    request = asked(offered, account="cin_ada").model_copy(update={"partition": "g100_cpu"})
    settled = reconcile(request, offered, "partition")
    assert (settled.request.partition, settled.request.account) == ("g100_cpu", "cin_extra")
    assert "cin_extra instead of cin_ada" in settled.moved["account"]


def test_the_partition_follows_the_account() -> None:
    offered = choices(partitions=(partition(allow_accounts=("cin_ada",)), cpu_partition()))
    request = asked(offered, account="cin_ada").model_copy(update={"account": "cin_extra"})
    settled = reconcile(request, offered, "account")
    assert (settled.request.partition, settled.request.account) == ("g100_cpu", "cin_extra")


def test_nothing_moves_where_nothing_would_help() -> None:
    """A partition that no account of the user's may use stays chosen, and is told to be wrong."""
    offered = choices(partitions=(partition(), cpu_partition(allow_accounts=("cin_other",))))
    request = asked(offered).model_copy(update={"partition": "g100_cpu"})
    settled = reconcile(request, offered, "partition")
    assert settled.request.partition == "g100_cpu"
    assert check_request(settled.request, offered) != {}


def test_the_interface_follows_the_release() -> None:
    offered = choices()
    request = asked(offered, release="2026.10", interface="terminal").model_copy(update={"release": "2024.04"})
    settled = reconcile(request, offered, "release")
    assert settled.request.interface == "lab"
    assert set(settled.moved) == {"interface"}


def test_the_chosen_gpus_stay_and_the_numbers_follow() -> None:
    small = node("g001", gres="gpu:v100:2", cores_total=8, memory_mb=16_384)
    large = node("g002", gres="")
    offered = choices(nodes=(small, large), partitions=(partition(nodes=("g001", "g002")),))
    request = asked(offered, cores=40, memory="300G").model_copy(update={"gpus": gpus_there(asked(offered), offered)[-1]})
    settled = reconcile(request, offered, "gpus")
    assert settled.request.gpus == request.gpus
    assert (settled.request.cores, settled.request.memory) == (8, 16_384)
    assert set(settled.moved) == {"cores", "memory"}


def test_gpus_that_were_chosen_stay_where_there_are_none() -> None:
    """They are told to be wrong, and not taken away from whoever has just chosen them."""
    offered = choices()
    request = asked(offered, gpus=2).model_copy(update={"partition": "g100_cpu"})
    assert reconcile(request, offered, "gpus").request.gpus.count == 2


def test_two_fields_follow_a_third() -> None:
    """Where neither alone would do, both move, each with its sentence."""
    only_extra = reservation(nodes=("c001",), partition="g100_cpu", users=(), accounts=("cin_extra",))
    offered = choices(reservations=(only_extra,))
    request = asked(offered, account="cin_ada", partition="g100_int").model_copy(update={"reservation": "course"})
    settled = reconcile(request, offered, "reservation")
    assert (settled.request.reservation, settled.request.partition, settled.request.account) == ("course", "g100_cpu", "cin_extra")
    assert list(settled.moved) == ["partition", "account"]
    there = choices(partitions=(partition(), cpu_partition(allow_accounts=("cin_extra",))), reservations=(reservation(),))
    request = asked(there, account="cin_ada", reservation="course").model_copy(update={"partition": "g100_cpu"})
    settled = reconcile(request, there, "partition")
    assert (settled.request.reservation, settled.request.partition, settled.request.account) == ("", "g100_cpu", "cin_extra")
    assert settled.moved["reservation"] == "Slurm reservation is now None instead of course, which cannot be had with the new choice."


def test_as_little_as_possible_moves() -> None:
    """One field before two; the first that would do."""
    places = (partition(deny_accounts=("cin_extra",)), cpu_partition("a"), cpu_partition("b"))
    offered = choices(partitions=places, reservations=(reservation(),))
    settled = reconcile(asked(offered).model_copy(update={"account": "cin_extra"}), offered, "account")
    assert (settled.request.partition, settled.request.reservation) == ("a", "")


@pytest.mark.parametrize(("before", "expected"), [(MAX_TRIED - 2, "last"), (MAX_TRIED - 1, "first")])
def test_a_user_of_very_many_partitions_has_to_choose_by_hand(before: int, expected: str) -> None:
    """So many places are looked at, and no more."""
    closed = {"nodes": ("c001",), "allow_accounts": ("cin_ada",), "is_default": False}
    places = [partition("first", **{**closed, "is_default": True}), *(partition(f"p{number}", **closed) for number in range(before))]
    offered = choices(partitions=(*places, cpu_partition("last")))
    settled = reconcile(asked(offered, account="cin_ada").model_copy(update={"account": "cin_extra"}), offered, "account")
    assert settled.request.partition == expected


def test_time_follows_the_amounts_that_moved() -> None:
    """More cores than were asked for leave less time of a limit of core minutes."""
    small = Qos("small", limits=AccountingLimits(per_job_minutes=(("cpu", 240),), least_per_job=(("cpu", 4),)))
    rows = (*ADA_LINE, Association("cin_ada", "ada", "", ("small",)), Association("cin_extra", "ada", "", ("normal",)))
    offered = choices(associations=rows, qos=(Qos("normal"), small))
    request = asked(offered, account="cin_extra", cores=1, walltime="4h").model_copy(update={"account": "cin_ada"})
    settled = reconcile(request, offered, "account")
    assert (settled.request.cores, settled.request.walltime) == (4, 60)
    assert list(settled.moved) == ["cores", "walltime"]
    assert check_request(settled.request, offered) == {}


INTERFACES = {
    "releases": [
        {"tag": "new", "date": "2026-01-01", "interfaces": ["terminal", "notebook"]},
        {"tag": "old", "date": "2025-01-01", "interfaces": ["notebook", "terminal"]},
        {"tag": "older", "date": "2024-01-01", "interfaces": ["lab"]},
    ]
}


@pytest.mark.parametrize(
    ("release", "preset", "expected", "words"),
    [
        ("old", None, "terminal", "Terminal"),
        ("old", "notebook", "notebook", "Jupyter Notebook"),
        ("older", None, "lab", "JupyterLab"),
        ("older", "notebook", "lab", "JupyterLab"),
    ],
)
def test_which_interface_follows_a_release(release: str, preset: str | None, expected: str, words: str) -> None:
    """The one that the form begins with where the release has it, else its first."""
    offered = choices(releases=INTERFACES, fields={"interface": {"default": preset}} if preset else {})
    request = asked(offered, release="new").model_copy(update={"release": release, "interface": "vscode"})
    settled = reconcile(request, offered, "release")
    assert settled.request.interface == expected
    moved = f"User interface is now {words} instead of Visual Studio Code, which cannot be had with the new choice."
    assert settled.moved == {"interface": moved}


def test_a_release_that_cannot_be_chosen_moves_nothing() -> None:
    """Its interfaces are not known."""
    offered = choices()
    request = asked(offered).model_copy(update={"release": "gone", "interface": "vscode"})
    assert reconcile(request, offered, "release").moved == {}


def test_what_moved_is_called_as_the_admin_calls_it() -> None:
    """In the sentence as on the form; a number in its unit."""
    offered = choices(fields={"walltime": {"label": "How long"}})
    request = asked(offered, partition="g100_cpu", walltime="20h").model_copy(update={"partition": "g100_int"})
    assert reconcile(request, offered, "partition").moved == {
        "walltime": "How long is now 8 h instead of 20 h, which cannot be had with the new choice."
    }


def test_a_preset_whose_values_have_moved_is_none() -> None:
    """While they stay, its name does."""
    offered = choices().with_presets(
        parse_presets([{"name": "two", "values": {"gpus": 2}}, {"name": "long", "values": {"walltime": "2h"}}]), ()
    )
    for name, kept in (("two", ""), ("long", "long")):
        request = asked(offered, preset=name).model_copy(update={"partition": "g100_cpu"})
        assert reconcile(request, offered, "partition").request.preset == kept


OFFERED = choices(
    partitions=(partition(), cpu_partition(allow_accounts=("cin_extra",))),
    reservations=(reservation(), reservation("school", nodes=("c001",), partition="g100_cpu")),
)


@given(
    account=st.sampled_from(["cin_ada", "cin_extra"]),
    place=st.sampled_from(["g100_int", "g100_cpu"]),
    inside=st.sampled_from(["", "course", "school"]),
    gpus=st.sampled_from(["0", "1", "2", "v100:1", "v100:2"]),
    cores=st.integers(1, 200),
    memory=st.integers(1, 2 * MEMORY_MB),
    minutes=st.integers(1, 5000),
    changed=st.sampled_from(["account", "partition", "reservation", "gpus", "release"]),
)
def test_the_changed_field_is_kept_and_settling_twice_changes_nothing(
    account: str, place: str, inside: str, gpus: str, cores: int, memory: int, minutes: int, changed: str
) -> None:
    numbers = {"gpus": gpus, "cores": cores, "memory": f"{memory}M", "walltime": minutes}
    request, _ = judge_request({"account": account, "partition": place, "reservation": inside, **numbers}, OFFERED)
    settled = reconcile(request, OFFERED, changed)
    assert getattr(settled.request, changed) == getattr(request, changed)
    assert set(settled.moved) == {
        name for name in SessionRequest.model_fields if name != "preset" and getattr(settled.request, name) != getattr(request, name)
    }
    assert reconcile(settled.request, OFFERED, changed).request == settled.request
    if changed in ("account", "release"):
        assert check_request(settled.request, OFFERED) == {}
