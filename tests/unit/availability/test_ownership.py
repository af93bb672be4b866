"""Which nodes others' jobs keep one's own away from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spawner.availability.ownership import LABELLED, NO_LABELS, ONE_USER, SecurityLabels, Submitter, kept_for_others
from spawner.slurm.model import Job, Partition, SlurmConfig
from tests.support.builders import node

ADA = Submitter("ada", "physics", "normal", frozenset({"users", "chem", "bio"}))


def on_it(*users: str) -> tuple[Job, ...]:
    return tuple(Job(number, user, "RUNNING") for number, user in enumerate(users, 1))


@pytest.mark.parametrize(
    ("plugin", "parameters", "expected"),
    [
        ("(null)", "(null)", NO_LABELS),
        ("mcs/none", "(null)", NO_LABELS),
        ("mcs/label", "enforced", NO_LABELS),
        ("mcs/user", "(null)", SecurityLabels("user")),
        ("mcs/user", "enforced,select", SecurityLabels("user", True, True)),
        ("mcs/account", "Enforced,noselect,privatedata", SecurityLabels("account", True, False)),
        ("mcs/account", "ondemand,ondemandselect", SecurityLabels("account")),
        ("mcs/group", "enforced,select:bio|chem", SecurityLabels("group", True, True, ("bio", "chem"))),
    ],
)
def test_what_the_configuration_says(plugin: str, parameters: str, expected: SecurityLabels) -> None:
    """The plugin, whether jobs have labels of themselves, and whether nodes take them."""
    assert SecurityLabels.parse(SlurmConfig(values=(("MCSPlugin", plugin), ("MCSParameters", parameters)))) == expected


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        (SecurityLabels("user", True), "ada"),
        (SecurityLabels("account", True), "physics"),
        (SecurityLabels("group", True, listed=("root", "bio", "chem")), "bio"),
        (SecurityLabels("group", True, listed=("root",)), ""),
        (SecurityLabels("user"), ""),
    ],
)
def test_the_label_of_a_job(labels: SecurityLabels, label: str) -> None:
    """User, account, or the first group of the list; none where labels are not enforced."""
    assert labels.of(ADA) == label


@pytest.mark.parametrize(
    ("labels", "of_node", "has_jobs", "barred"),
    [
        (NO_LABELS, "eve", True, False),
        (SecurityLabels("user", True, True), "eve", True, True),
        (SecurityLabels("user", True, True), "ada", True, False),
        (SecurityLabels("user", True, True), "", True, True),
        (SecurityLabels("user", True, True), "", False, False),
        (SecurityLabels("user", True, False), "", True, False),
        (SecurityLabels("user", True, False), "ada", True, True),
        (SecurityLabels("user"), "eve", True, True),
        (SecurityLabels("user"), "", True, False),
    ],
)
def test_a_label_bars_a_node(labels: SecurityLabels, of_node: str, has_jobs: bool, barred: bool) -> None:
    """Another's label, jobs without one where ours has one, and any label where ours has none."""
    assert labels.bars(replace(node("g001"), mcs_label=of_node), ADA, has_jobs=has_jobs) is barred


@pytest.mark.parametrize(
    ("exclusive", "changes", "users", "expected"),
    [
        pytest.param(False, {}, ("eve",), {}, id="shared"),
        pytest.param(False, {"owner": "eve"}, ("eve",), {"g001": ONE_USER}, id="anothers"),
        pytest.param(False, {"owner": "ada"}, ("ada",), {}, id="ones-own"),
        pytest.param(True, {}, ("eve",), {"g001": ONE_USER}, id="one-user-at-a-time"),
        pytest.param(True, {}, ("ada", "eve"), {"g001": ONE_USER}, id="not-alone"),
        pytest.param(True, {}, ("ada",), {}, id="alone"),
        pytest.param(True, {}, (), {}, id="empty"),
        pytest.param(True, {"cores_allocated": 1}, (), {"g001": ONE_USER}, id="jobs-not-known"),
        pytest.param(False, {"cores_allocated": 1}, (), {}, id="jobs-not-known-and-shared"),
        pytest.param(False, {"mcs_label": "eve"}, (), {"g001": LABELLED}, id="labelled"),
        pytest.param(False, {"cores_allocated": 1, "name": "g002"}, (), {}, id="another-node"),
    ],
)
def test_nodes_that_are_kept(exclusive: bool, changes: dict[str, Any], users: tuple[str, ...], expected: dict[str, str]) -> None:
    """By the partition's rule, by the node's owner, by its label."""
    labels = SecurityLabels("user") if "mcs_label" in changes else NO_LABELS
    nodes = [replace(node("g001"), **changes)]
    assert kept_for_others(nodes, Partition("p", exclusive_user=exclusive), ADA, labels, lambda _name: on_it(*users)) == expected


def test_a_node_in_use_is_anothers_where_labels_count() -> None:
    """Whoever it is, and whether or not the jobs are known."""
    labels = SecurityLabels("user", True, True)
    for changes, users in (({"cores_allocated": 1}, ()), ({}, ("eve",))):
        assert kept_for_others([replace(node("g001"), **changes)], Partition("p"), ADA, labels, lambda _name, users=users: on_it(*users))  # type: ignore[misc]
