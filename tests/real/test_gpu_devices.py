"""What nodes report of their GPUs, beside what Slurm says of them: as JSON, in the table, in the verdict and on the page."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect
from private_slurm.cluster import PrivateCluster

from spawner.gpu.agent.schema import Device, NodeReport, as_json
from tests.support.browsing import log_in, open_nodes, serious_findings
from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, wait_for

SERVICE = secrets.token_hex(32)
GPU_NODES = ("g001", "g002", "g003")
"""Those that everybody may use: the fourth is reserved."""

ALL_FREE = {"0": 0, "1": 0, "2": 3}
STRAY_AFTER_SECONDS = 2


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub that takes reports, and calls a process a stray soon."""
    path = environments.folder / "gpu-devices-token"
    path.touch(mode=0o600)
    path.write_text(SERVICE)
    more = f"""
spawner.configure(c, gpu_report_token_file={str(path)!r})
c.SlurmCluster.gpu_stray_after = {STRAY_AFTER_SECONDS}
"""
    with open_site("hub-gpu-devices", environments, cluster, users, more) as site:
        yield site


@contextmanager
def other_setting(site: Site, line: str) -> Iterator[None]:
    """The Hub with one more line in its configuration."""
    before = site.hub.config
    site.hub.restart(config=f"{before}\n{line}\n")
    try:
        yield
    finally:
        site.hub.restart(config=before)


def device(node: str, index: int, **changes: Any) -> Device:
    """An idle V100."""
    idle = Device(
        index,
        f"GPU-{node}-{index}",
        "Tesla V100-SXM2-32GB",
        minor=index,
        memory_total_mb=32768,
        memory_used_mb=0,
        utilisation=0,
        temperature=34,
        power=41,
        mig=False,
        processes=0,
    )
    return replace(idle, **changes)


def send(site: Site, node: str, *devices: Device) -> None:
    """A node's report, in its turn."""
    body = as_json(NodeReport(node, time.time(), "535.104.05", devices or (device(node, 0), device(node, 1))))

    def sent() -> bool:
        answer = requests.post(
            f"{site.hub.url}hub/api/resource-form/gpu-reports", data=body, headers={"Authorization": f"token {SERVICE}"}, timeout=30
        )
        assert answer.status_code in (204, 429), f"HTTP {answer.status_code}: {answer.text}"
        return answer.status_code == 204

    wait_for(sent, f"the turn of {node} to report", every=0.3)


def answer_of(site: Site) -> dict[str, Any]:
    status, answer = site.call("GET", "/resource-form/cluster")
    assert status == 200, answer
    return dict(answer)


def devices_of(site: Site, node: str) -> list[dict[str, Any]]:
    return [dict(each) for entry in answer_of(site)["nodes"] if entry["name"] == node for each in entry["devices"]]


def shown(site: Site, node: str, key: str) -> list[Any]:
    """One value of each of the node's devices."""
    return [each[key] for each in devices_of(site, node)]


def table(site: Site) -> dict[str, int]:
    return dict(answer_of(site)["partitions"]["g100_int"]["gpu_table"]["v100"])


@pytest.fixture
def reporting(site: Site) -> Site:
    """The site, all of whose nodes say that their GPUs are sound and idle."""
    for node in (*GPU_NODES, "g004"):
        send(site, node)
    wait_for(lambda: table(site) == ALL_FREE and shown(site, "g001", "stray") == [False, False], "all to be free", every=0.5)
    return site


def stray_on_g001(site: Site) -> bool:
    """One more report of a process on the second GPU; whether the Hub calls it a stray."""
    send(site, "g001", device("g001", 0), device("g001", 1, memory_used_mb=20_000, processes=1, utilisation=100))
    return shown(site, "g001", "stray") == [False, True]


def fill(site: Site, node: str) -> int:
    """Take one GPU of the node."""
    job = site.cluster.submit(
        f"--nodelist={node}", "--gres=gpu:1", "--mem=1G", "--account=cin_train", "--partition=g100_int", user=site.users[0]
    )
    site.cluster.wait_for_job_state(job, "RUNNING")
    return job


def test_without_reports_all_is_as_before(site: Site) -> None:
    site.hub.restart()

    assert {len(entry["devices"]) for entry in answer_of(site)["nodes"]} == {0}
    assert table(site) == ALL_FREE
    page = site.visitor().form()
    assert page.soup.select(".resource-form-nodes tr[data-node]")
    assert not page.soup.select(".resource-form-devices")


def test_a_job_is_on_the_very_device_that_slurm_gave_it(reporting: Site) -> None:
    site = reporting
    first, second = fill(site, "g001"), fill(site, "g001")
    send(site, "g001", device("g001", 0, utilisation=97, memory_used_mb=12_500, processes=1), device("g001", 1))
    wait_for(lambda: shown(site, "g001", "allocated") == [True, True], "both GPUs to be given away", every=0.5)
    assert site.cluster.node("g001")["GresUsed"].startswith("gpu:v100:2(IDX:0-1)")
    site.cluster.run("scancel", str(first))

    wait_for(lambda: shown(site, "g001", "allocated") == [False, True], "the first GPU to be free", every=0.5)
    assert site.cluster.node("g001")["GresUsed"].startswith("gpu:v100:1(IDX:1)")
    told = devices_of(site, "g001")[0]
    assert (told["index"], told["type"], told["utilisation"]) == (0, "v100", 97)
    assert (told["memory_used_mb"], told["memory_total_mb"]) == (12_500, 32_768)
    assert 0 <= told["age"] < 60
    assert second in site.cluster.active_jobs()


def test_a_gpu_that_a_stray_process_fills_is_not_counted_as_free(reporting: Site) -> None:
    """Until the process is gone. A job's own process is none, however full the GPU is."""
    site = reporting
    assert not stray_on_g001(site), "one report alone tells nothing: a job may have just ended"
    assert table(site) == ALL_FREE

    wait_for(lambda: stray_on_g001(site), "the stray to be noticed", every=0.5)

    assert table(site) == {"0": 0, "1": 1, "2": 2}
    page = site.visitor().form()
    assert page.table() == {"no free GPU": 0, "1 free GPU": 1, "2 free GPUs": 2}
    lines = [" ".join(line.get_text(" ").split()) for line in page.soup.select('[data-devices-of="g001"] li')]
    assert lines == ["GPU 0 free 0 % 0 of 32 GB", "GPU 1 free 100 % 19.5 of 32 GB stray process In use outside of Slurm."]
    send(site, "g001")
    wait_for(lambda: table(site) == ALL_FREE, "the GPU to count again", every=0.5)
    assert shown(site, "g001", "stray") == [False, False]


def test_the_process_of_a_job_is_no_stray(reporting: Site) -> None:
    site = reporting
    for _ in range(2):
        fill(site, "g001")
    full = {"memory_used_mb": 20_000, "processes": 1}
    wait_for(lambda: table(site) == {"0": 1, "1": 0, "2": 2}, "both GPUs to be given away", every=0.5)
    began = time.monotonic()

    def looked_at_for_long_enough() -> bool:
        send(site, "g001", device("g001", 0, **full), device("g001", 1, **full))
        assert shown(site, "g001", "stray") == [False, False]
        return time.monotonic() - began > 3 * STRAY_AFTER_SECONDS

    wait_for(looked_at_for_long_enough, "the time after which a stray would be called one", every=0.5)
    assert table(site) == {"0": 1, "1": 0, "2": 2}


def test_a_device_that_is_lost_is_faulty_and_not_free(reporting: Site) -> None:
    site = reporting
    for node in GPU_NODES:
        send(site, node, device(node, 0), Device(1, faults=("lost",)))

    wait_for(lambda: table(site) == {"0": 0, "1": 3, "2": 0}, "the lost ones not to count", every=0.5)

    for node in GPU_NODES:
        assert shown(site, node, "faulty") == [False, True]
    lost = devices_of(site, "g001")[1]
    assert (lost["faults"], lost["utilisation"], lost["memory_used_mb"]) == (["lost"], None, None)
    request = {"account": "cin_train", "partition": "g100_int", "gpus": "v100:2", "cores": 1, "memory": "4G", "walltime": "1h"}
    said = site.visitor().api("POST", "resource-form/check", json=request).json()
    why = "no node has 2 free V100; 3 have one. Slurm may still give you some of 3 that are faulty or in use outside of Slurm."
    assert (said["verdict"], said["sentence"]) == ("wait", f"Will wait: {why}")


def test_reports_that_are_not_trusted_are_shown_and_change_nothing(reporting: Site) -> None:
    site = reporting
    with other_setting(site, "c.SlurmCluster.trust_gpu_reports = False"):
        send(site, "g002", device("g002", 0), Device(1, faults=("lost",)))
        wait_for(lambda: shown(site, "g002", "faulty") == [False, True], "the report", every=0.5)
        wait_for(lambda: stray_on_g001(site), "the stray to be noticed", every=0.5)

        assert table(site) == ALL_FREE
        assert site.visitor().form().table() == {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 3}


def test_users_read_it_on_any_screen(reporting: Site, browser: Browser, pages_are_closed: None) -> None:
    """Nothing runs out of the page, and axe-core finds nothing serious."""
    site = reporting
    send(site, "g002", device("g002", 0, utilisation=40, memory_used_mb=9000), Device(1, faults=("lost",)))
    wait_for(lambda: stray_on_g001(site), "the stray to be noticed", every=0.5)
    for width, scheme in ((1200, "light"), (390, "dark")):
        page = log_in(site, browser, site.users[0], width=width, scheme=scheme)
        open_nodes(page)
        lines = page.locator('[data-devices-of="g001"] li')
        expect(lines).to_have_count(2)
        expect(lines.nth(1)).to_contain_text("stray process")
        expect(page.locator('[data-devices-of="g002"] li').nth(1)).to_contain_text("faulty")
        assert serious_findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_gpus_of_a_large_cluster_are_fetched_when_somebody_looks(
    reporting: Site,
    browser: Browser,
    pages_are_closed: None,
) -> None:
    """Four nodes of 64 devices each are more than a page has from the start."""
    site = reporting
    for node in (*GPU_NODES, "g004"):
        send(site, node, *(device(node, index) for index in range(64)))
    page = log_in(site, browser, site.users[0])
    devices = page.locator(".resource-form-devices li")
    assert page.locator('.resource-form-nodes[data-devices="left-out"]').count() == 1
    assert devices.count() == 0

    open_nodes(page)

    expect(devices).to_have_count(256)
    assert page.locator(".resource-form-nodes").evaluate("details => details.open")
