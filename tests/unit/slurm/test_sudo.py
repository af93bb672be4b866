"""What is started so that a command runs as a user through sudo, and the submitter, run as sudo runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from spawner._data import folder
from spawner.errors import SlurmNotStarted
from spawner.slurm.runner import Identity, SlurmRunner
from spawner.slurm.sudo import INSTALLED_SUBMITTER, packed, through_sudo

SUBMITTER = folder("share") / "resource_form" / "submit.py"
RULE = folder("share") / "resource_form" / "sudoers"
BASE = {"PATH": "/usr/bin", "SLURM_CONF": "/hub/slurm.conf", "SLURM_JWT": "the Hub's own"}
JOB = {"PATH": "/bin", "JUPYTERHUB_API_TOKEN": "secret", "LD_PRELOAD": "/x.so", "ODD": 'a,b "c"\n() { :; }', "EMPTY": ""}

STAND_IN = """#!/usr/bin/python3 -IS
import json, os, sys
export = [option for option in sys.argv if option.startswith("--export-file=")]
exported = b""
if export:
    with open(int(export[0].partition("=")[2]), "rb") as file:
        exported = file.read()
script = sys.stdin.read()
print(json.dumps([sys.argv[1:], {k.decode(): v.decode() for k, v in os.environb.items()}, exported.decode("latin-1"), script]))
"""
"""In the place of sbatch: prints what it was given."""


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A program called sbatch."""
    path = tmp_path / "sbatch"
    path.write_text(STAND_IN)
    path.chmod(0o755)
    return path


def start(argv: tuple[str, ...], own: dict[str, str], *, has_submitter: bool = True, stdin: bytes = b""):  # type: ignore[no-untyped-def]
    """What is started for the user ada."""
    return through_sudo(("sudo", "-n"), "ada", argv, base=BASE, own=own, stdin=stdin, has_submitter=has_submitter)


def submit(sbatch: Path, options: list[str], given: bytes, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run the submitter as sudo does."""
    argv = ["/usr/bin/python3", "-IS", str(SUBMITTER), str(sbatch), *options]
    return subprocess.run(argv, input=given, capture_output=True, timeout=30, check=False, env=environment or {})


# --- what the Hub starts ----------------------------------------------------------------------------------------------------------


def test_the_variables_of_a_job_are_in_no_argument_and_in_no_environment() -> None:
    """They go to the submitter, with the script behind them; sudo itself gets none of them, and neither the Hub's secrets."""
    started = start(("/usr/bin/sbatch", "--parsable"), JOB, stdin=b"#!/bin/sh\n")
    assert started.argv == ("sudo", "-n", "-u", "ada", "--", INSTALLED_SUBMITTER, "/usr/bin/sbatch", "--parsable")
    assert started.environment == {"PATH": "/usr/bin", "LC_ALL": "C"}
    assert started.stdin == packed(JOB) + b"#!/bin/sh\n"
    assert b"the Hub's own" not in started.stdin


def test_another_command_asks_sudo_to_keep_nothing() -> None:
    """scancel and the reader of logs run by themselves; what of their variables passes is the rule's to say."""
    started = start(("/usr/bin/scancel", "--user=ada", "7"), {"RESOURCE_FORM_SEARCH": "x"})
    assert started.argv == ("sudo", "-n", "-u", "ada", "--", "/usr/bin/scancel", "--user=ada", "7")
    assert started.environment == {"PATH": "/usr/bin", "LC_ALL": "C", "RESOURCE_FORM_SEARCH": "x"}
    assert started.stdin == b""


def test_an_older_rule() -> None:
    """Without the submitter variables pass as that rule allows it: their names in an argument, their values in the environment."""
    started = start(("/usr/bin/sbatch", "--parsable"), {"MINE": "x"}, has_submitter=False, stdin=b"s")
    assert started.argv == ("sudo", "-n", "--preserve-env=MINE,SLURM_CONF,SLURM_JWT", "-u", "ada", "--", "/usr/bin/sbatch", "--parsable")
    assert started.environment == {**BASE, "MINE": "x"}
    assert started.stdin == b"s"


@pytest.mark.parametrize("variables", [{"A": "x\0LD_PRELOAD=y"}, {"A=B": "x"}, {"": "x"}, {"A\0B": "x"}, {"A": "\ud800"}])
def test_no_variable_hides_another(variables: dict[str, str]) -> None:
    """What cannot stand in an environment is not sent at all."""
    with pytest.raises(ValueError, match=r"cannot be a variable|codec can't encode"):
        packed(variables)


async def test_such_a_variable_starts_nothing(monkeypatch: pytest.MonkeyPatch, stand_in: Path) -> None:
    """The runner says so as of any command that could not be started."""
    monkeypatch.setattr("spawner.slurm.runner.os.geteuid", lambda: 12345)
    monkeypatch.setattr("spawner.slurm.runner.submitter_is_installed", lambda: True)
    runner = SlurmRunner(bin_dir=str(stand_in.parent), sudo=("/nowhere/sudo",))
    with pytest.raises(SlurmNotStarted, match="cannot be a variable"):
        await runner.run(["sbatch"], environment={"A": "\0"}, identity=Identity("ada", 1, 1, "/", "/bin/sh", (1,)))


async def test_the_runner_and_the_submitter_understand_each_other(monkeypatch: pytest.MonkeyPatch, stand_in: Path, tmp_path: Path) -> None:
    """A job's script and variables arrive as they were, with a sudo that does nothing in between."""
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\nshift 3\nexec /usr/bin/python3 -IS "$@"\n')
    sudo.chmod(0o755)
    monkeypatch.setattr("spawner.slurm.runner.os.geteuid", lambda: 12345)
    monkeypatch.setattr("spawner.slurm.runner.submitter_is_installed", lambda: True)
    monkeypatch.setattr("spawner.slurm.sudo.INSTALLED_SUBMITTER", str(SUBMITTER))
    runner = SlurmRunner(bin_dir=str(stand_in.parent), sudo=(str(sudo),))
    job = {**JOB, "LARGE": "ü" * 60_000}
    identity = Identity("ada", 1, 1, "/", "/bin/sh", (1,))
    done = await runner.run(["sbatch", "--parsable"], stdin="#!/bin/sh\nà\n", environment=job, identity=identity)
    assert done.ok, done.stderr
    _argv, _environment, exported, script = json.loads(done.stdout)
    assert exported.encode("latin-1") == packed(job)[9:]
    assert script == "#!/bin/sh\nà\n"


def test_the_rule_names_what_the_hub_starts() -> None:
    """The paths are the same in both, no command may be run with variables of the Hub's choice, and each is logged."""
    rule = RULE.read_text()
    assert f"RESOURCE_FORM_SUBMIT = {INSTALLED_SUBMITTER} ^/usr/bin/sbatch " in rule
    lines = [line for line in rule.splitlines() if not line.startswith("#")]
    assert not any(word in line.replace("NOSETENV", "").replace("!setenv", "") for line in lines for word in ("SETENV", "setenv"))
    assert not any("!syslog" in line for line in lines)


# --- the submitter ----------------------------------------------------------------------------------------------------------------


def test_sbatch_runs_in_an_environment_built_from_nothing(stand_in: Path) -> None:
    """The job's variables reach sbatch in a file of its own; of what is around the submitter only the rule's slurm.conf does."""
    around = {
        "LD_DEBUG_OUTPUT": "/x",
        "SBATCH_PARTITION": "other",
        "PYTHONSTARTUP": "/x",
        "SLURM_CONF": "/of/the/rule",
        "SLURM_TIME_FORMAT": "x",
    }
    done = submit(stand_in, ["--parsable", "--mem=1M"], packed(JOB) + b"#!/bin/sh\n", around)
    assert done.returncode == 0, done.stderr
    argv, environment, exported, script = json.loads(done.stdout)
    assert argv[1:] == ["--parsable", "--mem=1M"]
    assert argv[0].startswith("--export-file=")
    assert {name: value for name, value in environment.items() if name != "LC_CTYPE"} == {"SLURM_CONF": "/of/the/rule"}
    assert exported.encode("latin-1") == packed(JOB)[9:]
    assert script == "#!/bin/sh\n"


def test_a_blank_in_a_name(stand_in: Path) -> None:
    """It passes the rule, which allows none, and is there again for sbatch."""
    options = ["--parsable", "--nodes=1", "--ntasks=1", "--account=genome lab", "--chdir=/home/a b c"]
    started = start((str(stand_in), *options), JOB)
    passed = started.argv[started.argv.index(INSTALLED_SUBMITTER) + 2 :]
    assert [option for option in passed if " " in option] == []
    pattern = re.search(r"\^/usr/bin/sbatch (.*)\$$", RULE.read_text(), re.MULTILINE)
    assert pattern is not None
    assert re.fullmatch(pattern[1], " ".join(passed))
    done = submit(stand_in, list(passed), packed(JOB) + b"#!/bin/sh\n")
    assert json.loads(done.stdout)[0][1:] == options


def test_a_question_gets_no_variables(stand_in: Path) -> None:
    """``--test-only`` is answered with the time as a number, and has no job to hand variables to."""
    done = submit(stand_in, ["--test-only", "--parsable"], packed(JOB) + b"#!/bin/sh\n")
    argv, environment, exported, script = json.loads(done.stdout)
    assert argv == ["--test-only", "--parsable"]
    assert {name: value for name, value in environment.items() if name != "LC_CTYPE"} == {"SLURM_TIME_FORMAT": "%s"}
    assert (exported, script) == ("", "#!/bin/sh\n")


def test_more_variables_than_a_pipe_holds(stand_in: Path) -> None:
    """They all arrive, whether sbatch reads them before or after the script."""
    job = {f"N{number}": "x" * 30_000 for number in range(60)}
    done = submit(stand_in, [], packed(job) + b"#" * 300_000)
    _argv, _environment, exported, script = json.loads(done.stdout)
    assert exported.encode() == packed(job)[9:]
    assert len(script) == 300_000


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"0000000",
        b"0000000x\n",
        b"00000003\nA=",
        b"00000003\nA=x#!/bin/sh",
        b"99999999\n",
        b"#!/bin/sh\nid\n",
        b"00000000 #!/bin/sh\n",
    ],
)
def test_what_is_not_of_the_hubs_making_submits_nothing(stand_in: Path, given: bytes) -> None:
    """Input that is cut off or of another shape ends with a word, and sbatch does not run."""
    done = submit(stand_in, [], given)
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.startswith(b"submit: ")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("sbatch", ["sbatch", "", "/nowhere/sbatch"])
def test_there_is_no_such_sbatch(sbatch: str) -> None:
    """A path that is none, or leads nowhere, ends with a word."""
    done = submit(Path(sbatch) if sbatch else Path(), [], packed({}) + b"#!/bin/sh\n")
    assert done.returncode in (1, 2)
    assert done.stderr.startswith((b"submit: ", b"usage: "))


def test_signals_are_as_they_were(stand_in: Path) -> None:
    """Python ignores SIGPIPE; sbatch does not inherit that."""
    stand_in.write_text("#!/bin/sh\ngrep SigIgn /proc/self/status\n")
    done = submit(stand_in, [], packed({}) + b"#!/bin/sh\n")
    assert int(done.stdout.split()[1], 16) & (1 << 12) == 0


def test_the_submitter_is_looked_up_each_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It counts once it is there and can be run."""
    from spawner.slurm import sudo

    path = tmp_path / "submit"
    monkeypatch.setattr(sudo, "INSTALLED_SUBMITTER", str(path))
    assert not sudo.submitter_is_installed()
    path.touch(0o755)
    assert sudo.submitter_is_installed() == os.access(path, os.X_OK) is True
