"""What of Slurm's answers could not be read is told once in a while, with its number, and changes nothing for all that could."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from spawner.bounds import DEFAULTS
from spawner.cluster.cluster import SlurmCluster
from spawner.cluster.readings import LARGE_OUTPUT, TOLD_EVERY_SECONDS, Readings
from spawner.errors import NoAccount, SlurmOutputError
from spawner.request.validation import require_account
from spawner.slurm.model import UNREAD
from spawner.slurm.sacct import parse_finished
from spawner.slurm.sstat import parse_usage
from tests.support import builders, fake_slurm
from tests.support.fake_slurm import FakeSlurm
from tests.support.finished_jobs import row
from tests.support.session_rig import LOG, make_cluster, make_server, run_and_listen, virtually


class Slurm(FakeSlurm):
    """A controller of whose lists some text is another one: ``spoilt`` has what stands for what, by a word of the question."""

    def __init__(self, spoilt: dict[str, tuple[str, str]] | None = None) -> None:
        super().__init__(asyncio.get_running_loop())
        self.spoilt = spoilt or {}

    def _answer(self, argv: Sequence[str], identity: object) -> tuple[int, str, str]:
        code, output, complaint = super()._answer(argv, identity)  # type: ignore[arg-type]
        for word, (known, odd) in self.spoilt.items():
            if any(word in argument for argument in argv):
                output = output.replace(known, odd)
        return code, output, complaint


async def test_told_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    """With the number of all that came meanwhile, and one of them; each list by itself."""
    now = [1000.0]
    readings = Readings(log=LOG, clock=lambda: now[0])
    odd = row() + "8|x\n" + row(JobIDRaw="9", ReqMem="much")

    async def read(times: int) -> list[str]:
        caplog.clear()
        for _ in range(times):
            await readings.parse("ended jobs", odd, parse_finished)
        return [record.getMessage() for record in caplog.records]

    (line,) = await read(3)
    assert line.startswith("1 rows and 1 values of Slurm's answers about ended jobs could not be read, one of them: a row of sacct without")
    now[0] += TOLD_EVERY_SECONDS - 1
    assert await read(2) == []
    now[0] += 2
    (line,) = await read(1)
    assert line.startswith("5 rows and 5 values of Slurm's answers about ended jobs could not be read in the last 10 min, one of them")
    assert (readings.rows_left_out["ended jobs"], readings.values_unknown["ended jobs"]) == (6, 6)
    caplog.clear()
    await readings.parse("what jobs use", "7.batch|cpu=soon\n", parse_usage)
    await readings.parse("what jobs use", "7.batch|cpu=00:00:01\n", parse_usage)
    assert len(caplog.records) == 1


async def test_a_long_answer_is_read_in_the_same_way() -> None:
    """In a thread, and as far as the bounds go."""
    text = "".join(row(JobIDRaw=str(number)) for number in range(1, 4000)) + "x|x\n"
    assert len(text) > LARGE_OUTPUT
    jobs, reading = await Readings(log=LOG).parse("ended jobs", text, parse_finished)
    assert (len(jobs), reading.rows_left_out) == (3999, 1)
    with pytest.raises(SlurmOutputError, match="more than the bound of 3999"):
        await Readings(log=LOG, bounds=replace(DEFAULTS, list_rows=3999)).parse("ended jobs", text, parse_finished)


def test_the_clusters_bounds_hold_for_its_lists() -> None:
    """Those that the admin has set."""

    async def scenario() -> None:
        cluster = SlurmCluster(runner=Slurm(), jitter=0.0, bounds=replace(DEFAULTS, list_rows=1))
        with pytest.raises(SlurmOutputError, match="more than the bound of 1"):
            await cluster.nodes.get()

    virtually(scenario)


# --- what follows ------------------------------------------------------------------------------------------------------------------


def test_one_odd_row_of_sacct_hides_nobodys_end() -> None:
    """Of the others of its batch everything is told, of itself all that can be read."""

    async def scenario() -> None:
        slurm = Slurm()
        slurm.finished = {7: row(), 8: row(JobIDRaw="8", ReqMem="much"), 9: "9|odd\n"}
        history, told = make_cluster(slurm).job_history, []
        for number in (7, 8, 9):
            history.expect(number, told.append)
        await asyncio.sleep(60)
        assert [(job.job_id, job.memory_mb) for job in told] == [(7, 1024), (8, None)]

    virtually(scenario)


def test_an_account_in_a_row_that_cannot_be_read() -> None:
    """Its user is not told that there is none; users of other rows are as before."""

    async def scenario() -> None:
        row_of_grace = next(line for line in fake_slurm.ASSOCIATIONS.splitlines() if "|grace|" in line)
        cluster = make_cluster(Slurm({"association": (row_of_grace, row_of_grace + "|")}))
        own = await cluster.entitlement("ada")
        assert own.accounts == ("cin_staff", "cin_train")
        require_account(replace(builders.choices(), entitlement=replace(own)))
        theirs = await cluster.entitlement("grace")
        assert (theirs.accounts, theirs.accounts_partial) == ((), True)
        with pytest.raises(SlurmOutputError, match="not known") as error:
            require_account(replace(builders.choices(), entitlement=theirs))
        assert "cannot be read as a whole" in error.value.sentence
        whole = await make_cluster(Slurm()).entitlement("nobody")
        with pytest.raises(NoAccount):
            require_account(replace(builders.choices(), entitlement=whole))

    virtually(scenario)


def test_a_qos_in_a_row_that_cannot_be_read() -> None:
    """It is not refused as one that does not exist: then none is judged here."""

    async def scenario() -> None:
        slurm = Slurm()
        whole = (await make_cluster(slurm).accounting.get()).value
        assert whole is not None
        assert {entry.name for entry in whole.qos} > {"normal"}
        slurm.spoilt = {"qos": ("normal|", "normal||")}
        partial = (await make_cluster(slurm).accounting.get()).value
        assert partial is not None
        assert partial.qos == ()
        assert partial.associations == whole.associations

    virtually(scenario)


@pytest.mark.parametrize("odd", ["{id}^{mark}^odd\n", "{id}x^{mark}^odd\n"], ids=["its-own-row", "a-row-without-an-id"])
def test_a_session_whose_row_cannot_be_read(odd: str) -> None:
    """It is not over, nor is its job given back, until Slurm says so in a row that can be read; another's Stop is as before."""

    async def scenario() -> None:
        server = make_server()
        slurm, other = server.slurm, server.slurm.make_job("grace", state="RUNNING")
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        squeue = slurm._squeue

        def spoilt(argv: Sequence[str]) -> str:
            lines = squeue(argv).splitlines(keepends=True)
            return "".join(
                odd.format(id=job.job_id, mark=line.split("^")[1]) if line.startswith(f"{job.job_id}^") else line for line in lines
            )

        slurm._squeue = spoilt  # type: ignore[method-assign]
        session = server.session
        assert session is not None
        for _ in range(20):
            await asyncio.sleep(30)
            assert await session.poll() is None
        assert session.unknown_since is not None
        assert UNREAD in {entry.state for entry in (await server.cluster.jobs.get()).value.values()}
        stop = asyncio.ensure_future(server.stop())
        await asyncio.sleep(300)
        assert not stop.done()
        assert (slurm.cancelled, other.state) == ([], "RUNNING")
        slurm._squeue = squeue  # type: ignore[method-assign]
        await asyncio.wait_for(stop, 60)
        assert (slurm.cancelled, job.state) == ([job.job_id], "CANCELLED")

    virtually(scenario)
