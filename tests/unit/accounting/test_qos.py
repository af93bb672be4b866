"""Which QOS a job runs under, and what slurmdbd knows of users."""

from __future__ import annotations

from typing import Any

import pytest

from spawner.accounting.budgets import Budget
from spawner.accounting.limits import Enforced, Limit
from spawner.accounting.partition_limits import JobRules
from spawner.accounting.qos import (
    AccountingData,
    AccountingRecords,
    QosResolver,
    forced_qos,
    line_of,
    parents_of,
    qos_of_job,
    records_of_controller,
)
from spawner.slurm.model import AccountingLimits, Association, Holdings, Partition, Qos, Use
from tests.support.builders import config

NORMAL = Qos("normal")


@pytest.mark.parametrize(
    ("forced", "own", "root", "name"),
    [
        pytest.param("", Association("a", "u"), "", "normal", id="nothing-said"),
        pytest.param("", Association("a", "u", qos=("x", "y"), default_qos="y"), "z", "y", id="the-default"),
        pytest.param("", Association("a", "u", qos=("x",)), "z", "x", id="the-only-one"),
        pytest.param("", Association("a", "u", qos=("x", "y")), "z", "z", id="the-root-accounts"),
        pytest.param("", Association("a", "u", qos=("x", "y")), "", "normal", id="several-and-no-default"),
        pytest.param("", None, "", "normal", id="no-association"),
        pytest.param("w", Association("a", "u", qos=("x",), default_qos="x"), "z", "w", id="asked-for"),
    ],
)
def test_qos_of_job(forced: str, own: Association | None, root: str, name: str) -> None:
    """As assoc_mgr_get_default_qos_info chooses it."""
    assert qos_of_job(forced, own, (Association("root", default_qos=root), Association("b", default_qos="other"))) == name


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ((), ""),
        (("--constraint=v100",), ""),
        (("--qos=a", "--mem=1"), "a"),
        (("--qos=a", "--qos=b"), "b"),
        (("--qos-x=a",), ""),
        (("--qos=a=b",), "a=b"),
    ],
)
def test_forced_qos(options: tuple[str, ...], name: str) -> None:
    """The admin's own options of sbatch may name one; the last one wins, as for sbatch."""
    assert forced_qos(options) == name


def test_accounting() -> None:
    """Rows by user; whether shared limits exist; what slurmctld knows that slurmdbd has not told yet."""
    rows = (Association("root"), Association("low", parent="root"), Association("low", "ada"), Association("low", "grace", "gpu"))
    known = AccountingRecords(rows, (), (NORMAL,))
    assert known.rows_of("ada") == (rows[2], rows[0], rows[1])
    assert known.has_user("grace")
    assert not known.has_user("nobody")
    assert not known.has_shared_limits
    assert AccountingRecords(rows, (), (Qos("x", limits=AccountingLimits(per_user=(("cpu", 1),))),)).has_shared_limits
    assert AccountingRecords((Association("a", limits=AccountingLimits(max_jobs=1)),), ()).has_shared_limits
    assert AccountingRecords(rows[2:], ()).rows_of("ada") == (rows[2],)
    assert AccountingRecords(rows[2:], ()).rows_of("nobody") == ()
    held = Holdings({("low", "ada", ""): Use(), ("low", "grace", ""): Use(), ("low", "grace", "gpu"): Use()})
    assert known.lacks(held) == {("low", "grace", "")}


def test_a_user_of_the_root_account_has_no_say() -> None:
    """The default QOS of all is that of the root account's own row, not of a user's association with it."""
    rows = (Association("root", "ada", default_qos="adas"), Association("low", default_qos="lows"), Association("root", default_qos="z"))
    assert qos_of_job("", Association("low", "ada"), rows) == "z"
    assert qos_of_job("", Association("low", "ada"), rows[:2]) == "normal"


def test_who_slurmctld_knows() -> None:
    """While slurmdbd is away: each association and the account above it, without limits and QOS, and that this is the controller's word."""
    found = records_of_controller(Holdings({("low", "ada", "gpu"): Use(jobs=3), ("low", "", ""): Use()}, parents={"low": "top"}))
    assert found == AccountingRecords((Association("low", "ada", "gpu"), Association("low", parent="top")), (), (), True)
    assert not AccountingRecords((), ()).from_controller


def test_parents_are_the_accounts_own() -> None:
    """A user's association says nothing of the account's parent; the line ends at the root, at an unknown account, and in a circle."""
    rows = (Association("root"), Association("top", parent="root"), Association("low", parent="top"), Association("low", "ada", parent="x"))
    assert parents_of(rows) == {"root": "", "top": "root", "low": "top"}
    assert line_of("low", parents_of(rows)) == ("low", "top", "root")
    assert line_of("gone", {}) == ("gone",)
    assert line_of("a", {"a": "b", "b": "c", "c": "a"}) == ("a", "b", "c")
    assert line_of("a", {"a": "gone"}) == ("a", "gone")


def test_what_is_enforced() -> None:
    """As AccountingStorageEnforce says; all of it where the configuration is not known."""
    assert AccountingData().enforced == Enforced()
    assert AccountingData(config=config(AccountingStorageEnforce="limits")).enforced == Enforced(True, True, False)


def minutes(most: int) -> AccountingLimits:
    """A MaxWall of so many minutes."""
    return AccountingLimits(max_minutes=most)


def resolver(*rows: Association, qos: tuple[Qos, ...] = (NORMAL,), **data: Any) -> QosResolver:
    """The rules of ada, whose id is 7."""
    return QosResolver("ada", rows, AccountingData(AccountingRecords(rows, (), qos), **data), uid=7)


OWN = Association("low", "ada", qos=("normal",))


def test_rules_of_a_qos() -> None:
    """Its flags, its factor, its limits and what the user, the account and all hold of it."""
    flags = frozenset({"RequiresReservation", "PartitionTimeLimit"})
    limits = AccountingLimits(per_user=(("cpu", 4),), per_account=(("cpu", 8),), group_minutes=(("billing", 90), ("cpu", 60)))
    held = Holdings(
        associations={("low", "ada", ""): Use(minutes=(("mem", 5),))},
        qos={"q": Use(minutes=(("billing", 30), ("cpu", 20)))},
        qos_users={("q", 7): Use(tres=(("cpu", 1),)), ("q", -1): Use(tres=(("cpu", 9),))},
        qos_accounts={("q", "low"): Use(tres=(("cpu", 2),))},
    )
    own = Association("low", "ada", qos=("q",), limits=AccountingLimits(group_minutes=(("mem", 70),)))
    found, refused = resolver(
        own, qos=(Qos("q", flags, limits, 0.5),), holdings=held, config=config(AccountingStorageEnforce="all,safe")
    ).rules("low", Partition("p"))
    assert refused == ""
    assert found == JobRules(
        "q",
        (
            Limit("cores", 4, "QOS q", "user", 1),
            Limit("cores", 8, "QOS q", "account", 2),
            Limit("cores", 60, "QOS q", "group", 20, measure="minutes", budget=True),
            Limit("memory", 70, "account low", "user", 5, measure="minutes", budget=True),
        ),
        needs_reservation=True,
        beyond_partition_time=True,
        usage_factor=0.5,
        budgets=(
            Budget("QOS q", "billing", 90, 30, 0),
            Budget("QOS q", "cpu", 60, 20, 0),
            Budget("account low", "mem", 70, 5, 0, own=True),
        ),
    )


def test_rules_where_no_qos_is_known() -> None:
    """Nothing is said of a QOS, nothing refused, and a unit is charged as it is."""
    partition = Partition("p", allow_qos=("other",))
    assert resolver(OWN, qos=()).rules("low", partition) == (JobRules("", usage_factor=1.0), "")
    nobody = QosResolver("ada", (), AccountingData())
    assert nobody.rules("", partition) == (JobRules(), "")


@pytest.mark.parametrize(
    ("enforce", "job_qos", "partition", "refused"),
    [
        pytest.param("all", "gone", {}, "there is no QOS gone", id="unknown"),
        pytest.param("limits", "gone", {}, "", id="unknown-and-not-enforced"),
        pytest.param("limits", "gone", {"deny_qos": ("gone",)}, "QOS gone may not be used there", id="partitions-lists-always-hold"),
        pytest.param("limits", "x", {"allow_qos": ("normal",)}, "QOS x may not be used there", id="not-among-those-allowed"),
        pytest.param("limits", "x", {"allow_qos": ()}, "QOS x may not be used there", id="none-is-allowed"),
        pytest.param("all", "x", {"deny_qos": ("x",)}, "the account may not use QOS x", id="the-account-first"),
        pytest.param("limits", "x", {"deny_qos": ("x",), "min_nodes": 2}, "QOS x may not be used there", id="the-qos-before-the-nodes"),
        pytest.param("limits", "x", {"min_nodes": 2, "max_nodes": 0}, "its jobs have 2 nodes at least", id="the-least-before-the-most"),
        pytest.param("limits", "x", {"min_nodes": 1, "max_nodes": 0}, "it takes no jobs", id="no-nodes"),
        pytest.param("all", "min", {"min_nodes": 2, "max_nodes": 0}, "it takes no jobs", id="beyond-the-least-only"),
        pytest.param("all", "max", {"min_nodes": 2, "max_nodes": 0}, "its jobs have 2 nodes at least", id="beyond-the-most-only"),
        pytest.param("all", "min", {"min_nodes": 2}, "", id="beyond-the-least"),
        pytest.param("all", "max", {"max_nodes": 0}, "", id="beyond-the-most"),
        pytest.param("all", "none", {}, "QOS none allows no time", id="a-limit-of-nothing"),
        pytest.param("qos", "none", {}, "", id="a-limit-of-nothing-not-enforced"),
        pytest.param("all", "none", {"max_nodes": 0}, "it takes no jobs", id="the-partition-before-the-limits"),
    ],
)  # fmt: skip
def test_why_jobs_under_a_qos_are_refused(enforce: str, job_qos: str, partition: dict[str, Any], refused: str) -> None:
    """Account, partition and limits are looked at in this order, and the first reason is told."""
    known = (
        NORMAL,
        Qos("x"),
        Qos("min", frozenset({"PartitionMinNodes"})),
        Qos("max", frozenset({"PartitionMaxNodes"})),
        Qos("none", limits=minutes(0)),
    )
    own = Association("low", "ada", qos=("normal", "min", "max", "none"))
    rules = resolver(own, qos=known, job_qos=job_qos, config=config(AccountingStorageEnforce=enforce))
    assert rules.rules("low", Partition("p", **partition))[1] == refused


def test_who_has_no_association_may_use_any_qos() -> None:
    """The account's list of QOS is the association's."""
    assert resolver(Association("low")).rules("low", Partition("p"))[1] == ""


def test_the_association_of_the_partition_and_all_accounts_above() -> None:
    """One that names the partition comes before the one for any; both have the Grp… limits of the accounts up to the root."""
    groups = {"limits": AccountingLimits(group_jobs=9)}
    rows = (
        Association("low", "ada", "gpu", ("normal",), limits=minutes(10)),
        Association("low", "ada", qos=("normal",), limits=minutes(20)),
        Association("low", "eve", qos=("normal",), limits=minutes(30)),
        Association("low", parent="top", **groups),
        Association("top", parent="root"),
        Association("root", **groups),
        Association("other", **groups),
    )
    rules = resolver(*rows)
    for name, time in (("cpu", 20), ("gpu", 10), ("cpu", 20)):
        found, _refused = rules.rules("low", Partition(name))
        assert [(limit.resource, limit.most, limit.source) for limit in found.limits] == [
            ("minutes", time, "account low"),
            ("jobs", 9, "account low"),
            ("jobs", 9, "account root"),
        ]


def test_rules_of_each_account_and_of_each_partitions_qos() -> None:
    """One user's rules in one partition are not taken for those of another account or of another partition's QOS."""
    rows = (
        Association("low", "ada", qos=("normal",), limits=minutes(10)),
        Association("extra", "ada", qos=("normal",), limits=minutes(20)),
    )
    rules = resolver(*rows, qos=(NORMAL, Qos("five", limits=minutes(5)), Qos("six", limits=minutes(6))))
    asked = [("low", ""), ("extra", ""), ("low", "five"), ("extra", "six"), ("low", "six"), ("low", "")]
    found = [rules.rules(account, Partition("p", qos=qos))[0] for account, qos in asked]
    assert [limit.most for each in found for limit in each.limits] == [10, 20, 5, 6, 6, 10]
    assert {each.qos for each in found} == {"normal"}


def test_limits_that_are_not_enforced_leave_the_budgets() -> None:
    """They bind no job, but the form still tells what is left."""
    own = Association("low", "ada", qos=("normal",), limits=AccountingLimits(max_minutes=5, group_minutes=(("cpu", 60),)))
    found, _refused = resolver(own, config=config(AccountingStorageEnforce="qos")).rules("low", Partition("p"))
    assert (found.limits, found.budgets) == ((), (Budget("account low", "cpu", 60, own=True),))
