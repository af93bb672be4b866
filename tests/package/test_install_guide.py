"""docs/install.md as far as it can be checked without following it: ``scripts/test --install`` does that, from nothing."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from install_guide.__main__ import AS_ROOT, FIRST_SESSION, VALUES
from install_guide.guide import GuideError, Step, steps_of, values_of, with_values

from spawner.cli.files import FILES
from spawner.session.log_reader import INSTALLED_READER
from spawner.slurm.sudo import INSTALLED_SUBMITTER

CHECKOUT = Path(__file__).resolve().parents[2]
GUIDE = (CHECKOUT / "docs" / "install.md").read_text()
FIRST, *STEPS = steps_of(GUIDE)
COMMANDS = "\n".join(step.commands for step in STEPS)


def test_only_what_is_marked_is_executed() -> None:
    """Blocks of ``sh`` are commands, each below its heading; others are for the reader."""
    text = "# One\n```sh\na\nb\n```\n## Two\n```text\nc\n```\n```\nd\n```\n```sh\n# no heading\ne\n```\n"
    assert steps_of(text) == (Step("One", "a\nb", 3), Step("Two", "# no heading\ne", 14))
    with pytest.raises(GuideError, match="line 2"):
        steps_of("```sh\na\n")


def test_values_of_the_example_are_replaced_by_ours_one_by_one() -> None:
    values = values_of(Step("", "SITE=jupyter.example.org    # where\nGROUP=hpc", 1))
    assert values == {"SITE": "jupyter.example.org", "GROUP": "hpc"}
    assert with_values(values, {"SITE": "localhost", "GROUP": "g"}) == "SITE=localhost\nGROUP=g\n"
    with pytest.raises(GuideError, match="SITE"):
        with_values(values, {"GROUP": "g"})
    with pytest.raises(GuideError, match="rm"):
        values_of(Step("", "rm -r /", 1))


def test_the_guide_asks_for_the_values_that_there_are_and_uses_each() -> None:
    assert with_values(values_of(FIRST), VALUES)
    for name in VALUES:
        assert re.search(rf"\${name}\b", COMMANDS), name


@pytest.mark.parametrize("step", STEPS, ids=[f"line {step.line}" for step in STEPS])
def test_each_block_is_one_of_a_shell(step: Step) -> None:
    """bash reads it; it names no variable but the values above."""
    done = subprocess.run(["bash", "-n"], input=step.commands, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(re.findall(r"\$\{?([A-Za-z_]+)", step.commands)) <= set(VALUES)


def test_what_it_copies_is_there() -> None:
    named = re.findall(r"resource-form files ([\w./-]+)", GUIDE)
    assert named
    assert set(named) <= set(FILES)


def test_it_puts_things_where_the_units_and_the_rule_look() -> None:
    """What a unit starts or reads, and what the rule for sudo names, is what the guide makes."""
    for unit in ("jupyterhub.service", "jupyterhub-proxy.service"):
        text = (CHECKOUT / "share" / "resource_form" / "systemd" / unit).read_text()
        (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
        program, *words = shlex.split(line)
        if program.startswith("/opt/jupyterhub/bin/"):
            assert "python3 -m venv /opt/jupyterhub\n" in COMMANDS
        else:
            assert f"npm install --global {Path(program).name}@" in COMMANDS
        for config in (word.partition("=")[2] for word in words if word.startswith("--config=")):
            assert re.search(rf"^cp .*jupyterhub_config.example.py.* {config}$", COMMANDS, re.MULTILINE)
        for read in re.findall(r"^EnvironmentFile=-?(.*)$", text, re.MULTILINE):
            assert f">{read}" in COMMANDS
        for user in re.findall(r"^User=(.*)$", text, re.MULTILINE):
            assert re.search(rf"^useradd .* {user}$", COMMANDS, re.MULTILINE)
    for program in (INSTALLED_SUBMITTER, INSTALLED_READER):
        assert re.search(rf"^install .* {program}$", COMMANDS, re.MULTILINE)


def test_a_session_is_started_after_both_ways() -> None:
    """The headings below which somebody logs in have commands, the one as root behind the other."""
    headings = [step.heading for step in STEPS]
    assert headings.index(FIRST_SESSION) < headings.index(AS_ROOT)
