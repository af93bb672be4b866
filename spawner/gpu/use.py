"""What a session's GPUs have done since it began, added up from the minutes of the nodes' reports. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .session_gpus import SessionGpus

MINUTE = 60.0


@dataclass(slots=True)
class GpuUse:
    """The sums over a session so far: of each of its GPUs every minute that is over, once.

    It is in memory only: of the time before the Hub was started again it has the last hour, which is as much as is kept of any GPU then
    (nothing, where the reports are gone as well). So it says over how many minutes it goes.
    """

    gpus: int = 0
    samples: int = 0
    percent: float = 0.0
    memory_mb: int | None = None
    memory_total_mb: int | None = None
    minutes: int = 0
    upto: float = 0.0

    def take(self, gpus: SessionGpus) -> None:
        """Add the minutes that are over since the last call; none of GPUs that others may be using as well."""
        if gpus.shared or not gpus.devices:
            return
        last, seen = self.upto, set[float]()
        for view, history in zip(gpus.devices, gpus.histories, strict=True):
            for sample in history:
                if sample.at <= self.upto or sample.at + MINUTE > gpus.at:
                    continue
                last = max(last, sample.at)
                seen.add(sample.at)
                if sample.utilisation is not None:
                    self.samples += 1
                    self.percent += sample.utilisation
                if sample.memory_used_mb is not None and sample.memory_used_mb >= (self.memory_mb or 0):
                    self.memory_mb, self.memory_total_mb = sample.memory_used_mb, view.memory_total_mb
        if seen:
            self.gpus = len(gpus.devices)
        self.minutes += len(seen)
        self.upto = last

    @property
    def mean_percent(self) -> float | None:
        """Return how busy they were on average, in percent; None where no report tells."""
        return self.percent / self.samples if self.samples else None
