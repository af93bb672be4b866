"""TRES as Slurm prints them."""

from __future__ import annotations

import pytest

from spawner.errors import SlurmOutputError
from spawner.slurm.tres import tres_of, tres_of_job


def test_memory_is_in_mb_and_names_are_small() -> None:
    """A bare number of memory is MB; what is not a whole MB is rounded up."""
    assert tres_of("cpu=8,mem=100G,GRES/gpu:v100=2", "limits") == (("cpu", 8), ("mem", 102400), ("gres/gpu:v100", 2))
    assert tres_of("mem=32,bb=1K", "limits") == (("mem", 32), ("bb", 1024))
    assert tres_of("mem=62.50G", "TRES of a partition", rounded=True) == (("mem", 64000),)
    assert tres_of("mem=1K", "limits") == (("mem", 1),)


@pytest.mark.parametrize("text", ["cpu", "cpu=", "cpu=x", "mem=1X", "cpu=-1"])
def test_what_a_job_has_is_nothing_where_it_cannot_be_read(text: str) -> None:
    """A limit that cannot be read is an error; what a job has is only told."""
    with pytest.raises(SlurmOutputError):
        tres_of(text, "limits")
    assert tres_of_job(text) == ()


@pytest.mark.parametrize("text", ["", "(null)", "N/A"])
def test_a_job_without_tres_has_none(text: str) -> None:
    """Slurm prints nothing for a job that has nothing yet, in several words."""
    assert tres_of_job(text) == ()
