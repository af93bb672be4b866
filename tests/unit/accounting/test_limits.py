"""Slurm's limits: which of them bind a job, and what a job that they bind can and cannot have."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from typing import Any

import pytest

from spawner.accounting.limits import (
    Enforced,
    Limit,
    amounts_of,
    is_shared,
    limits_of_job,
    minutes_by_amount,
    qos_order,
    resource_of,
    source_in_words,
    why_impossible,
)
from spawner.availability.demand import Demand
from spawner.i18n import using
from spawner.slurm.model import AccountingLimits, Association, Holdings, Qos, Use


def qos(name: str, flags: str = "", **limits: Any) -> Qos:
    """A QOS with these limits."""
    return Qos(name, frozenset(flags.split()), AccountingLimits(**limits))


def row(account: str, user: str = "", partition: str = "", **limits: Any) -> Association:
    """An association with these limits."""
    return Association(account, user, partition, limits=AccountingLimits(**limits))


def bound(
    *, job: Qos | None = None, part: Qos | None = None, line: tuple[Association, ...] = (), held: Holdings | None = None, safe: bool = False
) -> list[tuple[Any, ...]]:
    """The limits, as short rows."""
    limits = limits_of_job(qos=qos_order(part, job), line=line, account="low", uid=7, holdings=held or Holdings(), safe=safe)
    return [(limit.resource, limit.most, limit.source, limit.scope) for limit in limits]  # fmt: skip


CPU4, CPU6, CPU8 = (("cpu", 4),), (("cpu", 6),), (("cpu", 8),)
OWN, LOW, TOP = ("low", "ada"), ("low",), ("top",)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, [], id="none"),
        pytest.param({"job": qos("q", per_job=CPU4)}, [("cores", 4, "QOS q", "job")], id="job-qos"),
        pytest.param({"job": qos("q", per_job=CPU4), "part": qos("p", per_job=CPU8)}, [("cores", 8, "QOS p", "job")], id="partition-qos-over-job-qos"),
        pytest.param({"job": qos("q", "OverPartQOS", per_job=CPU4), "part": qos("p", per_job=CPU8)}, [("cores", 4, "QOS q", "job")], id="unless-over-part-qos"),
        pytest.param({"job": qos("q", per_job=CPU4), "part": qos("p", per_job=(("mem", 9),))}, [("memory", 9, "QOS p", "job"), ("cores", 4, "QOS q", "job")], id="each-resource-for-itself"),
        pytest.param({"job": qos("q", per_job=CPU8), "line": (row(*OWN, per_job=CPU4),)}, [("cores", 8, "QOS q", "job")], id="qos-over-association"),
        pytest.param({"line": (row(*OWN, per_job=CPU6), row(*LOW, per_job=CPU4))}, [("cores", 6, "account low", "job")], id="own-association-has-what-it-inherits"),
        pytest.param({"line": (row(*OWN), row(*LOW, per_job=CPU4, max_minutes=5, per_user=CPU6, max_jobs=1))}, [], id="nothing-of-the-account-but-what-is-inherited"),
        pytest.param({"job": qos("q", per_node=CPU4), "line": (row(*OWN, per_job=CPU6),)}, [("cores", 6, "account low", "job"), ("cores", 4, "QOS q", "job")], id="per-node-and-per-job-are-two"),
        pytest.param({"job": qos("q", max_minutes=60), "line": (row(*OWN, max_minutes=30),)}, [("minutes", 60, "QOS q", "job")], id="max-wall"),
        pytest.param({"job": qos("q", least_per_job=(("gres/gpu", 1),))}, [("gpus", 1, "QOS q", "job")], id="least"),
        pytest.param({"job": qos("q", per_job=(("gres/gpu:v100", 1), ("billing", 5), ("license/x", 2)))}, [("gpus:v100", 1, "QOS q", "job")], id="what-no-request-asks-for-is-left-out"),
        pytest.param({"job": qos("q", per_user=CPU4), "part": qos("p", per_account=CPU6)}, [("cores", 4, "QOS q", "user"), ("cores", 6, "QOS p", "account")], id="per-user-and-per-account"),
        pytest.param({"job": qos("q", max_jobs=3), "line": (row(*OWN, max_jobs=9),)}, [("jobs", 3, "QOS q", "user")], id="max-jobs"),
        pytest.param({"line": (row(*OWN, max_submit=9),)}, [("submitted", 9, "account low", "user")], id="max-submit"),
        pytest.param({"line": (row(*OWN, group=CPU8), row(*LOW, group=CPU6), row(*TOP, group=CPU4))}, [("cores", 8, "account low", "user"), ("cores", 6, "account low", "group"), ("cores", 4, "account top", "group")], id="every-group-of-the-line"),
        pytest.param({"job": qos("q", group=CPU8), "line": (row(*OWN), row(*LOW, group=CPU4))}, [("cores", 8, "QOS q", "group")], id="group-of-a-qos-over-the-line"),
        pytest.param({"job": qos("q", group=CPU4), "part": qos("p", group=CPU6)}, [("cores", 6, "QOS p", "group")], id="group-of-the-partition-qos-first"),
        pytest.param({"job": qos("q", group=(("mem", 5),)), "line": (row(*LOW, group=CPU4),)}, [("memory", 5, "QOS q", "group"), ("cores", 4, "account low", "group")], id="group-of-another-resource"),
        pytest.param({"line": (row(*OWN), row(*LOW, group_jobs=2), row(*TOP, group_submit=3))}, [("jobs", 2, "account low", "group"), ("submitted", 3, "account top", "group")], id="group-jobs"),
        pytest.param({"job": qos("q", group_jobs=5), "line": (row(*LOW, group_jobs=2),)}, [("jobs", 5, "QOS q", "group")], id="group-jobs-of-a-qos"),
        pytest.param({"line": (row(*LOW, group_run_minutes=(("cpu", 90),)),)}, [("cores", 90, "account low", "group")], id="run-minutes"),
    ],
)  # fmt: skip
def test_which_limits_bind(changes: dict[str, Any], expected: list[tuple[Any, ...]]) -> None:
    """Partition QOS, job QOS, the user's association; of Grp… all associations, unless a QOS has one ("Resource Limits")."""
    assert bound(**changes) == expected


def test_one_qos_for_both_counts_once() -> None:
    """A partition's QOS that is the job's too."""
    assert [entry.name for entry in qos_order(qos("q"), qos("q"))] == ["q"]
    assert qos_order(None, None) == ()


def test_what_is_held_is_the_right_persons() -> None:
    """A user's limit counts what that user holds of that QOS; an account's, the account's; a group's, all of it."""
    held = Holdings(
        associations={("low", "ada", ""): Use(jobs=1, tres=CPU4, run_minutes=(("cpu", 40),)), ("low", "", ""): Use(tres=CPU8, minutes=(("cpu", 77),))},
        qos={"q": Use(tres=(("cpu", 20), ("gres/gpu", 3)))},
        qos_users={("q", 7): Use(jobs=2, submitted=5, tres=(("cpu", 3),)), ("q", 8): Use(tres=(("cpu", 9),))},
        qos_accounts={("q", "low"): Use(tres=(("cpu", 11),))},
    )  # fmt: skip
    job = qos("q", per_user=CPU4, per_account=CPU8, group=(("gres/gpu", 4),), max_jobs=2, max_submit=6)
    line = (row(*OWN, group=CPU6, group_run_minutes=(("cpu", 60),)), row(*LOW, group=CPU8, group_minutes=(("cpu", 90),)))
    limits = limits_of_job(qos=(job,), line=line, account="low", uid=7, holdings=held, safe=True)
    found = {(limit.resource, limit.scope, limit.source, limit.measure): limit.held for limit in limits}
    assert found == {
        ("cores", "user", "QOS q", "amount"): 3,
        ("cores", "account", "QOS q", "amount"): 11,
        ("jobs", "user", "QOS q", "amount"): 2,
        ("submitted", "user", "QOS q", "amount"): 5,
        ("gpus", "group", "QOS q", "amount"): 3,
        ("cores", "user", "account low", "amount"): 4,
        ("cores", "group", "account low", "amount"): 8,
        ("cores", "user", "account low", "minutes"): 40,
        ("cores", "group", "account low", "minutes"): 77,
    }


AMOUNTS = amounts_of(Demand(4, 1000, "v100", 1, 30))


@pytest.mark.parametrize(
    ("limit", "forbidden", "delayed"),
    [
        pytest.param(Limit("cores", 4, "x"), False, False, id="just-so"),
        pytest.param(Limit("cores", 3, "x"), True, False, id="beyond"),
        pytest.param(Limit("memory", 999, "x"), True, False, id="memory"),
        pytest.param(Limit("gpus", 0, "x"), True, False, id="gpus-of-any-type"),
        pytest.param(Limit("gpus:v100", 0, "x"), True, False, id="gpus-of-the-type"),
        pytest.param(Limit("gpus:a100", 0, "x"), False, False, id="gpus-of-another-type"),
        pytest.param(Limit("minutes", 29, "x"), True, False, id="time"),
        pytest.param(Limit("cores", 5, "x", least=True), True, False, id="less-than-the-least"),
        pytest.param(Limit("cores", 4, "x", least=True), False, False, id="the-least"),
        pytest.param(Limit("cores", 120, "x", measure="minutes"), False, False, id="minutes-just-so"),
        pytest.param(Limit("cores", 119, "x", measure="minutes"), True, False, id="minutes-beyond"),
        pytest.param(Limit("cores", 8, "x", "user", held=4), False, False, id="shared-and-room"),
        pytest.param(Limit("cores", 8, "x", "user", held=5), False, True, id="shared-and-full"),
        pytest.param(Limit("cores", 4, "x", "user", held=0), False, False, id="all-of-what-is-shared"),
        pytest.param(Limit("cores", 4, "x", "user", held=1), False, True, id="all-of-what-is-shared-and-partly-held"),
        pytest.param(Limit("cores", 3, "x", "user", held=5), True, False, id="shared-and-never"),
        pytest.param(Limit("jobs", 2, "x", "user", held=2), False, True, id="one-job-too-many"),
        pytest.param(Limit("jobs", 0, "x", "user"), True, False, id="no-jobs-at-all"),
        pytest.param(Limit("cores", 60, "x", "group", held=59, measure="any", budget=True), False, False, id="budget-not-yet-used-up"),
        pytest.param(Limit("cores", 60, "x", "group", held=60, measure="any", budget=True), False, True, id="budget-used-up"),
        pytest.param(Limit("gpus:a100", 60, "x", "group", held=99, measure="any", budget=True), False, False, id="budget-of-what-is-not-asked-for"),
    ],
)  # fmt: skip
def test_never_or_not_yet(limit: Limit, forbidden: bool, delayed: bool) -> None:
    """A job larger than the limit never starts; one that fits when others have ended waits."""
    assert (limit.forbids(AMOUNTS), limit.delays(AMOUNTS)) == (forbidden, delayed)


@pytest.mark.parametrize("safe", [False, True])
def test_a_safe_site_counts_the_whole_time_against_the_budget(safe: bool) -> None:
    """AccountingStorageEnforce=safe starts no job that might use up the budget (slurm.conf(5)); else only a used one counts."""
    line = (row(*LOW, group_minutes=(("cpu", 100),)),)
    (limit,) = limits_of_job(qos=(), line=line, account="low", uid=7, holdings=Holdings(), safe=safe)
    assert limit.budget
    assert limit.forbids(AMOUNTS) is safe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", Enforced(True, True, True), id="unknown-is-everything"),
        pytest.param("none", Enforced(False, False, False), id="none"),
        pytest.param("associations", Enforced(True, False, False), id="associations"),
        pytest.param("limits", Enforced(True, True, False), id="limits-imply-associations"),
        pytest.param("qos", Enforced(True, False, True), id="qos-implies-associations"),
        pytest.param("associations,limits,qos,safe", Enforced(True, True, True, True), id="safe"),
        pytest.param("all", Enforced(True, True, True), id="all"),
        pytest.param("1", Enforced(True, True, True), id="all-as-a-number"),
        pytest.param("wckeys", Enforced(True, False, False), id="wckeys-imply-associations"),
        pytest.param("safe", Enforced(True, True, False, True), id="safe-implies-limits"),
        pytest.param(" Associations, QOS ,", Enforced(True, False, True), id="case-and-blanks"),
        pytest.param("nojobs,nosteps", Enforced(False, False, False), id="what-enforces-no-accounting"),
    ],
)
def test_enforced(text: str, expected: Enforced) -> None:
    """The words of AccountingStorageEnforce."""
    assert Enforced.parse(text) == expected


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        pytest.param(Limit("jobs", 0, "account low", "user"), "account low allows no jobs", id="jobs"),
        pytest.param(Limit("nodes", 0, "QOS q"), "QOS q allows no jobs", id="nodes"),
        pytest.param(Limit("cores", 0, "QOS q"), "QOS q allows no cores", id="cores"),
        pytest.param(Limit("submitted", 0, "QOS q", "user"), "QOS q allows no jobs", id="submitted"),
        pytest.param(Limit("memory", 0, "QOS q"), "QOS q allows no memory", id="memory"),
        pytest.param(Limit("minutes", 0, "QOS q"), "QOS q allows no time", id="time"),
        pytest.param(Limit("cores", 0, "QOS q", measure="minutes"), "QOS q allows no cores", id="amount-times-the-time"),
        *(
            pytest.param(Limit(resource, 1, "QOS q"), "", id=f"one-of-{resource}")
            for resource in ("jobs", "submitted", "nodes", "minutes", "memory")
        ),
        pytest.param(Limit("cores", 0, "account low", "group", measure="any", budget=True), "account low has a budget of 0", id="budget"),
        pytest.param(Limit("gpus", 0, "QOS q"), "", id="gpus-need-not-be-asked-for"),
        pytest.param(Limit("cores", 9, "QOS q", least=True), "", id="a-lower-bound-can-be-met"),
        pytest.param(Limit("cores", 1, "QOS q", "user", held=9), "", id="what-is-held-comes-back"),
    ],
)
def test_what_allows_nothing(limit: Limit, why: str) -> None:
    """A limit that the smallest job exceeds closes the account."""
    assert why_impossible([Limit("cores", 4, "x"), limit]) == why


def test_shared_limits_are_told_from_those_of_one_job() -> None:
    """What is held need not be asked of Slurm where no limit is shared."""
    assert not is_shared(AccountingLimits())
    assert not is_shared(AccountingLimits(per_job=CPU4, per_node=CPU4, per_job_minutes=CPU4, least_per_job=CPU4, max_minutes=5))
    for name in ("per_user", "per_account", "group", "group_minutes", "group_run_minutes"):
        assert is_shared(AccountingLimits(**{name: CPU4})), name
    for name in ("max_jobs", "max_jobs_per_account", "max_submit", "max_submit_per_account", "group_jobs", "group_submit"):
        assert is_shared(AccountingLimits(**{name: 0})), name


@pytest.mark.parametrize(
    ("scope", "clause"),
    [("job", "one session"), ("user", "one user"), ("account", "one account"), ("group", "all its sessions together")],
)
def test_clause(scope: Any, clause: str) -> None:
    """Who allows it to whom."""
    assert Limit("cores", 4, "QOS q", scope).clause == f"that QOS q allows {clause}"


# --- each limit for itself ----------------------------------------------------------------------------------------------------

EVERY = AccountingLimits(
    per_job=(("cpu", 1),),
    per_node=(("cpu", 2),),
    least_per_job=(("cpu", 3),),
    per_job_minutes=(("cpu", 4),),
    max_minutes=5,
    per_user=(("cpu", 6),),
    per_account=(("cpu", 7),),
    max_jobs=8,
    max_jobs_per_account=9,
    max_submit=10,
    max_submit_per_account=11,
    group=(("cpu", 12),),
    group_run_minutes=(("cpu", 13),),
    group_minutes=(("cpu", 14),),
    group_jobs=15,
    group_submit=16,
)


@pytest.mark.parametrize("safe", [False, True])
def test_every_limit_of_a_qos(safe: bool) -> None:
    """Each counts what it is for, and what is held by those that it is for: this user, this account, all."""
    held = Holdings(
        qos={"q": Use(100, 101, (("cpu", 102),), (("cpu", 103),), (("cpu", 104),))},
        qos_users={("q", 7): Use(200, 201, (("cpu", 202),))},
        qos_accounts={("q", "low"): Use(300, 301, (("cpu", 302),))},
    )
    found = limits_of_job(qos=(Qos("q", limits=EVERY),), line=(), account="low", uid=7, holdings=held, safe=safe)
    assert found == (
        Limit("cores", 1, "QOS q"),
        Limit("cores", 2, "QOS q", per_node=True),
        Limit("cores", 3, "QOS q", least=True),
        Limit("cores", 4, "QOS q", measure="minutes"),
        Limit("minutes", 5, "QOS q"),
        Limit("cores", 6, "QOS q", "user", 202),
        Limit("cores", 7, "QOS q", "account", 302),
        Limit("jobs", 8, "QOS q", "user", 200),
        Limit("jobs", 9, "QOS q", "account", 300),
        Limit("submitted", 10, "QOS q", "user", 201),
        Limit("submitted", 11, "QOS q", "account", 301),
        Limit("cores", 12, "QOS q", "group", 102),
        Limit("cores", 13, "QOS q", "group", 104, measure="minutes"),
        Limit("cores", 14, "QOS q", "group", 103, measure="minutes" if safe else "any", budget=True),
        Limit("jobs", 15, "QOS q", "group", 100),
        Limit("submitted", 16, "QOS q", "group", 101),
    )


def test_every_limit_of_the_line() -> None:
    """What the user's association and its account hold is their own; Grp… of the user's association is the user's alone."""
    used = Use(100, 101, (("cpu", 102),), (("cpu", 103),), (("cpu", 104),))
    held = Holdings(associations={("low", "ada", "gpu"): used, ("low", "", ""): Use(1, 2, (("cpu", 3),)), ("low", "ada", ""): Use(9, 9)})
    groups = {"group": CPU8, "group_run_minutes": CPU8, "group_minutes": CPU8, "group_jobs": 8, "group_submit": 8}
    line = (row(*OWN, "gpu", **groups, max_jobs=5, max_submit=6), row(*LOW, **groups, max_jobs=1))
    found = limits_of_job(qos=(), line=line, account="low", uid=7, holdings=held, safe=False)
    assert found == (
        Limit("jobs", 5, "account low", "user", 100),
        Limit("submitted", 6, "account low", "user", 101),
        Limit("cores", 8, "account low", "user", 102),
        Limit("cores", 8, "account low", "group", 3),
        Limit("cores", 8, "account low", "user", 104, measure="minutes"),
        Limit("cores", 8, "account low", "group", 0, measure="minutes"),
        Limit("cores", 8, "account low", "user", 103, measure="any", budget=True),
        Limit("cores", 8, "account low", "group", 0, measure="any", budget=True),
        Limit("jobs", 8, "account low", "user", 100),
        Limit("jobs", 8, "account low", "group", 1),
        Limit("submitted", 8, "account low", "user", 101),
        Limit("submitted", 8, "account low", "group", 2),
    )


def test_a_limit_that_is_missing_hides_none_that_follows() -> None:
    """A TRES that no request asks for, a level without the limit, or one said already, and the next is still read."""
    job, part = qos("q", per_job=(("cpu", 4), ("node", 2)), max_jobs=0), qos("p", per_job=(("license/x", 1), ("cpu", 8), ("gres/gpu", 1)))
    assert bound(job=job, part=part) == [
        ("cores", 8, "QOS p", "job"),
        ("gpus", 1, "QOS p", "job"),
        ("nodes", 2, "QOS q", "job"),
        ("jobs", 0, "QOS q", "user"),
    ]
    line = (row(*OWN, group=CPU4), row(*LOW, group=(("mem", 9), ("cpu", 5), ("node", 1))))
    assert bound(job=qos("q", group=(("mem", 8), ("billing", 3))), line=line)[1:] == [
        ("cores", 4, "account low", "user"),
        ("cores", 5, "account low", "group"),
        ("nodes", 1, "account low", "group"),
    ]


def test_accounts_alone_are_nobodys_own() -> None:
    """Without an association of the user's, the first account of the line counts for its whole group."""
    assert bound(line=(row(*LOW, group=CPU4, group_jobs=1),)) == [("cores", 4, "account low", "group"), ("jobs", 1, "account low", "group")]


@pytest.mark.parametrize(
    ("tres", "resource"),
    [
        ("cpu", "cores"),
        ("mem", "memory"),
        ("node", "nodes"),
        ("gres/gpu", "gpus"),
        ("gres/gpu:v100", "gpus:v100"),
        ("gres/shard", "shard"),
        ("gres/shard:v100", "shard:v100"),
        ("gres/mps", "mps"),
        ("gres/gpumem", ""),
        ("cpu:x", ""),
        ("energy", ""),
        ("", ""),
    ],
)
def test_names_of_resources(tres: str, resource: str) -> None:
    """Slurm's TRES, and ours; none for what a request cannot ask for."""
    assert resource_of(tres) == resource


@pytest.mark.parametrize(
    ("demand", "amounts"),
    [
        pytest.param(Demand(4, 1000, minutes=30), {"gpus": 0}, id="no-gpus"),
        pytest.param(Demand(4, 1000, "", 2, 30), {"gpus": 2}, id="gpus-of-any-type"),
        pytest.param(Demand(4, 1000, "v100", 2, 30), {"gpus": 2, "gpus:v100": 2}, id="gpus-of-a-type"),
        pytest.param(Demand(4, 1000, "", 3, 30, "shard"), {"gpus": 0, "shard": 3}, id="parts-are-no-gpus"),
        pytest.param(Demand(4, 1000, "v100", 3, 30, "mps"), {"gpus": 0, "mps": 3, "mps:v100": 3}, id="parts-of-a-type"),
    ],
)
def test_what_a_job_counts_as(demand: Demand, amounts: dict[str, int]) -> None:
    """One job, on one node, and what it asks for."""
    assert amounts_of(demand) == {"cores": 4, "memory": 1000, "nodes": 1, "minutes": 30, "jobs": 1, "submitted": 1, **amounts}


@pytest.mark.parametrize(
    ("source", "words", "belonging"),
    [
        ("QOS long", "QOS long", "of QOS long"),
        ("QOS long one", "QOS long one", "of QOS long one"),
        ("account cin_ada", "account cin_ada", "of account cin_ada"),
        ("QOS", "QOS", "of QOS"),
        ("account", "account", "of account"),
        ("project x y", "project x y", "of project x y"),
    ],
)
def test_whose_limit(source: str, words: str, belonging: str) -> None:
    """A QOS and an account are named as such; what else a site calls its sources stays as it is."""
    limit = Limit("cores", 4, source)
    assert (source_in_words(source), limit.whose, limit.belonging) == (words, words, belonging)


def test_whose_limit_in_another_language() -> None:
    """A QOS and an account have their articles there, and each resource its own word; a site's own source has none."""
    with using("it"):
        assert source_in_words("QOS long") == "la QOS long"
        assert source_in_words("account cin_ada") == "l’account cin_ada"
        assert source_in_words("project x") == "project x"
        assert source_in_words("account") == "account"
        assert why_impossible([Limit("memory", 0, "QOS q")]) == "la QOS q non consente alcuna memoria"


@pytest.mark.parametrize(
    ("limit", "counted"),
    [
        pytest.param(Limit("cores", 9, "x"), 4, id="amount"),
        pytest.param(Limit("cores", 9, "x", measure="minutes"), 120, id="amount-times-minutes"),
        pytest.param(Limit("cores", 9, "x", measure="any"), 1, id="some"),
        pytest.param(Limit("gpus:a100", 9, "x"), 0, id="none"),
        pytest.param(Limit("gpus:a100", 9, "x", measure="minutes"), 0, id="none-times-minutes"),
        pytest.param(Limit("gpus:a100", 9, "x", measure="any"), 0, id="not-any"),
    ],
)
def test_what_a_limit_counts(limit: Limit, counted: int) -> None:
    """A job of 4 cores for 30 minutes."""
    assert limit.counts(AMOUNTS) == counted


def test_a_job_without_a_known_time_uses_no_minutes() -> None:
    """And a lower bound is nothing that jobs share, so it delays none."""
    assert Limit("cores", 9, "x", measure="minutes").counts({"cores": 4}) == 0
    assert not Limit("cores", 4, "x", held=9, least=True).delays(AMOUNTS)


def test_what_is_held_is_delayed_from_the_first_core() -> None:
    """A job of one core waits as one of many does."""
    amounts = amounts_of(Demand(1, 1))
    assert Limit("cores", 4, "x", "group", held=4).delays(amounts)
    assert not Limit("cores", 4, "x", "group", held=3).delays(amounts)


def test_the_first_reason_counts() -> None:
    """Of several limits that allow nothing the first is told, and lower bounds hide none."""
    assert (
        why_impossible([Limit("cores", 9, "x", least=True), Limit("jobs", 0, "QOS q"), Limit("cores", 0, "QOS p")])
        == "QOS q allows no jobs"
    )
    assert why_impossible([]) == ""


def test_time_that_a_product_leaves() -> None:
    """MaxTRESMinsPerJob and its like leave whole minutes to a job of this size; what leaves none, or is not asked for, says nothing."""
    limits = [
        Limit("cores", 1, "plain"),
        Limit("cores", 3, "too-small", measure="minutes"),
        Limit("gpus:a100", 90, "not-asked-for", measure="minutes"),
        Limit("cores", 4, "just-one", measure="minutes"),
        Limit("cores", 103, "cores", measure="minutes"),
        Limit("gpus", 60, "gpus", "group", held=50, measure="minutes"),
        Limit("cores", 50, "some", measure="any"),
    ]
    assert [(most, limit.source) for most, limit in minutes_by_amount(limits, AMOUNTS)] == [(1, "just-one"), (25, "cores"), (60, "gpus")]


def test_one_limit_that_several_share_is_enough() -> None:
    """Beside limits of one job, any that jobs share makes it matter what is held."""
    assert is_shared(EVERY)
    assert not is_shared(AccountingLimits(max_minutes=0))
