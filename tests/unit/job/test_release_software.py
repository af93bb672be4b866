"""What a release sets up on the node, run for real: conda, virtual environment, set-up script, architectures, and the image."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from traitlets.config.loader import PyFileConfigLoader

from spawner.job.apps import servers_of
from spawner.job.sbatch import JOB_PATH, job_script
from spawner.site.catalogue import parse_catalogue
from spawner.site.release import Release
from tests.support.launcher_job import Hub, Job, has_ended

HERE = platform.machine()
ELSEWHERE = "riscv64" if HERE != "riscv64" else "x86_64"


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """One job; whatever it leaves is ended."""
    made = Job(tmp_path)
    yield made
    made.close()


def run(folder: Path, **software: Any) -> tuple[int, dict[str, str], str]:
    """The script's exit code, the environment in which the launcher would start, and what was printed."""
    entry = Release.model_validate({"tag": "2026.10", "date": "2026-10-01", **software})
    script = job_script(entry, launcher="import json, os\nprint(json.dumps(dict(os.environ)))")
    script = re.sub(r': >"\$log_folder.*2>&1', "true", script).replace(". /etc/profile", "true")
    given = {
        "PATH": JOB_PATH,
        "HOME": str(folder),
        "SLURM_JOB_ID": "7",
        "SLURM_CPUS_PER_TASK": "4",
        "RESOURCE_FORM_GPUS": "0",
        "RESOURCE_FORM_RELEASE": "2026.10",
        "PYTHONHOME": "/elsewhere",
    }
    if not software.get("virtual_environment"):
        del given["PYTHONHOME"]
    done = subprocess.run(["bash"], input=script, text=True, capture_output=True, check=False, env=given)
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}, done.stderr + "\n".join(lines[:-1])


# --- where the server is ------------------------------------------------------------------------------------------------------


def test_a_conda_environment_is_active(tmp_path: Path) -> None:
    """As ``conda activate`` leaves it, packages' own activation included; a terminal in the session finds ``$CONDA_PREFIX``."""
    prefix = tmp_path / "envs" / "a b"
    (prefix / "etc" / "conda" / "activate.d").mkdir(parents=True)
    (prefix / "etc" / "conda" / "activate.d" / "one.sh").write_text('export FROM_PACKAGE="$CONDA_PREFIX/share"\n')
    _code, found, _said = run(tmp_path, conda=str(prefix))
    assert (found["CONDA_PREFIX"], found["CONDA_DEFAULT_ENV"], found["CONDA_SHLVL"]) == (str(prefix), "a b", "1")
    assert found["PATH"] == f"{prefix}/bin:{JOB_PATH}"
    assert found["FROM_PACKAGE"] == f"{prefix}/share"


def test_a_conda_environment_without_activation(tmp_path: Path) -> None:
    """Where no package has any, nothing is said of it."""
    code, found, said = run(tmp_path, conda=str(tmp_path / "env"))
    assert (code, said, found["CONDA_DEFAULT_ENV"]) == (0, "", "env")


def test_a_virtual_environment_is_active(tmp_path: Path) -> None:
    """As its own ``activate`` leaves it: PYTHONHOME would lead its Python elsewhere."""
    _code, found, _said = run(tmp_path, virtual_environment="/opt/jupyter/it's")
    assert (found["VIRTUAL_ENV"], found["PATH"]) == ("/opt/jupyter/it's", f"/opt/jupyter/it's/bin:{JOB_PATH}")
    assert "PYTHONHOME" not in found


def test_a_setup_script_is_read_in(tmp_path: Path) -> None:
    """After modules, variables and environment, before the lines of shell."""
    script = tmp_path / "set up.sh"
    script.write_text('export FROM_SCRIPT="$A $VIRTUAL_ENV"\n')
    _code, found, _said = run(
        tmp_path, setup_script=str(script), environment={"A": "1"}, virtual_environment="/v", prologue='export LAST="$FROM_SCRIPT!"'
    )
    assert (found["FROM_SCRIPT"], found["LAST"]) == ("1 /v", "1 /v!")


def test_a_setup_script_that_is_not_there(tmp_path: Path) -> None:
    """The session ends with the code that says so, and the log has the file."""
    code, _found, said = run(tmp_path, setup_script=str(tmp_path / "none.sh"))
    assert code == 80
    assert f"the set-up script {tmp_path}/none.sh of release 2026.10 cannot be read" in said


# --- architectures ------------------------------------------------------------------------------------------------------------


def test_the_software_of_this_nodes_architecture(tmp_path: Path) -> None:
    """T51: each architecture has its own path; what is not its own is the release's."""
    own = {
        HERE: {"path": "/opt/here/bin", "environment": {"B": "2"}, "prologue": 'export ORDER="here"'},
        ELSEWHERE: {"path": "/opt/there/bin"},
    }
    code, found, _said = run(tmp_path, architectures=own, environment={"A": "1"}, prologue='export ORDER="$ORDER all"')
    assert code == 0
    assert (found["A"], found["B"], found["ORDER"]) == ("1", "2", "here all")
    assert found["PATH"].startswith("/opt/here/bin:")


def test_a_node_of_another_architecture(tmp_path: Path) -> None:
    """Where Slurm has sent the job to one all the same, the session says so in place of a program that cannot be executed."""
    code, _found, said = run(tmp_path, architectures={ELSEWHERE: {"path": "/opt/there/bin"}})
    assert code == 80
    assert f"is not built for {HERE}" in said


# --- the image ----------------------------------------------------------------------------------------------------------------

APPTAINER = """#!/bin/sh
printf '%s\\n' "$@" > "$RECORD"
while [ "$1" != /images/a.sif ]; do shift; done
shift
exec "$@"
"""


@pytest.mark.parametrize(("gpus", "own"), [("0", []), ("v100:1", ["--nv"])])
def test_the_server_runs_in_the_image(job: Job, tmp_path: Path, gpus: str, own: list[str]) -> None:
    """The exact command line, against a stand-in that records it and runs what would run inside; GPUs only where there are some."""
    (tmp_path / "apptainer").write_text(APPTAINER)
    (tmp_path / "apptainer").chmod(0o755)
    entry = {"image": "/images/a.sif", "binds": ["/scratch", "/data:/data:ro"], "options": ["--cleanenv"]}
    _code, found, _said = run(tmp_path, container=entry)
    hub = job.start(
        environment={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "RECORD": str(tmp_path / "record"),
            "RESOURCE_FORM_CONTAINER": found["RESOURCE_FORM_CONTAINER"],
            "RESOURCE_FORM_GPUS": gpus,
        }
    )
    server = job.server()
    words = ["exec", *own, "--bind", "/scratch", "--bind", "/data:/data:ro", "--cleanenv", "/images/a.sif"]
    assert (tmp_path / "record").read_text().splitlines() == [*words, sys.executable, "-S", str(job.program), "--debug", "a b"]
    server.listen()
    assert hub.report()["body"] == {"port": server.port}


def test_no_apptainer_on_the_node(job: Job) -> None:
    """The log says what is missing."""
    container = json.dumps({"command": "/nowhere/apptainer", "image": "/images/a.sif", "binds": [], "options": []})
    job.start(environment={"RESOURCE_FORM_CONTAINER": container})
    code, said = job.outcome()
    assert code == 127
    assert "/nowhere/apptainer could not be started: No such file or directory. Is Apptainer there on this node?" in said


# --- the server's configuration -----------------------------------------------------------------------------------------------


def test_the_server_does_without_the_users_own_packages(job: Job) -> None:
    """T34: ~/.local is not the server's; what it starts has it again, for the configuration takes the variable out."""
    job.start()
    server = job.server()
    environment = server.environment
    assert environment["PYTHONNOUSERSITE"] == "1"
    folder = Path(environment["JUPYTER_CONFIG_PATH"])
    program = f"import os; exec(open({str(folder / 'jupyter_server_config.py')!r}).read()); print('PYTHONNOUSERSITE' in os.environ)"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_user_who_wants_none_has_none(job: Job) -> None:
    """What a user has set is left alone, in kernels as well."""
    job.start(environment={"RESOURCE_FORM_SET_PYTHONNOUSERSITE": "yes", "JUPYTER_CONFIG_PATH": "/site/config"})
    server = job.server()
    environment = server.environment
    assert environment["PYTHONNOUSERSITE"] == "yes"
    folder, others = environment["JUPYTER_CONFIG_PATH"].split(":")
    assert others == "/site/config"
    assert (Path(folder) / "jupyter_server_config.py").read_text() == ""


def test_the_configuration_goes_with_the_session(job: Job) -> None:
    """Nothing of it is left on the node."""
    job.start()
    server = job.server()
    folder = Path(server.environment["JUPYTER_CONFIG_PATH"])
    assert folder.is_dir()
    server.order("exit", 0)
    job.outcome()
    assert not folder.exists()


def test_apps_of_the_release(job: Job, tmp_path: Path) -> None:
    """What jupyter-server-proxy starts is added to what the user has configured of it; home and private folder are filled in."""
    found = parse_catalogue(
        {
            "releases": [{"tag": "a", "date": "2026-01-01", "interfaces": ["lab"], "apps": ["vscode", "dask", "own"]}],
            "interfaces": {"own": {"label": "Own", "url": "/own/", "command": ["own", "{home}", "{private}/x", "{port}"]}},
        }
    )
    servers = servers_of(found.opened_in(found.releases[0]))
    assert list(servers) == ["vscode", "own"]
    assert servers["own"]["launcher_entry"] == {"enabled": True, "title": "Own"}
    assert [entry.get("unix_socket") for entry in servers.values()] == ["{private}/vscode", None]
    job.start(environment={"RESOURCE_FORM_SERVERS": json.dumps(servers), "HOME": "/home/a{b}"})
    server = job.server()
    folder = Path(server.environment["JUPYTER_CONFIG_PATH"])
    user = tmp_path / "jupyter_server_config.py"
    user.write_text('c.ServerProxy.servers = {"mine": {"command": ["mine"]}}\n')
    configured = PyFileConfigLoader("jupyter_server_config.py", path=str(tmp_path)).load_config()
    configured.merge(PyFileConfigLoader("jupyter_server_config.py", path=str(folder)).load_config())
    own = configured.ServerProxy.servers
    assert set(own) == {"mine", "vscode", "own"}
    assert own["own"]["command"] == ["own", "/home/a{{b}}", f"{folder}/private/x", "{port}"]
    assert (folder / "private").stat().st_mode & 0o777 == 0o700
    assert "RESOURCE_FORM_SERVERS" not in server.environment


def test_no_apps() -> None:
    """Pages of the server itself, and ports of the user's, are nothing to start."""
    found = parse_catalogue({"releases": [{"tag": "a", "date": "2026-01-01", "apps": ["notebook", "dask"]}]})
    assert servers_of(found.opened_in(found.releases[0])) == {}


# --- the first session --------------------------------------------------------------------------------------------------------


class FirstSessions:
    """Sessions of one user with one release, one after the other."""

    def __init__(self, job: Job, folder: Path) -> None:
        self.job, self.folder = job, folder

    def start(self, script: str, release: str = "2026.10") -> Hub:
        """Start the launcher of a session whose release has this run once."""
        task = json.dumps({"release": release, "script": script})
        return self.job.start(environment={"HOME": str(self.folder), "RESOURCE_FORM_FIRST_LOGIN": task, "SECRET_OF": "the user"})

    def outcome(self, hub: Hub) -> str:
        """What the Hub was told last of the set-up, once the server listens; that it goes on, it may have been told before."""
        server = self.job.server()
        server.listen()
        state = "running"
        while state == "running":
            report = hub.report()
            state = report["body"]["state"] if report["path"].endswith("/own-setup") else state
        server.order("exit", 0)
        return str(state)

    def known(self) -> dict[str, Any]:
        """What is noted in the home."""
        path = self.folder / ".local/state/jupyterhub-resource-form/first-login/2026.10.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Callable[[], FirstSessions]]:
    """Makes the next session of the same user."""
    (tmp_path / "home").mkdir()
    jobs: list[Job] = []

    def another() -> FirstSessions:
        (tmp_path / f"job{len(jobs)}").mkdir()
        jobs.append(Job(tmp_path / f"job{len(jobs)}"))
        return FirstSessions(jobs[-1], tmp_path / "home")

    yield another
    for made in jobs:
        made.close()


def test_once_for_each_user(sessions: Callable[[], FirstSessions], tmp_path: Path) -> None:
    """T65: it runs in the background of the first session, in the home, without the session's secrets; and never again."""
    first = sessions()
    count = tmp_path / "count"
    script = f'echo "from the script"; env > {count}.env; pwd >> {count}; [ -z "$JUPYTERHUB_API_TOKEN" ]'
    hub = first.start(script)
    assert first.outcome(hub) == "done"
    code, said = first.job.outcome()
    assert code == 0
    assert "from the script" in said
    assert "release 2026.10 is set up for this user" in said
    assert count.read_text() == f"{tmp_path}/home\n"
    assert not [line for line in count.with_suffix(".env").read_text().splitlines() if line.startswith(("JUPYTERHUB_", "RESOURCE_FORM_"))]
    assert first.known() == {"done": True, "tries": 1, "code": 0}
    second = sessions()
    second.start(script)
    server = second.job.server()
    assert "RESOURCE_FORM_FIRST_LOGIN" not in server.environment
    server.order("exit", 0)
    second.job.outcome()
    assert count.read_text() == f"{tmp_path}/home\n"


def test_a_failure_breaks_nothing(sessions: Callable[[], FirstSessions]) -> None:
    """T65: the session comes up all the same; it is tried three times in all, and then no more."""
    for number in (1, 2, 3):
        session = sessions()
        hub = session.start("echo no room >&2; exit 7")
        assert session.outcome(hub) == "failed"
        code, said = session.job.outcome()
        assert code == 0
        assert "no room" in said
        assert "could not be set up for this user (code 7)" in said
        assert session.known() == {"done": False, "tries": number, "code": 7}
    last = sessions()
    last.start("echo again")
    server = last.job.server()
    server.order("exit", 0)
    assert "again" not in last.job.outcome()[1]


def test_the_end_of_the_session_ends_it(sessions: Callable[[], FirstSessions], tmp_path: Path) -> None:
    """What is cut short is begun again by the next session; of two at a time one does it."""
    first, second = sessions(), sessions()
    begun = tmp_path / "begun"
    hub = first.start(f"echo $$ >> {begun}; exec sleep 600")
    server = first.job.server()
    server.listen()
    told = hub.report()
    while not told["path"].endswith("/own-setup"):
        told = hub.report()
    assert told["body"] == {"state": "running"}
    second.start(f"echo $$ >> {begun}")
    other = second.job.server()
    other.order("exit", 0)
    second.job.outcome()
    (pid,) = begun.read_text().split()
    ended = os.pidfd_open(int(pid))
    server.order("exit", 0)
    first.job.outcome()
    assert has_ended(ended)
    os.close(ended)
    assert first.known() == {}


def test_a_home_that_cannot_be_written(sessions: Callable[[], FirstSessions], tmp_path: Path) -> None:
    """It is said, and the session goes on."""
    (tmp_path / "home" / ".local").write_text("no folder")
    session = sessions()
    session.start("echo never")
    server = session.job.server()
    server.order("exit", 0)
    _code, said = session.job.outcome()
    assert "what is to be run once for this release could not be begun" in said


def test_the_scripts_text(tmp_path: Path) -> None:
    """Quotes and lines of the admin's script reach bash as they are."""
    script = "echo 'a b' \"$HOME\"\nprintf '%s' \"<&>\""
    _code, found, _said = run(tmp_path, first_login={"script": script, "label": "Julia"})
    assert json.loads(found["RESOURCE_FORM_FIRST_LOGIN"]) == {"release": "2026.10", "script": script}
