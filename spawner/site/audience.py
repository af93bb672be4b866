"""For whom an admin has written something: groups of the system, accounts, partitions, reservations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..slurm.names import in_accounting

MAX_NAMES = 1000

Names = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(max_length=MAX_NAMES)]


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person by what an audience is told by: the user's groups, and the names that the user may choose or will be able to."""

    groups: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    partitions: frozenset[str] = frozenset()
    reservations: frozenset[str] = frozenset()


UNKNOWN_VIEWER = Viewer()
"""Somebody of whom nothing is known, as while Slurm does not answer: what is for everyone is for them too."""


class Audience(BaseModel):
    """The people whom something is for.

    Of each list that is not empty, the viewer must have one of the names at least; with all of them empty it is everyone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    groups: Names = Field(default=(), description="For who is in one of these groups, of JupyterHub's or the system's; empty: everyone.")
    accounts: Names = Field(default=(), description="For who may use one of these accounts; empty: everyone.")
    partitions: Names = Field(default=(), description="For who may use one of these partitions; empty: everyone.")
    reservations: Names = Field(default=(), description="For who may use one of these reservations; empty: everyone.")

    @field_validator("accounts")
    @classmethod
    def _as_slurmdbd_writes_them(cls, accounts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(in_accounting, accounts))

    def admits(self, viewer: Viewer) -> bool:
        """Tell whether ``viewer`` belongs to it."""
        wanted = (
            (self.groups, viewer.groups),
            (self.accounts, viewer.accounts),
            (self.partitions, viewer.partitions),
            (self.reservations, viewer.reservations),
        )
        return all(not names or not had.isdisjoint(names) for names, had in wanted)
