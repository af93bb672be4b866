"""Tests for spawner.hub.metrics: what the rooms below the Hub refuse or cannot read is counted there."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from spawner.bounds import DEFAULTS
from spawner.cluster.readings import Readings
from spawner.errors import SlurmOutputError, SlurmSaysTooMuch
from spawner.hub.metrics.counts import HubCounts
from spawner.hub.state import HubState
from spawner.slurm.runner import Identity, SlurmRunner
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
