"""What a session used: kept and read back, whose word counts for whom, and in words."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from spawner.i18n import using
from spawner.session.used import Used, used_in_words

FULL = Used(3174, 1440.5, 4, 3600, 2, 9.2, 5325, 81920, 59)


def test_it_is_read_as_it_was_kept() -> None:
    """As JSON and back."""
    assert Used.from_state(json.loads(json.dumps(asdict(FULL)))) == FULL


@pytest.mark.parametrize(
    ("state", "read"),
    [
        pytest.param(None, None, id="of-an-older-version"),
        pytest.param("much", None, id="no-object"),
        pytest.param({}, None, id="empty"),
        pytest.param({"peak_mb": None, "cores": None}, None, id="nothing-known"),
        pytest.param({"peak_mb": 5, "of a later version": [1]}, Used(peak_mb=5), id="of-a-later-version"),
        pytest.param({"peak_mb": "5", "cores": True, "seconds": -1, "gpu_percent": float("inf"), "gpus": 1}, Used(gpus=1), id="no-amounts"),
    ],
)
def test_what_else_may_be_kept(state: object, read: Used | None) -> None:
    """What cannot be read is not known; what is known stays."""
    assert Used.from_state(state) == read


def test_others_are_not_told_what_the_session_says_of_itself() -> None:
    """All else is Slurm's word, or the nodes'."""
    others = FULL.for_others()
    assert others.peak_mb is None
    assert {**asdict(others), "peak_mb": 3174} == asdict(FULL)


@pytest.mark.parametrize(
    ("use", "slurms", "asked", "words"),
    [
        pytest.param(None, None, None, "", id="nothing"),
        pytest.param(Used(), None, 8192, "", id="nothing-measured"),
        pytest.param(None, 3174, 32768, "Used 3.1 of 32 GB.", id="an-older-session"),
        pytest.param(Used(peak_mb=3174), 2000, 32768, "Used 3.1 of 32 GB.", id="its-own-word-is-the-better-one"),
        pytest.param(Used(peak_mb=300), None, 32768, "Used 300 MB of 32 GB.", id="little"),
        pytest.param(Used(peak_mb=500), None, 600, "Used 500 MB of 600 MB.", id="little-of-little"),
        pytest.param(Used(peak_mb=3174), None, None, "Used 3.1 GB.", id="of-an-unknown-amount"),
        pytest.param(Used(cpu_seconds=3600.0, seconds=3600, cores=1), None, None, "Used 1 of 1 core.", id="one-core"),
        pytest.param(Used(cpu_seconds=1.0, seconds=3600, cores=8), None, None, "Used 0.1 of 8 cores.", id="hardly-any-cpu"),
        pytest.param(Used(cpu_seconds=1.0, cores=8), None, None, "", id="cpu-in-an-unknown-time"),
        pytest.param(Used(cores=8, seconds=60), None, None, "", id="cpu-not-measured"),
        pytest.param(Used(gpus=1, gpu_percent=0.0), None, None, "Used 0 % of the GPU.", id="a-gpu-that-did-nothing"),
        pytest.param(Used(gpus=1, gpu_percent=0.2), None, None, "Used 1 % of the GPU.", id="a-gpu-that-did-hardly-anything"),
        pytest.param(
            Used(gpus=1, gpu_memory_mb=5325, gpu_memory_total_mb=20480), None, None, "Used 5.2 of 20 GB of GPU memory.", id="a-slice-of-mig"
        ),
        pytest.param(FULL, None, 32768, "Used 3.1 of 32 GB, 0.4 of 4 cores and 10 % of 2 GPUs (5.2 of 80 GB).", id="all"),
    ],
)
def test_in_words(use: Used | None, slurms: int | None, asked: int | None, words: str) -> None:
    """What is known and no more: nothing stands as 0 that nobody measured."""
    assert used_in_words(use, slurms, asked) == words


def test_gpus_that_were_watched_for_a_part_of_the_time() -> None:
    """It is said for how long: a Hub that was started again does not know the time before."""
    use = Used(gpus=1, gpu_percent=50.0, gpu_minutes=20, seconds=7200)
    assert used_in_words(use, None, None) == "Used 50 % of the GPU. What GPUs do was watched for 20 min of that time."


def test_in_italian() -> None:
    """With its decimal comma."""
    with using("it"):
        assert used_in_words(FULL, None, 32768) == "Uso: 3,1 di 32 GB, 0,4 di 4 core e 10 % di 2 GPU (5,2 di 80 GB)."
