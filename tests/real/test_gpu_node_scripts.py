"""What share/ has for compute nodes, run by a real slurmd: prolog, epilog and health check, on NVML's interface over a text file."""

from __future__ import annotations

import http.server
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from private_slurm import packages
from private_slurm.cluster import PrivateCluster
from private_slurm.processes import wait_until
from private_slurm.spec import ClusterSpec, NodeGroup, Partition, SlurmInstallation

from spawner.gpu.agent.schema import NodeReport, parse_report
from tests.support.nvml_library import device, library_folder

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPTS = CHECKOUT / "share" / "resource_form" / "gpu-reporter"
NODE = "g001"
PATIENCE = 30.0

PROGRAM = """#!/bin/sh
export LD_LIBRARY_PATH={library} FAKE_NVML={said} PYTHONPATH={checkout}
exec {python} -c 'import sys; from spawner.cli.main import main; sys.exit(main())' "$@"
"""


@dataclass
class Rig:
    """A cluster of one node, whose slurmd runs our scripts; ``said`` is what NVML says there, ``program`` the reporter."""

    cluster: PrivateCluster
    folder: Path
    said: Path
    reports: queue.Queue[NodeReport]

    @property
    def program(self) -> Path:
        return self.folder / "resource-form"

    def report(self) -> NodeReport:
        return self.reports.get(timeout=PATIENCE)

    def state(self) -> str:
        return self.cluster.node(NODE)["State"]

    def reason(self) -> str:
        """The whole reason, which may hold blanks; empty if there is none."""
        shown = self.cluster.run("scontrol", "-o", "show", "node", NODE).stdout
        found = re.search(r" Reason=(.*) \[", shown)
        return found[1] if found else ""

    def check(self) -> None:
        """Run the health check as slurmd does."""
        self.cluster.run(str(self.folder / "health_check"), env={"SLURMD_NODENAME": NODE})

    def back_to_work(self) -> None:
        self.said.write_text(device(0) + device(1))
        if re.search("DRAIN|DOWN", self.state()):
            self.cluster.resume(NODE)


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture(scope="module")
def running_rig(test_folder: Path, slurm: SlurmInstallation) -> Iterator[Rig]:
    """The scripts as an admin puts them there: with the site's own paths and address at their heads."""
    folder = test_folder / "gpu-node"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    reports: queue.Queue[NodeReport] = queue.Queue()

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            reports.put(parse_report(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said, token = folder / "said", folder / "token"
    said.write_text(device(0) + device(1))
    token.touch(0o600)
    token.write_text("rfgpu.g001.00")
    write_program(folder / "resource-form", PROGRAM.format(library=library_folder(), said=said, checkout=CHECKOUT, python=sys.executable))
    own = {
        "hub_api_url": f"http://127.0.0.1:{server.server_port}/hub/api",
        "token_file": str(token),
        "program": str(folder / "resource-form"),
        "service": "no-such-service",
    }
    spec = ClusterSpec(
        name="node",
        nodes=(NodeGroup(NODE, cpus=4, memory_mb=1000, gres="gpu:v100:2"),),
        partitions=(Partition("all", NODE, "Default=YES"),),
        slurm_conf={
            "Prolog": str(folder / "prolog_epilog"),
            "Epilog": str(folder / "prolog_epilog"),
            "HealthCheckProgram": str(folder / "health_check_by_slurmd"),
            "HealthCheckInterval": "1",
            "HealthCheckNodeState": "ANY",
        },
        slurm=slurm,
    )
    cluster = PrivateCluster(spec, folder / "slurm")
    find_slurm = f"export SLURM_CONF={cluster.slurm_conf} PATH={cluster.bin_dir}:/usr/bin:/bin"
    for name in ("prolog_epilog", "health_check"):
        text = (SCRIPTS / f"{name}.sh").read_text()
        for variable, value in own.items():
            text = re.sub(rf"(?m)^{variable}=.*$", f"{variable}={value}", text)
        write_program(folder / name, text.replace("\n", f"\n{find_slurm}\n", 1))
    # slurmd's own check does nothing until a test wants it to.
    write_program(folder / "health_check_by_slurmd", f"#!/bin/sh\n[ -e {folder}/checks ] && exec {folder}/health_check\nexit 0\n")
    with cluster:
        yield Rig(cluster, folder, said, reports)
    server.shutdown()
    server.server_close()


@pytest.fixture
def rig(running_rig: Rig) -> Iterator[Rig]:
    """The node at work, with healthy devices and no job."""
    running_rig.back_to_work()
    yield running_rig
    (running_rig.folder / "checks").unlink(missing_ok=True)
    running_rig.cluster.cancel_all()
    running_rig.back_to_work()


def test_scripts_are_without_mistakes() -> None:
    """As far as shellcheck sees them."""
    packages.ensure_debian_packages(["shellcheck"])
    checked = subprocess.run(["shellcheck", *SCRIPTS.glob("*.sh")], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_node_reports_as_a_job_begins_and_ends(rig: Rig) -> None:
    """Prolog and epilog, each of them once, with Slurm's name of the node."""
    job = rig.cluster.submit(script="sleep 1")
    reports = [rig.report(), rig.report()]

    assert rig.cluster.wait_for_job_state(job) == "COMPLETED"
    assert [(report.node, len(report.devices)) for report in reports] == [(NODE, 2), (NODE, 2)]
    assert "DRAIN" not in rig.state()


def test_no_job_waits_for_a_report_and_no_node_is_drained(rig: Rig) -> None:
    """The driver hangs, and the reporter with it: jobs begin and end, and the node stays in service."""
    rig.said.write_text("device 0 hang 60000\n" + device(0))

    job = rig.cluster.submit(script="true")

    assert rig.cluster.wait_for_job_state(job, deadline_s=10) == "COMPLETED"
    wait_until(lambda: rig.state() == "IDLE", "the node to be idle", 10, rig.state)


def test_a_program_that_is_missing_drains_no_node(rig: Rig) -> None:
    program, text = rig.program, rig.program.read_text()
    program.unlink()
    try:
        job = rig.cluster.submit(script="true")
        assert rig.cluster.wait_for_job_state(job) == "COMPLETED"
        rig.check()
        wait_until(lambda: rig.state() == "IDLE", "the node to be idle", 10, rig.state)
    finally:
        write_program(program, text)


def test_a_lost_device_drains_the_node_and_running_jobs_go_on(rig: Rig) -> None:
    """By slurmd's own check."""
    job = rig.cluster.submit("--gres=gpu:1")
    rig.cluster.wait_for_job_state(job, "RUNNING")
    rig.said.write_text(device(0) + device(1, error=15))
    (rig.folder / "checks").touch()

    wait_until(lambda: "DRAIN" in rig.state(), "slurmd to drain the node", PATIENCE, rig.state)

    assert rig.reason() == "GPU 1: lost"
    assert rig.cluster.job_state(job) == "RUNNING"


@pytest.mark.parametrize("text", [device(0) + device(1, ecc=3), "init 9", "init 12"], ids=["a warning", "no driver", "no library"])
def test_what_can_still_be_used_or_not_be_looked_at_drains_nothing(rig: Rig, text: str) -> None:
    rig.said.write_text(text)

    rig.check()

    assert "DRAIN" not in rig.state()


@pytest.mark.parametrize("take_out", [PrivateCluster.drain, PrivateCluster.set_down], ids=["drained", "down"])
def test_a_reason_that_somebody_has_set_stays(rig: Rig, take_out: Callable[[PrivateCluster, str, str], None]) -> None:
    """Whoever has taken the node out by hand finds their own words; once it is back the check says its own."""
    rig.said.write_text(device(0, error_temp=15) + device(1, error=15))
    take_out(rig.cluster, NODE, "fan, ticket [12] of Ada's")
    rig.check()
    assert rig.reason() == "fan, ticket [12] of Ada's"

    rig.cluster.resume(NODE)
    for _ in range(2):
        rig.check()
    assert "DRAIN" in rig.state()
    assert rig.reason() == "GPU 0 (GPU-5f6c8f53-0000-4000-8000-000000000000): lost; GPU 1: lost"
