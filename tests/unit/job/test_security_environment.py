"""The user's variables in the job: what is accepted reaches the server as it was given, runs nothing on the way, and moves nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spawner.errors import RequestRejected
from spawner.job.sbatch import job_environment, job_script
from spawner.request.model import parse_request
from spawner.site.interfaces import Interface
from spawner.site.release import Release

pytestmark = pytest.mark.thorough

LAB = Interface(name="lab", label="JupyterLab", url="/lab")
RELEASE = Release.model_validate({"tag": "a", "date": "2026-01-01", "prologue": "set -x\n: traced\nset +x\n"})
SERVER = "import json, os, sys\njson.dump([dict(os.environ), os.getcwd()], open(sys.argv[1], 'w'))"
"""What runs in the server's place."""


def names_of_bash() -> list[str]:
    """Every variable that bash has by itself, and those that it reads (bash(1), "Shell Variables")."""
    done = subprocess.run(["bash", "--norc", "-c", "compgen -v"], capture_output=True, text=True, check=True, env={})
    read = "BASH_ENV ENV CDPATH PS0 PS1 PS2 PS3 PS4 PROMPT_COMMAND GLOBIGNORE POSIXLY_CORRECT TIMEFORMAT TMOUT FIGNORE EXECIGNORE INPUTRC"
    read += " HISTFILE HISTIGNORE LC_ALL LANG MAILPATH MAILCHECK CHILD_MAX INSIDE_EMACS MAPFILE auto_resume BASHOPTS SHELLOPTS IFS"
    return [*done.stdout.split(), *read.split(), "UID", "EUID", "PPID", "RANDOM", "SECONDS", "SHLVL", "_", "LINENO", "EPOCHSECONDS"]


def names_of_the_script() -> list[str]:
    """Every variable that the job's script reads or sets, and those of the system's own profile, which it reads."""
    profiles = [Path("/etc/profile"), *Path("/etc/profile.d").glob("*.sh")]
    texts = [job_script(RELEASE, launcher=""), *(path.read_text(errors="replace") for path in profiles if path.is_file())]
    pattern = re.compile(r"\$\{?([A-Za-z_]\w*)|^\s*(?:export |for )?([A-Za-z_]\w*)(?:=| in )", re.MULTILINE)
    return [name for text in texts for pair in pattern.findall(text) for name in pair if name]


OTHERS = (
    *("XDG_CONFIG_HOME", "TZ", "EDITOR", "http_proxy", "HTTPS_PROXY", "OPENSSL_CONF", "SSL_CERT_FILE", "SSLKEYLOGFILE", "NLSPATH"),
    *("MODULEPATH", "LMOD_CMD", "MODULESHOME", "NODE_OPTIONS", "LUA_INIT", "PERL5OPT", "TMPDIR", "TMP", "TEMP", "MINE", "_X"),
    *("GLIBC_TUNABLES", "MALLOC_TRACE", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"),
    *("JUPYTERHUB_API_URL", "JUPYTERHUB_SERVICE_URL", "SLURM_CONF", "CURL_HOME", "GIT_SSH_COMMAND", "LESSOPEN", "OMP_NUM_THREADS"),
)
NAMES = sorted({*names_of_bash(), *names_of_the_script(), *OTHERS})


def is_accepted(name: str) -> bool:
    """Whether a request may have a variable of this name."""
    try:
        return name in parse_request({"environment": {name: "x"}}).environment
    except RequestRejected:
        return False


ACCEPTED = [name for name in NAMES if is_accepted(name)]


def test_there_is_something_to_try() -> None:
    """Of the names that mean something to somebody on the way, some are refused and some are not."""
    assert len(NAMES) > 100
    assert "MINE" in ACCEPTED
    assert len(ACCEPTED) < len(NAMES) - 20


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_accepted_variable_does_nothing_but_arrive(name: str, tmp_path: Path) -> None:
    """With a value that runs something wherever it is taken for more than text: the server starts and sees the very value, the log is
    where it belongs, and nothing was run.
    """
    home, seen, canary = tmp_path / "home", tmp_path / "seen.json", tmp_path / "canary"
    home.mkdir()
    value = f"{canary}/$(touch {canary})`touch {canary}`;touch {canary}"
    request = parse_request({"environment": {name: value}, "release": "a", "interface": "lab"})
    of_the_hub = {"HOME": str(home), "USER": "ada", "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:0/", "JUPYTERHUB_API_TOKEN": "x"}
    variables = job_environment(request, of_the_hub, command=[sys.executable, "-I", "-c", SERVER, str(seen)], interface=LAB)
    script = tmp_path / "slurm_script"
    script.write_text(job_script(RELEASE))
    script.chmod(0o700)
    of_slurm = {"SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "4"}
    done = subprocess.run([script], capture_output=True, text=True, check=False, env={**variables, **of_slurm}, cwd=home, timeout=30)
    log = home / ".local/state/jupyterhub-resource-form/7.log"
    assert log.exists(), f"{name} has moved the log: {done.stderr}"
    assert log.stat().st_mode & 0o777 == 0o600
    assert not canary.exists(), f"{name} has been run:\n{log.read_text()}"
    assert seen.exists(), log.read_text()
    environment, folder = json.loads(seen.read_text())
    assert environment.get(name) == value, "it does not arrive as it was given"
    assert folder == str(home)
