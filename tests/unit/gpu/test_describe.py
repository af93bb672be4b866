"""What devices report, as programs get it and as the page shows it, and what the table and the verdict make of GPUs that are of no use."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from spawner.advice.verdict import verdict
from spawner.availability.forecast import ClusterForecast
from spawner.availability.node_state import gpus_of
from spawner.availability.table import Availability, availability, excerpt
from spawner.cache import Snapshot
from spawner.gpu.agent.schema import Device, NodeReport
from spawner.gpu.device_matching import NO_REPORTS, Reported
from spawner.hub.apihandlers.cluster import cluster_answer
from spawner.hub.form.render import MAX_DEVICES, render_availability
from spawner.i18n import using
from spawner.request.model import parse_request
from spawner.slurm.model import Node
from tests.support.builders import NOW, node, partition
from tests.support.gpu_nodes import A100, device, report, split

FREE, FIRST_USED, ALL_USED = "gpu:v100:0(IDX:N/A)", "gpu:v100:1(IDX:0)", "gpu:v100:2(IDX:0-1)"


def found(*nodes: Node) -> Snapshot[Availability]:
    names = tuple(entry.name for entry in nodes)
    return Snapshot(availability(nodes, [partition(nodes=names)], (), now=NOW), NOW)


def reported(*reports: NodeReport, strays: dict[str, frozenset[str]] | None = None, age: float = 14.2) -> Reported:
    return Reported({entry.node: (entry, age) for entry in reports}, strays or {})


def page(snapshot: Snapshot[Availability], what: Reported = NO_REPORTS, **arguments: Any) -> BeautifulSoup:
    with using("en"):
        html = render_availability(Snapshot(excerpt(snapshot.value, "g100_int"), snapshot.as_of), reported=what, **arguments)
    return BeautifulSoup(html, "html.parser")


def lines(soup: BeautifulSoup, name: str = "g001") -> list[str]:
    """What stands below a node, device by device, and the age."""
    below = soup.select_one(f'[data-devices-of="{name}"]')
    assert isinstance(below, Tag), soup
    return [" ".join(each.get_text(" ").split()) for each in below.select("li, .resource-form-device-age")]


# --- programs ---


def devices_of(snapshot: Snapshot[Availability], what: Reported) -> dict[str, list[dict[str, Any]]]:
    found = cluster_answer(snapshot, now=NOW, reported=what)
    answer = json.loads(json.dumps({**found, "nodes": list(found["nodes"])}))
    return {entry["name"]: entry["devices"] for entry in answer["nodes"]}


def test_programs_get_all_that_is_known_of_a_device() -> None:
    busy = device(0, utilisation=97, memory_used_mb=12_500, temperature=61, power=240, processes=2, faults=("ecc",))

    answer = devices_of(found(node(used=FIRST_USED)), reported(report(busy, device(1, memory_used_mb=20_000)), strays=STRAY))

    assert answer["g001"][0] == {
        "index": 0,
        "type": "v100",
        "allocated": True,
        "utilisation": 97,
        "memory_used_mb": 12_500,
        "memory_total_mb": 32_768,
        "temperature": 61,
        "power": 240,
        "processes": 2,
        "stray": False,
        "faulty": False,
        "faults": ["ecc"],
        "mig": None,
        "age": 14.2,
    }
    assert (answer["g001"][1]["allocated"], answer["g001"][1]["stray"]) == (False, True)


STRAY = {"g001": frozenset({"GPU-1"})}


def test_what_is_not_known_is_null_and_never_0() -> None:
    answer = devices_of(found(node(gres="gpu:a100_3g.20gb:1")), reported(report(split(0, "3g.20gb"))))

    slice_ = answer["g001"][0]
    assert slice_["mig"] == "3g.20gb"
    assert [slice_[key] for key in ("utilisation", "power", "temperature")] == [None, None, None]


def test_a_node_without_a_report_has_no_devices() -> None:
    assert devices_of(found(node(), node("g002")), reported(report(device(0), device(1))))["g002"] == []
    assert devices_of(found(node()), NO_REPORTS) == {"g001": []}


# --- the page ---


def test_each_device_has_a_line_below_its_node() -> None:
    busy, stray = device(0, utilisation=97, memory_used_mb=12_800), device(1, utilisation=100, memory_used_mb=20_480)
    soup = page(found(node(used=FIRST_USED), node("g002")), reported(report(busy, stray), strays=STRAY))

    assert lines(soup) == [
        "GPU 0 in use 97 % 12.5 of 32 GB",
        "GPU 1 free 100 % 20 of 32 GB stray process In use outside of Slurm.",
        "reported 14 s ago",
    ]
    assert [bar["value"] for bar in soup.select("progress")] == ["97", "100"]
    assert not soup.select('[data-devices-of="g002"]')


def test_what_is_not_known_of_a_device_is_a_dash() -> None:
    soup = page(found(node(used="gpu:v100:1")), reported(report(Device(0, faults=("lost",)), device(1, memory_total_mb=None))))

    assert lines(soup)[:2] == ["GPU 0 – – – faulty It cannot be used, says the node.", "GPU 1 – 0 % 0 GB"]
    assert len(soup.select("progress")) == 1


def test_devices_of_several_kinds_are_told_apart() -> None:
    several = node(gres="gpu:a100:1,gpu:a100_3g.20gb:1", used="gpu:a100:1(IDX:0)")
    whole = device(0, name=A100, memory_total_mb=40_960, memory_used_mb=None, utilisation=None)
    soup = page(found(several), reported(report(whole, split(1, "3g.20gb"))))

    assert lines(soup)[:2] == ["GPU 0 A100 in use – –", "GPU 1 A100 slice 3g.20gb free – 0 of 20 GB"]


def test_without_reports_the_page_is_as_it_was() -> None:
    """Byte by byte, but for the name of the node that does not report."""
    plain = page(found(node(used=FIRST_USED), node("g002", used=FREE)))
    other = page(found(node(used=FIRST_USED), node("g002", used=FREE)), reported(NodeReport("g009", 1.0, devices=(device(0),))))

    assert str(plain) == str(other)
    assert not plain.select(".resource-form-devices, .resource-form-reports")
    assert plain.select_one('tr[data-node="g001"]').attrs == {"data-node": "g001"}  # type: ignore[union-attr]


def test_the_gpus_of_many_nodes_are_shown_to_those_only_who_look_at_them() -> None:
    """Each is a line of the page, which nobody reads who does not open the list; as many as :data:`MAX_DEVICES` are always there."""
    names = [f"n{number:03}" for number in range(MAX_DEVICES // 2 + 1)]
    many = found(*(node(name) for name in names))
    reports = [NodeReport(name, 1.0, devices=(device(0), device(1))) for name in names]

    for few_enough in (page(many, reported(*reports[1:])), page(many, reported(*reports), all_devices=True)):
        assert len(few_enough.select(".resource-form-devices")) >= MAX_DEVICES // 2
        assert few_enough.select_one("details[data-devices]") is None
    without = page(many, reported(*reports))
    assert not without.select(".resource-form-devices")
    assert without.select_one('details[data-devices="left-out"]') is not None
    assert "is shown a moment after this is opened" in without.get_text()


def test_no_style_or_script_stands_in_the_page() -> None:
    """The Hub's Content-Security-Policy may forbid both."""
    soup = page(found(node(used=FIRST_USED)), reported(report(device(0, utilisation=50), device(1, faults=("lost",)))))

    assert not soup.select("[style], script, style, [onclick]")


# --- the table and the verdict ---


def test_the_table_counts_no_gpu_that_is_of_no_use() -> None:
    nodes = [node(used=FREE, gpus_unfit=(("v100", 1),)), node("g002", used=FREE), node("g003", used=ALL_USED)]

    assert found(*nodes).value.partitions[0].gpu_table == {"v100": {"0": 1, "1": 1, "2": 1}}
    assert [(entry.free, entry.unfit) for entry in gpus_of(nodes[0])] == [(1, 1)]


def test_no_more_gpus_are_unfit_than_are_free() -> None:
    assert [(entry.free, entry.unfit) for entry in gpus_of(node(used=FIRST_USED, gpus_unfit=(("v100", 2),)))] == [(0, 1)]


ONE = " Slurm may still give you 1 that is faulty or in use outside of Slurm."
THREE = " Slurm may still give you some of 3 that are faulty or in use outside of Slurm."


@pytest.mark.parametrize(
    ("gpus", "unfit", "sentence"),
    [
        pytest.param("v100:1", ((FIRST_USED, 1), (ALL_USED, 0)), "Will wait: no node has a free V100." + ONE, id="the-only-one"),
        pytest.param("1", ((FIRST_USED, 1), (FREE, 2)), "Will wait: no node has a free GPU." + THREE, id="any-type"),
        pytest.param("v100:2", ((FREE, 1), (ALL_USED, 0)), "Will wait: no node has 2 free V100; 1 has one." + ONE, id="one-of-two"),
        pytest.param("v100:2", ((FIRST_USED, 1), (ALL_USED, 0)), "Will wait: no node has 2 free V100.", id="too-few-even-with-it"),
        pytest.param("v100:1", ((FREE, 1), (ALL_USED, 0)), "Starts now: 1 node has all of it free.", id="one-that-works"),
    ],
)
def test_the_verdict_says_what_slurm_may_do_all_the_same(gpus: str, unfit: tuple[tuple[str, int], ...], sentence: str) -> None:
    nodes = [
        node(f"g00{number}", used=used, gpus_unfit=(("v100", count),) if count else ()) for number, (used, count) in enumerate(unfit, 1)
    ]
    request = parse_request({"partition": "g100_int", "cores": 1, "memory": "4G", "walltime": "1h", "gpus": gpus})
    where = partition(nodes=tuple(entry.name for entry in nodes))

    assert verdict(request, ClusterForecast(nodes, [where], jobs=(), now=NOW)).sentence == sentence
