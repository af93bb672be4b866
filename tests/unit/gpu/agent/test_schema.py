"""The report of a node's devices: what is sent can be read, and nothing else can."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.gpu.agent.schema import FAULTS, LARGEST_REPORT, Device, MigInstance, NodeReport, ReportRefused, as_json, parse_report

GOOD: dict[str, Any] = {
    "node": "g001",
    "at": 1_800_000_000.5,
    "driver": "535.104.05",
    "error": "",
    "devices": [{"index": 0, "uuid": "GPU-1", "name": "Tesla V100-SXM2-32GB", "utilisation": 97, "faults": ["ecc"], "instances": []}],
}

numbers = st.none() | st.integers(0, 100)
devices = st.builds(
    Device,
    index=st.integers(0, 63),
    uuid=st.sampled_from(["", "GPU-5f6c8f53-0000-4000-8000-000000000000"]),
    name=st.sampled_from(["", "NVIDIA A100-SXM4-40GB"]),
    memory_used_mb=numbers,
    utilisation=numbers,
    mig=st.none() | st.booleans(),
    instances=st.lists(st.builds(MigInstance, uuid=st.just("MIG-1"), profile=st.just("3g.20gb"), processes=numbers), max_size=7).map(tuple),
    faults=st.sets(st.sampled_from(FAULTS)).map(lambda found: tuple(fault for fault in FAULTS if fault in found)),
)


@given(st.lists(devices, max_size=8, unique_by=lambda device: device.index).map(tuple), st.floats(0, 1e10))
def test_what_is_sent_is_what_is_read(found: tuple[Device, ...], at: float) -> None:
    report = NodeReport("g001", at, "535.1", found)

    assert parse_report(as_json(report)) == report


def test_what_is_not_known_is_not_sent() -> None:
    assert json.loads(as_json(NodeReport("g001", 1.0, devices=(Device(0),))))["devices"] == [{"index": 0, "instances": []}]


def changed(**changes: Any) -> str:
    return json.dumps({**GOOD, **changes})


def with_device(**changes: Any) -> str:
    return changed(devices=[{**GOOD["devices"][0], **changes}])


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "the report"),
        ("[]", "the report"),
        ("{", "the report"),
        ("null", "the report"),
        ("[" * 100_000, "the report"),
        (changed(user="ada"), "the report"),
        (changed(node=""), "node"),
        (changed(node="g001\n"), "node"),
        (changed(node="../g001"), "node"),
        (changed(node=["g001"]), "node"),
        (changed(at="now"), "at"),
        (changed(at=True), "at"),
        (changed(at=-1), "at"),
        ('{"node": "g001", "at": NaN}', "at"),
        ('{"node": "g001", "at": 1e999}', "at"),
        (changed(error="<b>"), "error"),
        (changed(error=["no_driver"]), "error"),
        (changed(driver="<script>"), "driver"),
        (changed(devices={}), "devices"),
        (changed(devices=[GOOD["devices"][0]] * 2), "devices"),
        (changed(devices=[{"index": number} for number in range(65)]), "devices"),
        (changed(devices=["0"]), "devices[0]"),
        (with_device(index=None), "devices[0]"),
        (with_device(index=-1), "devices[0].index"),
        (with_device(index=True), "devices[0].index"),
        (with_device(process_names=["python"]), "devices[0]"),
        (with_device(uuid="x" * 97), "devices[0].uuid"),
        (with_device(name="Tesla\x00"), "devices[0].name"),
        (with_device(name="Tésla"), "devices[0].name"),
        (with_device(name='<img src="x">'), "devices[0].name"),
        (with_device(utilisation=101), "devices[0].utilisation"),
        (with_device(utilisation=9.5), "devices[0].utilisation"),
        (with_device(utilisation="97"), "devices[0].utilisation"),
        (with_device(memory_used_mb=1 << 80), "devices[0].memory_used_mb"),
        (with_device(mig=1), "devices[0].mig"),
        (with_device(faults="lost"), "devices[0].faults"),
        (with_device(faults=["on fire"]), "devices[0].faults"),
        (with_device(faults=[{}]), "devices[0].faults"),
        (with_device(instances=[{"profile": "3g.20gb"}]), "devices[0].instances[0]"),
        (with_device(instances=[{"uuid": "MIG-1"}] * 65), "devices[0].instances"),
        (with_device(instances=[{"uuid": "MIG-1", "profile": "<b>"}]), "devices[0].instances[0].profile"),
        (" " * (LARGEST_REPORT + 1), "too large"),
    ],
)
def test_anything_else_is_refused_and_the_message_holds_nothing_of_it(text: str, where: str) -> None:
    with pytest.raises(ReportRefused) as refused:
        parse_report(text)

    assert where in str(refused.value)
    assert len(str(refused.value)) < 100


def test_a_large_node_stays_far_below_the_limit() -> None:
    instances = tuple(MigInstance(f"MIG-{number:036d}", "1g.5gb", 4864, 4864, 12) for number in range(7))
    found = tuple(Device(index, f"GPU-{index:036d}", "NVIDIA A100-SXM4-40GB", index, mig=True, instances=instances) for index in range(16))

    assert len(as_json(NodeReport("g001", 1.0, "535.1", found))) < LARGEST_REPORT / 8
