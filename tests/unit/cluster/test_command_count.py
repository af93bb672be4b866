"""How many commands Slurm gets: counted, in virtual time, with the real SlurmCluster and Sessions.

The number depends on the clock. It does not grow with the sessions, with the open forms, or while Slurm is away, and where nobody looks
at anything there is none.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field

import pytest

from spawner.advice.service import PricingSettings, advise
from spawner.cluster.cluster import SlurmCluster
from spawner.errors import ResourceFormError
from spawner.hub.settings.spawner import SpawnerSettings
from spawner.job.sbatch import Tag
from spawner.request.choices import Choices
from spawner.session.orphans import Sweep
from spawner.session.record import Limits, Record
from spawner.session.session import Session
from spawner.slurm.sacct import FinishedJob
from tests.support import builders
from tests.support.fake_slurm import FakeSlurm, Trouble
from tests.support.finished_jobs import row
from tests.support.session_pages import FakeSpawner, sessions_of
from tests.support.session_rig import KEY, LOG, Server, make_cluster, virtually

pytestmark = pytest.mark.thorough

POLL_SECONDS = float(SpawnerSettings.poll_interval.default_value)
PAGE_SECONDS = 10.0
MINUTES = 10
MAX_A_MINUTE = 12
MANY = 5_000
POLLS_IN_STEPS = 50
STARTING = 5
FORMS = 15


@dataclass
class Hub:
    """Sessions that run, a few that wait in the queue, users who look at the form, and the sweep; the way the Hub and the page ask."""

    slurm: FakeSlurm = field(default_factory=lambda: FakeSlurm(asyncio.get_running_loop()))
    sessions: list[Session] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    over: int = 0
    orphans: int = 0
    pages_shown: int = 0
    pages_refused: int = 0

    def __post_init__(self) -> None:
        self.cluster: SlurmCluster = make_cluster(self.slurm)

    def run_sessions(self, number: int) -> None:
        """So many sessions that are ready, as a Hub has them from its database."""
        for index in range(number):
            user, nonce = f"user{index}", f"nonce{index}"
            job = self.slurm.make_job(user, Tag("jupyterhub", user, "", nonce).comment)
            self.slurm.run_job(job)
            record = Record(nonce=nonce, job_id=job.job_id, submitted=self.slurm.now(), queued_at=job.submit, node=job.host)
            self.sessions.append(Session(self.cluster, user, keep=lambda: None, name=user, log=LOG, record=record))
        if self.sessions:
            self.tasks.append(asyncio.ensure_future(self._poll()))

    async def _poll(self) -> None:
        """The Hub's pollers, each session's in its own moment of the interval."""
        share = max(1, -(-len(self.sessions) // POLLS_IN_STEPS))
        while True:
            for begin in range(0, POLLS_IN_STEPS * share, share):
                for session in self.sessions[begin : begin + share]:
                    self.over += await session.poll() is not None
                await asyncio.sleep(POLL_SECONDS / POLLS_IN_STEPS)

    def start_sessions(self, number: int) -> None:
        """So many starts whose jobs wait in the queue."""
        for index in range(number):
            server = Server(self.slurm, self.cluster, f"waiter{index}", limits=Limits(queue=86400))
            self.servers.append(server)
            self.tasks.append(asyncio.ensure_future(server.start()))

    def open_forms(self, users: int) -> None:
        """So many open pages, each of which asks for what may be had and what is free."""
        for index in range(users):
            self.tasks.append(asyncio.ensure_future(self._page(("ada", "grace", f"user{index}")[index % 3], index)))

    async def _page(self, user: str, index: int) -> None:
        await asyncio.sleep(PAGE_SECONDS * index / 7 % PAGE_SECONDS)
        while True:
            try:
                own = await self.cluster.entitlement(user, patience=5)
                free = await self.cluster.availability_for(user, patience=5)
                assert bool(own.partitions) == bool(free.value.partitions) == (user in ("ada", "grace"))
                if own.partitions:
                    choices = Choices(own, builders.catalogue(), now=self.cluster.clock())
                    advice = await advise(self.cluster, choices, {}, PricingSettings())
                    assert advice.assessment.verdict.kind in ("now", "wait", "unknown")
                self.pages_shown += 1
            except ResourceFormError:
                self.pages_refused += 1
            await asyncio.sleep(PAGE_SECONDS)

    def open_streams(self, of: int, pages: int) -> None:
        """So many pages, each with a stream of events about the sessions of one of the first ``of`` users who wait or run."""
        everybody = [FakeSpawner(server.user, server=server) for server in self.servers]
        everybody += [FakeSpawner(session.user, own=session) for session in self.sessions]
        for index in range(pages):
            self.tasks.append(asyncio.ensure_future(self._stream(everybody[index % of], index)))

    async def _stream(self, spawner: FakeSpawner, index: int) -> None:
        await asyncio.sleep(PAGE_SECONDS * index / 7 % PAGE_SECONDS)
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        last_id = ""
        while True:
            async for event in sessions_of(self.cluster, spawner).stream(closed, last_id):
                if event.startswith("id: "):
                    last_id = event.split("\n")[0].removeprefix("id: ")
                    self.pages_shown += 1

    def sweep(self) -> None:
        """The search for jobs without a session."""
        self.tasks.append(asyncio.ensure_future(self._sweeps()))

    async def _sweeps(self) -> None:
        sweep = Sweep(self.cluster, KEY)
        while True:
            with contextlib.suppress(ResourceFormError):
                self.orphans += len(await sweep.look(self._nonces))
            await asyncio.sleep(sweep.grace if sweep.suspects else self.cluster.sweep_interval)

    def _nonces(self) -> set[str]:
        return {session.record.nonce for session in self.sessions} | {server.nonce for server in self.servers}

    async def commands(self, minutes: float = MINUTES) -> Counter[str]:
        """What is started in so many minutes."""
        before = len(self.slurm.commands)
        await asyncio.sleep(60 * minutes)
        return Counter(name for _, name in self.slurm.commands[before:])

    async def close(self) -> None:
        """Nobody looks any more: pages are closed, sessions are given back."""
        for server in self.servers:
            with contextlib.suppress(ResourceFormError):
                await server.stop()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()

    @property
    def alive(self) -> bool:
        """No session and no start ended meanwhile, and no job was taken for one without a session."""
        return self.over == self.orphans == 0 and all(server.session is not None and server.session.end is None for server in self.servers)


async def busy(sessions: int, *, starting: int, forms: int) -> Hub:
    """A Hub with all that, a minute after everything began."""
    hub = Hub()
    hub.run_sessions(sessions)
    hub.start_sessions(starting)
    hub.open_forms(forms)
    hub.sweep()
    await asyncio.sleep(60)
    return hub


def count(sessions: int, *, starting: int, forms: int) -> float:
    """Commands a minute, with nothing wrong."""

    async def scenario() -> float:
        hub = await busy(sessions, starting=starting, forms=forms)
        commands = await hub.commands()
        assert hub.alive
        assert hub.pages_refused == 0
        assert bool(hub.pages_shown) == bool(forms)
        await hub.close()
        assert set(commands) <= {"squeue", "scontrol", "sacctmgr"}
        return commands.total() / MINUTES

    return virtually(scenario)


@pytest.mark.parametrize(
    ("starting", "forms"), [pytest.param(0, 0, id="running"), pytest.param(STARTING, FORMS, id="running-starting-and-forms")]
)
def test_the_number_of_sessions_does_not_count(starting: int, forms: int) -> None:
    """1, 100 and 5,000 sessions, each polled every 10 s: at most 12 commands a minute, and as many for 5,000 as for one."""
    numbers = []
    for sessions in (1, 100, MANY):
        numbers.append(count(sessions, starting=starting, forms=forms))
        assert 1 <= numbers[-1] <= MAX_A_MINUTE
    assert round(max(numbers) - min(numbers), 1) <= 1


def test_the_number_of_forms_and_of_starts_does_not_count() -> None:
    """One user before a form and one in the queue cost as much as sixty."""
    numbers = [count(1, starting=users, forms=users) for users in (1, 60)]
    assert 1 <= min(numbers) <= max(numbers) <= MAX_A_MINUTE
    assert round(max(numbers) - min(numbers), 1) <= 1


def squeues(waiting: int, streams: int) -> int:
    """How often the list of jobs is asked for in ten minutes in which so many wait, with so many pages open."""

    async def scenario() -> int:
        hub = Hub()
        hub.start_sessions(waiting)
        await asyncio.sleep(60)
        hub.open_streams(waiting, streams)
        await asyncio.sleep(60)
        assert hub.pages_shown >= streams
        commands = await hub.commands()
        assert hub.alive
        await hub.close()
        assert set(commands) <= {"squeue", "scontrol"}
        assert commands["scontrol"] <= MINUTES / 5  # the configuration: whether all jobs are seen
        return commands["squeue"]

    return virtually(scenario)


def test_the_number_of_pages_that_are_told_does_not_count() -> None:
    """Fifty who wait with fifty open pages, and one with one or none: Slurm is asked as often."""
    none, one, fifty = squeues(1, 0), squeues(1, 1), squeues(50, 50)
    assert 1 <= fifty <= MAX_A_MINUTE * MINUTES
    assert abs(fifty - one) <= 1
    assert abs(one - none) <= 1


def test_pages_about_sessions_that_run() -> None:
    """Pages that stay open beside running sessions add nothing to the Hub's own look at them."""

    async def scenario(streams: int) -> int:
        hub = Hub()
        hub.run_sessions(50)
        await asyncio.sleep(60)
        hub.open_streams(50, streams)
        await asyncio.sleep(60)
        commands = await hub.commands()
        assert hub.alive
        assert hub.pages_shown >= streams
        await hub.close()
        # What they use is asked once a minute for all of them, and not where nobody looks.
        assert commands["sstat"] <= (MINUTES if streams else 0)
        assert bool(commands["sstat"]) is bool(streams)
        return commands["squeue"]

    counts = [virtually(lambda streams=streams: scenario(streams)) for streams in (0, 1, 50)]
    assert max(counts) <= 60 * MINUTES / 15 + 1
    assert abs(counts[1] - counts[2]) <= 1


@pytest.mark.parametrize("trouble", ["", "refused", "hangs", "slurmdbd too"])
def test_what_sessions_use(trouble: str) -> None:
    """Fifty who look at their running sessions, beside all the others: within the same bound; who may not ask hardly tries again."""

    async def scenario() -> None:
        hub = Hub()
        hub.slurm.tells_usage = trouble != "refused"
        if trouble == "hangs":
            hub.slurm.troubles.append(Trouble("sstat", hangs=True, times=float("inf")))
        hub.run_sessions(100)
        hub.start_sessions(STARTING)
        hub.open_forms(FORMS)
        hub.sweep()
        await asyncio.sleep(60)
        hub.open_streams(50, 50)
        await asyncio.sleep(60)

        async def end() -> None:
            for number in range(10_000, 10_000 + 30 * MINUTES):
                hub.cluster.job_history.expect(number, lambda _job: None)
                await asyncio.sleep(2)

        if trouble == "slurmdbd too":
            hub.tasks.append(asyncio.ensure_future(end()))
        commands = await hub.commands()
        assert hub.alive
        assert commands.total() <= MAX_A_MINUTE * MINUTES
        assert commands["sstat"] <= (1 if trouble in ("refused", "hangs") else MINUTES)
        assert commands["sstat"] >= (0 if trouble in ("refused", "hangs") else MINUTES // 3)
        await hub.close()

    virtually(scenario)


def test_all_of_it_in_one_minute() -> None:
    """The same in each minute: what is asked of Slurm comes evenly, whoever comes and goes."""

    async def scenario() -> None:
        hub = await busy(100, starting=STARTING, forms=FORMS)
        minutes = [await hub.commands(1) for _ in range(MINUTES)]
        assert hub.alive
        # The list of jobs, and the sweep's in one of ten.
        assert max(commands["squeue"] for commands in minutes) <= 60 / hub.cluster.starting_interval + 2
        # Nodes in each, partitions and reservations in every other, the configuration in one of ten.
        assert max(commands["scontrol"] for commands in minutes) <= 60 / hub.cluster.nodes_interval + 3
        assert sum(commands["sacctmgr"] for commands in minutes) <= 3
        await hub.close()

    virtually(scenario)


@pytest.mark.parametrize("starting", [0, STARTING])
@pytest.mark.parametrize("slurmdbd", ["tells", "lags behind"])
def test_sessions_that_end_all_the_time(starting: int, slurmdbd: str) -> None:
    """One ends every two seconds, and slurmdbd is asked about all of them: within the same bound."""

    async def scenario() -> None:
        hub = await busy(100, starting=starting, forms=FORMS)

        async def end() -> None:
            for number in range(10_000, 10_000 + 30 * MINUTES):
                if slurmdbd == "tells":
                    hub.slurm.finished[number] = row(JobIDRaw=str(number))
                hub.cluster.job_history.expect(number, told.append)
                await asyncio.sleep(2)

        told: list[FinishedJob] = []
        hub.tasks.append(asyncio.ensure_future(end()))
        commands = await hub.commands()
        assert hub.alive
        assert commands["sacct"] >= MINUTES
        assert commands.total() <= MAX_A_MINUTE * MINUTES
        assert (len(told) > 25 * MINUTES) is (slurmdbd == "tells")
        await hub.close()

    virtually(scenario)


def test_a_poll_starts_nothing_while_the_list_is_fresh() -> None:
    """All sessions at once, again and again: not one command, and no time passes."""

    async def scenario() -> None:
        hub = Hub()
        hub.run_sessions(500)
        await asyncio.sleep(1)
        before, moment = list(hub.slurm.commands), hub.slurm.now()
        for _ in range(3):
            assert [status for session in hub.sessions if (status := await session.poll()) is not None] == []
        assert hub.slurm.commands == before
        assert hub.slurm.now() == moment
        assert [name for _, name in before] == ["squeue"]
        await hub.close()

    virtually(scenario)


def test_all_sessions_that_find_the_list_old_ask_once() -> None:
    """Five hundred pollers in the same moment: one squeue for all of them."""

    async def scenario() -> None:
        hub = Hub()
        hub.run_sessions(500)
        await hub.close()
        await asyncio.sleep(100)
        before = len(hub.slurm.commands)
        assert set(await asyncio.gather(*(session.poll() for session in hub.sessions))) == {None}
        assert [name for _, name in hub.slurm.commands[before:]] == ["squeue"]

    virtually(scenario)


def test_nobody_looks() -> None:
    """No session and no open form: nothing is asked, before the first of them and after the last; by the sweep once an interval."""

    async def scenario() -> None:
        hub = Hub()
        assert (await hub.commands()).total() == 0
        hub.run_sessions(3)
        hub.start_sessions(2)
        hub.open_forms(3)
        assert (await hub.commands(1)).total() > 0
        await hub.close()
        await asyncio.sleep(60)
        assert (await hub.commands()).total() == 0
        hub.sweep()
        await asyncio.sleep(1)
        assert await hub.commands() == {"squeue": 60 * MINUTES / hub.cluster.sweep_interval}
        await hub.close()

    virtually(scenario)


@pytest.mark.parametrize("knows", [True, False], ids=["after-answers", "from-the-beginning"])
@pytest.mark.parametrize("trouble", ["away", "hangs"])
def test_slurm_away(trouble: str, knows: bool) -> None:
    """A Slurm that fails at once, or lets each command hang, gets no more commands than one that answers; nobody's session ends."""

    async def scenario() -> None:
        hub = await busy(100, starting=STARTING, forms=FORMS) if knows else Hub()
        well = await hub.commands() if knows else Counter({"squeue": MAX_A_MINUTE * MINUTES})
        if not knows:
            hub.run_sessions(100)
            hub.start_sessions(STARTING)
            await asyncio.sleep(1)
            hub.open_forms(FORMS)
        hub.slurm.answers, hub.slurm.hang = trouble != "away", trouble == "hangs"
        shown = hub.pages_shown
        away = await hub.commands()
        assert 0 < away.total() <= well.total()
        assert hub.alive
        assert (hub.pages_shown > shown) is knows
        hub.slurm.answers, hub.slurm.hang = True, False
        await asyncio.sleep(400)
        assert hub.alive
        assert all(session.unknown_since is None for session in hub.sessions)
        await hub.close()

    virtually(scenario)
