"""Defaults that are valid as they stand, on any cluster."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spawner.accounting.entitlement import entitlement
from spawner.accounting.qos import AccountingData, AccountingRecords
from spawner.errors import NoAccount
from spawner.request.choices import Choices
from spawner.request.defaults import default_account, default_partition, default_release, default_values, has_to_choose_account
from spawner.request.form_fields import form_fields
from spawner.request.gpus import GpuRequest
from spawner.request.validation import resolve_request
from spawner.slurm.model import AccountingLimits, Association, Gres, Node, Partition, Qos, Reservation, UserDefaults
from tests.support.builders import NOW, choices, cpu_partition, node, partition, reservation


def test_defaults_of_the_demo() -> None:
    """What Start sends if nothing is touched."""
    assert default_values(choices()) == {
        "reservation": "",
        "account": "cin_ada",
        "partition": "g100_int",
        "cores": 1,
        "memory": "4G",
        "gpus": "0",
        "walltime": "01:00:00",
        "release": "2026.10",
        "interface": "lab",
        "qos": "",
        "constraint": "",
        "nodes": 1,
        "tasks": 1,
        "start_folder": "",
    }


RESERVED_ONLY = partition("r", is_default=True, reservation_required=True, max_minutes=None)
AT_COURSE = {"reservations": (reservation(),), "partitions": (RESERVED_ONLY,)}


@pytest.mark.parametrize(
    ("fields", "changes", "expected"),
    [
        pytest.param({"account": {"default": "cin_extra"}}, {}, {"account": "cin_extra"}, id="account-preset"),
        pytest.param({"account": {"default": "cin_grace"}}, {}, {"account": "cin_ada"}, id="account-preset-of-others"),
        pytest.param({"partition": {"default": "g100_cpu"}}, {}, {"partition": "g100_cpu"}, id="partition-preset"),
        pytest.param({"partition": {"default": "gone"}}, {}, {"partition": "g100_int"}, id="partition-preset-that-is-gone"),
        pytest.param({}, {"partitions": (partition(deny_accounts=("cin_ada",)), cpu_partition())}, {"partition": "g100_cpu", "account": "cin_ada"}, id="partition-of-the-account"),
        pytest.param({}, {"partitions": (partition(allow_accounts=("cin_extra",)),)}, {"partition": "g100_int", "account": "cin_extra"}, id="account-that-has-a-partition"),
        pytest.param({"partition": {"default": "g100_int"}}, {"partitions": (partition(deny_accounts=("cin_ada",)), cpu_partition())}, {"partition": "g100_cpu"}, id="preset-closed-to-the-account"),
        pytest.param({}, {"partitions": (RESERVED_ONLY, cpu_partition())}, {"partition": "g100_cpu", "reservation": ""}, id="not-the-one-for-reservations"),
        pytest.param({}, AT_COURSE, {"partition": "r", "reservation": "course", "walltime": "01:00:00"}, id="only-with-a-reservation"),
        pytest.param({"walltime": {"default": "4h"}}, AT_COURSE, {"walltime": "02:00:00"}, id="until-the-reservation-ends"),
        pytest.param({"reservation": {"default": "course"}}, {"reservations": (reservation(),)}, {"reservation": "course"}, id="reservation-preset"),
        pytest.param({"reservation": {"default": "course"}}, {}, {"reservation": ""}, id="reservation-preset-that-is-not-theirs"),
        pytest.param({"reservation": {"default": "course", "locked": True}}, {"reservations": (reservation(),)}, {"reservation": "course"}, id="reservation-locked"),
        pytest.param({"reservation": {"default": "course"}}, {"reservations": (reservation(users=(), accounts=("cin_extra",)),)}, {"reservation": ""}, id="reservation-of-another-account"),
        pytest.param({"cores": {"default": 4}}, {}, {"cores": 4}, id="cores-preset"),
        pytest.param({"cores": {"default": 99}}, {}, {"cores": 48}, id="cores-preset-above-the-node"),
        pytest.param({"cores": {"default": 9, "maximum": 8}}, {}, {"cores": 8}, id="cores-preset-above-the-maximum"),
        pytest.param({"cores": {"minimum": 2}}, {}, {"cores": 2}, id="cores-minimum"),
        pytest.param({"cores": {"choices": [2, 4, 96]}}, {}, {"cores": 2}, id="cores-choices"),
        pytest.param({"cores": {"choices": [4, 2, 96], "default": 4}}, {}, {"cores": 4}, id="cores-choices-and-preset"),
        pytest.param({"memory": {"default": "16G"}}, {}, {"memory": "16G"}, id="memory-preset"),
        pytest.param({"memory": {"choices": ["2G", "8G"]}}, {}, {"memory": "2G"}, id="memory-choices"),
        pytest.param({}, {"nodes": (node(memory_mb=1000),)}, {"memory": "1000M"}, id="small-node"),
        pytest.param({}, {"partitions": (partition(default_minutes=30),)}, {"walltime": "00:30:00"}, id="default-time-of-slurm"),
        pytest.param({}, {"partitions": (partition(max_minutes=20),)}, {"walltime": "00:20:00"}, id="max-time-of-slurm"),
        pytest.param({"walltime": {"default": "2h"}}, {}, {"walltime": "02:00:00"}, id="time-preset"),
        pytest.param({"walltime": {"minimum": "2h"}}, {}, {"walltime": "02:00:00"}, id="time-minimum"),
        pytest.param({"gpus": {"default": "1"}}, {}, {"gpus": "1"}, id="gpus-preset"),
        pytest.param({"gpus": {"default": "v100:1"}}, {}, {"gpus": "v100:1"}, id="gpus-preset-with-type"),
        pytest.param({"gpus": {"default": "1"}, "partition": {"default": "g100_cpu"}}, {}, {"gpus": "0"}, id="gpus-preset-without-gpus"),
        pytest.param({"gpus": {"default": "v100:3"}}, {"nodes": (node("g001"), node("g002", gres="gpu:a100:4"))}, {"gpus": "0"}, id="gpus-preset-more-than-of-its-type"),
        pytest.param({"gpus": {"minimum": 1}}, {}, {"gpus": "1"}, id="gpus-minimum"),
        pytest.param({"gpus": {"choices": ["1", "2"]}}, {}, {"gpus": "1"}, id="gpus-choices"),
        pytest.param({"release": {"default": "2024.04"}}, {}, {"release": "2024.04", "interface": "lab"}, id="release-preset"),
        pytest.param({"interface": {"default": "terminal"}}, {}, {"interface": "terminal"}, id="interface-preset"),
        pytest.param({"interface": {"default": "terminal"}, "release": {"default": "2024.04"}}, {}, {"interface": "lab"}, id="interface-preset-not-of-the-release"),
        pytest.param({}, {"associations": None}, {"account": "", "partition": "g100_int"}, id="no-accounting"),
    ],
)  # fmt: skip
def test_default(fields: dict[str, Any], changes: dict[str, Any], expected: dict[str, Any]) -> None:
    """The admin's preset where it can be had, else the nearest that can; and the whole of it is a valid request."""
    offered = choices(fields=fields, **changes)
    defaults = default_values(offered)
    assert {name: defaults[name] for name in expected} == expected
    assert resolve_request(defaults, offered) == resolve_request({}, offered)


ONLY_EXTRA = {"allow_accounts": ("cin_extra",)}


@pytest.mark.parametrize(
    ("slurms", "fields", "changes", "account", "partition_name"),
    [
        pytest.param("cin_ada", {}, {}, "cin_ada", "g100_int", id="slurms"),
        pytest.param("cin_extra", {}, {}, "cin_extra", "g100_int", id="slurms-that-is-not-the-first"),
        pytest.param("", {}, {}, "cin_ada", "g100_int", id="slurm-has-none"),
        pytest.param("cin_ada", {"account": {"default": "cin_extra"}}, {}, "cin_extra", "g100_int", id="the-admins"),
        pytest.param("cin_extra", {"account": {"choices": ["cin_ada"]}}, {}, "cin_ada", "g100_int", id="not-among-the-admins"),
        pytest.param("cin_ada", {}, {"partitions": (partition(**ONLY_EXTRA), cpu_partition(**ONLY_EXTRA))}, "cin_extra", "g100_int", id="no-partition-admits-slurms"),
        pytest.param("cin_ada", {"account": {"default": "cin_ada"}}, {"partitions": (partition(**ONLY_EXTRA),)}, "cin_extra", "g100_int", id="no-partition-admits-the-admins"),
        pytest.param("cin_ada", {}, {"partitions": (partition(**ONLY_EXTRA), cpu_partition())}, "cin_ada", "g100_cpu", id="one-partition-admits-it"),
        pytest.param("cin_extra", {}, {"partitions": (partition(**ONLY_EXTRA), cpu_partition())}, "cin_extra", "g100_int", id="slurms-default-partition"),
        pytest.param("cin_ada", {}, {"partitions": (partition(is_default=False), cpu_partition(is_default=True))}, "cin_ada", "g100_cpu", id="default-that-is-not-the-first"),
        pytest.param("cin_ada", {}, {"partitions": (partition(is_default=False), cpu_partition())}, "cin_ada", "g100_int", id="no-default-the-first"),
        pytest.param("cin_ada", {"partition": {"default": "g100_int"}}, {"partitions": (partition(**ONLY_EXTRA), cpu_partition())}, "cin_ada", "g100_cpu", id="the-admins-partition-does-not-admit-it"),
        pytest.param("cin_ada", {}, {"associations": None}, "", "g100_int", id="no-accounting"),
    ],
)  # fmt: skip
def test_preselected_account_and_partition(
    slurms: str, fields: dict[str, Any], changes: dict[str, Any], account: str, partition_name: str
) -> None:
    """An account that some partition admits, the admin's before Slurm's before the first; and then a partition that admits it."""
    offered = choices(fields=fields, **changes)
    offered = replace(offered, entitlement=replace(offered.entitlement, default_account=slurms))
    assert (default_account(offered), default_partition(offered)) == (account, partition_name)
    defaults = default_values(offered)
    assert (defaults["account"], defaults["partition"]) == (account, partition_name)


@pytest.mark.parametrize(
    ("closed", "fields", "expected"),
    [
        pytest.param((), {}, "g100_int", id="none"),
        pytest.param(("g100_int",), {}, "g100_cpu", id="slurms-default"),
        pytest.param(("g100_int",), {"partition": {"default": "g100_int"}}, "g100_cpu", id="the-admins"),
        pytest.param(("g100_cpu",), {"partition": {"default": "g100_cpu"}}, "g100_int", id="the-admins-which-is-not-slurms"),
        pytest.param(("g100_int", "g100_cpu"), {}, "g100_int", id="all"),
    ],
)
def test_a_closed_partition_is_not_preselected(closed: tuple[str, ...], fields: dict[str, Any], expected: str) -> None:
    """Not even the admin's own, unless all are closed."""
    offered = replace(choices(fields=fields), closed=dict.fromkeys(closed, "Back on Monday."))
    assert default_partition(offered) == default_values(offered)["partition"] == expected


def test_a_partition_for_reservations_is_preselected_by_the_admin_only() -> None:
    """Else another one is, even if this is Slurm's default."""
    changes = {"partitions": (RESERVED_ONLY, cpu_partition()), "reservations": (reservation(),)}
    assert default_partition(choices(**changes)) == "g100_cpu"
    assert default_partition(choices(fields={"partition": {"default": "r"}}, **changes)) == "r"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param({}, "course", id="can-be-had"),
        pytest.param({"partition": "g100_int"}, "course", id="of-the-partition"),
        pytest.param({"partition": "g100_cpu"}, "", id="of-another-partition"),
        pytest.param({"end": NOW + 60}, "course", id="a-minute-is-left"),
        pytest.param({"end": NOW + 59}, "", id="less-than-a-minute-is-left"),
        pytest.param({"end": NOW + 59, "flags": frozenset({"FLEX"})}, "course", id="its-end-does-not-end-jobs"),
        pytest.param({"nodes": ("c001",)}, "", id="none-of-its-nodes-is-in-the-partition"),
        pytest.param({"nodes": ("c001", "g003")}, "course", id="one-of-its-nodes-is"),
        pytest.param({"nodes": ("c001",), "flags": frozenset({"FLEX"})}, "course", id="jobs-may-use-other-nodes"),
        pytest.param({"users": (), "accounts": ("cin_ada",)}, "course", id="of-the-account"),
        pytest.param({"users": (), "accounts": ("cin_extra",)}, "", id="of-another-account"),
    ],
)
def test_preset_reservation(entry: dict[str, Any], expected: str) -> None:
    """The admin's preset, where the preselected account can start a session in it in the preselected partition; else none."""
    offered = choices(fields={"reservation": {"default": "course"}}, reservations=(reservation(**entry),))
    defaults = default_values(offered)
    assert (defaults["partition"], defaults["reservation"]) == ("g100_int", expected)
    assert resolve_request({}, offered).reservation == expected


def test_a_reservation_that_the_accounts_qos_asks_for() -> None:
    """One is preselected for the account whose QOS can only be used with a reservation, and for no other account there."""
    rows = (Association("cin_ada", "ada", "", ("bound",)), Association("cin_extra", "ada", "", ("free",)))
    qos = (Qos("bound", frozenset({"RequiresReservation"})), Qos("free"))
    offered = choices(associations=rows, qos=qos, reservations=(reservation(),))
    found = {account: default_values(offered, account=account)["reservation"] for account in ("cin_ada", "cin_extra")}
    assert found == {"cin_ada": "course", "cin_extra": ""}


@pytest.mark.parametrize(
    ("limits", "of_partition", "fields", "expected"),
    [
        pytest.param({"least_per_job": (("mem", 8192),)}, {}, {}, {"memory": "8G"}, id="memory-that-must-be"),
        pytest.param({"least_per_job": (("cpu", 4),)}, {}, {}, {"cores": 4}, id="cores-that-must-be"),
        pytest.param({"per_job": (("cpu", 2),)}, {"max_memory_mb_per_cpu": 1000}, {}, {"memory": "2000M"}, id="memory-that-the-cores-may-have"),
        pytest.param({"per_job": (("cpu", 5),)}, {"max_memory_mb_per_cpu": 1000}, {}, {"memory": "4G"}, id="cores-for-more-memory"),
        pytest.param({"per_job_minutes": (("cpu", 120),)}, {}, {"cores": {"default": 4}}, {"walltime": "00:30:00"}, id="core-minutes"),
        pytest.param({"per_job_minutes": (("gres/gpu", 40),)}, {}, {"gpus": {"default": 2}}, {"walltime": "00:20:00"}, id="GPU-minutes"),
        pytest.param({"max_minutes": 20}, {"default_minutes": 30}, {}, {"walltime": "00:20:00"}, id="the-default-time-is-more-than-may-be"),
    ],
)  # fmt: skip
def test_defaults_within_the_accounts_limits(
    limits: dict[str, Any], of_partition: dict[str, Any], fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    """What Start sends untouched is a request that the account may make."""
    rows = (Association("cin_ada", "ada", "", ("small",)),)
    qos = (Qos("small", limits=AccountingLimits(**limits)),)
    offered = choices(associations=rows, qos=qos, partitions=(partition(**of_partition),), fields=fields)
    defaults = default_values(offered)
    assert {name: defaults[name] for name in expected} == expected
    assert resolve_request({}, offered).options()["walltime"] == defaults["walltime"]


def test_defaults_where_no_release_is_left() -> None:
    """Nothing stands there, and Start says so."""
    offered = choices(fields={"release": {"choices": ["gone"]}})
    assert default_release(offered) is None
    defaults = default_values(offered)
    assert (defaults["release"], defaults["interface"]) == ("", "")


def test_defaults_of_a_partition_that_was_named() -> None:
    """Its numbers, and the account that it admits; with an account and a reservation the numbers that these have there."""
    small = reservation("small", core_count=4)
    offered = choices(partitions=(partition(), cpu_partition(allow_accounts=("cin_extra",), max_minutes=20)), reservations=(small,), fields={"cores": {"default": 9}})  # fmt: skip
    cpu = default_values(offered, "g100_cpu")
    assert (cpu["partition"], cpu["account"], cpu["walltime"], cpu["cores"]) == ("g100_cpu", "cin_extra", "00:20:00", 9)
    assert default_values(offered, "gone")["partition"] == "g100_int"
    inside = default_values(offered, reservation="small")
    assert (inside["cores"], inside["reservation"]) == (4, "")
    assert default_values(offered, reservation="gone")["cores"] == 9


def dated(*tested: bool) -> dict[str, Any]:
    """A catalogue of a release a year, the newest first: 2026, 2025, …"""
    return {"releases": [{"tag": str(2026 - age), "date": f"{2026 - age}-01-01", "tested": each} for age, each in enumerate(tested)]}


@pytest.mark.parametrize(
    ("tested", "preset", "expected"),
    [
        pytest.param((True, True), None, "2026", id="the-newest-is-tested"),
        pytest.param((False, True), None, "2025", id="the-newest-is-not"),
        pytest.param((False, False, True, True), None, "2024", id="the-newest-of-the-tested"),
        pytest.param((False, False), None, "2026", id="none-is-tested"),
        pytest.param((False, True, True), "2024", "2024", id="the-admins"),
        pytest.param((False, True), "2026", "2026", id="the-admins-though-not-tested"),
        pytest.param((False, True), "1999", "2025", id="the-admins-is-gone"),
    ],
)
def test_preselected_release(tested: tuple[bool, ...], preset: str | None, expected: str) -> None:
    """The newest tested one, unless the admin presets another, for a request without a form and in the form; all stand there."""
    offered = choices(releases=dated(*tested), fields={"release": {"default": preset}} if preset else {})
    defaults = default_values(offered)
    assert defaults["release"] == expected
    assert resolve_request({}, offered).release == expected
    field = next(field for field in form_fields(offered, defaults, {}) if field.key == "release")
    assert field.value == expected
    # Those that are not tested stand behind the others, under "Advanced".
    ages = sorted(range(len(tested)), key=lambda age: not tested[age])
    assert [(option.value, option.selected) for option in field.options] == [(str(2026 - age), str(2026 - age) == expected) for age in ages]
    assert [bool(option.group) for option in field.options] == [not tested[age] for age in ages]


def test_the_newest_tested_release_is_one_that_is_offered() -> None:
    """Where the admin's choices leave the newest tested release out, an untested one does not take its place."""
    offered = choices(releases=dated(True, False, True), fields={"release": {"choices": ["2025", "2024"]}})
    assert default_values(offered)["release"] == "2024"
    assert resolve_request({}, offered).release == "2024"


word = st.text(string.ascii_lowercase, min_size=1, max_size=3)
accounts = st.sampled_from(["a", "b", "c"])
any_gres = st.sampled_from([(), (Gres("gpu", "v100", 2),), (Gres("gpu", "", 4),), (Gres("gpu", "a100", 1), Gres("gpu", "v100", 3))])
some_nodes = st.lists(
    st.builds(
        Node,
        name=st.sampled_from(["n1", "n2", "n3"]),
        address=st.just("x"),
        state=st.sampled_from(["idle", "down"]),
        cores_total=st.integers(0, 64),
        cores_system=st.integers(0, 2),
        memory_mb=st.integers(0, 10_000),
        gres=any_gres,
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda entry: entry.name,
)
optional_accounts = st.none() | st.lists(accounts, max_size=2, unique=True).map(tuple)
some_partitions = st.lists(
    st.builds(
        Partition,
        name=word,
        state=st.sampled_from(["UP", "UP", "DOWN"]),
        is_default=st.booleans(),
        nodes=st.lists(st.sampled_from(["n1", "n2", "n3", "n4"]), max_size=3, unique=True).map(tuple),
        max_minutes=st.none() | st.integers(1, 10_000),
        default_minutes=st.none() | st.integers(1, 10_000),
        allow_accounts=optional_accounts,
        deny_accounts=optional_accounts,
        max_cores_per_node=st.none() | st.integers(1, 8),
        max_memory_mb_per_node=st.none() | st.integers(1, 1000),
        max_memory_mb_per_cpu=st.none() | st.integers(1, 1000),
        min_nodes=st.sampled_from([0, 0, 1, 2]),
        oversubscribe=st.sampled_from(["NO", "NO", "EXCLUSIVE"]),
        qos=st.sampled_from(["", "q", "r"]),
        allow_qos=st.sampled_from([None, None, ("q",), ("q", "r")]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda entry: entry.name,
)
some_reservations = st.lists(
    st.builds(
        Reservation,
        name=word,
        start=st.sampled_from([0, NOW + 60]),
        end=st.integers(NOW, NOW + 9999),
        users=st.sampled_from([("ada",), ("-eve",), ("eve",)]),
        nodes=st.sampled_from([(), ("n1",), ("n1", "n2")]),
        core_count=st.none() | st.integers(1, 9),
    ),
    max_size=2,
    unique_by=lambda entry: entry.name,
)
some_tres = st.just(()) | st.lists(
    st.tuples(st.sampled_from(["cpu", "mem", "gres/gpu", "gres/gpu:v100", "node"]), st.integers(0, 70)),
    max_size=3,
    unique_by=lambda entry: entry[0],
).map(tuple)
some_limits = st.builds(
    AccountingLimits,
    per_job=some_tres,
    per_user=some_tres,
    group=some_tres,
    max_minutes=st.none() | st.integers(0, 99),
    max_jobs=st.sampled_from([None, None, 0, 2]),
)
some_associations = st.none() | st.lists(
    st.builds(
        Association,
        account=accounts,
        user=st.sampled_from(["ada", "eve", ""]),
        partition=st.just("") | word,
        qos=st.sampled_from([("q",), ("r",), ("q", "r")]),
        default_qos=st.sampled_from(["", "q"]),
        limits=some_limits,
    ),
    max_size=4,
)
some_qos = st.builds(lambda q, r: (Qos("q", limits=q), Qos("r", frozenset({"OverPartQOS"}), r)), some_limits, some_limits)


@pytest.mark.thorough
# How long it takes to draw a cluster depends on what else the machine does.
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(some_nodes, some_partitions, some_reservations, some_associations, st.none() | accounts, some_qos)
def test_defaults_are_valid_on_any_cluster(
    nodes: list[Node],
    partitions: list[Partition],
    reservations: list[Reservation],
    associations: list[Association] | None,
    default: str | None,
    qos: tuple[Qos, ...],
) -> None:
    """Whoever has an account and a partition can press Start at once, on whatever cluster; who has not is told."""
    defaults = (UserDefaults("ada", default),) if default else ()
    records = None if associations is None else AccountingRecords(tuple(associations), defaults, qos)
    own = entitlement(
        "ada",
        AccountingData(records),
        groups=(),
        partitions=partitions,
        reservations=reservations,
        nodes=nodes,
        now=NOW,
    )
    offered = Choices(own, choices().catalogue, now=float(NOW))
    if not own.partitions or own.accounts == ():
        with pytest.raises(NoAccount):
            resolve_request({}, offered)
        return
    request = resolve_request(default_values(offered), offered)
    assert request == resolve_request({}, offered)
    assert request.gpus == GpuRequest()


@pytest.mark.parametrize("changes", [{"partitions": ()}, {"associations": ()}], ids=["no-partition", "no-account"])
def test_nobody_else_gets_defaults(changes: dict[str, Any]) -> None:
    """Without a partition, or without an account, the answer is NoAccount."""
    with pytest.raises(NoAccount):
        resolve_request({}, choices(**changes))


@pytest.mark.parametrize(
    ("accounts", "slurms", "admins", "expected"),
    [
        (("cin_a", "cin_b"), "", {}, True),
        (("cin_a", "cin_b"), "cin_b", {}, False),
        (("cin_a", "cin_b"), "", {"account": {"default": "cin_a"}}, False),
        (("cin_a",), "", {}, False),
        (None, "", {}, False),
    ],
)
def test_whom_the_choice_of_an_account_is_left_to(
    accounts: tuple[str, ...] | None, slurms: str, admins: dict[str, Any], *, expected: bool
) -> None:
    """Of several, where neither Slurm nor the admin says which."""
    offered = choices(fields=admins)
    offered = replace(offered, entitlement=replace(offered.entitlement, accounts=accounts, default_account=slurms))
    assert has_to_choose_account(offered) is expected
