"""The one place that starts processes: what a process says is bounded while it is read, and none keeps the Hub waiting."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from spawner.bounds import DEFAULTS
from spawner.errors import SlurmSaysTooMuch, SlurmTimeout, SlurmUnavailable
from spawner.slurm.runner import Identity, SlurmRunner, last_line, read

ME = Identity("me", os.geteuid(), os.getegid(), "/home/me", "/bin/sh", (os.getegid(),))
BOUNDS = replace(DEFAULTS, process_bytes=3_000_000, user_process_bytes=2_000_000, site_process_bytes=1_000_000, complaint_bytes=100_000)

Command = Callable[[str], str]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Make a command of Slurm's: a program of Python's, in the folder of the runner below."""

    def make(program: str) -> str:
        script = tmp_path / "squeue"
        script.write_text(f"#!{sys.executable} -IS\nimport os, signal, sys, time\n{program}\n")
        script.chmod(0o755)
        return str(script)

    return make


@pytest.fixture
def runner(tmp_path: Path) -> SlurmRunner:
    return SlurmRunner(bin_dir=str(tmp_path), bounds=BOUNDS)


def exists(pid: int) -> bool:
    """Whether the process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def becomes(condition: Callable[[], object]) -> bool:
    """Whether it comes true within ten seconds; meanwhile the loop goes on."""
    for _ in range(1000):
        if condition():
            return True
        await asyncio.sleep(0.01)
    return False


async def gone(pid: int) -> bool:
    return await becomes(lambda: not exists(pid))


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


WITHOUT_END = """
open({pid!r}, "w").write(str(os.getpid()))
if os.fork() == 0:
    open({child!r} + ".new", "w").write(str(os.getpid()))
    os.rename({child!r} + ".new", {child!r})
while True:
    os.write({output}, b"x" * 65536)
"""


@pytest.mark.parametrize("output", [1, 2], ids=["output", "complaints"])
@pytest.mark.parametrize("as_user", [True, False], ids=["as-the-user", "as-the-hub"])
async def test_a_process_that_writes_without_end(command: Command, runner: SlurmRunner, tmp_path: Path, output: int, as_user: bool) -> None:
    """It is ended with its whole group as soon as it has said too much, and the Hub's memory has not grown by more than that."""
    pid, child = tmp_path / "pid", tmp_path / "child"
    command(WITHOUT_END.format(pid=str(pid), child=str(child), output=output))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SlurmSaysTooMuch) as caught:
        await runner.run(("squeue",), identity=ME if as_user else None, timeout=60)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    most = BOUNDS.complaint_bytes if output == 2 else BOUNDS.user_process_bytes if as_user else BOUNDS.process_bytes
    assert grown < 3 * most + 4_000_000
    assert caught.value.log == f"squeue printed more than {most} bytes and was ended"
    assert isinstance(caught.value, SlurmUnavailable)
    assert await gone(int(pid.read_text()))
    assert not child.exists() or await gone(int(child.read_text()))


async def test_as_much_as_may_be_said(command: Command, runner: SlurmRunner) -> None:
    """To the byte; and the site's own command, which has a path, has a bound of its own."""
    path = command("sys.stdout.write('x' * int(sys.argv[1])); sys.stderr.write('y' * int(sys.argv[2]))")
    for argv, identity, most in (
        (("squeue",), None, BOUNDS.process_bytes),
        (("squeue",), ME, BOUNDS.user_process_bytes),
        ((path,), None, BOUNDS.site_process_bytes),
    ):
        result = await runner.run((*argv, str(most), "100000"), identity=identity)
        assert (len(result.stdout), len(result.stderr)) == (most, 100_000)
        for too_much in ((str(most + 1), "0"), ("0", "100001")):
            with pytest.raises(SlurmSaysTooMuch):
                await runner.run((*argv, *too_much), identity=identity)


async def test_a_process_of_a_process_that_holds_the_pipe_open(command: Command, runner: SlurmRunner, tmp_path: Path) -> None:
    """In a group of its own the Hub cannot end it, and does not wait for it: what the command said until its end is its answer."""
    pid = tmp_path / "pid"
    command(f"""
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    open({str(pid)!r}, "w").write(str(os.getpid()))
    time.sleep(300)
while not os.path.exists({str(pid)!r}):
    time.sleep(0.01)
os.write(1, b"17")
os._exit(3)
""")
    open_before = open_files()
    begun = time.monotonic()
    result = await runner.run(("squeue",), identity=ME, timeout=60)
    assert time.monotonic() - begun < 20
    assert (result.returncode, result.stdout) == (3, "17")
    await asyncio.sleep(0)
    os.kill(int(pid.read_text()), 9)
    assert open_files() <= open_before + 1  # the loop's own child watcher


async def test_at_the_end_of_its_time_nobody_is_waited_for(command: Command, runner: SlurmRunner, tmp_path: Path) -> None:
    """The group is ended; one that left the group goes on, and neither holds the Hub's files open nor fills its memory."""
    pid, own = tmp_path / "pid", tmp_path / "own"
    command(f"""
open({str(own)!r}, "w").write(str(os.getpid()))
if os.fork() == 0:
    os.setsid()
    open({str(pid)!r}, "w").write(str(os.getpid()))
time.sleep(300)
""")
    open_before = open_files()
    task = asyncio.ensure_future(runner.run(("squeue",), identity=ME, timeout=3))
    with pytest.raises(SlurmTimeout, match="longer than 3 s"):
        await task
    assert await gone(int(own.read_text()))
    assert exists(int(pid.read_text()))
    os.kill(int(pid.read_text()), 9)
    assert open_files() <= open_before + 1


async def test_what_it_is_to_read(command: Command, runner: SlurmRunner) -> None:
    """All of it arrives, however long it is; a command that does not read it is no failure."""
    command("data = sys.stdin.read(); print(len(data), data[-3:])")
    assert (await runner.run(("squeue",), stdin="x" * 1_000_000 + "end", identity=ME)).stdout == "1000003 end\n"
    command("print('done')")
    result = await runner.run(("squeue",), stdin="x" * 1_000_000, identity=ME)
    assert (result.ok, result.stdout) == (True, "done\n")


async def test_a_caller_that_goes_away(command: Command, runner: SlurmRunner, tmp_path: Path) -> None:
    """Takes the process with it."""
    pid = tmp_path / "pid"
    command(f"open({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(300)")
    task = asyncio.ensure_future(runner.run(("squeue",)))
    assert await becomes(lambda: pid.exists() and pid.read_text())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(int(pid.read_text()))


async def test_a_failed_question(command: Command, runner: SlurmRunner) -> None:
    """Its exit status and last words are in the log; a byte that is no UTF-8 costs nothing else."""
    command("os.write(1, b'a\\xffb'); os.write(2, b'one\\ntwo\\n\\n'); sys.exit(4)")
    assert (await runner.run(("squeue",))).stdout == "a\ufffdb"
    with pytest.raises(SlurmUnavailable, match="squeue exited with 4: two"):
        await read(runner, ("squeue",))


def test_a_last_line_is_a_line_of_the_log() -> None:
    """However long what a user wrote there is."""
    assert last_line("one\n two \n\n") == "two"
    assert last_line("\n \n") == ""
    assert len(last_line("one\n" + "x" * 200_000)) == 300
