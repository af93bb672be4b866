"""What does the reporter cost a node beyond NVML?

``python benchmarks/gpu_reporter.py``: ``resource-form gpu-report`` beside a bare process that imports pynvml and asks it the same questions
at the same interval, all of them at the same time, on the library of the tests. Exits with 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from certipy import Certipy

from tests.support.nvml_library import device, environment

ROOT = Path(__file__).parents[1]
LIMIT_MB, LIMIT_PERCENT = 20.0, 0.1

REPORTER = "import sys; from spawner.cli.main import main; sys.exit(main())"

BARE = """
import sys, time
from pynvml import *
nvmlInit()

def ask(question, *arguments):
    try:
        return question(*arguments)
    except NVMLError:
        return None

events, watched, since = nvmlEventSetCreate(), set(), {}
while True:
    count = nvmlDeviceGetCount()
    ask(nvmlEventSetWait, events, 0)
    for index in range(count):
        handle = ask(nvmlDeviceGetHandleByIndex, index)
        for question in (nvmlDeviceGetUUID, nvmlDeviceGetName, nvmlDeviceGetMinorNumber, nvmlDeviceGetMigMode,
                         nvmlDeviceGetUtilizationRates, nvmlDeviceGetPowerUsage, nvmlDeviceGetEnforcedPowerLimit,
                         nvmlDeviceGetComputeRunningProcesses,
                         nvmlDeviceGetRetiredPagesPendingStatus, nvmlDeviceGetRemappedRows):
            ask(question, handle)
        ask(nvmlDeviceGetMemoryInfo, handle, nvmlMemory_v2)
        ask(nvmlDeviceGetTemperature, handle, NVML_TEMPERATURE_GPU)
        ask(nvmlDeviceGetTotalEccErrors, handle, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC)
        samples = ask(nvmlDeviceGetSamples, handle, NVML_GPU_UTILIZATION_SAMPLES, since.get(index, 0))
        if samples:
            since[index] = max(sample.timeStamp for sample in samples[1])
        if index not in watched:
            watched.add(index)
            ask(nvmlDeviceRegisterEvents, handle, nvmlEventTypeXidCriticalError, events)
    ask(nvmlSystemGetDriverVersion)
    time.sleep(float(sys.argv[1]))
"""


@dataclass
class Measured:
    """One process, its CPU time in a span of seconds again and again (percent of a core), and its memory in MB in the end."""

    name: str
    process: subprocess.Popen[Any]
    percents: list[float] = field(default_factory=list)
    last: float = 0.0

    def cpu_seconds(self) -> float:
        """All threads', those that are over too: the kernel's CPU clock of a process (clock_getcpuclockid(3))."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def memory(self, key: str) -> float:
        text = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(key)) / 1024

    @property
    def percent(self) -> float:
        return statistics.mean(self.percents)


def server(context: ssl.SSLContext | None, closes: bool) -> tuple[http.server.ThreadingHTTPServer, list[int]]:
    """Takes reports; closes the connection after each of them as proxies do, for they find it idle."""
    taken: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            taken.append(len(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            self.close_connection = closes

        def log_message(self, *args: Any) -> None:
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    if context is not None:
        made.socket = context.wrap_socket(made.socket, server_side=True)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    return made, taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interval", type=float, default=15.0, help="seconds from one report to the next")
    parser.add_argument("--spans", type=int, default=3, help="how often to measure")
    parser.add_argument("--reports", type=int, default=4, help="reports in each of these spans")
    parser.add_argument("--devices", type=int, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        return measure(arguments, Path(name), stack)


def measure(arguments: argparse.Namespace, folder: Path, stack: contextlib.ExitStack) -> int:
    said, token = folder / "said", folder / "token"
    said.write_text("driver 535.104.05\n" + "".join(device(index) for index in range(arguments.devices)))
    token.touch(0o600)
    token.write_text("rfgpu.g001.0000")
    store = Certipy(store_dir=str(folder))
    store.create_ca("authority")
    store.create_signed_pair("hub", "authority", alt_names=["DNS:localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(store.store.get_files("hub").cert.file_path, store.store.get_files("hub").key.file_path)
    authority = store.store.get_files("authority").cert.file_path

    def begin(name: str, *command: str) -> Measured:
        argv = [sys.executable, "-c", *command]
        process = subprocess.Popen(argv, env=environment(said), cwd=ROOT, stderr=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.send_signal, signal.SIGTERM)
        return Measured(name, process)

    bare = begin("pynvml alone", BARE, str(arguments.interval))
    reporters, counts = [], {}
    for secure in (False, True):
        for closes in (False, True):
            made, taken = server(context if secure else None, closes)
            name = f"reporter, {'https' if secure else 'http'}, {'a new connection each time' if closes else 'one connection'}"
            url = f"{'https' if secure else 'http'}://localhost:{made.server_port}/hub/api"
            given = [
                "gpu-report",
                "--hub-api-url",
                url,
                "--token-file",
                str(token),
                "--node",
                "g001",
                "--interval",
                str(arguments.interval),
            ]
            reporters.append(begin(name, REPORTER, *given, "--lock-file", str(folder / f"lock{made.server_port}"), "--ca-file", authority))
            counts[name] = taken
    time.sleep(2.5 * arguments.interval)
    everybody = [bare, *reporters]
    seen = {name: len(taken) for name, taken in counts.items()}
    for each in everybody:
        each.last = each.cpu_seconds()
    for _ in range(arguments.spans):
        time.sleep(arguments.reports * arguments.interval)
        for each in everybody:
            now = each.cpu_seconds()
            each.percents.append(100 * (now - each.last) / (arguments.reports * arguments.interval))
            each.last = now
    kept = True
    print(f"{'':46} {'RSS MB':>8} {'private':>8} {'more':>6} {'limit':>6} {'CPU %':>8} {'more':>8} {'limit':>6}  reports")
    for each in everybody:
        resident, private = each.memory("Rss:"), each.memory("Private_")
        more, busier = resident - bare.memory("Rss:"), each.percent - bare.percent
        number = len(counts[each.name]) - seen[each.name] if each in reporters else 0
        over = each is not bare and (more > LIMIT_MB or busier > LIMIT_PERCENT or number < arguments.spans * arguments.reports - 2)
        kept = kept and not over
        print(
            f"{each.name:46} {resident:8.1f} {private:8.1f} {more:6.1f} {LIMIT_MB:6.0f} {each.percent:8.4f} {busier:8.4f} "
            f"{LIMIT_PERCENT:6} {number:8} {'TOO MUCH' if over else ''}"
        )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
