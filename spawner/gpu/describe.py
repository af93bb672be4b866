"""The GPUs of a node as the Hub tells of them: for programs, and in the words of the page."""

from __future__ import annotations

from typing import Any

from ..i18n import _, decimal
from .devices import DeviceView


def device_json(view: DeviceView) -> dict[str, Any]:
    """Return one entry of ``devices`` of a node; what is not known is null. Names no user and no process."""
    return {
        "index": view.index,
        "type": view.type,
        "allocated": view.allocated,
        "utilisation": view.utilisation,
        "memory_used_mb": view.memory_used_mb,
        "memory_total_mb": view.memory_total_mb,
        "temperature": view.temperature,
        "power": view.power,
        "processes": view.processes,
        "stray": view.stray,
        "faulty": view.faulty,
        "faults": list(view.faults),
        "mig": view.profile,
        "age": None if view.age is None else round(view.age, 1),
    }


def device_memory(view: DeviceView) -> str:
    """Return ``12.5 of 32 GB``; empty where nobody knows what is used."""
    if view.memory_used_mb is None:
        return ""
    # Of what a few programs take, tenths tell something; a card's memory is a round number less what is kept for corrections.
    used = decimal(view.memory_used_mb / 1024, 1, grouped=False)
    if view.memory_total_mb is None:
        return f"{used} GB"
    # Translators: memory of a GPU: "12.5 of 32 GB"
    return _("{used} of {total} GB").format(used=used, total=f"{view.memory_total_mb / 1024:.0f}")
