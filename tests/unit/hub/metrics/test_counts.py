"""What the rooms below the Hub refuse, run or cannot read is counted, and so are starts that fail."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from spawner.bounds import DEFAULTS
from spawner.cluster.readings import Readings
from spawner.errors import NoAccount, ResourceFormError, SessionFailed, SlurmOutputError, SlurmSaysTooMuch, SlurmUnavailable
from spawner.hub.errors import refusal_of
from spawner.hub.metrics.counts import HubCounts
from spawner.hub.state import HubState
from spawner.slurm.runner import COMMANDS, OUTCOMES, Identity, SlurmRunner
from spawner.slurm.sacct import parse_finished
from tests.support.finished_jobs import row
from tests.support.session_rig import LOG

SMALL = replace(DEFAULTS, process_bytes=100, user_process_bytes=200, site_process_bytes=300, complaint_bytes=50, list_rows=3)


def over(bound: str) -> float:
    """How often something was over this bound so far."""
    return REGISTRY.get_sample_value("jupyterhub_resource_form_refused_total", {"bound": bound}) or 0.0


def unread(what: str) -> float:
    """How many rows or values of the list of jobs could not be read so far."""
    return REGISTRY.get_sample_value("jupyterhub_resource_form_unread_total", {"list": "jobs", "what": what}) or 0.0


@pytest.mark.parametrize(
    ("bound", "said", "as_user", "by_path"),
    [
        ("process_bytes", ("101", "0"), False, False),
        ("user_process_bytes", ("201", "0"), True, False),
        ("site_process_bytes", ("301", "0"), False, True),
        ("complaint_bytes", ("0", "51"), True, False),
    ],
)
async def test_a_command_that_says_too_much(tmp_path: Path, bound: str, said: tuple[str, str], as_user: bool, by_path: bool) -> None:
    """It counts once, under the bound that it was over."""
    command = tmp_path / "squeue"
    command.write_text(
        f"#!{sys.executable}\nimport sys\nsys.stdout.write('x' * int(sys.argv[1]))\nsys.stderr.write('y' * int(sys.argv[2]))\n"
    )
    command.chmod(0o755)
    runner = SlurmRunner(bin_dir=str(tmp_path), bounds=SMALL, counts=HubCounts())
    before = {name: over(name) for name in ("process_bytes", "user_process_bytes", "site_process_bytes", "complaint_bytes")}
    me = Identity("me", os.geteuid(), 0, "/", "/bin/sh", ()) if as_user else None
    with pytest.raises(SlurmSaysTooMuch):
        await runner.run((str(command) if by_path else "squeue", *said), identity=me)
    assert {name: over(name) - before[name] for name in before} == {name: float(name == bound) for name in before}


async def test_what_cannot_be_read() -> None:
    """Rows that were left out and values that are unknown count by the list; a list that is too long, and a value, under their bounds."""
    readings = Readings(log=LOG, bounds=replace(SMALL, value_characters=20), counts=HubCounts())
    before = unread("rows"), unread("values"), over("list_rows"), over("value_characters")
    await readings.parse("jobs", row() + "8|x\n" + row(JobIDRaw="9", ReqMem="much"), parse_finished)
    assert (unread("rows") - before[0], unread("values") - before[1]) == (1, 1)
    assert (over("list_rows"), over("value_characters")) == before[2:]
    with pytest.raises(SlurmOutputError):
        await readings.parse("jobs", row() * 4, parse_finished)
    assert over("list_rows") - before[2] == 1
    await readings.parse("jobs", row(ReqMem="1" * 21), parse_finished)
    assert over("value_characters") - before[3] == 1
    assert unread("values") - before[1] == 2


def test_the_hubs_cluster_counts() -> None:
    """What starts the Hub's commands, and what reads their answers, has the counters."""
    cluster = HubState({}).cluster
    assert isinstance(cluster.runner, SlurmRunner)
    assert isinstance(cluster.runner.counts, HubCounts)
    assert isinstance(cluster.readings._counts, HubCounts)


@pytest.mark.parametrize(
    ("argv", "timeout", "command", "outcome"),
    [
        (("squeue", "exit 0"), 60, "squeue", "ok"),
        (("scontrol", "exit 1"), 60, "scontrol", "failed"),
        (("sbatch", "exit 0", "--test-only"), 60, "sbatch --test-only", "ok"),
        (("sbatch", "exit 0", "--parsable"), 60, "sbatch", "ok"),
        (("squeue", "exec sleep 60"), 0.2, "squeue", "timeout"),
        (("squeue", "printf '%0101d' 7"), 60, "squeue", "too_much"),
        (("sacct", "exit 0"), 60, "sacct", "not_started"),
        (("sudo", "exit 0"), 60, "other", "ok"),
    ],
)
async def test_a_command(tmp_path: Path, argv: tuple[str, ...], timeout: float, command: str, outcome: str) -> None:
    """It counts once, by what it is and how it ended, with the time that it took."""
    for name in ("squeue", "scontrol", "sbatch", "sudo"):
        (tmp_path / name).write_text('#!/bin/sh\neval "$1"\n')
        (tmp_path / name).chmod(0o755)
    runner = SlurmRunner(bin_dir=str(tmp_path), bounds=SMALL, counts=HubCounts())
    before, seconds = commands_run(), taken(command)
    with contextlib.suppress(SlurmUnavailable):
        await runner.run(argv, timeout=timeout)
    changed = {key: number - before[key] for key, number in commands_run().items() if number != before[key]}
    assert changed == {(command, outcome): 1}
    assert taken(command) > seconds
    if outcome == "timeout":
        assert taken(command) - seconds >= timeout


async def test_a_command_that_nobody_waits_for(tmp_path: Path) -> None:
    """It is ended, and counts so."""
    (tmp_path / "squeue").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "squeue").chmod(0o755)
    before = commands_run()["squeue", "cancelled"]
    task = asyncio.ensure_future(SlurmRunner(bin_dir=str(tmp_path), counts=HubCounts()).run(("squeue",)))
    await asyncio.wait({task}, timeout=0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert commands_run()["squeue", "cancelled"] - before == 1


def commands_run() -> dict[tuple[str, str], float]:
    """How often commands were run so far, by their outcome."""
    return {
        (command, outcome): REGISTRY.get_sample_value("jupyterhub_resource_form_commands_total", {"command": command, "outcome": outcome})
        or 0.0
        for command in COMMANDS
        for outcome in OUTCOMES
    }


def taken(command: str) -> float:
    """How many seconds such commands have taken so far."""
    return REGISTRY.get_sample_value("jupyterhub_resource_form_command_seconds_sum", {"command": command}) or 0.0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NoAccount("You have none."), "no_account"),
        (SessionFailed("It ended.", label="queue_timeout"), "queue_timeout"),
        (SessionFailed("It ended.", label="something new"), "other"),
    ],
)
def test_a_start_that_fails(error: ResourceFormError, reason: str) -> None:
    """It counts by the label of the error that its Hub is told; a label that is not known counts with the others."""
    spawner: Any = SimpleNamespace(user=SimpleNamespace(name="ada", settings={}), name="", log=logging.getLogger("tests"))

    def failed() -> float:
        return REGISTRY.get_sample_value("jupyterhub_resource_form_failed_starts_total", {"reason": reason}) or 0.0

    before = failed()
    assert refusal_of(spawner, error).error is error
    assert failed() - before == 1
