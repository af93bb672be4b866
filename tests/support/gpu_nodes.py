"""Devices of a node and its report, as NVML tells them."""

from __future__ import annotations

from typing import Any

from spawner.gpu.agent.schema import Device, MigInstance, NodeReport

V100, A100 = "Tesla V100-SXM2-32GB", "NVIDIA A100-SXM4-40GB"


def device(index: int, **changes: Any) -> Device:
    """A sound and idle V100."""
    values: dict[str, Any] = {
        "index": index,
        "uuid": f"GPU-{index}",
        "name": V100,
        "minor": index,
        "memory_total_mb": 32768,
        "memory_used_mb": 0,
        "utilisation": 0,
        "mig": False,
        "processes": 0,
    }
    return Device(**{**values, **changes})


def split(index: int, *profiles: str, **changes: Any) -> Device:
    """An A100 under MIG with a slice of each profile; the second slice of device 3 is MIG-3-1."""
    slices = tuple(MigInstance(f"MIG-{index}-{number}", profile, 20096, 10, 0) for number, profile in enumerate(profiles))
    return device(index, name=A100, mig=True, utilisation=None, instances=slices, **changes)


def report(*devices: Device, error: str = "") -> NodeReport:
    return NodeReport("g001", 1_800_000_000.0, "535.104.05", devices, error)
