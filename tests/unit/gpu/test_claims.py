"""What sessions say of their GPUs, by node."""

from __future__ import annotations

import pytest

from spawner.gpu.claims import Claim, GpuClaims


def test_the_others_on_a_node() -> None:
    """Not one's own, not those of other nodes, not those that are over; the last word of each counts."""
    claims = GpuClaims()
    own, neighbour, elsewhere = Claim(1, "g001", (0,), False), Claim(2, "g001", (0, 1), True), Claim(3, "g002", (0,), False)
    for nonce, claim in (("own", own), ("neighbour", neighbour), ("elsewhere", elsewhere)):
        claims.note(nonce, claim)
    assert list(claims.of_others("own", "g001")) == [neighbour]
    assert list(claims.of_others("elsewhere", "g002")) == []
    moved = Claim(2, "g002", (1,), True)
    claims.note("neighbour", moved)
    assert list(claims.of_others("own", "g001")) == []
    assert list(claims.of_others("elsewhere", "g002")) == [moved]
    claims.forget("neighbour")
    claims.forget("neighbour")
    assert list(claims.of_others("elsewhere", "g002")) == []


def test_there_is_an_end_to_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who said something the longest ago are forgotten, on their node too."""
    monkeypatch.setattr("spawner.gpu.claims.MAX_CLAIMS", 2)
    claims = GpuClaims()
    for number in range(4):
        claims.note(str(number), Claim(number, "g001", (number,), False))
    assert [claim.job_id for claim in sorted(claims.of_others("x", "g001"), key=lambda claim: claim.job_id)] == [2, 3]
