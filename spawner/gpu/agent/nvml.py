"""The devices of this node, read through NVML (pynvml, of the distribution nvidia-ml-py, imported only here and only when it is needed).

NVML says "not supported" of much: a device under MIG has no utilisation, a consumer's card no ECC. Each question is asked by itself, and
what has no answer is None. A device that has fallen off the bus answers "GPU is lost" to everything: it is reported as lost.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from .schema import FAULTS, MAX_DEVICES, Device, MigInstance, NodeReport, plain_text, presentable

_MB = 1 << 20
_MIG_NAME = re.compile(r"MIG (\S+)\s*$")
"""How the name of a MIG device ends: with its profile, whatever that looks like."""
_HIDDEN = "GPU-hidden"

_NO_LIBRARY = (12, 13)
"""NVML_ERROR_LIBRARY_NOT_FOUND, NVML_ERROR_FUNCTION_NOT_FOUND: what there is of NVML is none."""

_WORDS = {12: "no_library", 13: "no_library", 9: "no_driver", 18: "version_mismatch", 4: "no_permission", 10: "timeout"}
_LOST = 15
"""NVML_ERROR_GPU_IS_LOST."""

XIDS_OF_PROGRAMS = frozenset({13, 31, 43, 45, 68, 109})
"""Xids that a user's program brings about (NVIDIA, "Xid errors"): they say nothing of the device."""


class NvmlReader:
    """A reader of all devices through NVML. Keep one: to initialise NVML takes far longer than to read."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._nvml: Any = None
        self._events: Any = None
        self._watched: set[str] = set()
        self._xids: dict[str, int] = {}
        self._sampled: dict[int, int] = {}
        """By device, the time of its last sample of utilisation, in the driver's microseconds."""
        self._identities: dict[int, dict[str, Any]] = {}
        """By device, what it has said of itself that does not change: one that is lost says nothing any more."""

    def close(self) -> None:
        """Let go of NVML; the next :meth:`read` begins anew."""
        if self._nvml is not None:
            self._ask("nvmlShutdown")
        self._nvml = self._events = None
        self._watched = set()
        self._identities = {}

    def read(self, node: str) -> NodeReport:
        """Read what the devices say now. A node without a driver or without the library has a report as well, which says so."""
        try:
            if self._nvml is None:
                import pynvml

                pynvml.nvmlInit()
                self._nvml = pynvml
            count = self._nvml.nvmlDeviceGetCount()
        except ImportError:
            return NodeReport(node, self._clock(), error="no_library")
        except Exception as error:
            if not _is_nvml(error):
                raise
            self.close()
            return NodeReport(node, self._clock(), error=_WORDS.get(getattr(error, "value", 0), "failed"))
        self._collect_xids()
        devices = tuple(presentable(self._device(index)) for index in range(min(count, MAX_DEVICES)))
        return NodeReport(node, self._clock(), plain_text(self._ask("nvmlSystemGetDriverVersion") or ""), devices)

    def _ask(self, name: str, *arguments: Any) -> Any:
        """The answer to one of NVML's questions, None where there is none. A device that is lost is told by :class:`_Lost`."""
        try:
            return getattr(self._nvml, name)(*arguments)
        except AttributeError:
            return None
        except Exception as error:
            if not _is_nvml(error):
                raise
            if getattr(error, "value", 0) == _LOST:
                raise _Lost from None
            return None

    # --- one device --------------------------------------------------------------------------------------------------------

    def _device(self, index: int) -> Device:
        known: dict[str, Any] = {"index": index}
        try:
            handle = self._ask("nvmlDeviceGetHandleByIndex", index)
            if handle is None:
                return Device(index, faults=("no_answer",))
            self._describe(handle, known)
            faults = self._faults(handle, known)
            self._identities[index] = {key: known[key] for key in ("uuid", "name", "minor")}
        except _Lost:
            faults = {"lost"}
            known = {**self._identities.get(index, {}), **{key: value for key, value in known.items() if value is not None}}
        return Device(**known, faults=tuple(fault for fault in FAULTS if fault in faults))

    def _describe(self, handle: Any, known: dict[str, Any]) -> None:
        """Into ``known``, so that of a device that is lost half-way the rest is still told."""
        known["uuid"] = uuid = self._ask("nvmlDeviceGetUUID", handle) or ""
        known["name"] = self._ask("nvmlDeviceGetName", handle) or ""
        known["minor"] = self._ask("nvmlDeviceGetMinorNumber", handle)
        mode = self._ask("nvmlDeviceGetMigMode", handle)
        known["mig"] = None if mode is None else bool(mode[0])
        known["memory_total_mb"], known["memory_used_mb"] = self._memory(handle)
        rates = None if known["mig"] else self._ask("nvmlDeviceGetUtilizationRates", handle)
        known["utilisation"] = None if rates is None else int(rates.gpu)
        known["utilisation_peak"] = None if rates is None else self._peak(handle, known)
        known["temperature"] = self._ask("nvmlDeviceGetTemperature", handle, self._nvml.NVML_TEMPERATURE_GPU)
        known["power"] = _watts(self._ask("nvmlDeviceGetPowerUsage", handle))
        known["power_limit"] = _watts(self._ask("nvmlDeviceGetEnforcedPowerLimit", handle))
        if known["mig"]:
            known["instances"] = self._instances(handle)
        known["processes"], known["processes_memory_mb"] = self._processes(handle)
        self._watch(handle, uuid)
        known["last_xid"] = self._xids.get(uuid)

    def _peak(self, handle: Any, known: dict[str, Any]) -> int | None:
        """What a reading now and then would miss: a kernel that ran between two of them."""
        index = known["index"]
        found = self._ask("nvmlDeviceGetSamples", handle, self._nvml.NVML_GPU_UTILIZATION_SAMPLES, self._sampled.get(index, 0))
        if found is None or found[0] != self._nvml.NVML_VALUE_TYPE_UNSIGNED_INT:
            return None
        samples = [(int(sample.timeStamp), int(sample.sampleValue.uiVal)) for sample in found[1]]
        if index in self._sampled:
            samples = [sample for sample in samples if sample[0] > self._sampled[index]]
        self._sampled[index] = max((at for at, _value in samples), default=self._sampled.get(index, 0))
        return min(100, max([int(known["utilisation"]), *(value for _at, value in samples)]))

    def _memory(self, handle: Any) -> tuple[int | None, int | None]:
        """Total and used in MB; used without what the driver keeps for itself where the second version of the question is known (R510)."""
        memory = self._ask("nvmlDeviceGetMemoryInfo", handle, getattr(self._nvml, "nvmlMemory_v2", None)) or self._ask(
            "nvmlDeviceGetMemoryInfo", handle
        )
        return (None, None) if memory is None else (int(memory.total) // _MB, int(memory.used) // _MB)

    def _processes(self, handle: Any) -> tuple[int | None, int | None]:
        """The number of compute processes and their memory in MB: neither whose they are nor what they are."""
        processes = self._ask("nvmlDeviceGetComputeRunningProcesses", handle)
        if processes is None:
            return None, None
        memory = [entry.usedGpuMemory for entry in processes]
        return len(processes), None if None in memory else sum(memory) // _MB

    def _instances(self, handle: Any) -> tuple[MigInstance, ...]:
        found = []
        for number in range(self._ask("nvmlDeviceGetMaxMigDeviceCount", handle) or 0):
            instance = self._ask("nvmlDeviceGetMigDeviceHandleByIndex", handle, number)
            if instance is None:
                continue
            total, used = self._memory(instance)
            profile = _MIG_NAME.search(self._ask("nvmlDeviceGetName", instance) or "")
            processes, _memory = self._processes(instance)
            uuid = self._ask("nvmlDeviceGetUUID", instance) or _HIDDEN
            found.append(MigInstance(uuid, profile[1] if profile else "", total, used, processes))
        return tuple(found)

    # --- what is broken -----------------------------------------------------------------------------------------------------

    def _faults(self, handle: Any, known: dict[str, Any]) -> set[str]:
        found = set()
        nvml = self._nvml
        errors = self._ask("nvmlDeviceGetTotalEccErrors", handle, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC)
        known["ecc_uncorrected"] = errors
        if errors:
            found.add("ecc")
        if self._ask("nvmlDeviceGetRetiredPagesPendingStatus", handle):
            found.add("retired_pages")
        rows = self._ask("nvmlDeviceGetRemappedRows", handle)
        if rows is not None and rows[3]:
            found.add("row_remap_failure")
        if known["last_xid"] is not None and known["last_xid"] not in XIDS_OF_PROGRAMS:
            found.add("xid")
        return found

    def _watch(self, handle: Any, uuid: str) -> None:
        """Have NVML tell of this device's Xid errors from now on; those of before nobody knows."""
        if not uuid or uuid in self._watched:
            return
        self._watched.add(uuid)
        if self._events is None:
            self._events = self._ask("nvmlEventSetCreate")
        if self._events is not None:
            self._ask("nvmlDeviceRegisterEvents", handle, self._nvml.nvmlEventTypeXidCriticalError, self._events)

    def _collect_xids(self) -> None:
        """Those that have come since the last time; asked without waiting, and never more than a few."""
        for _ in range(64 if self._events is not None else 0):
            try:
                event = self._ask("nvmlEventSetWait", self._events, 0)
                uuid = None if event is None else self._ask("nvmlDeviceGetUUID", event.device)
            except _Lost:
                continue
            if event is None:
                return
            if uuid and event.eventType == self._nvml.nvmlEventTypeXidCriticalError:
                self._xids[uuid] = int(event.eventData)


class _Lost(Exception):
    """The device has fallen off the bus."""


def _is_nvml(error: Exception) -> bool:
    """Whether it is pynvml's NVMLError, whose class is known only where pynvml is."""
    return any(each.__name__ == "NVMLError" for each in type(error).__mro__)


def _watts(milliwatts: int | None) -> int | None:
    return None if milliwatts is None else round(milliwatts / 1000)
