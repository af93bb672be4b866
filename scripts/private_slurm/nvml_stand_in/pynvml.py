"""A stand-in for NVML on a machine without GPUs: the V100s that Slurm believes in, busy while one of its jobs holds them.

Only for the demo: the reporter, its token and its reports are the real ones. The node is `RESOURCE_FORM_STAND_IN_NODE`.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from types import SimpleNamespace

NVML_TEMPERATURE_GPU = 0
NVML_GPU_UTILIZATION_SAMPLES = 1
NVML_VALUE_TYPE_UNSIGNED_INT = 1
NVML_MEMORY_ERROR_TYPE_UNCORRECTED = 1
NVML_VOLATILE_ECC = 0
nvmlEventTypeXidCriticalError = 8  # noqa: N816

DEVICES = 2
GB = 1 << 30
TOTAL = 32 * GB


class NVMLError(Exception):
    """NVML's own; its value 3 is "not supported"."""

    def __init__(self, value: int) -> None:
        super().__init__(value)
        self.value = value


def _node() -> str:
    return os.environ.get("RESOURCE_FORM_STAND_IN_NODE", "")


def _held() -> set[int]:
    """The devices that jobs hold on this node: Slurm says so in the environment of what runs in them."""
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = dict(part.partition(b"=")[::2] for part in (entry / "environ").read_bytes().split(b"\0"))
        except OSError:
            continue
        if environment.get(b"SLURMD_NODENAME", b"").decode(errors="replace") == _node():
            found |= {
                int(number) for number in environment.get(b"SLURM_JOB_GPUS", b"").decode(errors="replace").split(",") if number.isdigit()
            }
    return found


def _wave(index: int, low: float, high: float) -> float:
    """Something between the two that moves slowly, and for each device otherwise."""
    return low + (high - low) * (1 + math.sin(time.time() / 40 + 2.1 * index + len(_node()))) / 2


def nvmlInit() -> None:  # noqa: N802
    """Nothing has to be set up."""


def nvmlShutdown() -> None:  # noqa: N802
    """Nothing has to be let go."""


def nvmlSystemGetDriverVersion() -> str:  # noqa: N802
    """A version that says what this is."""
    return "535.0 (stand-in)"


def nvmlDeviceGetCount() -> int:  # noqa: N802
    """Two a node."""
    return DEVICES


def nvmlDeviceGetHandleByIndex(index: int) -> SimpleNamespace:  # noqa: N802
    """The device, with what it does at the moment."""
    busy = index in _held()
    return SimpleNamespace(index=index, busy=busy, load=round(_wave(index, 35, 97)) if busy else 0)


def nvmlDeviceGetUUID(device: SimpleNamespace) -> str:  # noqa: N802
    """One that stays."""
    return f"GPU-{_node()}-{device.index}"


def nvmlDeviceGetName(_device: SimpleNamespace) -> str:  # noqa: N802
    """As the driver calls it."""
    return "Tesla V100-SXM2-32GB"


def nvmlDeviceGetMinorNumber(device: SimpleNamespace) -> int:  # noqa: N802
    """The same as its index."""
    return int(device.index)


def nvmlDeviceGetMigMode(_device: SimpleNamespace) -> list[int]:  # noqa: N802
    """A V100 has no MIG."""
    raise NVMLError(3)


def nvmlDeviceGetMemoryInfo(device: SimpleNamespace, _version: object = None) -> SimpleNamespace:  # noqa: N802
    """Bytes, in use while somebody has it."""
    used = int(_wave(device.index, 6, 24) * GB) if device.busy else 0
    return SimpleNamespace(total=TOTAL, used=used, free=TOTAL - used)


def nvmlDeviceGetUtilizationRates(device: SimpleNamespace) -> SimpleNamespace:  # noqa: N802
    """Percent."""
    return SimpleNamespace(gpu=device.load, memory=device.load // 2)


def nvmlDeviceGetTemperature(device: SimpleNamespace, _sensor: int) -> int:  # noqa: N802
    """Degrees Celsius."""
    return 34 + device.load // 3


def nvmlDeviceGetPowerUsage(device: SimpleNamespace) -> int:  # noqa: N802
    """Milliwatts."""
    return (40 + 2 * int(device.load)) * 1000


def nvmlDeviceGetEnforcedPowerLimit(_device: SimpleNamespace) -> int:  # noqa: N802
    """Milliwatts."""
    return 300_000


def nvmlDeviceGetComputeRunningProcesses(device: SimpleNamespace) -> list[SimpleNamespace]:  # noqa: N802
    """One while somebody has it."""
    return [SimpleNamespace(pid=1, usedGpuMemory=nvmlDeviceGetMemoryInfo(device).used)] if device.busy else []
