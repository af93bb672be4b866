"""The launcher as a job runs it, with a Hub and a server in its job that do what the test says."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spawner.job.sbatch import launcher_source

PATIENCE = 20.0


TOKEN = "s3cr3t-api-token"


SERVER = """
import json, os, signal, socket, subprocess, sys, urllib.parse

CHILD = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
address = urllib.parse.urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
control = socket.create_connection(("127.0.0.1", int(os.environ["CONTROL"]))).makefile("rw")

def tell(**news):
    control.write(json.dumps(news) + "\\n")
    control.flush()

tell(pid=os.getpid(), port=address.port, argv=sys.argv[1:], environment=dict(os.environ))
for line in control:
    order, value = json.loads(line)
    if order == "listen":
        family = socket.AF_INET6 if ":" in address.hostname else socket.AF_INET
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address.hostname, address.port))
        except OSError:
            tell(taken=address.port)
            sys.exit(1)
        listener.listen()
        tell(listens=address.port)
    elif order == "start a child":
        child = subprocess.Popen([sys.executable, "-c", CHILD], start_new_session=value, stdout=subprocess.PIPE)
        child.stdout.readline()
        tell(child=child.pid)
    elif order == "hold for a moment":
        held = bytearray(value << 20)
        del held
        tell(held=value)
    elif order == "run a program that holds":
        subprocess.run([sys.executable, "-S", "-c", f"held = bytearray({value} << 20)"], check=True)
        tell(ran=value)
    elif order == "be deaf":
        signal.signal(signal.SIGTERM, lambda *_: tell(heard="SIGTERM"))
        tell(deaf=True)
    elif order == "exit":
        os._exit(value)
    elif order == "die of":
        os.kill(os.getpid(), value)
"""


REFUSALS = (400, 404, 409)
"""What the Hub's own handler refuses with; it says so in a header."""


class Hub:
    """Answers each report with the next of the statuses, the last one for ever; ``garbage`` is an answer that is no HTTP.

    Whoever asks when the job ends is told ``ends``.
    """

    def __init__(self, statuses: Sequence[int | str]) -> None:
        self.reports: queue.Queue[dict[str, Any]] = queue.Queue()
        self.peaks: queue.Queue[int] = queue.Queue()
        """What it was told of the most memory, which may come at any time: taken always, and no report among the others."""
        self.ends: int | None = None
        self.asked = 0
        left = list(statuses)
        hub = self
        # The next report may come as soon as this one is answered: without it, two threads could put them in the wrong order.
        one_by_one = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if list(json.loads(body)) == ["peak_mb"]:
                    self.send_response(201)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    hub.peaks.put(json.loads(body)["peak_mb"])
                    return
                with one_by_one:
                    status = left.pop(0) if len(left) > 1 else left[0]
                    if isinstance(status, str):
                        self.wfile.write(status.encode())
                        self.close_connection = True
                    else:
                        self.send_response(status)
                        if status in REFUSALS:
                            self.send_header("X-Resource-Form-Refused", "yes")
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                    hub.reports.put({"path": self.path, "headers": dict(self.headers), "body": json.loads(body)})

            def do_GET(self) -> None:
                hub.asked += 1
                known = self.path == "/hub/api/resource-form/own-end" and self.headers["Authorization"] == f"token {TOKEN}"
                answer = json.dumps({"ends": hub.ends}).encode()
                self.send_response(200 if known else 404)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hub/api"

    def report(self) -> dict[str, Any]:
        """The next report, once it has come and was answered."""
        return self.reports.get(timeout=PATIENCE)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class InTheJob:
    """The server in the job, as it can be talked to."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        self._lines = connection.makefile("rw")
        hello = self.news()
        self.pid, self.port, self.argv, self.environment = (hello[key] for key in ("pid", "port", "argv", "environment"))
        self.end = end_of(self.pid)

    def news(self) -> Any:
        """The next thing that it tells."""
        return json.loads(self._lines.readline())

    def order(self, order: str, value: Any = None) -> None:
        """Do this."""
        self._lines.write(json.dumps([order, value]) + "\n")
        self._lines.flush()

    def listen(self) -> None:
        """Listen, and return once it does."""
        self.order("listen")
        assert self.news() == {"listens": self.port}


def end_of(pid: int) -> int:
    """A descriptor that becomes readable when the process ends: no process of the same number can be mistaken for it."""
    return os.pidfd_open(pid)


def has_ended(descriptor: int, seconds: float = PATIENCE) -> bool:
    """Whether the process ends within the time."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


class Job:
    """One job: the launcher with its Hub and its server."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "server.py"
        self.program.write_text(SERVER)
        self.control = socket.create_server(("127.0.0.1", 0))
        self.control.settimeout(PATIENCE)
        self.hub: Hub | None = None
        self.launcher: subprocess.Popen[str] | None = None
        self.ends: list[int] = []

    def start(
        self,
        *,
        statuses: Sequence[int | str] = (201,),
        host: str = "127.0.0.1",
        ports: str = "",
        command: Sequence[str] = (),
        constants: dict[str, str] | None = None,
        environment: dict[str, str] | None = None,
        source: str | None = None,
    ) -> Hub:
        """Start the launcher; ``constants`` are other values for those at the top of its text."""
        self.hub = Hub(statuses)
        source = launcher_source() if source is None else source
        for old, new in (constants or {}).items():
            assert source.count(f"\n{old}\n") == 1
            source = source.replace(f"\n{old}\n", f"\n{new}\n")
        variables = {
            "PATH": os.environ["PATH"],
            "CONTROL": str(self.control.getsockname()[1]),
            "JUPYTERHUB_API_URL": self.hub.url,
            "JUPYTERHUB_API_TOKEN": TOKEN,
            "JUPYTERHUB_SERVICE_URL": f"http://{host}:0/user/ada/",
            "RESOURCE_FORM_COMMAND": json.dumps(list(command) or [sys.executable, "-S", str(self.program), "--debug", "a b"]),
            "RESOURCE_FORM_PORTS": ports,
            "http_proxy": "http://127.0.0.1:9",
            **(environment or {}),
        }
        self.launcher = subprocess.Popen(
            [sys.executable, "-I", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables, start_new_session=True
        )
        assert self.launcher.stdin is not None
        self.launcher.stdin.write(source)
        self.launcher.stdin.close()
        self.launcher.stdin = None
        return self.hub

    def server(self) -> InTheJob:
        """The server, once the launcher has started it."""
        server = InTheJob(self.control.accept()[0])
        self.ends.append(server.end)
        return server

    def child_of(self, server: InTheJob, *, own_session: bool) -> int:
        """Let the server start a child that ignores SIGTERM; the descriptor of its end."""
        server.order("start a child", own_session)
        self.ends.append(end_of(server.news()["child"]))
        return self.ends[-1]

    def signal(self, number: int) -> None:
        """Send the launcher a signal."""
        assert self.launcher is not None
        self.launcher.send_signal(number)

    def outcome(self) -> tuple[int, str]:
        """The launcher's exit code and what it said, once it has ended."""
        assert self.launcher is not None
        _, said = self.launcher.communicate(timeout=PATIENCE)
        return self.launcher.returncode, said

    def close(self) -> None:
        """End all that is left, each process by the descriptor that is its own."""
        for end in self.ends:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(end, signal.SIGKILL)
            os.close(end)
        if self.launcher is not None:
            self.launcher.kill()
            self.launcher.wait()
            assert self.launcher.stderr is not None
            self.launcher.stderr.close()
        if self.hub is not None:
            self.hub.close()
        self.control.close()
