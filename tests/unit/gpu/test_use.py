"""What a session's GPUs have done, added up: each minute of each GPU once, and nothing of what others may have done."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from spawner.gpu.session_gpus import SessionGpus
from spawner.gpu.store import Sample
from spawner.gpu.use import GpuUse

VIEW: Any = SimpleNamespace(memory_total_mb=81920)
OTHER: Any = SimpleNamespace(memory_total_mb=40960)


def minutes(*values: tuple[int | None, int | None], begin: float = 600.0) -> tuple[Sample, ...]:
    """One sample a minute."""
    return tuple(Sample(begin + 60 * number, percent, memory) for number, (percent, memory) in enumerate(values))


def gpus(*histories: tuple[Sample, ...], at: float) -> SessionGpus:
    """The session's GPUs at a moment; the second is a smaller one."""
    return SessionGpus(at, 1.0, (VIEW, OTHER)[: len(histories)], histories)


def test_each_minute_once() -> None:
    """However often it is looked, and though the history is longer; the minute that is not over is for the next look."""
    use, history = GpuUse(), minutes((100, 1000), (0, 5000), (20, 2000))
    use.take(gpus(history, at=760.0))
    assert (use.minutes, use.mean_percent, use.memory_mb, use.gpus) == (2, 50.0, 5000, 1)
    use.take(gpus(history, at=775.0))
    assert (use.minutes, use.mean_percent) == (2, 50.0)
    use.take(gpus(history, at=780.0))
    assert (use.minutes, use.mean_percent, use.memory_mb, use.memory_total_mb) == (3, 40.0, 5000, 81920)


def test_two_of_them() -> None:
    """The mean is of both, the memory that of the fuller one; a minute is one minute."""
    use = GpuUse()
    use.take(gpus(minutes((100, 1000)), minutes((0, 3000)), at=700.0))
    assert (use.gpus, use.minutes, use.mean_percent, use.memory_mb, use.memory_total_mb) == (2, 1, 50.0, 3000, 40960)


def test_what_is_not_known() -> None:
    """Without a utilisation, as of slices of MIG, there is no mean; without anything there is nothing."""
    use = GpuUse()
    assert (use.mean_percent, use.memory_mb, use.gpus) == (None, None, 0)
    use.take(gpus(minutes((None, 700)), at=700.0))
    assert (use.mean_percent, use.memory_mb, use.minutes) == (None, 700, 1)
    use.take(gpus(minutes((None, None), begin=660.0), at=800.0))
    assert (use.memory_mb, use.minutes) == (700, 2)


def test_gpus_that_others_use_as_well() -> None:
    """What they do is not the session's."""
    use = GpuUse()
    use.take(replace(gpus(minutes((90, 900)), at=700.0), shared=True))
    use.take(SessionGpus(700.0, None))
    assert (use.minutes, use.mean_percent, use.memory_mb) == (0, None, None)
