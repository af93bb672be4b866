"""Sessions whose GPUs do nothing: who is told, when, and what is stopped; and that nothing happens where anything is not known."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets import TraitError

from spawner.gpu.agent.schema import Device, MigInstance, NodeReport
from spawner.hub.background.idle_gpus import IdleGpuWatch, stop_as_ordered
from spawner.hub.channels import Channels, MessageSender
from spawner.hub.settings.spawner import SpawnerSettings
from spawner.hub.state import HubState
from spawner.job.sbatch import Tag
from spawner.session.message import Message
from spawner.session.record import Record
from spawner.session.session import Session
from spawner.slurm.model import Job
from tests.support.fake_slurm import FakeJob, FakeSlurm
from tests.support.message_settings import WithMessageSettings
from tests.support.session_rig import make_cluster, virtually

LOG = logging.getLogger("tests.idle")
REQUEST = {"partition": "g100_int", "cores": 1, "gpus": "v100:1", "interface": "lab"}
TRES = "cpu=1,mem=4G,node=1,billing=17,gres/gpu=1,gres/gpu:v100=1"
TWO = "cpu=1,mem=4G,node=1,billing=34,gres/gpu=2,gres/gpu:v100=2"
MINUTE = 60.0


@dataclass
class FakeSpawner(WithMessageSettings):
    """A server as the Hub has it, as much of it as is looked at."""

    session: Session | None
    user: Any = field(default_factory=lambda: SimpleNamespace(name="ada", settings={}))
    orm_spawner: Any = field(default_factory=lambda: SimpleNamespace(name="", user_options=REQUEST))
    name: str = "fit"
    log_name: str = "ada:fit"
    ready: bool = True
    last_end: Any = None
    idle_gpu_minutes: float = 60.0
    idle_gpu_stop_minutes: float = 30.0
    message_command: tuple[str, ...] = ("/bin/tell",)
    language: str = ""
    stopped_at: float | None = None


class Messages:
    """What would have been sent."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, message: Message, _channels: Channels) -> None:
        self.sent.append(message)


class Rig:
    """A session with one or two GPUs of g001, whose node reports every 15 seconds what ``use`` says; and a watch over it."""

    def __init__(self, *, tres: str = TRES, indices: tuple[int, ...] = (0,), **rules: Any) -> None:
        self.loop = asyncio.get_running_loop()
        self.slurm = FakeSlurm(self.loop)
        self.cluster = make_cluster(self.slurm)
        self.job: FakeJob = self.slurm.make_job("ada", Tag("jupyterhub", "ada", "fit", "a nonce").comment)
        self.job.tres = tres
        self.slurm.run_job(self.job)
        known: dict[str, Any] = {"gpu_indices": indices, "gpus_confirmed": True}
        self.record = Record("a nonce", self.job.job_id, self.slurm.now(), self.job.submit, "g001", "127.0.1.1", 4, **known)
        self.session = Session(self.cluster, "ada", keep=lambda: None, name="ada:fit", log=LOG, record=self.record)
        self.spawner = FakeSpawner(self.session, **rules)
        self.messages: Any = HubState.of(self.spawner).part(MessageSender, Messages)  # type: ignore[arg-type]
        self.stops_fail = 0
        self.use: list[int | None] = [0, 0]
        self.reports: Callable[[], Iterable[Device]] = self.devices
        self.silent = False
        self.watch = self.new_watch()
        self.tasks = [asyncio.ensure_future(self._report()), asyncio.ensure_future(self.watch.run())]

    def new_watch(self) -> IdleGpuWatch:
        return IdleGpuWatch(self.cluster, lambda: [self.spawner], self._stop, log=LOG)  # type: ignore[list-item]

    def devices(self) -> list[Device]:
        """What the node's two V100 say."""
        return [
            Device(index, f"GPU-{index}", "Tesla V100", minor=index, utilisation=use, utilisation_peak=use)
            for index, use in enumerate(self.use)
        ]

    async def _report(self) -> None:
        while True:
            if not self.silent:
                self.cluster.gpu_reports.put(NodeReport("g001", self.slurm.now(), devices=tuple(self.reports())))
            await asyncio.sleep(15)

    async def others_ask(self) -> None:
        """Have Slurm asked as pages and JupyterHub's polls do."""
        while True:
            await self.cluster.jobs.get()
            await self.cluster.nodes.get()
            await asyncio.sleep(30)

    async def _stop(self, spawner: Any) -> None:
        assert spawner is self.spawner
        if self.stops_fail:
            self.stops_fail -= 1
            raise RuntimeError("the proxy is away")
        await self.session.stop()
        self.spawner.stopped_at, self.spawner.ready = self.loop.time(), False

    async def until(self, minutes: float) -> None:
        """Let time go by until so many minutes after the beginning."""
        await asyncio.sleep(minutes * MINUTE - self.loop.time())

    async def while_(self, condition: Callable[[], bool]) -> None:
        """Let time go by for as long as this is true, two hours at most."""
        for _second in range(7200):
            if not condition():
                return
            await asyncio.sleep(1)
        raise AssertionError("nothing has happened")

    @property
    def events(self) -> list[str]:
        return [message.event for message in self.messages.sent]

    @property
    def is_told(self) -> bool:
        return self.session.idle_gpus is not None


def test_told_and_stopped() -> None:
    """After an hour the user is told, once; half an hour later the session is stopped, with the reason kept."""

    async def scenario() -> None:
        rig = Rig()
        await rig.until(59)
        assert not rig.is_told
        await rig.until(62)
        notice = rig.session.idle_gpus
        assert notice is not None
        assert (notice.gpus, rig.events) == (1, ["idle"])
        assert 60 * MINUTE <= rig.slurm.now() - notice.since <= 62 * MINUTE
        assert notice.stops_at is not None
        assert 28 * MINUTE <= notice.stops_at - rig.slurm.now() <= 30 * MINUTE
        await rig.until(90)
        assert (rig.events, rig.spawner.stopped_at) == (["idle"], None)
        await rig.until(95)
        assert rig.spawner.stopped_at is not None
        assert notice.stops_at - rig.slurm.now() + rig.loop.time() <= rig.spawner.stopped_at
        assert rig.job.state == "CANCELLED"
        assert rig.session.record.idle_minutes in (90, 91, 92)
        (idle,) = rig.messages.sent
        assert (idle.user, idle.server, idle.job_id, idle.node, idle.gpus, idle.url) == ("ada", "fit", 100, "g001", 1, "/hub/home")
        assert idle.display_name == "JupyterLab · 1 × V100 · g100_int"
        assert (idle.idle_minutes, idle.stops_at) == (60, notice.stops_at)

    virtually(scenario)


@pytest.mark.parametrize("idle_minutes", [0.0, 60.0])
def test_what_they_did_is_added_up(idle_minutes: float) -> None:
    """Whether or not anybody is told of idle ones: each minute once, from the beginning of the job on."""

    async def scenario() -> None:
        rig = Rig(idle_gpu_minutes=idle_minutes)
        rig.tasks.append(asyncio.ensure_future(rig.others_ask()))
        await rig.until(30)
        rig.use = [40, 90]
        await rig.until(63)
        use = rig.session.gpu_use
        assert 59 <= use.minutes <= 62
        assert use.gpus == 1
        assert use.mean_percent is not None
        assert 19 <= use.mean_percent <= 22

    virtually(scenario)


def test_only_told() -> None:
    async def scenario() -> None:
        rig = Rig(idle_gpu_stop_minutes=0.0)
        await rig.until(600)
        assert (rig.events, rig.spawner.stopped_at) == (["idle"], None)
        assert rig.session.idle_gpus is not None
        assert rig.session.idle_gpus.stops_at is None

    virtually(scenario)


def test_off() -> None:
    """By default nothing is looked at, and nobody is asked anything."""
    assert SpawnerSettings().idle_gpu_minutes == 0

    async def scenario() -> None:
        rig = Rig(idle_gpu_minutes=0.0)
        await rig.until(600)
        assert (rig.events, rig.spawner.stopped_at, rig.slurm.commands) == ([], None, [])

    virtually(scenario)


def test_a_spawner_that_is_not_ours() -> None:
    """It is passed over, and the others are looked at."""

    async def scenario() -> None:
        rig = Rig()
        rig.watch._spawners = lambda: [SimpleNamespace(ready=True), rig.spawner]
        await rig.until(62)
        assert rig.is_told

    virtually(scenario)


def test_a_busy_one() -> None:
    """One that is used now and then is never told of, nor one of whose two GPUs one is used."""

    async def scenario() -> None:
        rig = Rig(tres=TWO, indices=(0, 1))
        rig.use = [0, 1]
        await rig.until(100)
        assert not rig.is_told
        rig.use = [0, 0]
        for beginning in range(100, 400, 50):
            await rig.until(beginning + 49)
            assert not rig.is_told
            rig.use = [100, 0]
            await asyncio.sleep(20)
            rig.use = [0, 0]
        assert (rig.events, rig.spawner.stopped_at) == ([], None)

    virtually(scenario)


def test_the_other_gpu_of_the_node_is_not_the_sessions() -> None:
    """Whatever goes on there."""

    async def scenario() -> None:
        rig = Rig()
        rig.use = [0, 100]
        await rig.until(62)
        assert rig.is_told

    virtually(scenario)


def test_who_was_told_and_begins_to_work() -> None:
    """The notice goes, nothing is stopped at the time that was named, and the hour begins anew."""

    async def scenario() -> None:
        rig = Rig()
        await rig.until(80)
        assert rig.is_told
        rig.use = [35, 0]
        await rig.until(82)
        assert not rig.is_told
        rig.use = [0, 0]
        await rig.until(140)
        assert (rig.is_told, rig.events, rig.spawner.stopped_at) == (False, ["idle"], None)
        await rig.until(145)
        assert (rig.is_told, rig.events) == (True, ["idle", "idle"])

    virtually(scenario)


def test_busy_for_a_moment_between_two_looks() -> None:
    """That is enough: the time that was named is not that of another period."""

    async def scenario() -> None:
        rig = Rig()
        await rig.until(88.1)
        assert rig.is_told
        rig.use = [1, 0]
        await asyncio.sleep(16)
        rig.use = [0, 0]
        await rig.until(147)
        assert (rig.spawner.stopped_at, rig.events) == (None, ["idle"])

    virtually(scenario)


def test_busy_in_the_last_moment() -> None:
    """A session is not stopped on the report on which that is decided, but on the next one: here it is busy again."""

    async def scenario() -> None:
        rig = Rig()
        await rig.while_(lambda: not rig.watch._stopping)
        rig.use = [100, 0]
        await rig.until(120)
        assert (rig.spawner.stopped_at, rig.events, rig.is_told) == (None, ["idle"], False)
        assert rig.session.record.idle_minutes == 0

    virtually(scenario)


def test_no_report_no_action() -> None:
    """Neither told nor stopped by a silence, whenever it comes; afterwards the hour begins anew."""

    async def scenario() -> None:
        rig = Rig()
        await rig.until(80)
        assert rig.is_told
        rig.silent = True
        await rig.until(300)
        assert (rig.spawner.stopped_at, rig.is_told, rig.events) == (None, False, ["idle"])
        rig.silent = False
        await rig.until(358)
        assert not rig.is_told
        await rig.until(363)
        assert rig.is_told

    virtually(scenario)


def test_silence_in_the_last_moment() -> None:
    """All is decided, and no report comes any more."""

    async def scenario() -> None:
        rig = Rig()
        await rig.while_(lambda: not rig.watch._stopping)
        rig.silent = True
        await rig.until(200)
        assert (rig.spawner.stopped_at, rig.watch._stopping) == (None, {})

    virtually(scenario)


def slices(processes: int | None) -> list[Device]:
    """The second V100 is one under MIG, and has one instance."""
    return [
        Device(0, "GPU-0", "Tesla V100"),
        Device(1, "GPU-1", mig=True, instances=(MigInstance("MIG-1", "3g.20gb", processes=processes),)),
    ]


def on_two_nodes(rig: Rig) -> None:
    """From the next list of jobs on."""
    fetch = rig.cluster.jobs._fetch

    async def listed() -> dict[int, Job]:
        return {number: replace(job, nodes=("g001", "g002")) for number, job in (await fetch()).items()}

    rig.cluster.jobs._fetch = listed
    rig.cluster.jobs.expire()


UNKNOWN: dict[str, Callable[[Rig], Any]] = {
    "its use is not known": lambda rig: rig.use.__setitem__(0, None),
    "the device is lost": lambda rig: setattr(rig, "reports", lambda: [Device(0, "GPU-0", faults=("lost",)), rig.devices()[1]]),
    "the device is gone": lambda rig: setattr(rig, "reports", lambda: rig.devices()[1:]),
    "no device at all": lambda rig: setattr(rig, "reports", list),
    "its GPUs are not known": lambda rig: setattr(rig.session, "record", replace(rig.record, gpu_indices=None)),
    "one GPU more than there is": lambda rig: setattr(rig.session, "record", replace(rig.record, gpu_indices=(0, 7))),
    "no GPU": lambda rig: setattr(rig.job, "tres", "cpu=1,mem=4G,node=1,billing=1"),
    "the job is suspended": lambda rig: setattr(rig.job, "state", "SUSPENDED"),
    "the job is somebody else's": lambda rig: setattr(rig.job, "user", "eve"),
    "the job is on another node": lambda rig: setattr(rig.job, "host", "g002"),
    "the job is on two nodes": lambda rig: on_two_nodes(rig),
    "Slurm is away": lambda rig: setattr(rig.slurm, "answers", False),
    "not ready": lambda rig: setattr(rig.spawner, "ready", False),
    "no session": lambda rig: setattr(rig.spawner, "session", None),
    "it is being stopped": lambda rig: setattr(rig.session, "record", replace(rig.record, stopping=True)),
}


@pytest.mark.parametrize("why", UNKNOWN)
def test_what_is_not_known(why: str) -> None:
    """No action, from the beginning or after the user was told; the session is not stopped for it."""

    async def scenario() -> None:
        rig = Rig()
        await rig.cluster.nodes.get()
        if why == "no GPU":
            rig.record = rig.session.record = replace(rig.record, gpu_indices=None)
        UNKNOWN[why](rig)
        await rig.until(200)
        assert (rig.events, rig.spawner.stopped_at, rig.session.record.idle_minutes) == ([], None, 0), why

    async def later() -> None:
        rig = Rig()
        await rig.until(80)
        assert rig.is_told
        if why == "no GPU":
            rig.session.record = replace(rig.record, gpu_indices=None)
        UNKNOWN[why](rig)
        await rig.until(139)
        assert (rig.events, rig.spawner.stopped_at, rig.session.record.idle_minutes) == (["idle"], None, 0), why

    virtually(scenario)
    virtually(later)


def test_a_slice_without_a_process_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its use nobody knows: with a process on it, or where that is not known either, nothing is done."""
    gres = "Gres=gpu:v100:1,gpu:a100_3g.20gb:1 GresDrain=N/A GresUsed=gpu:v100:0(IDX:N/A),gpu:a100_3g.20gb:1(IDX:1)"
    from tests.support.fake_slurm import NODES

    changed = re.sub(r"Gres=gpu\S+ GresDrain=\S+ GresUsed=\S+", gres, NODES)
    assert changed != NODES
    monkeypatch.setattr("tests.support.fake_slurm.NODES", changed)

    async def scenario() -> None:
        rig = Rig(tres=TRES.replace("v100", "a100_3g.20gb"), indices=(1,))
        processes: int | None = 1
        rig.reports = lambda: slices(processes)
        await rig.until(100)
        processes = None
        await rig.until(200)
        assert rig.events == []
        processes = 0
        await rig.until(262)
        assert rig.events == ["idle"]

    virtually(scenario)


def test_a_job_that_was_suspended_is_not_to_blame() -> None:
    """The time before its end does not count."""

    async def scenario() -> None:
        rig = Rig()
        await rig.until(10)
        rig.job.state = "SUSPENDED"
        await rig.until(100)
        rig.job.state = "RUNNING"
        await rig.until(159)
        assert not rig.is_told
        await rig.until(163)
        assert rig.is_told

    virtually(scenario)


def test_the_hub_was_restarted() -> None:
    """It knows of no report, so that the hour begins anew."""

    async def scenario() -> None:
        rig = Rig()
        await rig.until(50)
        rig.watch._spawners = list
        rig.cluster = make_cluster(rig.slurm)
        rig.session = Session(rig.cluster, "ada", keep=lambda: None, name="ada:fit", log=LOG, record=rig.session.record)
        rig.spawner.session = rig.session
        rig.watch = rig.new_watch()
        rig.tasks.append(asyncio.ensure_future(rig.watch.run()))
        await rig.until(109)
        assert not rig.is_told
        await rig.until(112)
        assert rig.is_told

    virtually(scenario)


def test_a_stop_that_fails() -> None:
    """Is tried again; meanwhile whoever stops the session has a reason of their own."""

    async def scenario() -> None:
        rig = Rig()
        rig.stops_fail = 2
        await rig.until(92)
        await rig.while_(lambda: rig.stops_fail == 2)
        assert (rig.session.record.idle_minutes, rig.events) == (0, ["idle"])
        await rig.until(100)
        assert rig.spawner.stopped_at is not None
        assert rig.events == ["idle"]

    virtually(scenario)


def test_the_watch_goes_on_after_an_error() -> None:
    async def scenario() -> None:
        rig = Rig()
        spawners = rig.watch._spawners
        troubles = iter([True] * 5)

        def sometimes() -> Iterable[Any]:
            if next(troubles, False):
                raise RuntimeError("the Hub is being changed")
            return spawners()

        rig.watch._spawners = sometimes
        await rig.until(63)
        assert rig.is_told

    virtually(scenario)


def test_thousands_of_sessions_let_others_have_their_turn() -> None:
    async def scenario() -> None:
        rig = Rig()
        await rig.until(2)
        for task in rig.tasks:
            task.cancel()
        many = [FakeSpawner(Session(rig.cluster, "ada", keep=lambda: None, name="x", log=LOG, record=rig.record)) for _ in range(1000)]
        watch = rig.new_watch()
        watch._spawners = lambda: many
        await rig.cluster.jobs.get()
        looking, turns = asyncio.ensure_future(watch.look()), 0
        while not looking.done():
            await asyncio.sleep(0)
            turns += 1
        looking.result()
        assert turns >= 20

    virtually(scenario)


# --- as the Hub stops it ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fails", [False, True])
def test_stopped_as_by_its_user(fails: bool) -> None:
    """Out of the proxy, then stopped; meanwhile it is pending, so that nobody else stops it too."""

    async def scenario() -> None:
        done: list[str] = []

        async def delete_user(user: Any, server: str) -> None:
            assert spawner._stop_pending
            assert spawner._stop_future is not None
            done.append(f"proxy {user.name} {server}")
            if fails:
                raise OSError("the proxy is away")

        async def stop(server: str) -> None:
            done.append(f"stop {server}")

        spawner = SimpleNamespace(user=SimpleNamespace(name="ada", stop=stop), name="fit", _stop_pending=False, _stop_future=None)
        try:
            await stop_as_ordered(SimpleNamespace(delete_user=delete_user), spawner)
        except OSError:
            assert fails
        assert done == (["proxy ada fit"] if fails else ["proxy ada fit", "stop fit"])
        assert (spawner._stop_pending, spawner._stop_future) == (False, None)

    asyncio.run(scenario())


# --- what may be set -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("idle_gpu_minutes", -1),
        ("idle_gpu_minutes", float("nan")),
        ("idle_gpu_stop_minutes", float("inf")),
    ],
)
def test_what_may_not_be_set(name: str, value: Any) -> None:
    with pytest.raises(TraitError, match=name):
        SpawnerSettings(**{name: value})


def test_what_may_be_set() -> None:
    settings = SpawnerSettings(idle_gpu_minutes=0.05, idle_gpu_stop_minutes=30)
    assert settings.idle_gpu_minutes == 0.05
