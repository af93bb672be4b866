"""The launcher, run for real as the job runs it: its text on the standard input of python3 -I.

The Hub is a small HTTP server that answers what the test wants. The server in the job is a small program that does one thing
after the other as the test tells it over a socket, so nothing here depends on who is faster.
"""

from __future__ import annotations

import ast
import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spawner.job.sbatch import launcher_source
from tests.support.launcher_job import PATIENCE, TOKEN, Job, has_ended

pytestmark = pytest.mark.thorough


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """A job that is started by the test, and of which nothing is left afterwards."""
    job = Job(tmp_path)
    try:
        yield job
    finally:
        job.close()


def free_ports(count: int) -> int:
    """The first of ``count`` ports in a row that are free, below those that the kernel gives out by itself."""
    for low in range(20000, 30000, count):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(low, low + count):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            return low
    raise AssertionError("no free ports")


# --- the text -----------------------------------------------------------------------------------------------------------------


def test_standard_library_only() -> None:
    """It runs with whatever python3 is on the node: nothing but the standard library, and no syntax that Python 3.6 lacks."""
    tree = ast.parse(launcher_source(), feature_version=(3, 6))
    imported = {alias.name.partition(".")[0] for entry in ast.walk(tree) if isinstance(entry, ast.Import) for alias in entry.names}
    assert imported
    assert imported <= set(sys.stdlib_module_names)
    assert not [entry for entry in ast.walk(tree) if isinstance(entry, ast.ImportFrom)]


# --- the report ---------------------------------------------------------------------------------------------------------------


def test_reports_the_port_that_listens(job: Job) -> None:
    """The Hub hears the port that the server really listens on, with the job's token in the header; and not before it listens."""
    hub = job.start()
    server = job.server()
    assert hub.reports.empty()
    server.listen()
    report = hub.report()
    assert report["path"] == "/hub/api/batchspawner"
    assert report["body"] == {"port": server.port}
    assert report["headers"]["Authorization"] == f"token {TOKEN}"
    assert report["headers"]["Content-Type"] == "application/json"
    socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE).close()
    server.order("exit", 0)
    code, said = job.outcome()
    assert code == 0
    assert f"listens on port {server.port}" in said
    assert TOKEN not in said
    assert hub.reports.empty()


def test_what_the_server_gets(job: Job) -> None:
    """Its command, its port in the service's URL, and every variable byte for byte; what was the launcher's alone is gone."""
    odd = "a,b;c \"'`id` $HOME\nend"
    hub = job.start(
        environment={
            "MINE": odd,
            "RESOURCE_FORM_SET_OTHER": odd,
            "RESOURCE_FORM_SET_LANG": "it_IT",
            "LANG": "C.UTF-8",
            "RESOURCE_FORM_RELEASE": "2026.10",
        }
    )
    server = job.server()
    assert server.argv == ["--debug", "a b"]
    assert server.environment["JUPYTERHUB_SERVICE_URL"] == f"http://127.0.0.1:{server.port}/user/ada/"
    assert (server.environment["MINE"], server.environment["RESOURCE_FORM_RELEASE"]) == (odd, "2026.10")
    assert server.environment["JUPYTERHUB_API_URL"] == hub.url
    assert (server.environment["OTHER"], server.environment["LANG"]) == (odd, "it_IT")
    assert not {"RESOURCE_FORM_COMMAND", "RESOURCE_FORM_PORTS"} & set(server.environment)
    assert not [name for name in server.environment if name.startswith("RESOURCE_FORM_SET_")]


@pytest.mark.parametrize("host", ["0.0.0.0", "[::1]"])
def test_host_is_kept(job: Job, host: str) -> None:
    """The server listens where the Hub wants it, on IPv6 too."""
    if host == "[::1]":
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            pytest.skip("no IPv6 here")
    hub = job.start(host=host)
    server = job.server()
    assert server.environment["JUPYTERHUB_SERVICE_URL"] == f"http://{host}:{server.port}/user/ada/"
    server.listen()
    assert hub.report()["body"] == {"port": server.port}


@pytest.mark.parametrize(
    "statuses",
    [
        (503, 201),
        (503, 502, 200),
        (429, 201),
        (500, 201),
        (403, 401, 403, 201),
        (405, 201),
        ("no answer that anybody knows\r\n\r\n", 201),
        ("", 201),
    ],
    ids=["503", "503-and-502", "429", "500", "403 and 401: its database is away", "a proxy's", "garbage", "hangs-up"],
)
def test_hub_that_restarts(job: Job, statuses: tuple[int | str, ...]) -> None:
    """A Hub that cannot answer now is asked again, with the same report; the server runs on."""
    hub = job.start(statuses=statuses)
    server = job.server()
    server.listen()
    assert [hub.report()["body"] for _ in statuses] == [{"port": server.port}] * len(statuses)
    assert not has_ended(server.end, 0)
    server.order("exit", 0)
    assert job.outcome()[0] == 0
    assert hub.reports.empty()


@pytest.mark.parametrize("status", [400, 404, 409])
def test_hub_that_refuses(job: Job, status: int) -> None:
    """A Hub that does not expect this session is not asked twice; the server and its children are stopped."""
    hub = job.start(statuses=(status,))
    server = job.server()
    child = job.child_of(server, own_session=True)
    server.listen()
    code, said = job.outcome()
    assert code == 1
    assert f"the Hub refused the port: HTTP {status}" in said
    assert TOKEN not in said
    assert hub.reports.qsize() == 1
    assert has_ended(server.end)
    assert has_ended(child)


def test_hub_that_never_comes_back(job: Job) -> None:
    """After the limit the server is stopped: a session that nobody can reach must not hold its GPUs."""
    hub = job.start(statuses=(503,), constants={"REPORT_LIMIT_SECONDS = 3600": "REPORT_LIMIT_SECONDS = 0.1"})
    server = job.server()
    server.listen()
    code, said = job.outcome()
    assert code == 1
    assert "the Hub could not be reached: HTTP 503" in said
    assert hub.reports.qsize() >= 1
    assert has_ended(server.end)


# --- the job's GPUs -------------------------------------------------------------------------------------------------------------

AT_ONCE = {"GPU_REPORT_PAUSES_SECONDS = (0, 1, 5, 30)": "GPU_REPORT_PAUSES_SECONDS = (0, 0, 0, 0)"}


def test_the_gpus_of_the_job(job: Job) -> None:
    """After the port, the Hub hears which GPUs the job has, with the job's token."""
    hub = job.start(environment={"SLURM_JOB_GPUS": "2,3"})
    server = job.server()
    server.listen()
    assert hub.report()["body"] == {"port": server.port}
    report = hub.report()
    assert report["path"] == "/hub/api/resource-form/own-gpus"
    assert report["body"] == {"gpus": "2,3"}
    assert report["headers"]["Authorization"] == f"token {TOKEN}"
    server.order("exit", 0)
    assert job.outcome()[0] == 0
    assert hub.reports.empty()


@pytest.mark.parametrize(
    ("statuses", "tries"),
    [((201, 503, 201), 2), ((201, "garbage\r\n\r\n", 201), 2), ((201, 503), 4), ((201, 403, 201), 2), ((201, 404), 1), ((201, 409), 1)],
    ids=["503", "garbage", "never", "403", "404", "409"],
)
def test_a_hub_that_does_not_take_them(job: Job, statuses: tuple[int | str, ...], tries: int) -> None:
    """A few tries, one if the Hub refuses them; the session goes on as if nothing were."""
    hub = job.start(statuses=statuses, constants=AT_ONCE, environment={"SLURM_JOB_GPUS": "0"})
    server = job.server()
    server.listen()
    assert hub.report()["body"] == {"port": server.port}
    assert [hub.report()["body"] for _ in range(tries)] == [{"gpus": "0"}] * tries
    assert not has_ended(server.end, 0.2)
    server.order("exit", 0)
    code, said = job.outcome()
    assert (code, TOKEN in said, "Traceback" in said) == (0, False, False)
    assert hub.reports.empty()


@pytest.mark.parametrize("gpus", [None, "", "MIG-1fe0e5a8-0c2b-5f1c-bd1c-9ba0b7d2e5d1", "0 1"])
def test_no_numbers_of_gpus(job: Job, gpus: str | None) -> None:
    """A job without GPUs, or where Slurm names them otherwise, reports its port only."""
    hub = job.start(environment={"SLURM_JOB_GPUS": gpus} if gpus is not None else {}, constants=AT_ONCE)
    server = job.server()
    server.listen()
    assert hub.report()["body"] == {"port": server.port}
    assert not has_ended(server.end, 0.2)
    server.order("exit", 0)
    assert job.outcome()[0] == 0
    assert hub.reports.empty()


# --- ports --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listens", [True, False], ids=["it listens there", "its end of a connection"])
def test_port_that_is_taken_is_tried_again(job: Job, listens: bool) -> None:
    """Another process takes the port between choice and bind: the server dies of it, and is started again on another port."""
    hub = job.start()
    first = job.server()
    with socket.socket() as other:
        other.bind(("127.0.0.1", first.port))
        if listens:
            other.listen()
        first.order("listen")
        assert first.news() == {"taken": first.port}
        second = job.server()
        assert second.port != first.port
        assert hub.reports.empty()
        second.listen()
        assert hub.report()["body"] == {"port": second.port}
    second.order("exit", 0)
    code, said = job.outcome()
    assert code == 0
    assert f"port {first.port} was taken by another process" in said


def test_strangers_port_is_not_reported(job: Job) -> None:
    """Somebody else listens on our port while our server still starts: the Hub is not sent to a stranger."""
    hub = job.start(constants={"LISTEN_LIMIT_SECONDS = 600": "LISTEN_LIMIT_SECONDS = 0.3"})
    server = job.server()
    with socket.create_server(("127.0.0.1", server.port)):
        code, _ = job.outcome()
    assert code == 1
    assert hub.reports.empty()


def test_child_of_the_server_that_listens(job: Job, tmp_path: Path) -> None:
    """A wrapper that starts the real server as its child is as good as the server itself."""
    wrapper = tmp_path / "wrapper.py"
    wrapper.write_text(f"import subprocess, sys\nsys.exit(subprocess.run([sys.executable, {str(job.program)!r}]).returncode)")
    hub = job.start(command=[sys.executable, str(wrapper)])
    server = job.server()
    server.listen()
    assert hub.report()["body"] == {"port": server.port}
    server.order("exit", 7)
    assert job.outcome()[0] == 7


def test_range_of_ports(job: Job) -> None:
    """Only ports of the range are used: with all but one of them taken, it is that one."""
    low = free_ports(4)
    with contextlib.ExitStack() as stack:
        for port in (low, low + 1, low + 3):
            stack.enter_context(socket.create_server(("127.0.0.1", port)))
        hub = job.start(ports=f"{low}-{low + 3}")
        server = job.server()
        assert server.port == low + 2
        server.listen()
        assert hub.report()["body"] == {"port": low + 2}


def test_range_without_a_free_port(job: Job) -> None:
    """A range that is used up is said, and no server is started."""
    low = free_ports(1)
    with socket.create_server(("127.0.0.1", low)):
        hub = job.start(ports=f"{low}-{low}")
        code, said = job.outcome()
    assert code == 1
    assert f"no port of {low}-{low} is free on this node" in said
    assert "Traceback" not in said
    assert hub.reports.empty()


# --- the server's end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "value", "code"),
    [("exit", 3, 3), ("exit", 0, 1), ("die of", signal.SIGKILL, 137), ("die of", signal.SIGSEGV, 139)],
    ids=["3", "0-is-no-success", "killed", "crashed"],
)
def test_server_that_dies_before_it_listens(job: Job, order: str, value: int, code: int) -> None:
    """The job ends with the server's code, as a shell would give it, and the Hub hears of no port."""
    hub = job.start()
    job.server().order(order, value)
    ended, said = job.outcome()
    assert ended == code
    assert "before it listened" in said
    assert hub.reports.empty()


@pytest.mark.parametrize(
    ("order", "value", "code"),
    [("exit", 0, 0), ("exit", 5, 5), ("die of", signal.SIGTERM, 143), ("die of", signal.SIGKILL, 137)],
    ids=["0", "5", "terminated", "killed"],
)
def test_server_that_ends(job: Job, order: str, value: int, code: int) -> None:
    """The same for one that has run."""
    hub = job.start()
    server = job.server()
    server.listen()
    hub.report()
    server.order(order, value)
    assert job.outcome()[0] == code


def test_server_that_never_listens(job: Job) -> None:
    """After the limit it is stopped, and the log says how long it had."""
    hub = job.start(constants={"LISTEN_LIMIT_SECONDS = 600": "LISTEN_LIMIT_SECONDS = 0.2"})
    server = job.server()
    code, said = job.outcome()
    assert code == 1
    assert "did not listen within" in said
    assert has_ended(server.end)
    assert hub.reports.empty()


@pytest.mark.parametrize(
    ("command", "words"),
    [("/nowhere/jupyterhub-singleuser", "No such file or directory"), ("/etc/passwd", "Permission denied")],
    ids=["missing", "not-executable"],
)
def test_missing_command(job: Job, command: str, words: str) -> None:
    """127, as a shell would say, and a sentence that names the command and what is probably missing."""
    hub = job.start(command=[command])
    code, said = job.outcome()
    assert code == 127
    assert f"{command} could not be started: {words}. Is JupyterHub part of this release?" in said
    assert "Traceback" not in said
    assert hub.reports.empty()


# --- a Hub that asks again ----------------------------------------------------------------------------------------------------


def test_a_hub_that_asks_again_is_told_again(job: Job) -> None:
    """SIGUSR1 brings the same report once more, as often as it is sent; the Hub's refusal of it does not end the session."""
    hub = job.start(statuses=(201, 201, 404, 201))
    server = job.server()
    server.listen()
    assert hub.report()["body"] == {"port": server.port}
    for _ in range(3):
        job.signal(signal.SIGUSR1)
        assert hub.report()["body"] == {"port": server.port}
    assert not has_ended(server.end, 0)
    server.order("exit", 0)
    assert job.outcome()[0] == 0


def test_asked_before_the_server_listens(job: Job) -> None:
    """SIGUSR1 before there is anything to report changes nothing: the report comes when the server listens."""
    hub = job.start()
    server = job.server()
    job.signal(signal.SIGUSR1)
    assert hub.reports.empty()
    server.listen()
    assert hub.report()["body"] == {"port": server.port}
    server.order("exit", 0)
    assert job.outcome()[0] == 0


@pytest.mark.parametrize("disposition", [signal.SIG_DFL, signal.SIG_IGN], ids=["default", "ignored"])
def test_the_server_has_the_signals_as_usual(job: Job, disposition: signal.Handlers) -> None:
    """The script ignores SIGUSR1 before the launcher runs; the server inherits neither that nor a blocked signal."""
    before = signal.signal(signal.SIGUSR1, disposition)
    try:
        hub = job.start()
    finally:
        signal.signal(signal.SIGUSR1, before)
    server = job.server()
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{server.pid}/status").read_text().splitlines() if ":\t" in line)
    bit = 1 << (signal.SIGUSR1 - 1)
    assert not int(status["SigIgn"], 16) & bit
    assert not int(status["SigBlk"], 16)
    server.listen()
    hub.report()
    server.order("exit", 0)
    assert job.outcome()[0] == 0


# --- Stop ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"])
def test_signal_ends_the_whole_family(job: Job, number: int, code: int) -> None:
    """The server, its children, and kernels in sessions of their own end, SIGTERM ignored or not."""
    hub = job.start()
    server = job.server()
    ends = [job.child_of(server, own_session=own_session) for own_session in (False, True)]
    server.listen()
    hub.report()
    job.signal(number)
    assert job.outcome()[0] == code
    assert [has_ended(end) for end in (server.end, *ends)] == [True] * 3


def test_signal_before_the_server_listens(job: Job) -> None:
    """A Stop while the server starts ends it, and no port is reported."""
    hub = job.start()
    server = job.server()
    job.signal(signal.SIGTERM)
    assert job.outcome()[0] == 143
    assert has_ended(server.end)
    assert hub.reports.empty()


def test_signal_while_the_hub_is_away(job: Job) -> None:
    """A Stop while the report is tried again and again ends the server at once."""
    hub = job.start(statuses=(503,))
    server = job.server()
    server.listen()
    hub.report()
    job.signal(signal.SIGTERM)
    assert job.outcome()[0] == 143
    assert has_ended(server.end)


def test_deaf_server_is_killed_and_a_second_signal_changes_nothing(job: Job) -> None:
    """A server that ignores SIGTERM is killed after its grace; a second SIGTERM meanwhile does not interrupt that."""
    hub = job.start(constants={"STOP_GRACE_SECONDS = 3.0": "STOP_GRACE_SECONDS = 0.3"})
    server = job.server()
    server.order("be deaf")
    assert server.news() == {"deaf": True}
    child = job.child_of(server, own_session=True)
    server.listen()
    hub.report()
    job.signal(signal.SIGTERM)
    assert server.news() == {"heard": "SIGTERM"}
    job.signal(signal.SIGTERM)
    code, said = job.outcome()
    assert code == 143
    assert "Traceback" not in said
    assert has_ended(server.end)
    assert has_ended(child)


def test_strangers_are_left_alone(job: Job) -> None:
    """A Stop ends the family and nobody else's process."""
    hub = job.start()
    server = job.server()
    server.listen()
    hub.report()
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True) as stranger:
        job.signal(signal.SIGTERM)
        assert job.outcome()[0] == 143
        assert stranger.poll() is None
        stranger.kill()


# --- files that cannot be kept ------------------------------------------------------------------------------------------------


def gone(home: Path) -> None:
    """It is not there."""
    home.rmdir()


def file(home: Path) -> None:
    """It is a file."""
    home.rmdir()
    home.touch()


def local_is_a_file(home: Path) -> None:
    """A folder that the server needs is a file."""
    (home / ".local").touch()


def local_leads_nowhere(home: Path) -> None:
    """A folder that the server needs is a link to what is not there."""
    (home / ".local").symlink_to("/nowhere/at/all")


def full(home: Path) -> None:
    """The file system has no room left."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(home)], check=True)


def read_only(home: Path) -> None:
    """The file system is mounted read-only."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(home)], check=True)


NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts a file system of its own")


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (gone, 81, "No such file or directory"),
        (file, 82, "Not a directory"),
        (local_is_a_file, 85, "Not a directory"),
        (local_leads_nowhere, 85, "No such file or directory"),
        pytest.param(read_only, 84, "Read-only file system", marks=NEEDS_ROOT),
        pytest.param(full, 86, "No space left on device", marks=NEEDS_ROOT),
    ],
)
def test_why_a_server_could_not_keep_its_files(job: Job, tmp_path: Path, spoil: Callable[[Path], None], code: int, said: str) -> None:
    """A server that fails where its home cannot be used ends with the code that says so, and the log, if there is one, names the place."""
    home = tmp_path / "home"
    home.mkdir()
    spoil(home)
    try:
        job.start(environment={"HOME": str(home)})
        job.server().order("exit", 1)
        ended, words = job.outcome()
        assert ended == code
        assert f"cannot write into {home}" in words
        assert said in words
        assert "ended with code 1 before it listened" in words
    finally:
        subprocess.run(["umount", str(home)], check=False, capture_output=True)


@pytest.mark.parametrize("name", ["JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "XDG_DATA_HOME"])
def test_a_server_that_keeps_its_files_elsewhere(job: Job, tmp_path: Path, name: str) -> None:
    """Then what is wrong with the home is not why it failed; nor is a home that was left as it is, where it can be used."""
    job.start(environment={"HOME": "/nowhere/at/all", name: str(tmp_path)})
    job.server().order("exit", 3)
    assert job.outcome()[0] == 3


@pytest.mark.parametrize(("order", "value", "code"), [("exit", 0, 0), ("die of", signal.SIGKILL, 137), ("exit", 143, 143)])
def test_what_the_home_has_nothing_to_do_with(job: Job, order: str, value: int, code: int) -> None:
    """A server that ended well, or was ended by a signal, has the code it would have had."""
    hub = job.start(environment={"HOME": "/nowhere/at/all"})
    server = job.server()
    server.listen()
    hub.report()
    server.order(order, value)
    assert job.outcome()[0] == code


def test_a_server_that_loses_its_home(job: Job, tmp_path: Path) -> None:
    """The same is told of one that had come up before."""
    home = tmp_path / "home"
    home.mkdir()
    hub = job.start(environment={"HOME": str(home)})
    server = job.server()
    server.listen()
    hub.report()
    home.rmdir()
    server.order("exit", 1)
    assert job.outcome()[0] == 81


def test_a_program_that_is_not_there(job: Job, tmp_path: Path) -> None:
    """It may lie in the home that is gone; where the home is there, the code is a shell's."""
    job.start(command=["/nowhere/jupyterhub-singleuser"], environment={"HOME": str(tmp_path)})
    assert job.outcome()[0] == 127


def test_nothing_is_left_of_the_look(job: Job, tmp_path: Path) -> None:
    """What is written to see whether that can be done is gone afterwards."""
    job.start(environment={"HOME": str(tmp_path)})
    before = set(tmp_path.rglob("*"))
    job.server().order("exit", 1)
    assert job.outcome()[0] == 1
    assert set(tmp_path.rglob("*")) == before


def test_no_room_for_temporary_files(tmp_path: Path) -> None:
    """Where the node has none, the node is at fault: of the look at the home nothing is said then."""
    names: dict[str, Any] = {"__name__": "launcher"}
    exec(compile(launcher_source(), "launcher.py", "exec"), names)
    assert names["trouble_with_temporary_files"]({"TMPDIR": str(tmp_path)}) is None
    assert names["trouble_with_temporary_files"]({"TMPDIR": "/nowhere"}) is None

    def refuse(folder: str) -> None:
        if not folder.startswith(str(tmp_path)):
            raise OSError(errno.ENOSPC, "No space left on device", folder)

    names["probe"] = refuse
    assert names["trouble_with_temporary_files"]({}) == 88
    home = {"HOME": str(tmp_path)}
    assert names["own_code"](1, home) == 88
    assert [names["own_code"](code, home) for code in (0, 128, 137, 255)] == [0, 128, 137, 255]


@pytest.mark.parametrize(("number", "code"), [(errno.ESTALE, 87), (errno.EIO, 87), (errno.EDQUOT, 86), (errno.EMFILE, None)])
def test_what_only_a_file_server_does(tmp_path: Path, number: int, code: int | None) -> None:
    """A home that does not answer, and a quota, are told; what says nothing of the home is not."""
    names: dict[str, Any] = {"__name__": "launcher"}
    exec(compile(launcher_source(), "launcher.py", "exec"), names)

    def refuse(folder: str) -> None:
        raise OSError(number, os.strerror(number), folder)

    names["probe"] = refuse
    assert names["trouble_with_files"]({"HOME": str(tmp_path)}) == code


@pytest.mark.parametrize(
    ("slurms", "cpus", "memory"),
    [
        ({"SLURM_CPUS_ON_NODE": "4", "SLURM_MEM_PER_NODE": "700"}, "4.0", str(700 << 20)),
        ({"SLURM_CPUS_ON_NODE": "4", "SLURM_MEM_PER_CPU": "300"}, "4.0", str(1200 << 20)),
        ({"SLURM_CPUS_ON_NODE": "4"}, "4.0", None),
        ({"SLURM_CPUS_ON_NODE": "4", "SLURM_MEM_PER_NODE": "0"}, "4.0", None),
        ({"SLURM_CPUS_ON_NODE": "4(x2)", "SLURM_MEM_PER_NODE": "much"}, None, None),
        ({}, None, None),
    ],
)
def test_limits_are_slurms(slurms: dict[str, str], cpus: str | None, memory: str | None) -> None:
    """What Slurm does not say stays as the Hub has it; ``tests/real/sites/test_limits_of_jobs.py`` asks Slurm."""
    names: dict[str, Any] = {"__name__": "launcher"}
    exec(compile(launcher_source(), "launcher.py", "exec"), names)
    found = names["limits_of_job"]({"MEM_LIMIT": "1", **slurms})
    assert [found.get(name) for name in ("CPU_LIMIT", "CPU_GUARANTEE")] == [cpus, cpus]
    assert [found.get(name) for name in ("MEM_LIMIT", "MEM_GUARANTEE")] == [memory, memory]
