"""Tests for the features of nodes that the admin's own options of sbatch ask for."""

from __future__ import annotations

import pytest

from spawner.availability.node_fit import features_of


@pytest.mark.parametrize(
    ("options", "features"),
    [
        pytest.param((), set(), id="no-options"),
        pytest.param(("--exclusive", "--comment=--constraint=x"), set(), id="other-options"),
        pytest.param(("--constraint=skylake",), {"skylake"}, id="one"),
        pytest.param(("--constraint=skylake&ib",), {"skylake", "ib"}, id="all-of-several"),
        pytest.param(("--constraint=AVX512&cache=flat",), {"AVX512", "cache=flat"}, id="any-name"),
        pytest.param(("--constraint=a", "--constraint=b"), {"b"}, id="the-last-counts"),
        pytest.param(("--constraint=a", "--constraint="), set(), id="taken-back"),
        pytest.param(("--constraint=a&",), {"a"}, id="nothing-after-the-ampersand"),
        *[pytest.param((f"--constraint={text}",), set(), id=text) for text in ("a|b", "[a&b]", "(a)", "a*2", "a:1", "a&b*2")],
    ],
)
def test_features_that_every_node_of_ours_has(options: tuple[str, ...], features: set[str]) -> None:
    """Names joined by ``&``, of the last ``--constraint``; of what cannot be read nothing follows: no node is left out by mistake."""
    assert features_of(options) == features
