"""A node's token: made from the service's, good for one node."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.gpu.agent.tokens import genuine_node_of, node_of, node_token

SERVICE = "0123456789abcdef" * 4
nodes = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}", fullmatch=True)


def test_what_it_is_made_of() -> None:
    """Nodes have their tokens in files: how they are made must never change."""
    expected = hmac.new(SERVICE.encode(), b"gpu-report:g001", hashlib.sha256).hexdigest()

    assert node_token(SERVICE, "g001") == f"rfgpu.g001.{expected}"


@given(nodes)
def test_it_is_read_back(node: str) -> None:
    token = node_token(SERVICE, node)

    assert node_of(token) == node
    assert genuine_node_of(token, ["another", SERVICE]) == node


@given(nodes, nodes)
def test_it_is_good_for_one_node(node: str, other: str) -> None:
    signature = node_token(SERVICE, node).rpartition(".")[2]

    assert (genuine_node_of(f"rfgpu.{other}.{signature}", [SERVICE]) is None) == (other != node)


@given(nodes, st.integers(0, 63))
def test_no_letter_of_it_may_be_wrong(node: str, place: int) -> None:
    prefix, _, signature = node_token(SERVICE, node).rpartition(".")
    changed = f"{prefix}.{signature[:place]}{'0' if signature[place] != '0' else '1'}{signature[place + 1 :]}"

    assert genuine_node_of(changed, [SERVICE]) is None
    assert node_of(changed) == node


@pytest.mark.parametrize(
    "token",
    [
        "",
        "rfgpu.",
        "rfgpu..",
        f"rfgpu..{'0' * 64}",
        f"rfgpu.g001.{'0' * 63}",
        f"rfgpu.g001.{'0' * 65}",
        f"rfgpu.g001.{'A' * 64}",
        f"rfgpu.g 001.{'0' * 64}",
        f"rfgpu.g001\n.{'0' * 64}",
        f"RFGPU.g001.{'0' * 64}",
        f"{node_token(SERVICE, 'g001')}\n",
        f" {node_token(SERVICE, 'g001')}",
        SERVICE,
    ],
)
def test_what_is_no_token_of_a_node(token: str) -> None:
    assert node_of(token) is None
    assert genuine_node_of(token, [SERVICE]) is None


def test_no_service_makes_none() -> None:
    """An empty token is none that a service has: what is made from it counts for nothing."""
    assert genuine_node_of(node_token("", "g001"), ["", SERVICE]) is None
    assert genuine_node_of(node_token(SERVICE, "g001"), []) is None
