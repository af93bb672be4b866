"""The whole way: a service's token, a node's made from it, the reporter on NVML's interface, the proxy, the Hub, and what it tells."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from private_slurm.cluster import PrivateCluster

from tests.support.nvml_library import device, environment
from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, wait_for

NODE = "g001"
COMMAND = [sys.executable, "-c", "import sys; from spawner.cli.main import main; sys.exit(main())"]


@pytest.fixture(scope="module")
def service_token(environments: Environments) -> Path:
    """The file that the Hub's configuration names."""
    path = environments.folder / "gpu-service-token"
    path.touch(mode=0o600)
    path.write_text(f"{secrets.token_hex(32)}\n")
    return path


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], service_token: Path) -> Iterator[Site]:
    more = f"spawner.configure(c, gpu_report_token_file={str(service_token)!r})\n"
    with open_site("hub-gpu-reporter", environments, cluster, users, more) as site:
        yield site


@pytest.fixture
def token(service_token: Path, tmp_path: Path) -> Path:
    """The node's, as the admin makes it and brings it to the node."""
    subprocess.run([*COMMAND, "gpu-token", "--token-file", str(service_token), "--directory", str(tmp_path), NODE], check=True)
    return tmp_path / NODE


def arguments(site: Site, token: Path, *more: str) -> list[str]:
    return [*COMMAND, "gpu-report", "--hub-api-url", f"{site.hub.url}hub/api", "--token-file", str(token), "--node", NODE, *more]


def shown(site: Site) -> list[dict[str, Any]]:
    """The node's devices as the Hub tells them."""
    status, answer = site.call("GET", "/resource-form/cluster")
    assert status == 200, answer
    return next(entry["devices"] for entry in answer["nodes"] if entry["name"] == NODE)


def test_one_report_and_what_the_hub_says_of_others(site: Site, token: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.write_text("driver 535.104.05\n" + device(0, gpu=12) + device(1, gpu=34))

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = arguments(site, token, "--once", *more)
        return subprocess.run(command, env=environment(said), capture_output=True, text=True, check=False, timeout=60)

    good = run()
    assert good.returncode == 0, good.stderr
    assert [entry["utilisation"] for entry in shown(site)] == [12, 34]

    said.write_text(device(0, gpu=99) + device(1, gpu=99))
    other = run("--node", "g002")
    assert other.returncode == 1
    assert "This token is another node's." in other.stderr
    token.write_text(token.read_text()[:-5] + "0000\n")
    wrong = run()
    assert wrong.returncode == 1
    assert "The Hub answered 403" in wrong.stderr
    assert token.read_text().strip() not in wrong.stderr
    assert [entry["utilisation"] for entry in shown(site)] == [12, 34]


def test_it_goes_on_through_a_restart_of_the_hub(site: Site, token: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.write_text(device(0, gpu=1) + device(1, gpu=1))
    command = arguments(site, token, "--interval", "1", "--lock-file", str(tmp_path / "lock"))
    process = subprocess.Popen(command, env=environment(said), stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: [entry["utilisation"] for entry in shown(site)] == [1, 1], "a first report", 20)
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(2)]
        site.hub.stop()
        lines.append(process.stderr.readline())
        site.hub.start()
        said.write_text(device(0, gpu=2) + device(1, error=15))
        wait_for(lambda: [entry["faulty"] for entry in shown(site)] == [False, True], "a report at the new Hub", 40)
    finally:
        process.send_signal(signal.SIGTERM)
        _out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert f"The Hub takes the reports of {NODE}: 2 devices." in lines[1]
    assert "The Hub" in lines[2]
    assert "The Hub takes reports again." in err
    assert len(err.splitlines()) < 10
