"""``resource-form gpus`` against a real Hub: inside a session as it is, and outside with a token."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.real_hub import CHECKOUT, Environments, needs_users
from tests.support.site_under_test import Site, run_in_kernel, wait_for

ONE_GPU = {"cores": 1, "memory": "1G", "gpus": 1, "walltime": "30m"}
PROGRAM = "import sys; from spawner.cli.main import main; sys.exit(main())"


@pytest.fixture(scope="module")
def program(environments: Environments) -> Path:
    """The command and what it imports, where every user can read it: nothing else of ours is in a release, and no JupyterHub's Hub."""
    folder = environments.folder / "cli"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(CHECKOUT / "spawner" / "cli", folder / "spawner" / "cli", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(CHECKOUT / "share" / "locale", folder / "share" / "locale")
    (folder / "share" / "resource_form").mkdir()
    (folder / "spawner" / "gpu" / "agent").mkdir(parents=True)
    words = ("humanize.py", "i18n.py", "units.py", "_data.py")
    for name in ("__init__.py", "_version.py", *words, "gpu/__init__.py", "gpu/agent/__init__.py", "gpu/agent/hub_access.py"):
        shutil.copy(CHECKOUT / "spawner" / name, folder / "spawner" / name)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def called(site: Site, tmp_path: Path, *arguments: str, token: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What it does on any machine, with a token in a file."""
    file = tmp_path / "token"
    file.write_text(token)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTERHUB", "RESOURCE_FORM"))}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, "gpus", "--hub-api-url", f"{site.hub.url}hub/api", "--token-file", str(file), *arguments],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def token_of(site: Site, user: str) -> str:
    """A token as the page behind *Token* makes it."""
    answer = site.visitor(user).api("POST", f"users/{user}/tokens", json={"note": "for the terminal"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def row_of(output: str, name: str) -> list[str]:
    """The columns of the line that begins with this word."""
    (line,) = (line for line in output.splitlines() if line.split()[:1] == [name])
    return re.split(r"\s{2,}", line.strip())


def test_inside_a_session(site: Site, program: Path) -> None:
    """In the session's own environment, without options: its own token may ask, and sees what its user may see."""
    site.start(ONE_GPU)
    node = site.job_of()["BatchHost"]

    def run(*arguments: str) -> dict[str, Any]:
        code = f"""
import json, subprocess, sys
done = subprocess.run([sys.executable, "-c", {PROGRAM!r}, "gpus", *{arguments!r}], cwd={str(program)!r}, capture_output=True, text=True)
print(json.dumps([done.returncode, done.stdout, done.stderr]))
"""
        status, output, errors = json.loads(run_in_kernel(site, code)[0])
        return {"status": status, "output": output, "errors": errors}

    done = wait_for(
        lambda: (found := run()) and node in found["output"] and "1 of 2 v100" in found["output"] and found, "the GPU to be taken"
    )
    assert (done["status"], done["errors"]) == (0, "")
    assert row_of(done["output"], "v100") == ["v100", "0", "1", "2"]
    assert row_of(done["output"], node)[1:3] == ["mixed", "1 of 2 v100"]
    assert re.match(r"As of \d\d:\d\d:\d\d, \d+ s ago\n", done["output"])
    assert max(map(len, done["output"].splitlines())) <= 80
    answer = json.loads(run("--json")["output"])
    assert answer["partitions"].keys() == site.visitor().api("GET", "resource-form/cluster").json()["partitions"].keys()
    assert run("--partition", "nowhere")["status"] == 1
    assert run("--watch", "0")["status"] == 2


def test_outside(site: Site, tmp_path: Path) -> None:
    """With a user's token it is what the page's API answers, with a service's all; who has no account sees nothing, and is told so."""
    user = site.users[0]
    answer = site.visitor(user).api("GET", "resource-form/cluster").json()
    done = called(site, tmp_path, "--json", token=token_of(site, user))
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    for changing in ("as_of", "age"):
        answer.pop(changing), told.pop(changing)
    assert told == answer
    done = called(site, tmp_path, "--partition", "g100_cpu", "--no-nodes", token=site.token)
    assert (done.returncode, done.stdout.splitlines()[2:]) == (0, ["g100_cpu: 2 nodes usable", "  no GPUs"])
    needs_users(site.users, 3)
    done = called(site, tmp_path, token=token_of(site, site.users[2]))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == ["", "There is no partition that you may use."]


def test_a_wrong_token_and_a_wrong_address(site: Site, tmp_path: Path) -> None:
    """One sentence each, without the token."""
    done = called(site, tmp_path, token="0123456789abcdef")
    assert (done.returncode, done.stdout) == (4, "")
    assert "does not know this token" in done.stderr
    assert "0123456789abcdef" not in done.stderr
    done = called(site, tmp_path, "--hub-api-url", site.hub.url, token=site.token)
    assert done.returncode == 5
    assert "ends in /hub/api" in done.stderr


def test_slurm_is_away(site: Site, tmp_path: Path) -> None:
    """What was known last is shown, and said to be old."""
    token = token_of(site, site.users[0])
    assert "old data" not in called(site, tmp_path, token=token).stdout
    site.cluster.stop_controller()
    try:
        done = wait_for(
            lambda: (found := called(site, tmp_path, token=token)) and "old data" in found.stdout.splitlines()[0] and found,
            "old data to be called so",
            60,
            every=1,
        )
        assert done.returncode == 0
        assert row_of(done.stdout, "v100")
    finally:
        site.cluster.start_controller()
