"""What do a thousand nodes that report their GPUs every 15 s cost the Hub, and what does the Hub keep of ten thousand?

``python benchmarks/gpu_reports.py``: a real JupyterHub with its proxy and database; Slurm's commands are those of :mod:`large_cluster`;
the nodes are tasks of a second process, each with a token of its own. Exits with 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import pwd
import random
import re
import resource
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from large_cluster import LargeCluster
from private_slurm import packages
from private_slurm.demo_setup import plugin_config
from private_slurm.hub import PrivateHub

from spawner.gpu.agent.schema import Device, NodeReport, as_json, parse_report
from spawner.gpu.agent.tokens import node_token
from spawner.gpu.store import ReportStore

MAX_CPU = 0.05
"""Of a core, for all reports together."""

MAX_MB = 256
"""For all that the Hub keeps."""

PATH = "/hub/api/resource-form/gpu-reports"
REPORTS = 4
"""Different ones of each node."""


def node_report(node: str, devices: int, seed: int) -> NodeReport:
    """What the reporter sends of a node whose GPUs are at work."""
    chance = random.Random(f"{node} {seed}")
    uuids = random.Random(node)
    return NodeReport(
        node,
        time.time(),
        "550.90.07",
        tuple(
            Device(
                number,
                f"GPU-{uuids.randrange(16**8):08x}-4c1e-4b5f-9d0a-{uuids.randrange(16**12):012x}",
                "NVIDIA A100-SXM4-80GB",
                number,
                81_251,
                chance.randrange(81_251),
                chance.randrange(101),
                100,
                30 + chance.randrange(50),
                60 + chance.randrange(340),
                400,
                False,
                (),
                1,
                chance.randrange(81_251),
                0,
            )
            for number in range(devices)
        ),
    )


# --- the nodes ---------------------------------------------------------------------------------------------------------------------


@dataclass
class Answers:
    """What came of the reports: seconds until each answer, and how many were refused."""

    times: list[float] = field(default_factory=list)
    refused: int = 0

    def percentile(self, share: float) -> float:
        """In milliseconds."""
        return 1000 * sorted(self.times)[min(len(self.times) - 1, int(share * len(self.times)))]


@dataclass(frozen=True)
class Way:
    """One way to report; only that of the reporter has a limit. ``question``: what is asked instead, for comparison."""

    name: str
    straight: bool = True
    keep: bool = True
    question: str = ""
    limit: float | None = None


WAYS = (
    Way("reports, connections kept", limit=MAX_CPU),
    Way("reports, a connection each", keep=False),
    Way("reports, through the proxy", straight=False, keep=False),
    Way("JupyterHub's own GET /hub/api", question="/hub/api"),
)


@dataclass(frozen=True)
class Order:
    """What the second process is to do: for so many ``seconds`` each of ``nodes`` reports ``every`` so many, to this port."""

    port: int
    nodes: Sequence[str]
    key: str
    every: float
    seconds: float
    way: Way


async def _node(order: Order, node: str, begin: float, answers: Answers) -> None:
    chance = random.Random(node)
    head = f"Host: hub\r\nAuthorization: token {node_token(order.key, node)}\r\n" + ("" if order.way.keep else "Connection: close\r\n")
    if order.way.question:
        requests = [f"GET {order.way.question} HTTP/1.1\r\n{head}\r\n".encode()]
    else:
        bodies = [as_json(node_report(node, 4, seed)) for seed in range(REPORTS)]
        requests = [f"POST {PATH} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode() for body in bodies]
    moment = begin + order.every * chance.random()
    reader = writer = None
    while moment < begin + order.seconds:
        await asyncio.sleep(moment - time.monotonic())
        moment += order.every
        begun = time.monotonic()
        if writer is None or reader is None:
            reader, writer = await asyncio.open_connection("127.0.0.1", order.port)
        writer.write(chance.choice(requests))
        answer = await reader.readuntil(b"\r\n\r\n")
        answers.times.append(time.monotonic() - begun)
        length = re.search(rb"content-length: ([0-9]+)", answer.lower())
        await reader.readexactly(int(length[1]) if length else 0)
        answers.refused += not answer.startswith((b"HTTP/1.1 204", b"HTTP/1.1 200"))
        if not order.way.keep:
            writer.close()
            reader = writer = None
    if writer is not None:
        writer.close()


async def _all_nodes(order: Order) -> Answers:
    answers = Answers()
    begin = time.monotonic() + 1
    await asyncio.gather(*(_node(order, node, begin, answers) for node in order.nodes))
    return answers


def simulate(pipe: multiprocessing.connection.Connection) -> None:
    """The second process: reports as it is told to, and sends back what came of it."""
    while (order := pipe.recv()) is not None:
        pipe.send(asyncio.run(_all_nodes(order)))


# --- the Hub -----------------------------------------------------------------------------------------------------------------------


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    cells = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(cells[11]) + int(cells[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int | str) -> float:
    """Memory of a process that is in use."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def make_hub(folder: Path, key: str, proxy: Path) -> PrivateHub:
    """A Hub for the cluster of :mod:`large_cluster`, with the service that nodes' tokens are made from."""
    commands = folder / "slurm"
    commands.mkdir(parents=True)
    own = pwd.getpwuid(os.getuid())
    LargeCluster(own.pw_name, own.pw_uid).write(commands)
    (folder / "releases.yaml").write_text(json.dumps({"releases": [{"tag": "bench", "date": "2026-01-01", "path": "/nowhere"}]}))
    (folder / "token").touch(mode=0o600)
    (folder / "token").write_text(key)
    config = plugin_config(Path("/dev/null"), folder / "releases.yaml", str(commands))
    config += f"spawner.configure(c, gpu_report_token_file={str(folder / 'token')!r})\n"
    return PrivateHub(folder / "hub", bin_dir=Path(sys.prefix) / "bin", proxy=proxy, config=config)


def measure_hub(folder: Path, nodes: int, every: float, seconds: float) -> bool:
    """The Hub's cost for each way to report; whether the limit is kept."""
    default = Path(tempfile.gettempdir()) / f"jupyterhub-resource-form-tests-{os.geteuid()}"
    proxy = packages.ensure_node_package(packages.PROXY_PACKAGE, Path(os.environ.get("RESOURCE_FORM_TEST_DIR", default)) / "node")
    key, kept = secrets.token_hex(32), True
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    simulator = spawn.Process(target=simulate, args=(theirs,), daemon=True)
    simulator.start()
    theirs.close()
    names = [f"{prefix}{number:05}" for prefix, count in (("a", 2000), ("v", 1000), ("h", 600)) for number in range(count)][:nodes]
    with make_hub(folder, key, proxy) as hub:
        straight = hub._hub_port  # noqa: SLF001 - where the Hub itself listens is nobody else's business

        def report(way: Way, seconds: float) -> Answers:
            ours.send(Order(straight if way.straight else hub.port, names, key, every, seconds, way))
            answers: Answers = ours.recv()
            return answers

        # The first of them make the Hub ask for its nodes.
        report(WAYS[0], every)
        idle = _cpu_share(hub.pid, lambda: time.sleep(seconds))
        print(
            f"{nodes} nodes with 4 GPUs, each every {every:g} s, for {seconds:g} s each way; the Hub without reports: {idle:.2%} of a core"
        )
        print(f"{'':32} {'core':>7} {'limit':>6} {'ms each':>8} {'each s':>7} {'p50 ms':>7} {'p99 ms':>7} {'refused':>8} {'Hub, MB':>8}")
        for way in WAYS:
            found: list[Answers] = []
            begun = time.monotonic()
            share = _cpu_share(hub.pid, lambda way=way, found=found: found.append(report(way, seconds))) - idle  # type: ignore[misc]
            took, answers = time.monotonic() - begun, found[0]
            is_kept = not answers.refused and (way.limit is None or share < way.limit)
            kept = kept and is_kept
            limit = "" if way.limit is None else f"{way.limit:.0%}"
            print(
                f"{way.name:32} {share:7.2%} {limit:>6} {1000 * share * took / len(answers.times):8.2f} "
                f"{len(answers.times) / took:7.1f} {answers.percentile(0.5):7.1f} {answers.percentile(0.99):7.1f} {answers.refused:8} "
                f"{resident_mb(hub.pid):8.0f}{'' if is_kept else '  TOO MUCH'}",
                flush=True,
            )
    hub.close()
    ours.send(None)
    return kept


def _cpu_share(pid: int, work: Callable[[], None]) -> float:
    begun, before = time.monotonic(), cpu_seconds(pid)
    work()
    return (cpu_seconds(pid) - before) / (time.monotonic() - begun)


# --- the store ---------------------------------------------------------------------------------------------------------------------


def measure_store(nodes: int, devices: int) -> bool:
    """What the Hub keeps after an hour of reports, in this process; whether the limit is kept."""
    now = time.time()
    store = ReportStore(lambda: now, fresh_seconds=lambda: 90.0)
    gc.collect()
    before, collection_before = resident_mb("self"), _collection_ms()
    for minute in range(61):
        for number in range(nodes):
            # The first and the last one are read as they were sent; in between only the history grows.
            if minute in (0, 60):
                report = parse_report(as_json(node_report(f"n{number:05}", devices, minute)))
            else:
                latest = store.latest(f"n{number:05}")
                assert latest is not None
                report = latest.report
            store.put(report)
        now += 60
    gc.collect()
    took, longer = resident_mb("self") - before, _collection_ms() - collection_before
    print(
        f"\n{nodes} nodes with {devices} GPUs, an hour of history: {took:.0f} MB (limit {MAX_MB}), "
        f"{took * 2**20 / nodes / devices:.0f} bytes a GPU; a full run of Python's collector takes {longer:.0f} ms longer"
    )
    begun = time.perf_counter()
    store.forget_others(frozenset())
    print(f"to forget all of them takes {1000 * (time.perf_counter() - begun):.0f} ms")
    return took < MAX_MB


def _collection_ms() -> float:
    begun = time.perf_counter()
    gc.collect()
    return 1000 * (time.perf_counter() - begun)


def main() -> int:
    """Measure, print, and say with the exit status whether the limits are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--every", type=float, default=15.0, help="seconds from one report of a node to the next")
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long each way is measured")
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = Path(tempfile.mkdtemp(prefix="gpu-reports-"))
    try:
        kept = measure_hub(folder, arguments.nodes, arguments.every, arguments.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if measure_store(10_000, 8) and kept else 1


if __name__ == "__main__":
    sys.exit(main())
