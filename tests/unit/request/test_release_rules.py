"""What a release asks of a request holds at every door: where it may be started, how much it needs, what its nodes are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spawner.availability.node_choice import node_choice_of
from spawner.errors import RequestRejected
from spawner.request.choices import Choices
from spawner.request.form_fields import form_fields
from spawner.request.reconcile import Reconciled, reconcile
from spawner.request.release_rules import options_for, with_constraint, with_own_releases
from spawner.request.validation import judge_request, resolve_request
from spawner.site.release_policy import AdvancedReleases
from tests.support.builders import choices, cpu_partition, demo_nodes, node, partition, reservation

PLAIN = {"tag": "plain", "date": "2026-01-01", "interfaces": ["lab", "terminal"]}


def offered(*releases: dict[str, Any], **changes: Any) -> Choices:
    """ada's choices with these releases; the first is the newest."""
    entries = [{"date": f"2026-06-{30 - number:02}", "tag": f"r{number}", **entry} for number, entry in enumerate(releases)]
    return choices(releases={"releases": [*entries, PLAIN]}, **changes)


def sentence(given: Choices, field: str = "release", **options: Any) -> str:
    """What is said of one field; no other is at fault."""
    errors = judge_request(options, given)[1]
    assert list(errors) in ([], [field]), errors
    return errors.get(field, "")


# --- where --------------------------------------------------------------------------------------------------------------------


def test_a_release_of_another_partition() -> None:
    """It is refused with the partition that it is for; of several those that this user may choose."""
    given = offered({"partitions": ["g100_cpu", "secret"]})
    assert sentence(given, release="r0", partition="g100_int") == (
        "Release: r0 can only be started in partition g100_cpu. Choose that, or another release."
    )
    assert sentence(given, release="r0", partition="g100_cpu") == ""


def test_a_release_of_another_account() -> None:
    """The same for accounts, whose names Slurm keeps without capitals."""
    given = offered({"accounts": ["CIN_extra"]})
    assert "with account cin_extra" in sentence(given, release="r0", account="cin_ada")
    assert sentence(given, release="r0", account="cin_extra") == ""


def test_a_release_of_a_reservation() -> None:
    """A course's own software, in the course's reservation."""
    given = offered({"reservations": ["course"]}, reservations=(reservation(),))
    assert "in reservation course" in sentence(given, release="r0")
    assert sentence(given, release="r0", reservation="course", walltime="1h") == ""


def test_a_release_alone_gets_a_place_of_its_own() -> None:
    """T25: over REST, with nothing but the release: partition, account, numbers and GPUs are ones that it takes."""
    given = offered({"partitions": ["g100_cpu"], "accounts": ["cin_extra"], "minimum": {"cores": 8, "memory": "32G"}})
    request = resolve_request({"release": "r0"}, given)
    assert (request.partition, request.account, request.cores, request.memory) == ("g100_cpu", "cin_extra", 8, 32 * 1024)


def test_the_default_is_one_of_the_place() -> None:
    """The form opens with the newest release that may be started where it opens, not with the newest of all."""
    given = offered({"partitions": ["g100_cpu"]}, {"gpu": "required"}, {"accounts": ["cin_extra"]})
    request = resolve_request({}, given)
    assert (request.partition, request.release, request.gpus.whole) == ("g100_int", "r1", 1)
    assert resolve_request({"partition": "g100_cpu"}, given).release == "r0"
    assert resolve_request({"partition": "g100_int", "account": "cin_extra"}, given).release == "r1"


# --- how much -----------------------------------------------------------------------------------------------------------------


def test_a_release_needs_a_gpu() -> None:
    """T50: with none the field GPUs is at fault, with what to do."""
    given = offered({"gpu": "required", "label": "CUDA"})
    assert sentence(given, "gpus", release="r0", gpus=0) == "GPU configuration: CUDA needs a GPU. Choose one, or another release."
    assert sentence(given, "gpus", release="r0", gpus=1) == ""


def test_a_release_needs_two_gpus() -> None:
    """Where one does not do."""
    given = offered({"minimum": {"gpus": 2}})
    assert sentence(given, "gpus", release="r0", gpus=1) == "GPU configuration: r0 needs 2 GPUs. Choose as many, or another release."
    assert "g100_cpu does not have on one node" in judge_request({"release": "r0", "gpus": 0, "partition": "g100_cpu"}, given)[1]["release"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("cores", 3, "Number of cores: 3 is less than the 4 that r0 needs. Ask for at least 4, or choose another release."),
        ("memory", "15G", "Memory: 15 GB is less than the 16 GB that r0 needs. Ask for at least 16 GB, or choose another release."),
    ],
)
def test_a_minimum(field: str, value: object, words: str) -> None:
    """T50: less than the release needs is refused, as much is not."""
    given = offered({"minimum": {"cores": 4, "memory": "16G"}})
    assert sentence(given, field, release="r0", **{field: value}) == words
    assert sentence(given, field, release="r0", cores=4, memory="16G") == ""
    assert sentence(given, field, release="plain", **{field: value}) == ""


def test_the_form_knows_the_minimum() -> None:
    """Range and buttons begin with what the release needs."""
    given = offered({"minimum": {"cores": 4, "memory": "16G"}})
    fields = {field.key: field for field in form_fields(given, {"release": "r0"}, {})}
    assert fields["cores"].range.startswith("4 to 48.")
    assert min(entry.number for entry in fields["cores"].useful) == 4
    assert min(entry.number for entry in fields["memory"].useful) == 16 * 1024


# --- the fields follow --------------------------------------------------------------------------------------------------------


def follow(given: Choices, changed: str, value: object, **before: Any) -> Reconciled:
    """What becomes of a good request once one field is changed."""
    request = resolve_request(before, given)
    return reconcile(request.model_copy(update={changed: value}), given, changed)


def test_numbers_rise_with_the_release() -> None:
    """T50: the form's numbers are raised to what the release needs, with a word for each."""
    given = offered({"minimum": {"cores": 4, "memory": "16G"}, "gpu": "required"})
    settled = follow(given, "release", "r0", release="plain", cores=2, memory="8G", gpus=0)
    assert (settled.request.cores, settled.request.memory, settled.request.gpus.whole) == (4, 16384, 1)
    assert set(settled.moved) == {"cores", "memory", "gpus"}
    assert judge_request(settled.request.options(), given)[1] == {}


def test_numbers_that_are_enough_stay() -> None:
    """More than the least is nobody's to change."""
    given = offered({"minimum": {"cores": 4}})
    assert follow(given, "release", "r0", release="plain", cores=16).moved == {}


def test_the_place_follows_the_release() -> None:
    """Who chooses a release gets a place for it."""
    given = offered({"partitions": ["g100_cpu"]})
    settled = follow(given, "release", "r0", release="plain", partition="g100_int")
    assert (settled.request.partition, settled.request.release) == ("g100_cpu", "r0")
    assert "partition" in settled.moved


def test_the_release_follows_the_place() -> None:
    """Who chooses a partition gets a release for it; nobody is moved to one that is not tested."""
    given = offered({"partitions": ["g100_int"]}, {"tested": False})
    settled = follow(given, "partition", "g100_cpu", release="r0", partition="g100_int")
    assert settled.request.release == "plain"
    assert settled.moved["release"].startswith("Release is now plain instead of r0")


def test_no_gpus_for_a_release_that_needs_them() -> None:
    """Who takes the GPUs away is told, and keeps the release: perhaps it was a slip."""
    given = offered({"gpu": "required"})
    request = resolve_request({"release": "r0", "gpus": 1}, given)
    none = request.model_copy(update={"gpus": resolve_request({"release": "plain", "gpus": 0}, given).gpus})
    settled = reconcile(none, given, "gpus")
    assert settled.request.release == "r0"
    assert "gpus" in judge_request(settled.request.options(), given)[1]


# --- architectures ------------------------------------------------------------------------------------------------------------

ARM = {"architectures": {"arm64": {"path": "/opt/arm/bin", "constraint": "arm"}}}
BOTH = {"architectures": {"arm64": {"path": "/opt/arm/bin", "constraint": "arm"}, "x86_64": {"path": "/opt/x86", "constraint": "intel"}}}
X86 = {"architectures": {"amd64": {"constraint": "intel"}}}


def two_architectures(*releases: dict[str, Any], unknown: bool = False) -> Choices:
    """g100_int has x86 nodes, g100_cpu one of each, g100_arm one of arm64."""
    nodes = [replace(entry, arch="" if unknown else "x86_64") for entry in demo_nodes()]
    nodes[-1] = replace(nodes[-1], arch="" if unknown else "aarch64")
    nodes.append(node("a001", gres="", partitions=("g100_arm",), arch="" if unknown else "aarch64"))
    arm = cpu_partition("g100_arm", nodes=("a001",))
    return offered(*releases, nodes=nodes, partitions=(partition(), cpu_partition(), arm))


@pytest.mark.parametrize(
    ("release", "where"),
    [(ARM, ["g100_cpu", "g100_arm"]), (X86, ["g100_int", "g100_cpu"]), (BOTH, ["g100_int", "g100_cpu", "g100_arm"])],
    ids=["arm", "x86", "both"],
)
def test_where_an_architecture_is(release: dict[str, Any], where: list[str]) -> None:
    """T51: a release can be started where some node is of its architecture, as Slurm says; elsewhere it is refused."""
    given = two_architectures(release)
    names = ("g100_int", "g100_cpu", "g100_arm")
    assert [name for name in names if not sentence(given, release="r0", partition=name, walltime="1h")] == where
    refused = judge_request({"release": "r0", "partition": "g100_int", "walltime": "1h"}, given)[1].get("release", "")
    assert refused == "" or "is built for aarch64, and partition g100_int has no such nodes" in refused


@pytest.mark.parametrize(
    ("release", "name", "constraint"),
    [
        (ARM, "g100_arm", ()),
        (ARM, "g100_cpu", ("--constraint=arm",)),
        (X86, "g100_cpu", ("--constraint=intel",)),
        (BOTH, "g100_cpu", ()),
        ({}, "g100_cpu", ()),
    ],
    ids=["only-arm", "arm-of-two", "x86-of-two", "both", "any"],
)
def test_the_nodes_feature_is_asked_for(release: dict[str, Any], name: str, constraint: tuple[str, ...]) -> None:
    """Only where the partition has other nodes as well."""
    given = two_architectures(release)
    request = resolve_request({"release": "r0", "partition": name, "walltime": "1h"}, given)
    assert options_for(request, given, ("--nice=1",)) == ("--nice=1", *constraint)


def test_where_slurm_does_not_say() -> None:
    """Nodes that have never answered have no architecture: nothing is refused, and the features are asked for."""
    given = two_architectures(ARM, unknown=True)
    assert sentence(given, release="r0", partition="g100_int", walltime="1h") == ""
    request = resolve_request({"release": "r0", "partition": "g100_cpu", "walltime": "1h"}, given)
    assert options_for(request, given, ()) == ("--constraint=arm",)


def test_the_partitions_that_an_admin_names() -> None:
    """An architecture that names its partitions is there, and nowhere else."""
    given = two_architectures({"architectures": {"arm64": {"partitions": ["g100_cpu"]}}}, unknown=True)
    assert "is built for" in sentence(given, release="r0", partition="g100_arm", walltime="1h")
    assert sentence(given, release="r0", partition="g100_cpu", walltime="1h") == ""


@pytest.mark.parametrize(
    ("options", "constraint", "together"),
    [
        ((), "arm", "--constraint=arm"),
        (("--constraint=a100",), "arm", "--constraint=a100&arm"),
        (("--constraint=a100",), "arm|intel", "--constraint=a100&(arm|intel)"),
        (("--constraint=x", "--constraint=a|b"), "arm", "--constraint=(a|b)&arm"),
    ],
)
def test_the_admins_own_constraint_holds_as_well(options: tuple[str, ...], constraint: str, together: str) -> None:
    """sbatch takes the last of two options: both have to be in it."""
    assert with_constraint(options, constraint) == (together,)


def test_the_verdict_reads_the_constraint() -> None:
    """What is asked of sbatch is what the nodes are looked at with."""
    assert node_choice_of(with_constraint(("--constraint=a100",), "arm")).all_of == {"a100", "arm"}


# --- every door ---------------------------------------------------------------------------------------------------------------


def test_a_release_that_is_not_offered_is_refused() -> None:
    """T26: what the policy does not give a user is no release, however it is asked for."""
    given = with_own_releases(offered({"tested": False}, {"groups": ["school"]}), AdvancedReleases(untested="admins"), ["users"])
    assert [entry.tag for entry in given.releases] == ["plain"]
    for tag in ("r0", "r1"):
        with pytest.raises(RequestRejected, match="is not a release of this service"):
            resolve_request({"release": tag}, given)
    assert resolve_request({}, given).release == "plain"


def test_none_is_left() -> None:
    """Where a user may have no release at all, the sentence is not an empty list."""
    given = choices(releases={"releases": [{"tag": "a", "date": "2026-01-01", "groups": ["school"]}]})
    alone = with_own_releases(given, AdvancedReleases(), ["users"])
    with pytest.raises(RequestRejected, match="There is no release of software for you"):
        resolve_request({}, alone)
