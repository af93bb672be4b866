"""The Hub's store of reports: what is fresh, an hour of history, since when a device is idle, and how much room it takes."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from spawner.gpu.agent.schema import Device, MigInstance, NodeReport
from spawner.gpu.devices import key_of
from spawner.gpu.store import HISTORY_MINUTES, MAX_TRACKS, ReportStore, Sample, did_nothing

START = 1_800_000_000.0
"""The beginning of a minute."""
FRESH = 90.0


class Rig:
    """A store whose clock the test moves."""

    def __init__(self, **arguments: Any) -> None:
        self.now = START
        self.store = ReportStore(lambda: self.now, fresh_seconds=lambda: FRESH, **arguments)

    def report(self, *devices: Device, node: str = "g001", error: str = "") -> None:
        # The node's own clock is wrong, which must not matter.
        self.store.put(NodeReport(node, 12.5, "535.1", devices, error))

    def reports(self, seconds: float, *devices: Device, every: float = 15.0) -> None:
        """Reports for so long; the last one is at the end."""
        end = self.now + seconds
        while self.now < end:
            self.now += every
            self.report(*devices)


def gpu(utilisation: int | None = 0, *, uuid: str = "GPU-1", **values: Any) -> Device:
    return Device(0, uuid, utilisation=utilisation, **values)


@pytest.fixture
def rig() -> Rig:
    return Rig()


# --- the latest report -------------------------------------------------------------------------------------------------------------


def test_the_latest_report_counts(rig: Rig) -> None:
    rig.report(gpu(10))
    rig.now += 15
    rig.report(gpu(20))
    latest = rig.store.latest("g001")

    assert latest is not None
    assert latest.received == START + 15
    assert latest.report.devices[0].utilisation == 20
    assert rig.store.latest("g002") is None


def test_a_report_counts_for_its_time(rig: Rig) -> None:
    rig.report(gpu())
    rig.now = START + FRESH
    assert rig.store.latest("g001") is not None
    assert rig.store.any_fresh()

    rig.now = START + FRESH + 0.1
    assert rig.store.latest("g001") is None
    assert not rig.store.any_fresh()


def test_any_node_is_enough(rig: Rig) -> None:
    assert not rig.store.any_fresh()
    rig.report(gpu(), node="g001")
    rig.now += 60
    rig.report(gpu(), node="g002")
    rig.now += 60

    assert rig.store.latest("g001") is None
    assert rig.store.any_fresh()


def test_nodes_that_slurm_has_not_are_forgotten(rig: Rig) -> None:
    for node in ("g001", "g002"):
        rig.report(gpu(), node=node)
    rig.store.forget_others({"g002", "g003"})

    assert rig.store.latest("g001") is None
    assert rig.store.history("g001", "GPU-1") == ()
    assert rig.store.latest("g002") is not None


def test_beyond_the_most_nodes_the_one_that_was_silent_longest_goes() -> None:
    rig = Rig(max_nodes=2)
    for node in ("g001", "g002", "g001", "g003"):
        rig.now += 1
        rig.report(gpu(), node=node)

    assert [node for node in ("g001", "g002", "g003") if rig.store.latest(node)] == ["g001", "g003"]


# --- history -----------------------------------------------------------------------------------------------------------------------


def test_a_minute_is_one_sample(rig: Rig) -> None:
    for utilisation, memory in ((10, 100), (20, 300), (60, 200)):
        rig.report(gpu(utilisation, memory_used_mb=memory))
        rig.now += 15
    rig.now = START + 60
    rig.report(gpu(0, memory_used_mb=7))

    assert rig.store.history("g001", "GPU-1") == (Sample(START, 30, 300), Sample(START + 60, 0, 7))


def test_zero_is_nothing_at_all(rig: Rig) -> None:
    """A mean below one half is not rounded to 0: 0 stands for a device that did nothing."""
    for utilisation in (0, 0, 0, 1):
        rig.report(gpu(utilisation))
        rig.now += 15

    assert [sample.utilisation for sample in rig.store.history("g001", "GPU-1")] == [1]


def test_what_is_not_known_is_not_zero(rig: Rig) -> None:
    rig.report(gpu(None))
    rig.now += 15
    assert rig.store.history("g001", "GPU-1") == (Sample(START, None, None),)

    rig.report(gpu(40, memory_used_mb=0))
    assert rig.store.history("g001", "GPU-1") == (Sample(START, 40, 0),)


def test_a_minute_without_a_report_is_no_sample(rig: Rig) -> None:
    rig.report(gpu(5))
    rig.now += 5 * 60
    rig.report(gpu(6))

    assert [(sample.at - START, sample.utilisation) for sample in rig.store.history("g001", "GPU-1")] == [(0, 5), (300, 6)]


def test_a_gap_shows_nothing_of_the_hour_before(rig: Rig) -> None:
    rig.reports(3600, gpu(50), every=60)
    rig.now += 10 * 60
    rig.report(gpu(60))
    minutes = [(rig.now - sample.at) / 60 for sample in rig.store.history("g001", "GPU-1")]

    assert minutes == [*range(59, 9, -1), 0]


def test_the_last_hour_at_most(rig: Rig) -> None:
    for minute in range(150):
        rig.report(gpu(minute % 100))
        rig.now += 60
    rig.now -= 60
    history = rig.store.history("g001", "GPU-1")

    assert [(sample.at - START) / 60 for sample in history] == list(range(90, 150))
    assert [sample.utilisation for sample in history] == [minute % 100 for minute in range(90, 150)]

    rig.now += 30 * 60
    assert len(rig.store.history("g001", "GPU-1")) == HISTORY_MINUTES - 30
    rig.now += 60 * 60
    assert rig.store.history("g001", "GPU-1") == ()
    rig.report(gpu(1))
    assert len(rig.store.history("g001", "GPU-1")) == 1


def test_a_clock_that_is_put_back(rig: Rig) -> None:
    """What was before cannot be told apart from what comes now: the history starts anew, and nothing is idle for an hour too long."""
    rig.reports(600, gpu(0))
    rig.now -= 3600
    rig.report(gpu(0))

    assert rig.store.history("g001", "GPU-1") == (Sample(rig.now - rig.now % 60, 0, None),)
    assert rig.store.idle_since("g001", "GPU-1") == rig.now
    assert rig.store.latest("g001") is not None


def test_instances_have_a_history_of_their_own(rig: Rig) -> None:
    rig.report(gpu(None, mig=True, instances=(MigInstance("MIG-1", memory_used_mb=11), MigInstance("MIG-2"), MigInstance(""))))

    assert rig.store.history("g001", "MIG-1") == (Sample(START, None, 11),)
    assert rig.store.history("g001", "MIG-2") == (Sample(START, None, None),)
    assert rig.store.history("g001", "") == ()


def test_a_device_without_uuid_is_known_by_its_number(rig: Rig) -> None:
    device = Device(3, utilisation=7)
    rig.report(device)

    assert key_of(device) == "#3"
    assert rig.store.history("g001", "#3") == (Sample(START, 7, None),)


def test_a_device_may_be_missing_for_a_while(rig: Rig) -> None:
    rig.report(gpu(5))
    for _ in range(30):
        rig.now += 60
        rig.report(error="timeout")
    assert [sample.utilisation for sample in rig.store.history("g001", "GPU-1")] == [5]

    for _ in range(31):
        rig.now += 60
        rig.report(error="timeout")
    assert rig.store.history("g001", "GPU-1") == ()


def test_a_node_that_invents_devices_fills_its_own_room_only(rig: Rig) -> None:
    for number in range(20):
        rig.now += 15
        rig.report(*(Device(index, f"GPU-{number}-{index}", utilisation=1) for index in range(60)))
    known = [(number, index) for number in range(20) for index in range(60) if rig.store.history("g001", f"GPU-{number}-{index}")]

    assert len(known) <= MAX_TRACKS
    assert {index for number, index in known if number == 19} == set(range(60))


def test_more_devices_at_once_than_there_is_room_for(rig: Rig) -> None:
    instances = [tuple(MigInstance(f"MIG-{index}-{number}", processes=0) for number in range(64)) for index in range(8)]
    for _ in range(2):
        rig.now += 15
        rig.report(*(Device(index, f"GPU-{index}", instances=instances[index]) for index in range(8)))
    known = [number for index in range(8) for number in range(64) if rig.store.history("g001", f"MIG-{index}-{number}")]

    assert len(known) < MAX_TRACKS
    assert rig.store.idle_since("g001", "MIG-0-0") == START + 15
    assert rig.store.idle_since("g001", "MIG-7-63") is None


# --- idle --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (gpu(0, utilisation_peak=0), True),
        (gpu(0, utilisation_peak=3), False),
        (gpu(0), True),
        (gpu(50), False),
        (gpu(None, utilisation_peak=0), True),
        (gpu(50, utilisation_peak=0), False),
        (gpu(0, utilisation_peak=0, processes=2, processes_memory_mb=70000), True),
        (gpu(None, processes=0), True),
        (gpu(None, processes=1), False),
        (gpu(None), None),
        (gpu(None, faults=("lost",)), None),
        (MigInstance("MIG-1", processes=0), True),
        (MigInstance("MIG-1", processes=1), False),
        (MigInstance("MIG-1"), None),
    ],
)
def test_what_is_idle(device: Device | MigInstance, expected: bool | None) -> None:
    assert did_nothing(device) is expected


def test_idle_since_the_first_report_that_says_so(rig: Rig) -> None:
    rig.report(gpu(80))
    assert rig.store.idle_since("g001", "GPU-1") is None

    rig.now += 15
    rig.report(gpu(0))
    rig.reports(1800, gpu(0))

    assert rig.store.idle_since("g001", "GPU-1") == START + 15


def test_a_moment_of_work_begins_anew(rig: Rig) -> None:
    rig.reports(600, gpu(0))
    rig.now += 15
    rig.report(gpu(0, utilisation_peak=1))
    assert rig.store.idle_since("g001", "GPU-1") is None

    rig.now += 15
    rig.report(gpu(0))
    assert rig.store.idle_since("g001", "GPU-1") == rig.now


@pytest.mark.parametrize("between", [gpu(None), None], ids=["not-known", "missing"])
def test_not_knowing_is_not_idle(rig: Rig, between: Device | None) -> None:
    rig.reports(600, gpu(0))
    rig.now += 15
    rig.report(*([between] if between else []))
    assert rig.store.idle_since("g001", "GPU-1") is None

    rig.now += 15
    rig.report(gpu(0))
    assert rig.store.idle_since("g001", "GPU-1") == rig.now


def test_a_gap_is_not_idle(rig: Rig) -> None:
    rig.reports(600, gpu(0))
    begun = START + 15
    rig.now += FRESH
    rig.report(gpu(0))
    assert rig.store.idle_since("g001", "GPU-1") == begun

    rig.now += FRESH + 1
    assert rig.store.idle_since("g001", "GPU-1") is None
    rig.report(gpu(0))
    assert rig.store.idle_since("g001", "GPU-1") == rig.now


def test_one_uuid_twice_is_never_idle_for_long(rig: Rig) -> None:
    """A report that names a busy device and an idle one by the same UUID."""
    for pair in ((gpu(0), gpu(90)), (gpu(90), gpu(0))):
        for _ in range(10):
            rig.now += 15
            rig.report(*pair)
        since = rig.store.idle_since("g001", "GPU-1")
        assert since is None or since == rig.now


def test_a_missing_device_is_noticed_behind_one_that_is_there_twice(rig: Rig) -> None:
    rig.reports(600, gpu(0), gpu(0, uuid="GPU-2"))
    rig.now += 15
    rig.report(gpu(0), gpu(0))

    assert rig.store.idle_since("g001", "GPU-1") == START + 15
    assert rig.store.idle_since("g001", "GPU-2") is None


def test_nobody_knows_of_devices_that_are_not_there(rig: Rig) -> None:
    rig.report(gpu(0))

    assert rig.store.idle_since("g001", "GPU-2") is None
    assert rig.store.idle_since("g002", "GPU-1") is None


# --- room --------------------------------------------------------------------------------------------------------------------------


def test_what_a_device_takes(rig: Rig) -> None:
    """In bytes, after an hour of reports; benchmarks/gpu_reports.py has the numbers for 10,000 nodes."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(100):
        rig.report(*(Device(index, f"GPU-{number}-{index}", "a name") for index in range(8)), node=f"g{number:03}")
    for _ in range(70):
        rig.now += 60
        for number in range(100):
            rig.report(*(Device(index, f"GPU-{number}-{index}", "a name", utilisation=50) for index in range(8)), node=f"g{number:03}")
    took = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()

    assert took / 800 < 1500
