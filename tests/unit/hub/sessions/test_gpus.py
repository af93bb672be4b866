"""A session's own GPUs: which they are, what its owner is told of them, and how often."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from spawner.gpu.agent.schema import Device, MigInstance, NodeReport
from spawner.gpu.device_matching import device_views
from spawner.gpu.session_gpus import Held, counts_gpus, own_indices, read_indices, session_gpus
from spawner.hub.sessions.gpus import MIN_INTERVAL_SECONDS
from spawner.job.sbatch import Tag
from spawner.session.own_gpus import ASK_AGAIN_SECONDS, Word
from spawner.session.record import Record
from spawner.session.session import Session
from spawner.session.status_text import held_by
from spawner.slurm.model import Job
from tests.support.builders import config, node
from tests.support.fake_slurm import NODES, FakeSlurm
from tests.support.session_pages import FakeSpawner, sessions_of
from tests.support.session_rig import make_cluster, virtually

TWO_V100 = NodeReport(
    "g001",
    0.0,
    "570.1",
    (
        Device(0, "GPU-a", "Tesla V100-SXM2-32GB", 0, 32768, 12288, 97, 99, 61, 240, 300, False),
        Device(1, "GPU-b", "Tesla V100-SXM2-32GB", 1, 32768, 0, 0, 0, 33, 40, 300, False),
    ),
)
TRES = "cpu=1,mem=4G,node=1,billing=17,gres/gpu=1,gres/gpu:v100=1"


MANY = tuple(range(64))
SLICES = "Gres=gpu:v100:1,gpu:a100_3g.20gb:2 GresUsed=gpu:v100:0(IDX:N/A),gpu:a100_3g.20gb:1(IDX:2)"


# --- what a launcher says --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "expected"), [("0", (0,)), ("1,0", (0, 1)), ("63", (63,)), (",".join(map(str, MANY)), MANY)])
def test_numbers_of_gpus(text: str, expected: tuple[int, ...]) -> None:
    """As Slurm lists them."""
    assert read_indices(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "0,", ",0", "0,,1", "-1", "64", "007", "0-1", "0 1", "0\n", "٣", "1e1", "0,0", "a", "MIG-1", "0," * 64 + "1", "9" * 99),
        *(None, 0, [0], {}),
    ],
)
def test_what_is_none(text: object) -> None:
    """Everything else is refused whole."""
    with pytest.raises(ValueError, match="no "):
        read_indices(text)


@pytest.mark.parametrize(
    ("kept", "expected"),
    [([0, 1], (0, 1)), (None, None), ([], ()), ("01", None), (["0"], None), ([True], None), ({}, None), (3, None)],
)
def test_from_the_database(kept: object, expected: object) -> None:
    """What is stored is read back; what cannot be read is not known, and costs the session nothing."""
    record = Record.from_state({"nonce": "n", "job_id": 7, "gpu_indices": kept})
    assert (record.job_id, record.gpu_indices) == (7, expected)
    assert Record.from_state(json.loads(json.dumps(record.as_state()))) == record


async def report_of(
    record: Record, indices: tuple[int, ...] = (0, 1), gres: str | None = "gpu:v100:2(IDX:0-1)"
) -> tuple[Word, Record, int]:
    """What becomes of a report, what is stored then, and how often Slurm was asked; ``gres`` is what Slurm says of the job."""
    slurm = FakeSlurm(asyncio.get_running_loop())
    slurm.make_job("ada", state="RUNNING", job_id=7).gres = gres
    kept: list[Record] = []
    session = Session(
        make_cluster(slurm), "ada", keep=lambda: kept.append(session.record), name="ada", log=logging.getLogger("tests"), record=record
    )
    word = await session.take_gpus(indices)
    assert kept in ([], [session.record])
    assert kept or session.record == record, "stored before it is answered"
    return word, session.record, sum(command == "scontrol" for _moment, command in slurm.commands)


LISTENS = Record("n", 7, port=4)


@pytest.mark.parametrize(
    ("record", "word"),
    [
        (Record("n", 7), Word.REFUSED),
        (replace(LISTENS, gpu_indices=(0, 1)), Word.TAKEN),
        (replace(LISTENS, gpu_indices=(0,)), Word.REFUSED),
        (replace(LISTENS, stopping=True), Word.REFUSED),
    ],
    ids=["before-the-port", "the-same-again", "others", "while-it-stops"],
)
def test_one_report_counts(record: Record, word: Word) -> None:
    """The first; the same again is no surprise, for an answer may get lost. Slurm is not asked again."""
    assert virtually(lambda: report_of(record)) == (word, record, 0)


TWO_WORDS = "gpu:1(IDX:1) Comment=x Nodes=g001 CPU_IDs=0 Mem=1 GRES=gpu:1(IDX:0)"


@pytest.mark.parametrize(
    ("gres", "indices", "word", "kept", "confirmed"),
    [
        pytest.param("gpu:v100:2(IDX:0-1)", (0, 1), Word.TAKEN, (0, 1), True, id="the-same"),
        pytest.param("gpu:v100:1(IDX:1)", (0,), Word.REFUSED, (1,), True, id="the-neighbours"),
        pytest.param("gpu:v100:1(IDX:1)", (0, 1), Word.REFUSED, (1,), True, id="the-neighbours-as-well"),
        pytest.param("shard:2(IDX:1)", (0,), Word.REFUSED, (1,), True, id="another-card-than-its-shards"),
        pytest.param("", (0,), Word.REFUSED, (), True, id="it-has-none"),
        pytest.param("gpu:v100:1", (0,), Word.TAKEN, (0,), False, id="slurm-only-counts-them"),
        pytest.param(None, (0,), Word.TAKEN, (0,), False, id="slurm-says-nothing"),
        pytest.param(TWO_WORDS, (0,), Word.REFUSED, (), True, id="slurm-and-its-owner-say-something"),
        pytest.param(TWO_WORDS, (1,), Word.REFUSED, (), True, id="and-nobody-knows-which"),
    ],
)
def test_what_contradicts_slurm_is_refused(
    gres: str | None, indices: tuple[int, ...], word: Word, kept: tuple[int, ...], *, confirmed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever has the session's token may say anything, and before the launcher does: where Slurm knows, its word is what is stored."""
    stored = replace(LISTENS, gpu_indices=kept, gpus_confirmed=confirmed)
    assert virtually(lambda: report_of(LISTENS, indices, gres)) == (word, stored, 1)
    assert ("were reported by ada, which has" in caplog.text) is (word is Word.REFUSED)


def test_slurm_does_not_answer() -> None:
    """Then nothing is stored, and it is asked again after a while, once for all who report meanwhile."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        slurm.make_job("ada", state="RUNNING", job_id=7).gres = "gpu:v100:1(IDX:1)"
        session = Session(make_cluster(slurm), "ada", keep=lambda: None, name="ada", log=logging.getLogger("tests"), record=LISTENS)
        slurm.answers = False
        assert await asyncio.gather(*(session.take_gpus((0,)) for _ in range(50))) == [Word.LATER] * 50
        assert await session.take_gpus((0,)) is Word.LATER
        assert len(slurm.commands) == 1
        slurm.answers = True
        assert await session.take_gpus((1,)) is Word.LATER
        await asyncio.sleep(ASK_AGAIN_SECONDS)
        assert await asyncio.gather(session.take_gpus((0,)), session.take_gpus((1,))) == [Word.REFUSED, Word.TAKEN]
        assert len(slurm.commands) == 2

    virtually(scenario)


# --- whose they are --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tres", "expected"),
    [
        ("cpu=4,mem=32G,node=1,billing=28,gres/gpu=2,gres/gpu:v100=2", Held(2, 0)),
        ("cpu=4,node=1,gres/gpu=1", Held(1, 0)),
        ("cpu=4,node=1,gres/gpu:a100_3g.20gb=1", Held(1, 0)),
        ("cpu=4,node=1,gres/gpu=3,gres/gpu:a100=1,gres/gpu:v100=2", Held(3, 0)),
        ("cpu=4,node=1,gres/shard=2", Held(0, 2)),
        ("cpu=4,node=1,gres/mps=50", Held(0, 50)),
        ("cpu=4,node=1,gres/nic=2", Held()),
        ("", Held()),
    ],
)
def test_what_a_job_holds(tres: str, expected: Held) -> None:
    """GPUs of all types, or parts of some."""
    assert Held.of(held_by(tres)) == expected


@pytest.mark.parametrize(
    ("tres", "kinds", "expected"),
    [
        ("cpu,mem,energy,node,billing,fs/disk,vmem,pages,gres/gpu,gres/gpu:v100", "gpu", True),
        ("cpu,mem,gres/gpu", "gpu,shard", False),
        ("cpu,mem,gres/gpu,gres/shard", "gpu,shard", True),
        ("cpu,mem,gres/gpu,gres/shard", "gpu,mps,shard", False),
        ("cpu,mem,gres/gpu:v100", "gpu", False),
        ("cpu,mem,node,billing", "gpu", False),
        ("", "(null)", False),
    ],
)
def test_where_slurm_counts_gpus(tres: str, kinds: str, expected: bool) -> None:
    """Only where each kind is counted does a job without any have none."""
    assert counts_gpus(config(AccountingStorageTRES=tres, GresTypes=kinds)) is expected


def job(**changes: Any) -> Job:
    """One that began at second 100."""
    values: dict[str, Any] = {"job_id": 7, "user": "ada", "state": "RUNNING", "batch_host": "g001", "start": 100, "nodes": ("g001",)}
    return Job(**{**values, **changes})


@pytest.mark.parametrize(
    ("reported", "held", "used", "as_of", "changes", "expected"),
    [
        pytest.param((1,), Held(1), "gpu:v100:2(IDX:0-1)", 200, {}, (1,), id="reported"),
        pytest.param((1,), Held(0, 2), "gpu:v100:2(IDX:0-1)", 200, {}, (1,), id="a-card-with-its-shards"),
        pytest.param((0, 1), None, "gpu:v100:2(IDX:0-1)", 200, {}, (0, 1), id="where-slurm-counts-no-gpus"),
        pytest.param(None, None, "gpu:v100:1(IDX:1)", 200, {}, None, id="nothing-said-where-slurm-counts-no-gpus"),
        pytest.param((0,), Held(1), "gpu:v100:1(IDX:1)", 200, {}, (1,), id="one-that-is-nobodys"),
        pytest.param((0,), Held(1), "gpu:v100:1(IDX:1)", 100, {}, (0,), id="one-that-was-nobodys-before-the-job"),
        pytest.param((0,), None, "gpu:v100:1(IDX:1)", 200, {}, None, id="one-that-is-nobodys-where-slurm-counts-no-gpus"),
        pytest.param((0,), Held(), "gpu:v100:2(IDX:0-1)", 200, {}, None, id="a-job-that-has-none"),
        pytest.param((0, 1), Held(0, 1), "gpu:v100:2(IDX:0-1)", 200, {}, None, id="two-cards-with-one-shard"),
        pytest.param((0, 1), Held(1), "gpu:v100:2(IDX:0-1)", 200, {}, None, id="more-than-it-has"),
        pytest.param((0, 1), Held(1), "gpu:v100:1(IDX:1)", 200, {}, (1,), id="more-than-it-has-but-known-otherwise"),
        pytest.param(None, Held(1), "gpu:v100:1(IDX:1)", 200, {}, (1,), id="the-only-one"),
        pytest.param(None, Held(2), "gpu:v100:2(IDX:0-1)", 200, {}, (0, 1), id="all-of-them"),
        pytest.param(None, Held(1), "gpu:v100:2(IDX:0-1)", 200, {}, None, id="others-too"),
        pytest.param(None, Held(1), "gpu:v100:1(IDX:1)", 100, {}, None, id="from-before-the-job"),
        pytest.param(None, Held(1), "gpu:v100:1(IDX:1)", 200, {"nodes": ("g001", "g002")}, None, id="on-two-nodes"),
        pytest.param(None, Held(1), "gpu:v100:1(IDX:1)", 200, {"start": None}, None, id="nobody-knows-since-when"),
        pytest.param(None, Held(1), "gpu:v100:1", 200, {}, None, id="slurm-does-not-say-which"),
        pytest.param(None, Held(0, 1), "gpu:v100:0,shard:v100:1(1/4,0/4)", 200, {}, None, id="shards"),
    ],
)
def test_whose_gpus(
    reported: tuple[int, ...] | None, held: Held | None, used: str, as_of: float, changes: dict[str, Any], expected: tuple[int, ...] | None
) -> None:
    """What the launcher said, if it fits with Slurm; else only where the job must have all that are given away."""
    views = device_views(node(used=used), TWO_V100, 3.0)
    assert own_indices(reported, held, job(**changes), views, as_of) == expected


def test_only_those() -> None:
    """No device of anybody else's; none at all where one of the job's is not known."""
    views = device_views(node(used="gpu:v100:2(IDX:0-1)"), TWO_V100, 3.0)
    asked: list[str] = []

    def history(key: str) -> tuple[()]:
        asked.append(key)
        return ()

    found = session_gpus(views, (1,), history, at=500.0, age=3.0, shared=False)
    assert [(view.index, view.key) for view in found.devices] == [(1, "GPU-b")]
    assert asked == ["GPU-b"]
    for unknown in ((1, 2), (7,), None, ()):
        assert session_gpus(views, unknown, history, at=500.0, age=3.0, shared=False).devices == ()


@pytest.mark.parametrize(("confirmed", "doubted", "expected"), [(False, {1}, (0,)), (False, {0}, None), (True, {0}, (0,))])
def test_a_number_that_others_claim(*, confirmed: bool, doubted: set[int], expected: tuple[int, ...] | None) -> None:
    """Counts where Slurm has confirmed it; else nobody knows whose it is."""
    views = device_views(node(used="gpu:v100:2(IDX:0-1)"), TWO_V100, 1.0)
    assert own_indices((0,), Held(1), job(), views, 200, confirmed=confirmed, doubted=doubted) == expected


# --- what is told ----------------------------------------------------------------------------------------------------------------


class Rig:
    """A session each of ada and grace, who have one of the two V100 of g001 for ten minutes, and ada's has told that it is the first."""

    def __init__(self, *, indices: tuple[int, ...] | None = (0,), tres: str = TRES, confirmed: bool = True, ahead: float = 0.0) -> None:
        self.slurm = FakeSlurm(asyncio.get_running_loop())
        self.cluster = make_cluster(self.slurm, ahead)
        self.spawners = []
        for user, numbers in (("ada", indices), ("grace", (1,))):
            job = self.slurm.make_job(user, Tag("jupyterhub", user, "", user).comment)
            job.tres, job.submit = tres, job.submit - 600
            self.slurm.run_job(job)
            found = Record(
                user, job.job_id, float(job.submit), job.submit, job.host, "127.0.1.1", 4, gpu_indices=numbers, gpus_confirmed=confirmed
            )
            session = Session(self.cluster, user, keep=lambda: None, name=user, log=logging.getLogger("tests"), record=found)
            self.spawners.append(FakeSpawner(user, own=session))
        self.sessions = sessions_of(self.cluster, self.spawners[0])

    def report(self, report: NodeReport = TWO_V100) -> None:
        """The node sends it."""
        self.cluster.gpu_reports.put(report)

    async def gpus(self) -> Any:
        """What ada is told who asks once."""
        await self.sessions.refresh()
        (entry,) = json.loads((await self.sessions.answer()).text)["sessions"]
        return entry["gpus"]


def test_the_sessions_own() -> None:
    """The one GPU that is its own, as the last report has it, and its last minutes."""

    async def scenario() -> None:
        rig = Rig()
        assert await rig.gpus() is None, "no node has reported yet"
        rig.report()
        await asyncio.sleep(60)
        rig.report()
        await asyncio.sleep(7)
        found = await rig.gpus()
        assert 7.0 <= found["age"] < 8.0
        (device,) = found["devices"]
        history = device.pop("history")
        assert device == {
            "index": 0,
            "name": "Tesla V100-SXM2-32GB",
            "type": "v100",
            "label": "V100",
            "mig": None,
            "shared": False,
            "utilisation": 97,
            "memory_used_mb": 12288,
            "memory_total_mb": 32768,
            "temperature": 61,
            "power": 240,
            "faulty": False,
        }
        assert [entry[1:] for entry in history] == [[97, 12288]] * 2
        assert history[0][0] - history[1][0] == 60
        assert 0 <= history[1][0] < 67

    virtually(scenario)


@pytest.mark.parametrize("theirs", ["running", "over", "elsewhere", "of-parts"])
def test_two_sessions_that_call_one_gpu_their_own(theirs: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Slurm does not say whose it is both are doubted, and the log says so once; a session that is over claims nothing, and
    jobs with parts of one card share it.
    """

    monkeypatch.setattr("tests.support.fake_slurm.NODES", re.sub(r"GresUsed=gpu:v100\S+", "GresUsed=gpu:v100:2(IDX:0-1)", NODES))

    async def scenario() -> None:
        rig = Rig(confirmed=False, indices=(1,), tres="cpu=1,mem=4G,node=1,billing=1,gres/shard=2" if theirs == "of-parts" else TRES)
        other = rig.spawners[1].session
        assert other is not None
        job = rig.slurm.jobs[other.record.job_id]
        if theirs == "over":
            rig.slurm.end_job(job, "COMPLETED")
        elif theirs == "elsewhere":
            job.host = "g002"
        rig.report()
        devices = [(await rig.gpus())["devices"] for _ in range(3)][-1]
        assert [device["index"] for device in devices] == ([] if theirs == "running" else [1])
        assert caplog.text.count("calls GPUs (1,) its own, and what else is known contradicts it") == (theirs == "running")
        if theirs == "running":
            other.set_end("COMPLETED", "It is over.")
            assert [device["index"] for device in (await rig.gpus())["devices"]] == [1]

    virtually(scenario)


def test_whom_slurm_confirms_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the other one says, which is not."""
    monkeypatch.setattr("tests.support.fake_slurm.NODES", re.sub(r"GresUsed=gpu:v100\S+", "GresUsed=gpu:v100:2(IDX:0-1)", NODES))

    async def scenario() -> None:
        rig = Rig(confirmed=False, indices=(1,))
        own = rig.spawners[0].session
        assert own is not None
        own.remember(gpus_confirmed=True)
        rig.report()
        assert [device["index"] for device in (await rig.gpus())["devices"]] == [1]
        rig.sessions = sessions_of(rig.cluster, rig.spawners[1])
        assert (await rig.gpus())["devices"] == []

    virtually(scenario)


def test_not_what_others_did() -> None:
    """What the GPU did before the job began was somebody else's."""

    async def scenario() -> None:
        rig = Rig()
        session = rig.spawners[0].session
        assert session is not None
        for _ in range(10):
            rig.report()
            await asyncio.sleep(60)
        begun = rig.slurm.jobs[session.record.job_id].submit = int(rig.slurm.now()) - 200
        await asyncio.sleep(rig.cluster.jobs_interval + 1)
        rig.report()
        (device,) = (await rig.gpus())["devices"]
        assert len(device["history"]) == 4, "of eleven"
        assert all(rig.slurm.now() - ago >= begun for ago, _use, _memory in device["history"])

    virtually(scenario)


@pytest.mark.parametrize("ahead", [-5 * 3600, 0, 1800, 5 * 3600])
def test_not_what_others_did_by_another_clock(ahead: int) -> None:
    """Where the Hub's clock is ahead of Slurm's, that is no part of the job's time; where it is behind, less is shown."""

    async def scenario() -> None:
        rig = Rig(ahead=ahead)
        session = rig.spawners[0].session
        assert session is not None
        for _ in range(10):
            rig.report()
            await asyncio.sleep(60)
        begun = rig.slurm.jobs[session.record.job_id].submit = int(rig.slurm.now()) - 200
        session.record = replace(session.record, submitted=begun + ahead + 0.5, queued_at=begun)
        await asyncio.sleep(rig.cluster.jobs_interval + 1)
        rig.report()
        (device,) = (await rig.gpus())["devices"]
        assert len(device["history"]) == (4 if ahead >= 0 else 0), "of eleven"

    virtually(scenario)


def test_what_is_not_known() -> None:
    """Not 0 but null: under MIG, of a device that is lost, where the report is old, and where nobody knows which GPU it is."""

    async def scenario() -> None:
        rig = Rig()
        rig.report(NodeReport("g001", 0.0, devices=(Device(0, "GPU-a", faults=("lost",)), Device(1, "GPU-b"))))
        (device,) = (await rig.gpus())["devices"]
        assert (device["utilisation"], device["memory_used_mb"], device["temperature"], device["faulty"]) == (None, None, None, True)
        await asyncio.sleep(rig.cluster.gpu_reports_fresh + 1)
        assert await rig.gpus() == {"age": None, "devices": []}
        session = rig.spawners[0].session
        assert session is not None
        session.record = Record("ada", session.record.job_id, node="g001", address="127.0.1.1", port=4)
        rig.report()
        found = await rig.gpus()
        assert (found["age"], found["devices"]) == (0.0, [])

    virtually(scenario)


def test_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slurm's number leads to the slice, of which NVML tells the memory and not the use."""
    monkeypatch.setattr("tests.support.fake_slurm.NODES", re.sub(r"Gres=gpu\S+ (GresDrain=\S+ )GresUsed=\S+", rf"\1{SLICES}", NODES))
    slices = tuple(MigInstance(f"MIG-{number}", "3g.20gb", 20096, 1000 * number, number) for number in range(2))
    report = NodeReport(
        "g001",
        0.0,
        devices=(Device(0, "GPU-a", "Tesla V100"), Device(1, "GPU-b", "NVIDIA A100", mig=True, temperature=50, instances=slices)),
    )

    async def scenario() -> None:
        rig = Rig(indices=(2,), tres=TRES.replace("v100", "a100_3g.20gb"))
        rig.report(report)
        (device,) = (await rig.gpus())["devices"]
        assert (device["index"], device["type"], device["mig"], device["name"]) == (2, "a100_3g.20gb", "3g.20gb", "NVIDIA A100")
        assert (device["utilisation"], device["memory_used_mb"], device["memory_total_mb"]) == (None, 1000, 20096)
        assert [entry[1:] for entry in device["history"]] == [[None, 1000]]

    virtually(scenario)


def test_shards() -> None:
    """A card that others use as well is said to be shared."""

    async def scenario() -> None:
        rig = Rig(tres="cpu=1,mem=4G,node=1,billing=1,gres/shard=2")
        rig.report()
        (device,) = (await rig.gpus())["devices"]
        assert (device["index"], device["shared"]) == (0, True)

    virtually(scenario)


def test_a_session_without_gpus() -> None:
    """It is told of none, and the nodes are not asked for."""

    async def scenario() -> None:
        rig = Rig(indices=None, tres="cpu=1,mem=4G,node=1,billing=1")
        rig.report()
        assert await rig.gpus() is None
        assert not rig.cluster.nodes.fetches

    virtually(scenario)


def test_the_nodes_are_asked_for_once() -> None:
    """Where a launcher has said nothing, Slurm's word of the nodes from before the job is too old: one question, whatever it brings."""

    async def scenario() -> None:
        rig = Rig(indices=None)
        await rig.cluster.nodes.get()
        session = rig.spawners[0].session
        assert session is not None
        job = rig.slurm.jobs[session.record.job_id]
        job.submit = int(rig.slurm.now()) + 20
        await asyncio.sleep(100)
        rig.report()
        for _ in range(3):
            assert (await rig.gpus())["devices"] == []
            await asyncio.sleep(60)
            rig.report()
        assert rig.cluster.nodes.fetches == 2

    virtually(scenario)


def test_others_are_told_without_history() -> None:
    """An admin's answer about everybody has the values of the moment; each session only its own GPUs."""

    async def scenario() -> None:
        rig = Rig()
        rig.report()
        await rig.cluster.nodes.get()
        everybody = sessions_of(rig.cluster, *rig.spawners)
        everybody._own = False
        await everybody.refresh()
        found = json.loads((await everybody.answer()).text)["sessions"]
        assert [[(device["index"], device["history"]) for device in entry["gpus"]["devices"]] for entry in found] == [[(0, [])], [(1, [])]]

    virtually(scenario)


# --- the stream ------------------------------------------------------------------------------------------------------------------


def events_of(said: list[tuple[float, str]], kind: str) -> list[tuple[float, Any]]:
    """Those of one kind, with when they came."""
    return [(at, json.loads(text.split("data: ", 1)[1])) for at, text in said if text.startswith(kind)]


def test_the_stream() -> None:
    """After a report an event of its own, soon, and not the whole answer again; the history once a minute; silence at last."""

    async def scenario() -> None:
        rig = Rig()
        loop = asyncio.get_running_loop()
        closed: asyncio.Future[None] = loop.create_future()
        said: list[tuple[float, str]] = []

        async def follow() -> None:
            async with aclosing(rig.sessions.stream(closed)) as stream:
                said.extend([(loop.time(), event) async for event in stream])

        rig.report()
        await rig.sessions.refresh()
        following = asyncio.ensure_future(follow())
        reported = []
        for _ in range(16):
            await asyncio.sleep(15)
            reported.append(loop.time())
            rig.report()
        await asyncio.sleep(rig.cluster.gpu_reports_fresh + MIN_INTERVAL_SECONDS + 2)
        closed.set_result(None)
        await following
        news = events_of(said, "event: gpus")
        whole = events_of(said, "id: ")
        assert len(whole) <= 3, "a report is no change of the session"
        assert "history" in whole[0][1]["sessions"][0]["gpus"]["devices"][0]
        told_at = [at for at, _event in (*news, *whole)]
        assert all(any(moment <= at <= moment + MIN_INTERVAL_SECONDS + 1 for at in told_at) for moment in reported)
        assert len(news) <= 17
        told = [entry["gpus"] for _, event in news for entry in event["sessions"]]
        assert [entry["age"] is None for entry in told] == [False] * (len(news) - 1) + [True]
        assert told[-1]["devices"] == []
        with_history = [at for (at, _), entry in zip(news[:-1], told[:-1], strict=True) if "history" in entry["devices"][0]]
        assert 3 <= len(with_history) <= 5
        assert all(later - earlier > 40 for earlier, later in itertools.pairwise(with_history))
        assert {(entry["user"], entry["name"], entry["id"]) for _, event in news for entry in event["sessions"]} == {("ada", "", "100")}

    virtually(scenario)


def test_who_comes_back_is_told() -> None:
    """The answer is the same as before, so it is not said again; what the GPUs do is, with its history."""

    async def scenario() -> None:
        rig = Rig()
        rig.report()
        await rig.sessions.refresh()
        last_id = (await rig.sessions.answer()).digest
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with aclosing(rig.sessions.stream(closed, last_id)) as stream:
            said = [await anext(stream) for _ in range(2)]
        assert said[0].startswith(":")
        assert said[1].startswith("event: gpus")
        assert '"history": [[' in said[1]

    virtually(scenario)


def test_no_node_reports() -> None:
    """Then nobody is told anything of GPUs, who comes back neither; and with the first report they are."""

    async def scenario() -> None:
        rig = Rig()
        await rig.sessions.refresh()
        last_id = (await rig.sessions.answer()).digest
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with aclosing(rig.sessions.stream(closed, last_id)) as stream:
            said = [await anext(stream) for _ in range(4)]
            assert not [event for event in said if event.startswith("event:")]
            rig.report()
            news = [event async for event in first_of(stream, "event: gpus")]
            assert '"utilisation": 97' in news[0]

    virtually(scenario)


async def first_of(stream: AsyncIterator[str], beginning: str) -> AsyncIterator[str]:
    """The first event that begins so."""
    async for event in stream:
        if event.startswith(beginning):
            yield event
            return


def test_nothing_to_tell() -> None:
    """Sessions without GPUs make no such event, whatever their node reports."""

    async def scenario() -> None:
        rig = Rig(indices=None, tres="cpu=1,mem=4G,node=1,billing=1")
        rig.report()
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        said = []
        async with aclosing(rig.sessions.stream(closed)) as stream:
            async for event in stream:
                said.append(event)
                rig.report()
                if len([event for event in said if event.startswith(": still")]) == 2:
                    break
        assert not [event for event in said if event.startswith("event:")]

    virtually(scenario)
