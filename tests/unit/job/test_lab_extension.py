"""The session bar of JupyterLab: what travels in the script, what the launcher makes of it on the node, and the watch over memory.

The launcher runs for real, as in test_launcher.py; what it makes is then read by JupyterLab's own code.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from spawner.humanize import clock_texts
from spawner.i18n import using
from spawner.job.lab_extension import FILES, lab_extension_files, session_bar, with_lab_extension
from spawner.job.sbatch import job_environment, job_script, launcher_source
from tests.support.job_requests import LAB, SERVER, release, request_for
from tests.support.launcher_job import PATIENCE, Hub, InTheJob, Job, has_ended
from tests.support.site_under_test import wait_for

NAME = "jupyterhub-resource-form"
HOSTILE = "<img src=x onerror=alert(1)>'''\"\n"


def bar(**changes: Any) -> dict[str, Any]:
    """What the Hub says of a session."""
    request = request_for({"memory": "8G", "walltime": "2h", "gpus": 1, "color": "teal"})
    made = session_bar(
        request,
        display_name="Protein folding",
        stop_url="/hub/resource-form/stop?user=ada&server=",
        over_url="/hub/resource-form/over?user=ada&server=",
        new_url="/hub/spawn/ada",
        warn_minutes=(15, 5),
    )
    return {**made, **changes}


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """A job that is started by the test, and of which nothing is left afterwards."""
    job = Job(tmp_path)
    try:
        yield job
    finally:
        job.close()


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """The node's folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def start(job: Job, temporary: Path, facts: Any = None, **options: Any) -> InTheJob:
    """Start a launcher that brings the bar along; its server."""
    environment = {
        "TMPDIR": str(temporary),
        "SLURM_JOB_ID": "4711",
        "SLURMD_NODENAME": "g001",
        "RESOURCE_FORM_BAR": json.dumps(bar() if facts is None else facts),
        **options.pop("environment", {}),
    }
    job.start(source=with_lab_extension(launcher_source()), environment=environment, **options)
    return job.server()


def listen(job: Job, server: InTheJob) -> None:
    """Let the server listen, and the Hub hear of it."""
    server.listen()
    assert job.hub is not None
    assert job.hub.report()["body"] == {"port": server.port}


# --- what travels --------------------------------------------------------------------------------------------------------------


def test_the_script_carries_the_files_as_they_are() -> None:
    """Python reads from the script exactly what stands in the files; bash can read it; a person too; it is small."""
    script = job_script(release(), lab_extension=True)
    body = script.split("<<'END_OF_RESOURCE_FORM_LAUNCHER'\n")[1].partition("\nEND_OF_RESOURCE_FORM_LAUNCHER\n")[0]
    assert "END_OF_RESOURCE_FORM_LAUNCHER" not in body
    names: dict[str, Any] = {"__name__": "launcher"}
    exec(compile(body, "launcher.py", "exec"), names)
    assert names["LAB_EXTENSION"] == lab_extension_files()
    assert set(names["LAB_EXTENSION"]) == set(FILES)
    assert sum(map(len, lab_extension_files().values())) < 15_000
    assert lab_extension_files()["style.css"] in script
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_script_without_it_has_none_of_it() -> None:
    """The admin's choice: neither the files nor what they say are in the job."""
    script = job_script(release())
    assert "rf-bar" not in script
    assert "\nLAB_EXTENSION = {}\n" in script
    request = request_for({})
    assert "RESOURCE_FORM_BAR" not in job_environment(request, SERVER, command=["x"], interface=LAB)
    assert json.loads(job_environment(request, SERVER, command=["x"], interface=LAB, bar=bar())["RESOURCE_FORM_BAR"]) == bar()


def test_a_launcher_without_room_stays_as_it_is() -> None:
    """An admin's own launcher gets no bar, and works."""
    assert with_lab_extension("print(1)\n") == "print(1)\n"


@pytest.mark.parametrize("text", ["a = '''b\n", "no line end", "a\r\nb\n"])
def test_a_file_that_python_would_read_differently(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Three quotes would end the text too soon, as a backslash at its end would keep it open, and CR becomes LF: that is refused."""
    monkeypatch.setattr("spawner.job.lab_extension.lab_extension_files", lambda: {"style.css": text})
    with pytest.raises(ValueError, match=r"^a file of the extension cannot stand in a raw string$"):
        with_lab_extension(launcher_source())


ENGLISH = {
    "session": "Session",
    "job": "Job {number}",
    "ends": "Ends: {time}",
    **clock_texts(str),
    "left": "{time} left",
    "hours": "{hours} h {minutes} min",
    "minutes": "{minutes} min",
    "over": "Time is up",
    "over_notice": "This session is over: its time was up. What you have saved is in your files.",
    "silent_notice": "This session does not answer any more. It may be over.",
    "why": "Why?",
    "again": "Start again",
    "new_session": "New session",
    "warning": "This session ends in {time}. Save your work.",
    "killed": "A kernel or program of this session was killed, because the memory of 8 GB was used up. Ask for more memory next time.",
    "stop": "Stop",
    "stop_help": "Stop this session and give back what it holds",
    "close": "Close",
}


def test_what_the_bar_is_sent() -> None:
    """Where to stop, when to warn, and sentences with the places that the page fills in, whatever the language."""
    said = bar()
    assert (said["stop_url"], said["warn_minutes"]) == ("/hub/resource-form/stop?user=ada&server=", [15, 5])
    assert said["texts"] == ENGLISH
    with using("it"):
        italian = bar()["texts"]
    places = re.compile(r"\{\w+\}")
    assert {name: sorted(places.findall(text)) for name, text in italian.items()} == {
        name: sorted(places.findall(text)) for name, text in ENGLISH.items()
    }
    assert italian["session"] != ENGLISH["session"]


def test_what_the_bar_says() -> None:
    """The request's own GPUs, time and colour; the amount of memory that may turn out too small; sentences in the user's language."""
    said = bar()
    assert (said["name"], said["color"], said["gpus"], said["minutes"]) == ("Protein folding", "#168fa3", "1 GPU", 120)
    assert "memory of 8 GB was used up" in said["texts"]["killed"]
    assert all(said["texts"].values())
    without = session_bar(request_for({"gpus": 0}), display_name="x", stop_url="/", over_url="/", new_url="/", warn_minutes=())
    assert without["gpus"] == ""
    with using("it"):
        assert set(bar()["texts"]) == set(said["texts"])


def test_texts_of_the_bar_are_text() -> None:
    """The script on the page knows no way to make HTML of what it is told, and asks for each text that it is sent, and no other."""
    script = lab_extension_files()["remoteEntry.js"]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", script)
    used = set(re.findall(r"texts\.(\w+)", script))
    assert used == set(bar()["texts"])


# --- on the node ---------------------------------------------------------------------------------------------------------------


def test_it_lies_where_jupyterlab_looks(job: Job, temporary: Path) -> None:
    """In a private folder, under our name; its script lies where JupyterLab will ask for it; gone when the session is over."""
    server = start(job, temporary, environment={"JUPYTER_PATH": "/site/share/jupyter"})
    paths = server.environment["JUPYTER_PATH"].split(os.pathsep)
    assert paths[1:] == ["/site/share/jupyter"]
    root = Path(paths[0])
    assert root.parent == temporary.resolve()
    assert root.stat().st_mode & 0o777 == 0o700
    extensions = root / "labextensions"
    (found,) = [*extensions.glob("*/package.json"), *extensions.glob("@*/*/package.json")]
    package = json.loads(found.read_text())
    assert package["name"] == NAME
    build = package["jupyterlab"]["_build"]
    assert build["extension"] == "./extension"
    script = Path(os.path.normpath(root / "labextensions" / NAME / build["load"]))
    assert script.read_text() == lab_extension_files()["remoteEntry.js"]
    assert {path.name for path in script.parent.iterdir()} == {"package.json", "data.json", *FILES}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in script.parent.iterdir())
    server.order("exit", 0)
    job.outcome()
    assert list(temporary.iterdir()) == []


def test_its_folder_cannot_be_guessed(job: Job, temporary: Path) -> None:
    """JupyterLab serves extensions to visitors who have not logged in: nothing of ours lies under a name that they could know."""
    server = start(job, temporary)
    (folder,) = (Path(server.environment["JUPYTER_PATH"]) / "labextensions").iterdir()
    assert re.fullmatch(r"[0-9a-f]{32}", folder.name)
    assert NAME not in folder.name


def data_of(server: InTheJob) -> dict[str, Any]:
    """What the bar is told."""
    (path,) = Path(server.environment["JUPYTER_PATH"].split(os.pathsep)[0]).glob("labextensions/*/data.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_what_the_bar_is_told(job: Job, temporary: Path) -> None:
    """What the Hub said, and what only the job knows; the server itself is told nothing of it."""
    now = int(subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True).stdout)
    server = start(job, temporary, bar(name=HOSTILE))
    data = data_of(server)
    assert (data["job_id"], data["node"], data["name"], data["killed"]) == ("4711", "g001", HOSTILE, 0)
    assert now + 2 * 3600 - PATIENCE <= data["ends"] <= now + 2 * 3600 + PATIENCE
    assert {key: data[key] for key in bar() if key != "name"} == {key: value for key, value in bar().items() if key != "name"}
    assert "RESOURCE_FORM_BAR" not in server.environment


@pytest.mark.parametrize(("said", "is_taken"), [("4102444800", True), ("0", False), ("never", False), ("", False)])
def test_slurms_own_word_for_the_end(job: Job, temporary: Path, said: str, is_taken: bool) -> None:
    """Where Slurm tells when the job ends, that is it."""
    assert (data_of(start(job, temporary, environment={"SLURM_JOB_END_TIME": said}))["ends"] == 4102444800) is is_taken


def test_the_users_own_path_stays(job: Job, temporary: Path) -> None:
    """A JUPYTER_PATH that the user has set counts after ours."""
    server = start(job, temporary, environment={"RESOURCE_FORM_SET_JUPYTER_PATH": "/home/ada/jupyter"})
    assert server.environment["JUPYTER_PATH"].endswith(os.pathsep + "/home/ada/jupyter")


BROKEN = {"no-json": "{", "a-list": "[1]", "nothing-of-use": "{}", "odd-time": '{"minutes": "soon"}', "null": "null"}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_facts_that_cannot_be_read(job: Job, temporary: Path, text: str) -> None:
    """The session goes on without the bar, and the log says so."""
    server = start(job, temporary, environment={"RESOURCE_FORM_BAR": text})
    assert "JUPYTER_PATH" not in server.environment
    listen(job, server)
    server.order("exit", 0)
    code, said = job.outcome()
    assert code == 0
    assert "JupyterLab gets no session bar" in said
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("call", ["tempfile.mkdtemp", "os.makedirs", "os.open", "os.replace"])
def test_a_disk_that_fails(job: Job, temporary: Path, call: str) -> None:
    """A full or read-only disk: the session goes on without the bar, and nothing half-made is left for JupyterLab to stumble over."""
    module = call.partition(".")[0]
    failing = f"""
import {module}
really = {call}
def fail(*arguments, **options):
    if ".new" in str(arguments) or "jupyterhub-lab-" in str(options) or really.__name__ == "makedirs":
        raise OSError(28, "No space left on device")
    return really(*arguments, **options)
{call} = fail
"""
    source = with_lab_extension(launcher_source()).replace("\nFOR_THE_SERVER = ", f"{failing}\nFOR_THE_SERVER = ", 1)
    job.start(
        source=source,
        environment={"TMPDIR": str(temporary), "RESOURCE_FORM_BAR": json.dumps(bar()), "JUPYTER_PATH": "/site"},
    )
    server = job.server()
    assert server.environment["JUPYTER_PATH"] == "/site"
    listen(job, server)
    server.order("exit", 0)
    code, said = job.outcome()
    assert code == 0
    assert "JupyterLab gets no session bar: [Errno 28] No space left on device" in said
    assert list(temporary.iterdir()) == []


# --- memory ----------------------------------------------------------------------------------------------------------------------

V2 = "0::/system.slice/slurmstepd.scope/job_4711/step_batch/user/task_0\n"
V1 = "9:cpuset:/slurm/uid_1000/job_4711/step_batch\n4:memory:/slurm/uid_1000/job_4711/step_batch\n0::/\n"
COUNTERS = {
    "v2": (V2, "system.slice/slurmstepd.scope/job_4711/memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill {}\noom_group_kill 0\n"),
    "v2 by SLUID": (
        V2.replace("job_4711", "sEKNKTV3WPV500"),
        "system.slice/slurmstepd.scope/sEKNKTV3WPV500/memory.events",
        "low 0\nhigh 0\nmax 7\noom 1\noom_kill {}\noom_group_kill 0\n",
    ),
    "v1": (V1, "memory/slurm/uid_1000/job_4711/step_batch/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"),
}


def test_the_bar_follows_the_end(job: Job, temporary: Path) -> None:
    """An end that was moved stands in the bar's file as the Hub has it; one that nobody knows, or nearly the same, changes nothing."""
    often = {"END_SECONDS = 60.0": "END_SECONDS = 0.02", "MEMORY_SECONDS = 5.0": "MEMORY_SECONDS = 0.02"}
    server = start(job, temporary, constants=often)
    assert job.hub is not None
    listen(job, server)
    before: int = data_of(server)["ends"]

    def says(end: int) -> bool:
        return bool(data_of(server)["ends"] == end)

    def is_asked_again(hub: Hub, asked: int) -> bool:
        return hub.asked >= asked + 3

    for moved in (before + 3600, before - 600):
        job.hub.ends = moved
        wait_for(partial(says, moved), "the bar to follow", PATIENCE)
        for near in (None, moved + 29):
            job.hub.ends = near
            wait_for(partial(is_asked_again, job.hub, job.hub.asked), "the Hub to be asked again", PATIENCE)
            assert data_of(server)["ends"] == moved
    server.order("exit", 0)
    assert job.outcome()[0] == 0


class Node:
    """A node's control groups, with the counter of the job's."""

    def __init__(self, folder: Path, kind: str, groups: str | None = None) -> None:
        own, place, self._text = COUNTERS[kind]
        self._counter = folder / "cgroup" / place
        self._counter.parent.mkdir(parents=True)
        (folder / "own").write_text(own if groups is None else groups)
        self.constants = {
            'OWN_CGROUPS = "/proc/self/cgroup"': f"OWN_CGROUPS = {str(folder / 'own')!r}",
            'CGROUPS = "/sys/fs/cgroup"': f"CGROUPS = {str(folder / 'cgroup')!r}",
            "MEMORY_SECONDS = 5.0": "MEMORY_SECONDS = 0.02",
        }
        self.count(0)

    def count(self, killed: int) -> None:
        """So many processes have been killed."""
        self._counter.with_suffix(".new").write_text(self._text.format(killed))
        self._counter.with_suffix(".new").replace(self._counter)


def said_until(job: Job, words: str) -> str:
    """What the launcher says until it says this."""
    assert job.launcher is not None
    assert job.launcher.stderr is not None
    said = ""
    for line in job.launcher.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it never said {words!r}: {said}")


@pytest.mark.parametrize("kind", COUNTERS)
def test_a_killed_process_is_noticed(job: Job, temporary: Path, tmp_path: Path, kind: str) -> None:
    """The log says so, with the limit, once for each; the bar and the Hub are told the number; the session goes on."""
    node = Node(tmp_path, kind)
    node.count(2)  # what was before is not ours
    environment = {"SLURM_MEM_PER_NODE": "8192", "SLURM_JOB_SLUID": "sEKNKTV3WPV500"}
    server = start(job, temporary, constants=node.constants, environment=environment)
    listen(job, server)
    assert data_of(server)["killed"] == 0
    node.count(3)
    said = said_until(job, "killed for want of memory")
    assert "a process of this session was killed for want of memory (limit 8192 MB)" in said
    assert data_of(server)["killed"] == 1
    assert job.hub is not None
    report = job.hub.report()
    assert (report["path"], report["body"]) == ("/hub/api/resource-form/own-memory", {"killed": 1})
    node.count(5)
    assert "2 processes of this session were killed for want of memory (limit 8192 MB)" in said_until(job, "killed for want of memory")
    assert data_of(server)["killed"] == 3
    assert job.hub.report()["body"] == {"killed": 3}
    assert not has_ended(server.end, 0)
    server.order("exit", 0)
    code, said = job.outcome()
    assert code == 0
    assert "memory" not in said


def test_a_server_that_is_killed_itself(job: Job, temporary: Path, tmp_path: Path) -> None:
    """The end of the server is explained, even if there was no time to look between the two."""
    node = Node(tmp_path, "v2")
    server = start(job, temporary, constants={**node.constants, "MEMORY_SECONDS = 5.0": "MEMORY_SECONDS = 3600.0"})
    listen(job, server)
    node.count(1)
    server.order("die of", 9)
    code, said = job.outcome()
    assert code == 137
    assert "a process of this session was killed for want of memory\n" in said


OTHERS = {
    "no-group-of-the-job": "0::/system.slice/slurmd.service\n",
    "another-job": "0::/system.slice/slurmstepd.scope/job_47110/step_batch/user/task_0\n",
    "no-memory": "9:cpuset:/slurm/uid_1000/job_4711/step_batch\n",
    "garbage": "nonsense\n\n::::\n",
    "empty": "",
}


@pytest.mark.parametrize("groups", OTHERS.values(), ids=OTHERS)
def test_a_node_that_cannot_tell(job: Job, temporary: Path, tmp_path: Path, groups: str) -> None:
    """Where the job has no control group of its own, others' processes would be counted: nothing is said."""
    node = Node(tmp_path, "v2", groups)
    server = start(job, temporary, constants=node.constants)
    listen(job, server)
    node.count(1)
    server.order("exit", 0)
    code, said = job.outcome()
    assert code == 0
    assert "memory" not in said


def test_noticed_without_a_bar(job: Job, temporary: Path, tmp_path: Path) -> None:
    """The log says it where there is no JupyterLab to show it."""
    node = Node(tmp_path, "v2")
    job.start(constants=node.constants, environment={"SLURM_JOB_ID": "4711", "TMPDIR": str(temporary)})
    server = job.server()
    listen(job, server)
    node.count(1)
    assert "a process of this session was killed" in said_until(job, "killed for want of memory")
    assert "JUPYTER_PATH" not in server.environment
    server.order("exit", 0)
    assert job.outcome()[0] == 0


def test_the_bar_cannot_be_told(job: Job, temporary: Path, tmp_path: Path) -> None:
    """Somebody has cleaned the folder of temporary files up: the log says so, the session goes on."""
    node = Node(tmp_path, "v2")
    server = start(job, temporary, constants=node.constants)
    listen(job, server)
    for path in sorted(temporary.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    node.count(1)
    assert "the session bar could not be told" in said_until(job, "could not be told")
    server.order("exit", 0)
    assert job.outcome()[0] == 0
