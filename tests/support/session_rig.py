"""Sessions against the fake controller, the way the Hub drives a spawner."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from spawner.cluster.cluster import SlurmCluster
from spawner.cluster.hub_user import HubUser
from spawner.cluster.users import Member
from spawner.errors import ResourceFormError
from spawner.job.sbatch import Tag, new_tag, signing_key
from spawner.session.record import Limits, Record
from spawner.session.session import Session
from spawner.slurm.runner import Identity
from tests.support.fake_slurm import FakeJob, FakeSlurm, VirtualTimeLoop

Answer = TypeVar("Answer")

LOG = logging.getLogger("tests.session")
KEY = signing_key(b"the secret of a Hub")
SCRIPT = "#!/bin/sh\n"
LISTENS_AFTER_SECONDS = 3.0


def virtually(test: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
    """Run a test's coroutine in a loop whose time jumps."""
    loop = VirtualTimeLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(test())
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        asyncio.set_event_loop(None)


def make_cluster(slurm: FakeSlurm, ahead: float = 0.0, hub_user: HubUser | None = None) -> SlurmCluster:
    """A SlurmCluster that asks the fake, on the fake's clock, or one that is so many seconds ahead of it."""
    cluster = SlurmCluster(runner=slurm, clock=lambda: slurm.now() + ahead, jitter=0.0, hub_user=hub_user)

    async def member(user: str) -> Member:
        return Member(Identity(user, 1000, 1000, f"/home/{user}", "/bin/bash", (1000,)), frozenset())

    cluster.users.member = member  # type: ignore[method-assign]
    return cluster


@dataclass
class Server:
    """One server of a user as the Hub has it: its session, and what its database has of it."""

    slurm: FakeSlurm
    cluster: SlurmCluster
    user: str
    name: str = ""
    limits: Limits = field(default_factory=Limits)
    database: str = "{}"
    database_fails: bool = False
    database_is_locked: bool = False
    stored: int = 0
    """How often something was written into the database."""
    session: Session | None = None
    ready: bool = False
    error: ResourceFormError | None = None
    task: asyncio.Task[Any] | None = None
    reports: bool = True
    taken_up: bool = False

    def _session(self, record: Record | None = None) -> Session:
        session = Session(
            self.cluster,
            self.user,
            keep=lambda: self._keep(session),
            name=f"{self.user}:{self.name}",
            log=LOG,
            limits=self.limits,
            record=record,
        )
        return session

    def _keep(self, session: Session) -> None:
        if self.database_fails:
            raise OSError("database or disk is full")
        if self.database_is_locked:
            raise TimeoutError("database is locked")
        self.stored += 1
        self.database = json.dumps(session.record.as_state())

    @property
    def nonce(self) -> str:
        """The nonce of the session, empty if there is none."""
        return self.session.record.nonce if self.session else ""

    async def start(self) -> None:
        """What ``User.spawn`` does: start, and on any failure poll and stop."""
        session = self.session = self._session()
        self.ready, self.error, self.taken_up = False, None, False
        tag = new_tag("jupyterhub", self.user, self.name, SCRIPT, token="a token", key=KEY, clock=self.slurm.now)
        nonce = tag.nonce
        argv = ("sbatch", "--parsable", f"--comment={tag.comment}")
        identity = (await self.cluster.member(self.user)).identity
        try:
            await session.submit(nonce, argv, SCRIPT, {}, identity)
            await session.until_listening()
            self.ready = True
        except ResourceFormError as error:
            self.error = error
            await self.stop()
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.ensure_future(self.stop()))
            raise

    async def stop(self) -> None:
        """What ``User.stop`` does: poll, and stop if it may live; then forget."""
        session = self.session
        if session is None:
            return
        self.ready = False
        if await session.poll() is None:
            await session.stop()
        self._forget(session)

    def _forget(self, session: Session) -> None:
        if self.session is session:
            self.session = None
            self.database = "{}"

    async def poll(self) -> None:
        """What the Hub's own poller does: a session that is over is forgotten, and its route with it."""
        session = self.session
        if session is not None and self.ready and await session.poll() is not None:
            self.ready = False
            self._forget(session)

    async def hub_comes_back(self) -> None:
        """What a new Hub does with what the database has."""
        record = Record.from_state(json.loads(self.database))
        if not record.nonce:
            self.session = None
            return
        session = self.session = self._session(record)
        self.taken_up = True
        endpoint = session.endpoint or await session.take_up()
        self.ready = endpoint is not None and await session.poll() is None
        if not self.ready:
            if await session.poll() is None:
                await session.stop()
            self._forget(session)

    def hub_dies(self) -> None:
        """SIGKILL: whatever was under way in the Hub is not heard of again; what sbatch began goes on."""
        if self.task is not None:
            self.task.cancel()
        self.session, self.ready, self.task = None, False, None
        # The next Hub knows nothing of what Slurm said to this one.
        self.cluster = make_cluster(self.slurm)


def make_server(limits: Limits | None = None, user: str = "ada") -> Server:
    """A user's default server on a fresh controller."""
    slurm = FakeSlurm(asyncio.get_running_loop())
    return Server(slurm, make_cluster(slurm), user, limits=limits or Limits())


def jobs_of(server: Server) -> list[FakeJob]:
    """The active jobs that carry this Hub's tag for the server's user."""
    return [job for job in server.slurm.jobs.values() if job.active and (tag := Tag.parse(job.comment)) and tag.user == server.user]


async def run_and_listen(server: Server, seconds: float = 2.0) -> FakeJob:
    """Let the server's one job run, and its launcher report."""
    for _ in range(200):
        if jobs_of(server):
            break
        await asyncio.sleep(1)
    (job,) = jobs_of(server)
    await asyncio.sleep(seconds)
    server.slurm.run_job(job)
    await asyncio.sleep(seconds)
    assert server.session is not None
    server.session.listens_on(40000)
    return job
