"""Spawners as the Hub has them, as much of them as the answer about sessions looks at, around sessions against the fake controller."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from spawner.cluster.cluster import SlurmCluster
from spawner.errors import SlurmUnavailable
from spawner.hub.sessions.feed import Sessions
from spawner.session.record import End
from spawner.session.session import Session
from tests.support.session_rig import Server

OPTIONS = {
    "account": "cin_ada",
    "partition": "g100_int",
    "cores": 4,
    "memory": "8G",
    "gpus": "0",
    "walltime": "1:00:00",
    "release": "2026.10",
    "interface": "lab",
    "environment": {"PASSWORD": "a canary"},
}


@dataclass
class FakeSpawner:
    """One user's server: what ``server`` has of its session, or no session."""

    user_name: str = "ada"
    name: str = ""
    server: Server | None = None
    own: Session | None = None
    last_end: End | None = None
    pending_now: str | None = None
    """What goes on without a session of ours."""
    warn_minutes: tuple[int, ...] = (15, 5)
    options: dict[str, Any] = field(default_factory=lambda: dict(OPTIONS))
    hub: dict[str, Any] = field(default_factory=dict)
    """The settings of the Hub that the server is of."""

    @property
    def session(self) -> Session | None:
        return self.server.session if self.server is not None else self.own

    @property
    def ready(self) -> bool:
        return self.server.ready if self.server is not None else self.own is not None

    @property
    def pending(self) -> str | None:
        return "spawn" if self.session is not None and not self.ready else self.pending_now

    @property
    def active(self) -> bool:
        return bool(self.pending or self.ready)

    @property
    def user(self) -> Any:
        return SimpleNamespace(
            name=self.user_name,
            settings=self.hub,
            escaped_name=self.user_name,
            server_url=lambda name: f"/user/{self.user_name}/{name}",
            progress_url=lambda name: f"/hub/api/users/{self.user_name}/server/progress",
        )

    @property
    def orm_spawner(self) -> Any:
        return SimpleNamespace(user_options=self.options, display_name=self.name, name=self.name, started=None)

    async def choices(self, *, patience: float | None = None) -> Any:
        raise SlurmUnavailable("Nobody knows the price here.", log="no price")


def sessions_of(cluster: SlurmCluster, *spawners: FakeSpawner) -> Sessions:
    """What a caller who may see these is told."""
    return Sessions(cluster, lambda: spawners, hub_url="/hub/")
