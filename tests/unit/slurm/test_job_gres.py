"""What Slurm says of one job's GPUs, in both versions, and what its owner cannot make it say."""

from __future__ import annotations

from pathlib import Path

import pytest

from spawner.errors import SlurmOutputError
from spawner.gpu.session_gpus import indices_of
from spawner.slurm.commands import show_job
from spawner.slurm.grammar import is_in_hostlist
from spawner.slurm.job_gres import JobGres, parse_job_gres
from spawner.slurm.model import Gres

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "slurm"
SLURM_JOB_GPUS = ((0,), (1,), (0, 1, 2), (3,), (2,), (4, 5), (0,), (1,), (0,), (2,), (0,), (0, 1), ())
"""Of each job of the fixture, as its script saw it; of MPS Slurm sets none there."""


def test_a_job_on_several_nodes() -> None:
    """Of the lines of its nodes the one of the node that is asked about counts; without a node nobody knows."""
    text = (
        "JobId=7 JobName=x   Nodes=g001 CPU_IDs=0 Mem=1 GRES=gpu:v100:1(IDX:0)   Nodes=g[002-003] CPU_IDs=0 Mem=1 "
        "GRES=gpu:v100:1(IDX:1)   Nodes=no[ CPU_IDs=0 Mem=1 GRES=gpu:v100:9(IDX:9) MinCPUsNode=1\n"
    )
    assert parse_job_gres(text, "g001") == JobGres((Gres("gpu", "v100", 1, "IDX:0"),))
    assert parse_job_gres(text, "g003") == JobGres((Gres("gpu", "v100", 1, "IDX:1"),))
    assert parse_job_gres(text, "g004") is None
    assert parse_job_gres(text) == JobGres(is_sure=False)


@pytest.mark.parametrize("version", ["22.05.8", "24.11.5"])
def test_its_numbers_are_those_that_the_job_sees(version: str) -> None:
    """Whole GPUs of one and of several types, slices, and the cards of shards: IDX is SLURM_JOB_GPUS."""
    lines = (FIXTURES / version / "job_details.txt").read_text().splitlines(keepends=True)
    found = []
    for line in lines:
        said = parse_job_gres(line)
        assert said is not None
        assert said.is_sure
        found.append(indices_of(said))
    assert tuple(found) == SLURM_JOB_GPUS


@pytest.mark.parametrize("version", ["22.05.8", "24.11.5"])
def test_its_owner_cannot_forge_it(version: str) -> None:
    """A name and a comment with a line like Slurm's own stand beside Slurm's; then nobody knows."""
    text = (FIXTURES / version / "job_details_tampered.txt").read_text()
    assert text.count("GRES=gpu:v100:1(IDX:1)") == 2
    assert "JOB_GRES=gpu:v100:1   Nodes=whole1 CPU_IDs=0 Mem=100 GRES=gpu:v100:1(IDX:0) " in text
    assert parse_job_gres(text) == JobGres(is_sure=False)
    same = text.replace("(IDX:1)", "(IDX:0)")
    assert parse_job_gres(same) == JobGres((Gres("gpu", "v100", 1, "IDX:0"),))


@pytest.mark.parametrize(
    ("printed", "indices"),
    [
        ("gpu:v100:2", None),
        ("gpu:v100:40(IDX:0-3,5,7,9", None),
        ("gpu:2(IDX:0-1)", (0, 1)),
        ("gpu:1(IDX:3),nic:2(IDX:0-1)", (3,)),
        ("shard:3(IDX:1)", (1,)),
        ("shard:3", None),
        ("shard:t4:5(0/4,4/4,1/4)", (1, 2)),
        ("nic:1(IDX:0)", ()),
        ("", ()),
    ],
)
def test_what_is_printed(printed: str, indices: tuple[int, ...] | None) -> None:
    """None where Slurm only counts them, or its list was cut short."""
    said = parse_job_gres(f"JobId=7 JobName=x   Nodes=g001 CPU_IDs=0 Mem=1 GRES={printed} MinCPUsNode=1\n")
    assert said is not None
    assert indices_of(said) == indices


def test_a_job_that_does_not_run() -> None:
    """Slurm does not say, and what is no such answer is an error."""
    assert parse_job_gres("JobId=7 JobName=x JobState=PENDING TresPerNode=gres:gpu:1\n") is None
    for text in ("", "slurm_load_jobs error: Invalid job id specified\n", "JobId=7 Nodes=g001 CPU_IDs=0 Mem=1 GRES=gpu", "x\nJobId=7\n"):
        with pytest.raises(SlurmOutputError):
            parse_job_gres(text)
    with pytest.raises(SlurmOutputError):
        parse_job_gres("JobId=7 Nodes=g001 CPU_IDs=0 Mem=1 GRES=gpu:a:b:c:1\n")


def test_the_question() -> None:
    """About one job, by its number."""
    assert show_job(7)[-3:] == ("show", "job", "7")
    with pytest.raises(ValueError, match="not the id"):
        show_job(0)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("g001", "g001", True),
        ("g001", "g[001-004],c1", True),
        ("c1", "g[001-004],c1", True),
        ("g01", "g[001-004]", False),
        ("g1", "g[001-004]", False),
        ("g005", "g[001-004,7]", False),
        ("g7", "g[001-004,7]", True),
        ("r2n03", "r[1-2]n[01-03]", True),
        ("r3n03", "r[1-2]n[01-03]", False),
        ("g001x", "g001", False),
        ("g", "g[1-2]", False),
        ("g5", "g[1-99999999]", True),
        ("g5", "g[", False),
        ("", "", False),
    ],
)
def test_a_name_in_a_host_list(name: str, text: str, *, expected: bool) -> None:
    """As if all of its names were made."""
    assert is_in_hostlist(name, text) is expected
