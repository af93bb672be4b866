"""A starter of processes that starts none: what it was asked for, when, and how many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spawner.slurm.runner import Identity, Result


@dataclass(frozen=True)
class Asked:
    """One command that was asked for; ``at`` is in the loop's time."""

    argv: tuple[str, ...]
    stdin: str
    environment: Mapping[str, str] | None
    identity: Identity | None
    timeout: float
    at: float


class FakeRunner:
    """Stands for a program that takes ``seconds`` and answers as :meth:`result` of a subclass says."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.asked: list[Asked] = []
        self.at_once = self.most_at_once = 0

    def result(self, argv: tuple[str, ...]) -> Result:
        """Return, or raise, what comes of a command."""
        raise NotImplementedError

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        identity: Identity | None = None,
        timeout: float = 60.0,
    ) -> Result:
        self.asked.append(Asked(tuple(argv), stdin, environment, identity, timeout, asyncio.get_running_loop().time()))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.at_once -= 1
        return self.result(tuple(argv))

    async def is_running(self, command: str, text: str, identity: Identity) -> bool:
        return False

    @property
    def argv(self) -> list[tuple[str, ...]]:
        """The arguments, of each time."""
        return [asked.argv for asked in self.asked]

    @property
    def moments(self) -> list[float]:
        """When it was asked, each time."""
        return [asked.at for asked in self.asked]
