"""What the admin's own options of sbatch leave of the nodes to every job."""

from __future__ import annotations

import pytest

from spawner.availability.node_choice import ANY_NODE, NodeChoice, node_choice_of
from tests.support.builders import node, partition


def features(*names: str) -> NodeChoice:
    return NodeChoice(all_of=frozenset(names))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param((), ANY_NODE, id="no-options"),
        pytest.param(("--nice=5", "--comment=--constraint=x"), ANY_NODE, id="other-options"),
        pytest.param(("--constraint=skylake",), features("skylake"), id="one"),
        pytest.param(("--constraint=skylake&ib",), features("skylake", "ib"), id="all-of-several"),
        pytest.param(("--constraint=AVX512&cache=flat",), features("AVX512", "cache=flat"), id="any-name"),
        pytest.param(("--constraint=a|b",), NodeChoice(any_of=(frozenset({"a", "b"}),)), id="any-of-several"),
        pytest.param(("--constraint=a|b", "--constraint=b"), features("b"), id="the-last-counts"),
        pytest.param(("--constraint=a", "--constraint="), ANY_NODE, id="taken-back"),
        pytest.param(("--constraint=[a&b]", "--constraint=a"), features("a"), id="understood-at-last"),
        pytest.param(("--constraint=a&",), features("a"), id="nothing-after-the-ampersand"),
        *[
            pytest.param((f"--constraint={text}",), NodeChoice(is_known=False), id=text)
            for text in ("a|b&c", "[a&b]", "(a", "a*2", "a:1", "a&b*2")
        ],
        pytest.param(("--exclude=g[001-002]",), NodeChoice(excluded=frozenset({"g001", "g002"})), id="excluded"),
        pytest.param(("--exclude=g[",), NodeChoice(is_known=False), id="excluded-and-unreadable"),
        pytest.param(("--exclude=",), ANY_NODE, id="nobody-excluded"),
        pytest.param(("--nodelist=g001",), NodeChoice(only=frozenset({"g001"})), id="one-node"),
        pytest.param(("--nodelist=g[001-002]",), NodeChoice(only=frozenset({"g001", "g002"}), is_known=False), id="several-nodes"),
        pytest.param(("--exclusive",), NodeChoice(whole=True), id="whole"),
        pytest.param(("--exclusive=user",), NodeChoice(one_user=True), id="one-user"),
        pytest.param(("--exclusive=mcs",), NodeChoice(is_known=False), id="one-label"),
        pytest.param(("--exclusive", "--exclusive=user"), NodeChoice(one_user=True), id="the-last-exclusive"),
    ],
)
def test_what_the_options_say(options: tuple[str, ...], expected: NodeChoice) -> None:
    """Of options that stand there twice the last counts; of what cannot be read nothing follows but that it is not known."""
    assert node_choice_of(options) == expected


@pytest.mark.parametrize(
    ("choice", "admitted"),
    [
        (ANY_NODE, True),
        (features("a"), True),
        (features("a", "c"), False),
        (NodeChoice(any_of=(frozenset({"c", "b"}),)), True),
        (NodeChoice(any_of=(frozenset({"c"}),)), False),
        (NodeChoice(excluded=frozenset({"g001"})), False),
        (NodeChoice(excluded=frozenset({"g002"})), True),
        (NodeChoice(only=frozenset({"g001"})), True),
        (NodeChoice(only=frozenset({"g002"})), False),
    ],
)
def test_nodes_that_are_admitted(choice: NodeChoice, admitted: bool) -> None:
    """By features and by name."""
    assert choice.admits(node("g001", features=("a", "b"))) is admitted


def test_a_partition_as_such_a_job_meets_it() -> None:
    """A job that asks for a whole node gets one, but for partitions that force it to share."""
    shared, forced = partition(oversubscribe="YES"), partition(oversubscribe="FORCE")
    assert ANY_NODE.asked_of(shared) == shared
    whole = NodeChoice(whole=True)
    assert (whole.asked_of(shared).oversubscribe, whole.asked_of(forced)) == ("EXCLUSIVE", forced)
    assert NodeChoice(one_user=True).asked_of(shared).exclusive_user
