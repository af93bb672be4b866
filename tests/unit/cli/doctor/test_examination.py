"""A whole examination, by commands that print what a real cluster has printed: what is read, and what is found by it."""

from __future__ import annotations

import getpass
import os
import pwd
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from jupyterhub import orm

from spawner.cli.doctor.examination import examine
from spawner.cli.doctor.findings import Finding, Level
from spawner.cli.doctor.read_hub import _database, _secret
from spawner.job.sbatch import new_tag, signing_key
from spawner.slurm.squeue import SEPARATOR

FIXTURES = Path(__file__).parents[3] / "fixtures" / "slurm" / "22.05.8"
SECRET = "ab" * 32

SCRIPTS = {
    "scontrol": """
case "$*" in
  --version) echo "slurm-wlm 22.05.8" ;;
  *"show config") sed "s/^Configuration data as of .*/Configuration data as of $(date +%s)/" {folder}/config.txt ;;
  *"show node") cat {folder}/nodes_idle.txt ;;
  *"show partition") cat {folder}/partitions.txt ;;
  *"show reservation") echo "No reservations in the system" ;;
  *"assoc_mgr"*) cat {folder}/holdings.txt ;;
  *) exit 1 ;;
esac
""",
    "sacctmgr": """
case "$*" in
  --version) echo "slurm-wlm 22.05.8" ;;
  *association*) cat {folder}/associations.txt ;;
  *"show user"*) cat {folder}/users.txt ;;
  *"show qos"*) cat {folder}/qos.txt ;;
  *) exit 1 ;;
esac
""",
    "squeue": """
[ "$1" = --version ] && exec echo "slurm-wlm 22.05.8"
mark=$(sed -E 's/.*JobID:.([0-9a-f]+).,.*/\\1/' <<<"$*")
sed "s/MARK/$mark/" {folder}/jobs.txt
""",
    "scancel": 'echo "slurm-wlm 22.05.8"\n',
    "sbatch": """
[ "$1" = --version ] && exec echo "slurm-wlm 22.05.8"
{sbatch}
echo "sbatch: Job 7 to start at 1795221502 using 1 processors on nodes g001 in partition g100_int" >&2
""",
}
"""In place of Slurm's commands; they are started as the Hub starts them."""


@pytest.fixture
def site(tmp_path: Path) -> Any:
    """Writes a site in a folder: its commands with what they print, and a configuration behind ours."""
    user = getpass.getuser()
    for name in ("nodes_idle", "partitions", "associations", "users", "qos", "holdings", "config"):
        text = (FIXTURES / f"{name}.txt").read_text()
        if name in ("associations", "users"):
            text = "".join(f"{line}\n" for line in text.replace("|ada|", f"|{user}|").splitlines() if not line.startswith("ada|"))
        if name == "partitions":
            text = text.replace("AllowAccounts=cineca", "AllowAccounts=ALL")
        (tmp_path / f"{name}.txt").write_text(text)
    (tmp_path / "jobs.txt").write_text("")
    (tmp_path / "cookie_secret").write_text(SECRET)
    (tmp_path / "releases.yaml").write_text('releases:\n  - {tag: "2026.10", date: 2026-10-01, interfaces: [lab], tested: true}\n')

    def examined(more: str = "", *, sbatch: str = "cat >/dev/null", user: str = user, **changes: str) -> list[Finding]:
        for name, text in changes.items():
            (tmp_path / f"{name}.txt").write_text(text)
        for name, script in SCRIPTS.items():
            path = tmp_path / name
            path.write_text("#!/bin/bash\n" + script.replace("{folder}", str(tmp_path)).replace("{sbatch}", sbatch))
            path.chmod(0o755)
        config = tmp_path / "jupyterhub_config.py"
        config.write_text(
            f"""
import spawner

c = get_config()
spawner.configure(c)
c.SlurmCluster.bin_dir = {str(tmp_path)!r}
c.JupyterHub.db_url = 'sqlite:///{tmp_path}/hub.sqlite'
c.JupyterHub.cookie_secret_file = '{tmp_path}/cookie_secret'
c.JupyterHub.hub_bind_url = 'http://127.0.0.1:9'
c.ConfigurableHTTPProxy.command = ['sh']
c.ResourceFormSpawner.catalogue_file = '{tmp_path}/releases.yaml'
{more}"""
        )
        return examine(config, user=user, with_job=False, patience=1, say=lambda _words: None)

    return examined


def troubles(findings: list[Finding]) -> dict[str, str]:
    """What is wrong, by check."""
    return {finding.check: finding.level.value for finding in findings if finding.level not in (Level.OK, Level.SKIPPED)}


def test_nothing(site: Any) -> None:
    """Recorded answers of a site that is well; the user may start sessions, and Slurm would take them."""
    findings = site()
    told = {finding.check: finding for finding in findings}
    assert troubles(findings) == {}, [finding for finding in findings if finding.is_trouble]
    assert {finding.check for finding in findings if finding.level is Level.SKIPPED} == {"hub-answers", "job", *_not_root()}
    assert told["submit"].sentence.startswith("Slurm would take a typical request (")
    assert told["hub-name"].level is Level.OK


def _not_root() -> set[str]:
    """What is not tried where the tests are not root: nobody else's rule."""
    return set() if os.geteuid() == 0 else {"sudo"}


def test_what_sbatch_says(site: Any) -> None:
    """Its words, and the setting with which it takes the request; or that it says nothing that can be read."""
    wants = 'case "$*" in *--mem-per-cpu=*) ;; *) echo "sbatch: error: Memory is asked for by core here" >&2; exit 1;; esac'
    (refused,) = [finding for finding in site(sbatch=wants) if finding.is_trouble]
    assert (refused.check, refused.level.value, refused.lines) == ("submit", "error", ('c.SlurmCluster.memory_option = "mem-per-cpu"',))
    assert "Memory is asked for by core here" in refused.sentence
    assert troubles(site(sbatch="exit 0")) == {"submit": "warning"}


def test_jobs_of_another_hub(site: Any) -> None:
    """Told by their signature; without a secret of its own this Hub has no jobs at all."""
    own = new_tag("jupyterhub", "ada", "", "script", token="x", key=signing_key(bytes.fromhex(SECRET)), clock=time.time)
    other = new_tag("jupyterhub", "ada", "", "script", token="x", key=signing_key(b"another"), clock=time.time)
    row = SEPARATOR.join(("{}", "MARK", "ada", "RUNNING", "1795221503", "{}\n"))
    assert troubles(site(jobs=row.format(7, own.comment))) == {}
    found = site(jobs=row.format(7, own.comment) + row.format(8, other.comment))
    assert troubles(found) == {"hub-name": "warning"}
    assert "8 (ada)" in next(finding.sentence for finding in found if finding.check == "hub-name")
    assert troubles(site("c.JupyterHub.cookie_secret_file = '/nowhere/secret'", jobs=row.format(7, own.comment))) == {"hub-name": "warning"}


def test_a_user_who_is_none(site: Any) -> None:
    """The system does not know them, or Slurm has no account of theirs."""
    assert troubles(site(user="nobody-of-this-name")) == {"user": "error"}
    assert troubles(site(user="nobody")) == {"user": "error"}


def test_the_hubs_own_user(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no account and was not named is not told of as one who can start no session; who was named is."""
    monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam("nobody").pw_uid)
    told = {finding.check: finding.level for finding in site(user="")}
    assert (told["user"], told["submit"], told["sudo"] in (Level.SKIPPED, Level.ERROR)) == (Level.SKIPPED, Level.SKIPPED, True)
    assert {finding.check: finding.level for finding in site(user="nobody")}["user"] is Level.ERROR


def test_partitions_that_are_named(site: Any) -> None:
    """In each of the settings that may name one."""
    more = """
c.ResourceFormSpawner.fields = {"partition": {"choices": ["g100_int", "gone_a"]}}
c.ResourceFormSpawner.presets = [{"name": "p", "label": "P", "values": {"partition": "gone_b"}}]
c.SlurmCluster.partitions = ["g100_int", "gone_c"]
"""
    said = [finding.sentence for finding in site(more) if finding.check == "partitions"]
    assert [next(name for name in ("gone_a", "gone_b", "gone_c") if name in sentence) for sentence in said] == [
        "gone_c",
        "gone_a",
        "gone_b",
    ]


def test_what_the_admin_has_written(site: Any, tmp_path: Path) -> None:
    """Notices of a command, programs that are not there or cannot be run."""
    (tmp_path / "notices").write_text('#!/bin/sh\necho "notices: [{textt: x}]"\n')
    more = f"c.ResourceFormSpawner.notices_command = ['{tmp_path}/notices']\n"
    assert troubles(site(more)) == {"commands": "warning", "notices": "warning"}
    (tmp_path / "notices").chmod(0o755)
    assert troubles(site(more)) == {"notices": "warning"}
    (tmp_path / "notices").write_text("#!/bin/sh\nexit 3\n")
    assert "exited with 3" in next(finding.sentence for finding in site(more) if finding.check == "notices")
    assert troubles(site("c.ResourceFormSpawner.notices_file = '/nowhere/notices.yaml'\n")) == {}


def test_a_database(tmp_path: Path) -> None:
    """One that is there, of this JupyterHub; none yet; of another version; of no server; and the file is not touched."""
    path = tmp_path / "hub.sqlite"
    url = f"sqlite:///{path}"
    assert _database(url, {}, tmp_path) == ("", True)
    assert _database("sqlite:///hub.sqlite", {}, tmp_path) == ("", True)
    assert _database("sqlite://", {}, tmp_path) == ("", False)
    assert "cannot write there" in _database("sqlite:////proc/none/hub.sqlite", {}, tmp_path)[0]
    orm.new_session_factory(url)().close()
    before = path.stat().st_mtime_ns
    assert _database(url, {}, tmp_path) == ("", False)
    assert path.stat().st_mtime_ns == before
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'older'")
    assert _database(url, {}, tmp_path)[0].startswith("jupyterhub upgrade-db: older -> ")
    path.write_text("no database " * 100)
    assert "not a database" in _database(url, {}, tmp_path)[0]
    assert _database("no-such-driver://x/y", {}, tmp_path)[0]


def test_the_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the configuration, the environment, a file, or none."""

    class Hub:
        cookie_secret = b""
        cookie_secret_file = "secret"

    assert _secret(Hub, tmp_path) == b""
    (tmp_path / "secret").write_text(SECRET + "\n")
    assert _secret(Hub, tmp_path) == bytes.fromhex(SECRET)
    monkeypatch.setenv("JPY_COOKIE_SECRET", "cd" * 32)
    assert _secret(Hub, tmp_path) == b"\xcd" * 32
    Hub.cookie_secret = b"x"
    assert _secret(Hub, tmp_path) == b"x"
    Hub.cookie_secret = b""
    monkeypatch.setenv("JPY_COOKIE_SECRET", "not hexadecimal")
    with pytest.raises(ValueError, match=r"[Nn]on-hexadecimal|Odd-length"):
        _secret(Hub, tmp_path)
