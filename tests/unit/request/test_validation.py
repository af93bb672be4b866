"""The one gate: a request is complete and allowed, or refused with a sentence for each field at fault, and nothing else."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spawner.errors import NoAccount, RequestRejected
from spawner.humanize import moment_in_words
from spawner.job.sbatch import Tag, sbatch_arguments
from spawner.request.choices import Choices
from spawner.request.defaults import default_values
from spawner.request.gpus import GpuRequest
from spawner.request.model import FIELDS, SessionRequest, label_of, parse_request
from spawner.request.restore import restore_valid
from spawner.request.validation import check_request, require_account, resolve_request
from spawner.slurm.model import AccountingLimits, Association, Holdings, Qos, Use
from tests.support.builders import ADA_LINE, HOUR, NOW, choices, cpu_partition, demo_nodes, node, partition, reservation

THREE_PARTITIONS = (partition(), cpu_partition(), partition("g100_x", nodes=("x001",), is_default=False))
BIG_AND_FAT = (node("g001"), node("f001", gres="", cores_total=8, memory_mb=10**6))
COURSE = (reservation(),)


def errors_of(options: dict[str, Any], offered: Choices | None = None) -> dict[str, str]:
    """The sentences with which ``options`` are refused."""
    with pytest.raises(RequestRejected) as refused:
        resolve_request(options, offered or choices())
    return refused.value.errors


# --- what is allowed ----------------------------------------------------------------------------------------------------------


def test_nothing_asked_for_is_a_complete_request() -> None:
    """Start with untouched fields: an empty request is completed with the user's defaults."""
    request = resolve_request({}, choices())
    assert (request.account, request.partition, request.cores, request.memory, request.walltime) == ("cin_ada", "g100_int", 1, 4096, 60)
    assert (request.release, request.interface, request.gpus) == ("2026.10", "lab", GpuRequest())


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"cores": 48, "memory": "375300M", "gpus": 2, "walltime": "8h"}, id="all-of-a-node"),
        pytest.param({"gpus": "v100:2"}, id="typed-gpus"),
        pytest.param({"account": "cin_extra", "partition": "g100_cpu", "walltime": "1-00:00:00"}, id="the-other-partition"),
        pytest.param({"reservation": "course", "walltime": "2h"}, id="to-the-end-of-the-reservation"),
        pytest.param({"release": "2024.04", "interface": "lab"}, id="the-older-release"),
        pytest.param({"environment": {"A": "1"}}, id="environment"),
    ],
)
def test_allowed(options: dict[str, Any]) -> None:
    """The limits themselves can be had, and nothing of what was asked for is changed."""
    request = resolve_request(options, choices(reservations=COURSE))
    asked = parse_request(options)
    assert {name: getattr(request, name) for name in options} == {name: getattr(asked, name) for name in options}


@pytest.mark.parametrize(
    ("options", "changes", "completed"),
    [
        pytest.param({"account": "cin_extra"}, {"partitions": (partition(deny_accounts=("cin_extra",)), cpu_partition())}, {"partition": "g100_cpu"}, id="partition-follows-account"),
        pytest.param({"partition": "g100_cpu"}, {"partitions": (partition(), cpu_partition(allow_accounts=("cin_extra",)))}, {"account": "cin_extra"}, id="account-follows-partition"),
        pytest.param({"release": "2024.04"}, {"fields": {"interface": {"default": "terminal"}}}, {"interface": "lab"}, id="interface-follows-release"),
        pytest.param({"release": "2026.10"}, {"fields": {"interface": {"default": "terminal"}}}, {"interface": "terminal"}, id="interface-stays"),
        pytest.param({"reservation": "course"}, {"reservations": (reservation(end=NOW + 1800),)}, {"walltime": 30}, id="time-follows-reservation"),
        pytest.param({"partition": "g100_cpu"}, {"partitions": (partition(), cpu_partition(max_minutes=10))}, {"walltime": 10}, id="time-follows-partition"),
        pytest.param({"partition": "g100_cpu"}, {"partitions": (partition(), cpu_partition(max_memory_mb_per_node=1000))}, {"memory": 1000}, id="memory-follows-partition"),
        pytest.param({"partition": "g100_cpu"}, {"fields": {"gpus": {"default": "1"}, "cores": {"default": 9}}, "partitions": (partition(), cpu_partition(max_cores_per_node=8))}, {"gpus": GpuRequest(), "cores": 8}, id="gpus-and-cores-follow-partition"),
        pytest.param({"account": "cin_extra"}, {"partitions": (partition(deny_accounts=("cin_extra",)), cpu_partition(max_memory_mb_per_node=1000))}, {"partition": "g100_cpu", "memory": 1000}, id="memory-follows-the-accounts-partition"),
    ],
)  # fmt: skip
def test_missing_values_follow_those_given(options: dict[str, Any], changes: dict[str, Any], completed: dict[str, Any]) -> None:
    """A default never contradicts what was asked for where another would not."""
    request = resolve_request(options, choices(**changes))
    assert {name: getattr(request, name) for name in completed} == completed


# --- nobody without an account ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "changes", "words"),
    [
        pytest.param(
            "nobody", {}, "You have no active Slurm account on this cluster, so no session can be started for nobody. Ask", id="no-account"
        ),
        pytest.param("ada", {"partitions": ()}, "None of your Slurm accounts may use a partition of this service. Ask", id="no-partition"),
        pytest.param("ada", {"partitions": (partition(allow_accounts=("cin_other",)),)}, "may use a partition", id="partition-of-others"),
        pytest.param(
            "ada", {"fields": {"account": {"choices": ["cin_other"]}}}, "may be used with this service. Ask", id="accounts-narrowed-to-none"
        ),
        pytest.param("ada", {"fields": {"partition": {"choices": ["gone"]}}}, "may use a partition", id="partitions-narrowed-to-none"),
    ],
)
def test_no_account(user: str, changes: dict[str, Any], words: str) -> None:
    """Somebody for whom no job could run is told so before any field is looked at, and whom to ask."""
    for options in ({}, {"cores": "x"}, {"account": "cin_other"}):
        with pytest.raises(NoAccount) as refused:
            resolve_request(options, choices(user, **changes))
        assert words in refused.value.sentence
        assert user in refused.value.log


def test_who_has_an_account_is_let_through() -> None:
    """No exception for a user with an account, nor where the site keeps none."""
    require_account(choices())
    require_account(choices(associations=None))


# --- what is refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "changes", "field", "sentence"),
    [
        pytest.param({"account": "cin_other"}, {}, "account", "Slurm account: “cin_other” is not one of your accounts. Choose one of: cin_ada, cin_extra.", id="somebody-elses-account"),
        pytest.param({"account": ""}, {}, "account", "Slurm account: “” is not one of your accounts. Choose one of: cin_ada, cin_extra.", id="no-account-named"),
        pytest.param({"account": "cin_ada"}, {"associations": None}, "account", "Slurm account: “cin_ada” cannot be used: this cluster keeps no accounts. Leave it empty.", id="account-where-there-are-none"),
        pytest.param({"account": "cin_ada", "partition": "g100_int"}, {"partitions": (partition(deny_accounts=("cin_ada",)), cpu_partition())}, "account", "Slurm account: “cin_ada” may not be used in partition g100_int. Choose one of: cin_extra, or another partition.", id="account-not-in-partition"),
        pytest.param({"partition": "gone"}, {}, "partition", "Partition: “gone” is not a partition that you may use. Choose one of: g100_int, g100_cpu.", id="unknown-partition"),
        pytest.param({"partition": "g100_x"}, {"partitions": (partition(), partition("g100_x", root_only=True))}, "partition", "Partition: “g100_x” is not a partition that you may use. Choose one of: g100_int.", id="partition-of-others"),
        pytest.param({"cores": 49}, {}, "cores", "Number of cores: 49 is more than the 48 that one session can have in partition g100_int. Ask for at most 48.", id="cores"),
        pytest.param({"memory": "400G"}, {}, "memory", "Memory: 400 GB is more than the 366.5 GB that one session can have in partition g100_int. Ask for at most 366.5 GB.", id="memory"),
        pytest.param({"memory": "375301M"}, {}, "memory", "Memory: 375301 MB is more than the 366.5 GB that one session can have in partition g100_int. Ask for at most 366.5 GB.", id="one-MB-too-much"),
        pytest.param({"gpus": 3}, {}, "gpus", "GPU configuration: 3 GPUs are more than the 2 that one session can have in partition g100_int. Ask for at most 2.", id="gpus"),
        pytest.param({"gpus": "v100:3"}, {}, "gpus", "GPU configuration: 3 × V100 are more than the 2 that one session can have in partition g100_int. Ask for at most 2.", id="typed-gpus"),
        pytest.param({"gpus": "a100:1"}, {}, "gpus", "GPU configuration: partition g100_int has no GPU of type “a100”. Choose one of: v100.", id="type-of-no-node"),
        pytest.param({"gpus": "a100:1"}, {"nodes": (node(gres="gpu:2"),)}, "gpus", "GPU configuration: partition g100_int has no GPU of type “a100”. Choose a number without a type.", id="type-where-there-are-none"),
        pytest.param({"gpus": 1, "partition": "g100_cpu"}, {}, "gpus", "GPU configuration: partition g100_cpu has no GPUs. Choose None, or another partition.", id="partition-without-gpus"),
        pytest.param({"gpus": "shard:1"}, {}, "gpus", "GPU configuration: partition g100_int gives no parts of GPUs. Choose whole GPUs, or another partition.", id="part-of-a-gpu"),
        pytest.param({"cores": 9, "memory": "500G"}, {"nodes": BIG_AND_FAT, "partitions": (partition(nodes=("g001", "f001")),)}, "memory", "Memory: no node of partition g100_int has 9 cores and 500 GB together. Ask for less of one of them.", id="cores-and-memory-together"),
        pytest.param({"gpus": 1, "memory": "500G"}, {"nodes": BIG_AND_FAT, "partitions": (partition(nodes=("g001", "f001")),)}, "gpus", "GPU configuration: no node of partition g100_int has 1 GPU, 1 core and 500 GB together. Ask for less of one of them.", id="gpus-and-memory-together"),
        pytest.param({"walltime": "9h"}, {}, "walltime", "Time: 9 h is more than the limit of 8 h of partition g100_int. Choose at most 8 h.", id="above-max-time"),
        pytest.param({"walltime": "5h"}, {"fields": {"walltime": {"maximum": "4h"}}}, "walltime", "Time: 5 h is more than the limit of 4 h of this service. Choose at most 4 h.", id="above-the-services-time"),
        pytest.param({"walltime": "3h", "reservation": "course"}, {"reservations": COURSE}, "walltime", "Time: 3 h is more than the limit of 2 h until reservation course ends. Choose at most 2 h.", id="beyond-the-reservation"),
        pytest.param({"reservation": "course"}, {"reservations": (reservation(end=NOW + 30),)}, "reservation", "Slurm reservation: “course” is about to end. Choose None or another reservation.", id="reservation-about-to-end"),
        pytest.param({"reservation": "course"}, {}, "reservation", "Slurm reservation: “course” cannot be used: it is over, has not begun, or is not for you. Choose None.", id="unknown-reservation"),
        pytest.param({"reservation": "course"}, {"reservations": (reservation(end=NOW - 1),)}, "reservation", "Slurm reservation: “course” cannot be used: it is over, has not begun, or is not for you. Choose None.", id="expired-reservation"),
        pytest.param({"reservation": "course"}, {"reservations": (reservation(start=NOW + HOUR), reservation("lab"))}, "reservation", f"Slurm reservation: “course” begins {moment_in_words(NOW + HOUR, NOW)}. Choose None or one of: lab.", id="future-reservation"),
        pytest.param({"reservation": "course"}, {"reservations": (reservation(users=("grace",)),)}, "reservation", "Slurm reservation: “course” cannot be used: it is over, has not begun, or is not for you. Choose None.", id="foreign-reservation"),
        pytest.param({"reservation": "course"}, {"reservations": (reservation(flags=frozenset({"MAINT"})),)}, "reservation", "Slurm reservation: “course” cannot be used: it is over, has not begun, or is not for you. Choose None.", id="maintenance"),
        pytest.param({"reservation": "course", "partition": "g100_cpu"}, {"reservations": (reservation(partition="g100_int"),)}, "reservation", "Slurm reservation: “course” is for partition g100_int, not g100_cpu. Choose that partition, or None.", id="reservation-of-another-partition"),
        pytest.param({"reservation": "course"}, {"reservations": (reservation(allowed_partitions=("g100_cpu",)),)}, "reservation", "Slurm reservation: “course” is not for partition g100_int. Choose another partition, or None.", id="reservation-of-other-partitions"),
        pytest.param({"reservation": "course"}, {"reservations": (reservation(qos=("fast",)),), "qos": (Qos("normal"), Qos("fast")), "associations": (Association("cin_ada", "ada", qos=("normal",)),)}, "reservation", "Slurm reservation: “course” is not for QOS normal. Choose another account, or None.", id="reservation-of-another-qos"),
        pytest.param({"reservation": "course", "account": "cin_ada"}, {"reservations": (reservation(users=(), accounts=("cin_extra",)),)}, "reservation", "Slurm reservation: “course” may not be used with account cin_ada. Choose account cin_extra, or None.", id="reservation-of-another-account"),
        pytest.param({"reservation": ""}, {"partitions": (partition(reservation_required=True),), "reservations": COURSE}, "reservation", "Slurm reservation: partition g100_int can only be used with a reservation. Choose one, or another partition.", id="reservation-needed"),
        pytest.param({"release": "1999.01"}, {}, "release", "Release: “1999.01” is not a release of this service. Choose one of: Release 2026.10, Release 2024.04.", id="unknown-release"),
        pytest.param({"interface": "vscode"}, {}, "interface", "User interface: “Visual Studio Code” is not offered by Release 2026.10. Choose one of: JupyterLab (lab), Jupyter Notebook (notebook), Terminal (terminal).", id="unknown-interface"),
        pytest.param({"release": "2024.04", "interface": "terminal"}, {}, "interface", "User interface: “Terminal” is not offered by Release 2024.04. Choose one of: JupyterLab (lab).", id="interface-of-another-release"),
        pytest.param({"preset": "gone"}, {}, "preset", "Preset: “gone” is not a preset here. Leave it out.", id="unknown-preset"),
        pytest.param({"memory": "8 parsecs"}, {}, "memory", "Memory: “8 parsecs” is not an amount of memory. It has to be a number, with K, M, G or T for the unit. Type for example 8G or 500M.", id="unknown-unit"),
        pytest.param({"colour": "red"}, {}, "colour", f"“colour” is not a field of a request. Leave it out. The fields are: {', '.join(FIELDS)}.", id="unknown-key"),
    ],
)  # fmt: skip
def test_refused(options: dict[str, Any], changes: dict[str, Any], field: str, sentence: str) -> None:
    """The sentence names the field's label, the value, the limit, and what to do instead; no other field is blamed."""
    assert errors_of(options, choices(**changes)) == {field: sentence}


@pytest.mark.parametrize(
    ("fields", "options", "sentence"),
    [
        pytest.param({"cores": {"default": 4, "locked": True}}, {"cores": 5}, "Number of cores: 5 cannot be chosen, it is set to 4 on this service. Leave it as it is.", id="cores-locked"),
        pytest.param({"memory": {"default": "8G", "locked": True}}, {"memory": "4G"}, "Memory: 4 GB cannot be chosen, it is set to 8G on this service. Leave it as it is.", id="memory-locked"),
        pytest.param({"walltime": {"default": "1h", "locked": True}}, {"walltime": "2h"}, "Time: 2 h cannot be chosen, it is set to 1h on this service. Leave it as it is.", id="time-locked"),
        pytest.param({"gpus": {"default": "1", "locked": True}}, {"gpus": "2"}, "GPU configuration: 2 GPUs cannot be chosen, it is set to 1 on this service. Leave it as it is.", id="gpus-locked"),
        pytest.param({"gpus": {"default": "0", "locked": True}}, {"gpus": "1"}, "GPU configuration: 1 GPU cannot be chosen, it is set to 0 on this service. Leave it as it is.", id="gpus-locked-to-none"),
        pytest.param({"partition": {"default": "g100_cpu", "locked": True}}, {"partition": "g100_int"}, "Partition: “g100_int” is not a partition that you may use. Choose one of: g100_cpu.", id="partition-locked"),
        pytest.param({"account": {"default": "cin_extra", "locked": True}}, {"account": "cin_ada"}, "Slurm account: “cin_ada” is not one of your accounts. Choose one of: cin_extra.", id="account-locked"),
        pytest.param({"reservation": {"default": "course", "locked": True}}, {"reservation": ""}, "Slurm reservation: None cannot be chosen, it is set to course on this service. Choose course.", id="reservation-locked"),
        pytest.param({"reservation": {"default": "gone", "locked": True}}, {"reservation": ""}, "Slurm reservation: None cannot be chosen, it is set to gone on this service. It is over, has not begun, or is not for you. Ask the support.", id="reservation-locked-and-gone"),
        pytest.param({"reservation": {"default": "gone", "locked": True}}, {"reservation": "course"}, "Slurm reservation: “course” cannot be used: it is over, has not begun, or is not for you. Ask the support.", id="another-than-the-locked-and-gone"),
        pytest.param({"reservation": {"default": "course", "locked": True}}, {"reservation": "other"}, "Slurm reservation: “other” cannot be used: it is over, has not begun, or is not for you. Choose one of: course.", id="another-than-the-locked"),
        pytest.param({"release": {"default": "2024.04", "locked": True}}, {"release": "2026.10"}, "Release: “2026.10” is not a release of this service. Choose one of: Release 2024.04.", id="release-locked"),
        pytest.param({"interface": {"default": "lab", "locked": True}}, {"interface": "terminal"}, "User interface: “Terminal” is not offered by Release 2026.10. Choose one of: JupyterLab (lab).", id="interface-locked"),
        pytest.param({"cores": {"choices": [2, 4]}}, {"cores": 3}, "Number of cores: 3 cannot be chosen. Choose one of: 2, 4.", id="cores-choices"),
        pytest.param({"memory": {"choices": ["2G", "8G"]}}, {"memory": "3G"}, "Memory: 3 GB cannot be chosen. Choose one of: 2G, 8G.", id="memory-choices"),
        pytest.param({"walltime": {"choices": ["1h", "2h"]}}, {"walltime": "90m"}, "Time: 1 h 30 min cannot be chosen. Choose one of: 1h, 2h.", id="time-choices"),
        pytest.param({"gpus": {"choices": ["0", "2"]}}, {"gpus": "1"}, "GPU configuration: 1 GPU cannot be chosen. Choose one of: 0, 2.", id="gpus-choices"),
        pytest.param({"cores": {"maximum": 8}}, {"cores": 9}, "Number of cores: 9 is more than the 8 that one session can have in partition g100_int. Ask for at most 8.", id="cores-maximum"),
        pytest.param({"cores": {"minimum": 2}}, {"cores": 1}, "Number of cores: 1 is less than the 2 that a session has here. Ask for at least 2.", id="cores-minimum"),
        pytest.param({"memory": {"maximum": "8G"}}, {"memory": "9G"}, "Memory: 9 GB is more than the 8 GB that one session can have in partition g100_int. Ask for at most 8 GB.", id="memory-maximum"),
        pytest.param({"memory": {"minimum": "2G"}}, {"memory": "1G"}, "Memory: 1 GB is less than the 2 GB that a session has here. Ask for at least 2 GB.", id="memory-minimum"),
        pytest.param({"gpus": {"maximum": 1}}, {"gpus": 2}, "GPU configuration: 2 GPUs are more than the 1 that one session can have in partition g100_int. Ask for at most 1.", id="gpus-maximum"),
        pytest.param({"gpus": {"minimum": 1}}, {"gpus": 0}, "GPU configuration: no GPU is less than the 1 that a session has here. Ask for at least 1.", id="gpus-minimum"),
        pytest.param({"walltime": {"minimum": "30m"}}, {"walltime": "10m"}, "Time: 10 min is less than the 30 min that a session lasts here. Choose at least 30 min.", id="time-minimum"),
        pytest.param({"account": {"label": "Project"}}, {"account": "cin_other"}, "Project: “cin_other” is not one of your accounts. Choose one of: cin_ada, cin_extra.", id="label-of-the-admins"),
    ],
)  # fmt: skip
def test_what_the_admin_narrowed(fields: dict[str, Any], options: dict[str, Any], sentence: str) -> None:
    """A bound, a list of choices or a lock holds through every door, and the sentence says what it is."""
    errors = errors_of(options, choices(fields=fields, reservations=(reservation(), reservation("open"))))
    assert errors == {next(iter(options)): sentence}


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        pytest.param({"cores": {"default": 4, "locked": True}}, {"cores": "4"}, id="cores"),
        pytest.param({"memory": {"default": "8G", "locked": True}}, {"memory": "8192M"}, id="memory-written-otherwise"),
        pytest.param({"walltime": {"default": "1h", "locked": True}}, {"walltime": "60"}, id="time-written-otherwise"),
        pytest.param({"gpus": {"default": 1, "locked": True}}, {"gpus": "gpu:1"}, id="gpus-written-otherwise"),
        pytest.param({"reservation": {"default": "course", "locked": True}}, {"reservation": "course"}, id="reservation"),
        pytest.param({"memory": {"choices": ["2G", "8G"]}}, {"memory": 8}, id="choice-written-otherwise"),
        pytest.param({"cores": {"minimum": 2, "maximum": 2}}, {"cores": 2}, id="bounds-themselves"),
    ],
)
def test_what_the_admin_left(fields: dict[str, Any], options: dict[str, Any]) -> None:
    """The one value of a locked field, a choice, a bound: all can be had, however they are written; and so can saying nothing."""
    offered = choices(fields=fields, reservations=COURSE)
    resolve_request(options, offered)
    resolve_request({}, offered)


def test_every_mistake_at_once() -> None:
    """All fields at fault are told together, in the order of the fields, those that could not be read among them."""
    errors = errors_of({"walltime": "99h", "memory": "x", "cores": 99, "account": "cin_other", "release": "x", "gpus": 9, "colour": 1})
    assert list(errors) == ["account", "cores", "memory", "gpus", "walltime", "release", "colour"]


def test_release_and_interface_both_unknown() -> None:
    """An interface that no release has is told together with the unknown release; one that some release has is not blamed."""
    errors = errors_of({"release": "1999.01", "interface": "vscode"})
    assert (
        errors["interface"]
        == "User interface: “vscode” is not an interface of this service. Choose one of: JupyterLab (lab), Jupyter Notebook (notebook), Terminal (terminal)."
    )
    assert list(errors) == ["release", "interface"]
    assert list(errors_of({"release": "1999.01", "interface": "terminal"})) == ["release"]


def test_long_lists_are_cut() -> None:
    """With many choices the sentence names eight, and how many more there are."""
    many = tuple(partition(f"p{number:02}", nodes=("g001",)) for number in range(12))
    sentence = errors_of({"partition": "x"}, choices(partitions=many))["partition"]
    assert sentence.endswith("Choose one of: p00, p01, p02, p03, p04, p05, p06, p07 and 4 more.")
    assert "p08" not in sentence


def test_limits_are_those_of_the_chosen_partition() -> None:
    """A larger node elsewhere does not help."""
    nodes = (*demo_nodes(), node("x001", gres="gpu:a100:4", cores_total=128))
    offered = choices(nodes=nodes, partitions=THREE_PARTITIONS)
    assert resolve_request({"cores": 128, "gpus": "a100:4", "partition": "g100_x"}, offered).cores == 128
    assert set(errors_of({"cores": 128, "gpus": "a100:4", "partition": "g100_int"}, offered)) == {"cores", "gpus"}


def test_two_users_cannot_swap_accounts() -> None:
    """Each may charge their own account and not the other's."""
    assert resolve_request({"account": "cin_grace"}, choices("grace")).account == "cin_grace"
    assert "cin_ada" not in errors_of({"account": "cin_other"}, choices("grace"))["account"]
    assert list(errors_of({"account": "cin_ada"}, choices("grace"))) == ["account"]
    assert list(errors_of({"account": "cin_grace"}, choices("ada"))) == ["account"]


def test_check_request_is_silent_about_a_good_one() -> None:
    """No error for what resolve_request gives out."""
    offered = choices()
    assert check_request(resolve_request({}, offered), offered) == {}


# --- Slurm's limits -----------------------------------------------------------------------------------------------------------


def limited(*, flags: str = "", held: Any = None, partitions: Any = None, fields: dict[str, Any] | None = None, **limits: Any) -> Choices:
    """ada's one account runs under QOS ``small``, which has these limits."""
    rows = (*ADA_LINE, Association("cin_ada", "ada", "", ("small",)))
    small = Qos("small", frozenset(flags.split()), AccountingLimits(**limits))
    known = {"qos": (Qos("normal"), small), "holdings": held, "uid": 7}
    return choices(associations=rows, partitions=partitions or (partition(), cpu_partition()), fields=fields, **known)


@pytest.mark.parametrize(
    ("limits", "options", "field", "sentence"),
    [
        pytest.param({"per_job": (("cpu", 8),)}, {"cores": 9}, "cores", "Number of cores: 9 is more than the 8 that QOS small allows one session. Ask for at most 8.", id="cores"),
        pytest.param({"per_job": (("cpu", 8),), "fields": {"cores": {"maximum": 6}}}, {"cores": 9}, "cores", "Number of cores: 9 is more than the 6 that one session can have in partition g100_int. Ask for at most 6.", id="the-admins-maximum-is-lower"),
        pytest.param({"per_job": (("cpu", 99),)}, {"cores": 50}, "cores", "Number of cores: 50 is more than the 48 that one session can have in partition g100_int. Ask for at most 48.", id="the-nodes-have-less"),
        pytest.param({"per_job": (("mem", 8192),)}, {"memory": "9G"}, "memory", "Memory: 9 GB is more than the 8 GB that QOS small allows one session. Ask for at most 8 GB.", id="memory"),
        pytest.param({"per_job": (("gres/gpu", 1),)}, {"gpus": 2}, "gpus", "GPU configuration: 2 GPUs are more than the 1 that QOS small allows one session. Ask for at most 1.", id="gpus"),
        pytest.param({"per_job": (("gres/gpu:v100", 1),)}, {"gpus": "v100:2"}, "gpus", "GPU configuration: 2 × V100 are more than the 1 that QOS small allows one session. Ask for at most 1.", id="typed-gpus"),
        pytest.param({"per_job": (("gres/gpu", 0),)}, {"gpus": 1}, "gpus", "GPU configuration: 1 GPU is more than the 0 that QOS small allows one session. Choose None.", id="no-gpus"),
        pytest.param({"per_user": (("cpu", 8),)}, {"cores": 9}, "cores", "Number of cores: 9 is more than the 8 that QOS small allows one user. Ask for at most 8.", id="per-user"),
        pytest.param({"group": (("cpu", 8),)}, {"cores": 9}, "cores", "Number of cores: 9 is more than the 8 that QOS small allows all its sessions together. Ask for at most 8.", id="group"),
        pytest.param({"max_minutes": 120}, {"walltime": "3h"}, "walltime", "Time: 3 h is more than the limit of 2 h of QOS small. Choose at most 2 h.", id="time"),
        pytest.param({"max_minutes": 999}, {"walltime": "9h"}, "walltime", "Time: 9 h is more than the limit of 8 h of partition g100_int. Choose at most 8 h.", id="the-partitions-time-is-shorter"),
        pytest.param({"per_job_minutes": (("cpu", 120),)}, {"cores": 4, "walltime": "31m"}, "walltime", "Time: 31 min is more than the limit of 30 min that QOS small leaves to a session of this size. Choose at most 30 min.", id="cpu-minutes"),
        pytest.param({"per_job_minutes": (("cpu", 3),)}, {"cores": 4, "walltime": "1m"}, "cores", "Number of cores: 4 is more than QOS small has minutes for. Ask for less.", id="no-minute-for-so-many"),
        pytest.param({"least_per_job": (("cpu", 2),)}, {"cores": 1}, "cores", "Number of cores: 1 is less than the 2 that QOS small asks for. Ask for at least 2.", id="least-cores"),
        pytest.param({"least_per_job": (("mem", 8192),)}, {"memory": "4G"}, "memory", "Memory: 4 GB is less than the 8 GB that QOS small asks for. Ask for at least 8 GB.", id="least-memory"),
        pytest.param({"least_per_job": (("gres/gpu", 1),)}, {"gpus": 0}, "gpus", "GPU configuration: no GPU is less than the 1 that QOS small asks for. Ask for at least 1.", id="least-gpus"),
        pytest.param({"least_per_job": (("gres/gpu:v100", 1),)}, {"gpus": 2}, "gpus", "GPU configuration: 2 GPUs is less than the 1 × V100 that QOS small asks for. Ask for at least 1 × V100.", id="least-typed-gpus"),
        pytest.param({"flags": "RequiresReservation"}, {"reservation": ""}, "reservation", "Slurm reservation: QOS small can only be used with a reservation. Choose one, or another account.", id="reservation-required-by-the-qos"),
        pytest.param({"per_user": (("cpu", 3),), "partitions": (partition(max_memory_mb_per_cpu=1000),)}, {"cores": 1, "memory": "4000M"}, "memory", "Memory: 4000 MB takes 4 cores in partition g100_int, more than the 3 that QOS small allows one user. Ask for less memory.", id="cores-for-memory"),
    ],
)  # fmt: skip
def test_refused_by_a_limit(limits: dict[str, Any], options: dict[str, Any], field: str, sentence: str) -> None:
    """The sentence says whose limit it is; the limit itself can be had."""
    assert errors_of({"partition": "g100_int", **options}, limited(**limits)) == {field: sentence}


@pytest.mark.parametrize(
    ("limits", "completed"),
    [
        pytest.param({"per_job": (("mem", 2048),)}, {"memory": 2048}, id="memory"),
        pytest.param({"max_minutes": 20}, {"walltime": 20}, id="time"),
        pytest.param({"least_per_job": (("gres/gpu", 1), ("cpu", 4))}, {"gpus": GpuRequest(1), "cores": 4}, id="least"),
        pytest.param({"per_job_minutes": (("mem", 4096 * 30),)}, {"memory": 4096, "walltime": 30}, id="memory-minutes"),
    ],
)
def test_defaults_respect_limits(limits: dict[str, Any], completed: dict[str, Any]) -> None:
    """Start with untouched fields is a request that Slurm would run; the form shows the same."""
    offered = limited(**limits)
    request = resolve_request({}, offered)
    assert {name: getattr(request, name) for name in completed} == completed
    assert resolve_request(default_values(offered), offered) == request


def test_an_account_that_may_not_run_there_says_why() -> None:
    """Another of the user's accounts may: the partition is offered, and the account told apart, without a word about numbers."""
    rows = (*ADA_LINE, Association("cin_ada", "ada", "", ("small",)), Association("cin_extra", "ada", "", ("normal",)))
    offered = choices(associations=rows, partitions=(partition(deny_qos=("small",)),), qos=(Qos("normal"), Qos("small", limits=AccountingLimits(per_job=(("cpu", 1),)))))  # fmt: skip
    assert resolve_request({}, offered).account == "cin_extra"
    sentence = "Slurm account: “cin_ada” may not be used in partition g100_int: QOS small may not be used there. Choose one of: cin_extra, or another partition."
    assert errors_of({"account": "cin_ada", "cores": 4}, offered) == {"account": sentence}


def test_what_others_hold_refuses_nothing() -> None:
    """It makes the job wait, and only that is said."""
    held = Holdings(qos_users={("small", 7): Use(tres=(("cpu", 6),))})
    offered = limited(per_user=(("cpu", 8),), held=held)
    assert [limit.held for limit in offered.waits_for(resolve_request({"cores": 3}, offered))] == [6]
    assert offered.waits_for(resolve_request({"cores": 2}, offered)) == ()


def test_a_reservation_that_has_nothing_there() -> None:
    """A reservation whose nodes are not the partition's, and one that is smaller than a node."""
    small = reservation("small", nodes=("g003",), core_count=4)
    offered = choices(reservations=(small,))
    assert errors_of({"partition": "g100_cpu", "reservation": "small"}, offered) == {
        "reservation": "Slurm reservation: “small” has no node of partition g100_cpu. Choose another partition, or None."
    }
    assert list(errors_of({"partition": "g100_int", "reservation": "small", "cores": 5}, offered)) == ["cores"]
    assert resolve_request({"reservation": "small", "cores": 4}, offered).cores == 4


# --- for any input ------------------------------------------------------------------------------------------------------------

hostile_text = st.one_of(
    st.text(),
    st.text("-=,;:'\"`$()\\ \t\n\0#%{}[]<>|&", max_size=12),
    st.sampled_from(
        ["cin_ada\n", "--wrap=id", "g100_int --wrap=id", "g100_\u0456nt", "\ud800", "x" * 10_000, "$(id)", "`id`", "1\u0660", "²"]
    ),
    st.sampled_from(["cin_ada", "g100_int", "g100_cpu", "course", "2026.10", "lab", "1", "v100:1", "4G", "1h", "", "0"]),
)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile_text, inner, max_size=3),
    max_leaves=4,
)
any_options = st.fixed_dictionaries({}, optional=dict.fromkeys([*FIELDS, "profile", "colour"], any_json))


@pytest.mark.thorough
@settings(max_examples=250, deadline=None)
@given(any_options, st.sampled_from(["ada", "nobody"]))
def test_any_json_in_every_field(options: dict[str, Any], user: str) -> None:
    """Whatever comes through whichever door: RequestRejected, NoAccount, or a request whose every argument is one plain token."""
    request, errors = answer(options, OFFERED[user])
    if request is None:
        assert all(sentence.isprintable() for sentence in errors.values())
        assert bool(errors) is (user == "ada")
    else:
        assert user == "ada"
        assert_plain(request)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(FIELDS), any_json)
def test_any_json_in_one_field(field: str, value: Any) -> None:
    """The same with one field at a time, so that many get through the other checks; the one at fault is named by its label."""
    request, errors = answer({field: value}, OFFERED["ada"])
    if request is None:
        assert errors[field].startswith(label_of(field))
    else:
        assert_plain(request)


def answer(options: dict[str, Any], offered: Choices) -> tuple[SessionRequest | None, dict[str, str]]:
    """The request, or the sentences that refuse it, none for a user without an account. Any other exception is the test's failure."""
    try:
        return resolve_request(options, offered), {}
    except RequestRejected as refused:
        assert refused.errors  # noqa: PT017
        return None, refused.errors
    except NoAccount:
        return None, {}


OFFERED = {user: choices(user, reservations=COURSE) for user in ("ada", "nobody")}


def assert_plain(request: SessionRequest) -> None:
    """Each argument of sbatch is one token: an option with its value, without a newline, a NUL or a blank."""
    argv = sbatch_arguments(request, Tag("hub", "ada", "", "n"), home="/home/ada")
    assert argv[0] == "sbatch"
    for token in argv[1:]:
        assert token.startswith("--")
        assert token.isprintable()
        assert token.isascii()
        assert not set(token) & set(" \t\n\0'\"`$;|&<>\\,")
    assert len({token.partition("=")[0] for token in argv}) == len(argv)
    assert parse_request(request.options()) == request


def test_what_cannot_be_printed_or_hashed() -> None:
    """A number of thousands of digits is refused in every field, not raised upon; what is nested too deep is not read at all."""
    for field in FIELDS:
        assert field in errors_of({field: 10**5000})
        assert errors_of({field: [[[[["deep"]]]]]}) == {}


# --- the last choice ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kept", "changes", "expected", "dropped"),
    [
        pytest.param({}, {}, {"cores": 1}, (), id="nothing-remembered"),
        pytest.param({"cores": 4, "gpus": "1", "walltime": "2h"}, {}, {"cores": 4, "gpus": "1", "walltime": "02:00:00"}, (), id="all-still-good"),
        pytest.param({"cores": 4, "profile": "x", "colour": "red"}, {}, {"cores": 4}, (), id="unknown-keys"),
        pytest.param({"account": "gone", "cores": 4}, {}, {"account": "cin_ada", "cores": 4}, ("Slurm account",), id="account-gone"),
        pytest.param({"reservation": "course", "cores": 4}, {}, {"reservation": "", "cores": 4}, ("Slurm reservation",), id="reservation-over"),
        pytest.param({"release": "1999.01", "interface": "lab"}, {}, {"release": "2026.10", "interface": "lab"}, ("Release",), id="release-gone"),
        pytest.param({"cores": 96, "memory": "900G"}, {}, {"cores": 1, "memory": "4G"}, ("Number of cores", "Memory"), id="too-large-now"),
        pytest.param({"cores": [], "memory": None}, {}, {"cores": 1, "memory": "4G"}, ("Number of cores", "Memory"), id="unreadable"),
        pytest.param({"partition": "gone", "gpus": "1"}, {}, {"partition": "g100_int", "gpus": "1"}, ("Partition",), id="partition-gone"),
        pytest.param({"walltime": "9h", "partition": "g100_cpu"}, {"partitions": (partition(),)}, {"walltime": "01:00:00", "partition": "g100_int"}, ("Partition", "Time"), id="one-leads-to-another"),
    ],
)  # fmt: skip
def test_salvage(kept: dict[str, Any], changes: dict[str, Any], expected: dict[str, Any], dropped: tuple[str, ...]) -> None:
    """What still holds of the last choice stays, the rest falls back to the defaults and is named; the result is always valid."""
    offered = choices(**changes)
    values, lost = restore_valid(kept, offered)
    assert {name: values[name] for name in expected} == expected
    assert sorted(lost) == sorted(dropped)
    resolve_request(values, offered)


def test_salvage_where_nothing_can_be_had() -> None:
    """Where even the defaults cannot be had (the admin locked a reservation that is over), they stand there, and Start says why."""
    offered = choices(fields={"reservation": {"default": "gone", "locked": True}})
    assert restore_valid({"cores": 4}, offered) == (default_values(offered), ())
    assert list(errors_of({}, offered)) == ["reservation"]


@settings(max_examples=100, deadline=None)
@given(any_options)
def test_salvage_of_anything(options: dict[str, Any]) -> None:
    """Whatever an older version has stored, the form comes up with values that are valid."""
    values, _ = restore_valid(options, OFFERED["ada"])
    resolve_request(values, OFFERED["ada"])
