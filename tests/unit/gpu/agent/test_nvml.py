"""The reading of NVML: the real pynvml on a library that can do what a real one does on its worst days."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from spawner.gpu.agent.schema import parse_report
from tests.support.nvml_library import REPORT, V100, device, library_folder, read_once, run_python

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, to build a library with NVML's interface")


def test_a_healthy_device_is_read_whole(tmp_path: Path) -> None:
    report = read_once(tmp_path / "said", "driver 535.104.05\n" + device(0))

    assert (report["node"], report["driver"], report["error"]) == ("g001", "535.104.05", "")
    assert report["devices"] == [
        {
            "index": 0,
            "uuid": V100["uuid"],
            "name": "Tesla V100-SXM2-32GB",
            "minor": 0,
            "memory_total_mb": 32768,
            "memory_used_mb": 100,
            "utilisation": 97,
            "utilisation_peak": 100,
            "temperature": 44,
            "power": 250,
            "power_limit": 300,
            "mig": False,
            "processes": 2,
            "processes_memory_mb": 100,
            "ecc_uncorrected": 0,
            "instances": [],
        }
    ]


def test_what_is_not_supported_is_left_out_and_never_zero(tmp_path: Path) -> None:
    said = "device 0 uuid GPU-1\ndevice 0 name Quadro\ndevice 0 total 8192\ndevice 0 used 5\n"

    found = read_once(tmp_path / "said", said)["devices"]

    assert found == [{"index": 0, "uuid": "GPU-1", "name": "Quadro", "memory_total_mb": 8192, "memory_used_mb": 5, "instances": []}]


def test_an_old_driver_without_the_second_version_counts_what_is_reserved_as_used(tmp_path: Path) -> None:
    said = device(0, reserved=None, used=7)

    assert read_once(tmp_path / "said", said)["devices"][0]["memory_used_mb"] == 7


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("gpu", {"utilisation", "utilisation_peak"}),
        ("peak", {"utilisation_peak"}),
        ("power", {"power"}),
        ("temp", {"temperature"}),
        ("processes", {"processes", "processes_memory_mb"}),
        ("ecc", {"ecc_uncorrected"}),
        ("mig", {"mig"}),
    ],
)
def test_one_question_that_fails_costs_its_own_answer_only(tmp_path: Path, question: str, missing: set[str]) -> None:
    whole = read_once(tmp_path / "said", device(0))["devices"][0]

    found = read_once(tmp_path / "said", device(0, **{f"error_{question}": 999}))["devices"][0]

    assert set(whole) - set(found) == missing


def test_mig_shows_its_slices_and_no_utilisation(tmp_path: Path) -> None:
    slices = "".join(
        f"mig 0 {number} uuid MIG-{number}\nmig 0 {number} name NVIDIA A100 MIG {profile}\nmig 0 {number} total 20096\n"
        f"mig 0 {number} used {number}\nmig 0 {number} processes {number}\n"
        for number, profile in enumerate(("3g.20gb", "4g.20gb"))
    )

    found = read_once(tmp_path / "said", device(0, mig=1, name="NVIDIA A100") + slices)["devices"][0]

    assert found["mig"] is True
    assert "utilisation" not in found
    assert "utilisation_peak" not in found
    assert found["instances"] == [
        {"uuid": "MIG-0", "profile": "3g.20gb", "memory_total_mb": 20096, "memory_used_mb": 0, "processes": 0},
        {"uuid": "MIG-1", "profile": "4g.20gb", "memory_total_mb": 20096, "memory_used_mb": 1, "processes": 1},
    ]


def test_a_lost_device_is_told_as_lost_and_the_others_go_on(tmp_path: Path) -> None:
    first, second = read_once(tmp_path / "said", device(0, error=15) + device(1))["devices"]

    assert first == {"index": 0, "faults": ["lost"], "instances": []}
    assert second["utilisation"] == 97


def test_a_device_that_is_lost_while_it_is_read_keeps_what_it_has_said(tmp_path: Path) -> None:
    found = read_once(tmp_path / "said", device(0, error_temp=15))["devices"][0]

    assert found["uuid"] == V100["uuid"]
    assert found["faults"] == ["lost"]


def test_a_device_that_was_known_is_lost_under_its_own_name(tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.write_text(device(0) + device(1))
    program = (
        REPORT + "import pathlib, os; said = pathlib.Path(os.environ['FAKE_NVML']); reader.read('g001')\n"
        "said.write_text(said.read_text() + 'device 1 error 15\\n')\n"
        "print(as_json(reader.read('g001')))"
    )

    lost = json.loads(run_python(program, said))["devices"][1]

    assert lost == {
        "index": 1,
        "uuid": "GPU-5f6c8f53-0000-4000-8000-000000000001",
        "name": V100["name"],
        "minor": 1,
        "faults": ["lost"],
        "instances": [],
    }


def test_what_no_report_can_hold_does_not_cost_the_report(tmp_path: Path) -> None:
    strange = device(0, name="™ Quadro® RTX, <8000>", power=4294967295, gpu=101, temp=100000)

    report = read_once(tmp_path / "said", f"driver 535.1 <script>\n{strange}{device(1)}")

    parse_report(json.dumps(report))
    odd, healthy = report["devices"]
    assert report["driver"] == "535.1 script"
    assert (odd["name"], odd["memory_total_mb"]) == ("Quadro RTX 8000", 32768)
    assert not {"power", "utilisation", "temperature"} & set(odd)
    assert healthy["power"] == 250


@pytest.mark.parametrize(
    ("changes", "fault"),
    [({"ecc": 3}, "ecc"), ({"retired": 1}, "retired_pages"), ({"remap": 1}, "row_remap_failure"), ({"error_handle": 999}, "no_answer")],
)
def test_what_is_broken_has_a_word(tmp_path: Path, changes: dict[str, int], fault: str) -> None:
    assert read_once(tmp_path / "said", device(0, **changes))["devices"][0]["faults"] == [fault]


@pytest.mark.parametrize(("xid", "faults"), [(79, ["xid"]), (31, None)])
def test_an_xid_of_the_device_is_a_fault_and_one_of_a_program_is_not(tmp_path: Path, xid: int, faults: list[str] | None) -> None:
    said = tmp_path / "said"
    said.write_text(device(0, xid=xid))

    second = json.loads(run_python(REPORT + 'reader.read("g001"); print(as_json(reader.read("g001")))', said))["devices"][0]

    assert second["last_xid"] == xid
    assert second.get("faults") == faults


@pytest.mark.parametrize(
    ("code", "error"),
    [(9, "no_driver"), (18, "version_mismatch"), (4, "no_permission"), (10, "timeout"), (999, "failed"), (12, "no_library")],
)
def test_a_node_whose_driver_is_not_well_says_so(tmp_path: Path, code: int, error: str) -> None:
    report = read_once(tmp_path / "said", f"init {code}\n" + device(0))

    assert (report["error"], report["devices"]) == (error, [])


def test_a_node_without_the_library_says_so(tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.write_text(device(0))

    report = json.loads(run_python(REPORT + 'print(as_json(reader.read("c001")))', said, library=tmp_path))

    assert (report["error"], report["devices"]) == ("no_library", [])


def test_a_driver_that_dies_is_begun_anew_when_it_is_back(tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.write_text(device(0))
    program = (
        REPORT + "import pathlib, os; said = pathlib.Path(os.environ['FAKE_NVML']); healthy = said.read_text(); reports = []\n"
        "for text in (healthy, 'count 999\\n' + healthy, healthy):\n"
        "    said.write_text(text); reports.append(reader.read('g001'))\n"
        "print([(report.error, len(report.devices)) for report in reports])"
    )

    assert run_python(program, said).strip() == "[('', 1), ('failed', 0), ('', 1)]"


def test_nothing_of_processes_but_their_number_and_memory_leaves_the_node(tmp_path: Path) -> None:
    text = json.dumps(read_once(tmp_path / "said", device(0)))

    assert "765432" not in text, "the library gives its processes the ids 7654321 and 7654322"
    assert library_folder().is_dir()
