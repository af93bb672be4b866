"""The features that a request asks of its node: what may be asked for, what the form offers, and what reaches sbatch and the verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spawner.availability.node_choice import node_choice_of
from spawner.cluster.features import features_of
from spawner.errors import RequestRejected
from spawner.request.choices import Choices
from spawner.request.constraint import constraint_values
from spawner.request.form_fields import form_fields
from spawner.request.model import parse_request
from spawner.request.policy import parse_policies
from spawner.request.release_rules import options_for
from spawner.request.validation import judge_request, resolve_request
from spawner.slurm.model import Node
from tests.support.builders import choices, cpu_partition, node, partition

FEATURES = {"g100_int": frozenset({"v100", "ib"}), "g100_cpu": frozenset({"intel", "ib", "avx512"})}


def offered(fields: dict[str, Any] | None = None, features: dict[str, frozenset[str] | None] | None = None) -> Choices:
    """ada's choices on a site whose nodes have features."""
    there = choices(partitions=(partition(), cpu_partition()))
    return replace(there, features=FEATURES if features is None else features, policies=parse_policies(fields or {}))


def refusal(constraint: str, there: Choices, partition: str = "g100_cpu") -> str:
    """What is said of the field; empty where nothing is."""
    return judge_request({"partition": partition, "constraint": constraint}, there)[1].get("constraint", "")


@pytest.mark.parametrize("typed", ["", "intel", "intel&ib", " intel & ib ", "a.b:c=1&x-y/z+w"])
def test_what_can_be_read(typed: str) -> None:
    """Features joined by &, each once."""
    assert parse_request({"constraint": typed}).constraint == typed.replace(" ", "")
    assert parse_request({"constraint": "ib&ib"}).constraint == "ib"


@pytest.mark.parametrize(
    "typed", ["a|b", "[a|b]", "a*2", "(a)", "a&", "&a", "a,b", "a;b", "a\nb", "x" * 65, "&".join("abcdefghi"), 3, ["a"], "ü"]
)
def test_what_cannot(typed: Any) -> None:
    """What counts, groups or chooses is the admin's; nothing of it reaches sbatch."""
    with pytest.raises(RequestRejected) as refused:
        parse_request({"constraint": typed})
    assert refused.value.errors.keys() == {"constraint"}


def test_what_is_there() -> None:
    """A feature that a node of the partition has; capitals count, as they do for Slurm."""
    there = offered()
    assert refusal("intel", there) == refusal("intel&ib", there) == refusal("", there) == ""
    assert refusal("v100", there) == "Constraint: No node of partition g100_cpu has the feature “v100”. Choose one of: avx512, ib, intel."
    assert "“Intel”" in refusal("ib&Intel", there)
    assert refusal("v100", there, "g100_int") == ""
    assert "is not a feature that you may ask for" in refusal("a-feature-of-nobody's".replace("'", ""), there, "nowhere")
    nothing = offered(features={"g100_cpu": frozenset(), "g100_int": frozenset()})
    assert refusal("intel", nothing) == "Constraint: “intel” is not a feature of the nodes here. Leave it empty."


def test_where_nobody_knows_slurm_judges() -> None:
    """Nodes that Slurm does not show may have any feature."""
    assert refusal("anything", offered(features={"g100_cpu": None})) == ""
    assert refusal("anything", offered(features={})) == ""


def test_the_form() -> None:
    """The field is there where the admin says something of it; behind the line, with any node in front."""
    assert "constraint" not in [field.key for field in form_fields(offered(), {}, {})]
    there = offered({"constraint": {}})
    (field,) = [field for field in form_fields(there, {"constraint": "ib"}, {}) if field.key == "constraint"]
    assert [option.value for option in field.options] == ["", "avx512", "ib", "intel", "v100"]
    assert (field.folded, field.shown, field.options[0].label) == (True, "nodes with ib", "Any node")
    assert constraint_values(offered({"constraint": {}}, {})) == ()


def test_what_the_admin_says() -> None:
    """Choices take the place of what there is; a locked one is the only one."""
    there = offered({"constraint": {"choices": ["intel&ib", "avx512", "gone"]}})
    assert constraint_values(there) == ("", "intel&ib", "avx512")
    assert refusal("intel&ib", there) == refusal("", there) == ""
    assert "Leave it empty, or choose one of: intel&ib, avx512." in refusal("intel", there)
    locked = offered({"constraint": {"default": "ib", "locked": True}})
    assert constraint_values(locked) == ("ib",)
    assert resolve_request({}, locked).constraint == "ib"
    assert refusal("", locked) == refusal("intel", locked) == "Constraint: It is set to ib on this service. Choose that one."


@pytest.mark.parametrize(
    ("admin", "asked", "expected"),
    [
        ((), "", ()),
        ((), "ib", ("--constraint=ib",)),
        (("--constraint=a",), "ib&x", ("--constraint=a&ib&x",)),
        (("--constraint=a|b", "--qos=q"), "ib", ("--qos=q", "--constraint=(a|b)&ib")),
    ],
)
def test_what_reaches_sbatch(admin: tuple[str, ...], asked: str, expected: tuple[str, ...]) -> None:
    """What the admin asks of nodes holds as well; the verdict reads the same options."""
    request = parse_request({"constraint": asked, "partition": "g100_cpu"})
    assert options_for(request, offered(), admin) == expected
    assert node_choice_of(expected).is_known


@pytest.mark.parametrize(
    ("constraint", "features", "admitted"),
    [
        ("(a|b)&c", ("a", "c"), True),
        ("(a|b)&c", ("a",), False),
        ("(a|b)&c", ("c",), False),
        ("(a|b)&(c|d)&e", ("b", "d", "e"), True),
        ("(a|b)&(c|d)&e", ("b", "e"), False),
        ("a|b", ("b",), True),
        ("(a)", ("a",), True),
        ("(a)", ("b",), False),
    ],
)
def test_groups_of_features(constraint: str, features: tuple[str, ...], *, admitted: bool) -> None:
    """Parentheses group features of which one is enough (sbatch(1))."""
    choice = node_choice_of([f"--constraint={constraint}"])
    assert choice.is_known
    assert choice.has_features(features) is admitted


@pytest.mark.parametrize("constraint", ["[a|b]", "a*2&b", "a&b|c", "(a&b)|c", "((a|b)|c)&d"])
def test_what_is_not_understood(constraint: str) -> None:
    """Then the node may be one that the job cannot have."""
    assert not node_choice_of([f"--constraint={constraint}"]).is_known


def test_features_of_partitions() -> None:
    """Those that nodes have now, and those that they could have; None where a node is not shown."""
    nodes = (node("n1", features=("a",), features_available=("a", "b")), node("n2", features=("c",)))
    there = (partition(name="one", nodes=("n1",)), partition(name="all", nodes=("n1", "n2")), partition(name="odd", nodes=("n1", "n9")))
    assert features_of(nodes, there) == {"one": {"a", "b"}, "all": {"a", "b", "c"}, "odd": None}
    assert isinstance(nodes[0], Node)
