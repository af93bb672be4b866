"""The edges of what is refused, and the words of it: where two rules meet, what is not there at all, what is just allowed."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spawner.errors import NoAccount, RequestRejected
from spawner.i18n import using
from spawner.request.choices import Choices
from spawner.request.model import SessionRequest
from spawner.request.size_validation import listed
from spawner.request.validation import judge_request, resolve_request
from spawner.slurm.model import AccountingLimits, Association, Qos
from tests.support.builders import ADA_LINE, HOUR, NOW, choices, cpu_partition, node, partition, reservation


def errors_of(options: dict[str, Any], offered: Choices | None = None) -> dict[str, str]:
    """The sentences for each field of ``options``, none where they are allowed."""
    return judge_request(options, offered or choices())[1]


def limited(*, partitions: Any = None, nodes: Any = None, fields: dict[str, Any] | None = None, **limits: Any) -> Choices:
    """ada's one account runs under QOS ``small``, which has these limits."""
    rows = (*ADA_LINE, Association("cin_ada", "ada", "", ("small",)))
    changes = {"nodes": nodes} if nodes else {}
    qos = (Qos("small", limits=AccountingLimits(**limits)),)
    return choices(associations=rows, partitions=partitions or (partition(), cpu_partition()), qos=qos, fields=fields, **changes)


# --- the whole answer -----------------------------------------------------------------------------------------------------------


def test_the_log_is_english_and_the_sentence_is_the_users() -> None:
    """An admin reads the log of all users in one language."""
    with using("it"), pytest.raises(RequestRejected) as refused:
        resolve_request({"cores": 49}, choices())
    assert refused.value.log == (
        "request rejected: Number of cores: 49 is more than the 48 that one session can have in partition g100_int. Ask for at most 48."
    )
    assert refused.value.errors["cores"].startswith("Numero di core: 49")


@pytest.mark.parametrize(
    ("user", "changes", "sentence", "log"),
    [
        pytest.param(
            "nobody",
            {},
            "You have no active Slurm account on this cluster, so no session can be started for nobody. Ask your project's leader or the support for one.",
            "nobody has no association in Slurm",
            id="no-account",
        ),
        pytest.param(
            "ada",
            {"partitions": ()},
            "None of your Slurm accounts may use a partition of this service. Ask the support.",
            "ada may use no partition of this service",
            id="no-partition",
        ),
        pytest.param(
            "ada",
            {"fields": {"account": {"choices": ["cin_other"]}}},
            "None of your Slurm accounts may be used with this service. Ask the support.",
            "ada has no account that the configuration of the fields leaves",
            id="none-of-the-admins-accounts",
        ),
        pytest.param(
            "ada",
            {"fields": {"account": {"choices": ["cin_ada"]}}, "partitions": (partition(allow_accounts=("cin_extra",)),)},
            "None of your Slurm accounts may be used with this service. Ask the support.",
            "ada has no account that the configuration of the fields leaves",
            id="one-of-the-admins-that-may-run-nowhere",
        ),
    ],
)
def test_who_can_start_nothing(user: str, changes: dict[str, Any], sentence: str, log: str) -> None:
    """One sentence for the user, and one line for the admin."""
    with pytest.raises(NoAccount) as refused:
        resolve_request({}, choices(user, **changes))
    assert (refused.value.sentence, refused.value.log) == (sentence, log)


def test_what_cannot_be_read_has_its_default() -> None:
    """So that the other fields are judged as well."""
    request, errors = judge_request({"cores": "x", "environment": 7, "name": 7, "memory": "900G"}, choices())
    assert (request.cores, request.environment, request.name, request.memory) == (1, {}, "", 900 * 1024)
    assert judge_request({"cores": "x"}, choices(fields={"cores": {"default": 4}}))[0].cores == 4
    assert list(errors) == ["cores", "memory", "environment", "name"]


def test_lists_in_sentences() -> None:
    """Eight are named; of nine, one is not."""
    names = [f"p{number}" for number in range(9)]
    assert listed(names[:8]) == "p0, p1, p2, p3, p4, p5, p6, p7"
    assert listed(names) == "p0, p1, p2, p3, p4, p5, p6, p7 and 1 more"
    assert listed(()) == ""


# --- completed ------------------------------------------------------------------------------------------------------------------


NOT_INT = partition(deny_accounts=("cin_extra",))


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        pytest.param((), "g100_cpu", id="the-first-where-the-account-may-run"),
        pytest.param(("g100_cpu",), "g100_x", id="that-is-not-closed"),
        pytest.param(("g100_cpu", "g100_x"), "g100_cpu", id="the-first-if-all-are"),
    ],
)
def test_the_partition_of_an_account_that_was_named(closed: tuple[str, ...], expected: str) -> None:
    """One that takes new sessions, where there is one."""
    places = (NOT_INT, cpu_partition(), cpu_partition("g100_x"))
    offered = replace(choices(partitions=places), closed=dict.fromkeys(closed, ""))
    assert judge_request({"account": "cin_extra"}, offered)[0].partition == expected
    assert judge_request({"account": "cin_ada"}, offered)[0].partition == "g100_int"


def test_default_numbers_are_those_of_the_account_and_the_reservation() -> None:
    """Which were named, and not those of the ones that would be preselected."""
    rows = (*ADA_LINE, Association("cin_ada", "ada", "", ("normal",)), Association("cin_extra", "ada", "", ("small",)))
    qos = (Qos("normal"), Qos("small", limits=AccountingLimits(per_job=(("cpu", 8),))))
    offered = choices(associations=rows, qos=qos, reservations=(reservation(core_count=4),), fields={"cores": {"default": 9}})
    for options, cores in (({}, 9), ({"account": "cin_extra"}, 8), ({"reservation": "course"}, 4)):
        request, errors = judge_request(options, offered)
        assert (request.cores, errors) == (cores, {})


def test_a_partition_that_is_no_text_is_none() -> None:
    """It is refused as a value, and the defaults are those of another."""
    request, errors = judge_request({"partition": 7}, choices())
    assert list(errors) == ["partition"]
    assert request.partition == "g100_int"


def test_no_interface_is_left() -> None:
    """A release that offers none of the admin's interfaces says so of the interface."""
    offered = choices(fields={"interface": {"choices": ["notebook"]}})
    assert errors_of({"release": "2024.04"}, offered) == {
        "interface": "User interface: “” is not offered by Release 2024.04. Choose one of: ."
    }


@pytest.mark.parametrize(
    ("options", "minutes"),
    [
        pytest.param({}, 48, id="for-the-default-amounts"),
        pytest.param({"cores": 2}, 24, id="for-more-cores"),
        pytest.param({"cores": 48}, 1, id="for-as-many-as-there-are-minutes"),
        pytest.param({"cores": 2, "walltime": "9h"}, 540, id="a-time-that-was-asked-for-stays"),
    ],
)
def test_the_default_time_is_shortened_to_the_amounts(options: dict[str, Any], minutes: int) -> None:
    """Of a limit of core minutes, what the cores that were asked for leave."""
    assert judge_request(options, limited(per_job_minutes=(("cpu", 48),)))[0].walltime == minutes


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [pytest.param(59, 59, id="less"), pytest.param(60, 60, id="as-much"), pytest.param(61, 60, id="more")],
)
def test_the_default_time_is_shortened_to_what_is_left(minutes: int, expected: int) -> None:
    """Of a reservation that was named, and by nothing else."""
    offered = choices(reservations=(reservation(end=NOW + 60 * minutes),))
    request, errors = judge_request({"reservation": "course"}, offered)
    assert (request.walltime, errors) == (expected, {})


def test_a_default_time_where_none_is_left() -> None:
    """The time is not blamed."""
    offered = choices(reservations=(reservation(end=NOW + 30),))
    request, errors = judge_request({"reservation": "course"}, offered)
    assert (request.walltime, list(errors)) == (60, ["reservation"])


# --- places ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "others", "sentence"),
    [
        pytest.param("Back on Monday", (), "“g100_int” takes no new sessions at the moment. Back on Monday. Choose one of: g100_cpu.", id="no-full-stop"),
        *[pytest.param(f"Back{end}", (), f"“g100_int” takes no new sessions at the moment. Back{end} Choose one of: g100_cpu.", id=f"ends-with-{end}") for end in ".!?…"],
        pytest.param("", (), "“g100_int” takes no new sessions at the moment. Choose one of: g100_cpu.", id="no-words"),
        pytest.param("", ("g100_cpu",), "“g100_int” takes no new sessions at the moment. Try again later.", id="all-are-closed"),
    ],
)  # fmt: skip
def test_a_closed_partition(words: str, others: tuple[str, ...], sentence: str) -> None:
    """The admin's words as a sentence, and where else sessions can be started."""
    offered = replace(choices(), closed={"g100_int": words, **dict.fromkeys(others, "")})
    assert errors_of({"partition": "g100_int"}, offered) == {"partition": f"Partition: {sentence}"}


@pytest.mark.parametrize(
    ("options", "changes", "errors"),
    [
        pytest.param({"partition": "gone", "reservation": "course"}, {"reservations": (reservation(partition="g100_int"),)}, ["partition"], id="nothing-else-is-judged-by-a-partition-that-is-gone"),
        pytest.param({"partition": "gone", "reservation": ""}, {}, ["partition"], id="nor-by-its-need-of-a-reservation"),
        pytest.param({"partition": "gone", "account": "cin_extra"}, {}, ["partition"], id="nor-the-account"),
        pytest.param({"reservation": "course"}, {"associations": None, "reservations": (reservation(),)}, [], id="reservation-where-there-are-no-accounts"),
        pytest.param({"reservation": "course", "account": "cin_other"}, {"reservations": (reservation(),)}, ["account"], id="account-of-others-is-told-once"),
        pytest.param({"reservation": "course", "partition": "g100_int"}, {"reservations": (reservation(partition="g100_int"),)}, [], id="reservation-of-this-partition"),
        pytest.param({"reservation": "course", "account": "cin_extra"}, {"reservations": (reservation(users=(), accounts=("cin_extra",)),)}, [], id="reservation-of-this-account"),
    ],
)  # fmt: skip
def test_where_something_is_not_there(options: dict[str, Any], changes: dict[str, Any], errors: list[str]) -> None:
    """Only what is wrong by itself is told."""
    assert list(errors_of(options, choices(**changes))) == errors


@pytest.mark.parametrize(
    ("options", "changes", "field", "sentence"),
    [
        pytest.param(
            {"partition": "g100_int", "account": "cin_ada"},
            {"partitions": (partition(allow_accounts=("cin_extra",)), cpu_partition()), "fields": {"account": {"choices": ["cin_ada"]}}},
            "account",
            "Slurm account: “cin_ada” may not be used in partition g100_int. Choose another partition.",
            id="no-account-of-theirs-may-run-there",
        ),
        pytest.param(
            {"reservation": "course", "account": "cin_ada"},
            {"reservations": (reservation(users=(), accounts=("cin_extra",)),), "fields": {"account": {"choices": ["cin_ada"]}}},
            "reservation",
            "Slurm reservation: “course” may not be used with account cin_ada. Choose None.",
            id="no-account-of-theirs-may-use-it",
        ),
        pytest.param(
            {"reservation": "later"},
            {"reservations": (reservation("later", start=NOW + HOUR),), "fields": {"reservation": {"choices": ["course"]}}},
            "reservation",
            "Slurm reservation: “later” cannot be used: it is over, has not begun, or is not for you. Choose None.",
            id="one-to-come-that-the-admin-does-not-offer",
        ),
    ],
)
def test_what_the_admins_choices_leave_of_a_place(options: dict[str, Any], changes: dict[str, Any], field: str, sentence: str) -> None:
    """Nothing is named that cannot be chosen."""
    assert errors_of(options, choices(**changes)) == {field: sentence}


# --- amounts --------------------------------------------------------------------------------------------------------------------


BIG_AND_FAT = {
    "nodes": (node("g001"), node("f001", gres="", cores_total=8, memory_mb=10**6)),
    "partitions": (partition(nodes=("g001", "f001")),),
}
TWO_THREADS = (node("g001", threads_per_core=2),)


@pytest.mark.parametrize(
    ("options", "offered", "errors"),
    [
        pytest.param(
            {"cores": 48, "memory": f"{10**6}M"},
            lambda: choices(**BIG_AND_FAT),
            {"memory": "Memory: no node of partition g100_int has 48 cores and 1000000 MB together. Ask for less of one of them."},
            id="the-most-of-each-is-not-together",
        ),
        pytest.param(
            {"cores": 49, "memory": "500G"},
            lambda: choices(**BIG_AND_FAT),
            {"cores": "Number of cores: 49 is more than the 48 that one session can have in partition g100_int. Ask for at most 48."},
            id="too-much-of-one-is-told-alone",
        ),
        pytest.param(
            {"cores": 7},
            lambda: limited(nodes=TWO_THREADS, partitions=(partition(nodes=("g001",)),), per_job=(("cpu", 7),)),
            {"cores": "Number of cores: 7 is more than the 6 that QOS small allows one session. Ask for at most 6."},
            id="whole-cores-of-a-limit",
        ),
        pytest.param(
            {"cores": 9},
            lambda: limited(per_job=(("cpu", 8),), fields={"cores": {"maximum": 8}}),
            {"cores": "Number of cores: 9 is more than the 8 that QOS small allows one session. Ask for at most 8."},
            id="a-maximum-that-is-the-limit",
        ),
        pytest.param(
            {"cores": 1},
            lambda: limited(least_per_job=(("cpu", 4),), fields={"cores": {"minimum": 2}}),
            {"cores": "Number of cores: 1 is less than the 2 that a session has here. Ask for at least 2."},
            id="below-both-minima-the-admins",
        ),
        pytest.param(
            {"cores": 3},
            lambda: limited(least_per_job=(("cpu", 4),), fields={"cores": {"minimum": 2}}),
            {"cores": "Number of cores: 3 is less than the 4 that QOS small asks for. Ask for at least 4."},
            id="between-two-minima",
        ),
        pytest.param({"cores": 4}, lambda: limited(least_per_job=(("cpu", 4),), fields={"cores": {"minimum": 4}}), {}, id="both-minima-themselves"),
        pytest.param(
            {"gpus": 2},
            lambda: limited(per_job=(("gres/gpu", 1), ("cpu", 8)), fields={"gpus": {"maximum": 1}}),
            {"gpus": "GPU configuration: 2 GPUs are more than the 1 that QOS small allows one session. Ask for at most 1."},
            id="gpus-of-a-limit-and-of-the-admin",
        ),
        pytest.param(
            {"gpus": "v100:2"},
            lambda: limited(per_job=(("gres/gpu", 2), ("gres/gpu:v100", 1))),
            {"gpus": "GPU configuration: 2 × V100 are more than the 1 that QOS small allows one session. Ask for at most 1."},
            id="the-tighter-of-two-limits",
        ),
        pytest.param(
            {"gpus": 1},
            lambda: choices(fields={"gpus": {"maximum": 0}}),
            {"gpus": "GPU configuration: 1 GPU is more than the 0 that one session can have in partition g100_int. Choose None."},
            id="the-admin-allows-no-gpus",
        ),
        pytest.param(
            {"gpus": "v100:1"},
            lambda: limited(least_per_job=(("gres/gpu:v100", 2),)),
            {"gpus": "GPU configuration: 1 × V100 is less than the 2 × V100 that QOS small asks for. Ask for at least 2 × V100."},
            id="fewer-of-a-type-than-asked-for",
        ),
        pytest.param({"gpus": "v100:2"}, lambda: limited(least_per_job=(("cpu", 1), ("gres/gpu:v100", 2))), {}, id="as-many-of-a-type-as-asked-for"),
        pytest.param(
            {"cores": 4, "memory": "4000M"},
            lambda: limited(per_user=(("cpu", 3),), partitions=(partition(max_memory_mb_per_cpu=1000),)),
            {"cores": "Number of cores: 4 is more than the 3 that QOS small allows one user. Ask for at most 3."},
            id="as-many-cores-as-the-memory-takes",
        ),
        pytest.param({"cores": 1, "memory": "3000M"}, lambda: limited(per_user=(("cpu", 3),), partitions=(partition(max_memory_mb_per_cpu=1000),)), {}, id="memory-that-takes-all-its-cores"),
        pytest.param(
            {"cores": 1, "memory": "8G", "walltime": "1m"},
            lambda: limited(per_job_minutes=(("cpu", 99), ("mem", 4096))),
            {"memory": "Memory: 8 GB is more than QOS small has minutes for. Ask for less."},
            id="no-minute-for-so-much-memory",
        ),
        pytest.param({"cores": 4, "walltime": "1m"}, lambda: limited(per_job_minutes=(("cpu", 4),)), {}, id="one-minute-for-so-many-cores"),
        pytest.param(
            {"cores": 4, "walltime": "2m"},
            lambda: limited(per_job_minutes=(("cpu", 4),)),
            {"walltime": "Time: 2 min is more than the limit of 1 min that QOS small leaves to a session of this size. Choose at most 1 min."},
            id="only-the-time-is-too-long",
        ),
        pytest.param({"gpus": "v100:1"}, lambda: limited(least_per_job=(("gres/gpu", 1),)), {}, id="a-GPU-of-a-type-is-a-GPU"),
        pytest.param(
            {"gpus": "v100:1"},
            lambda: limited(per_job=(("gres/gpu", 0),)),
            {"gpus": "GPU configuration: 1 × V100 is more than the 0 that QOS small allows one session. Choose None."},
            id="no-GPU-of-a-type-is-allowed",
        ),
        pytest.param(
            {"gpus": 2},
            lambda: limited(per_job=(("gres/gpu", 0),)),
            {"gpus": "GPU configuration: 2 GPUs are more than the 0 that QOS small allows one session. Choose None."},
            id="no-GPUs-are-allowed",
        ),
        pytest.param(
            {"gpus": 2},
            lambda: limited(per_job=(("gres/gpu", 2),), fields={"gpus": {"maximum": 1}}),
            {"gpus": "GPU configuration: 2 GPUs are more than the 1 that one session can have in partition g100_int. Ask for at most 1."},
            id="the-admin-allows-fewer-GPUs-than-the-limit",
        ),
        pytest.param(
            {"gpus": 3},
            lambda: limited(per_job=(("gres/gpu", 5),)),
            {"gpus": "GPU configuration: 3 GPUs are more than the 2 that one session can have in partition g100_int. Ask for at most 2."},
            id="the-nodes-have-fewer-GPUs-than-the-limit",
        ),
    ],
)  # fmt: skip
def test_amounts_that_are_refused(options: dict[str, Any], offered: Any, errors: dict[str, str]) -> None:
    """Whose limit it is that is met first, and what can be had of it."""
    assert errors_of({"partition": "g100_int", "gpus": 0, **options}, offered()) == errors


@pytest.mark.parametrize(
    ("options", "fields", "errors"),
    [
        pytest.param({"walltime": "30m"}, {"minimum": "30m"}, {}, id="the-minimum"),
        pytest.param({"walltime": "4h"}, {"maximum": "4h"}, {}, id="the-maximum"),
        pytest.param({"walltime": "2m", "reservation": "course"}, {}, {"walltime": "Time: 2 min is more than the limit of 1 min until reservation course ends. Choose at most 1 min."}, id="a-minute-is-left"),
        pytest.param({"walltime": "1m", "reservation": "course"}, {}, {}, id="the-minute-that-is-left"),
    ],
)  # fmt: skip
def test_times_at_their_bounds(options: dict[str, Any], fields: dict[str, Any], errors: dict[str, str]) -> None:
    """Each bound itself can be had."""
    offered = choices(fields={"walltime": fields}, reservations=(reservation(end=NOW + 90),))
    assert errors_of(options, offered) == errors


def test_limits_of_parts_of_gpus() -> None:
    """A QOS that counts shards is told at the GPUs."""
    fifths = node("g001", gres="gpu:v100:2,shard:v100:10", used="gpu:v100:0(IDX:N/A),shard:v100:0(0/5,0/5)")
    offered = limited(nodes=(fifths,), partitions=(partition(nodes=("g001",)),), per_job=(("gres/shard", 2),))
    assert errors_of({"gpus": "shard:2"}, offered) == {}
    assert errors_of({"gpus": "shard:3"}, offered) == {
        "gpus": "GPU configuration: 3 is more than the 2 that QOS small allows one session. Ask for less."
    }


# --- choices --------------------------------------------------------------------------------------------------------------------


def test_whom_an_audience_sees() -> None:
    """Groups as they are, and the names that can be chosen now or later, as far as the admin leaves them."""
    later = reservation("later", start=NOW + HOUR, end=NOW + 9 * HOUR)
    changes: dict[str, Any] = {"reservations": (reservation(), later, reservation("others", users=("grace",)))}
    viewer = choices(fields={"account": {"choices": ["cin_ada"]}, "partition": {"choices": ["g100_cpu"]}}, **changes).viewer(
        ["users", "hpc"]
    )
    assert (viewer.groups, viewer.accounts, viewer.partitions) == ({"users", "hpc"}, {"cin_ada"}, {"g100_cpu"})
    assert viewer.reservations == {"course", "later"}
    assert choices(associations=None).viewer(()).accounts == frozenset()


def test_nothing_waits_in_a_partition_that_cannot_be_chosen() -> None:
    """There are no limits of it either."""
    offered = choices()
    nowhere = SessionRequest(partition="gone", account="cin_ada")
    assert (offered.limits_for(nowhere), offered.waits_for(nowhere), offered.partition("gone")) == (None, (), None)
    assert offered.accounts_in(None) == ()
    assert choices(associations=None).accounts_in(choices().partitions[0]) == ()


def test_limits_are_those_of_account_and_reservation() -> None:
    """Each has its own in the same partition."""
    rows = (*ADA_LINE, Association("cin_ada", "ada", "", ("small",)), Association("cin_extra", "ada", "", ("normal",)))
    qos = (Qos("normal"), Qos("small", limits=AccountingLimits(per_job=(("cpu", 8),))))
    offered = choices(associations=rows, qos=qos, reservations=(reservation(core_count=4),))
    most = {}
    for account, inside in (("cin_ada", ""), ("cin_extra", ""), ("cin_extra", "course")):
        request = SessionRequest(partition="g100_int", account=account, reservation=inside)
        limits = offered.limits_for(request)
        assert limits == offered.limits("g100_int", account, inside)
        assert limits is not None
        most[account, inside] = limits.max_cores
    assert most == {("cin_ada", ""): 8, ("cin_extra", ""): 48, ("cin_extra", "course"): 4}


def test_reservations_to_come_are_narrowed_too() -> None:
    """The first to begin in front."""
    later = [reservation(name, start=NOW + hours * HOUR, end=NOW + 9 * HOUR) for name, hours in (("b", 2), ("a", 1), ("c", 3))]
    assert [entry.name for entry in choices(reservations=later).upcoming_reservations] == ["a", "b", "c"]
    narrowed = choices(reservations=later, fields={"reservation": {"choices": ["c", "b"]}})
    assert [entry.name for entry in narrowed.upcoming_reservations] == ["b", "c"]
