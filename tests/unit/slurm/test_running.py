"""Whose processes count as a command of ours that still runs: nonces stand in arguments, where everybody can read and copy them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from spawner.slurm.runner import Identity, SlurmRunner
from spawner.slurm.running import is_running

NONCE = "0123456789abcdef"
TAG = f"--comment=jupyterhub:hub:ada::{NONCE}"
ADA, EVE, ROOT, HUB = 1001, 1002, 0, 999
SUDO = ("sudo", "-n")
OF_THE_HUB = ("sudo", "-n", "--preserve-env=SLURM_CONF", "-u", "ada", "--", "/usr/bin/sbatch", "--parsable", TAG)


def put(proc: Path, pid: int, argv: Sequence[str], real_uid: int, effective_uid: int | None = None) -> None:
    """A process as /proc has it."""
    folder = proc / str(pid)
    folder.mkdir()
    (folder / "cmdline").write_bytes(b"".join(os.fsencode(word) + b"\0" for word in argv))
    effective = real_uid if effective_uid is None else effective_uid
    (folder / "status").write_text(f"Name:\tx\nUid:\t{real_uid}\t{effective}\t{effective}\t{effective}\nGid:\t0\t0\t0\t0\n")


@pytest.mark.parametrize(
    ("argv", "uids", "counts"),
    [
        pytest.param(("/usr/bin/sbatch", "--parsable", TAG), (ADA,), True, id="the-users"),
        pytest.param(("/bin/sh", "/opt/site/sbatch", TAG), (ADA,), True, id="a-script-of-the-sites"),
        pytest.param(("/usr/bin/python3", "-I", "/opt/site/sbatch.py", TAG), (ADA,), True, id="one-of-pythons"),
        pytest.param(("/usr/bin/sbatch", "--parsable", TAG), (EVE,), False, id="a-strangers"),
        pytest.param(("/usr/bin/sleep", "1", TAG), (EVE,), False, id="any-program-of-a-strangers"),
        pytest.param(("/usr/bin/grep", NONCE, "hub.log"), (ADA,), False, id="another-program-of-the-users"),
        pytest.param(("/usr/bin/sbatch", "--parsable", "--comment=another"), (ADA,), False, id="another-start-of-theirs"),
        pytest.param(OF_THE_HUB, (HUB, ROOT), True, id="the-hubs-sudo"),
        pytest.param(OF_THE_HUB, (EVE, ROOT), False, id="a-strangers-sudo-that-asks-for-a-password"),
        pytest.param(tuple("grace" if word == "ada" else word for word in OF_THE_HUB), (HUB, ROOT), False, id="for-another-user"),
        pytest.param((*OF_THE_HUB[:6], "/usr/bin/scancel", TAG), (HUB, ROOT), False, id="another-command-through-sudo"),
        pytest.param(("/usr/bin/grep", NONCE, "/var/log/hub"), (HUB,), False, id="another-program-of-the-hubs-user"),
        pytest.param(("sudo", "-n", "/usr/bin/sbatch", TAG), (HUB, ROOT), False, id="sudo-for-nobody"),
    ],
)
def test_whose_process_counts(tmp_path: Path, argv: tuple[str, ...], uids: tuple[int, ...], *, counts: bool) -> None:
    """By its real uid and its program: another user's counts for nothing, whatever its arguments are."""
    real, *effective = uids
    put(tmp_path, 7, argv, real, *effective)
    (tmp_path / "self").mkdir()
    (tmp_path / "8").mkdir()  # has ended meanwhile
    put(tmp_path, 9, (), ADA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.getuid", lambda: HUB)
        assert is_running("sbatch", NONCE, user="ada", uid=ADA, sudo=SUDO, proc=tmp_path) is counts


async def test_a_real_process(tmp_path: Path) -> None:
    """As long as it runs."""
    sbatch = tmp_path / "sbatch"
    sbatch.write_text(f"#!{sys.executable} -IS\nimport sys\nsys.stdin.read()\n")
    sbatch.chmod(0o755)
    me = Identity("me", os.getuid(), os.getgid(), "/", "/bin/sh", ())
    another = Identity("another", os.getuid() + 1, os.getgid(), "/", "/bin/sh", ())
    runner, nonce = SlurmRunner(), os.urandom(8).hex()
    process = await asyncio.create_subprocess_exec(str(sbatch), f"--comment={nonce}", stdin=asyncio.subprocess.PIPE)
    assert await runner.is_running("sbatch", nonce, me)
    assert not await runner.is_running("scancel", nonce, me)
    assert not await runner.is_running("sbatch", nonce, another)
    await process.communicate(b"")
    assert not await runner.is_running("sbatch", nonce, me)
