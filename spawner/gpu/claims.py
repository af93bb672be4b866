"""What sessions say of their GPUs, node by node: two of them cannot have the same whole GPU. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAX_CLAIMS = 50_000
"""More than there are sessions; those who said something the longest ago are forgotten first."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The numbers of GPUs that one session calls its own, by Slurm's IDX. ``confirmed``: Slurm says so too."""

    job_id: int
    node: str
    indices: tuple[int, ...]
    confirmed: bool


class GpuClaims:
    """The claims of all sessions."""

    def __init__(self) -> None:
        self._claims: dict[str, Claim] = {}
        self._by_node: dict[str, set[str]] = {}

    def note(self, nonce: str, claim: Claim) -> None:
        """Remember what the session of ``nonce`` says, in place of what it has said before."""
        self.forget(nonce)
        self._claims[nonce] = claim
        self._by_node.setdefault(claim.node, set()).add(nonce)
        while len(self._claims) > MAX_CLAIMS:
            self.forget(next(iter(self._claims)))

    def forget(self, nonce: str) -> None:
        """Forget what the session has said."""
        claim = self._claims.pop(nonce, None)
        if claim is not None:
            sessions = self._by_node.get(claim.node, set())
            sessions.discard(nonce)
            if not sessions:
                self._by_node.pop(claim.node, None)

    def of_others(self, nonce: str, node: str) -> Iterable[Claim]:
        """Return what the other sessions on the node have said."""
        return [self._claims[other] for other in self._by_node.get(node, ()) if other != nonce]
