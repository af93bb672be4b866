"""Sessions on several nodes and with several tasks: what may be had, what sbatch is told, what counts against limits, what it costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spawner.accounting.billing import cost_of
from spawner.accounting.billing_rule import BillingRule, Shape
from spawner.accounting.limits import Limit, amounts_of
from spawner.availability.demand import Demand
from spawner.errors import RequestRejected
from spawner.job.sbatch import sbatch_arguments
from spawner.request.choices import Choices
from spawner.request.form_fields import form_fields
from spawner.request.model import SessionRequest, parse_request
from spawner.request.policy import parse_policies
from spawner.request.validation import judge_request, resolve_request
from tests.support.builders import choices, partition
from tests.unit.job.test_sbatch import TAG

SEVERAL: dict[str, Any] = {"nodes": {}, "tasks": {}}


def offered(fields: dict[str, Any] | None = None, **of_partition: Any) -> Choices:
    """ada's choices where the admin says this of the fields."""
    there = choices(partitions=(partition(**of_partition),))
    return replace(there, policies=parse_policies(SEVERAL if fields is None else fields))


def refusals(options: dict[str, Any], there: Choices) -> dict[str, str]:
    """What is wrong with a request, by field."""
    return judge_request(options, there)[1]


@pytest.mark.parametrize(("typed", "read"), [(2, 2), ("3", 3), (" 4 ", 4), ("", 1), (None, 1)])
def test_what_can_be_read(typed: Any, read: int) -> None:
    """A whole number, one where nothing is said."""
    assert parse_request({"nodes": typed, "tasks": typed}).nodes == read


@pytest.mark.parametrize("typed", [0, -1, "0", "two", "1-3", 1.5, True, [2], "1e3", "９", 10**6])
def test_what_cannot(typed: Any) -> None:
    """Ranges of nodes are none: a session has as many as it says."""
    with pytest.raises(RequestRejected) as refused:
        parse_request({"nodes": typed})
    assert refused.value.errors.keys() == {"nodes"}


def test_one_is_not_kept() -> None:
    """As before where nobody asks for more."""
    assert {"nodes", "tasks"}.isdisjoint(parse_request({"nodes": 1}).options())
    assert parse_request({"nodes": 2, "tasks": 4}).options()["nodes"] == 2


def test_only_where_the_admin_says_something() -> None:
    """Without a word nobody has several nodes; tasks only share out what a session has anyway."""
    assert refusals({"nodes": 2}, offered({})) == {
        "nodes": "Nodes: 2 is more than the 1 that one session can have here. Ask for at most 1."
    }
    assert refusals({"tasks": 2, "cores": 4}, offered({})) == {}
    assert refusals({"nodes": 2}, offered()) == {}


def test_what_bounds_them() -> None:
    """The admin, and MaxNodes of the partition; the cores have to be shared out evenly."""
    assert "nodes" in refusals({"nodes": 3}, offered({"nodes": {"maximum": 2}}))
    assert "nodes" in refusals({"nodes": 1}, offered({"nodes": {"minimum": 2}}))
    assert "nodes" in refusals({"nodes": 3}, offered({"nodes": {"choices": [1, 2, 4]}}))
    assert refusals({"nodes": 4}, offered({"nodes": {"choices": [1, 2, 4]}})) == {}
    assert "nodes" in refusals({"nodes": 3}, offered(max_nodes=2))
    assert resolve_request({}, offered({"nodes": {"default": 2, "locked": True}})).nodes == 2
    assert "tasks" in refusals({"tasks": 8, "cores": 8}, offered({"tasks": {"maximum": 4}}))
    assert refusals({"tasks": 3, "cores": 8}, offered())["tasks"].startswith("Tasks on each node: 8 cores cannot be shared out evenly")


def test_the_form() -> None:
    """Both fields are behind the line, where the admin wants them."""
    assert not {"nodes", "tasks"} & {field.key for field in form_fields(offered({}), {}, {})}
    fields = {field.key: field for field in form_fields(offered({"nodes": {"maximum": 4}, "tasks": {}}), {"nodes": 2, "tasks": 1}, {})}
    assert (fields["nodes"].maximum, fields["nodes"].value, fields["nodes"].shown, fields["nodes"].folded) == (4, "2", "2 nodes", True)
    assert (fields["tasks"].maximum, fields["tasks"].shown) == (None, "")


@pytest.mark.parametrize(
    ("nodes", "tasks", "expected"),
    [
        (1, 1, ["--nodes=1", "--ntasks=1", "--cpus-per-task=8"]),
        (1, 4, ["--nodes=1", "--ntasks=4", "--cpus-per-task=2"]),
        (3, 1, ["--nodes=3", "--ntasks=3", "--ntasks-per-node=1", "--cpus-per-task=8"]),
        (2, 4, ["--nodes=2", "--ntasks=8", "--ntasks-per-node=4", "--cpus-per-task=2"]),
    ],
)
def test_what_sbatch_is_told(nodes: int, tasks: int, expected: list[str]) -> None:
    """Exactly so many nodes, and the same on each."""
    argv = sbatch_arguments(parse_request({"nodes": nodes, "tasks": tasks, "cores": 8}), TAG, home="/home/ada")
    assert [word for word in argv if word.startswith(("--nodes", "--ntasks", "--cpus"))] == expected


def test_gpus_are_those_of_each_node() -> None:
    """Where a site wants --gpus, which counts all of them, several nodes are asked for by --gpus-per-node."""
    request = parse_request({"gpus": "v100:2"})
    assert "--gpus=v100:2" in sbatch_arguments(request, TAG, home="/", gpu_option="gpus")
    several = request.model_copy(update={"nodes": 2})
    assert "--gpus-per-node=v100:2" in sbatch_arguments(several, TAG, home="/", gpu_option="gpus")
    assert "--gres=gpu:v100:2" in sbatch_arguments(several, TAG, home="/")


def test_limits_count_all_nodes() -> None:
    """Of a job all together, of a node what the job has there."""
    amounts = amounts_of(Demand(4, 1000, "v100", 1, 60, nodes=3))
    assert (amounts["cores"], amounts["memory"], amounts["gpus"], amounts["gpus:v100"], amounts["nodes"]) == (12, 3000, 3, 3, 3)
    assert Limit("cores", 8, "QOS q").forbids(amounts)
    assert not Limit("cores", 4, "QOS q", per_node=True).forbids(amounts)
    assert Limit("cores", 3, "QOS q", per_node=True).forbids(amounts)
    assert Limit("nodes", 2, "QOS q").forbids(amounts)


def test_words() -> None:
    """What is asked for, in a line."""
    request: SessionRequest = parse_request({"nodes": 2, "cores": 4, "memory": "8G", "walltime": "1h", "partition": "p"})
    assert request.summary == "2 nodes with no GPU, 4 cores, 8 GB each, 1 h on p"
    assert request.model_copy(update={"nodes": 1}).summary == "no GPU, 4 cores, 8 GB, 1 h on p"


def test_cost() -> None:
    """Of all nodes together."""
    shape = Shape(cpus=8, whole=8, step=1, memory_mb=16000, gres=())
    rule = BillingRule((("cpu", 1.0), ("node", 10.0)), ("sum",), ("cpu", "mem", "node"), True, False, False, (shape,))
    one, three = (cost_of(rule, Demand(4, 1000, minutes=60, nodes=nodes)) for nodes in (1, 3))
    assert one is not None
    assert three is not None
    assert three.billing == 3 * one.billing
